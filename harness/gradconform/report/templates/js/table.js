/* Every row: filtered by column, searched by words, sorted, shown a page at a time, each with an address. */

const KEY = ["spec", "tensor", "framework", "version", "route", "dtype", "check"];
const SHOWN = ["verdict", "spec", "node", "op", "tensor", "framework", "dtype", "check", "ratio", "max_rel_err",
  "worst_index", "got", "expected", "reason", "culprit", "version", "route"];
const PAGE = 50;
const LONGEST = 90;
const SEARCHED = ["spec", "node", "op", "tensor", "kind", "check", "framework", "version", "route", "dtype", "verdict",
  "reason", "culprit", "culprit_op", "shape"];

class Table {
  constructor(rows, section) {
    this.rows = rows;
    this.section = section;
    this.form = section.querySelector("form");
    this.wanted = {};
    this.sort = "verdict";
    this.page = 0;
    this.fillSelects();
    this.makeHead();
    this.form.addEventListener("input", () => this.fromForm());
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("reset", (event) => {
      event.preventDefault();
      this.go({});
    });
    section.querySelector(".before").addEventListener("click", () => this.turn(-1));
    section.querySelector(".after").addEventListener("click", () => this.turn(1));
  }

  fillSelects() {
    for (const select of this.form.querySelectorAll("select")) {
      const words = [...this.rows.words(select.name)].filter((word) => word !== "").sort();
      select.append(...words.map((word) => element("option", { value: word }, word)));
    }
  }

  makeHead() {
    const heads = SHOWN.map((name) => {
      const button = element("button", { type: "button" }, name.replaceAll("_", " "));
      button.addEventListener("click", () => {
        const falling = !this.rows.isText(name);
        const first = falling ? `-${name}` : name;
        const second = falling ? name : `-${name}`;
        this.go({ ...this.wanted, sort: this.sort === first ? second : first });
      });
      return element("th", { scope: "col", "data-name": name }, button);
    });
    this.section.querySelector("thead").append(element("tr", {}, element("th", { scope: "col" }, "link"), ...heads));
  }

  fromForm() {
    const given = Object.fromEntries([...new FormData(this.form)].filter(([, value]) => value !== ""));
    const kept = Object.entries(this.wanted).filter(([name]) => !this.form.elements.namedItem(name) && name !== "row");
    this.go({ ...Object.fromEntries(kept), ...given });
  }

  /* The address is the one place where the state is kept, so that every view can be linked to. */
  go(wanted) {
    const text = new URLSearchParams(Object.entries(wanted).filter(([, value]) => value)).toString();
    history.replaceState(null, "", `#${text.replaceAll("+", "%20") || "rows"}`);
    this.show(wanted);
  }

  show(wanted) {
    this.wanted = wanted;
    this.sort = wanted.sort ?? "verdict";
    this.page = 0;
    for (const control of this.form.elements) if (control.name) control.value = wanted[control.name] ?? "";
    this.found = this.select();
    this.draw();
    this.tellNarrowed();
  }

  select() {
    const tests = [];
    for (const [name, value] of Object.entries(this.wanted)) {
      if (name === "q" || name === "sort" || !this.rows.columns[name]) continue;
      if (this.rows.isText(name)) {
        const { words, at } = this.rows.columns[name];
        const place = words.indexOf(value);
        tests.push((row) => at[row] === place);
      } else tests.push((row) => String(this.rows.value(name, row)) === value);
    }
    for (const word of (this.wanted.q ?? "").toLowerCase().split(/\s+/).filter(Boolean)) {
      const hits = SEARCHED.map((name) => [this.rows.columns[name].at, this.rows.holding(name, word)]);
      tests.push((row) => hits.some(([at, holds]) => holds[at[row]]));
    }
    const found = [...this.rows.all()].filter((row) => tests.every((test) => test(row)));
    return this.sorted(found);
  }

  sorted(found) {
    const name = this.sort.replace(/^-/, "");
    const sign = this.sort.startsWith("-") ? -1 : 1;
    if (!this.rows.columns[name]) return found;
    const ratio = (row) => this.rows.number("ratio", row);
    /* What is no number comes last, whichever way. */
    const numbers = (a, b, way) => {
      if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
      return a === b ? 0 : way * (a < b ? -1 : 1);
    };
    const by = (a, b) => {
      if (name === "verdict") return sign * (this.rows.rank(a) - this.rows.rank(b)) || numbers(ratio(a), ratio(b), -1);
      if (!this.rows.isText(name)) return numbers(this.rows.number(name, a), this.rows.number(name, b), sign);
      const [x, y] = [this.rows.value(name, a), this.rows.value(name, b)];
      return x === y ? 0 : sign * (x < y ? -1 : 1);
    };
    return found.sort((a, b) => by(a, b) || a - b);
  }

