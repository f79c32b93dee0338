// One transport for all microphones: every sound starts on one clock, so flipping between layers is exact.
"use strict";
(() => {
  if (!window.AudioContext) return;
  const body = document.body, player = document.getElementById("player");
  const one = (selector) => player.querySelector(selector);
  const button = one(".play"), everything = one(".all"), seek = one(".seek"), clock = one(".clock");
  const layers = [...player.querySelectorAll("input[name=layer]")];
  const length = Number(player.dataset.seconds), first = Number(player.dataset.start);
  const mics = [...player.querySelectorAll(".mic")].map((element) => ({
    element, solo: false, mute: false, level: 0, buffers: {}, nodes: null,
    sounds: [...element.querySelectorAll("audio")],
  }));
  let context = null, master = null, sources = [], playing = false, waiting = false, tabbed = false, began = 0, place = 0, layer = "before";

  // Before is the sum of what is left and what was removed.
  const part = (kind) => (layer === "before" || layer === kind ? 1 : 0);
  const heard = (mic) => !mic.mute && (mic.solo || !mics.some((other) => other.solo));
  const ramp = (node, gain) => node.gain.setTargetAtTime(gain, context.currentTime, 0.005);

  const show = () => {
    body.dataset.layer = layer;
    layers.forEach((radio) => { radio.checked = radio.value === layer; });
    button.textContent = waiting ? "Loading…" : playing ? "Pause" : "Play";
    everything.disabled = !mics.some((mic) => mic.solo || mic.mute);
    for (const mic of mics) {
      mic.element.querySelector(".solo").setAttribute("aria-pressed", mic.solo);
      mic.element.querySelector(".mute").setAttribute("aria-pressed", mic.mute);
      mic.element.querySelector("output").textContent = `${mic.level > 0 ? "+" : mic.level < 0 ? "−" : ""}${Math.abs(mic.level)} dB`;
      mic.element.classList.toggle("soloed", mic.solo);
      if (!mic.nodes) continue;
      ramp(mic.nodes.fader, heard(mic) ? 10 ** (mic.level / 20) : 0);
      for (const [kind, node] of Object.entries(mic.nodes.parts)) ramp(node, part(kind) * mic.nodes.gains[kind]);
    }
  };

  const now = () => (playing ? (((context.currentTime - began) % length) + length) % length : place);
  const time = (seconds) => {
    const parts = [seconds / 3600, (seconds / 60) % 60, seconds % 60].map(Math.floor);
    const shown = parts[0] ? parts : parts.slice(1);
    return shown.map((count, i) => (i ? String(count).padStart(2, "0") : count)).join(":");
  };
  const draw = () => {
    const at = now();
    player.style.setProperty("--at", at / length);
    seek.value = at / length;
    seek.setAttribute("aria-valuetext", time(first + at));
    clock.textContent = time(first + at);
    if (playing) requestAnimationFrame(draw);
  };

  const bytes = (audio) => Uint8Array.from(atob(audio.src.slice(audio.src.indexOf(",") + 1)), (c) => c.charCodeAt(0)).buffer;
  const load = async () => {
    context ??= new AudioContext();
    master ??= new GainNode(context);
    master.connect(context.destination);
    await Promise.all([context.resume(), ...mics.map(async (mic) => {
      if (mic.nodes) return;
      const fader = new GainNode(context, { gain: 0 }), pan = new StereoPannerNode(context, { pan: Number(mic.element.dataset.pan) });
      const nodes = { fader, parts: {}, gains: {} };
      fader.connect(pan).connect(master);
      for (const audio of mic.sounds) {
        mic.buffers[audio.className] = await context.decodeAudioData(bytes(audio));
        nodes.gains[audio.className] = Number(mic.element.dataset.gain) * Number(audio.dataset.gain);
        nodes.parts[audio.className] = new GainNode(context, { gain: 0 });
        nodes.parts[audio.className].connect(fader);
      }
      mic.nodes = nodes;
    })]);
  };

  const stop = () => {
    place = now();
    playing = false;
    sources.forEach((source) => source.stop());
    sources = [];
    show();
    draw();
  };
  const start = async (from) => {
    place = from;
    if (waiting) return;
    waiting = true;
    show();
    try { await load(); } catch { body.classList.add("failed"); return; } finally { waiting = false; }
    sources.forEach((source) => source.stop());
    const at = context.currentTime + 0.05;
    began = at - place;
    sources = mics.flatMap((mic) => Object.entries(mic.buffers).map(([kind, buffer]) => {
      const source = new AudioBufferSourceNode(context, { buffer, loop: true, loopEnd: Math.min(length, buffer.duration) });
      source.connect(mic.nodes.parts[kind]);
      source.start(at, place);
      return source;
    }));
    const idle = !playing;
    playing = true;
    body.classList.add("started");
    show();
    if (idle) draw();
  };
  const toggle = () => (playing ? stop() : start(place));
  const go = (to) => {
    const target = Math.min(Math.max(to, 0), length - 0.01);
    body.classList.add("started");
    if (playing) start(target);
    else { place = target; draw(); }
  };
  const choose = (value) => { layer = value; show(); };
  const alone = (step) => {
    const at = mics.findIndex((mic) => mic.solo);
    const next = at < 0 ? (step > 0 ? 0 : mics.length - 1) : (at + step + mics.length) % mics.length;
    mics.forEach((mic, i) => { mic.solo = i === next; });
    mics[next]?.element.scrollIntoView({ block: "nearest" });
    show();
  };
  const whole = () => { mics.forEach((mic) => { mic.solo = mic.mute = false; }); show(); };

  button.addEventListener("click", toggle);
  everything.addEventListener("click", whole);
  seek.addEventListener("input", () => go(seek.value * length));
  layers.forEach((radio) => radio.addEventListener("change", () => choose(radio.value)));
  for (const mic of mics) {
    const { element } = mic, level = element.querySelector(".level");
    element.querySelector(".solo").addEventListener("click", () => { mic.solo = !mic.solo; show(); });
    element.querySelector(".mute").addEventListener("click", () => { mic.mute = !mic.mute; show(); });
    level.addEventListener("input", () => { mic.level = Number(level.value); show(); });
    level.addEventListener("dblclick", () => { mic.level = level.value = 0; show(); });
    element.querySelectorAll(".lane").forEach((lane) => lane.addEventListener("click", (event) => {
      const box = lane.getBoundingClientRect(), kind = lane.parentElement.className;
      if (lane.parentElement.tagName === "FIGURE") choose(kind);
      go(((event.clientX - box.left) / box.width) * length);
    }));
  }

  const keys = {
    " ": toggle, 1: () => choose("before"), 2: () => choose("after"), 3: () => choose("removed"),
    b: () => choose("before"), a: () => choose("after"), r: () => choose("removed"),
    ArrowLeft: () => go(now() - 2), ArrowRight: () => go(now() + 2), ArrowUp: () => alone(-1), ArrowDown: () => alone(1), Escape: whole,
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Tab") tabbed = true;
    // Who walks through the page by keyboard presses buttons and moves sliders as everywhere.
    if (tabbed && event.key === " " && event.target.matches?.("button, audio")) return;
    if (tabbed && event.key.startsWith("Arrow") && event.target.matches?.("input, audio, .wide")) return;
    const act = keys[event.key.length > 1 ? event.key : event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  });
  // After a click the keys are the player's: the space bar's release would press the button that was clicked.
  document.addEventListener("pointerdown", () => { tabbed = false; });
  document.addEventListener("keyup", (event) => { if (event.key === " " && !tabbed) event.preventDefault(); });

  body.classList.add("js");
  show();
  draw();
})();
