// The page: the list of sessions, or one session; which one stands in the address, so that a reload finds it again.

import { get, post, remove } from "./api.js";
import { doing, h, many, say, size, time } from "./dom.js";
import { SessionView } from "./session.js";
import { audible, dropped, picker } from "./files.js";

const main = document.getElementById("main");
let about, view = null, pending = null;

async function route() {
  const [, session, run] = location.hash.match(/^#\/s\/([0-9a-f]{16})(?:\/([0-9a-f]{16}))?$/) ?? [];
  if (view && view.id === session) { view.choose(run); return; }
  view?.close();
  view = null;
  try {
    if (!session) { await start(); return; }
    about ??= await get("about");
    view = new SessionView(about, session, await get(`sessions/${session}`), run);
    main.replaceChildren(view.element);
    if (pending) { view.files.add(pending); pending = null; }
  } catch (error) {
    if (session && error.status === 404) location.hash = "#/";
    else main.replaceChildren(h("p", { class: "wrong", role: "alert" }, error.message));
    if (session) say(error.message, true);
  }
}

async function begin(files, name) {
  if (!audible(files).length) throw new Error(`there is no audio in ${name ? `'${name}'` : "what you chose"}; drop the files of the microphones, or the folder that holds them`);
  const made = await post("sessions", { name: named(name) });
  pending = files;
  location.hash = `#/s/${made.id}`;
}

// A session's name becomes that of a folder: what a folder cannot be called is left out.
function named(text) {
  const clean = text.replace(/[\p{C}/\\]/gu, "-").replace(/^[.\s]+/, "").trim().slice(0, 60).trim();
  return clean || `Session of ${new Date().toLocaleDateString("en-CA")}`;
}

async function start() {
  document.title = "debleed";
  const [sessions, disk] = await Promise.all([get("sessions"), get("disk")]);
  main.replaceChildren(
    h("h1", {}, "Remove the bleed from a recording"),
    h("p", { class: "lead" }, "Drop the files of one recording: one file per microphone, or one file with one microphone per channel. "
      + "See how much each source bleeds into each microphone, compare before and after by ear, and download the result."),
    picker((files, name) => doing(() => begin(files, name))()),
    h("p", { class: "row" }, h("button", { type: "button", class: "quiet", onclick: doing(async () => { location.hash = `#/s/${(await post("demo")).id}`; }) }, "Listen to the demo"),
      h("span", { class: "soft" }, "a band of four, already cleaned")),
    ...(sessions.length ? [h("section", { "aria-labelledby": "kept" }, h("h2", { id: "kept" }, "Sessions"), h("ul", { class: "sessions" }, sessions.map(entry)), occupied(sessions.length, disk))] : []),
  );
}

// What all of it takes of the disk, and the button that gives it back.
function occupied(count, { used, free }) {
  const clear = doing(async () => {
    if (!confirm(`Delete ${many(count, "session")} with all files and results, ${size(used)}?`)) return;
    await remove("sessions");
    await start();
  });
  return h("p", { class: "row" }, h("span", { class: "soft" }, `${size(used)} in all; ${size(free)} are free on this disk.`),
    h("button", { type: "button", class: "quiet", onclick: clear }, "Delete all"));
}

function entry(session) {
  const made = new Date(session.created * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  const erase = doing(async () => {
    if (!confirm(`Delete '${session.name}' with all its files and results?`)) return;
    await remove(`sessions/${session.id}`);
    await start();
  });
  return h("li", {},
    h("a", { href: `#/s/${session.id}` }, session.name),
    h("span", { class: "soft" }, `${many(session.files, "file")}, ${time(session.seconds)}, ${many(session.runs, "run")}, ${size(session.size)}, ${made}`),
    h("button", { type: "button", class: "quiet", onclick: erase, "aria-label": `Delete ${session.name}` }, "Delete"));
}

// Files may be dropped anywhere on the page.
const holdsFiles = (event) => event.dataTransfer.types.includes("Files");
addEventListener("dragover", (event) => { if (!holdsFiles(event)) return; event.preventDefault(); document.body.classList.add("dragging"); });
addEventListener("dragleave", (event) => { if (!event.relatedTarget) document.body.classList.remove("dragging"); });
addEventListener("drop", (event) => {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  document.body.classList.remove("dragging");
  doing(async () => {
    const { files, name } = await dropped(event.dataTransfer);
    if (view && files.length) view.files.add(files);
    else await begin(files, name);
  })();
});

const help = document.getElementById("help");
document.getElementById("keys").addEventListener("click", () => help.showModal());
addEventListener("keydown", (event) => view?.key(event), true); // before any control has them
addEventListener("keyup", (event) => view?.released(event), true);
addEventListener("hashchange", route);
route();
