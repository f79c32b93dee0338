// The microphones of a session: who is who, proposed with reasons, grouped by dragging or by a list, and undone.

import { patch, post, remove } from "./api.js";
import { decibel, doing, h, kilohertz, many, number, rebuild, time } from "./dom.js";
import { picker } from "./files.js";
import { Waveform } from "./waveform.js";

const MICROPHONE = "application/x-debleed-microphone";
const PLAIN = ["as you said", "a file of its own", "its name says nothing"]; // reasons that need no line of their own

export class Microphones {
  // view: the session's page, with { about, id, session, files, show(), changed(session) }
  constructor(view) {
    this.view = view;
    this.element = h("div");
  }

  get path() { return `sessions/${this.view.id}`; }

  show() {
    const { session } = this.view;
    const state = JSON.stringify([session.files, session.units, session.table, session.notes, session.undo, session.look?.key]);
    if (state === this.state) return;
    this.state = state;
    if (!session.files.length) { this.element.replaceChildren(picker((files) => this.view.files.add(files))); return; }
    this.longest = session.length / session.rate;
    const open = this.element.querySelector("details.inputs")?.open ?? !session.runs.some((run) => run.ready);
    const count = session.table.length ? `${many(session.units.length, "microphone")} in ${many(session.files.length, "file")}` : many(session.units.length, session.poly ? "channel" : "file");
    const more = h("details", { class: "more" }, h("summary", {}, "Add files"), picker((files) => this.view.files.add(files), "Drop more files here"));
    const named = [...new Set(session.units.map((unit) => unit.source).filter(Boolean))];
    rebuild(this.element, h("details", { class: "inputs", open }, h("summary", {}, `${count}, ${time(this.longest)}, ${kilohertz(session.rate)}`), this.belonging(), this.help(), this.proposals(),
      h("datalist", { id: "sources" }, named.map((source) => h("option", { value: source }))),
      h("div", { class: "inputs-list" }, this.groups(), this.alone()), more));
  }

  // A file that is one microphone or a stereo pair, and no part of another.
  isFile({ whole, channels }) {
    const { id, channels: all } = this.view.session.wholes[whole];
    return channels.length === all && !String(id).includes("-");
  }

