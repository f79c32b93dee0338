"""Excerpts of a recording for listening on a page: their position and their encoding."""

from __future__ import annotations

import io

import numpy as np
import soundfile
from numpy.typing import NDArray

from debleed.recording import Recording, Samples

SECONDS = 20
"""Length of an excerpt."""
KBPS = (24, 32, 40, 48, 56, 64, 80, 96, 112, 128)
"""Bit rates of one microphone in kbit/s; if even the lowest is too high, excerpts become shorter."""


def survey(before: Recording, after: Recording) -> NDArray[np.float64]:
    """Measure energy second by second, reading block by block.

    Returns
    -------
    ``(3, mics, seconds)``: before, after, removed.
    """
    rate = before.rate
    seconds = np.zeros((3, len(before), -(-before.length // rate)))
    for start, stop in before.blocks():  # blocks begin on whole seconds
        x, y = (recording.read(start, stop).astype(np.float64) for recording in (before, after))
        marks = np.arange(0, stop - start, rate)
        for row, samples in zip(seconds, (x, y, x - y), strict=True):
            row[:, start // rate : start // rate + len(marks)] = np.add.reduceat(samples**2, marks, axis=1)
    return seconds


def common_start(after: NDArray[np.float64], removed: NDArray[np.float64], length: int = SECONDS) -> int:
    """Choose the stretch in which most was removed from most microphones while their sources play.

    Parameters
    ----------
    after, removed
        Energy in each second, ``(mics, seconds)``. Their geometric mean is large only where both are large. Each
        microphone counts as much as any other, however loud it is.
    length
        Length of the stretch in seconds.

    Returns
    -------
    The second at which it begins.
    """
    both = np.sqrt(after * removed)
    whole = both.sum(axis=1, keepdims=True)
    each = np.divide(both, whole, out=np.zeros_like(both), where=whole > 0).sum(axis=0)
    return int(np.argmax(np.convolve(each, np.ones(min(length, len(each))), mode="valid")))


def plan(players: int, budget: float) -> tuple[int, int]:
    """Choose the bit rate and length so that all players fit.

    Parameters
    ----------
    players
        Number of excerpts.
    budget
        Bytes for all of them.

    Returns
    -------
    Bit rate in kbit/s, and length of an excerpt in seconds.
    """
    affordable = budget * 8 / 1000 / max(1, players)
    kbps = max([rate for rate in KBPS if rate * SECONDS <= affordable], default=KBPS[0])
    return kbps, int(max(1, min(SECONDS, affordable / kbps)))


def mp3(samples: Samples, rate: int, kbps: int) -> bytes:
    """Encode one microphone, ``(samples,)``, as MP3 with constant bit rate."""
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
