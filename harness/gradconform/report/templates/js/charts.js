/* A network as its graph, beside it the ratio of every node and the error end to end, node by node. */

const SYMBOLS = ["circle", "square", "triangle", "diamond", "star", "wye"];
const SIGNS = ["●", "■", "▲", "◆", "★", "Y"];
const ROW = 22;
const SMALLEST = 1e-3;

/* Powers of ten between two figures, evenly thinned. */
function powers(smallest, largest, most) {
  const [first, last] = [Math.ceil(Math.log10(smallest) - 1e-9), Math.floor(Math.log10(largest))];
  const step = Math.ceil((last - first + 1) / most);
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, i) => Number(`1e${first + i * step}`));
}

/* A drawing is one image with a name; the tables beside it say the same to those who listen. */
function drawing(options) {
  const made = Plot.plot(options);
  made.setAttribute("role", "img");
  for (const part of made.querySelectorAll("[aria-label], [aria-description]")) {
    part.removeAttribute("aria-label");
    part.removeAttribute("aria-description");
  }
  return made;
}

const power = (value) => (value >= 0.001 && value < 1e5 ? String(value) : value.toExponential(0).replace("e+", "e"));

/* Each node a lane, as histories of branches are drawn: a tensor keeps its lane until its last reader. */
function lanes(nodes, edges) {
  const reads = new Map();
  for (const [read, reader] of edges) reads.set(reader, [...(reads.get(reader) ?? []), read]);
  const known = new Set(nodes.map(([name]) => name));
  const placed = [];
  for (const [name, op] of nodes) {
    for (const read of reads.get(name) ?? []) {
      if (!known.has(read)) {
        known.add(read);
        placed.push({ name: read, op: "input", input: true });
      }
    }
    placed.push({ name, op, input: false });
  }
  const rowOf = new Map(placed.map((node, row) => [node.name, row]));
  const last = new Map();
  for (const [read, reader] of edges) last.set(read, Math.max(last.get(read) ?? 0, rowOf.get(reader)));
  const busy = [];
  placed.forEach((node, row) => {
    const ending = (reads.get(node.name) ?? []).filter((read) => last.get(read) === row).map((read) => placed[rowOf.get(read)].lane);
    const free = busy.findIndex((until) => until < row);
    node.row = row;
    node.lane = ending.length ? Math.min(...ending) : free < 0 ? busy.length : free;
    busy[node.lane] = last.get(node.name) ?? row;
  });
  const lines = edges.flatMap(([read, reader], i) => {
    const [from, to] = [placed[rowOf.get(read)], placed[rowOf.get(reader)]];
    const turn = to.row - from.row > 1 ? [{ edge: i, lane: from.lane, row: to.row - 1 }] : [];
    return [{ edge: i, lane: from.lane, row: from.row }, ...turn, { edge: i, lane: to.lane, row: to.row }];
  });
  return { placed, lines, count: Math.max(1, busy.length) };
}

class Chart {
  constructor(rows, network, frameworks, place) {
    this.rows = rows;
    this.network = network;
    this.place = place;
    this.mine = [...rows.all()].filter((row) => rows.value("spec", row) === network.name);
    this.dtypes = this.distinct("dtype", this.mine);
    this.columns = [...new Set(this.mine.map((row) => this.column(row)))].filter((name) => !name.endsWith(" "));
    this.columns.sort((a, b) => frameworks.indexOf(a.split(" ")[0]) - frameworks.indexOf(b.split(" ")[0]));
    this.culprits = this.culpritsByNode();
    this.state = this.start();
    this.make();
  }

  column(row) {
    return `${this.rows.value("framework", row)} ${this.rows.value("version", row)}`;
  }

  distinct(name, among) {
    return [...new Set(among.map((row) => this.rows.value(name, row)))].filter(Boolean).sort();
  }

  failing(row) {
    return ["diverges", "missing", "known"].includes(this.rows.value("verdict", row));
  }

