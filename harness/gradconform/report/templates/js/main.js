/* Parts of the page that open on demand, and addresses within it. */

function openNetwork(details, packed, rows) {
  if (details.dataset.made) return;
  details.dataset.made = "yes";
  const network = packed.networks.find((each) => each.name === details.dataset.network);
  // Markup that was escaped when the report was written; the page's policy runs no script in it.
  details.insertAdjacentHTML("beforeend", network.html);
  const place = details.querySelector(".chart");
  if (place && network.nodes.length) new Chart(rows, network, packed.frameworks, place);
}

function cards(packed) {
  for (const place of document.querySelectorAll(".histogram")) {
    const found = packed.evidence[place.dataset.anchor];
    if (found?.bins.length) place.querySelector(".plot").append(histogram(found.bins, packed.limit));
  }
  for (const place of document.querySelectorAll(".script")) {
    const { name, script } = packed.evidence[place.dataset.anchor];
    const link = element("a", { download: name, href: URL.createObjectURL(new Blob([script], { type: "text/x-python" })) }, `Save ${name}`);
    const copy = element("button", { type: "button" }, "Copy");
    const told = element("output", { "aria-live": "polite" });
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(script);
      told.textContent = " copied";
    });
    place.append(element("p", {}, link, " ", copy, told), element("pre", { tabindex: "0", role: "region", "aria-label": name }, script));
  }
}

function findNetworks() {
  const [find, only] = [document.getElementById("find-network"), document.getElementById("only-failing")];
  if (!find) return;
  const parts = document.querySelectorAll("#networks tr[data-network]");
  const narrow = () => {
    const word = find.value.toLowerCase();
    for (const part of parts) {
      part.hidden = !part.dataset.network.toLowerCase().includes(word) || (only.checked && !("failed" in part.dataset));
    }
    const shown = [...parts].filter((part) => !part.hidden).length;
    document.getElementById("found-networks").textContent = counted(shown, "network");
  };
  find.addEventListener("input", narrow);
  only.addEventListener("change", narrow);
}

function show(place) {
  for (let part = place; part; part = part.parentElement) if (part.matches("details")) part.open = true;
  place.scrollIntoView({ block: "start" });
  if (place.matches("[tabindex]")) place.focus({ preventScroll: true });
}

function follow(table) {
  const address = location.hash.slice(1);
  const one = table.section.querySelector(".one");
  one.hidden = true;
  if (address.startsWith("row=")) {
    show(table.showOne(address.slice(4).split("/").map(decodeURIComponent)));
  } else if (address.startsWith("network=")) {
    const name = decodeURIComponent(address.slice(8));
    const details = [...document.querySelectorAll("details.network")].find((each) => each.dataset.network === name);
    if (details) {
      details.hidden = false;
      show(details);
    }
  } else if (address.includes("=")) {
    table.show(Object.fromEntries(new URLSearchParams(address)));
    show(table.section);
  } else {
    const place = address && document.getElementById(address);
    if (place) show(place);
  }
}

async function start() {
  const packed = await unpacked();
  const rows = new Rows(packed);
  for (const part of document.querySelectorAll(".scripted")) part.hidden = false;
  const table = new Table(rows, document.getElementById("rows"));
  const networks = [...document.querySelectorAll("details.network")];
  table.networks = new Set(networks.map((details) => details.dataset.network));
  for (const details of networks) details.addEventListener("toggle", () => details.open && openNetwork(details, packed, rows));
  cards(packed);
  const ratios = document.querySelector(".ratios");
  if (ratios) ratios.append(...spread(packed));
  findNetworks();
  table.show({});
  // What is looked for first: what fails, or the one network that there is.
  const failing = networks.filter((details) => "failed" in details.dataset).slice(0, 3);
  for (const details of failing.length || networks.length > 2 ? failing : networks) {
    openNetwork(details, packed, rows);
    details.open = true;
  }
  window.addEventListener("hashchange", () => follow(table));
  if (location.hash) follow(table);
  document.documentElement.dataset.ready = "yes";
}

start();
