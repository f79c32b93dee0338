// What one takes away: the files, all in a zip, the same as a command line.

import { patch, post } from "./api.js";
import { doing, h, number, say } from "./dom.js";

export class Take {
  constructor(path, run, changed) {
    Object.assign(this, { path, changed, wanted: null, reduction: run.reduction });
    this.removed = h("input", { type: "checkbox", onchange: () => this.showFiles() });
    this.button = h("button", { type: "button", class: "main", onclick: doing(() => this.prepare({ zip: true })) }, "Download all");
    this.state = h("span", { class: "soft", role: "status" });
    this.list = h("div", { class: "downloads" });
    this.tuned = h("p", { class: "soft" });
    this.command = h("code", { id: "command" });
    const copy = doing(async () => {
      getSelection().selectAllChildren(this.command); // over a network without https a page must not write to the clipboard
      if (navigator.clipboard) await navigator.clipboard.writeText(this.command.textContent);
      say(navigator.clipboard ? "copied" : "selected; copy it with Ctrl+C");
    });
    this.toml = h("pre", { tabindex: 0, "aria-label": "session.toml" });
    this.element = h("div", {},
      h("div", { class: "row" }, this.button, h("label", { class: "check" }, this.removed, "include the removed signals"), this.state),
      this.tuned, this.list,
      h("h3", {}, "Equivalent command"),
      h("p", { class: "soft" }, place(run)),
      h("div", { class: "row command" }, h("pre", { tabindex: 0, "aria-label": "Command line" }, this.command), h("button", { type: "button", class: "quiet", onclick: copy }, "Copy")),
      h("details", {}, h("summary", {}, "session.toml"), this.toml));
    this.tell(run);
    this.explain(run);
    this.showFiles();
  }

  // One button a file: it is written if it has to be, then saved.
  showFiles() {
    const kinds = this.removed.checked ? ["clean", "removed"] : ["clean"];
    this.list.replaceChildren(...kinds.map((kind) => h("ul", { "aria-label": kind === "clean" ? "Files" : "Removed signals" }, this.run.inputs.map((name) =>
      h("li", {}, h("button", { type: "button", class: "file quiet", onclick: doing(() => this.prepare({ kind, stem: stem(name) })) }, kind === "clean" ? name : `${name} (removed)`))))));
  }

  explain(run) {
    this.command.textContent = run.command ?? "debleed remove FOLDER -o CLEAN   # put the session.toml below into FOLDER";
    this.toml.textContent = run.toml;
    const parts = Object.entries(run.reduction).map(([source, dB]) => `${source} at most ${number(dB)} dB`);
    this.tuned.textContent = run.method === "unprocessed" ? "Nothing is removed: the files are written as they are." : parts.length ? `Bleed removed: ${parts.join(", ")}; all of it from the other sources.` : "All bleed that can be removed without harm is removed.";
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

  current(run) { return run.files && JSON.stringify(sorted(run.files.reduction)) === JSON.stringify(sorted(this.reduction)); }

  // what: { zip: true }, or { kind, stem } of one file
  async prepare(what) {
    if (this.timer) await this.keep();
    this.wanted = what;
    if (this.current(this.run) && !this.run.taking) { this.tell(this.run); return; }
    this.tell(await post(`${this.path}/take`, { reduction: this.reduction }));
    await this.changed(); // the session looks again, and goes on looking while something is under way
  }

  tell(run) {
    this.run = run;
    if (run.taking) {
      this.state.textContent = `writing files, ${Math.round(100 * run.taking.share)} %`;
      return;
    }
    this.state.textContent = run.take_error ?? "";
    this.state.className = run.take_error ? "wrong" : "soft";
    if (!this.current(run)) return;
    if (this.wanted?.zip) save(`/api/${this.path}/zip${this.removed.checked ? "?removed=1" : ""}`);
    if (this.wanted?.kind) {
      const { kind } = this.wanted, k = run.files[kind].findIndex((name) => stem(name) === this.wanted.stem);
      if (k >= 0) save(`/api/${this.path}/files/${kind}/${k}`);
    }
    this.wanted = null;
  }
}

const stem = (name) => name.replace(/\.[^.]*$/, "");

// The command reads one folder, or one file with all channels, and which one nobody can know who was sent only the sound.
function place(run) {
  if (run.poly) return `Run it in the folder of '${run.poly}'.`;
  const files = run.inputs.length;
  return `It reads a folder '${run.title}' with these ${files} files and nothing else; if yours lie elsewhere, make one, or put its place into the command.`;
}

const sorted = (table) => Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1));

function save(address) {
  const link = h("a", { href: address, download: "" });
  document.body.append(link);
  link.click();
  link.remove();
}
