"""The result in blocks as it is computed, one raw file a track, so that a killed job goes on where it was."""

from __future__ import annotations

import errno
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from debleed.io.documents import sync_file
from debleed.io.journal import Journal
from debleed.recording import Samples

JOURNAL, COMPLETE = "blocks.jsonl", "complete"
"""The journal says of each block where it ends and what its checksums are, after its samples were written. The other
file is there once all blocks are."""

WIDTHS = {8: 1, 16: 2, 24: 3, 32: 4}
"""Bytes of a sample by the bits of an integer format."""


@dataclass(frozen=True)
class Track:
    """How the samples of one file are kept.

    Parameters
    ----------
    channels, frames
        Their shape.
    dtype
        float32 or float64, which holds every sample exactly.
    bits
        Bits of an integer format, on whose grid the samples are; ``None`` for any float.
    """

    channels: int
    frames: int
    dtype: type[np.floating]
    bits: int | None

    def encoded(self, samples: Samples) -> bytes | None:
        """Return samples ``(channels, samples)`` as integers; ``None`` if one is beyond their range."""
        assert self.bits is not None
        full = 2.0 ** (self.bits - 1)
        grid = samples.T * full
        if grid.size and not (grid.max() < full and grid.min() >= -full):
            return None
        whole = np.ascontiguousarray(grid.astype("<i4"))
        return whole.view(np.uint8).reshape(-1, 4)[:, : WIDTHS[self.bits]].tobytes()

    def decoded(self, raw: bytes) -> Samples:
        """Return the samples ``(channels, samples)`` that :meth:`encoded` was given."""
        assert self.bits is not None
        width = WIDTHS[self.bits]
        whole = np.zeros((len(raw) // width, 4), np.uint8)
        whole[:, 4 - width :] = np.frombuffer(raw, np.uint8).reshape(-1, width)
        grid = whole.view("<i4")[:, 0] >> (32 - self.bits)
        return np.ascontiguousarray((grid * 2.0 ** (1 - self.bits)).astype(self.dtype).reshape(-1, self.channels).T)


class Blocks:
    """Blocks in a folder that are there already, and those to come.

    Parameters
    ----------
    folder
        Where they are.
    tracks
        How the samples of each file are kept.
    stops
        The end of each block in samples of the recording; the first begins at 0.
    """

    def __init__(self, folder: Path, tracks: Sequence[Track], stops: Sequence[int]) -> None:
        self._folder, self._tracks, self._stops = folder, tracks, list(stops)
        folder.mkdir(parents=True, exist_ok=True)
        self._journal = Journal(folder / JOURNAL)
        self.done = len(self._journal.entries) if self.complete else self._unharmed()
        self._journal.cut(self.done)

    @property
    def complete(self) -> bool:
        """Whether all blocks were there at some time; then tracks may be gone."""
        return (self._folder / COMPLETE).exists()

    def complete_now(self) -> None:
        """Say that all blocks are there and on disk, so that tracks may be dropped."""
        if self.complete:
            return
        for i in range(len(self._tracks)):
            sync_file(self._path(i)[0])
        (self._folder / COMPLETE).touch()

    def append(self, block: Sequence[Samples]) -> None:
        """Keep the samples ``(channels, samples)`` of each track for the next block.

        Raises
        ------
        OSError
            If the disk is full.
        """
        number, sums = self.done, []
        for i, samples in enumerate(block):
            samples = np.ascontiguousarray(samples, self._tracks[i].dtype)
            first, last = self._range(i, number)
            assert samples.shape[1] == last - first
            self._write(i, first, samples)
            sums.append(zlib.crc32(samples.data))
        self._journal.add({"stop": self._stops[number], "sums": sums})
        self.done += 1

    def read(self, track: int, number: int) -> Samples:
        """Read the samples ``(channels, samples)`` of a block of one track."""
        kept = self._tracks[track]
        first, last = self._range(track, number)
        path, bits = self._path(track)
        width = np.dtype(kept.dtype).itemsize if bits is None else WIDTHS[bits]
        with path.open("rb") as file:
            file.seek(first * kept.channels * width)
            raw = file.read((last - first) * kept.channels * width)
        if len(raw) < (last - first) * kept.channels * width:
            raise OSError(errno.EIO, "samples are missing at its end", str(path))
        if bits is not None:
            return kept.decoded(raw)
        whole: NDArray[np.floating] = np.frombuffer(raw, kept.dtype)
        return np.ascontiguousarray(whole.reshape(-1, kept.channels).T)

    def drop(self, track: int) -> None:
        """Delete the samples of a track."""
        for path in (self._named(track, True), self._named(track, False)):
            path.unlink(missing_ok=True)

    def _unharmed(self) -> int:
        """Count the blocks that are there, whole and unharmed."""
        for number, (entry, stop) in enumerate(zip(self._journal.entries, self._stops, strict=False)):
            sums = [self._sum(i, number) for i in range(len(self._tracks))]
            if entry.get("stop") != stop or entry.get("sums") != sums:
                return number
        return min(len(self._journal.entries), len(self._stops))

    def _sum(self, track: int, number: int) -> int:
        try:
            return zlib.crc32(self.read(track, number).data)
        except OSError:
            return -1

    def _range(self, track: int, number: int) -> tuple[int, int]:
        """Return the first frame of a block in a track, and the one after its last."""
        edges = [0, *self._stops]
        first, last = (min(edges[k], self._tracks[track].frames) for k in (number, number + 1))
        return first, last

    def _named(self, track: int, whole: bool) -> Path:
        return self._folder / f"{track:04}.{'int' if whole else 'float'}"

    def _path(self, track: int) -> tuple[Path, int | None]:
        """Return the file of a track, and the bits of its integers."""
        if self._tracks[track].bits is None or self._named(track, False).exists():
            return self._named(track, False), None
        return self._named(track, True), self._tracks[track].bits

    def _write(self, track: int, first: int, samples: Samples) -> None:
        path, bits = self._path(track)
        raw = samples.T.tobytes() if bits is None else self._tracks[track].encoded(samples)
        if raw is None:
            self._widen(track)
            self._write(track, first, samples)
            return
        width = samples.itemsize if bits is None else WIDTHS[bits]
        with path.open("r+b" if path.exists() else "w+b") as file:
            file.truncate(first * self._tracks[track].channels * width)  # the rest of a block that a kill cut
            file.seek(0, 2)
            file.write(raw)

    def _widen(self, track: int) -> None:
        """Keep the samples of a track as floats from now on, since integers are too small for one of them."""
        wide = self._named(track, False)
        with (self._folder / "wider").open("wb") as file:
            for number in range(self.done):
                file.write(self.read(track, number).T.tobytes())
        (self._folder / "wider").replace(wide)
        self._named(track, True).unlink(missing_ok=True)
