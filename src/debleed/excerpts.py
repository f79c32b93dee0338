"""Excerpts of a recording for listening in a page: where they lie, how well they are coded."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import soundfile
from numpy.typing import NDArray

from debleed.recording import Recording, Samples

SECONDS = 20
"""Length of an excerpt."""
BEST_KBPS, WORST_KBPS = 128, 24
"""Bit rates of one microphone, in kbit/s; where even the lowest is too much, excerpts get shorter."""
KBPS = (24, 32, 40, 48, 56, 64, 80, 96, 112, 128)
"""The bit rates that MP3 knows in between."""


@dataclass(frozen=True)
class Survey:
    """One pass over a recording before and after.

    Parameters
    ----------
    seconds
        ``(3, mics, seconds)``: energy before, after and of what was removed, in each second.
    truth, errors
        ``(mics,)`` and ``(2, mics)``: energy of the truth, and of its difference to before and after; zero without.
    """

    seconds: NDArray[np.float64]
    truth: NDArray[np.float64]
    errors: NDArray[np.float64]


def survey(before: Recording, after: Recording, truth: Recording | None = None) -> Survey:
    """Measure energies, block by block."""
    rate, mics = before.rate, len(before)
    seconds = np.zeros((3, mics, -(-before.length // rate)))
    own, errors = np.zeros(mics), np.zeros((2, mics))
    for start, stop in before.blocks():
        x, y = (recording.read(start, stop).astype(np.float64) for recording in (before, after))
        first = start // rate  # blocks begin on whole seconds
        marks = np.arange(0, stop - start, rate)
        for row, samples in zip(seconds, (x, y, x - y), strict=True):
            row[:, first : first + len(marks)] = np.add.reduceat(samples**2, marks, axis=1)
        if truth is not None:
            s = truth.read(start, stop)
            own += np.sum(s**2, axis=1, dtype=np.float64)
            errors += [np.sum((x - s) ** 2, axis=1), np.sum((y - s) ** 2, axis=1)]
    return Survey(seconds, own, errors)


def start_of_excerpt(after: NDArray[np.float64], removed: NDArray[np.float64], length: int = SECONDS) -> int:
    """Choose the stretch in which most was removed while the voice plays.

    Parameters
    ----------
    after, removed
        Energy in each second, ``(seconds,)``. Their geometric mean is large only where both are.
    length
        Seconds of the stretch.

    Returns
    -------
    The second at which it begins.
    """
    score = np.convolve(np.sqrt(after * removed), np.ones(min(length, len(after))), mode="valid")
    return int(np.argmax(score))


def plan(players: int, budget: float) -> tuple[int, int]:
    """Choose bit rate and length so that all players fit.

    Parameters
    ----------
    players
        How many excerpts there are.
    budget
        Bytes for all of them.

    Returns
    -------
    kbit/s, and seconds of an excerpt.
    """
    affordable = budget * 8 / 1000 / max(1, players)
    kbps = max([rate for rate in KBPS if rate * SECONDS <= affordable], default=WORST_KBPS)
    return kbps, int(max(1, min(SECONDS, affordable / kbps)))


def mp3(samples: Samples, rate: int, kbps: int) -> bytes:
    """Code one microphone, ``(samples,)``, as MP3 of constant bit rate."""
    coded_rate = 44100 if rate >= 32000 and kbps >= 64 else 22050
    if rate != coded_rate:
        import soxr

        samples = soxr.resample(samples, rate, coded_rate)
    low, high = (32, 320) if coded_rate == 44100 else (8, 160)
    # libsndfile counts from the highest bit rate (0) to the lowest (1); a hair more is asked for against rounding down
    level = (high - min(kbps, high) - 0.5) / (high - low)
    place = io.BytesIO()
    with soundfile.SoundFile(
        place,
        "w",
        coded_rate,
        1,
        "MPEG_LAYER_III",
        format="MP3",
        compression_level=min(max(level, 0.0), 0.99),
        bitrate_mode="CONSTANT",
    ) as file:
        for start in range(0, len(samples), 65536):  # libsndfile's coders overrun their stack on long arrays
            file.write(samples[start : start + 65536])
    return place.getvalue()
