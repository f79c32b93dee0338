// The form that begins runs, the runs under way with their progress at the button, and those that ended.

import { post, remove } from "./api.js";
import { doing, h, many, rebuild, say, sentence, time } from "./dom.js";

export const ACTIVE = ["waiting", "running"];
export const active = (run) => ACTIVE.includes(run.status);
const STAGES = { check: "checking the files", compare: "comparing the tracks", result: "computing the result", figures: "measuring", "": "starting" };
const SHORTEST = 2; // a recording this many times as long as a preview is worth one

export class Runs {
  // view: the session's page, with { about, id, session, runId, refresh(), changed(session), choose(run) }
  constructor(view) {
    Object.assign(this, { view, follow: null, starting: false, bars: new Map(), inputs: new Map() });
    this.now = h("ol", { class: "runs now", "aria-label": "Runs in progress" });
    this.list = h("div");
    this.element = h("div", {}, this.form(), this.now, this.list);
  }

  form() {
    const { methods, preview } = this.view.about;
    this.fields = h("div", { class: "settings" });
    this.text = h("p", { class: "soft" });
    this.warning = h("p", { class: "note", role: "status" });
    this.method = h("select", { id: "method", onchange: () => this.fill() }, methods.map(({ name }) => h("option", { value: name }, name)));
    this.amount = h("select", { id: "amount", onchange: () => this.fillAmount() },
      [["", "as session.toml says"], ["all", "all the bleed"], ["12", "natural, at most 12 dB"], ["other", "at most …"]].map(([value, text]) => h("option", { value, selected: value === "all" }, text)));
    this.most = h("input", { id: "most", type: "text", inputmode: "decimal", value: "6", size: 4, "aria-label": "Decibels to remove at most" });
    this.unit = h("span", { class: "soft" }, "dB");
    this.part = h("input", { type: "checkbox", id: "part" });
    this.stretch = h("span");
    this.region = h("label", { class: "check" }, this.part, this.stretch);
    this.button = h("button", { type: "submit", class: "main" }, "Remove the bleed");
    this.preview = h("button", { type: "button", class: "quiet", title: `Clean the ${preview} seconds in which most microphones are loud, to hear in a moment what to expect`,
      onclick: () => this.begin({ preview: true }) }, `Preview ${preview} s`);
    const form = h("form", { class: "clean", onsubmit: (event) => { event.preventDefault(); this.begin(); } },
      h("div", { class: "row" }, h("label", { for: "amount" }, "Remove"), this.amount, this.most, this.unit, h("span", { class: "soft" }, "you can adjust it by ear afterwards"), this.button, this.preview),
      h("div", {}, this.region),
      h("details", { class: "advanced" }, h("summary", {}, "Advanced"),
        h("p", { class: "soft" }, "demix is the method to use. The others are here for research and comparison."),
        h("div", { class: "row" }, h("label", { for: "method" }, "Method"), this.method), this.text, this.fields),
      this.warning);
    this.view.player.addEventListener("state", () => this.showRegion());
    this.fill();
    this.fillAmount();
    this.showRegion();
    return form;
  }

  fillAmount() { this.most.hidden = this.unit.hidden = this.amount.value !== "other"; }

  // The part of the recording that the loop holds, in seconds; that of a preview begins where the preview does.
  loop() {
    const { player } = this.view, { session, heard } = this.view, { source, loop } = player;
    if (!source || !loop) return null;
    const offset = session.runs.find((run) => run.id === heard)?.excerpt?.[0] ?? 0;
    return [loop.start, loop.end].map((at) => Math.round(1000 * (offset + at / source.rate)) / 1000);
  }

  showRegion() {
    const loop = this.loop();
    this.part.disabled = !loop;
    this.region.classList.toggle("soft", !loop);
    if (!loop) this.part.checked = false;
    this.stretch.textContent = loop ? `Clean only the loop, ${time(loop[0], 1)} to ${time(loop[1], 1)}; the rest stays as it is` : "Clean only a part: drag a loop on a waveform first";
  }