  // Which files are one, as the command line says it, and the files that have no row of their own.
  belonging() {
    const { session } = this.view, [heads, ...rows] = session.table;
    const own = new Set(session.units.filter((unit) => this.isFile(unit)).map((unit) => String(session.wholes[unit.whole].id)));
    const others = session.files.filter((file) => !own.has(String(file.id)));
    const listed = others.map((file) => h("div", { class: "row" }, h("span", { class: "name soft" }, file.name), this.eraser(file)));
    const table = heads ? h("table", { class: "parts" },
      h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell) => h("td", {}, cell)))))) : null;
    return [
      table ? h("div", { class: "wide", tabindex: 0, role: "region", "aria-label": "How the files belong together" }, table) : null,
      ...session.notes.map((note) => h("p", { class: "note" }, note)),
      listed.length > 1 ? h("details", { class: "more" }, h("summary", {}, `The ${listed.length} files`), listed) : listed[0] ?? null,
    ];
  }

  // What is done to a session; the page shows what the server made of it, also of what it refused.
  change(work) {
    return doing(async () => {
      try { this.view.changed(await work().finally(() => { this.state = null; })); } catch (error) { this.view.show(); throw error; }
    })();
  }

  together(one, other) { return this.change(() => patch(this.path, { together: [one, other] })); }

  help() {
    const { session } = this.view;
    const undo = session.undo && h("button", { type: "button", class: "quiet undo", title: `Back to ${session.undo}`, onclick: () => this.change(() => post(`${this.path}/undo`)) }, "Undo");
    return h("div", { class: "row grouping" }, session.units.length > 1
      ? h("p", { class: "soft" }, "Bleed is removed only between different sources. Group the microphones of one source: drag one by its name onto another, or choose “group with”.") : null, undo);
  }

  // What the sound says and nobody has said yet.
  proposals() {
    const { look } = this.view.session;
    if (!look) return null;
    const alike = look.alike.map((names) => h("li", { class: "row" }, h("span", {}, `${listed(names)} sound like one source.`),
      h("button", { type: "button", class: "quiet", onclick: () => this.change(() => patch(this.path, { together: names })) }, "Group them"),
      h("button", { type: "button", class: "quiet", onclick: () => this.change(() => patch(this.path, { settled: names })) }, "Keep them apart")));
    const others = Object.entries(look.reasons).map(([name, reason]) => h("li", {}, `${name} is ${reason}.`));
    return alike.length + others.length ? h("ul", { class: "proposals", "aria-label": "Found by comparing the sound" }, alike, others) : null;
  }

  // The rows, those of one source in a frame.
  groups() {
    const { session } = this.view, done = new Set();
    return session.units.flatMap((unit, i) => {
      if (done.has(i)) return [];
      const own = session.units.flatMap((other, k) => (k === i || (grouped(unit) && grouped(other) && other.source === unit.source) ? [k] : []));
      own.forEach((k) => done.add(k));
      if (own.length === 1) return [this.row(i)];
      const why = [...new Set(own.map((k) => session.units[k].reason.split("; ")[0]).filter((reason) => !PLAIN.includes(reason)))].join("; ");
      return [h("div", { class: "group", role: "group", "aria-label": `Source ${unit.source}` },
        h("p", {}, h("strong", {}, unit.source), h("span", { class: "soft" }, `, one source of ${own.length} microphones${why ? `: ${why}` : ""}`)), own.map((k) => this.row(k, true)))];
    });
  }

  row(i, inside = false) {
    const { session, about } = this.view, { longest } = this, unit = session.units[i], { channels } = unit;
    const file = session.wholes[unit.whole], isFile = this.isFile(unit);
    const change = (what) => this.change(() => patch(this.path, { unit: unit.name, ...what }));
    const kind = unit.left_out ? "out" : unit.role, own = unit.source ?? unit.name;
    const roles = { out: { left_out: true }, room: { source: null, left_out: false }, source: { source: own, reference: false, left_out: false }, reference: { source: own, reference: true, left_out: false } };
    const select = h("select", { class: kind === "room" || kind === "reference" ? "wide-choice" : null, title: unit.reason, "aria-label": `Role of ${unit.name}`, onchange: () => change(roles[select.value]) },
      [["source", "source"], ["room", "room, unchanged"], ["reference", "reference, unchanged"], ["out", session.poly ? "unchanged" : "left out"]].map(([value, text]) => h("option", { value, selected: value === kind }, text)));
    const source = h("input", { type: "text", value: unit.source ?? "", list: "sources", "aria-label": `Source of ${unit.name}`, spellcheck: "false", maxlength: 80,
      onchange: () => change({ source: source.value.trim() || unit.name }) });
    const wrong = file.notes.map((note) => note.replace(/: .*/, "")), notes = [];
    if (file.rate !== session.rate) notes.push(`${kilohertz(file.rate)} in a session of ${kilohertz(session.rate)}; its result stays at ${kilohertz(file.rate)}`);
    if (file.frames / file.rate < longest - 0.005) notes.push("shorter than the longest file");
    const why = inside ? unit.reason.split("; ").slice(1).join("; ") : unit.reason; // that of a group stands above it
    if (why && !PLAIN.includes(why) && !unit.left_out) notes.push(why);
    const canvases = channels.map((channel) => {
      const canvas = h("canvas", { class: "wave small", role: "img", "aria-label": `Waveform of ${unit.name}` });
      new Waveform(canvas).show([{ parts: [[`${this.path}/files/${file.id}/peaks?mic=${channel}`, 1]], rate: file.rate, zooms: about.zooms, color: "--wave" }], 0, longest, file.peak[channel]);
      return canvas;
    });
    const peak = Math.max(...channels.map((channel) => file.peak[channel])), power = Math.max(...channels.map((channel) => file.power[channel]));
    return h("div", { class: "input", ...this.target((name) => this.together(unit.name, name), unit.name) },
      h("div", { class: "waves" }, canvases),
      h("div", { class: "what", draggable: "true", ondragstart: (event) => { event.dataTransfer.setData(MICROPHONE, unit.name); event.dataTransfer.effectAllowed = "move"; this.element.classList.add("sorting"); },
        ondragend: () => this.element.classList.remove("sorting") },
        h("strong", {}, isFile ? file.name : unit.name), channels.length === 2 ? h("span", { class: "soft" }, " stereo pair") : null,
        h("div", { class: "soft" }, `${number(decibel(power))} dB, peak ${number(decibel(peak ** 2))} dB, ${time(file.frames / file.rate, 1)}`),
        wrong.length ? h("div", { class: "wrong" }, wrong.join("; ")) : null,
        notes.length ? h("div", { class: "soft" }, notes.join("; ")) : null),
      h("div", { class: "say" }, select, grouped(unit) ? h("label", {}, h("span", { class: "soft" }, "name "), source) : null, this.partners(unit), isFile ? this.eraser(file) : null));
  }

  // Grouping without dragging.
  partners(unit) {
    if (!grouped(unit)) return null;
    const { units } = this.view.session, mine = units.filter((other) => grouped(other) && other.source === unit.source);
    const others = [...new Set(units.filter((other) => grouped(other) && other.source !== unit.source).map((other) => other.source))];
    if (!others.length && mine.length === 1) return null;
    const choice = h("select", { class: "with", "aria-label": `Group ${unit.name} with`, onchange: () => {
      const [first] = units.filter((other) => grouped(other) && other.source === choice.value);
      if (choice.value) this.together(first.name, unit.name);
      else this.change(() => patch(this.path, { apart: [unit.name] }));
    } }, h("option", { value: "", disabled: mine.length === 1, hidden: mine.length === 1, selected: mine.length === 1 }, mine.length === 1 ? "group with" : "on its own"),
      mine.length > 1 ? h("option", { value: unit.source, selected: true }, `with ${unit.source}`) : null, others.map((source) => h("option", { value: source }, `with ${source}`)));
    return choice;
  }

  // Where a microphone can be dropped to be on its own again.
  alone() {
    return h("p", { class: "alone", "aria-hidden": "true", ...this.target((name) => this.change(() => patch(this.path, { apart: [name] }))) }, "Drop here: a source of its own");
  }

  target(dropped, own) {
    const ours = (event) => event.dataTransfer.types.includes(MICROPHONE), over = (event, on) => event.currentTarget.classList.toggle("over", on);
    return {
      ondragover: (event) => { if (ours(event)) { event.preventDefault(); event.stopPropagation(); over(event, true); } },
      ondragleave: (event) => over(event, false),
      ondrop: (event) => {
        if (!ours(event)) return;
        event.preventDefault();
        event.stopPropagation();
        over(event, false);
        const name = event.dataTransfer.getData(MICROPHONE);
        if (name !== own) dropped(name);
      },
    };
  }

  eraser(file) {
    const erase = doing(async () => {
      if (!confirm(`Remove '${file.name}' from the session?`)) return;
      this.view.changed(await remove(`${this.path}/files/${file.id}`));
    });
    return h("button", { type: "button", class: "quiet small", onclick: erase, title: "Remove from the session", "aria-label": `Remove ${file.name}` }, "×");
  }
}

const grouped = (unit) => !unit.left_out && unit.role !== "room";
const listed = (names) => `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
