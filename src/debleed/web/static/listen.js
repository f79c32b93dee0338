// The mixer: a strip a microphone over one transport. What is done here is heard at once.

import { BlindTest } from "./abx.js";
import { amplitude, decibel, h, number, sentence, time } from "./dom.js";
import { press } from "./keys.js";
import { least, limit } from "./limits.js";
import { MeterBar } from "./meters.js";
import { brief, nameOf, paired } from "./pairs.js";
import { LAYERS } from "./spectrogram.js";
import { Waveform } from "./waveform.js";

const SHORTEST = 0.05; // seconds: the closest view
const ALL = 40.5; // right end of a reduction's slider: all of the bleed is removed
const MARK = 52; // pixels that a time on the ruler takes
const NATURAL = 12; // dB: bleed that is only lowered keeps the room, and hides what removing it may do

export class Listen {
  // run: { figures, reduction, sentences, places } as the server tells it; hooks: look(mic), tuned(reduction)
  constructor(player, path, run, zooms, hooks) {
    Object.assign(this, { player, path, run, zooms, hooks, seconds: run.figures.length / run.figures.rate, reduction: { ...run.reduction }, past: [] });
    this.view = [0, this.seconds];
    this.after = player.source.layers === 2;
    this.events = new AbortController();
    const on = (name, work) => player.addEventListener(name, work, { signal: this.events.signal });
    const { names, sources } = run.figures;
    names.forEach((_, mic) => { player.mics[mic].kept = this.kept(mic); });
    const pairs = paired(names, sources), short = brief(pairs.map((mics) => nameOf(mics, names)));
    this.strips = pairs.map((mics, k) => this.strip(mics, short[k]));
    this.element = h("div", {}, this.transport(), this.presets(), h("div", { class: "strips", onwheel: (event) => this.wheel(event) }, this.ruler(), this.strips.map((strip) => strip.element)));
    on("state", () => this.show());
    on("mix", () => this.show());
    on("moved", () => { this.reveal(); this.follow(); });
    this.show();
    this.draw();
    new ResizeObserver(() => this.rule()).observe(this.marks);
    player.update(0);
  }

  close() { this.events.abort(); }

  // The most bleed to remove from a microphone in dB; undefined: all.
  limit(mic) { return limit(this.reduction, this.run.figures.names[mic], this.run.figures.sources[mic]); }

