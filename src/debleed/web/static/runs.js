// The form that begins runs, the runs under way with their progress at the button, and those that ended.

import { post, remove } from "./api.js";
import { doing, h, many, number, rebuild, say, time } from "./dom.js";

export const ACTIVE = ["waiting", "running"];
export const active = (run) => ACTIVE.includes(run.status);
const STAGES = { check: "checking the files", compare: "comparing the tracks", result: "computing the result", figures: "measuring", "": "starting" };
const SHORTEST = 2; // a recording this many times as long as a preview is worth one

export class Runs {
  // view: the session's page, with { about, id, session, runId, refresh(), show(), choose(run) }
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
    this.method = h("select", { id: "method", onchange: () => this.fill() }, methods.map(({ name }) => h("option", { value: name }, name)));
    this.details = h("details", {}, h("summary", {}, "Settings"), this.fields);
    this.most = h("input", { id: "most", type: "text", inputmode: "decimal", placeholder: "all", size: 5, "aria-describedby": "most-help" });
    this.button = h("button", { type: "submit", class: "main" }, "Remove the bleed");
    this.preview = h("button", { type: "button", class: "quiet", title: `Clean the ${preview} seconds in which most microphones are loud, to hear soon what to expect`,
      onclick: () => this.begin({ preview: true }) }, `Preview ${preview} s`);
    const form = h("form", { class: "clean", onsubmit: (event) => { event.preventDefault(); this.begin(); } },
      h("div", { class: "row" }, h("label", { for: "method" }, "Method"), this.method,
        h("label", { for: "most" }, "Remove at most"), this.most, h("span", { class: "soft", id: "most-help" }, "dB; adjustable by ear afterwards"), this.button, this.preview),
      this.text, this.details);
    this.fill();
    return form;
  }

  // The settings of the chosen method.
  fill() {
    const chosen = this.view.about.methods[this.method.selectedIndex];
    this.text.textContent = chosen.text;
    this.inputs.clear();
    this.fields.replaceChildren(...chosen.settings.map((setting) => {
      const id = `set-${setting.name}`;
      const input = setting.kind === "choice"
        ? h("select", { id }, setting.choices.map((choice) => h("option", { selected: choice === setting.default }, choice)))
        : h("input", { id, type: "text", value: setting.default, inputmode: setting.kind === "number" ? "decimal" : null, spellcheck: "false" });
      this.inputs.set(setting, input);
      return h("div", {}, h("label", { for: id }, setting.name), input, h("span", { class: "soft" }, setting.help));
    }));
    this.details.hidden = !chosen.settings.length;
  }

  wanted() {
    const settings = {}, wanted = { method: this.method.value, settings };
    for (const [setting, input] of this.inputs) if (input.value.trim() !== setting.default) settings[setting.name] = input.value.trim();
    const dB = this.most.value.trim().replace(",", ".");
    if (dB) wanted.reduction = {}; // nothing said: what a session.toml said, or all
    if (dB && dB !== "all") for (const unit of this.view.session.units) if (unit.source !== null && !unit.left_out) wanted.reduction[unit.source] = dB;
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

  showButton(going) {
    const { session, about } = this.view, running = going.find((run) => run.status === "running");
    const busy = this.starting || going.length > 0;
    this.button.disabled = Boolean(session.problem || this.starting);
    this.button.setAttribute("aria-busy", busy);
    this.button.textContent = this.starting ? "Starting …" : running ? `Removing … ${percent(running)} %` : "Remove the bleed";
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
    const share = run.median_sdr_after === null ? "" : `; median estimated SDR ${number(run.median_sdr_before)} → ${number(run.median_sdr_after)} dB`;
    const text = run.status === "failed" ? run.error : run.status === "cancelled" ? "cancelled" : `took ${time(run.seconds ?? 0)}${share}`;
    const erase = h("button", { type: "button", class: "quiet", "aria-label": `Delete run ${name}`, onclick: doing(async () => {
      if (run.ready && !confirm(`Delete run ${name}?`)) return;
      view.session = await remove(path);
      view.show();
    }) }, "Delete");
    const { notes } = run;
    return h("li", {},
      h("div", { class: "row" }, first,
        run.ready && run.other_grouping ? h("span", { class: "badge" }, "another grouping") : null,
        h("span", { class: run.status === "failed" ? "wrong" : "soft", role: run.status === "failed" ? "alert" : null }, text), erase),
      notes.length ? h("details", { class: "notes" }, h("summary", { class: "soft" }, many(notes.length, "note")), notes.map((note) => h("p", { class: "soft" }, note))) : null);
  }
}

export function title({ excerpt, method, settings, created }) {
  const text = Object.entries(settings).map(([key, value]) => `${key}=${value}`).join(", ");
  const what = excerpt ? `Preview ${time(excerpt[0])} to ${time(excerpt[1])}, ${method}` : method;
  return `${what}${text ? ` (${text})` : ""}, ${new Date(created * 1000).toLocaleTimeString([], { timeStyle: "short" })}`;
}

export const percent = (job) => Math.floor(100 * job.share);

// A bar with a sentence: the stage, and the time left once it can be told.
function bar(label) {
  const line = h("progress", { max: 1, value: 0, "aria-label": label });
  const text = h("span", { class: "soft" }, "starting");
  const tell = (job) => {
    const { status, stage, share, left } = job;
    line.value = share;
    const rest = left !== null && left !== undefined && share > 0.05 ? `, about ${left < 60 ? `${Math.ceil(left)} s` : `${Math.ceil(left / 60)} min`} left` : "";
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
