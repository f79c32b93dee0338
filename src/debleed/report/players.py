"""The listening part of a report: one stretch of all microphones, with waveforms, spectrograms and sounds.

Two sounds a microphone are stored, what is left and what was removed. Their sum is the microphone before cleaning, so a
third is not needed and the two can have a higher bit rate.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from debleed.clock import clock
from debleed.decibels import decibels, shown
from debleed.dsp.parallel import in_parallel
from debleed.progress import Progress
from debleed.recording import Recording, Samples
from debleed.report.excerpts import SECONDS, common_start, mp3, plan
from debleed.report.pictures import ROWS, columns, height_of, highest, png, shades, spectrogram
from debleed.report.waves import svg

LAYERS = ("Before", "After", "Removed")
LOUDEST = 0.7
"""Peak of what is encoded; MP3 overshoots a little."""
MIX = 0.9
"""Peak of the mix of all microphones, and of the loudest microphone alone, as they are played."""
REST = 24_000
"""Bytes of a microphone's waveforms and its text, at most."""


@dataclass(frozen=True)
class Stretch:
    """The stretch that a report plays.

    Parameters
    ----------
    start, seconds
        Where it begins in the recording, and its length, in seconds.
    cards
        The HTML of its microphones.
    """

    start: int
    seconds: float
    cards: str


def stretch(
    recordings: tuple[Recording, Recording],
    seconds: NDArray[np.float64],
    chosen: Sequence[int],
    sentences: Mapping[str, str],
    room: int,
    progress: Progress,
) -> Stretch:
    """Write the pictures and sounds of some microphones in ``room`` bytes, all of the same stretch.

    Parameters
    ----------
    recordings
        Before and after.
    seconds
        Energy before, after and removed in each second, ``(3, mics, seconds)``.
    chosen
        Indices of the microphones.
    sentences
        What was done to each, by name.
    room
        Bytes for all of it.
    progress
        Called with the stage "report".
    """
    before = recordings[0]
    rate = before.rate
    # a pixel of 64 shades takes at most 6 bits, which base64 writes as one byte
    pictures = 3 * ROWS * columns(SECONDS * rate, rate) + REST
    kbps, length = plan(2 * len(chosen), 0.97 * 3 / 4 * (room - len(chosen) * pictures))
    start = common_start(seconds[1, chosen], seconds[2, chosen], length)
    first, last = start * rate, min((start + length) * rate, before.length)
    x, y = (recording.read(first, last)[list(chosen)].astype(np.float32) for recording in recordings)
    loud = max(float(np.abs(x.sum(axis=0)).max(initial=0.0)), float(np.abs(x).max(initial=0.0)))
    gain = MIX / loud if loud > 0 else 1.0
    cards = []
    for done, (i, was, became) in enumerate(zip(chosen, x, y, strict=True)):
        progress("report", (1 + done) / (1 + len(chosen)))
        layers = np.stack([was, became, was - became])
        cards.append(card(before, i, layers, gain, kbps, sentences[before.names[i]], (start, start + length)))
    progress("report", 1)
    return Stretch(start, (last - first) / rate, "\n".join(cards))