  // The settings of the chosen method.
  fill() {
    const chosen = this.view.about.methods[this.method.selectedIndex];
    this.text.textContent = `${chosen.text[0].toUpperCase()}${chosen.text.slice(1)}.`;
    this.showWarning();
    this.inputs.clear();
    this.fields.replaceChildren(...chosen.settings.map((setting) => {
      const id = `set-${setting.name}`;
      const input = setting.kind === "choice"
        ? h("select", { id }, setting.choices.map((choice) => h("option", { selected: choice === setting.default }, choice)))
        : h("input", { id, type: "text", value: setting.default, inputmode: setting.kind === "number" ? "decimal" : null, spellcheck: "false" });
      this.inputs.set(setting, input);
      return h("div", {}, h("label", { for: id }, setting.name), input, h("span", { class: "soft" }, setting.help));
    }));
  }

  // What speaks against the chosen method here.
  showWarning() {
    const chosen = this.view.about.methods[this.method.selectedIndex], { units } = this.view.session, keep = this.view.wantedKeep() ?? {};
    const count = new Set(units.filter((unit) => unit.role !== "room" && !unit.left_out).map((unit) => unit.source)).size;
    const said = [
      chosen.warning,
      chosen.sources !== null && chosen.sources !== count ? `${chosen.name} takes exactly ${chosen.sources} sources, and this session has ${count}.` : null,
      !chosen.selective && Object.keys(keep).length ? `${chosen.name} cannot follow the switches of the matrix, which keep some of the bleed; demix can.` : null,
    ].filter(Boolean).join(" ");
    this.warning.hidden = !said;
    if (said !== this.warning.textContent) this.warning.textContent = said;
  }

  wanted() {
    const settings = {}, wanted = { method: this.method.value, settings };
    for (const [setting, input] of this.inputs) if (input.value.trim() !== setting.default) settings[setting.name] = input.value.trim();
    const dB = this.amount.value === "other" ? this.most.value.trim().replace(",", ".") : this.amount.value;
    if (dB) wanted.reduction = {}; // nothing said: what session.toml said
    if (dB && dB !== "all") for (const unit of this.view.session.units) if (unit.role === "source" && !unit.left_out) wanted.reduction[unit.source] = dB;
    const keep = this.view.wantedKeep();
    if (keep) wanted.keep = keep;
    if (this.part.checked) wanted.region = this.loop();
    return wanted;
  }

  // One run, however often the button is pressed meanwhile; that it begins is seen before the server responds.
  async begin(more = {}) {
    if (this.starting) return;
    this.starting = true;
    this.show();
    await doing(async () => {
      const run = await post(`sessions/${this.view.id}/runs`, { ...this.wanted(), ...more });
      this.follow = run.id;
      await this.view.refresh();
    })();
    this.starting = false;
    this.show();
  }

  // ----------------------------------------------------------------------------------------------------------- what is

  show() {
    const { session } = this.view, going = session.runs.filter(active);
    this.showButton(going);
    this.showSaid();
    this.showWarning();
    const state = JSON.stringify([session.runs.map((run) => [run.id, run.status, run.ready, run.other_grouping]), this.starting]) + this.view.runId;
    if (state !== this.state) {
      this.state = state;
      this.bars.clear();
      const begun = this.starting && !going.length ? [h("li", {}, h("div", { class: "row" }, bar("starting the run").element))] : [];
      rebuild(this.now, ...begun, ...going.map((run) => h("li", {}, this.progress(run))));
      const ended = session.runs.filter((run) => !active(run));
      rebuild(this.list, ended.length ? h("ol", { class: "runs", "aria-label": "Runs" }, ended.map((run) => this.row(run))) : "");
    }
    for (const run of going) this.bars.get(run.id)?.tell(run);
  }

  // What session.toml said of reductions is the first choice, once it is there.
  showSaid() {
    const [first] = this.amount.options, said = Object.keys(this.view.session.reduction).length > 0;
    if (first.hidden === !said) return;
    first.hidden = first.disabled = !said;
    this.amount.value = said ? "" : "all";
    this.fillAmount();
  }

  showButton(going) {
    const { session, about } = this.view, running = going.find((run) => run.status === "running");
    const busy = this.starting || going.length > 0;
    this.button.disabled = Boolean(session.problem || this.starting);
    this.button.setAttribute("aria-busy", busy);
    this.button.textContent = this.starting ? "Starting …" : running && !running.excerpt ? `Removing … ${percent(running)} %` : "Remove the bleed";
    this.preview.textContent = `Preview ${running?.excerpt ? `… ${percent(running)} %` : `${about.preview} s`}`;
    this.preview.disabled = this.button.disabled;
    this.preview.hidden = !(session.length > SHORTEST * about.preview * session.rate);
  }

