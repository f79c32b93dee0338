// Files on their way in: chosen or dropped, several at once or a folder, each with a bar and a sentence if it fails.

import { put, upload } from "./api.js";
import { h, sentence, size } from "./dom.js";

const KNOWN = /\.(wav|wave|bwf|rf64|w64|flac|aiff?|aifc|og[ga]|opus|mp3|m4a|aac)$/i;
const AT_ONCE = 2;

const hidden = (name) => name.startsWith(".") || name === "__MACOSX";
export const audible = (files) => [...files].filter((file) => KNOWN.test(file.name) && !hidden(file.name));
const stem = (name) => name.replace(/\.[^.]*$/, "");

export function nameOf(files, folder) {
  if (folder) return folder;
  return files.length === 1 ? stem(files[0].name) : "";
}

// Files and folders that were dropped, with what lies in their subfolders: a Pro Tools session keeps its audio in one.
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const folders = entries.filter((entry) => entry.isDirectory);
  const plain = [...transfer.files].filter((_, i) => !entries[i]?.isDirectory);
  const inside = (await Promise.all(folders.map(content))).flat();
  return { files: [...plain, ...inside], name: nameOf(plain, folders[0]?.name) };
}

async function content(folder) {
  const reader = folder.createReader(), found = [];
  for (;;) { // a reader gives a hundred entries at a time
    const some = await new Promise((done, failed) => { reader.readEntries(done, failed); });
    if (!some.length) return found;
    const seen = some.filter((entry) => !hidden(entry.name));
    found.push(...(await Promise.all(seen.map((entry) => (entry.isDirectory ? content(entry) : fileOf(entry))))).flat());
  }
}

const fileOf = (entry) => new Promise((done, failed) => { entry.file(done, failed); });

// A place to drop files on, with buttons that choose files or a folder.
export function picker(take, text = "Drop files or a folder here") {
  const chosen = (event) => {
    const files = [...event.target.files];
    const folder = files[0]?.webkitRelativePath.split("/")[0];
    const seen = files.filter((file) => !file.webkitRelativePath.split("/").some(hidden));
    event.target.value = "";
    if (files.length) take(seen, nameOf(seen, folder));
  };
  const several = h("input", { type: "file", multiple: true, class: "hidden", id: "choose-files", onchange: chosen, tabindex: -1, "aria-label": "Audio files" });
  const whole = h("input", { type: "file", webkitdirectory: true, class: "hidden", id: "choose-folder", onchange: chosen, tabindex: -1, "aria-label": "Folder of audio files" });
  return h("div", { class: "drop" },
    h("p", { class: "big" }, text),
    h("div", { class: "row" },
      h("button", { type: "button", class: "main", onclick: () => several.click() }, "Choose files"),
      h("button", { type: "button", class: "quiet", onclick: () => whole.click() }, "Choose a folder")),
    h("p", { class: "soft" }, "WAV, RF64, W64, FLAC, AIFF, Ogg, Opus, MP3, M4A"),
    several, whole);
}

const dismiss = (element) => h("button", { type: "button", class: "quiet", onclick: () => element.remove(), "aria-label": "Dismiss" }, "OK");

export class Uploads {
  constructor(session, limits, changed) {
    Object.assign(this, { session, limits, changed, waiting: [], going: 0, requests: new Set() });
    this.element = h("ul", { class: "uploads", "aria-label": "Uploads" });
  }

  add(files) {
    this.toml = [...files].find((file) => file.name === "session.toml") ?? this.toml;
    const known = audible(files), others = [...files].filter((file) => !known.includes(file) && !hidden(file.name) && file.name !== "session.toml");
    if (others.length) this.tellOthers(others.map((file) => file.name).sort());
    for (const item of known) {
      const line = this.line(item);
      if (item.size > this.limits.file) this.fail(line, `'${item.name}' is larger than ${size(this.limits.file)}, the limit for one file`);
      else this.waiting.push({ item, line });
    }
    if (this.toml && !known.length && !this.going) this.obey().then(this.changed);
    this.next();
  }

  line(item) {
    const bar = h("progress", { max: 1, value: 0, "aria-label": `Uploading ${item.name}` });
    const state = h("span", { class: "soft" }, "waiting");
    const line = { bar, state, cancelled: false, request: null };
    line.cancel = h("button", { type: "button", class: "quiet small", onclick: () => this.cancel(line), "aria-label": `Cancel the upload of ${item.name}` }, "Cancel");
    line.name = h("span", { class: "name" }, item.name);
    line.element = h("li", { class: "coming" }, line.name, bar, state, line.cancel);
    this.element.append(line.element);
    return line;
  }

  // What is not audio, in one calm line however many there are.
  tellOthers(names) {
    const first = names.slice(0, 3).map((name) => `'${name}'`).join(", ");
    const rest = names.length > 3 ? ` and ${names.length - 3} more` : "";
    const one = names.length === 1;
    const element = h("li", { role: "status" }, h("span", { class: "soft name" }, `Not uploaded, because ${one ? "it is" : "they are"} not audio in a known format: ${first}${rest}.`));
    element.append(dismiss(element));
    this.element.append(element);
  }

  fail({ name, element, bar, state, cancel }, why) {
    bar.remove();
    cancel.remove();
    if (why.includes(`'${name.textContent}'`)) name.remove(); // once is enough
    element.className = "wrong";
    element.setAttribute("role", "alert");
    state.className = "";
    state.textContent = sentence(why);
    element.append(dismiss(element));
  }

  // Not wanted any more: whether it waits or is on its way.
  cancel(line) {
    this.waiting = this.waiting.filter((other) => other.line !== line);
    line.cancelled = true;
    line.request?.abort();
    line.element.remove();
  }

  next() {
    while (this.going < AT_ONCE && this.waiting.length) this.send(this.waiting.shift());
  }

  async send({ item, line }) {
    this.going++;
    const told = (share) => {
      line.bar.value = share;
      line.state.textContent = share < 1 ? `${size(share * item.size)} of ${size(item.size)}` : "checking";
      if (share >= 1) { line.bar.removeAttribute("value"); line.cancel.remove(); } // the server has it all: it is too late
    };
    const begun = (request) => {
      line.request = request;
      this.requests.add(request);
      if (line.cancelled) throw new Error("cancelled"); // while the server was asked whether it may come
    };
    try {
      await upload(this.session, item, told, begun);
      line.element.remove();
    } catch (error) { if (!line.cancelled) this.fail(line, error.message); }
    this.requests.delete(line.request);
    this.going--;
    if (this.toml && !this.going && !this.waiting.length) await this.obey();
    this.changed();
    this.next();
  }

  // What a folder's session.toml says holds once its files are there.
  async obey() {
    const told = this.toml;
    this.toml = null;
    try { await put(`sessions/${this.session}/toml`, { toml: await told.text() }); } catch (error) { this.fail(this.line(told), error.message); }
  }

  busy() { return this.going > 0 || this.waiting.length > 0 || Boolean(this.toml); }

  stop() { this.waiting = []; for (const request of this.requests) request.abort(); }
}
