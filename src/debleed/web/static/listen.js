// The mixer: a strip a microphone over one transport. What is done here is heard at once.

import { amplitude, decibel, h, number, time } from "./dom.js";
import { LAYERS } from "./spectrogram.js";
import { Waveform } from "./waveform.js";

const ALL = 40.5; // right end of a reduction's slider: all of the bleed is removed

export class Listen {
  // run: { figures, reduction, places } as the server tells it; hooks: look(mic), tuned(reduction)
  constructor(player, path, run, zooms, hooks) {
    Object.assign(this, { player, path, run, zooms, hooks, seconds: run.figures.length / run.figures.rate, reduction: { ...run.reduction } });
    this.view = [0, this.seconds];
    this.after = player.source.layers === 2;
    this.events = new AbortController();
    const on = (name, work) => player.addEventListener(name, work, { signal: this.events.signal });
    run.figures.sources.forEach((source, mic) => { player.mics[mic].kept = this.kept(source); });
    this.strips = run.figures.names.map((name, mic) => this.strip(name, mic));
    this.element = h("div", {}, this.transport(), h("div", { class: "strips" }, this.ruler(), this.strips.map((strip) => strip.element)));
    on("state", () => this.show());
    on("mix", () => this.show());
    on("moved", () => this.follow());
    this.show();
    this.draw();
    player.update(0);
  }

  close() { this.events.abort(); }

  kept(source) {
    const dB = this.reduction[source];
    return this.after && dB !== undefined && source !== null ? Math.min(1, amplitude(-dB)) : 0;
  }

  // ------------------------------------------------------------------------------------------------------ transport

  transport() {
    const { player } = this;
    this.play = h("button", { type: "button", class: "main play", onclick: () => player.toggle() }, "Play");
    this.clock = h("output", { class: "clock", "aria-label": "Position" });
    this.seek = h("input", { type: "range", class: "seek", min: 0, max: this.seconds, step: 0.01, value: 0, "aria-label": "Playback position",
      oninput: () => player.seek(this.seek.value * this.run.figures.rate) });
    this.layers = LAYERS.map(([layer, title], k) => h("label", {}, h("input", { type: "radio", name: "layer", value: layer, onchange: () => player.choose(layer) }), title, h("kbd", { "aria-hidden": "true" }, k + 1)));
    this.match = h("input", { type: "checkbox", checked: player.match, onchange: () => { player.match = this.match.checked; player.update(); } });
    this.loop = h("button", { type: "button", class: "toggle", onclick: () => this.toggleLoop() }, "Loop");
    this.volume = h("input", { type: "range", min: -40, max: 6, step: 1, value: player.volume, "aria-label": "Volume in dB",
      oninput: () => { player.volume = Number(this.volume.value); player.update(); } });
    const zoom = (factor) => () => this.zoom(factor);
    return h("div", { class: "transport", role: "group", "aria-label": "Transport" },
      this.play, this.clock,
      this.after ? h("fieldset", {}, h("legend", { class: "hidden" }, "Signal to play"), this.layers) : null,
      this.after ? h("label", { class: "check" }, this.match, "match levels") : null,
      this.loop,
      h("span", { class: "zoom", role: "group", "aria-label": "Zoom" },
        h("button", { type: "button", class: "quiet", onclick: zoom(0.5), "aria-label": "Zoom in" }, "+"),
        h("button", { type: "button", class: "quiet", onclick: zoom(2), "aria-label": "Zoom out" }, "−"),
        h("button", { type: "button", class: "quiet", onclick: zoom(Infinity) }, "All")),
      h("label", { class: "volume" }, "Volume ", this.volume),
      this.seek);
  }

  toggleLoop() {
    const { player } = this, { rate, length } = this.run.figures;
    if (player.loop) { player.setLoop(player.loop, !player.looping); return; }
    const start = Math.round(player.position());
    player.setLoop({ start, end: Math.min(length, start + 4 * rate) });
  }

  zoom(factor) {
    const span = this.view[1] - this.view[0], at = this.player.position() / this.run.figures.rate;
    const wanted = Math.min(this.seconds, Math.max(0.05, span * factor));
    const from = Math.max(0, Math.min(at - wanted / 2, this.seconds - wanted));
    this.view = factor === Infinity ? [0, this.seconds] : [from, from + wanted];
    this.draw();
  }

  ruler() {
    this.marks = h("div", { class: "marks", "aria-hidden": "true" });
    return h("div", { class: "ruler" }, h("div"), this.marks);
  }

  // --------------------------------------------------------------------------------------------------------- strips

