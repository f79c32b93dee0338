"""Waveforms for display: the minimum and maximum of every interval, at several zoom levels, computed once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from debleed.recording import Samples

ZOOMS = (256, 2048, 16384)
"""Samples per interval. At 48 kHz these are 5 ms, 43 ms and 0.34 s: ten minutes are 1758 of the longest."""

FULL = 32767
"""Full scale of waveforms of version 0.2, which were whole numbers."""

Extremes = NDArray[np.float32]
"""``(mics, intervals, 2)``: minimum and maximum, true even above full scale."""


class Peaks:
    """Extremes of samples that arrive in blocks of any length."""

    def __init__(self, mics: int) -> None:
        self._rest: Samples = np.empty((mics, 0), np.float32)
        self._parts: list[Extremes] = []

    def add(self, samples: Samples) -> None:
        """Add the next samples, ``(mics, samples)``."""
        joined = np.concatenate([self._rest, samples], axis=1) if self._rest.shape[1] else samples
        whole = joined.shape[1] // ZOOMS[0] * ZOOMS[0]
        self._parts.append(extremes(joined[:, :whole]))
        self._rest = joined[:, whole:].copy()

    def zooms(self) -> list[Extremes]:
        """Return the extremes at every zoom level, finest first; the last interval may be shorter than the others."""
        if self._rest.shape[1]:
            self.add(np.repeat(self._rest[:, -1:], -self._rest.shape[1] % ZOOMS[0], axis=1))
        found = [np.concatenate([np.empty((len(self._rest), 0, 2), np.float32), *self._parts], axis=1)]
        for fine, coarse in pairwise(ZOOMS):
            found.append(gathered(found[-1], coarse // fine))
        return found

    def save(self, folder: Path, name: str) -> None:
        """Write ``<name>-<zoom>.npy`` for every zoom level."""
        folder.mkdir(exist_ok=True)
        for zoom, found in enumerate(self.zooms()):
            np.save(folder / f"{name}-{zoom}.npy", found)


def extremes(samples: Samples) -> Extremes:
    """Return the extremes of whole intervals at the finest zoom level."""
    # files are read channel by channel in turns; in a row, the minimum is found ten times as fast
    framed = np.ascontiguousarray(samples).reshape(len(samples), -1, ZOOMS[0])
    return np.stack([framed.min(axis=2), framed.max(axis=2)], axis=2).astype(np.float32)


def gathered(fine: Extremes, count: int) -> Extremes:
    """Merge ``count`` intervals into one."""
    padded = np.pad(fine, ((0, 0), (0, -fine.shape[1] % count), (0, 0)), mode="edge")
    framed = padded.reshape(len(fine), -1, count, 2)
    return np.stack([framed[..., 0].min(axis=2), framed[..., 1].max(axis=2)], axis=2)


def load(folder: Path, name: str, zoom: int) -> Extremes:
    """Open the extremes of a waveform at one zoom level."""
    found: NDArray[np.float32] | NDArray[np.int16] = np.load(folder / f"{name}-{zoom}.npy", mmap_mode="r")
    if found.dtype == np.int16:
        return (found / np.float32(FULL)).astype(np.float32)
    return found.astype(np.float32, copy=False)


def cut(folder: Path, parts: Sequence[tuple[str, int]], zoom: int, mic: int, first: int, last: int) -> bytes:
    """Return intervals of one microphone as pairs of little-endian 32-bit floats.

    Parameters
    ----------
    folder
        The folder of the waveforms.
    parts
        Name and first sample of each waveform in a whole; each begins at the nearest interval.
    zoom, mic, first, last
        Zoom level, microphone, first interval and the one after the last.
    """
    found: list[Extremes] = []
    there = 0
    for name, start in parts:
        whole, begins = load(folder, name, zoom)[mic], round(start / ZOOMS[zoom])
        a, b = max(first, begins, there), min(last, begins + len(whole))
        if a < b:
            gap = np.zeros((a - max(first, there), 2), np.float32)
            found += [gap, whole[a - begins : b - begins]]
            there = b
    return np.concatenate([np.empty((0, 2), np.float32), *found]).astype("<f4").tobytes()
