"""Fill in what files do not hold: the sound before a file begins and after it ends.

All microphones are separated together, so one whose file begins late is missed by the others: silence in its place
would mean that its source cancels the bleed in it. What separates that silence yields y = -b, where b is the bleed that
the microphone would have picked up. With b in place of the silence its source is silent there, as if it rests until its
file begins, and the others are separated as if there was a microphone less.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from debleed.recording import BLOCK_SECONDS, Recording, Samples

SHORTEST = 0.25
"""Seconds that a file lacks at least before they are filled in. Clocks that differ and links that delay lack less."""

FILLINGS = 2
"""Times that the bleed is filled in: each time, y falls by the bleed of bleed. Measured on four sources with a bleed of
-10 dB from each: errors where a file is missing are 14 dB larger than with the file after none, 4 after one, 1 after
two."""


def filled(recording: Recording, cleaned: Recording, spans: NDArray[np.intp]) -> Recording:
    """Return a recording with the bleed that its microphones would have picked up where their files hold nothing.

    Gaps of less than :data:`SHORTEST` stay silent.

    Parameters
    ----------
    recording, cleaned
        A recording on the common time line, silent where a file holds nothing, and what cleaning makes of it.
    spans
        Where each file begins and ends in samples, ``(mics, 2)``.
    """
    least = round(SHORTEST * recording.rate)
    begins = np.where(spans[:, 0] >= least, spans[:, 0], 0)
    ends = np.where(recording.length - spans[:, 1] >= least, spans[:, 1], recording.length)
    if not begins.any() and np.all(ends == recording.length):
        return recording
    size = round(BLOCK_SECONDS * recording.rate)

    @lru_cache(maxsize=4)  # cleaning reads more than it returns, and so does what reads this
    def block(number: int) -> Samples:
        return cleaned.read(number * size, min((number + 1) * size, recording.length))

    def read(start: int, stop: int) -> Samples:
        out = recording.read(start, stop).copy()
        for number in range(start // size, -(-stop // size)):
            first, last = max(start, number * size), min(stop, (number + 1) * size)
            time = np.arange(first, last)
            missing = (time < begins[:, None]) | (time >= ends[:, None])
            if missing.any():
                here = slice(first - start, last - start)
                clean = block(number)[:, first - number * size : last - number * size]
                out[:, here] = np.where(missing, out[:, here] - clean, out[:, here])
        return out

    return recording.with_reader(read)


def covered(spans: NDArray[np.intp]) -> tuple[int, int]:
    """Return the first and last sample that more than half of the files hold."""
    half = len(spans) // 2
    begins, ends = np.sort(spans, axis=0).T
    return int(begins[half]), int(ends[len(spans) - 1 - half])
