"""Takes of a sampled drum kit: single hits, each recorded with all microphones at once, sequenced into a groove.

The bleed is real. The truth is known because a hit in the drum's own microphone is the image of that drum, and
everything else in that microphone is bleed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from debleed.decibels import amplitude
from debleed.io.audio_file import AudioFile, resampled
from debleed.recording import InputError, Recording, Samples

CHOICES = ("all", "odd", "even")
"""The hits that a take may use: all, or those whose files have odd or even numbers."""

JITTER = 0.004
"""Standard deviation of the timing of a note in seconds."""


@dataclass(frozen=True)
class Kit:
    """A folder of hits: ``<folder>/<piece>/<number>.flac``, with one channel per microphone.

    Parameters
    ----------
    folder
        The folder of the pieces.
    rate
        Samples per second of all files.
    microphones
        Names of the first channels, in order. Each is the microphone of the drum of the same name.
    hits
        Drum of the groove → the pieces from which its hits are drawn. A drum without a microphone bleeds into all
        microphones. The groove uses kick, snare, hihat, ride, crash and tom1 to tom4.
    """

    folder: Path
    rate: int
    microphones: tuple[str, ...]
    hits: Mapping[str, tuple[str, ...]]

    def files(self, piece: str, choice: str = "all") -> list[Path]:
        """List the hits of a piece, sorted by name, without room microphones (``<number>.room.flac``).

        Raises
        ------
        InputError
            If there are none.
        """
        paths = sorted(path for path in (self.folder / piece).glob("*.flac") if path.stem.isdigit())
        if choice != "all":
            paths = [path for path in paths if int(path.stem) % 2 == (choice == "odd")]
        if not paths:
            raise InputError(f"'{self.folder / piece}' contains no hits; is '{self.folder}' the folder of the kit?")
        return paths


def take(
    kit: Kit,
    seed: int,
    seconds: float,
    *,
    bleed_db: float = 0.0,
    choice: str = "all",
    bpm: float = 110.0,
    rate: int | None = None,
) -> tuple[Recording, Recording]:
    """Sequence a take and return the microphones and the image of each microphone's own drum.

    Parameters
    ----------
    seed
        Random seed of strokes, hits and timing.
    bleed_db
        Gain of every drum in the other drums' microphones; 0 leaves the bleed as recorded.
    choice
        One of :data:`CHOICES`.
    bpm
        Quarter notes per minute.
    rate
        Samples per second of the result; by default that of the kit.

    Raises
    ------
    InputError
        If hits are missing or have too few channels.
    """
    images = _sequence(kit, seed, seconds, choice, bpm)
    gain, mics, own = amplitude(bleed_db), [], []
    for index, name in enumerate(kit.microphones):
        mine = images[name][:, index]
        others = sum(image[:, index] for drum, image in images.items() if drum != name)
        mics.append(mine + gain * others)
        own.append(mine)
    rows = [np.stack([_at(row, kit.rate, rate or kit.rate) for row in part]) for part in (mics, own)]
    heard, true = (Recording.from_array(part, rate or kit.rate, kit.microphones) for part in rows)
    return heard, true


def _at(row: Samples, source_rate: int, rate: int) -> Samples:
    out: Samples = resampled(row, source_rate, rate).astype(np.float32)  # type: ignore[arg-type]
    return out


def _sequence(kit: Kit, seed: int, seconds: float, choice: str, bpm: float) -> dict[str, Samples]:
    """Sequence the groove and return the image of each drum in all microphones, ``(samples, mics)``."""
    rng, length = np.random.default_rng(seed), int(seconds * kit.rate)
    images: dict[str, Samples] = {drum: np.zeros((length, len(kit.microphones)), np.float32) for drum in kit.hits}
    known: dict[Path, Samples] = {}

    def strike(drum: str, at: float) -> None:
        # the order of these draws defines the take of a seed: published results depend on it
        files = kit.files(str(rng.choice(list(kit.hits[drum]))), choice)
        path = files[rng.integers(len(files))]
        if path not in known:
            known[path] = _hit(kit, path)
        hit = known[path]
        start = max(0, int((at + rng.normal(0, JITTER)) * kit.rate))
        stop = min(length, start + len(hit))
        if stop > start:
            images[drum][start:stop] += hit[: stop - start] * rng.uniform(0.6, 1.0)

    sixteenth = 60 / bpm / 4
    for bar in range(int(seconds / (16 * sixteenth)) + 1):
        for beat in range(16):
            at = (bar * 16 + beat) * sixteenth
            if bar % 4 == 3 and beat >= 8:  # every fourth bar ends with a fill
                strike(f"tom{1 + (beat - 8) // 2}", at)
                if beat % 4 == 0:
                    strike("kick", at)
                continue
            if beat in (0, 6, 8) or rng.random() < 0.05:
                strike("kick", at)
            if beat in (4, 12) or rng.random() < 0.06:
                strike("snare", at)
            if beat % 2 == 0:
                strike("ride" if (bar // 4) % 2 else "hihat", at)
            if beat == 0 and bar and bar % 4 == 0:
                strike("crash", at)
    return images


def _hit(kit: Kit, path: Path) -> Samples:
    """Read a hit, ``(samples, mics)``."""
    file = AudioFile(path)
    try:
        if file.rate != kit.rate or file.channels < len(kit.microphones):
            raise InputError(
                f"'{path}' has {file.channels} channels at {file.rate} Hz, but the kit needs {len(kit.microphones)} "
                f"channels at {kit.rate} Hz"
            )
        return file.read(0, file.frames, np.float32)[: len(kit.microphones)].T
    finally:
        file.close()
