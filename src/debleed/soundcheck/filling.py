"""Fill in what files do not hold: the sound before a file begins and after it ends.

All microphones are separated together, so one whose file begins late is missed by the others: silence in its place
would mean that its source cancels the bleed in it. What separates that silence yields y = -b, where b is the bleed that
the microphone would have picked up. With b in place of the silence its source is silent there, as if it rests until its
file begins, and the others are separated as if there was a microphone less.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from debleed.recording import Recording, Samples

FILLINGS = 2
"""Times that the bleed is filled in: each time, y falls by the bleed of bleed. Measured on four sources with a bleed of
-10 dB from each: errors where a file is missing are 14 dB larger than with the file after none, 4 after one, 1 after
two."""


def filled(recording: Recording, cleaned: Recording, spans: NDArray[np.intp]) -> Recording:
    """Return a recording with the bleed that its microphones would have picked up where their files hold nothing.

    Parameters
    ----------
    recording, cleaned
        A recording on the common time line, silent where a file holds nothing, and what cleaning makes of it.
    spans
        Where each file begins and ends in samples, ``(mics, 2)``.
    """

    def read(start: int, stop: int) -> Samples:
        out = recording.read(start, stop)
        time = np.arange(start, stop)
        missing = (time < spans[:, :1]) | (time >= spans[:, 1:])
        return np.where(missing, out - cleaned.read(start, stop), out) if missing.any() else out

    return recording.with_reader(read)


def covered(spans: NDArray[np.intp]) -> tuple[int, int]:
    """Return the first and last sample that more than half of the files hold."""
    half = len(spans) // 2
    begins, ends = np.sort(spans, axis=0).T
    return int(begins[half]), int(ends[len(spans) - 1 - half])
