"""What one pass over a recording finds: what is no sound is refused, what is odd is said."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from debleed.progress import Progress, quiet
from debleed.recording import InputError, Recording

CLIP_BAND = 4e-5
"""A sample this near to full scale counts as clipped; the largest 16-bit integer is 3e-5 below. Floats that go beyond
full scale pass the band too rarely to be taken for clipped."""

CLIPPED_SHARE = 1e-4
"""Share of clipped samples from which a microphone is told of: 4 a second at 44.1 kHz, more than a few true peaks."""

OFFSET_SHARE = 0.1
"""Mean against RMS from which an offset is told of; sound of any length has a mean far below."""


@dataclass(frozen=True)
class Inspection:
    """What one pass over a recording finds, each of shape ``(mics,)``: sum, energy, peak, clipped samples."""

    total: NDArray[np.float64]
    energy: NDArray[np.float64]
    peak: NDArray[np.float64]
    clipped: NDArray[np.int64]


def inspect(recording: Recording, progress: Progress = quiet) -> Inspection:
    """Read a recording once from end to end and refuse what is no sound.

    Raises
    ------
    InputError
        Where a sample is NaN or infinite, naming the microphone, or where there are no samples.
    """
    if not recording.length or not len(recording):
        raise InputError("the recording holds no samples")
    found = np.zeros((3, len(recording)))
    clipped = np.zeros(len(recording), np.int64)
    for start, stop in recording.blocks():
        samples = recording.read(start, stop)
        for i, row in enumerate(samples):  # row by row: no temporary as large as the block
            peak = float(np.max(np.abs(row)))
            if not math.isfinite(peak):
                at = start + int(np.flatnonzero(~np.isfinite(row))[0])
                raise InputError(
                    f"microphone '{recording.names[i]}' holds a sample that is no number (NaN or infinite) "
                    f"at {at / recording.rate:.3f} s; repair the file or leave it out"
                )
            wide = row.astype(np.float64)
            found[:, i] += wide.sum(), wide @ wide, 0.0
            found[2, i] = max(found[2, i], peak)
            clipped[i] += np.count_nonzero(np.abs(np.abs(row) - 1) < CLIP_BAND)
        progress("check", stop / recording.length)
    return Inspection(found[0], found[1], found[2], clipped)


def concerns(recording: Recording, found: Inspection) -> list[str]:
    """Put into sentences what is no reason to refuse a recording, but good to know."""
    names, said = recording.names, []
    silent = [name for name, peak in zip(names, found.peak, strict=True) if peak == 0]
    if silent:
        said.append(f"silent from end to end: {', '.join(silent)}")
    marks = list(zip(found.peak, found.energy, np.abs(found.total), strict=True))
    for i, mark in enumerate(marks):
        if found.peak[i] and mark in marks[:i]:
            said.append(f"{names[marks.index(mark)]} and {names[i]} are the same sound; is one a copy of the other?")
    share = found.clipped / recording.length
    clipped = [name for name, many in zip(names, share > CLIPPED_SHARE, strict=True) if many]
    if clipped:
        said.append(f"clipped, so bleed is removed less well: {', '.join(clipped)}")
    offset = np.abs(found.total) > OFFSET_SHARE * np.sqrt(found.energy * recording.length)
    shifted = [name for name, much in zip(names, offset, strict=True) if much]
    if shifted:
        said.append(f"a constant offset in {', '.join(shifted)}")
    return said
