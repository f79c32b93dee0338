// What one takes away: each file, all in a zip, the report, the same as a command line.

import { patch, post } from "./api.js";
import { doing, h, many, number, say, time } from "./dom.js";

export class Take {
  constructor(path, run, changed) {
    Object.assign(this, { path, changed, inputs: run.inputs, reduction: run.reduction });
    this.removed = h("input", { type: "checkbox", onchange: () => this.showFiles() });
    this.reporting = h("button", { type: "button", class: "quiet", onclick: doing(() => this.report()) }, "Report");
    this.state = h("span", { class: "soft", role: "status" });
    this.list = h("div", { class: "downloads" });
    this.tuned = h("p", { class: "soft" });
    this.command = h("code", { id: "command" });
    const copy = doing(async () => {
      getSelection().selectAllChildren(this.command); // over a network without https a page must not write to the clipboard
      if (navigator.clipboard) await navigator.clipboard.writeText(this.command.textContent);
      say(navigator.clipboard ? "copied" : "selected; press Ctrl+C to copy it");
    });
    this.toml = h("pre", { tabindex: 0, "aria-label": "session.toml" });
    this.element = h("div", {},
      h("div", { class: "row" },
        h("button", { type: "button", class: "main", onclick: doing(() => this.save(`zip${this.removed.checked ? "?removed=1" : ""}`)) }, "Download all"),
        h("label", { class: "check" }, this.removed, "include the removed signals"), this.reporting, this.state),
      h("p", { class: "soft" }, `A zip with ${many(run.inputs.length, "file")}, the report, session.toml, and projects that open the files in a DAW: one for REAPER, and a DAWproject for Bitwig Studio, Studio One, Cubase and others.`),
      this.tuned, this.list,
      h("h3", {}, "Equivalent command"),
      h("p", { class: "soft" }, place(run)),
      h("div", { class: "row command" }, h("pre", { tabindex: 0, "aria-label": "Command line" }, this.command), h("button", { type: "button", class: "quiet", onclick: copy }, "Copy")),
      h("details", {}, h("summary", {}, "session.toml"), this.toml));
    this.tell(run);
    this.explain(run);
    this.showFiles();
  }

  // One button a file.
  showFiles() {
    const kinds = this.removed.checked ? ["clean", "removed"] : ["clean"];
    this.list.replaceChildren(...kinds.map((kind) => h("ul", { "aria-label": kind === "clean" ? "Files" : "Removed signals" }, this.inputs.map((name, k) =>
      h("li", {}, h("button", { type: "button", class: "file quiet", onclick: doing(() => this.save(`files/${kind}/${k}`)) }, kind === "clean" ? name : `${name} (removed)`))))));
  }

  explain(run) {
    this.command.textContent = run.command ?? "debleed remove FOLDER -o CLEAN   # put the session.toml below into FOLDER";
    this.toml.textContent = run.toml;
    this.tuned.textContent = run.method === "unprocessed" ? "Nothing is removed: the files are written as they are." : removed(run);
  }

  // The reductions changed: keep them, a moment after the last change.
  tune(reduction) {
    this.reduction = reduction;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.keep().catch((error) => say(error.message, true)), 250);
  }

  async keep() {
    clearTimeout(this.timer);
    this.timer = null;
    const run = await patch(this.path, { reduction: this.reduction });
    if (!this.timer) { this.explain(run); this.tell(run); }
  }

  // Whether it can be had is asked before: a browser does not say why a download was refused.
  async save(what) {
    if (this.timer) await this.keep();
    await post(`${this.path}/take`);
    save(`/api/${this.path}/${what}`);
  }

  // The report is written first, which takes a while.
  async report() {
    if (this.timer) await this.keep();
    this.wanted = true;
    this.tell(await post(`${this.path}/report`));
    await this.changed(); // the session looks again, and goes on looking while something is under way
  }

  tell({ reporting, reported, report_error: error }) {
    this.state.textContent = reporting ? `writing the report, ${Math.round(100 * reporting.share)} %` : error ?? "";
    this.state.className = error && !reporting ? "wrong" : "soft";
    if (!this.wanted || reporting) return;
    this.wanted = false;
    if (reported) save(`/api/${this.path}/report`);
  }
}

// What is removed: how much of it, what is kept, and from which part.
function removed({ reduction, keep, region, figures }) {
  const limits = Object.entries(reduction).map(([name, dB]) => `${dB === null ? "all" : `at most ${number(dB)} dB`} from ${name}`);
  const others = figures.sources.some((source, k) => source !== null && !(source in reduction) && !(figures.names[k] in reduction));
  const kept = Object.entries(keep ?? {}).map(([mic, sources]) => `${sources.join(" and ")} in ${mic}`);
  return [
    limits.length ? `Bleed removed: ${limits.join(", ")}${others ? "; all of it from the other sources" : ""}.` : `All ${kept.length ? "other " : ""}bleed that can be removed without harm is removed.`,
    kept.length ? `Bleed kept: ${kept.join(", ")}.` : "",
    region ? `Only ${time(region[0], 1)} to ${time(region[1], 1)} is cleaned; the rest stays as it is.` : "",
  ].filter(Boolean).join(" ");
}

// The command reads one folder, or one file with all channels, and which one nobody can know who was sent only the sound.
function place(run) {
  if (run.poly) return `Run it in the folder of '${run.poly}'.`;
  return `It expects a folder named '${run.title}' that holds the ${many(run.given, "file")} of this recording and nothing else. If yours is called otherwise or is somewhere else, change the path in the command.`;
}

function save(address) {
  const link = h("a", { href: address, download: "" });
  document.body.append(link);
  link.click();
  link.remove();
}
