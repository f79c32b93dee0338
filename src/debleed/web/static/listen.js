// The mixer: a strip a microphone over one transport. What is done here is heard at once.

import { BlindTest } from "./abx.js";
import { amplitude, decibel, h, number, time } from "./dom.js";
import { press } from "./keys.js";
import { MeterBar } from "./meters.js";
import { LAYERS } from "./spectrogram.js";
import { Waveform } from "./waveform.js";

const SHORTEST = 0.05; // seconds: the closest view
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
    this.element = h("div", {}, this.transport(), h("div", { class: "strips", onwheel: (event) => this.wheel(event) }, this.ruler(), this.strips.map((strip) => strip.element)));
    on("state", () => this.show());
    on("mix", () => this.show());
    on("moved", () => { this.reveal(); this.follow(); });
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
    this.match = h("input", { type: "checkbox", onchange: () => { player.matching[player.layer] = this.match.checked; player.update(); } });
    this.matched = h("output", { class: "soft matched", "aria-label": "Gain of the matched level" });
    this.mix = ["left", "right"].map((side) => new MeterBar(`the mix, ${side}`));
    this.blind = h("button", { type: "button", class: "quiet", onclick: () => new BlindTest(player).begin() }, "Blind test");
    this.loop = h("button", { type: "button", class: "toggle", onclick: () => this.toggleLoop() }, "Loop");
    this.volume = h("input", { type: "range", min: -40, max: 6, step: 1, value: player.volume, "aria-label": "Volume in dB",
      oninput: () => { player.volume = Number(this.volume.value); player.update(); } });
    const zoom = (factor) => () => this.zoom(factor);
    const core = h("div", { class: "core", role: "group", "aria-label": "Play" },
      this.play, this.clock,
      this.after ? h("fieldset", {}, h("legend", { class: "hidden" }, "Signal to play"), this.layers) : null,
      this.seek);
    return h("div", { class: "transport", role: "group", "aria-label": "Transport" }, core,
      this.after ? h("label", { class: "check" }, this.match, "match levels", this.matched) : null,
      this.loop,
      this.after ? this.blind : null,
      h("span", { class: "zoom", role: "group", "aria-label": "Zoom" },
        h("button", { type: "button", class: "quiet", onclick: zoom(0.5), "aria-label": "Zoom in" }, "+"),
        h("button", { type: "button", class: "quiet", onclick: zoom(2), "aria-label": "Zoom out" }, "−"),
        h("button", { type: "button", class: "quiet", onclick: zoom(Infinity) }, "All")),
      h("label", { class: "volume" }, "Volume ", this.volume),
      h("div", { class: "mix", role: "group", "aria-label": "Level of the mix" }, this.mix.map((bar) => bar.element)));
  }

  toggleLoop() {
    const { player } = this, { rate, length } = this.run.figures;
    if (player.loop) { player.setLoop(player.loop, !player.looping); return; }
    const start = Math.round(player.position());
    player.setLoop({ start, end: Math.min(length, start + 4 * rate) });
  }

  // Zoom about a time, which stays where it is; by default the playhead, which comes to the middle.
  zoom(factor, at = this.player.position() / this.run.figures.rate, share = 0.5) {
    const span = Math.min(this.seconds, Math.max(SHORTEST, (this.view[1] - this.view[0]) * factor));
    this.look(at - share * span, span);
  }

  look(start, span = this.view[1] - this.view[0]) {
    const from = Math.max(0, Math.min(start, this.seconds - span));
    if (from === this.view[0] && from + span === this.view[1]) return;
    this.view = [from, from + span];
    this.draw();
  }

  // The wheel zooms on the ruler, and with Ctrl (so does a pinch) on the waveforms, which else scroll with the page;
  // sideways it moves along.
  wheel(event) {
    const place = event.target.closest(".lane, .marks");
    if (!place) return;
    const box = place.getBoundingClientRect(), span = this.view[1] - this.view[0], share = (event.clientX - box.left) / box.width;
    const across = event.shiftKey && !event.deltaX ? event.deltaY : event.deltaX;
    if (event.ctrlKey || event.metaKey || (place === this.marks && !across)) this.zoom(1.002 ** event.deltaY, this.view[0] + share * span, share);
    else if (Math.abs(across) > Math.abs(event.shiftKey ? 0 : event.deltaY)) this.look(this.view[0] + (across / box.width) * span);
    else return;
    event.preventDefault();
  }

  ruler() {
    this.marks = h("div", { class: "marks", "aria-hidden": "true", title: "Drag to move along, turn the wheel to zoom", onpointerdown: (event) => this.drag(event, true) });
    return h("div", { class: "ruler" }, h("div"), this.marks);
  }

  // --------------------------------------------------------------------------------------------------------- strips

  strip(name, mic) {
    const { player } = this, state = player.mics[mic], source = this.run.figures.sources[mic];
    const flip = (key) => () => { state[key] = !state[key]; player.update(); };
    const solo = h("button", { type: "button", class: "toggle", onclick: flip("solo"), "aria-label": `Solo ${name}` }, "S");
    const mute = h("button", { type: "button", class: "toggle", onclick: flip("mute"), "aria-label": `Mute ${name}` }, "M");
    const layer = h("select", { "aria-label": `Signal to play from ${name}`, onchange: () => { state.layer = layer.value || null; player.update(); } },
      h("option", { value: "" }, "global"), LAYERS.map(([value, title]) => h("option", { value }, title.toLowerCase())));
    const levelText = h("output"), level = h("input", { type: "range", min: -40, max: 12, step: 0.5, value: state.level, "aria-label": `Level of ${name} in dB`,
      oninput: () => { state.level = Number(level.value); player.update(); }, ondblclick: () => { state.level = 0; player.update(); } });
    const panText = h("output"), pan = h("input", { type: "range", min: -1, max: 1, step: 0.05, value: state.pan, "aria-label": `Pan of ${name}`,
      oninput: () => { state.pan = Number(pan.value); player.update(); }, ondblclick: () => { state.pan = 0; player.update(); } });
    const meter = new MeterBar(name);
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
        meter.element,
        h("label", { class: "slide" }, h("span", {}, "level"), level, levelText),
        h("label", { class: "slide" }, h("span", {}, "pan"), pan, panText),
        this.after && !idle ? h("label", { class: "slide" }, h("span", {}, "remove"), depth, depthText) : null),
      picture);
    return { element, solo, mute, layer, level, levelText, pan, panText, meter, depth, depthText, canvas, head, region, source, wave: new Waveform(canvas), lane: picture };
  }

  // Change how much is removed of a source's bleed: heard at once, kept by the server a moment later.
  tune(source, dB) {
    if (dB >= ALL) delete this.reduction[source];
    else this.reduction[source] = dB;
    this.run.figures.sources.forEach((other, mic) => { if (other === source) this.player.mics[mic].kept = this.kept(source); });
    this.player.update(); // and with it what is drawn
    this.hooks.tuned?.({ ...this.reduction });
  }

  // A click seeks, a stretch that is drawn becomes the loop; with Alt, the middle button or on the ruler it moves along.
  drag(event, always = false) {
    if (event.button === 1 || always || event.altKey) { this.move(event); return; }
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

  // Drag the view along.
  move(event) {
    const place = event.currentTarget, box = place.getBoundingClientRect(), [from, to] = this.view, first = event.clientX;
    const drawn = new AbortController();
    place.addEventListener("pointermove", (moved) => this.look(from - ((moved.clientX - first) / box.width) * (to - from)), { signal: drawn.signal });
    const end = (ended) => {
      drawn.abort();
      if (Math.abs(ended.clientX - first) <= 4) this.player.seek((from + ((first - box.left) / box.width) * (to - from)) * this.run.figures.rate);
    };
    for (const name of ["pointerup", "pointercancel"]) place.addEventListener(name, end, { signal: drawn.signal });
    place.setPointerCapture?.(event.pointerId);
    event.preventDefault();
  }

  // --------------------------------------------------------------------------------------------------------- drawing

  show() {
    const { player } = this;
    this.play.textContent = player.playing ? "Pause" : "Play";
    this.match.checked = player.matching[player.layer];
    this.matched.textContent = player.factor === 1 ? "" : `${player.factor > 1 ? "+" : ""}${number(20 * Math.log10(player.factor))} dB`;
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
      strip.pan.value = state.pan;
      const side = Math.round(100 * Math.abs(state.pan));
      strip.panText.textContent = side ? `${state.pan < 0 ? "L" : "R"} ${side}` : "middle";
      strip.pan.setAttribute("aria-valuetext", side ? `${side} % ${state.pan < 0 ? "left" : "right"}` : "middle");
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
    const state = `${this.view} ${this.player.layer} ${this.player.mics.map((mic) => `${mic.layer} ${mic.kept}`)}`;
    if (state === this.drawn) return;
    this.drawn = state;
    const { rate } = this.run.figures;
    this.strips.forEach((strip, mic) => {
      const { layer: own, kept } = this.player.mics[mic], layer = own ?? this.player.layer;
      const place = this.run.places?.[mic];
      if (place) {
        const path = `${this.path}/files/${place.file.id}/peaks?mic=${place.channel}`;
        strip.wave.show([{ parts: [[path, 1]], rate: place.file.rate, zooms: this.zooms, color: "--wave" }], ...this.view, place.file.peak[place.channel]);
        return;
      }
      const path = (name) => `${this.path}/peaks?layer=${name}&mic=${mic}`;
      const shown = { before: [[path("before"), 1]], after: [[path("before"), kept], [path("after"), 1 - kept]], removed: [[path("removed"), 1 - kept]] };
      const wave = (name, color) => ({ parts: shown[name].filter(([, weight]) => weight > 0), rate, zooms: this.zooms, color });
      const layers = layer === "before" ? [wave("before", "--wave")] : [wave("before", "--ghost"), wave(layer, layer === "removed" ? "--taken" : "--wave")];
      strip.wave.show(layers, ...this.view, this.run.figures.peaks?.[mic] ?? amplitude(this.loudness(mic) + 14));
    });
  }

  loudness(mic) { return decibel(this.run.figures.energies[0][mic] || 1e-3); }

  // When the playhead is put out of sight, the view goes with it.
  reveal() {
    const at = this.player.position() / this.run.figures.rate, [from, to] = this.view;
    if (at < from || at >= to) this.look(at - 0.1 * (to - from));
  }

  // Called for every frame: what the meters show.
  meter(now) {
    const { player } = this, seconds = Math.min(0.2, (now - (this.metered ?? now)) / 1000);
    this.metered = now;
    const peak = (meter) => (player.playing && meter ? meter.peak() : 0);
    this.strips.forEach((strip, mic) => strip.meter.show(peak(player.buses[mic]?.meter), seconds));
    this.mix.forEach((bar, side) => bar.show(peak(player.meters[side]), seconds));
  }

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

  key(event) { return press(this, event); }
}
