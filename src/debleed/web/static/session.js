// One session: its microphones, its runs, and what came of the chosen run.

import { get, patch, post, remove } from "./api.js";
import { decibel, doing, h, many, number, numbers, rebuild, say, time } from "./dom.js";
import { Uploads, picker } from "./files.js";
import { Listen } from "./listen.js";
import { matrix } from "./matrix.js";
import { Player } from "./player.js";
import { Spectrograms } from "./spectrogram.js";
import { Take } from "./take.js";
import { Waveform } from "./waveform.js";

const ACTIVE = ["waiting", "running"];

export class SessionView {
  constructor(about, id, session, run) {
    Object.assign(this, { about, id, session, runId: run ?? null, shown: undefined, player: new Player() });
    this.files = new Uploads(id, about.limits, () => this.refresh());
    this.player.addEventListener("failed", (event) => say(event.detail.message, true));
    this.player.addEventListener("late", () => say("the audio arrived late; playback continues from here"));
    this.title = h("h1", { class: "title" });
    this.warning = h("div");
    this.mics = h("div");
    this.clean = h("div");
    this.runs = h("div");
    this.result = h("div");
    this.element = h("div", {},
      h("div", { class: "row" }, this.title, h("button", { type: "button", class: "quiet", onclick: doing(() => this.rename()) }, "Rename")),
      this.warning,
      h("section", { "aria-labelledby": "mics-title" }, h("h2", { id: "mics-title" }, "Microphones"), this.files.element, this.mics),
      h("section", { "aria-labelledby": "clean-title" }, h("h2", { id: "clean-title" }, "Clean"), this.clean, this.runs),
      this.result);
    this.form();
    this.show();
    const tick = () => { this.frame = requestAnimationFrame(tick); this.listen?.follow(); this.spectra?.follow(); };
    tick();
  }

  close() {
    this.closed = true;
    cancelAnimationFrame(this.frame);
    clearTimeout(this.timer);
    this.files.stop();
    this.player.close();
    this.player.forget();
  }

  async refresh() {
    clearTimeout(this.timer);
    if (this.closed) return;
    try { this.session = await get(`sessions/${this.id}`); } catch (error) { if (!this.closed) say(error.message, true); return; }
    if (!this.closed) this.show();
  }

  async rename() {
    const name = prompt("Session name", this.session.name);
    if (name) { this.session = await patch(`sessions/${this.id}`, { name }); this.show(); }
  }

  choose(run) { if (run && run !== this.runId) { this.runId = run; this.show(); } }

  show() {
    const { session } = this;
    document.title = `${session.name}, debleed`;
    this.title.textContent = session.name;
    const trouble = session.failed ?? (session.files.length && !session.job ? session.problem : null);
    this.warning.replaceChildren(...(trouble ? [h("p", { class: "note", role: "status" }, trouble)] : []));
    this.showMics();
    this.showRuns();
    const ready = session.runs.filter((run) => run.ready);
    const run = ready.find((other) => other.id === this.runId) ?? ready.at(-1);
    this.button.disabled = Boolean(session.problem || session.job);
    this.showResult(run);
    const busy = session.job || session.runs.some((other) => ACTIVE.includes(other.status) || other.taking);
    clearTimeout(this.timer);
    if (busy) this.timer = setTimeout(() => this.refresh(), 400);
  }

  // ---------------------------------------------------------------------------------------------------- microphones

