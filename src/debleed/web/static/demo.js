// What to listen for in the demo: a microphone in which the others are heard plainly while its own source rests.

import { h } from "./dom.js";

const MIC = "singer", REST = [3.2, 6.2]; // seconds: the end of a line, the rest, the beginning of the next line
const STEPS = [
  ["before", "Before", "Drums, bass and guitar bleed into the singer's microphone. The gap between two lines, at 0:05, is full of them."],
  ["after", "After", "The same seconds. The gap is quiet, and the singing is as it was."],
  ["removed", "Removed", "What was taken out: the other three, and nothing of the singer."],
];

export function tour(player, { names, rate }) {
  const alone = (layer) => () => {
    player.mics.forEach((mic, k) => { mic.solo = names[k] === MIC; });
    player.choose(layer);
    if (!player.looping) player.setLoop({ start: REST[0] * rate, end: REST[1] * rate });
    if (!player.playing) { player.seek(REST[0] * rate); player.play(); }
  };
  const everything = () => {
    for (const mic of player.mics) mic.solo = false;
    player.choose("after");
    player.setLoop(null);
    player.play();
  };
  const step = (title, work, text) => h("li", {}, h("button", { type: "button", class: "quiet", onclick: work }, title), h("span", {}, text));
  return h("div", { class: "tour", role: "group", "aria-labelledby": "tour" },
    h("h3", { id: "tour" }, "What to listen for"),
    h("ol", {}, STEPS.map(([layer, title, text]) => step(title, alone(layer), text)),
      step("Everyone", everything, "The whole band. Press 1, 2 and 3 while it plays, and solo any microphone with its S.")),
    h("p", { class: "soft" }, "A synthesised band in a simulated room. debleed heard only these four microphones."));
}
