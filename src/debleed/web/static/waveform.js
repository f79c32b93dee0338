// Waveforms on canvases: only what is visible is fetched and drawn.

import { bytes } from "./api.js";

const PIECE = 2048; // stretches fetched at a time
const pieces = new Map();

function piece(path, zoom, k, ready) {
  const key = `${path}&zoom=${zoom}&first=${k * PIECE}&last=${(k + 1) * PIECE}`;
  const kept = pieces.get(key);
  if (kept) return kept;
  pieces.set(key, []);
  bytes(key).then((buffer) => { pieces.set(key, new Int16Array(buffer)); ready(); }).catch(() => pieces.delete(key));
  if (pieces.size > 2000) pieces.delete(pieces.keys().next().value);
  return [];
}

export class Waveform {
  // layers: [{ path, rate, zooms, color (a CSS variable) }], drawn one over the other
  constructor(canvas) {
    this.canvas = canvas;
    this.layers = [];
    this.view = [0, 1];
    this.gain = 1;
    new ResizeObserver(() => this.soon()).observe(canvas);
    new IntersectionObserver((seen) => { this.visible = seen.at(-1).isIntersecting; if (this.visible) this.soon(); }, { rootMargin: "200px" }).observe(canvas);
  }

  show(layers, from, to, gain = this.gain) {
    Object.assign(this, { layers, view: [from, to], gain });
    this.soon();
  }

  soon() {
    if (this.waiting || this.visible === false) return;
    this.waiting = requestAnimationFrame(() => { this.waiting = null; this.draw(); });
  }

  draw() {
    const { canvas } = this, scale = devicePixelRatio || 1;
    const width = Math.round(canvas.clientWidth * scale), height = Math.round(canvas.clientHeight * scale);
    if (!width || !height) return;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const paint = canvas.getContext("2d"), style = getComputedStyle(canvas);
    paint.clearRect(0, 0, width, height);
    for (const layer of this.layers) {
      paint.fillStyle = style.getPropertyValue(layer.color);
      this.drawLayer(paint, layer, width, height);
    }
  }

  drawLayer(paint, { path, rate, zooms }, width, height) {
    const [from, to] = this.view, perPixel = ((to - from) * rate) / width;
    let zoom = 0;
    while (zoom + 1 < zooms.length && zooms[zoom + 1] <= perPixel) zoom++;
    const step = zooms[zoom], middle = height / 2, reach = (middle * this.gain) / 32767;
    let k = -1, part = [];
    paint.beginPath();
    for (let x = 0; x < width; x++) {
      const first = Math.floor(((from * rate) + x * perPixel) / step);
      const last = Math.max(first + 1, Math.floor(((from * rate) + (x + 1) * perPixel) / step));
      let low = 32767, high = -32768;
      for (let n = first; n < last; n++) {
        if (n < 0) continue;
        if (Math.floor(n / PIECE) !== k) {
          k = Math.floor(n / PIECE);
          part = piece(path, zoom, k, () => this.soon());
        }
        const at = 2 * (n - k * PIECE);
        if (part[at] < low) low = part[at];
        if (part[at + 1] > high) high = part[at + 1];
      }
      if (high < low) continue;
      const top = Math.max(0, middle - high * reach), bottom = Math.min(height, middle - low * reach);
      paint.rect(x, top, 1, Math.max(1, bottom - top));
    }
    paint.fill();
  }
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => dispatchEvent(new Event("resize")));
