// Plays all microphones of a session on one clock, from windows of samples that are fetched as they are needed.

import { bytes } from "./api.js";
import { Bus, Meter } from "./bus.js";
import { amplitude, decibel } from "./dom.js";
import { usualPans } from "./pairs.js";
import { Strip, energy, schedule, stretch, weights } from "./schedule.js";

const AHEAD = 2.5;    // seconds that are scheduled before they are heard: a page in the background wakes once a second
const FIRST = 0.08;   // seconds until the first sample
const LATE = 0.02;    // seconds by which a stretch must be early, so that all microphones start at one frame
const LARGEST = 4e6;  // bytes of a window, about: small enough to come soon
const LONGEST = 2;    // seconds of a window
const AT_ONCE = 2;    // windows asked for at a time; more would come later each
const SPARE = 4;      // windows kept beside those that are ahead
const MOST = amplitude(20); // the most by which a layer is raised to match the level of before

export class Player extends EventTarget {
  constructor() {
    super();
    this.playing = false;
    this.layer = "before";
    this.matching = { before: true, after: true, removed: false }; // what is removed sounds as loud as it was
    this.factor = 1;
    this.volume = 0;
    this.loop = null;       // { start, end } in samples
    this.looping = false;
    this.place = 0;         // samples, while it does not play
    this.mics = [];
    this.strips = [];
    this.buses = [];
    this.meters = [];
    this.windows = new Map();
    this.queue = [];
    this.wish = new AbortController();
  }

  // source: { path, layers, rate, length, names, sources, energies }. The place in the song and the strips' settings stay.
  load(source) {
    const at = this.playing ? this.position() : this.place;
    const going = this.playing;
    this.halt();
    const fresh = !this.source || this.source.rate !== source.rate || this.mics.length !== source.names.length;
    this.source = source;
    const most = LARGEST / (source.rate * source.names.length * source.layers * 4);
    this.size = Math.round(Math.min(LONGEST, Math.max(0.25, most)) * source.rate);
    this.ahead = Math.ceil((AHEAD * source.rate) / this.size) + 1;
    this.forget();
    if (fresh) {
      const pans = usualPans(source.names, source.sources);
      this.mics = source.names.map((_, mic) => ({ level: 0, pan: pans[mic], solo: false, mute: false, layer: null, kept: 0 }));
      this.volume = -Math.round(decibel(Math.max(1, source.names.length)) / 2);
      this.close();
    }
    this.place = Math.min(at, source.length - 1);
    if (this.loop && this.loop.end > source.length) this.loop = null;
    this.update(0);
    if (going) this.play();
  }

  async open() {
    if (!this.context) {
      this.context = new AudioContext({ sampleRate: this.source.rate, latencyHint: "interactive" });
      this.master = new GainNode(this.context, { gain: 0, channelCount: 2, channelCountMode: "explicit" });
      this.master.connect(this.context.destination);
      const merger = new ChannelMergerNode(this.context, { numberOfInputs: 2 }), split = new ChannelSplitterNode(this.context, { numberOfOutputs: 2 });
      merger.connect(this.master);
      this.master.connect(split);
      this.meters = [0, 1].map((side) => new Meter(this.context, split, side));
      this.buses = this.mics.map(({ pan }) => new Bus(this.context, merger, pan));
      this.strips = this.buses.map((bus) => new Strip(this.context, bus.input));
      this.update(0);
    }
    await this.context.resume();
  }

  close() {
    this.halt();
    this.context?.close();
    this.context = null;
    this.strips = [];
    this.buses = [];
    this.meters = [];
  }

  forget() {
    this.wish.abort();
    this.wish = new AbortController();
    this.windows.clear();
  }

  async play() {
    if (!this.source || this.playing) return;
    this.playing = true;
    this.tell("state");
    try { await this.open(); } catch (error) { this.playing = false; this.tell("failed", error); this.tell("state"); return; }
    if (!this.playing) return;
    this.next = this.place >= this.source.length - 1 ? 0 : this.place;
    this.anchor = null;
    clearInterval(this.clock);
    this.clock = setInterval(() => this.feed(), 60);
    this.feed();
  }

  pause() {
    if (!this.playing) return;
    this.place = this.position();
    this.halt();
    this.tell("state");
  }

  toggle() { if (this.playing) this.pause(); else this.play(); }

  halt() {
    clearInterval(this.clock);
    this.playing = false;
    this.silence();
  }

  // Fade out what is scheduled, then drop it.
  silence() {
    if (!this.context) { this.queue = []; return; }
    const now = this.context.currentTime, gain = this.master.gain;
    gain.cancelScheduledValues(now);
    gain.setValueAtTime(gain.value, now);
    gain.linearRampToValueAtTime(0, now + 0.01);
    for (const { sources } of this.queue) sources.forEach((source) => source.stop(now + 0.012));
    this.queue = [];
  }

  seek(sample) {
    const to = Math.max(0, Math.min(Math.round(sample), this.source.length - 1));
    this.place = to;
    if (this.playing) {
      this.silence();
      this.wish.abort(); // what was asked for and is not there yet is not wanted any more
      this.wish = new AbortController();
      for (const [k, window] of this.windows) if (!window.data) this.windows.delete(k);
      this.next = to;
      this.anchor = null;
      this.feed();
    }
    this.tell("moved");
  }