  // The share of its bleed's amplitude that stays in a microphone.
  kept(mic) {
    const dB = this.limit(mic);
    return this.after && dB !== undefined && this.run.figures.sources[mic] !== null ? Math.min(1, amplitude(-dB)) : 0;
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

  // One strip a microphone or stereo pair; the two of a pair have one set of controls, and a balance instead of pans.
  strip(mics, short) {
    const { player } = this, { figures } = this.run, [mic] = mics, name = nameOf(mics, figures.names), source = figures.sources[mic];
    const states = mics.map((each) => player.mics[each]), pair = mics.length > 1;
    const set = (key, value) => { for (const state of states) state[key] = value; player.update(); };
    const solo = h("button", { type: "button", class: "toggle", onclick: () => set("solo", !states[0].solo), "aria-label": `Solo ${name}` }, "S");
    const mute = h("button", { type: "button", class: "toggle", onclick: () => set("mute", !states[0].mute), "aria-label": `Mute ${name}` }, "M");
    const layer = h("select", { "aria-label": `Signal to play from ${name}`, title: "Follow Before, After and Removed above, or always play one of them", onchange: () => set("layer", layer.value || null) },
      h("option", { value: "" }, "follow"), LAYERS.map(([value, title]) => h("option", { value }, title.toLowerCase())));
    const levelText = h("output"), level = h("input", { type: "range", min: -40, max: 12, step: 0.5, value: states[0].level, "aria-label": `Level of ${name} in dB`,
      oninput: () => set("level", Number(level.value)), ondblclick: () => set("level", 0) });
    const turn = (to) => { states.forEach((state, k) => { state.pan = pair ? width(to, k) : to; }); player.update(); };
    const panText = h("output"), pan = h("input", { type: "range", min: -1, max: 1, step: 0.05, value: states[0].pan, "aria-label": `${pair ? "Balance" : "Pan"} of ${name}`,
      oninput: () => turn(Number(pan.value)), ondblclick: () => turn(0) });
    const meters = mics.map((each) => new MeterBar(figures.names[each]));
    let turning = false; // a slider that is dragged is one change to undo
    const turned = (dB) => { if (!turning) this.remember(); turning = true; this.tune([strip], dB); };
    const depthText = h("output"), depth = h("input", { type: "range", min: 0, max: ALL, step: 0.5, "aria-label": `Most bleed to remove from ${name} in dB`,
      oninput: () => turned(Number(depth.value)), onchange: () => { turning = false; }, ondblclick: () => { turned(ALL); turning = false; } });
    const canvases = mics.map((each) => h("canvas", { class: "wave", role: "img", "aria-label": `Waveform of ${figures.names[each]}` }));
    const head = h("span", { class: "head" }), region = h("span", { class: "region" });
    const picture = h("div", { class: pair ? "lane pair" : "lane", onpointerdown: (event) => this.drag(event) }, canvases, region, head);
    const unchanged = source === null ? "room" : figures.references?.includes(figures.names[mic]) ? "reference" : null;
    const named = [unchanged ?? (source === name ? null : source), pair ? "stereo" : null].filter(Boolean).join(", ");
    const still = mics.every((each) => figures.energies?.every((row) => row[each] === figures.energies[0][each]));
    const idle = unchanged || (still && mics.some((each) => figures.findings?.[figures.names[each]])); // nothing to remove from it
    const said = h("p", { class: "finding" });
    const element = h("div", { class: "strip", tabindex: 0, role: "group", "aria-label": named ? `${name} (${named})` : name, onfocus: () => this.hooks.look(mic) },
      h("div", { class: "controls" },
        h("div", { class: "row" }, h("strong", { class: "name", title: name }, short, named ? h("span", { class: "soft" }, ` (${named})`) : null), solo, mute, this.after ? layer : null),
        this.after ? said : null,
        meters.map((meter) => meter.element),
        h("label", { class: "slide" }, h("span", {}, "level"), level, levelText),
        h("label", { class: "slide" }, h("span", {}, pair ? "balance" : "pan"), pan, panText),
        this.after && !idle ? h("label", { class: "slide" }, h("span", {}, "remove"), depth, depthText) : null),
      picture);
    const strip = { mics, idle, element, said, solo, mute, layer, level, levelText, pan, panText, meters, depth, depthText, head, region, waves: canvases.map((canvas) => new Waveform(canvas)), lane: picture };
    this.tell(strip, this.run.sentences);
    return strip;
  }

  // What was done to each microphone, in the words of the report.
  say(sentences) { for (const strip of this.strips) this.tell(strip, sentences); }

  tell({ mics, said }, sentences) {
    const { names } = this.run.figures, texts = [...new Set(mics.map((mic) => sentences?.[names[mic]]).filter(Boolean))];
    const line = texts.length > 1 ? mics.map((mic, k) => `${"LR"[k]}: ${sentences[names[mic]]}`).join(" ") : texts[0] ?? "";
    said.textContent = line && sentence(line);
    said.hidden = !line;
  }

  // How much is removed from all microphones at once.
  presets() {
    if (!this.after) return null;
    const button = (dB, text) => h("button", { type: "button", class: "toggle", "data-db": dB, onclick: () => { this.remember(); this.tune(this.strips.filter((strip) => !strip.idle), dB); } }, text);
    this.back = h("button", { type: "button", class: "quiet", onclick: () => this.undo() }, "Undo");
    this.preset = [button(ALL, "All the bleed"), button(NATURAL, `Natural, ${NATURAL} dB`)];
    return h("div", { class: "row presets", role: "group", "aria-label": "Remove from all microphones" }, h("span", { class: "soft" }, "Remove from all microphones"), this.preset, this.back);
  }

  // Change how much bleed is removed from some strips: heard at once, kept by the server a moment later.
  tune(strips, dB) {
    const { names, sources, references = [] } = this.run.figures, chosen = new Set(strips.flatMap(({ mics }) => mics));
    const mics = names.map((name, mic) => ({ name, source: sources[mic], dB: chosen.has(mic) ? (dB >= ALL ? undefined : dB) : this.limit(mic) }));
    this.reduce(least(mics.filter(({ name, source }) => source !== null && !references.includes(name))));
  }

  remember() { this.past.push(this.reduction); }

  undo() { this.reduce(this.past.pop()); }

  reduce(reduction) {
    this.reduction = reduction;
    this.run.figures.names.forEach((_, mic) => { this.player.mics[mic].kept = this.kept(mic); });
    this.player.update(); // and with it what is drawn
    this.hooks.tuned?.({ ...this.reduction });
  }

  // Play some microphones alone, around a moment.
  solo(mics, [start, end]) {
    const { player } = this, { rate, length } = this.run.figures;
    player.mics.forEach((state, mic) => Object.assign(state, { solo: mics.includes(mic), mute: state.mute && !mics.includes(mic) }));
    const loop = { start: Math.round(start * rate), end: Math.min(length, Math.round(end * rate)) };
    player.update();
    player.setLoop(loop);
    player.seek(loop.start);
    if (!player.playing) player.play();
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
    this.strips.forEach((strip) => {
      const [mic] = strip.mics, state = player.mics[mic];
      strip.solo.setAttribute("aria-pressed", state.solo);
      strip.mute.setAttribute("aria-pressed", state.mute);
      strip.element.classList.toggle("unheard", !player.heard(mic));
      strip.layer.value = state.layer ?? "";
      strip.level.value = state.level;
      strip.levelText.textContent = `${number(state.level)} dB`;
      const pan = strip.mics.length > 1 ? balance(strip.mics.map((each) => player.mics[each].pan)) : state.pan;
      strip.pan.value = pan;
      const side = Math.round(100 * Math.abs(pan));
      strip.panText.textContent = side ? `${pan < 0 ? "L" : "R"} ${side}` : "centre";
      strip.pan.setAttribute("aria-valuetext", side ? `${side} % ${pan < 0 ? "left" : "right"}` : "centre");
      const dB = this.limit(mic);
      strip.depth.value = dB ?? ALL;
      strip.depthText.textContent = dB === undefined ? "all" : `${number(dB)} dB`;
      strip.depth.setAttribute("aria-valuetext", dB === undefined ? "all" : `${dB} dB`);
    });
    const limits = new Set(this.strips.filter(({ idle }) => !idle).map(({ mics }) => this.limit(mics[0]) ?? ALL));
    if (this.back) this.back.hidden = !this.past.length;
    this.preset?.forEach((button) => button.setAttribute("aria-pressed", limits.size === 1 && limits.has(Number(button.dataset.db))));
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
    this.rule();
    this.region(this.player.loop?.start, this.player.loop?.end);
    this.follow();
  }

  // The times on the ruler, as many as fit.
  rule() {
    const [from, to] = this.view, room = MARK / (this.marks.clientWidth || 600);
    const step = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600].find((s) => s >= Math.max(0.1, room) * (to - from)) ?? 1200;
    const marks = [];
    for (let t = Math.ceil(from / step) * step; t < to - room * (to - from); t += step) {
      const mark = h("span", {}, time(t, step < 1 ? 2 : 0));
      mark.style.left = `${(100 * (t - from)) / (to - from)}%`;
      marks.push(mark);
    }
    this.marks.replaceChildren(...marks);
  }

