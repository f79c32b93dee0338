// The bleed matrix as a table one can read: colour, number, and a sentence for the cell under pointer or focus.

import { h, number, numbers } from "./dom.js";

const COLDEST = -40; // dB at which a cell has no colour left, as in the report

export function matrix(figures) {
  const { names } = figures, before = numbers(figures, "bleed_before");
  const readout = h("p", { class: "readout", "aria-live": "polite" }, "Point at a cell, or move between cells with the arrow keys.");
  const tell = (i, j) => {
    readout.textContent = `Bleed of ${names[j]} into the microphone ${names[i]}: ${number(before[i][j])} dB before cleaning, `
      + "relative to its own microphone.";
  };
  const mark = (i, j) => {
    for (const cell of place.querySelectorAll("td[data-i]")) {
      cell.classList.toggle("marked", Number(cell.dataset.i) === i && Number(cell.dataset.j) === j);
    }
    tell(i, j);
  };
  const place = table(names, before, mark);
  return h("div", {}, place, readout);
}

function table(names, values, mark) {
  const walk = (event) => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    const cell = event.target.closest("td[data-i]");
    if (!step || !cell) return;
    const next = body.querySelector(`td[data-i="${Number(cell.dataset.i) + step[0]}"][data-j="${Number(cell.dataset.j) + step[1]}"]`);
    event.preventDefault();
    event.stopPropagation();
    next?.focus();
  };
  const body = h("tbody", { onkeydown: walk }, names.map((name, i) => h("tr", {},
    h("th", { scope: "row", title: name }, name),
    names.map((_, j) => {
      const value = values[i][j], none = i === j || Number.isNaN(value);
      const cell = h("td", {
        class: none ? "own" : "", "data-i": i, "data-j": j, tabindex: i === 0 && j === (names.length > 1 ? 1 : 0) ? 0 : -1,
        onfocus: () => { if (!none) mark(i, j); }, // a move of the pointer, not of the page under it
        onpointermove: () => { if (!none) mark(i, j); }, onpointerdown: () => { if (!none) mark(i, j); },
      }, none ? "·" : number(value, 0));
      const shown = Math.min(1, Math.max(0, 1 - value / COLDEST));
      if (!none) cell.style.setProperty("--v", shown.toFixed(2));
      return cell;
    }))));
  const head = h("thead", {}, h("tr", {}, h("td", {}), names.map((name) => h("th", { scope: "col", title: name }, name))));
  const tall = Math.max(...names.map((name) => name.length)) > 8 ? " tall" : "";
  return h("div", { class: "wide", role: "region", "aria-labelledby": "bleed", tabindex: 0 },
    h("table", { class: `heat${tall}` }, h("caption", { class: "hidden" }, "Rows: microphones. Columns: sources. Bleed in dB, before cleaning"), head, body));
}
