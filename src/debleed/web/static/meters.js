// Meters: a bar and the highest level since play began or since a click, in dB below full scale.

import { decibel, h, number } from "./dom.js";

const LOWEST = -60;  // dB at which a bar is empty
const FALL = 24;     // dB a second by which a bar falls, as meters of mixers do

export class MeterBar {
  constructor(label) {
    this.level = LOWEST;
    this.highest = -Infinity;
    this.fill = h("i");
    this.text = h("button", { type: "button", class: "hold", title: "Highest level; click to reset", "aria-label": `Highest level of ${label}`, onclick: () => this.reset() }, "–");
    this.element = h("div", { class: "meter" }, h("span", { class: "track", "aria-hidden": "true" }, this.fill), this.text);
  }

  reset() {
    this.highest = -Infinity;
    this.text.textContent = "–";
    this.element.classList.remove("over");
  }

  show(peak, seconds) {
    const now = decibel(peak * peak);
    const level = Math.max(LOWEST, now, this.level - FALL * seconds);
    if (now > this.highest + 0.05) {
      this.highest = now;
      this.text.textContent = `${number(now)} dB`;
      this.element.classList.toggle("over", now > 0);
    }
    if (level === this.level) return;
    this.level = level;
    this.fill.style.clipPath = `inset(0 ${((100 * Math.min(0, level)) / LOWEST).toFixed(1)}% 0 0)`;
  }
}