  culpritsByNode() {
    const found = new Map();
    for (const row of this.mine.filter((each) => this.failing(each))) {
      for (const node of this.rows.value("culprit", row).split(" ").filter(Boolean)) {
        found.set(node, (found.get(node) ?? new Set()).add(this.column(row)));
      }
    }
    return found;
  }

  /* Where something fails, what is shown first shows it. */
  start() {
    const worst = this.mine.filter((row) => this.failing(row)).sort((a, b) => this.rows.number("ratio", b) - this.rows.number("ratio", a))[0];
    const dtype = worst === undefined ? this.dtypes[0] : this.rows.value("dtype", worst);
    const kind = worst === undefined || this.rows.value("kind", worst) === "output" ? "outputs" : "gradients";
    return { dtype, kind };
  }

  make() {
    const select = (label, name, options) => {
      const made = element("select", {}, ...options.map((option) => element("option", { value: option }, option)));
      made.value = this.state[name];
      made.addEventListener("change", () => {
        this.state[name] = made.value;
        this.draw();
      });
      return element("label", {}, `${label} `, made);
    };
    const legend = this.columns.map((name, i) => element("span", { class: `f${i % 6}` }, `${SIGNS[i % 6]} ${name} `));
    this.panels = element("div", { class: "panels" });
    this.place.append(
      element("h3", {}, "From layer to layer"),
      element("p", { class: "choose" }, select("Of", "kind", ["outputs", "gradients"]), " ", select("in", "dtype", this.dtypes), " ", element("span", { class: "key" }, ...legend)),
      element("div", { class: "scroll tall", tabindex: "0", role: "region", "aria-label": `Graph and errors of ${this.network.name}` }, this.panels),
    );
    this.draw();
  }

  /* The largest figure of each node and framework, for a check and the kind that is shown. */
  points(check, figureName) {
    const found = new Map();
    for (const row of this.mine) {
      const output = this.rows.value("kind", row) === "output";
      if (this.rows.value("check", row) !== check || this.rows.value("dtype", row) !== this.state.dtype) continue;
      if (output !== (this.state.kind === "outputs")) continue;
      const value = this.rows.number(figureName, row);
      if (Number.isNaN(value)) continue;
      // As in the tables: what fails counts for the nodes to look at.
      const blamed = check === "local" && this.failing(row) ? this.rows.value("culprit", row).split(" ").filter(Boolean) : [];
      for (const node of blamed.length ? blamed : [this.rows.value("node", row)]) {
        const key = `${node}\n${this.column(row)}`;
        if (found.get(key)?.value >= value) continue;
        found.set(key, { node, column: this.column(row), value, tensor: this.rows.value("tensor", row) });
      }
    }
    const order = new Map(this.network.nodes.map(([name], i) => [name, i]));
    return [...found.values()].filter((point) => order.has(point.node)).sort((a, b) => order.get(a.node) - order.get(b.node));
  }

  draw() {
    const drawn = lanes(this.network.nodes, this.network.edges);
    const domain = drawn.placed.map((node) => node.name);
    const ratios = this.points("local", "ratio");
    const errors = this.points("end_to_end", "max_rel_err");
    const unit = this.state.dtype === "float64" ? 2 ** -53 : 2 ** -24;
    const parts = [this.graph(drawn, domain)];
    if (ratios.length) parts.push(this.panel(domain, ratios, "local ratio: |error| / bound, on what the layer really saw", SMALLEST, this.rows.limit));
    if (errors.length) parts.push(this.panel(domain, errors, "relative error end to end, measured and not judged", unit / 16, null));
    this.panels.replaceChildren(...parts);
  }

  frame(domain, width, more) {
    return {
      width, height: domain.length * ROW + 44, marginTop: 32, marginBottom: 12, style: { background: "none", fontSize: "12px", overflow: "visible" },
      ...more, y: { domain, type: "point", padding: 0.5, axis: null },
    };
  }