  showMics() {
    const { session } = this;
    const state = JSON.stringify([session.files, session.units, Boolean(session.job)]);
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
    const longest = Math.max(...session.files.map((file) => file.frames / file.rate));
    const sources = [...new Set(session.units.map((unit) => unit.source).filter(Boolean))];
    const list = h("datalist", { id: "sources" }, sources.map((source) => h("option", { value: source })));
    const rows = session.poly
      ? session.units.map((unit, channel) => this.micRow(unit, session.files[0], [channel], longest))
      : session.files.map((file, i) => this.micRow(session.units[i], file, [...Array(file.channels).keys()], longest));
    const more = h("details", { class: "more" }, h("summary", {}, "Add files"), picker((files) => this.files.add(files), "Drop more files here"));
    const open = this.mics.querySelector("details.inputs")?.open ?? !session.runs.some((run) => run.ready);
    const count = `${many(session.units.length, session.poly ? "channel" : "file")}, ${time(longest)} min, ${session.rate} Hz`;
    rebuild(this.mics, h("details", { class: "inputs", open },
      h("summary", {}, count), list, h("div", { class: "inputs-list" }, rows), more));
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
      new Waveform(canvas).show([{ path: `sessions/${this.id}/files/${file.id}/peaks?mic=${channel}`, rate: file.rate, zooms: this.about.zooms, color: "--wave" }], 0, longest, peak > 0 ? Math.min(30, 0.9 / peak) : 1);
      return canvas;
    });
    const erase = doing(async () => {
      if (!confirm(`Remove '${file.name}' from the session?`)) return;
      this.session = await remove(`sessions/${this.id}/files/${file.id}`);
      this.show();
    });
    const peak = Math.max(...channels.map((channel) => file.peak[channel]));
    const power = Math.max(...channels.map((channel) => file.power[channel]));
    return h("div", { class: "input" },
      h("div", { class: "waves" }, canvases),
      h("div", { class: "what" }, h("strong", {}, this.session.poly ? unit.name : file.name), channels.length === 2 ? h("span", { class: "soft" }, " stereo pair") : null,
        h("div", { class: "soft" }, `${number(decibel(power))} dB, peak ${number(decibel(peak ** 2))} dB, ${time(file.frames / file.rate, 1)}`),
        wrong.length ? h("div", { class: "wrong" }, wrong.join("; ")) : null,
        notes.length ? h("div", { class: "soft" }, notes.join("; ")) : null),
      h("div", { class: "say" }, select, kind === "source" || kind === "reference" ? h("label", {}, h("span", { class: "soft" }, "name "), source) : null,
        this.session.poly ? null : h("button", { type: "button", class: "quiet small", onclick: erase, "aria-label": `Remove ${file.name}` }, "×")));
  }

  // ----------------------------------------------------------------------------------------------------------- runs

  form() {
    const { methods } = this.about;
    const fields = h("div", { class: "settings" });
    const text = h("p", { class: "soft" });
    const method = h("select", { id: "method", onchange: () => fill() }, methods.map(({ name }) => h("option", { value: name }, name)));
    const inputs = new Map();
    const fill = () => {
      const chosen = methods[method.selectedIndex];
      text.textContent = chosen.text;
      inputs.clear();
      fields.replaceChildren(...chosen.settings.map((setting) => {
        const id = `set-${setting.name}`;
        const input = setting.kind === "choice"
          ? h("select", { id }, setting.choices.map((choice) => h("option", { selected: choice === setting.default }, choice)))
          : h("input", { id, type: "text", value: setting.default, inputmode: setting.kind === "number" ? "decimal" : null, spellcheck: "false" });
        inputs.set(setting, input);
        return h("div", {}, h("label", { for: id }, setting.name), input, h("span", { class: "soft" }, setting.help));
      }));
      details.hidden = !chosen.settings.length;
    };
    const details = h("details", {}, h("summary", {}, "Settings"), fields);
    const most = h("input", { id: "most", type: "text", inputmode: "decimal", placeholder: "all", size: 5, "aria-describedby": "most-help" });
    this.button = h("button", { type: "submit", class: "main" }, "Remove the bleed");
    const begin = doing(async () => {
      const settings = {};
      for (const [setting, input] of inputs) if (input.value.trim() !== setting.default) settings[setting.name] = input.value.trim();
      const wanted = { method: method.value, settings };
      const dB = most.value.trim().replace(",", ".");
      if (dB) wanted.reduction = {}; // nothing said: what a session.toml said, or all
      if (dB && dB !== "all") for (const unit of this.session.units) if (unit.source !== null && !unit.left_out) wanted.reduction[unit.source] = dB;
      const run = await post(`sessions/${this.id}/runs`, wanted);
      this.follow = run.id;
      await this.refresh();
    });
    this.clean.replaceChildren(h("form", { class: "clean", onsubmit: (event) => { event.preventDefault(); begin(); } },
      h("div", { class: "row" }, h("label", { for: "method" }, "Method"), method,
        h("label", { for: "most" }, "Remove at most"), most, h("span", { class: "soft", id: "most-help" }, "dB; you can adjust this by ear afterwards"), this.button),
      text, details));
    fill();
  }

  showRuns() {
    const { runs } = this.session;
    const done = runs.find((run) => run.id === this.follow && run.ready);
    if (done) { say("the result is ready; listen to it below"); this.follow = null; this.runId = done.id; history.replaceState(null, "", `#/s/${this.id}/${done.id}`); }
    const state = JSON.stringify(runs.map((run) => [run.id, run.status, run.ready])) + this.runId;
    if (state !== this.runsState) {
      this.runsState = state;
      this.bars = new Map();
      rebuild(this.runs, runs.length ? h("ol", { class: "runs", "aria-label": "Runs" }, runs.map((run, k) => this.runRow(run, k))) : "");
    }
    for (const run of runs) this.bars.get(run.id)?.tell(run);
  }

  runRow(run, k) {
    const path = `sessions/${this.id}/runs/${run.id}`;
    const settings = Object.entries(run.settings).map(([key, value]) => `${key}=${value}`).join(", ");
    const name = `${k + 1}. ${run.method}${settings ? ` (${settings})` : ""}`;
    const chosen = this.session.runs.filter((other) => other.ready).at(-1)?.id;
    const parts = [];
    if (run.ready) {
      const radio = h("input", { type: "radio", name: "run", checked: (this.runId ?? chosen) === run.id,
        onchange: () => { this.runId = run.id; history.replaceState(null, "", `#/s/${this.id}/${run.id}`); this.show(); } });
      parts.push(h("label", {}, radio, " ", name));
    } else parts.push(h("span", {}, name));
    if (ACTIVE.includes(run.status)) {
      const progress = bar(`Progress of ${name}`, false);
      this.bars.set(run.id, progress);
      progress.tell(run);
      parts.push(progress.element, h("button", { type: "button", class: "quiet", onclick: doing(async () => { await post(`${path}/cancel`); await this.refresh(); }) }, "Cancel"));
    } else {
      const share = run.median_sdr_after === null ? "" : `; median estimated SDR ${number(run.median_sdr_before)} → ${number(run.median_sdr_after)} dB`;
      const text = run.status === "failed" ? run.error : run.status === "cancelled" ? "cancelled" : `took ${time(run.seconds ?? 0)}${share}`;
      parts.push(h("span", { class: run.status === "failed" ? "wrong" : "soft", role: run.status === "failed" ? "alert" : null }, text),
        h("button", { type: "button", class: "quiet", "aria-label": `Delete run ${name}`, onclick: doing(async () => {
          if (run.ready && !confirm(`Delete run ${name}?`)) return;
          this.session = await remove(path);
          this.show();
        }) }, "Delete"));
    }
    const { notes } = run;
    return h("li", {}, h("div", { class: "row" }, parts), notes.length && !ACTIVE.includes(run.status)
      ? h("details", { class: "notes" }, h("summary", { class: "soft" }, many(notes.length, "note")), notes.map((note) => h("p", { class: "soft" }, note))) : null);
  }

  // --------------------------------------------------------------------------------------------------------- result

  async showResult(run) {
    const measured = run && !ACTIVE.includes(run.status);
    const key = run ? `${run.id} ${measured}` : this.session.files.map((file) => file.id).join();
    if (this.session.job || key === this.shown) { if (run) this.take?.tell(run); return; }
    this.shown = key;
    if (!run) { this.alone(); return; }
    let full;
    try { full = await get(`sessions/${this.id}/runs/${run.id}`); } catch (error) { say(error.message, true); this.shown = undefined; return; }
    if (this.closed || this.shown !== key) return;
    if (this.heard === run.id) { // only the figures can be new
      if (!this.measured) this.see.replaceChildren(...this.seen(full));
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
    this.see = h("div", {}, this.seen(full));
    this.result.replaceChildren(
      section("Listen", "listen", this.listen.element),
      section("Compare", "see", this.spectra.element, this.see),
      section("Download", "take", this.take.element));
    this.spectra.follow();
  }

  // Before anything was run the microphones can be heard as they are.
  alone() {
    this.heard = null;
    this.listen?.close();
    this.listen = this.spectra = this.take = null;
    const { session } = this;
    if (!session.files.length || (session.problem ?? "").includes("channels")) { this.player.close(); this.player.source = null; this.result.replaceChildren(); return; }
    const names = session.files.flatMap((file) => {
      const stem = file.name.replace(/\.[^.]*$/, "");
      if (session.poly) return [...Array(file.channels).keys()].map((i) => `ch${i + 1}`);
      return file.channels === 2 ? [`${stem}.L`, `${stem}.R`] : [stem];
    });
    const places = session.files.flatMap((file) => [...Array(file.channels).keys()].map((channel) => ({ file, channel })));
    const path = `sessions/${this.id}`;
    this.player.close();
    this.player.source = null;
    this.player.load({ path, layers: 1, rate: session.rate, length: session.length, names, energies: null });
    this.listen = new Listen(this.player, path, { figures: { names, sources: names, rate: session.rate, length: session.length }, places, reduction: {} }, this.about.zooms, { look: () => {}, tuned: null });
    this.result.replaceChildren(section("Listen", "listen", this.listen.element));
  }

  seen({ figures, status }) {
    if (!figures.bleed_before) {
      const why = ACTIVE.includes(status) ? "Measuring the bleed." : "The bleed was not measured, because the run ended early.";
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
    this.listen?.key(event);
  }
}

function section(title, id, ...content) {
  return h("section", { "aria-labelledby": `${id}-title`, class: id }, h("h2", { id: `${id}-title` }, title), content);
}

// A bar with a sentence: the stage, and the time left once it can be told.
function bar(label, shown = true) {
  const line = h("progress", { max: 1, value: 0, "aria-label": label });
  const text = h("span", { class: "soft" });
  const tell = ({ status, stage, share, left }) => {
    line.value = share;
    const rest = left !== null && left !== undefined && share > 0.05 ? `, about ${left < 60 ? `${Math.ceil(left)} s` : `${Math.ceil(left / 60)} min`} left` : "";
    text.textContent = status === "waiting" ? "queued" : `${{ result: "computing the result", figures: "measuring", check: "checking", "": "starting" }[stage] ?? stage} ${Math.round(100 * share)} %${rest}`;
  };
  return { element: h("div", { class: "progress" }, shown ? h("span", {}, label) : null, line, text), tell };
}