  strip(name, mic) {
    const { player } = this, state = player.mics[mic], source = this.run.figures.sources[mic];
    const press = (key) => () => { state[key] = !state[key]; player.update(); };
    const solo = h("button", { type: "button", class: "toggle", onclick: press("solo"), "aria-label": `Solo ${name}` }, "S");
    const mute = h("button", { type: "button", class: "toggle", onclick: press("mute"), "aria-label": `Mute ${name}` }, "M");
    const layer = h("select", { "aria-label": `Signal to play from ${name}`, onchange: () => { state.layer = layer.value || null; player.update(); } },
      h("option", { value: "" }, "global"), LAYERS.map(([value, title]) => h("option", { value }, title.toLowerCase())));
    const levelText = h("output"), level = h("input", { type: "range", min: -40, max: 12, step: 0.5, value: state.level, "aria-label": `Level of ${name} in dB`,
      oninput: () => { state.level = Number(level.value); player.update(); }, ondblclick: () => { state.level = 0; player.update(); } });
    const depthText = h("output"), depth = h("input", { type: "range", min: 0, max: ALL, step: 0.5, "aria-label": `Most bleed to remove from ${source} in dB`,
      oninput: () => this.tune(source, Number(depth.value)) });
    const canvas = h("canvas", { class: "wave", role: "img", "aria-label": `Waveform of ${name}` });
    const head = h("span", { class: "head" }), region = h("span", { class: "region" });
    const picture = h("div", { class: "lane", onpointerdown: (event) => this.drag(event) }, canvas, region, head);
    const unchanged = source === null ? "room" : this.run.figures.references?.includes(name) ? "reference" : null;
    const named = unchanged ? ` (${unchanged})` : source === name ? "" : ` (${source})`;
    const finding = this.run.figures.findings?.[name], { energies } = this.run.figures;
    const idle = unchanged || (finding && energies.every((row) => row[mic] === energies[0][mic])); // there is nothing to remove from it
    const element = h("div", { class: "strip", tabindex: 0, role: "group", "aria-label": `${name}${named}`, onfocus: () => this.hooks.look(mic) },
      h("div", { class: "controls" },
        h("div", { class: "row" }, h("strong", { class: "name", title: name }, name, h("span", { class: "soft" }, named)), solo, mute, this.after ? layer : null),
        finding ? h("p", { class: "finding" }, finding) : null,
        h("label", { class: "slide" }, h("span", {}, "level"), level, levelText),
        this.after && !idle ? h("label", { class: "slide" }, h("span", {}, "remove"), depth, depthText) : null),
      picture);
    return { element, solo, mute, layer, level, levelText, depth, depthText, canvas, head, region, source, wave: new Waveform(canvas), lane: picture };
  }

  // Change how much is removed of a source's bleed: heard at once, kept by the server a moment later.
  tune(source, dB) {
    if (dB >= ALL) delete this.reduction[source];
    else this.reduction[source] = dB;
    this.run.figures.sources.forEach((other, mic) => { if (other === source) this.player.mics[mic].kept = this.kept(source); });
    this.player.update();
    this.hooks.tuned?.({ ...this.reduction });
  }

  // A click seeks, a stretch that is drawn becomes the loop.
  drag(event) {
    if (event.button !== 0) return;
    const lane = event.currentTarget, box = lane.getBoundingClientRect(), { rate, length } = this.run.figures;
    const at = (x) => Math.round(Math.min(length, Math.max(0, (this.view[0] + ((x - box.left) / box.width) * (this.view[1] - this.view[0])) * rate)));
    const first = event.clientX;
    const move = (moved) => { if (Math.abs(moved.clientX - first) > 4) this.region(...[at(first), at(moved.clientX)].sort((a, b) => a - b)); };
    const end = (ended) => {
      lane.removeEventListener("pointermove", move);
      const [start, stop] = [at(first), at(ended.clientX)].sort((a, b) => a - b);
      if (Math.abs(ended.clientX - first) <= 4) this.player.seek(at(first));
      else if (stop - start > 0.02 * rate) this.player.setLoop({ start, end: stop });
      this.show();
    };
    lane.setPointerCapture?.(event.pointerId);
    lane.addEventListener("pointermove", move);
    lane.addEventListener("pointerup", end, { once: true });
  }

  // --------------------------------------------------------------------------------------------------------- drawing

  show() {
    const { player } = this;
    this.play.textContent = player.playing ? "Pause" : "Play";
    this.layers.forEach((label) => { const radio = label.firstChild; radio.checked = radio.value === player.layer; });
    this.loop.setAttribute("aria-pressed", player.looping);
    this.volume.value = player.volume;
    this.strips.forEach((strip, mic) => {
      const state = player.mics[mic];
      strip.solo.setAttribute("aria-pressed", state.solo);
      strip.mute.setAttribute("aria-pressed", state.mute);
      strip.element.classList.toggle("unheard", !player.heard(mic));
      strip.layer.value = state.layer ?? "";
      strip.level.value = state.level;
      strip.levelText.textContent = `${number(state.level)} dB`;
      const dB = this.reduction[strip.source];
      strip.depth.value = dB ?? ALL;
      strip.depthText.textContent = dB === undefined ? "all" : `${number(dB)} dB`;
      strip.depth.setAttribute("aria-valuetext", dB === undefined ? "all" : `${dB} dB`);
    });
    const loop = player.loop;
    this.region(loop?.start, loop?.end);
    this.redraw();
    this.follow();
  }

  region(start, end) {
    const { rate } = this.run.figures, span = this.view[1] - this.view[0];
    for (const { region } of this.strips) {
      region.hidden = start === undefined;
      region.classList.toggle("off", !this.player.looping);
      region.style.left = `${(100 * (start / rate - this.view[0])) / span}%`;
      region.style.width = `${(100 * (end - start)) / rate / span}%`;
    }
  }

