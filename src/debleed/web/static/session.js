// One session: its microphones, its runs, and what came of the chosen run.

import { get, patch, remove } from "./api.js";
import { decibel, doing, h, many, number, numbers, rebuild, say, settle, time } from "./dom.js";
import { Uploads, picker } from "./files.js";
import { Listen } from "./listen.js";
import { matrix } from "./matrix.js";
import { Player } from "./player.js";
import { Runs, active, announce, bar, percent } from "./runs.js";
import { Spectrograms } from "./spectrogram.js";
import { Take } from "./take.js";
import { Waveform } from "./waveform.js";

const BUSY = 400, IDLE = 4000; // milliseconds between two looks at the server: while something is under way, and else
const PATIENCE = [1000, 2000, 4000, 8000]; // and when it does not respond

export class SessionView {
  constructor(about, id, session, run) {
    Object.assign(this, { about, id, session, runId: run ?? null, shown: undefined, player: new Player() });
    this.files = new Uploads(id, about.limits, () => this.refresh());
    this.player.addEventListener("failed", (event) => say(event.detail.message, true));
    this.player.addEventListener("late", () => say("the audio arrived late; playback continues from here"));
    this.title = h("h1", { class: "title" });
    this.warning = h("div");
    this.mics = h("div");
    this.offline = h("div", { role: "alert" });
    this.runs = new Runs(this);
    this.result = h("div");
    this.element = h("div", {},
      h("div", { class: "row" }, this.title, h("button", { type: "button", class: "quiet", onclick: doing(() => this.rename()) }, "Rename")),
      this.offline, this.warning,
      h("section", { "aria-labelledby": "mics-title" }, h("h2", { id: "mics-title" }, "Microphones"), this.files.element, this.mics),
      h("section", { "aria-labelledby": "clean-title" }, h("h2", { id: "clean-title" }, "Clean"), this.runs.element),
      this.result);
    this.failures = 0;
    this.seen = () => { if (!document.hidden) { this.arrival = null; this.refresh(); } };
    document.addEventListener("visibilitychange", this.seen);
    this.show();
    const tick = (now) => { this.frame = requestAnimationFrame(tick); this.listen?.follow(); this.listen?.meter(now); this.spectra?.follow(); };
    this.frame = requestAnimationFrame(tick);
  }

  close() {
    this.closed = true;
    document.removeEventListener("visibilitychange", this.seen);
    cancelAnimationFrame(this.frame);
    clearTimeout(this.timer);
    this.files.stop();
    this.player.close();
    this.player.forget();
  }

  async refresh() {
    clearTimeout(this.timer);
    if (this.closed) return;
    try {
      const asked = this.asked = {};
      const session = await get(`sessions/${this.id}`);
      if (this.asked !== asked) return; // a later look is under way, and its answer is newer
      this.session = session;
    } catch (error) { this.lost(error); return; }
    if (this.closed) return;
    if (this.failures) { this.failures = 0; this.offline.replaceChildren(); settle(); say("connected again"); }
    this.show();
  }

  // The server did not respond: say so, and go on asking. A session that was deleted in another tab is left.
  lost(error) {
    if (this.closed) return;
    if (error.status === 404) { say(error.message, true); location.hash = "#/"; return; }
    this.failures++;
    if (!this.offline.firstChild) this.offline.replaceChildren(h("p", { class: "note wrong" }, "The server does not respond. What is shown may be out of date; this page goes on asking. If 'debleed serve' was stopped, start it again."));
    this.timer = setTimeout(() => this.refresh(), PATIENCE[Math.min(this.failures, PATIENCE.length) - 1]);
  }

  async rename() {
    const name = prompt("Session name", this.session.name);
    if (name) { this.session = await patch(`sessions/${this.id}`, { name }); this.show(); }
  }

  choose(run) {
    if (!run || run === this.runId) return;
    this.runId = run;
    history.replaceState(null, "", `#/s/${this.id}/${run}`);
    this.show();
  }

  // The result that was waited for is there: go to it, and say so.
  arrive() {
    const done = this.runs.arrived();
    if (!done) return;
    this.runId = done.id;
    history.replaceState(null, "", `#/s/${this.id}/${done.id}`);
    announce(this.session.name);
    this.going = done.id;
    if (document.hidden) this.arrival = done.id;
  }

