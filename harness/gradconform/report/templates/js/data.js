"use strict";
/* The rows as columns, unpacked once, and figures as text. */

const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  // Strings become text nodes: nothing that a row holds is ever read as markup.
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
};

async function unpacked() {
  const packed = document.getElementById("data").textContent.trim();
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

class Rows {
  constructor(packed) {
    this.columns = packed.columns;
    this.order = packed.order;
    this.size = packed.rows;
    this.limit = packed.limit;
    this.verdicts = packed.verdicts;
    this.lowered = {};
  }

  isText(name) {
    return !Array.isArray(this.columns[name]);
  }

  value(name, row) {
    const column = this.columns[name];
    return this.isText(name) ? column.words[column.at[row]] : column[row];
  }

  /* For sorting and drawing: infinity as a number, what is no number as NaN. */
  number(name, row) {
    const value = this.columns[name][row];
    return value === null ? NaN : value === "∞" ? Infinity : value === "-∞" ? -Infinity : value;
  }

  words(name) {
    return this.columns[name].words;
  }

  /* For each distinct text of a column whether it holds a word; found once for each word. */
  holding(name, word) {
    this.lowered[name] ??= this.words(name).map((text) => text.toLowerCase());
    return this.lowered[name].map((text) => text.includes(word));
  }

  rank(row) {
    const place = this.verdicts.indexOf(this.value("verdict", row));
    return place < 0 ? this.verdicts.length : place;
  }

  *all() {
    for (let row = 0; row < this.size; row += 1) yield row;
  }
}

/* As harness/report/words.py has it. */
function figure(value) {
  if (value === null || Number.isNaN(value)) return "none";
  if (value === "∞" || value === Infinity) return "∞";
  if (value === "-∞" || value === -Infinity) return "-∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 100 && size < 1e5) return Math.round(value).toLocaleString("en-US");
  if (size >= 0.001 && size < 100) return size < 9.95 ? value.toPrecision(2) : value.toFixed(0);
  return value.toExponential(1).replace("e+", "e");
}

const exactly = (value) => (value === null ? "NaN" : value === "∞" ? "infinity" : value === "-∞" ? "-infinity" : String(value));
const counted = (n, noun) => `${n.toLocaleString("en-US")} ${noun}${n === 1 ? "" : "s"}`;