  setLoop(loop, looping = true) {
    const at = this.playing ? this.position() : this.place;
    this.loop = loop;
    this.looping = Boolean(loop) && looping;
    if (this.playing) this.seek(this.looping && (at < loop.start || at >= loop.end) ? loop.start : at);
    this.tell("state");
  }

  activeLoop() { return this.looping ? this.loop : null; }

  // Where the song is, in samples: by the context's clock, at what leaves the loudspeaker now.
  position() {
    if (!this.playing || !this.context || !this.queue.length) return this.place;
    const frame = (this.context.currentTime - (this.context.outputLatency || 0)) * this.source.rate;
    let found = null;
    for (const part of this.queue) if (part.frame <= frame) found = part;
    if (!found) return this.place;
    return Math.min(found.from + Math.min(frame - found.frame, found.count), this.source.length - 1);
  }

  // Keep the clock fed: schedule what is there, ask for what is not.
  feed() {
    if (!this.playing || !this.context) return;
    const { rate, length } = this.source;
    const now = this.context.currentTime;
    this.prefetch();
    if (this.anchor !== null && this.next !== null && this.anchor < (now + LATE) * rate) {
      this.place = this.position(); // the samples came too late: go on from here with all microphones together
      this.silence();
      this.next = Math.round(this.place);
      this.anchor = null;
      this.tell("late");
    }
    while (this.next !== null && (this.anchor === null || this.anchor < (now + AHEAD) * rate)) {
      const part = stretch(this.next, this.size, length, this.activeLoop());
      const window = this.windows.get(part.window);
      if (!window?.data) break;
      if (this.anchor === null) {
        this.anchor = Math.ceil((this.context.currentTime + FIRST) * rate);
        const gain = this.master.gain;
        gain.setValueAtTime(0, this.anchor / rate - 0.005);
        gain.linearRampToValueAtTime(amplitude(this.volume), this.anchor / rate);
      }
      const sources = schedule(this.context, this.strips, window, part.offset, part.count, this.anchor);
      this.queue.push({ frame: this.anchor, from: this.next, count: part.count, sources });
      this.anchor += part.count;
      this.next = part.next;
    }
    while (this.queue.length > 1 && this.queue[1].frame < (now - 1) * rate) this.queue.shift();
    if (this.next === null && this.anchor < now * rate) {
      this.halt();
      this.place = 0;
      this.tell("state");
    }
  }

  prefetch() {
    let at = this.next;
    for (let k = 0; k < this.ahead && at !== null; k++) {
      const part = stretch(at, this.size, this.source.length, this.activeLoop());
      this.fetch(part.window);
      at = part.next;
    }
  }

  fetch(k) {
    if (this.windows.has(k)) {
      const kept = this.windows.get(k); // used last: to the end of the line
      this.windows.delete(k);
      this.windows.set(k, kept);
      return;
    }
    if ([...this.windows.values()].filter((window) => !window.data).length >= AT_ONCE) return;
    const { source, size } = this;
    const count = Math.min(size, source.length - k * size);
    const window = { data: null, layers: source.layers, mics: source.names.length, count };
    this.windows.set(k, window);
    while (this.windows.size > this.ahead + SPARE) this.windows.delete(this.windows.keys().next().value);
    const layers = source.layers === 2 ? "before,after" : "before";
    bytes(`${source.path}/window?start=${k * size}&count=${count}&layers=${layers}`, this.wish.signal)
      .then((buffer) => { window.data = new Float32Array(buffer); this.feed(); })
      .catch((error) => {
        if (this.windows.get(k) === window) this.windows.delete(k);
        if (error.name !== "AbortError") { this.pause(); this.tell("failed", error); }
      });
  }

  heard(mic) {
    const { mute, solo } = this.mics[mic];
    return !mute && (solo || !this.mics.some((other) => other.solo));
  }

  // Set every gain to what the switches say; one common factor brings the layer to the level of before, if that is wished.
  update(fade) {
    if (!this.source) return;
    const parts = this.mics.map((mic, i) => {
      const layer = this.source.layers === 2 ? mic.layer ?? this.layer : "before";
      return { mix: weights(layer, mic.kept), gain: this.heard(i) ? amplitude(mic.level) : 0, energies: this.source.energies?.map((row) => row[i]) };
    });
    this.factor = this.matching[this.layer] && this.source.layers === 2 ? matched(parts) : 1;
    this.mics.forEach((mic, i) => this.buses[i]?.place(mic.pan));
    parts.forEach(({ mix, gain }, i) => this.strips[i]?.mix(mix.map((weight) => weight * gain * this.factor), fade));
    if (this.context && this.playing && this.queue.length) {
      const now = this.context.currentTime;
      if (this.queue[0].frame / this.source.rate < now) {
        this.master.gain.cancelScheduledValues(now);
        this.master.gain.setTargetAtTime(amplitude(this.volume), now, 0.01);
      }
    }
    this.tell("mix");
  }

  choose(layer) { this.layer = layer; this.update(); }

  tell(name, detail) { this.dispatchEvent(new CustomEvent(name, { detail })); }
}

export function matched(parts) {
  let before = 0, now = 0;
  for (const { mix, gain, energies } of parts) {
    if (!energies) return 1;
    before += gain * gain * energies[0];
    now += gain * gain * energy(mix, energies);
  }
  return now > 0 && before > 0 ? Math.min(MOST, Math.sqrt(before / now)) : 1;
}