  // The waveforms: what is heard in front of what was there before.
  redraw() {
    const state = `${this.view} ${this.player.layer} ${this.player.mics.map((mic) => `${mic.layer} ${mic.kept}`)}`;
    if (state === this.drawn) return;
    this.drawn = state;
    for (const { mics, waves } of this.strips) mics.forEach((mic, k) => this.wave(mic, waves[k]));
  }

  wave(mic, picture) {
    const { layer: own, kept } = this.player.mics[mic], layer = own ?? this.player.layer, { rate } = this.run.figures;
    const place = this.run.places?.[mic];
    if (place) {
      const path = `${this.path}/files/${place.file.id}/peaks?mic=${place.channel}`;
      picture.show([{ parts: [[path, 1]], rate: place.file.rate, zooms: this.zooms, color: "--wave" }], ...this.view, place.file.peak[place.channel]);
      return;
    }
    const path = (name) => `${this.path}/peaks?layer=${name}&mic=${mic}`;
    const shown = { before: [[path("before"), 1]], after: [[path("before"), kept], [path("after"), 1 - kept]], removed: [[path("removed"), 1 - kept]] };
    const wave = (name, color) => ({ parts: shown[name].filter(([, weight]) => weight > 0), rate, zooms: this.zooms, color });
    const layers = layer === "before" ? [wave("before", "--wave")] : [wave("before", "--ghost"), wave(layer, layer === "removed" ? "--taken" : "--wave")];
    picture.show(layers, ...this.view, this.run.figures.peaks?.[mic] ?? amplitude(this.loudness(mic) + 14));
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
    for (const { mics, meters } of this.strips) mics.forEach((mic, k) => meters[k].show(peak(player.buses[mic]?.meter), seconds));
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

// The pan of the left or right microphone of a pair at a balance: to a side, the other one comes along.
const width = (to, side) => (side === 0 ? Math.min(1, -1 + 2 * Math.max(0, to)) : Math.max(-1, 1 + 2 * Math.min(0, to)));
const balance = ([left, right]) => (left + right) / 2;