  // The run that was waited for, once it can be heard; told once.
  arrived() {
    const done = this.view.session.runs.find((run) => run.id === this.follow && run.ready);
    if (done) this.follow = null;
    return done;
  }

  progress(run) {
    const progress = bar(`Progress of ${title(run)}`), path = `sessions/${this.view.id}/runs/${run.id}`;
    this.bars.set(run.id, progress);
    progress.tell(run);
    return h("div", { class: "row" }, h("span", {}, title(run)), progress.element, notifier(),
      h("button", { type: "button", class: "quiet", onclick: doing(async () => { await post(`${path}/cancel`); await this.view.refresh(); }) }, "Cancel"));
  }

  row(run) {
    const { view } = this, name = title(run), path = `sessions/${view.id}/runs/${run.id}`;
    const chosen = view.session.runs.filter((other) => other.ready).at(-1)?.id;
    const first = run.ready
      ? h("label", {}, h("input", { type: "radio", name: "run", checked: (view.runId ?? chosen) === run.id, onchange: () => view.choose(run.id) }), " ", name)
      : h("span", {}, name);
    const text = run.status === "failed" ? sentence(run.error ?? "it failed") : run.status === "cancelled" ? "cancelled" : `took ${time(run.seconds ?? 0)}`;
    const erase = h("button", { type: "button", class: "quiet", "aria-label": `Delete run ${name}`, onclick: doing(async () => {
      if (run.ready && !confirm(`Delete run ${name}?`)) return;
      view.changed(await remove(path));
    }) }, "Delete");
    const { notes } = run;
    return h("li", {},
      h("div", { class: "row" }, first,
        run.ready && run.other_grouping ? h("span", { class: "badge" }, "another grouping") : null,
        h("span", { class: run.status === "failed" ? "wrong" : "soft", role: run.status === "failed" ? "alert" : null }, text), erase),
      notes.length ? h("details", { class: "notes" }, h("summary", { class: "soft" }, many(notes.length, "note")), notes.map((note) => h("p", { class: "soft" }, note))) : null);
  }
}

export function title({ excerpt, region, keep, method, settings, created }) {
  const text = Object.entries(settings).map(([key, value]) => `${key}=${value}`).join(", ");
  const kept = Object.entries(keep ?? {}).map(([mic, sources]) => `${sources.join(" and ")} kept in ${mic}`).join(", ");
  const what = excerpt ? `Preview ${time(excerpt[0])} to ${time(excerpt[1])}, ${method}` : method;
  const part = region ? `, ${time(region[0])} to ${time(region[1])} only` : "";
  return `${what}${text ? ` (${text})` : ""}${part}${kept ? `, ${kept}` : ""}, ${new Date(created * 1000).toLocaleTimeString([], { timeStyle: "short" })}`;
}

// No more digits than are true: 5, 10, 15 … 50 seconds, then minutes.
const rough = (seconds) => (seconds > 90 ? `${Math.round(seconds / 60)} min` : seconds > 52 ? "1 min" : `${5 * Math.max(1, Math.round(seconds / 5))} s`);

export const percent = (job) => Math.floor(100 * job.share);

// A bar with a sentence: the stage, and the time left once it can be told.
function bar(label) {
  const line = h("progress", { max: 1, value: 0, "aria-label": label });
  const text = h("span", { class: "soft" }, "starting");
  const tell = (job) => {
    const { status, stage, share, left } = job;
    line.value = share;
    const rest = left === null || left === undefined ? "" : `, about ${rough(left)} left`;
    text.textContent = status === "waiting" ? "queued" : `${STAGES[stage] ?? "learning"}, ${percent(job)} %${rest}`;
  };
  return { element: h("div", { class: "progress" }, line, text), tell };
}

// Notifications are asked for only by a button: a browser that is asked unbidden refuses for good.
function notifier() {
  if (!("Notification" in window) || Notification.permission !== "default") return null;
  const button = h("button", { type: "button", class: "quiet", onclick: doing(async () => { if (await Notification.requestPermission() !== "default") button.remove(); }) }, "Notify me");
  return button;
}

export function announce(name) {
  say("the result is ready; listen to it below");
  if ("Notification" in window && Notification.permission === "granted" && document.hidden) {
    const note = new Notification("debleed", { body: `The result of '${name}' is ready.`, tag: "debleed" });
    note.onclick = () => { window.focus(); note.close(); };
  }
}
