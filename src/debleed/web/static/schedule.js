// From samples to sound, to the sample: the same code on an AudioContext and on an OfflineAudioContext.
//
// A microphone is one source with two channels, before and after; they cannot drift from each other. All microphones of
// a stretch start at the same frame of the context's clock, and the next stretch at the frame at which this one ends.

export const FADE = 0.015; // seconds of a crossfade: too short to hear as one, too long to click

// What is heard of a microphone is a·before + b·after; `kept` is the share of the bleed's amplitude that stays.
export function weights(layer, kept) {
  if (layer === "before") return [1, 0];
  if (layer === "after") return [kept, 1 - kept];
  return [1 - kept, kept - 1]; // removed: before - after, so far as it is removed
}

// Energy of a·before + b·after from the energies of before, after and their product.
export function energy([a, b], [before, after, both]) {
  return Math.max(0, a * a * before + b * b * after + 2 * a * b * both);
}

function glide(parameter, value, context, fade) {
  const now = context.currentTime;
  parameter.cancelScheduledValues(now);
  if (!fade) { parameter.setValueAtTime(value, now); return; }
  parameter.setValueAtTime(parameter.value, now);
  parameter.linearRampToValueAtTime(value, now + fade);
}

export class Strip {
  constructor(context, output, index = 0) {
    this.context = context;
    this.input = new ChannelSplitterNode(context, { numberOfOutputs: 2 });
    this.gains = [0, 1].map((channel) => {
      const gain = new GainNode(context, { gain: channel === 0 ? 1 : 0 });
      this.input.connect(gain, channel);
      gain.connect(output, 0, index);
      return gain;
    });
  }

  mix([before, after], fade = FADE) {
    glide(this.gains[0].gain, before, this.context, fade);
    glide(this.gains[1].gain, after, this.context, fade);
  }

  disconnect() { this.input.disconnect(); this.gains.forEach((gain) => gain.disconnect()); }
}

// The time of a frame, such that the browser finds exactly that frame again: between two it would interpolate.
export function moment(frame, rate) {
  const time = frame / rate, hair = time * Number.EPSILON;
  return [time, time + hair, time - hair].find((near) => near * rate === frame) ?? time;
}

// Schedule samples offset .. offset+count of a window to begin at a frame of the context's clock.
// window: { data: Float32Array, layers, mics, count }, laid out layer by layer, microphone by microphone.
export function schedule(context, strips, window, offset, count, frame) {
  const rate = context.sampleRate;
  return strips.map((strip, mic) => {
    const buffer = new AudioBuffer({ numberOfChannels: window.layers, length: count, sampleRate: rate });
    for (let layer = 0; layer < window.layers; layer++) {
      const row = (layer * window.mics + mic) * window.count + offset;
      buffer.copyToChannel(window.data.subarray(row, row + count), layer);
    }
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(strip.input);
    source.start(moment(frame, rate));
    source.onended = () => source.disconnect();
    return source;
  });
}

// The next stretch from a place in the song: within one window, not past the loop's end nor the song's.
// Returns { window, offset, count, next }, next being where the song goes on (null: it ends).
export function stretch(from, size, length, loop) {
  const window = Math.floor(from / size);
  const inLoop = loop && from < loop.end;
  const limit = Math.min((window + 1) * size, inLoop ? loop.end : length);
  const next = inLoop && limit === loop.end ? loop.start : limit >= length ? null : limit;
  return { window, offset: from - window * size, count: limit - from, next };
}
