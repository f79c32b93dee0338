// Waveforms on canvases: only what is visible is fetched and drawn.

import { bytes } from "./api.js";

const PIECE = 2048; // stretches fetched at a time
const pieces = new Map();

// The samples of a piece, none while they are on their way; everybody who asked meanwhile is told when they are there.
function piece(path, zoom, k, ready) {
  const key = `${path}&zoom=${zoom}&first=${k * PIECE}&last=${(k + 1) * PIECE}`;
  let kept = pieces.get(key);
  if (!kept) {
    kept = { samples: [], waiting: new Set() };
    pieces.set(key, kept);
    if (pieces.size > 2000) pieces.delete(pieces.keys().next().value);
    bytes(key).then((buffer) => {
      kept.samples = new Float32Array(buffer);
      for (const tell of kept.waiting) tell();
      kept.waiting = null;
    }).catch(() => pieces.delete(key));
  }
  kept.waiting?.add(ready);
  return kept.samples;
}

const MOST = 30;  // the most by which a quiet microphone is drawn larger
const ROOM = 0.92; // of the height, for the highest peak

export class Waveform {
  // layers: [{ parts: [[path, weight]], rate, zooms, color (a CSS variable) }], drawn one over the other
  constructor(canvas) {
    this.canvas = canvas;
    this.layers = [];
    this.view = [0, 1];
    this.gain = 1;
    this.again = () => this.soon();
    canvas.redraw = this.again; // when the system's theme changes
    new ResizeObserver(() => this.soon()).observe(canvas);
    new IntersectionObserver((seen) => { this.visible = seen.at(-1).isIntersecting; if (this.visible) this.soon(); }, { rootMargin: "200px" }).observe(canvas);
  }

  // peak: the largest amplitude that is to be seen, of the whole recording
  show(layers, from, to, peak) {
    Object.assign(this, { layers, view: [from, to], gain: peak > 0 ? Math.min(MOST, ROOM / peak) : 1 });
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

  // The extremes of a sum lie within the sums of the extremes, and near them where the parts are as like as before and after.
  drawLayer(paint, { parts, rate, zooms }, width, height) {
    const [from, to] = this.view, perPixel = ((to - from) * rate) / width;
    let zoom = 0;
    while (zoom + 1 < zooms.length && zooms[zoom + 1] <= perPixel) zoom++;
    const middle = height / 2, reach = middle * this.gain;
    const rows = parts.map(([path, weight]) => [new Extremes(path, zoom, this.again), weight]);
    paint.beginPath();
    for (let x = 0; x < width && rows.length; x++) {
      const first = Math.floor(((from * rate) + x * perPixel) / zooms[zoom]);
      const last = Math.max(first + 1, Math.floor(((from * rate) + (x + 1) * perPixel) / zooms[zoom]));
      let low = 0, high = 0;
      for (const [row, weight] of rows) {
        row.find(first, last);
        low += weight * row.low;
        high += weight * row.high;
      }
      if (!(low <= high)) continue;
      const top = Math.max(0, middle - high * reach), bottom = Math.min(height, middle - low * reach);
      paint.rect(x, top, 1, Math.max(1, bottom - top));
    }
    paint.fill();
  }
}

// The extremes of one part at one zoom level, fetched in pieces as they are asked for.
class Extremes {
  constructor(path, zoom, ready) { Object.assign(this, { path, zoom, ready, k: -1, piece: [] }); }

  find(first, last) {
    let low = Infinity, high = -Infinity;
    for (let n = Math.max(0, first); n < last; n++) {
      const k = Math.floor(n / PIECE);
      if (k !== this.k) {
        this.k = k;
        this.piece = piece(this.path, this.zoom, k, this.ready);
      }
      const at = 2 * (n - k * PIECE);
      if (this.piece[at] < low) low = this.piece[at];
      if (this.piece[at + 1] > high) high = this.piece[at + 1];
    }
    this.low = low;
    this.high = high;
  }
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { for (const canvas of document.querySelectorAll("canvas.wave")) canvas.redraw?.(); });
