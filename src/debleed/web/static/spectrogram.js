// Spectrograms of one microphone, side by side or each at full width; the page turns when the playhead leaves it.

import { h, time } from "./dom.js";
import { brief } from "./pairs.js";

export const LAYERS = [["before", "Before"], ["after", "After"], ["removed", "Removed"]];
const LOWEST = 50, HIGHEST = 16000; // Hz at the ends of the axis, as pictures.py draws it
const RANGE = 75;                   // dB from its darkest to its brightest colour
const SPANS = [5, 10, 20, 60], USUAL = 20; // seconds
const TICKS = [50, 100, 200, 500, 1000, 2000, 5000, 10000];
const BANDS = [["all", LOWEST, HIGHEST], ["50 to 500 Hz", LOWEST, 500], ["300 Hz to 3 kHz", 300, 3000], ["2 to 16 kHz", 2000, HIGHEST]];

const hertz = (f) => (f < 1000 ? `${f} Hz` : `${f / 1000} kHz`);
const options = (texts, chosen) => texts.map((text, k) => h("option", { value: k, selected: k === chosen }, text));

export class Spectrograms {
  constructor(player, path, figures, tile) {
    Object.assign(this, { player, path, figures, tile, mic: 0, page: -1, images: new Map() });
    this.bands = BANDS.map(([name, low, high]) => [name, low, Math.min(high, this.highest())]).filter(([, low, high]) => high > 1.5 * low);
    this.band = this.bands[0];
    this.panels = LAYERS.map(([layer, title]) => this.panel(layer, title));
    this.which = h("select", { "aria-label": "Microphone shown", onchange: () => this.choose(this.which.selectedIndex) },
      brief(figures.names).map((name) => h("option", {}, name)));
    this.span = SPANS.find((span) => span >= Math.min(USUAL, figures.length / figures.rate));
    this.zoom = h("select", { "aria-label": "Seconds shown", onchange: () => { this.span = SPANS[this.zoom.selectedIndex]; this.page = -1; this.follow(); } }, options(SPANS.map((s) => `${s} s`), SPANS.indexOf(this.span)));
    this.range = h("select", { "aria-label": "Frequencies shown", onchange: () => { this.band = this.bands[this.range.selectedIndex]; this.scale(); } }, options(this.bands.map(([name]) => name), 0));
    this.wide = h("button", { type: "button", class: "toggle", "aria-pressed": "false", onclick: () => this.widen() }, "Full width");
    this.shots = h("div", { class: "shots" }, this.panels.map((panel) => panel.element));
    const marks = [0, -15, -30, -45, -60, -75].map((dB) => h("span", {}, dB ? `−${-dB}` : "0 dB"));
    this.element = h("div", {},
      h("div", { class: "row" }, h("label", {}, "Microphone ", this.which), h("label", {}, "Show ", this.zoom), h("label", {}, "Frequencies ", this.range), this.wide),
      this.shots,
      h("div", { class: "legend", role: "img", "aria-label": `Colours: from the brightest, 0 dB, to the darkest, ${RANGE} dB below it` }, h("div", { class: "colours" }), h("div", { class: "time" }, marks.reverse())));
    new ResizeObserver(() => this.draw()).observe(this.panels[0].canvas);
    this.scale();
  }

  panel(layer, title) {
    const canvas = h("canvas", { class: "spectrum", role: "img" }), head = h("span", { class: "head" });
    const ends = [h("span"), h("span")], ticks = h("div", { "aria-hidden": "true" });
    const picture = h("div", { class: "picture", onclick: (event) => this.seek(event) }, canvas, ticks, head);
    const caption = h("figcaption", {}, title);
    return { layer, title, canvas, head, ends, ticks, caption, element: h("figure", {}, caption, picture, h("div", { class: "time", "aria-hidden": "true" }, ends)) };
  }

  highest() { return Math.min(HIGHEST, 0.48 * this.figures.rate); }

  choose(mic) { this.mic = mic; this.which.selectedIndex = mic; this.draw(); }

  widen() {
    const wide = this.shots.classList.toggle("wide-shots");
    this.wide.setAttribute("aria-pressed", wide);
    this.draw();
  }

  // The frequency axis of the chosen band.
  scale() {
    const [, low, high] = this.band;
    for (const { ticks } of this.panels) {
      ticks.replaceChildren(...TICKS.filter((f) => f > 1.05 * low && f < 0.93 * high).map((f) => {
        const tick = h("span", { class: "tick" }, hertz(f));
        tick.style.bottom = `${(100 * Math.log(f / low)) / Math.log(high / low)}%`;
        return tick;
      }));
    }
    this.draw();
  }

  seek(event) {
    const box = event.currentTarget.getBoundingClientRect();
    const at = (this.page + (event.clientX - box.left) / box.width) * this.span;
    this.player.seek(at * this.figures.rate);
  }

  // Called for every frame: move the heads, turn the page.
  follow() {
    const at = this.player.position() / this.figures.rate, page = Math.floor(at / this.span);
    if (page !== this.page) { this.page = page; this.draw(); }
    const share = at / this.span - page;
    if (share === this.share) return;
    this.share = share;
    for (const { head, canvas } of this.panels) head.style.transform = `translateX(${share * canvas.clientWidth}px)`;
  }

  draw() {
    if (this.page < 0) this.page = 0;
    this.share = null; // the head may have to move, too
    const from = this.page * this.span, to = from + this.span, [, low, high] = this.band;
    const place = (f) => Math.log(f / LOWEST) / Math.log(this.highest() / LOWEST); // 0 at the bottom of a picture, 1 at the top
    for (const { layer, title, canvas, ends, caption } of this.panels) {
      const width = canvas.clientWidth, height = canvas.clientHeight;
      if (!width) return;
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      const paint = canvas.getContext("2d");
      paint.fillStyle = "rgb(68 1 84)"; // silence in the pictures' palette
      paint.fillRect(0, 0, width, height);
      const seconds = this.figures.length / this.figures.rate;
      for (let k = Math.floor(from / this.tile); k * this.tile < Math.min(to, seconds); k++) {
        const image = this.image(layer, k);
        if (!image.complete || !image.naturalWidth) continue;
        const begin = k * this.tile, end = Math.min(begin + this.tile, seconds), rows = image.naturalHeight;
        paint.drawImage(image, 0, (1 - place(high)) * rows, image.naturalWidth, (place(high) - place(low)) * rows,
          ((begin - from) / this.span) * width, 0, ((end - begin) / this.span) * width, height);
      }
      canvas.setAttribute("aria-label", `Spectrogram of ${this.figures.names[this.mic]}, ${title.toLowerCase()}, ${time(from)} to ${time(to)}, ${hertz(low)} to ${hertz(high)}`);
      ends[0].textContent = time(from);
      ends[1].textContent = time(to);
      caption.classList.toggle("heard", this.player.layer === layer);
    }
  }

  image(layer, k) {
    const address = `/api/${this.path}/picture?layer=${layer}&mic=${this.mic}&tile=${k}`;
    if (!this.images.has(address)) {
      const image = new Image();
      image.onload = () => this.draw();
      image.src = address;
      this.images.set(address, image);
      if (this.images.size > 120) this.images.delete(this.images.keys().next().value);
    }
    return this.images.get(address);
  }
}
