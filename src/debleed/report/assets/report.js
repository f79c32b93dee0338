// One player a microphone: before, after and removed start on one clock, so that flipping between them is exact.
"use strict";
(() => {
  let context, playing = null;

  const bytes = (audio) => {
    const text = atob(audio.src.slice(audio.src.indexOf(",") + 1));
    return Uint8Array.from(text, (c) => c.charCodeAt(0)).buffer;
  };

  const setUp = (card) => {
    const audios = [...card.querySelectorAll("audio")];
    const shots = [...card.querySelectorAll("figure")];
    const layers = [...card.querySelectorAll("input[type=radio]")];
    const button = card.querySelector(".play"), seek = card.querySelector(".seek");
    const gains = [];
    let buffers = null, sources = [], began = 0, place = 0, layer = 0;

    const length = () => Math.min(...buffers.map((b) => b.duration));
    const now = () => (playing === player ? (context.currentTime - began) % length() : place);
    const draw = () => {
      const share = buffers ? now() / length() : 0;
      card.querySelectorAll(".head").forEach((head) => { head.style.left = `${100 * share}%`; });
      seek.value = share;
      if (playing === player) requestAnimationFrame(draw);
    };
    const stop = () => {
      place = now();
      playing = null;
      sources.forEach((source) => source.stop());
      button.textContent = "Play";
    };
    const player = { stop };
    const load = async () => {
      context ??= new AudioContext();
      await context.resume();
      buffers ??= await Promise.all(audios.map((audio) => context.decodeAudioData(bytes(audio))));
    };
    const start = async (from) => {
      try { await load(); } catch { card.classList.add("failed"); return; }
      playing?.stop();
      began = context.currentTime + 0.02 - from * length();
      sources = buffers.map((buffer, i) => {
        const source = new AudioBufferSourceNode(context, { buffer, loop: true, loopEnd: length() });
        gains[i] = new GainNode(context, { gain: i === layer ? 1 : 0 });
        source.connect(gains[i]).connect(context.destination);
        source.start(context.currentTime + 0.02, from * length());
        return source;
      });
      playing = player;
      button.textContent = "Pause";
      card.classList.add("started");
      choose(layer);
      draw();
    };
    const choose = (index) => {
      layer = index;
      layers[index].checked = true;
      shots.forEach((shot, i) => shot.classList.toggle("heard", i === index));
      gains.forEach((gain, i) => gain.gain.setTargetAtTime(i === index ? 1 : 0, context.currentTime, 0.005));
    };

    button.addEventListener("click", () => (playing === player ? stop() : start(Number(seek.value))));
    seek.addEventListener("input", () => {
      if (playing === player) start(Number(seek.value));
      else if (buffers) { place = seek.value * length(); draw(); }
    });
    layers.forEach((radio, i) => radio.addEventListener("change", () => choose(i)));
    shots.forEach((shot, i) => shot.querySelector(".picture").addEventListener("click", (event) => {
      const box = event.currentTarget.getBoundingClientRect();
      choose(i);
      start(event.detail ? (event.clientX - box.left) / box.width : Number(seek.value)); // 0: from the keyboard
    }));
  };

  if (!window.AudioContext) return;
  document.body.classList.add("js");
  document.querySelectorAll(".mic").forEach(setUp);
})();