  draw() {
    this.drawn = null;
    this.redraw();
    const [from, to] = this.view, step = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600].find((s) => (to - from) / s <= 10) ?? 1200;
    const marks = [];
    for (let t = Math.ceil(from / step) * step; t < to - 0.03 * (to - from); t += step) {
      const mark = h("span", {}, time(t, step < 1 ? 2 : 0));
      mark.style.left = `${(100 * (t - from)) / (to - from)}%`;
      marks.push(mark);
    }
    this.marks.replaceChildren(...marks);
    this.region(this.player.loop?.start, this.player.loop?.end);
    this.follow();
  }

  // The waveforms: what is heard in front of what was there before.
  redraw() {
    const state = `${this.view} ${this.player.layer} ${this.player.mics.map((mic) => mic.layer)}`;
    if (state === this.drawn) return;
    this.drawn = state;
    const { rate } = this.run.figures;
    this.strips.forEach((strip, mic) => {
      const layer = this.player.mics[mic].layer ?? this.player.layer;
      const wave = (name, color) => ({ path: `${this.path}/peaks?layer=${name}&mic=${mic}`, rate, zooms: this.zooms, color });
      const place = this.run.places?.[mic];
      const layers = place
        ? [{ path: `${this.path}/files/${place.file.id}/peaks?mic=${place.channel}`, rate: place.file.rate, zooms: this.zooms, color: "--wave" }]
        : [wave("before", layer === "before" ? "--wave" : "--ghost"), ...(layer === "before" ? [] : [wave(layer, layer === "removed" ? "--taken" : "--wave")])];
      const peak = place ? place.file.peak[place.channel] : amplitude(this.loudness(mic) + 14);
      strip.wave.show(layers, ...this.view, peak > 0 ? Math.min(30, 0.9 / peak) : 1);
    });
  }

  loudness(mic) { return decibel(this.run.figures.energies[0][mic] || 1e-3); }

  // Called for every frame: move the heads; turn the page when they leave it.
  follow() {
    const at = this.player.source ? this.player.position() / this.run.figures.rate : 0;
    const [from, to] = this.view, span = to - from;
    if (this.player.playing && (at < from || at >= to) && span < this.seconds) {
      const start = Math.max(0, Math.min(at - 0.05 * span, this.seconds - span));
      this.view = [start, start + span];
      this.draw();
      return;
    }
    const share = (at - from) / span;
    if (share === this.share) return;
    this.share = share;
    const width = this.strips[0].lane.clientWidth;
    for (const { head } of this.strips) head.style.transform = `translateX(${(share * width).toFixed(1)}px)`;
    const text = `${time(at, 1)} / ${time(this.seconds)}`;
    if (text !== this.clock.textContent) {
      this.clock.textContent = text;
      if (document.activeElement !== this.seek || this.player.playing) this.seek.value = at;
      this.seek.setAttribute("aria-valuetext", time(at));
    }
  }

  // ------------------------------------------------------------------------------------------------------------ keys

  key(event) {
    const { target, key } = event, { player } = this, { rate } = this.run.figures;
    if (target.matches("input[type=text], select, textarea") || !player.source) return;
    const slider = target.matches("input[type=range], input[type=radio]");
    const pressed = target.matches("button, summary, a, input[type=checkbox]") && target.matches(":focus-visible");
    const strip = target.closest?.(".strip"), mic = this.strips.findIndex((other) => other.element === strip);
    const low = key.toLowerCase(), step = event.shiftKey ? 1 : 5;
    const layer = { 1: "before", 2: "after", 3: "removed", b: "before", a: "after", r: "removed" }[low];
    if (key === " " && !pressed) player.toggle();
    else if (layer && this.after) player.choose(layer);
    else if (low === "l") this.toggleLoop();
    else if (key === "[" || key === "]") this.bracket(key);
    else if (key === "+" || key === "=") this.zoom(0.5);
    else if (key === "-") this.zoom(2);
    else if (low === "s" && mic >= 0) this.strips[mic].solo.click();
    else if (low === "m" && mic >= 0) this.strips[mic].mute.click();
    else if (slider || target.closest("table")) return;
    else if (key === "ArrowLeft") player.seek(player.position() - step * rate);
    else if (key === "ArrowRight") player.seek(player.position() + step * rate);
    else if (key === "Home") player.seek(0);
    else if ((key === "ArrowUp" || key === "ArrowDown") && mic >= 0) this.strips[mic + (key === "ArrowUp" ? -1 : 1)]?.element.focus();
    else return;
    event.preventDefault();
  }

  bracket(key) {
    const { player } = this, { length, rate } = this.run.figures, at = Math.round(player.position());
    const { start, end } = player.loop ?? { start: 0, end: length };
    const loop = key === "[" ? { start: at, end: end > at ? end : length } : { start: start < at ? start : 0, end: at };
    if (loop.end - loop.start > 0.02 * rate) player.setLoop(loop);
  }
}
