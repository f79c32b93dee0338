// Where a microphone's sound leaves its strip: metered, placed between left and right, into the mix.

const METERED = 1024; // samples of a meter: longer than a frame of the screen, so that no peak falls between two

// Gains of the two channels: in the middle both are 1, as a mono file sounds; to a side the other one fades.
export const sides = (pan) => [Math.min(1, 1 - pan), Math.min(1, 1 + pan)];

export class Bus {
  constructor(context, merger, pan) {
    this.context = context;
    this.input = new GainNode(context);
    this.meter = new Meter(context, this.input);
    this.gains = sides(pan).map((gain, side) => {
      const node = new GainNode(context, { gain });
      this.input.connect(node);
      node.connect(merger, 0, side);
      return node;
    });
  }

  place(pan) { sides(pan).forEach((gain, side) => this.gains[side].gain.setTargetAtTime(gain, this.context.currentTime, 0.01)); }
}

export class Meter {
  constructor(context, input, output = 0) {
    this.node = new AnalyserNode(context, { fftSize: METERED });
    this.samples = new Float32Array(METERED);
    input.connect(this.node, output);
  }

  // The largest amplitude of what is heard now.
  peak() {
    this.node.getFloatTimeDomainData(this.samples);
    let most = 0;
    for (const sample of this.samples) { const size = Math.abs(sample); if (size > most) most = size; }
    return most;
  }
}
