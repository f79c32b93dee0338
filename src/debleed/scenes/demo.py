"""The demo: a synthesised band plays a song written for it, and bleeds in a simulated room.

The song has twenty-four bars in A minor at 96 beats a minute (60 s), which repeat: two bars of introduction, a verse, a
chorus and a coda.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from debleed.progress import Progress, quiet
from debleed.recording import InputError, Recording
from debleed.scenes.base import Scene
from debleed.scenes.instruments import CONTROL, VOWELS, Sound, cymbal, kick, pluck, sing, snare, tom
from debleed.scenes.rendering import render_own
from debleed.scenes.scene import draw_scene

RATE = 44100
"""Samples per second of the demo."""
RT60 = 0.4
"""Seconds: the reverberation time of its room."""
SOURCES = ("singer", "bass", "drums", "guitar")
BEAT = 60 / 96
"""Seconds per beat; a bar has four beats."""
RMS = 0.06
"""RMS of each source; the loudest drum hit stays below full scale."""

CHORDS = {
    "Am": "A2 E3 A3 C4 E4",
    "C": "C3 E3 G3 C4 E4",
    "Em": "E2 B2 E3 G3 B3 E4",
    "F": "F2 C3 F3 A3 C4 F4",
    "G": "G2 B2 D3 G3 B3 G4",
}
# One line per bar: chord | melody as note:beats:vowel. An "s" precedes a capital vowel; "-" is a rest.
INTRODUCTION = ["Am |", "G |"]
VERSE = [
    "Am | -:1 E4:.5:a G4:.5:E A4:1.5:o G4:.5:a",
    "F  | A4:1:i G4:.5:e F4:.5:a C4:1:O -:1",
    "C  | -:1 E4:.5:u G4:.5:A E4:1:a D4:.5:e C4:.5:i",
    "G  | D4:2:o B3:.5:A -:1.5",
    "Am | -:.5 A4:.5:a A4:.5:e G4:.5:I A4:1:a C5:1:o",
    "F  | A4:1.5:e G4:.5:a F4:1:u -:1",
    "C  | -:.5 G4:.5:A E4:.5:o G4:.5:a C5:1:i B4:.5:E A4:.5:a",
    "G  | B4:1.5:o A4:.5:e G4:1:a -:1",
]
CHORUS = [
    "F  | C5:1.5:A A4:.5:e C5:1:i D5:1:a",
    "G  | D5:1:o B4:1:a G4:1.5:e -:.5",
    "Em | B4:1:A G4:.5:u B4:.5:e E5:1.5:a D5:.5:i",
    "Am | C5:2:o A4:1:a -:1",
    "F  | A4:.5:i C5:1:E A4:.5:a F4:1:o A4:1:a",
    "G  | B4:1:e D5:1:A B4:.5:i A4:.5:e G4:1:a",
    "C  | G4:2.5:o E4:.5:U G4:1:a",
    "C  | C5:2.5:a -:1.5",
]
CODA = ["Am |", "F  | -:2 C4:.5:A E4:.5:e F4:1:a", "C  | G4:2:o E4:1:a -:1", "G  |", *VERSE[-2:]]
FORM = INTRODUCTION + VERSE + CHORUS + CODA
LOUD = range(len(INTRODUCTION + VERSE), len(INTRODUCTION + VERSE + CHORUS))
"""Bars of the chorus."""

Event = tuple[float, Sound]
"""Start in seconds, and the sound."""


def perform(seconds: float, progress: Progress = quiet) -> tuple[Scene, Recording, Recording]:
    """Let the band play in the room of the demo, at :data:`RATE`.

    Returns
    -------
    The scene, its microphones, and the image of its own source in each microphone.

    Raises
    ------
    InputError
        For less than ten seconds.
    """
    progress("play", 0)
    stems = play(seconds, RATE)
    progress("play", 1)
    scene = draw_scene("room", SOURCES, RATE, "demo", rt60=RT60)
    return scene, *render_own(scene, stems, progress)


def play(seconds: float = 60.0, rate: int = 44100) -> NDArray[np.float32]:
    """Play the song; every call returns the same samples.

    Returns
    -------
    ``(sources, samples)`` in the order of :data:`SOURCES`, every source of RMS :data:`RMS`.

    Raises
    ------
    InputError
        For less than ten seconds (the singer has only just begun) or a rate below 8 kHz.
    """
    if not seconds >= 10 or rate < 8000:
        raise InputError(f"the band plays at least 10 s at 8000 Hz or more, not {seconds:g} s at {rate} Hz")
    bars = int(np.ceil(seconds / (4 * BEAT)))
    score = [FORM[bar % len(FORM)] for bar in range(bars)]
    length = round(seconds * rate)
    parts = (
        _singer(score, rate),
        _mix(_bass(score, rate), length, rate),
        _mix(_drums(bars, rate), length, rate),
        _mix(_guitar(score, rate), length, rate),
    )
    stems = np.stack([np.pad(part, (0, max(0, length - len(part))))[:length] for part in parts])
    stems *= RMS / np.sqrt(np.mean(stems**2, axis=1, keepdims=True))
    return stems.astype(np.float32)


def hertz(note: str) -> float:
    """Return the frequency of a note in equal temperament; ``A4`` has 440 Hz.

    Examples
    --------
    >>> round(hertz("C4"), 1)
    261.6
    """
    step = {"C": -9, "D": -7, "E": -5, "F": -4, "G": -2, "A": 0, "B": 2}[note[0]]
    return float(440 * 2 ** (step / 12 + int(note[-1]) - 4))


def swing(step: int) -> float:
    """Return the beats from the start of a bar to its sixteenth number ``step``; every second one is late."""
    return step / 4 + (0.04 if step % 2 else 0)


def _mix(events: list[Event], length: int, rate: int) -> Sound:
    out = np.zeros(length)
    for when, sound in events:
        start = max(0, round(when * rate))
        stop = min(length, start + len(sound))
        out[start:stop] += sound[: max(0, stop - start)]
    return out


def _bass(score: list[str], rate: int) -> list[Event]:
    """Play root and fifth, in straight eighths in the chorus."""
    rng = np.random.default_rng(1)
    events = []
    for bar, line in enumerate(score):
        root = hertz(CHORDS[line.split("|")[0].strip()].split()[0]) / 2
        root *= 2 if root < 40 else 1  # down to the E string, no lower
        loud = bar % len(FORM) in LOUD
        steps = (0, 2, 4, 6, 8, 10, 12, 14) if loud else (0, 3, 6, 8, 11, 14)
        for n, step in enumerate(steps):
            pitch = root * (1.5 if n in (2, 6) else 2 if n == 5 else 1)
            held = (steps[n + 1] if n + 1 < len(steps) else 16) - step
            note = pluck(pitch, held / 4 * BEAT + 0.01, rate, rng, decay=1.6, brightness=0.45)
            note *= rng.uniform(0.7, 1) * _release(len(note), rate)
            events.append((_when(bar, step, rng), note))
    return events


def _drums(bars: int, rate: int) -> list[Event]:
    """Play a rock beat with ghost notes, hi-hats in eighths, a fill every fourth bar and a crash after it."""
    rng = np.random.default_rng(2)
    toms = {12: 190.0, 13: 150.0, 14: 118.0, 15: 92.0}
    events: list[Event] = []
    for bar in range(bars):
        loud, fill = bar % len(FORM) in LOUD, bar % 4 == 1
        for step in range(16):
            when = _when(bar, step, rng)
            hit = rng.uniform(0.8, 1.0)
            if fill and step in toms:
                events.append((when, hit * tom(toms[step], rate, rng)))
            if step in ((0, 6, 8, 10) if loud else (0, 7, 10)):
                events.append((when, hit * kick(rate, rng)))
            if step in (4, 12) and not (fill and step == 12):
                events.append((when, hit * snare(rate, rng)))
            elif step in (9, 15) and rng.random() < 0.6:
                events.append((when, 0.18 * hit * snare(rate, rng)))
            if step % 2 == 0 and not (fill and step > 12):
                ring = 0.35 if step == 14 or (loud and step % 4 == 2) else 0.05
                events.append((when, (0.9 if step % 4 == 0 else 0.6) * hit * cymbal(ring, rate, rng)))
        if bar and (bar - 1) % 4 == 1:
            events.append((_when(bar, 0, rng), 1.1 * cymbal(1.4, rate, rng)))
    return events


def _guitar(score: list[str], rate: int) -> list[Event]:
    """Strum chords, down on the beats and up between them, some of them muted."""
    rng = np.random.default_rng(3)
    events = []
    for bar, line in enumerate(score):
        strings = [hertz(note) for note in CHORDS[line.split("|")[0].strip()].split()]
        strums = ((0, 4), (4, 2), (6, 3), (10, 2), (12, 2), (14, 2)) if bar % 2 else ((0, 6), (6, 2), (8, 4), (12, 4))
        for step, held in strums:
            down = step % 4 == 0
            seconds = held / 4 * BEAT + 0.05
            order = strings if down else strings[::-1][:4]
            muted = rng.random() < 0.15
            for n, string in enumerate(order):
                note = pluck(string, seconds, rate, rng, decay=0.25 if muted else 2.2, brightness=0.8)
                note *= rng.uniform(0.6, 1) * (1 if down else 0.7) * _release(len(note), rate)
                events.append((_when(bar, step, rng, loose=0.002) + n * rng.uniform(0.006, 0.013), note))
    return events


def _singer(score: list[str], rate: int) -> Sound:
    """Sing the melody: legato with glides, vibrato, changing vowels, consonants and breath."""
    rng = np.random.default_rng(4)
    count = round(len(score) * 4 * BEAT * CONTROL)
    pitch, loudness, hiss = np.full(count, hertz("A4")), np.zeros(count), np.zeros(count)
    mouth = np.tile(np.array(VOWELS["m"], float), (count, 1))
    for bar, line in enumerate(score):
        beat = 4.0 * bar
        for token in line.split("|")[1].split():
            note, beats, vowel = (*token.split(":"), "")[:3]
            start = round((beat * BEAT + rng.normal(0.01, 0.01)) * CONTROL)
            beat += float(beats)
            stop = round(beat * BEAT * CONTROL)
            if note == "-":
                continue
            start = max(start, 0)
            pitch[start:] = hertz(note)
            mouth[start:] = VOWELS[vowel.lower()]
            accent = rng.uniform(0.75, 1) * (1.2 if bar % len(FORM) in LOUD else 1)
            loudness[start:stop] = accent * np.linspace(1, 0.75, stop - start)
            loudness[max(0, stop - 8) : stop] *= 0.35  # the tongue between two syllables
            if vowel.isupper():
                hiss[max(0, start - 16) : start + 2] = 0.12 * accent
                loudness[start : start + 3] = 0
    held = _smooth((loudness > 0.1).astype(float), 0.35) ** 3  # vibrato grows on long notes
    time = np.arange(count) / CONTROL
    cents = 35 * held * np.sin(2 * np.pi * (5.4 * time + 0.15 * np.sin(time))) + 6 * _smooth(
        rng.standard_normal(count), 0.05
    ) * np.sqrt(0.05 * CONTROL)
    pitch = np.exp(_smooth(np.log(pitch), 0.07)) * 2 ** (cents / 1200)
    loudness = _smooth(loudness, 0.04) * (1 + 0.15 * held * np.sin(2 * np.pi * 5.4 * time + 1))
    formants = np.stack([_smooth(column, 0.06) for column in mouth.T], axis=1)
    return sing(pitch, loudness, _smooth(hiss, 0.02), formants, rate, rng)


def _when(bar: int, step: int, rng: np.random.Generator, loose: float = 0.006) -> float:
    """Draw the time in seconds at which a human plays a sixteenth of a bar."""
    return (4 * bar + swing(step)) * BEAT + rng.normal(0, loose)


def _release(count: int, rate: int) -> Sound:
    """Make a curve that damps the end of a note within 30 ms."""
    left = np.arange(count)[::-1] / rate
    return np.minimum(left / 0.03, 1)


def _smooth(curve: Sound, seconds: float) -> Sound:
    """Average a curve at the control rate over so many seconds."""
    width = max(1, round(seconds * CONTROL))
    padded = np.pad(curve, (width // 2, width - 1 - width // 2), mode="edge")
    return np.convolve(padded, np.ones(width) / width, mode="valid")
