// Files on their way in: chosen or dropped, several at once or a folder, each with a bar and a sentence if it fails.

import { put, upload } from "./api.js";
import { h, size } from "./dom.js";

const KNOWN = /\.(wav|wave|bwf|rf64|w64|flac|aiff?|aifc|og[ga]|opus|mp3)$/i;
const AT_ONCE = 2;

const audible = (files) => [...files].filter((file) => KNOWN.test(file.name) && !file.name.startsWith("."));
const stem = (name) => name.replace(/\.[^.]*$/, "");

export function nameOf(files, folder) {
  if (folder) return folder;
  return files.length === 1 ? stem(files[0].name) : "";
}

// Files and folders that were dropped; of a folder what lies directly in it.
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const folders = entries.filter((entry) => entry.isDirectory);
  const plain = [...transfer.files].filter((_, i) => !entries[i]?.isDirectory);
  const inside = (await Promise.all(folders.map(content))).flat();
  return { files: [...plain, ...inside], name: nameOf(plain, folders[0]?.name) };
}

async function content(folder) {
  const reader = folder.createReader(), files = [];
  for (;;) { // a reader gives a hundred entries at a time
    const some = await new Promise((done, failed) => { reader.readEntries(done, failed); });
    if (!some.length) return files;
    const plain = some.filter((entry) => entry.isFile);
    files.push(...await Promise.all(plain.map((entry) => new Promise((done, failed) => { entry.file(done, failed); }))));
  }
}

// A place to drop files on, with buttons that choose files or a folder.
export function picker(take, text = "Drop files or a folder here") {
  const chosen = (event) => {
    const files = [...event.target.files];
    const folder = files[0]?.webkitRelativePath.split("/")[0];
    const direct = files.filter((file) => file.webkitRelativePath.split("/").length <= 2);
    event.target.value = "";
    if (direct.length) take(direct, nameOf(direct, folder));
  };
  const several = h("input", { type: "file", multiple: true, class: "hidden", id: "choose-files", onchange: chosen, tabindex: -1, "aria-label": "Audio files" });
  const whole = h("input", { type: "file", webkitdirectory: true, class: "hidden", id: "choose-folder", onchange: chosen, tabindex: -1, "aria-label": "Folder of audio files" });
  return h("div", { class: "drop" },
    h("p", { class: "big" }, text),
    h("div", { class: "row" },
      h("button", { type: "button", class: "main", onclick: () => several.click() }, "Choose files"),
      h("button", { type: "button", class: "quiet", onclick: () => whole.click() }, "Choose a folder")),
    h("p", { class: "soft" }, "WAV, RF64, W64, FLAC, AIFF, Ogg, Opus, MP3"),
    several, whole);
}

export class Uploads {
  constructor(session, limits, changed) {
    Object.assign(this, { session, limits, changed, waiting: [], going: 0, requests: new Set() });
    this.element = h("ul", { class: "uploads", "aria-label": "Uploads" });
  }

  add(files) {
    this.toml = [...files].find((file) => file.name === "session.toml") ?? this.toml;
    const known = audible(files), others = [...files].filter((file) => !known.includes(file) && !file.name.startsWith(".") && file.name !== "session.toml");
    for (const file of others) this.fail(this.line(file), `'${file.name}' is not an audio file in a known format, so it was not uploaded`);
    for (const file of known) {
      const line = this.line(file);
      if (file.size > this.limits.file) this.fail(line, `'${file.name}' is larger than ${size(this.limits.file)}, the limit for one file`);
      else this.waiting.push({ file, line });
    }
    if (this.toml && !known.length && !this.going) this.obey().then(this.changed);
    this.next();
  }

  line(file) {
    const bar = h("progress", { max: 1, value: 0, "aria-label": `Uploading ${file.name}` });
    const state = h("span", { class: "soft" }, "waiting");
    const element = h("li", {}, h("span", { class: "name" }, file.name), bar, state);
    this.element.append(element);
    return { element, bar, state };
  }

  fail({ element, bar, state }, sentence) {
    bar.remove();
    element.classList.add("wrong");
    element.setAttribute("role", "alert");
    state.className = "";
    state.textContent = sentence;
    element.append(h("button", { type: "button", class: "quiet", onclick: () => element.remove(), "aria-label": "Dismiss" }, "OK"));
  }

  next() {
    while (this.going < AT_ONCE && this.waiting.length) this.send(this.waiting.shift());
  }

  async send({ file, line }) {
    this.going++;
    let request = null;
    const told = (share) => {
      line.bar.value = share;
      line.state.textContent = share < 1 ? `${size(share * file.size)} of ${size(file.size)}` : "checking";
      if (share >= 1) line.bar.removeAttribute("value");
    };
    try {
      await upload(this.session, file, told, (made) => { request = made; this.requests.add(made); });
      line.element.remove();
    } catch (error) { this.fail(line, error.message); }
    this.requests.delete(request);
    this.going--;
    if (this.toml && !this.going && !this.waiting.length) await this.obey();
    this.changed();
    this.next();
  }

  // What a folder's session.toml says holds once its files are there.
  async obey() {
    const file = this.toml;
    this.toml = null;
    try { await put(`sessions/${this.session}/toml`, { toml: await file.text() }); } catch (error) { this.fail(this.line(file), error.message); }
  }

  stop() { this.waiting = []; for (const request of this.requests) request.abort(); }
}