def card(
    recording: Recording,
    mic: int,
    samples: Samples,
    gain: float,
    kbps: int,
    sentence: str,
    ends: tuple[int, int],
) -> str:
    """Write one microphone.

    Parameters
    ----------
    recording, mic
        The recording, and the microphone's place in it.
    samples
        ``(3, samples)``, the layers.
    gain
        With which it is played, as all are.
    kbps
        Bit rate of its sounds.
    sentence
        What was done to it.
    ends
        Where the stretch begins and ends in the recording, in seconds.
    """
    name, source, rate = html.escape(recording.names[mic]), recording.sources[mic], recording.rate
    of = "" if source == recording.names[mic] else f" <span class='soft'>({html.escape(source or 'room')})</span>"
    wave = svg(dict(zip(("before", "after", "removed"), samples, strict=True)), f"Waveform of {name}")
    return (
        f"<article class='mic' data-gain='{gain:.6g}' data-pan='{panned(recording.names, mic)}'><header>"
        f"<h3>{name}{of}</h3><p class='said'>{html.escape(sentence[:1].upper() + sentence[1:])}</p>"
        f"<div class='strip'><button type='button' class='solo' aria-pressed='false' aria-label='Solo {name}'>Solo"
        f"</button><button type='button' class='mute' aria-pressed='false' aria-label='Mute {name}'>Mute</button>"
        f"<label><span class='soft'>level</span><input class='level' type='range' min='-24' max='24' value='0' "
        f"aria-label='Level of {name} in dB'><output>0 dB</output></label></div></header>"
        f"<div class='lane'>{wave}<span class='head'></span></div>"
        f"<div class='shots'>{shots(name, samples, rate)}</div>"
        f"<div class='time' aria-hidden='true'><span>{clock(ends[0])}</span><span>{clock(ends[1])}</span></div>"
        f"<div class='sounds'>{sounds(name, samples, rate, kbps)}</div></article>"
    )


def panned(names: Sequence[str], mic: int) -> int:
    """Return where a microphone is heard: -1 (left) or 1 (right) for a half of a stereo pair, otherwise 0."""
    stem, _, side = names[mic].rpartition(".")
    sides = {"L": -1, "R": 1}
    return sides[side] if side in sides and {f"{stem}.L", f"{stem}.R"} <= set(names) else 0


def shots(name: str, samples: Samples, rate: int) -> str:
    """Write the spectrograms of the layers, ``(3, samples)``, on one colour scale."""
    ticks = "".join(
        f"<span class='tick' aria-hidden='true' style='bottom:{100 * height_of(f, rate):.1f}%'>{label}</span>"
        for f, label in ((100, "100 Hz"), (1000, "1 kHz"), (5000, "5 kHz"))
        if f < 0.9 * highest(rate)
    )
    return "".join(
        f"<figure class='{layer.lower()}'><figcaption>{layer}</figcaption><div class='lane'>"
        f"<img alt='Spectrogram of {name}, {layer.lower()}' src='{_data('image/png', png(picture))}'>"
        f"{ticks}<span class='head'></span></div></figure>"
        for layer, picture in zip(LAYERS, paint(samples, rate), strict=True)
    )


def paint(samples: Samples, rate: int) -> list[NDArray[np.uint8]]:
    """Draw the spectrograms of one microphone on one colour scale."""
    pictures = [spectrogram(row, rate) for row in samples]
    heard = pictures[0][np.isfinite(pictures[0])]
    brightest = float(np.percentile(heard, 99.8)) if heard.size else 0.0
    return [shades(picture, brightest) for picture in pictures]


def sounds(name: str, samples: Samples, rate: int, kbps: int) -> str:
    """Write what is left and what was removed as sounds, of ``(3, samples)``, the layers; a silent one is left out.

    ``data-gain`` restores the level that the sound had in the recording.
    """
    _, after, removed = samples
    stored = [(layer, row) for layer, row in (("after", after), ("removed", removed)) if row.any()]
    scales = [LOUDEST / float(np.abs(row).max()) for _, row in stored]
    scaled = [(np.float32(scale) * row).astype(np.float32) for scale, (_, row) in zip(scales, stored, strict=True)]
    coded = in_parallel(lambda row: mp3(row, rate, kbps), scaled)  # takes most time, outside the interpreter
    return "".join(
        f"<audio controls preload='none' class='{layer}' data-gain='{1 / scale:.6g}' aria-label='{name}, {layer}, at "
        f"{shown(float(decibels(scale**2)), 0, sign=True)} dB' src='{_data('audio/mpeg', sound)}'></audio>"
        for (layer, _), scale, sound in zip(stored, scales, coded, strict=True)
    )


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
