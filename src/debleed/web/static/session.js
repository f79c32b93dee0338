// One session: its microphones, its runs, and what came of the chosen run.

import { get, patch, post } from "./api.js";
import { tour } from "./demo.js";
import { doing, h, number, numbers, say, sentence, settle, time } from "./dom.js";
import { Uploads } from "./files.js";
import { sameKeep } from "./limits.js";
import { Listen } from "./listen.js";
import { Matrix } from "./matrix.js";
import { Microphones } from "./microphones.js";
import { Player } from "./player.js";
import { Runs, active, announce, percent } from "./runs.js";
import { Spectrograms } from "./spectrogram.js";
import { Take } from "./take.js";

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
    this.mics = new Microphones(this);
    this.keep = null; // which bleed is to stay, once a switch was touched
    this.offline = h("div", { role: "alert" });
    this.runs = new Runs(this);
    this.result = h("div");
    this.element = h("div", {},
      h("div", { class: "row" }, this.title, h("button", { type: "button", class: "quiet", onclick: doing(() => this.rename()) }, "Rename")),
      this.offline, this.warning,
      h("section", { "aria-labelledby": "mics-title" }, h("h2", { id: "mics-title" }, "Microphones"), this.files.element, this.mics.element),
      h("section", { "aria-labelledby": "clean-title" }, h("h2", { id: "clean-title" }, "Clean"), this.runs.element),
      this.result);
    this.failures = 0;
    if (session.demo && !run) this.going = session.runs.find((other) => other.ready)?.id; // who came to listen is taken there
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
      if (this.asked !== asked) return; // a later look or a change has a newer answer
      this.session = session;
    } catch (error) { this.lost(error); return; }
    if (this.closed) return;
    if (this.failures) { this.failures = 0; this.looked = null; this.offline.replaceChildren(); settle(); say("connected again"); }
    this.show();
  }

  // The server did not respond: say so, and go on asking. A session that was deleted in another tab is left.
  lost(error) {
    if (this.closed) return;
    if (error.status === 404) { say(error.message, true); location.hash = "#/"; return; }
    this.failures++;
    if (!this.offline.firstChild) this.offline.replaceChildren(h("p", { class: "note wrong" }, "The server does not respond. What you see may be out of date; the page keeps trying. If you have stopped 'debleed serve', start it again."));
    this.timer = setTimeout(() => this.refresh(), PATIENCE[Math.min(this.failures, PATIENCE.length) - 1]);
  }

  async rename() {
    const name = prompt("Session name", this.session.name);
    if (name) this.changed(await patch(`sessions/${this.id}`, { name }));
  }

  // The session as a change has left it.
  changed(session) {
    this.asked = null; // a look that is under way may be older
    this.session = session;
    this.show();
  }

  choose(run) {
    if (!run || run === this.runId) return;
    this.runId = run;
    this.keep = null;
    history.replaceState(null, "", `#/s/${this.id}/${run}`);
    this.show();
  }

  // The result that was waited for is there: go to it, and say so.
  arrive() {
    const done = this.runs.arrived();
    if (!done) return;
    this.runId = done.id;
    this.keep = null;
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
    const trouble = session.files.length ? session.problem : null;
    this.warning.replaceChildren(...(trouble ? [h("p", { class: "note", role: "status" }, sentence(trouble))] : []));
    this.forgetSwitches();
    this.arrive();
    this.showTitle(session.runs.find(active));
    this.mics.show();
    this.look();
    this.runs.show();
    const ready = session.runs.filter((run) => run.ready);
    const run = ready.find((other) => other.id === this.runId) ?? ready.at(-1);
    this.showResult(run);
    const busy = session.looking || session.runs.some((other) => active(other) || other.reporting);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.refresh(), busy ? BUSY : IDLE);
  }

  // As soon as all files are there, the server looks at them: the matrix and proposals need no run.
  look() {
    const { session } = this, wanted = JSON.stringify([session.files.map((file) => file.id), session.units]);
    if (session.look || session.looking || session.problem || this.files.busy() || this.looked === wanted) return;
    this.looked = wanted; // once: what went wrong would go wrong again
    post(`sessions/${this.id}/look`).then(() => this.refresh()).catch(() => { this.looked = null; }); // at the next look at the server
  }

  // Which bleed is to stay was said of the sources as they were.
  forgetSwitches() {
    const sources = JSON.stringify(this.session.units.map((unit) => [unit.name, unit.source, unit.left_out]));
    if (this.sources !== undefined && this.sources !== sources) this.keep = null;
    this.sources = sources;
  }

  // Which bleed a run is to keep: what the switches show; undefined where none are shown, so that session.toml decides.
  wantedKeep() {
    const run = this.session.runs.find((other) => other.id === this.heard);
    return this.keep ?? (run && !run.other_grouping ? run.keep : undefined);
  }

  // --------------------------------------------------------------------------------------------------------- result

  async showResult(run) {
    const measured = run && !active(run);
    const key = run ? `${run.id} ${measured}` : JSON.stringify([this.session.wholes.map((whole) => whole.id), this.session.units.map((unit) => unit.name)]);
    this.showStale(run);
    if (!run) this.showBefore();
    if (key === this.shown) { if (run) this.take?.tell(run); return; }
    this.shown = key;
    if (!run) { this.alone(); return; }
    let full;
    try { full = await get(`sessions/${this.id}/runs/${run.id}`); } catch (error) { say(error.message, true); this.shown = undefined; return; }
    if (this.closed || this.shown !== key) return;
    if (this.heard === run.id) { // only the figures can be new
      if (!this.measured) this.see.replaceChildren(...this.compared(full));
      this.measured = Boolean(full.figures.bleed_before);
      this.take.tell(full);
      this.listen.say(full.sentences);
      return;
    }
    this.measured = Boolean(full.figures.bleed_before);
    const path = `sessions/${this.id}/runs/${run.id}`, { figures } = full;
    if (!this.heard) this.player.layer = "after";
    this.heard = run.id;
    this.player.load({ path, layers: 2, rate: figures.rate, length: figures.length, names: figures.names, sources: figures.sources, energies: figures.energies });
    this.take = new Take(path, full, () => this.refresh());
    this.spectra = new Spectrograms(this.player, path, figures, this.about.tile);
    this.listen?.close();
    this.listen = new Listen(this.player, path, full, this.about.zooms, {
      look: (mic) => this.spectra.choose(mic),
      tuned: (reduction) => { this.take.tune(reduction); this.tuned(path); },
    });
    this.see = h("div", {}, this.compared(full));
    this.stale = h("div");
    this.showStale(run);
    this.result.replaceChildren(
      section(run.excerpt ? `Listen to the preview, ${time(run.excerpt[0])} to ${time(run.excerpt[1])}` : "Listen", "listen", this.stale, this.session.demo ? tour(this.player, figures) : null, this.listen.element),
      section("Compare", "see", this.spectra.element, this.see),
      run.excerpt ? this.only(run) : section("Download", "take", this.take.element));
    this.spectra.follow();
    this.goTo(run);
  }

  // What is said of the microphones changes with what is removed from them, once the server knows it.
  tuned(path) {
    clearTimeout(this.telling);
    this.telling = setTimeout(async () => {
      const { listen } = this, run = await get(path).catch(() => null);
      if (!run || this.listen !== listen) return;
      if (JSON.stringify(run.reduction) === JSON.stringify(listen.reduction)) listen.say(run.sentences);
      else this.tuned(path);
    }, 500);
  }

  // Before anything was run the microphones can be heard as they are.
  alone() {
    this.heard = null;
    this.listen?.close();
    this.listen = this.spectra = this.take = this.beforeState = null;
    const { session } = this;
    if (!session.files.length) { this.player.close(); this.player.source = null; this.result.replaceChildren(); return; }
    const names = session.units.flatMap(({ name, channels }) => (channels.length === 2 ? [`${name}.L`, `${name}.R`] : [name]));
    const places = session.units.flatMap(({ whole, channels }) => channels.map((channel) => ({ file: session.wholes[whole], channel })));
    const path = `sessions/${this.id}`;
    this.player.close();
    this.player.source = null;
    this.player.load({ path, layers: 1, rate: session.rate, length: session.length, names, sources: names.map(() => ""), energies: null });
    this.listen = new Listen(this.player, path, { figures: { names, sources: names.map(() => ""), rate: session.rate, length: session.length }, places, reduction: {} }, this.about.zooms, { look: () => {}, tuned: null });
    this.bleed = h("div");
    this.result.replaceChildren(section("Listen", "listen", this.listen.element), section("Who bleeds where", "see", this.bleed));
    this.showBefore();
  }

  // The matrix before any run.
  showBefore() {
    const { session } = this, { look } = session;
    if (!this.listen || !this.bleed) return;
    const state = look?.key ?? (session.looking ? "looking" : "");
    if (this.beforeState === state) return;
    this.beforeState = state;
    if (!look) { this.bleed.replaceChildren(h("p", { class: "soft" }, session.looking ? "Measuring the bleed." : session.problem ?? "The bleed is not known yet.")); return; }
    const { names } = this.player.source, index = (mic) => names.indexOf(look.names[mic]);
    const note = h("p", { class: "soft", role: "status" });
    this.bleed.replaceChildren(h("h3", { id: "bleed" }, "Bleed matrix"), explained(), new Matrix(look, this.keep ?? session.keep, {}, {
      play: (mics, moment) => this.listen.solo(mics.map(index), moment),
      switched: (keep) => { this.keep = keep; note.textContent = "The next run will follow these switches."; },
    }).element, note);
  }

  // A result of microphones that were grouped in another way than they are now is not what another run would give.
  showStale(run) {
    if (!this.stale || !run || this.stale.dataset.other === String(run.other_grouping)) return;
    this.stale.dataset.other = run.other_grouping;
    this.stale.replaceChildren(...(run.other_grouping
      ? [h("p", { class: "note", role: "status" }, "This result belongs to another grouping of the microphones. Remove the bleed again to hear the present one.")] : []));
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
    return h("p", { class: "soft" }, `This preview was learnt from these ${Math.round(run.excerpt[1] - run.excerpt[0])} seconds alone and may differ from the final result. Remove the bleed from the whole recording to download it.`);
  }

  compared(run) {
    const { figures } = run;
    if (!figures.bleed_before) {
      const why = active(run) ? "Measuring the bleed." : "The bleed was not measured, because the run ended early.";
      return [h("p", { class: "soft" }, why)];
    }
    const coherence = figures.coherence_before === null ? "–" : number(100 * figures.coherence_before);
    const rows = { "Level change": numbers(figures, "change") };
    if (figures.sdr_after) Object.assign(rows, { "Estimated SDR before": numbers(figures, "sdr_before"), "Estimated SDR after": numbers(figures, "sdr_after") });
    const table = h("table", { class: "levels", "aria-labelledby": "change" },
      h("thead", {}, h("tr", {}, h("td", {}), figures.names.map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, Object.entries(rows).map(([title, values]) => h("tr", {}, h("th", { scope: "row" }, title), values.map((value) => h("td", {}, number(value)))))));
    return [
      h("h3", { id: "bleed" }, "Bleed matrix"), explained(), ...this.switches(run),
      h("details", {}, h("summary", {}, "Figures"),
        h("p", {}, "Inter-microphone coherence before cleaning: ", h("strong", {}, `${coherence} %`), ", the share of a microphone's energy that can be predicted from another one."),
        h("p", { id: "change" }, "The level change says by how many dB each microphone became louder or quieter while its own source dominates; near 0 is good. "
          + "The estimated SDR says by how many dB the source stands above bleed and damage; higher is better. "
          + "It needs no truth: it compares each microphone with what fixed filters over the other cleaned ones leave of it. "
          + "A dash means that the recording allows no estimate, as often with drum kits."),
        h("div", { class: "wide", tabindex: 0, role: "region", "aria-label": "Level change and estimated SDR" }, table)),
    ];
  }

  // The matrix of a run, whose switches ask for another run that learns nothing again.
  switches(run) {
    const { figures, method } = run, pending = h("div", { class: "row pending", role: "status" });
    const selective = this.about.methods.find(({ name }) => name === method)?.selective;
    const shown = run.keep ?? {};
    const again = doing(async () => {
      const { settings, region, excerpt } = run;
      await this.runs.begin({ method, settings, keep: this.keep, reduction: this.listen.reduction, ...(region ? { region } : {}), preview: Boolean(excerpt) });
    });
    const place = h("div");
    const build = (keep) => {
      const made = new Matrix(figures, keep, shown, {
        play: (mics, moment) => this.listen.solo(mics, moment),
        switched: selective ? (wanted) => { this.keep = wanted; tell(wanted); } : null,
      });
      place.replaceChildren(made.element);
    };
    const tell = (wanted) => pending.replaceChildren(...(sameKeep(wanted, shown) ? [] : [
      h("span", {}, `These switches are not applied yet. Applying them makes another result${run.other_grouping ? "" : " without learning again"}; this one stays in the list of runs.`),
      h("button", { type: "button", class: "main", onclick: again }, "Apply the switches"),
      h("button", { type: "button", class: "quiet", onclick: () => { this.keep = null; build(shown); tell(shown); } }, "Undo"),
    ]));
    build(this.keep ?? shown);
    tell(this.keep ?? shown);
    return [place, pending];
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
  return h("section", { "aria-labelledby": `${id}-title`, class: id }, h("h2", { id: `${id}-title` }, title), content.filter(Boolean));
}

const explained = () => h("p", {}, "Rows are microphones, columns are sources. Each number says how loud the source is in that microphone compared with its own, in dB, estimated before cleaning: the closer to 0, the louder the bleed.");