  // How a run stands is seen in the tab's title as well.
  showTitle(run) {
    const { name } = this.session;
    document.title = run ? `${run.status === "waiting" ? "queued" : `${percent(run)} %`} · ${name}` : `${this.arrival ? "Ready · " : ""}${name}, debleed`;
  }

  show() {
    const { session } = this;
    this.title.textContent = session.name;
    const trouble = session.failed ?? (session.files.length && !session.job ? session.problem : null);
    this.warning.replaceChildren(...(trouble ? [h("p", { class: "note", role: "status" }, trouble)] : []));
    this.arrive();
    this.showTitle(session.runs.find(active));
    this.showMics();
    this.runs.show();
    const ready = session.runs.filter((run) => run.ready);
    const run = ready.find((other) => other.id === this.runId) ?? ready.at(-1);
    this.showResult(run);
    const busy = session.job || session.runs.some((other) => active(other) || other.taking);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.refresh(), busy ? BUSY : IDLE);
  }

  // ---------------------------------------------------------------------------------------------------- microphones

  showMics() {
    const { session } = this;
    const state = JSON.stringify([session.files, session.units, session.table, session.notes, Boolean(session.job)]);
    if (session.job && this.progress) { this.progress.tell(session.job); return; }
    if (state === this.micsState) return;
    this.micsState = state;
    if (session.job) {
      this.progress = bar("Simulating the demo band in a room");
      this.progress.tell(session.job);
      this.mics.replaceChildren(this.progress.element);
      return;
    }
    this.progress = null;
    if (!session.files.length) { this.mics.replaceChildren(picker((files) => this.files.add(files))); return; }
    const longest = session.length / session.rate;
    const sources = [...new Set(session.units.map((unit) => unit.source).filter(Boolean))];
    const list = h("datalist", { id: "sources" }, sources.map((source) => h("option", { value: source })));
    const rows = session.units.map((unit) => this.micRow(unit, session.wholes[unit.whole], unit.channels, longest));
    const more = h("details", { class: "more" }, h("summary", {}, "Add files"), picker((files) => this.files.add(files), "Drop more files here"));
    const open = this.mics.querySelector("details.inputs")?.open ?? !session.runs.some((run) => run.ready);
    const whole = session.table.length ? `${many(session.units.length, "microphone")} in ${many(session.files.length, "file")}` : many(session.units.length, session.poly ? "channel" : "file");
    rebuild(this.mics, h("details", { class: "inputs", open },
      h("summary", {}, `${whole}, ${time(longest)} min, ${session.rate} Hz`), this.belonging(), list, h("div", { class: "inputs-list" }, rows), more));
  }

  // A file that is one microphone or a stereo pair, and no part of another.
  isFile({ whole, channels }) {
    const { id, channels: all } = this.session.wholes[whole];
    return channels.length === all && !String(id).includes("-");
  }

  // Which files are one, as the command line says it, and the files that have no row of their own.
  belonging() {
    const { session } = this, [heads, ...rows] = session.table;
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

  micRow(unit, file, channels, longest) {
    const change = (what) => doing(async () => {
      try { this.session = await patch(`sessions/${this.id}`, { unit: unit.name, ...what() }); } finally { this.micsState = null; this.show(); }
    })();
    const kind = unit.left_out ? "out" : unit.role;
    const source = h("input", { type: "text", value: unit.source ?? "", list: "sources", "aria-label": `Source of ${unit.name}`, spellcheck: "false", maxlength: 80,
      onchange: () => change(() => ({ source: source.value.trim() || unit.name })) });
    const own = unit.source ?? unit.name;
    const select = h("select", { class: kind === "room" || kind === "reference" ? "wide-choice" : null, title: unit.reason, "aria-label": `Role of ${unit.name}`, onchange: () => change(() => ({
      out: { left_out: true }, room: { source: null, left_out: false }, source: { source: own, reference: false, left_out: false }, reference: { source: own, reference: true, left_out: false } }[select.value])) },
      [["source", "source"], ["room", "room, unchanged"], ["reference", "reference, unchanged"], ["out", this.session.poly ? "unchanged" : "left out"]].map(([value, text]) => h("option", { value, selected: value === kind }, text)));
    const wrong = file.notes.map((note) => note.replace(/: .*/, "")), notes = [];
    if (file.rate !== this.session.rate) notes.push(`${file.rate} Hz instead of ${this.session.rate} Hz; the result keeps this rate`);
    if (file.frames / file.rate < longest - 0.005) notes.push(`${time(file.frames / file.rate, 1)}, shorter than the longest file`);
    const canvases = channels.map((channel) => {
      const canvas = h("canvas", { class: "wave small", role: "img", "aria-label": `Waveform of ${unit.name}` });
      const peak = file.peak[channel];
      new Waveform(canvas).show([{ parts: [[`sessions/${this.id}/files/${file.id}/peaks?mic=${channel}`, 1]], rate: file.rate, zooms: this.about.zooms, color: "--wave" }], 0, longest, peak);
      return canvas;
    });
    const peak = Math.max(...channels.map((channel) => file.peak[channel]));
    const power = Math.max(...channels.map((channel) => file.power[channel]));
    return h("div", { class: "input" },
      h("div", { class: "waves" }, canvases),
      h("div", { class: "what" }, h("strong", {}, this.isFile(unit) ? file.name : unit.name), channels.length === 2 ? h("span", { class: "soft" }, " stereo pair") : null,
        h("div", { class: "soft" }, `${number(decibel(power))} dB, peak ${number(decibel(peak ** 2))} dB, ${time(file.frames / file.rate, 1)}`),
        wrong.length ? h("div", { class: "wrong" }, wrong.join("; ")) : null,
        notes.length ? h("div", { class: "soft" }, notes.join("; ")) : null),
      h("div", { class: "say" }, select, kind === "source" || kind === "reference" ? h("label", {}, h("span", { class: "soft" }, "name "), source) : null,
        this.isFile(unit) ? this.eraser(file) : null));
  }

  eraser(file) {
    const erase = doing(async () => {
      if (!confirm(`Remove '${file.name}' from the session?`)) return;
      this.session = await remove(`sessions/${this.id}/files/${file.id}`);
      this.show();
    });
    return h("button", { type: "button", class: "quiet small", onclick: erase, title: "Remove from the session", "aria-label": `Remove ${file.name}` }, "×");
  }

  // --------------------------------------------------------------------------------------------------------- result

  async showResult(run) {
    const measured = run && !active(run);
    const key = run ? `${run.id} ${measured}` : JSON.stringify([this.session.wholes.map((whole) => whole.id), this.session.units.map((unit) => unit.name)]);
    this.showStale(run);
    if (this.session.job || key === this.shown) { if (run) this.take?.tell(run); return; }
    this.shown = key;
    if (!run) { this.alone(); return; }
    let full;
    try { full = await get(`sessions/${this.id}/runs/${run.id}`); } catch (error) { say(error.message, true); this.shown = undefined; return; }
    if (this.closed || this.shown !== key) return;
    if (this.heard === run.id) { // only the figures can be new
      if (!this.measured) this.see.replaceChildren(...this.compared(full));
      this.measured = Boolean(full.figures.bleed_before);
      this.take.tell(full);
      return;
    }
    this.measured = Boolean(full.figures.bleed_before);
    const path = `sessions/${this.id}/runs/${run.id}`, { figures } = full;
    if (!this.heard) this.player.layer = "after";
    this.heard = run.id;
    this.player.load({ path, layers: 2, rate: figures.rate, length: figures.length, names: figures.names, energies: figures.energies });
    this.take = new Take(path, full, () => this.refresh());
    this.spectra = new Spectrograms(this.player, path, figures, this.about.tile);
    this.listen?.close();
    this.listen = new Listen(this.player, path, full, this.about.zooms, {
      look: (mic) => this.spectra.choose(mic),
      tuned: (reduction) => this.take.tune(reduction),
    });
    this.see = h("div", {}, this.compared(full));
    this.stale = h("div");
    this.showStale(run);
    this.result.replaceChildren(
      section(run.excerpt ? `Listen to the preview, ${time(run.excerpt[0])} to ${time(run.excerpt[1])}` : "Listen", "listen", this.stale, this.listen.element),
      section("Compare", "see", this.spectra.element, this.see),
      run.excerpt ? this.only(run) : section("Download", "take", this.take.element));
    this.spectra.follow();
    this.goTo(run);
  }

  // Before anything was run the microphones can be heard as they are.
  alone() {
    this.heard = null;
    this.listen?.close();
    this.listen = this.spectra = this.take = null;
    const { session } = this;
    if (!session.files.length) { this.player.close(); this.player.source = null; this.result.replaceChildren(); return; }
    const names = session.units.flatMap(({ name, channels }) => (channels.length === 2 ? [`${name}.L`, `${name}.R`] : [name]));
    const places = session.units.flatMap(({ whole, channels }) => channels.map((channel) => ({ file: session.wholes[whole], channel })));
    const path = `sessions/${this.id}`;
    this.player.close();
    this.player.source = null;
    this.player.load({ path, layers: 1, rate: session.rate, length: session.length, names, energies: null });
    this.listen = new Listen(this.player, path, { figures: { names, sources: names, rate: session.rate, length: session.length }, places, reduction: {} }, this.about.zooms, { look: () => {}, tuned: null });
    this.result.replaceChildren(section("Listen", "listen", this.listen.element));
  }

  // A result of microphones that were grouped in another way than they are now is not what another run would give.
  showStale(run) {
    if (!this.stale || !run || this.stale.dataset.other === String(run.other_grouping)) return;
    this.stale.dataset.other = run.other_grouping;
    this.stale.replaceChildren(...(run.other_grouping
      ? [h("p", { class: "note", role: "status" }, "This result belongs to another grouping of the microphones than the present one. Remove the bleed again to hear the present one.")] : []));
  }

  goTo(run) {
    if (this.going !== run.id) return;
    this.going = null;
    const title = document.getElementById("listen-title");
    title.tabIndex = -1;
    title.focus({ preventScroll: true });
    title.scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  }

  only(run) {
    return h("p", { class: "soft" }, `This is a preview of ${time(run.excerpt[1] - run.excerpt[0])} min; it learned from them alone. Remove the bleed from the whole recording to download it.`);
  }

  compared({ figures, status }) {
    if (!figures.bleed_before) {
      const why = active({ status }) ? "Measuring the bleed." : "The bleed was not measured, because the run ended early.";
      return [h("p", { class: "soft" }, why)];
    }
    const coherence = figures.coherence_before === null ? "–" : number(100 * figures.coherence_before);
    const rows = { "Level change": numbers(figures, "change") };
    if (figures.sdr_after) Object.assign(rows, { "Estimated SDR before": numbers(figures, "sdr_before"), "Estimated SDR after": numbers(figures, "sdr_after") });
    const table = h("table", { class: "levels", "aria-labelledby": "change" },
      h("thead", {}, h("tr", {}, h("td", {}), figures.names.map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, Object.entries(rows).map(([title, values]) => h("tr", {}, h("th", { scope: "row" }, title), values.map((value) => h("td", {}, number(value)))))));
    return [
      h("h3", { id: "bleed" }, "Bleed matrix"),
      h("p", {}, "Rows are microphones, columns are sources. Each number is the level of the source in that microphone relative to its own microphone, in dB, estimated from the recording before cleaning."),
      matrix(figures),
      h("p", {}, "Inter-microphone coherence before, the share of a microphone's energy that another one predicts: ", h("strong", {}, `${coherence} %`), "."),
      h("p", { id: "change" }, "Level change of each microphone where its own source is dominant, in dB; near 0 is good. "
        + "The estimated SDR compares each microphone with what fixed filters over the other cleaned ones leave of it; higher is better. "
        + "A dash stands where the recording does not show that such filters predict the bleed, as in drum kits."),
      h("div", { class: "wide", tabindex: 0, role: "region", "aria-label": "Level change and estimated SDR" }, table),
    ];
  }

  key(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (!this.listen?.key(event)) return;
    event.preventDefault();
    event.stopPropagation();
    this.pressed = event.key;
  }

  // A button would act when the space bar is released, even if the player had it.
  released(event) {
    if (event.key === " " && this.pressed === " ") event.preventDefault();
    this.pressed = null;
  }
}

function section(title, id, ...content) {
  return h("section", { "aria-labelledby": `${id}-title`, class: id }, h("h2", { id: `${id}-title` }, title), content);
}
