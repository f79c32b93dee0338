// The bleed matrix: a table that answers. A click on a cell plays it, or says whether that bleed is removed.

import { h, number, numbers, time } from "./dom.js";
import { stays, switched } from "./limits.js";
import { brief, nameOf, paired } from "./pairs.js";

const COLDEST = -40; // dB at which a cell has no colour left, as in the report
const RESTS = -10;   // dB relative to its mean at which a source rests
const REST = { listen: "Point at a cell to read it, click it to hear it. Arrow keys move between cells.",
  choose: "Click a cell to keep that bleed or to remove it again. Arrow keys move between cells." };

export class Matrix {
  // seen: figures of a run, or what was seen before it; keep: what is to stay, in the words of session.toml;
  // applied: what stays in the result that is heard; hooks: play(mics, moment), switched(keep) or null where nothing can be chosen
  constructor(seen, keep, applied, hooks) {
    const { names, sources, references = [] } = seen, values = numbers(seen, "bleed_before");
    Object.assign(this, { keep, applied, hooks, mode: "listen", at: [0, 0] });
    // neither rooms nor references lose anything: they take no rows
    const rows = paired(names, sources).filter(([mic]) => sources[mic] !== null && !references.includes(names[mic]));
    this.columns = [...new Set(sources.filter((source) => source !== null))];
    const loudest = (mics, source) => mics.flatMap((i) => sources.flatMap((other, j) => (other === source && !Number.isNaN(values[i][j]) ? [values[i][j]] : [])));
    this.rows = rows.map((mics) => ({
      mics, name: nameOf(mics, names), source: sources[mics[0]], members: mics.map((i) => ({ name: names[i], source: sources[i] })),
      values: this.columns.map((source) => (source === sources[mics[0]] ? NaN : Math.max(...loudest(mics, source)))),
      moments: this.columns.map((source) => seen.moments?.[mics[0]]?.[source]),
    }));
    this.readout = h("p", { class: "readout", "aria-live": "polite" }, REST.listen);
    this.place = h("div", { class: "wide matrix", role: "region", "aria-labelledby": "bleed", tabindex: 0 }, this.table());
    this.element = h("div", {}, hooks.switched ? this.modes() : null, this.place, this.readout);
    this.show();
  }

  modes() {
    const mode = (value, title) => h("label", {}, h("input", { type: "radio", name: "matrix", value, checked: value === this.mode,
      onchange: () => { this.mode = value; this.readout.textContent = REST[value]; this.show(); } }), title);
    return h("fieldset", { class: "modes" }, h("legend", { class: "hidden" }, "A click on a cell"), mode("listen", "Listen"), mode("choose", "Choose what to remove"));
  }

  table() {
    this.cells = this.rows.map((row, i) => this.columns.map((source, j) => (row.source === source ? null
      : h("button", { type: "button", tabindex: -1, onclick: () => this.act(i, j), onfocus: () => this.reach(i, j), onpointermove: () => this.tell(i, j) }))));
    const heads = brief(this.columns), names = brief(this.rows.map((row) => row.name));
    const head = h("thead", {}, h("tr", {}, h("td", {}), this.columns.map((name, j) => h("th", { scope: "col", title: name }, h("span", {}, heads[j])))));
    const body = h("tbody", { onkeydown: (event) => this.walk(event) }, this.rows.map((row, i) => h("tr", {},
      h("th", { scope: "row", title: row.name }, names[i]),
      this.cells[i].map((cell) => h("td", { class: cell ? null : "own" }, cell ?? "·")))));
    const first = this.cells.flat().find(Boolean);
    if (first) first.tabIndex = 0;
    const tall = Math.max(0, ...heads.map((name) => name.length)) > 8 ? " tall" : "";
    return h("table", { class: `heat${tall}` }, h("caption", { class: "hidden" }, "Rows: microphones. Columns: sources. Bleed in dB, before cleaning"), head, body);
  }

  show() {
    this.rows.forEach((row, i) => this.columns.forEach((source, j) => {
      const cell = this.cells[i][j], value = row.values[j];
      if (!cell) return;
      const kept = this.stays(row, source), known = Number.isFinite(value), fate = this.fate(row, source);
      const level = known ? `${number(value, 0)} dB` : "level unknown";
      cell.replaceChildren(number(known ? value : null, 0), ...(fate ? [h("small", {}, fate)] : []));
      cell.style.setProperty("--v", known ? Math.min(1, Math.max(0, 1 - value / COLDEST)).toFixed(2) : 0);
      cell.classList.toggle("kept", kept);
      if (this.mode === "choose") cell.setAttribute("aria-pressed", !kept);
      else cell.removeAttribute("aria-pressed");
      cell.setAttribute("aria-label", this.mode === "choose" ? `Remove ${source} from ${row.name}, ${level}` : `Hear ${source} in ${row.name}, ${level}${fate ? `, ${fate}` : ""}`);
    }));
  }

  stays({ members }, source, keep = this.keep) { return members.some((mic) => stays(keep, mic, source)); }

  // What is or becomes of a cell's bleed, unless it is removed as it was: the switches may not be applied yet.
  fate(row, source) {
    const kept = this.stays(row, source), was = this.stays(row, source, this.applied);
    return kept ? (was ? "kept" : "to keep") : was ? "to remove" : "";
  }

  reach(i, j) {
    for (const cell of this.cells.flat()) if (cell) cell.tabIndex = -1;
    this.cells[i][j].tabIndex = 0;
    this.at = [i, j];
    this.tell(i, j);
  }

  tell(i, j) {
    const row = this.rows[i], value = row.values[j], source = this.columns[j];
    const level = Number.isFinite(value) ? `${number(value)} dB relative to its own microphone, before cleaning` : "it never sounds clearly enough alone to tell its level";
    const said = { kept: " It is kept.", "to keep": " It will be kept.", "to remove": " It will be removed." };
    this.readout.textContent = `Bleed of ${source} into ${row.name}: ${level}.${said[this.fate(row, source)] ?? ""}`;
  }

  act(i, j) {
    const row = this.rows[i], source = this.columns[j];
    if (this.mode === "choose") {
      this.keep = switched(this.keep, row.members, source, !this.stays(row, source));
      this.show();
      this.tell(i, j);
      this.hooks.switched(this.keep);
      return;
    }
    const moment = row.moments[j];
    if (!moment) { this.readout.textContent = `There is no moment at which ${source} sounds clearly.`; return; }
    this.hooks.play(row.mics, moment);
    const [start, , rest] = moment;
    const how = rest <= RESTS ? `${source} sounds and ${row.source} rests` : `${row.source} is quietest while ${source} sounds`;
    this.readout.textContent = `Playing ${row.name} alone at ${time(start, 1)}, where ${how}. Press 1, 2 and 3 for before, after and removed.`;
  }

  walk(event) {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    let [i, j] = this.at;
    do { i += step[0]; j += step[1]; } while (this.cells[i] && this.cells[i][j] === null); // over the diagonal
    this.cells[i]?.[j]?.focus();
  }
}
