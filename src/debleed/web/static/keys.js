// Keys of the player. Space plays and arrows seek whatever was clicked; who moves with Tab has each control's own keys.

let gesture = false, clicked = null;

addEventListener("pointerdown", () => { gesture = true; clicked = null; }, true);
addEventListener("click", () => setTimeout(() => { if (gesture) clicked = document.activeElement; gesture = false; }), true);
addEventListener("pointerup", () => setTimeout(() => { gesture = false; }, 300), true);
addEventListener("focusin", (event) => { clicked = gesture ? event.target : null; }, true);
addEventListener("keydown", (event) => { if (event.key === "Tab") clicked = null; }, true);

const opened = (element) => element.tagName === "SELECT" && CSS.supports("selector(:open)") && element.matches(":open");
const typed = (element) => element.matches("input[type=text], textarea");
const LAYER = { 1: "before", 2: "after", 3: "removed", b: "before", a: "after", r: "removed" };

// Whether a key is the player's: not while one types, nor where a control that was reached with Tab needs it.
function ours(element, key) {
  if (typed(element) || opened(element)) return false;
  if (element === clicked) return true;
  if (key === " ") return !element.matches("button, summary, a, select, input[type=checkbox], input[type=radio]");
  if (element.tagName === "SELECT") return false;
  return !(/^(Arrow|Home|End)/.test(key) && (element.matches("input[type=range], input[type=radio]") || element.closest("table")));
}

// Do what a key means; returns whether it meant anything.
export function press(listen, event) {
  const { target, key } = event, { player } = listen, { rate } = listen.run.figures;
  if (!player.source || !ours(target, key)) return false;
  const mic = listen.strips.findIndex((strip) => strip.element === target.closest?.(".strip"));
  const low = key.toLowerCase(), seconds = event.shiftKey ? 1 : 5;
  if (key === " ") player.toggle();
  else if (LAYER[low] && listen.after) player.choose(LAYER[low]);
  else if (low === "l") listen.toggleLoop();
  else if (key === "[" || key === "]") bracket(listen, key);
  else if (key === "+" || key === "=") listen.zoom(0.5);
  else if (key === "-") listen.zoom(2);
  else if (low === "s" && mic >= 0) listen.strips[mic].solo.click();
  else if (low === "m" && mic >= 0) listen.strips[mic].mute.click();
  else if (key === "ArrowLeft") player.seek(player.position() - seconds * rate);
  else if (key === "ArrowRight") player.seek(player.position() + seconds * rate);
  else if (key === "Home") player.seek(0);
  else if ((key === "ArrowUp" || key === "ArrowDown") && mic >= 0) listen.strips[mic + (key === "ArrowUp" ? -1 : 1)]?.element.focus();
  else return false;
  return true;
}

// Set the loop's start or end to the playhead.
function bracket({ player, run }, key) {
  const { length, rate } = run.figures, at = Math.round(player.position());
  const { start, end } = player.loop ?? { start: 0, end: length };
  const loop = key === "[" ? { start: at, end: end > at ? end : length } : { start: start < at ? start : 0, end: at };
  if (loop.end - loop.start > 0.02 * rate) player.setLoop(loop);
}
