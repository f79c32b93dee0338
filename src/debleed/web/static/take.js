// What one takes away: the files, all in a zip, the same as a command line.

import { patch, post } from "./api.js";
import { doing, h, number, say } from "./dom.js";

export class Take {
  constructor(path, run, changed) {
    Object.assign(this, { path, changed, wanted: null, reduction: run.reduction });
    this.removed = h("input", { type: "checkbox" });
    this.button = h("button", { type: "button", class: "main", onclick: doing(() => this.prepare()) }, "Download all");
    this.each = h("button", { type: "button", class: "quiet", onclick: doing(() => this.prepare(false)) }, "Individual files");
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
      h("div", { class: "row" }, this.button, this.each, h("label", { class: "check" }, this.removed, "include the removed signals"), this.state),
      this.tuned, this.list,
      h("h3", {}, "Equivalent command"),
      h("div", { class: "row command" }, h("pre", { tabindex: 0, "aria-label": "Command line" }, this.command), h("button", { type: "button", class: "quiet", onclick: copy }, "Copy")),
      h("details", {}, h("summary", {}, "session.toml"), this.toml));
    this.tell(run);
    this.explain(run);
  }

  explain(run) {
    this.command.textContent = run.command ?? "debleed remove FOLDER -o CLEAN   # put the session.toml below into FOLDER";
    this.toml.textContent = run.toml;
    const parts = Object.entries(run.reduction).map(([source, dB]) => `${source} at most ${number(dB)} dB`);
    this.tuned.textContent = parts.length ? `Bleed removed: ${parts.join(", ")}; all of it from the other sources.` : "All bleed that can be removed without harm is removed.";
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

  async prepare(all = true) {
    if (this.timer) await this.keep();
    this.wanted = all ? "zip" : "files";
    if (this.current(this.run) && !this.run.taking) { this.tell(this.run); return; }
    this.tell(await post(`${this.path}/take`, { reduction: this.reduction }));
    await this.changed(); // the session looks again, and goes on looking while something is under way
  }

  tell(run) {
    this.run = run;
    if (run.taking) {
      this.state.textContent = `writing files, ${Math.round(100 * run.taking.share)} %`;
      this.list.replaceChildren();
      return;
    }
    this.state.textContent = run.take_error ?? "";
    this.state.className = run.take_error ? "wrong" : "soft";
    if (!this.current(run)) { this.list.replaceChildren(); return; }
    if (this.wanted === "zip") save(`/api/${this.path}/zip${this.removed.checked ? "?removed=1" : ""}`);
    if (this.wanted) {
      const kinds = this.removed.checked ? ["clean", "removed"] : ["clean"];
      this.list.replaceChildren(...kinds.map((kind) => h("ul", { "aria-label": kind }, run.files[kind].map((name, k) =>
        h("li", {}, h("a", { href: `/api/${this.path}/files/${kind}/${k}`, download: name }, kind === "clean" ? name : `${name} (removed)`))))));
    }
    this.wanted = null;
  }
}

const sorted = (table) => Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1));

function save(address) {
  const link = h("a", { href: address, download: "" });
  document.body.append(link);
  link.click();
  link.remove();
}