  turn(step) {
    this.page += step;
    this.draw();
  }

  draw() {
    const start = this.page * PAGE;
    const shown = this.found.slice(start, start + PAGE);
    const body = this.section.querySelector("tbody");
    body.replaceChildren(...shown.map((row) => this.line(row)));
    if (!shown.length) body.append(element("tr", {}, element("td", { colspan: SHOWN.length + 1 }, "No row is like that.")));
    for (const head of this.section.querySelectorAll("thead th[data-name]")) {
      const name = head.dataset.name;
      const way = this.sort === name ? "ascending" : this.sort === `-${name}` ? "descending" : undefined;
      if (way) head.setAttribute("aria-sort", way);
      else head.removeAttribute("aria-sort");
    }
    this.section.querySelector(".count").textContent = `${this.found.length.toLocaleString("en-US")} of ${counted(this.rows.size, "row")}`;
    const pager = this.section.querySelector(".pager");
    pager.hidden = this.found.length <= PAGE;
    pager.querySelector("span").textContent = `${start + 1} to ${Math.min(start + PAGE, this.found.length)} of ${this.found.length.toLocaleString("en-US")}`;
    pager.querySelector(".before").disabled = this.page === 0;
    pager.querySelector(".after").disabled = start + PAGE >= this.found.length;
  }

  line(row) {
    const cells = SHOWN.map((name) => {
      const value = this.rows.value(name, row);
      if (name === "verdict") return element("td", { class: `verdict v-${value}` }, value);
      if (name === "got" || name === "expected") {
        return element("td", { class: "n" }, this.rows.value("worst_index", row) ? exactly(value) : "none");
      }
      if (!this.rows.isText(name)) return element("td", { class: "n" }, figure(value));
      // The whole of a long reason is in the row's own view.
      return element("td", {}, value.length > LONGEST ? `${value.slice(0, LONGEST)}…` : value || "none");
    });
    const link = element("a", { href: this.address(row), "aria-label": `this row: ${this.rows.value("tensor", row)}` }, "#");
    return element("tr", {}, element("td", {}, link), ...cells);
  }

  address(row) {
    return `#row=${KEY.map((name) => encodeURIComponent(this.rows.value(name, row))).join("/")}`;
  }

  /* What narrows the rows and has no control of its own, such as a node. */
  tellNarrowed() {
    const told = Object.entries(this.wanted).filter(([name]) => !this.form.elements.namedItem(name) && name !== "sort");
    this.section.querySelector(".narrowed").textContent = told.map(([name, value]) => `, ${name} ${value}`).join("");
  }

  /* One row with all that is known of it, and the table narrowed to its tensor. */
  showOne(parts) {
    const key = Object.fromEntries(KEY.map((name, i) => [name, parts[i] ?? ""]));
    const same = [...this.rows.all()].filter((row) => KEY.every((name) => this.rows.value(name, row) === key[name]));
    this.show({ spec: key.spec, tensor: key.tensor });
    const place = this.section.querySelector(".one");
    place.hidden = false;
    place.replaceChildren(...(same.length ? same.map((row) => this.facts(row)) : [element("p", { class: "gap" }, `This run has no row ${parts.join(" ")}.`)]));
    return place;
  }

  facts(row) {
    const facts = this.rows.order.flatMap((name) => {
      const value = this.rows.value(name, row);
      const text = this.rows.isText(name) ? value || "none" : name === "got" || name === "expected" ? exactly(value) : figure(value);
      return [element("dt", {}, name.replaceAll("_", " ")), element("dd", {}, text)];
    });
    const title = `${this.rows.value("spec", row)}, ${this.rows.value("tensor", row) || "the whole problem"}, ${this.rows.value("framework", row)}`;
    const spec = this.rows.value("spec", row);
    const network = element("a", { href: `#network=${encodeURIComponent(spec)}` }, "its network");
    const more = this.networks.has(spec) ? element("p", {}, network) : null;
    return element("div", {}, element("h3", {}, title), element("dl", { class: "facts" }, ...facts), ...(more ? [more] : []));
  }
}