  graph(drawn, domain) {
    const name = (row) => drawn.placed[row].name;
    const left = drawn.count * 14;
    const bad = drawn.placed.filter((node) => this.culprits.has(node.name));
    const good = drawn.placed.filter((node) => !this.culprits.has(node.name));
    const words = drawn.placed.map((node) => {
      const text = `${this.culprits.has(node.name) ? "✗ " : ""}${node.name} `;
      return { ...node, text: text + (node.op && node.op !== node.name ? node.op : "") };
    });
    const longest = Math.max(10, ...words.map((word) => word.text.length));
    const width = Math.min(left + longest * 6.8 + 24, 380);
    const named = (culprit) => Plot.text(words.filter((word) => this.culprits.has(word.name) === culprit), {
      x: drawn.count - 0.2, y: "name", text: "text", textAnchor: "start", fontWeight: culprit ? 700 : 400,
      fill: culprit ? "var(--bad)" : "currentColor", clip: false,
    });
    return drawing(this.frame(domain, width, {
      marginLeft: 10, marginRight: width - left - 10, x: { domain: [-0.3, drawn.count - 0.5], axis: null },
      ariaLabel: `Graph of ${this.network.name}`,
      ariaDescription: bad.length ? `At fault: ${bad.map((node) => node.name).join(", ")}` : "No node is at fault",
      marks: [
        Plot.line(drawn.lines, { x: "lane", y: (d) => name(d.row), z: "edge", stroke: "var(--edge)", strokeWidth: 1.6, curve: "bump-y", sort: null }),
        Plot.dot(good, { x: "lane", y: "name", r: 4, fill: (d) => (d.input ? "var(--page)" : "var(--node)"), stroke: "var(--node)" }),
        Plot.dot(bad, { x: "lane", y: "name", r: 7, symbol: "diamond", fill: "var(--bad)", stroke: "var(--page)" }),
        named(false), named(true),
      ],
    }));
  }

  panel(domain, points, label, smallest, limit) {
    const finite = points.map((point) => point.value).filter(Number.isFinite);
    const largest = Math.max(limit ? limit * 3 : smallest * 100, ...finite) * 2;
    const at = (point) => Math.min(Math.max(point.value, smallest), largest);
    const text = (point) => `${point.node}, ${point.column}\n${point.tensor}: ${figure(point.value)}`;
    const ticks = powers(smallest, largest, 6);
    const place = { x: at, y: "node" };
    const shared = { ...place, stroke: "column", z: "column" };
    const marks = [
      Plot.gridY({ stroke: "var(--line)", strokeOpacity: 0.5 }), Plot.gridX(ticks, { stroke: "var(--line)" }),
      Plot.axisX(ticks, { anchor: "top", label: null, tickFormat: (value) => (value <= smallest ? "≤" : "") + power(value) }),
      Plot.line(points, { ...shared, strokeOpacity: 0.55, strokeWidth: 1.2, sort: null }),
      Plot.dot(points, { ...shared, symbol: "column", fill: "column", r: 3.6, title: text }),
      Plot.tip(points, Plot.pointerY({ ...place, title: text, fill: "var(--card)", stroke: "var(--line)" })),
    ];
    if (limit) marks.unshift(Plot.ruleX([limit], { stroke: "var(--bad)", strokeDasharray: "4 3" }));
    const colours = this.columns.map((_, i) => `var(--f${i % 6})`);
    const figureMade = drawing(this.frame(domain, 340, {
      marginLeft: 14, marginRight: 22, x: { type: "log", domain: [smallest, largest] }, marks, ariaLabel: label,
      color: { domain: this.columns, range: colours }, symbol: { domain: this.columns, range: SYMBOLS },
    }));
    return element("figure", {}, element("figcaption", {}, label, limit ? `; diverges above ${limit}` : ""), figureMade);
  }
}

