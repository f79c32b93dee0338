// Spectrograms of one microphone, three layers side by side; the page turns when the playhead leaves it.

import { h, time } from "./dom.js";

export const LAYERS = [["before", "Before"], ["after", "After"], ["removed", "Removed"]];
const LOWEST = 50, HIGHEST = 16000; // Hz at the ends of the axis, as pictures.py draws it

export class Spectrograms {
  constructor(player, path, figures, tile) {
    Object.assign(this, { player, path, figures, tile, mic: 0, span: 20, page: -1, images: new Map() });
    this.panels = LAYERS.map(([layer, title]) => {
      const canvas = h("canvas", { class: "spectrum", role: "img" });
      const head = h("span", { class: "head" });
      const ticks = [100, 1000, 5000].filter((f) => f < 0.9 * this.highest()).map((f) => {
        const tick = h("span", { class: "tick", "aria-hidden": "true" }, f < 1000 ? `${f} Hz` : `${f / 1000} kHz`);
        tick.style.bottom = `${(100 * Math.log(f / LOWEST)) / Math.log(this.highest() / LOWEST)}%`;
        return tick;
      });
      const ends = [h("span"), h("span")];
      const picture = h("div", { class: "picture", onclick: (event) => this.seek(event) }, canvas, ticks, head);
      const caption = h("figcaption", {}, title);
      return { layer, title, canvas, head, ends, caption, element: h("figure", {}, caption, picture, h("div", { class: "time", "aria-hidden": "true" }, ends)) };
    });
    this.which = h("select", { "aria-label": "Microphone shown", onchange: () => this.choose(this.which.selectedIndex) },
      figures.names.map((name) => h("option", {}, name)));
    const spans = [5, 10, 20, 60].map((seconds) => h("option", { value: seconds, selected: seconds === 20 }, `${seconds} s`));
    this.zoom = h("select", { "aria-label": "Seconds shown", onchange: () => { this.span = Number(this.zoom.value); this.page = -1; this.follow(); } }, spans);
    this.element = h("div", {},
      h("div", { class: "row" }, h("label", {}, "Microphone ", this.which), h("label", {}, "Show ", this.zoom)),
      h("div", { class: "shots" }, this.panels.map((panel) => panel.element)));
    new ResizeObserver(() => this.draw()).observe(this.panels[0].canvas);
  }

  highest() { return Math.min(HIGHEST, 0.48 * this.figures.rate); }

  choose(mic) { this.mic = mic; this.which.selectedIndex = mic; this.draw(); }

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
    for (const { head, canvas } of this.panels) head.style.transform = `translateX(${share * canvas.clientWidth}px)`;
  }

  draw() {
    if (this.page < 0) this.page = 0;
    const from = this.page * this.span, to = from + this.span;
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
        const begin = k * this.tile, end = Math.min(begin + this.tile, seconds);
        paint.drawImage(image, ((begin - from) / this.span) * width, 0, ((end - begin) / this.span) * width, height);
      }
      canvas.setAttribute("aria-label", `Spectrogram of ${this.figures.names[this.mic]}, ${title.toLowerCase()}, ${time(from)} to ${time(to)}`);
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
