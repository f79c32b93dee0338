// A blind test: is X before or after? With how many right answers could one have guessed.

import { doing, h } from "./dom.js";

const FEWEST = 10; // answers from which the figure is worth telling

// The probability of at least `right` right answers out of `trials` by tossing a coin.
export function chance(right, trials) {
  let term = 0.5 ** trials, sum = 0; // of all k answers from `trials` down
  for (let k = trials; k >= right; k--) {
    sum += term;
    term *= k / (trials - k + 1);
  }
  return Math.min(1, sum);
}

export function verdict(right, trials) {
  if (!trials) return "No answer yet.";
  const p = chance(right, trials), score = `${right} of ${trials} right`;
  if (trials < FEWEST) return `${score}. Give at least ${FEWEST} answers before you trust it.`;
  const odds = p < 0.001 ? "less than 0.1 %" : `${(100 * p).toPrecision(2)} %`;
  return `${score}. Guessing alone would do as well with a probability of ${odds}${p < 0.05 ? ": you hear a difference." : ": this does not show that you hear a difference."}`;
}

export class BlindTest {
  constructor(player, random = Math.random) {
    Object.assign(this, { player, random, right: 0, trials: 0 });
    this.score = h("p", { role: "status" });
    this.last = h("p", { class: "soft", role: "status" });
    const listen = (name) => h("button", { type: "button", class: "toggle", "aria-pressed": "false", onclick: () => this.hear(name) }, name);
    this.sounds = { A: listen("A"), B: listen("B"), X: listen("X") };
    const answer = (name) => h("button", { type: "button", class: "main", onclick: () => this.answer(name) }, `X is ${name}`);
    this.element = h("dialog", { class: "abx", "aria-labelledby": "abx-title", onclose: () => this.end(), onkeydown: (event) => this.key(event), onkeyup: (event) => { if (event.key === " ") event.preventDefault(); } },
      h("h2", { id: "abx-title" }, "Blind test"),
      h("p", {}, "A is before and B is after, at the same level. X is one of the two, chosen at random for each answer. Listen as often as you like, then say which one X is. Set a loop beforehand to compare one passage."),
      h("div", { class: "row", role: "group", "aria-label": "Listen to" }, Object.values(this.sounds), h("button", { type: "button", class: "quiet", onclick: () => player.toggle() }, "Play / pause")),
      h("div", { class: "row", role: "group", "aria-label": "Answer" }, answer("A"), answer("B")),
      this.last, this.score,
      h("p", { class: "soft" }, "Keys: A, B, X to listen; 1 and 2 to answer A and B; Space to play."),
      h("div", { class: "row" }, h("button", { type: "button", class: "quiet", onclick: () => this.element.close() }, "End the test"),
        h("button", { type: "button", class: "quiet", onclick: () => this.reset() }, "Start over")));
  }

  begin() {
    const { player } = this;
    this.kept = { layer: player.layer, matching: { ...player.matching }, layers: player.mics.map((mic) => mic.layer) };
    player.matching.after = true;
    player.mics.forEach((mic) => { mic.layer = null; });
    document.body.append(this.element);
    this.element.showModal();
    this.reset();
    doing(() => player.play())();
  }

  reset() {
    Object.assign(this, { right: 0, trials: 0 });
    this.last.textContent = "";
    this.draw();
  }

  draw() {
    this.x = this.random() < 0.5 ? "A" : "B";
    this.score.textContent = verdict(this.right, this.trials);
    this.hear("X");
  }

  hear(name) {
    for (const [other, button] of Object.entries(this.sounds)) button.setAttribute("aria-pressed", other === name);
    this.player.choose((name === "X" ? this.x : name) === "A" ? "before" : "after");
  }

  answer(name) {
    const right = name === this.x;
    this.trials++;
    if (right) this.right++;
    this.last.textContent = right ? "Right." : `Wrong: X was ${this.x}.`;
    this.draw();
  }

  key(event) {
    const low = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (["a", "b", "x"].includes(low)) this.hear(low.toUpperCase());
    else if (low === "1" || low === "2") this.answer(low === "1" ? "A" : "B");
    else if (event.key === " ") this.player.toggle();
    else return;
    event.preventDefault();
  }

  // Everything is as it was before the test.
  end() {
    const { player, kept } = this;
    player.mics.forEach((mic, i) => { mic.layer = kept.layers[i]; });
    Object.assign(player.matching, kept.matching);
    player.choose(kept.layer);
    this.element.remove();
  }
}
