"""Inspection of a recording in one pass: refuse invalid samples and report anything unusual."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from debleed.progress import Progress, quiet
from debleed.recording import BLOCK_SECONDS, InputError, Recording, Samples

CLIP_BAND = 4e-5
"""A sample this close to full scale counts as clipped; the largest 16-bit integer is 3e-5 below. Floating-point signals
that exceed full scale pass through this band too rarely to count."""

CLIPPED_SHARE = 1e-4
"""Share of clipped samples above which a microphone is reported: 4 per second at 44.1 kHz, more than a few true
peaks."""

LOUDEST = 2.0**31
"""Largest peak of a recording; integers of 32 bits that were taken for floats reach it. Powers of much larger samples
leave the range of numbers."""

FAINTEST = 2.0**-31
"""Peak below which a microphone is left alone: the smallest step of 32-bit integers. What is fainter is what programs
add to silence (1e-18 against denormals), or rounding; powers of much smaller samples vanish."""

LARGEST_BLOCK = 2**22
"""Samples of all microphones together to read at a time, so that memory does not grow with their number and rate: ten
seconds of 64 channels at 192 kHz are half a gigabyte, several times over."""

OFFSET_SHARE = 0.1
"""Ratio of mean to RMS above which an offset is reported; the mean of audio is far below."""


@dataclass(frozen=True)
class Inspection:
    """Statistics of a recording, each ``(mics,)``: sum, energy, peak, number of clipped samples."""

    total: NDArray[np.float64]
    energy: NDArray[np.float64]
    peak: NDArray[np.float64]
    clipped: NDArray[np.int64]


def inspect(recording: Recording, progress: Progress = quiet) -> Inspection:
    """Read a recording once from end to end and refuse invalid samples.

    Raises
    ------
    InputError
        If a sample is NaN, infinite or beyond :data:`LOUDEST` (the message names the microphone), or if there are no
        samples.
    """
    if not recording.length or not len(recording):
        raise InputError("the recording contains no samples")
    statistics = np.zeros((3, len(recording)))
    clipped = np.zeros(len(recording), np.int64)
    seconds = min(BLOCK_SECONDS, LARGEST_BLOCK / (len(recording) * recording.rate))
    for start, stop in recording.blocks(seconds):
        samples = recording.read(start, stop)
        for i, row in enumerate(samples):  # row by row to save memory
            peak = float(np.max(np.abs(row)))
            if not math.isfinite(peak):
                at = start + int(np.flatnonzero(~np.isfinite(row))[0])
                raise InputError(
                    f"microphone '{recording.names[i]}' contains a sample that is NaN or infinite "
                    f"at {at / recording.rate:.3f} s; repair the file or leave it out"
                )
            if peak > LOUDEST:
                raise InputError(
                    f"microphone '{recording.names[i]}' reaches {peak:.1e}, but full scale is 1; export it again at a "
                    "usual level or leave it out"
                )
            wide = row.astype(np.float64)
            statistics[:, i] += wide.sum(), wide @ wide, 0.0
            statistics[2, i] = max(statistics[2, i], peak)
            clipped[i] += np.count_nonzero(np.abs(np.abs(row) - 1) < CLIP_BAND)
        progress("check", stop / recording.length)
    return Inspection(statistics[0], statistics[1], statistics[2], clipped)


def faint(recording: Recording, statistics: Inspection) -> tuple[str, ...]:
    """Return the microphones that are not silent, but fainter than :data:`FAINTEST`."""
    peaks = zip(recording.names, statistics.peak, strict=True)
    return tuple(name for name, peak in peaks if 0 < peak < FAINTEST)


def silenced(recording: Recording, names: Collection[str]) -> Recording:
    """Return a recording with silence in place of these microphones."""
    rows = [i for i, name in enumerate(recording.names) if name in names]
    return replaced(recording, recording, rows, lambda start, stop: np.zeros((len(rows), stop - start)))


def unchanged(recording: Recording, cleaned: Recording, names: Collection[str]) -> Recording:
    """Return a cleaned recording in which these microphones are as they were."""
    rows = [i for i, name in enumerate(recording.names) if name in names]
    return replaced(recording, cleaned, rows, lambda start, stop: recording.read(start, stop)[rows])


def replaced(
    recording: Recording, cleaned: Recording, rows: Sequence[int], reader: Callable[[int, int], Samples]
) -> Recording:
    """Return a cleaned recording with other samples in some rows."""
    if not rows:
        return cleaned

    def read(start: int, stop: int) -> Samples:
        out = cleaned.read(start, stop).copy()
        out[rows] = reader(start, stop)
        return out

    return recording.with_reader(read)


def concerns(recording: Recording, statistics: Inspection) -> list[str]:
    """Return messages about what does not prevent the work, but is good to know."""
    names, messages = recording.names, []
    silent = [name for name, peak in zip(names, statistics.peak, strict=True) if peak == 0]
    if silent:
        messages.append(f"silent from end to end: {', '.join(silent)}")
    share = statistics.clipped / recording.length
    clipped = [name for name, many in zip(names, share > CLIPPED_SHARE, strict=True) if many]
    if clipped:
        messages.append(f"clipped, so bleed is removed less well: {', '.join(clipped)}")
    offset = np.abs(statistics.total) > OFFSET_SHARE * np.sqrt(statistics.energy * recording.length)
    offset &= statistics.peak >= FAINTEST
    shifted = [name for name, much in zip(names, offset, strict=True) if much]
    if shifted:
        messages.append(f"a constant offset in {', '.join(shifted)}")
    return messages