/* How many elements of a tensor have which |error| / bound. */
function histogram(bins, limit) {
  const data = bins.map(([from, to, count]) => ({ from, to, count }));
  const domain = [Math.min(0.1, bins[0][0]), Math.max(limit * 10, bins.at(-1)[1])];
  return drawing({
    width: 420, height: 170, marginLeft: 46, marginTop: 30, marginBottom: 36, style: { background: "none", fontSize: "12px", overflow: "visible" },
    ariaLabel: "Elements by |error| / bound",
    x: { type: "log", domain, label: "|error| / bound" }, y: { type: "sqrt", label: "elements", grid: true },
    marks: [
      Plot.axisX(powers(...domain, 6), { tickFormat: power }), Plot.axisY({ ticks: 3 }),
      Plot.rectY(data, { x1: "from", x2: "to", y: "count", fill: (d) => (d.from >= limit ? "var(--bad)" : "var(--node)"), inset: 0.5, title: (d) => `${figure(d.from)} to ${figure(d.to)}: ${counted(d.count, "element")}` }),
      Plot.ruleX([limit], { stroke: "var(--bad)", strokeDasharray: "4 3" }),
      Plot.text([limit], { x: (d) => d, frameAnchor: "top", textAnchor: "start", dx: 5, dy: 2, text: (d) => `diverges above ${d}`, fill: "var(--bad)" }),
      Plot.ruleY([0]),
    ],
  });
}

/* Of each operator, a lane for each framework: quartiles, median and largest of |error| / bound. */
function spread(packed) {
  const names = ["op", "framework", "rows", "lower", "median", "upper", "largest"];
  const data = packed.ratios.map((values) => Object.fromEntries(values.map((value, i) => [names[i], value])));
  const frameworks = [...new Set([...packed.frameworks, ...data.map((each) => each.framework)])].filter((name) => data.some((each) => each.framework === name));
  const ops = [...new Set(data.map((each) => each.op))];
  const domain = [SMALLEST, Math.min(Math.max(packed.limit * 3, ...data.map((each) => each.largest)), 1e6)];
  const clamped = (value) => Math.min(Math.max(value, domain[0]), domain[1]);
  const lane = 9;
  const text = (each) => `${each.op}, ${each.framework}\n${counted(each.rows, "tensor")}: quartiles ${figure(each.lower)}, ${figure(each.median)}, ${figure(each.upper)}; largest ${figure(each.largest)}`;
  const marks = frameworks.flatMap((framework, i) => {
    const own = data.filter((each) => each.framework === framework);
    const colour = `var(--f${i % 6})`;
    const dy = (i - (frameworks.length - 1) / 2) * lane;
    const shared = { y: "op", dy };
    return [
      Plot.ruleY(own, { ...shared, x1: (each) => clamped(each.lower), x2: (each) => clamped(each.upper), stroke: colour, strokeWidth: 2 }),
      Plot.dot(own, { ...shared, x: (each) => clamped(each.median), r: 2.4, fill: "var(--page)", stroke: colour }),
      Plot.dot(own, { ...shared, x: (each) => clamped(each.largest), symbol: SYMBOLS[i % 6], fill: colour, r: 3.6, title: text }),
    ];
  });
  const ticks = powers(...domain, 8);
  const drawn = drawing({
    width: 760, height: ops.length * (lane * frameworks.length + 8) + 56, marginLeft: 190, marginRight: 24, marginTop: 36, marginBottom: 12,
    style: { background: "none", fontSize: "12px", overflow: "visible" },
    ariaLabel: "The ratios of each operator in each framework",
    x: { type: "log", domain }, y: { domain: ops, type: "band", padding: 0, label: null },
    marks: [
      Plot.gridX(ticks, { stroke: "var(--line)" }), Plot.axisX(ticks, { anchor: "top", label: null, tickFormat: (value) => (value <= SMALLEST ? "≤" : "") + power(value) }),
      Plot.axisY({ tickSize: 0 }), Plot.ruleX([packed.limit], { stroke: "var(--bad)", strokeDasharray: "4 3" }), ...marks,
    ],
  });
  const key = frameworks.map((name, i) => element("span", { class: `f${i % 6}` }, `${SIGNS[i % 6]} ${name} `));
  return [element("figure", {}, element("figcaption", {}, `|error| / bound; diverges above ${packed.limit} `, element("span", { class: "key" }, ...key)), drawn)];
}
