"""Files that are parts of one, read as one: lazily, gapless to the sample, one part open at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import DTypeLike

from debleed.io.audio_file import AudioFile
from debleed.io.recorder.chains import Chain, Part
from debleed.io.track_names import Names
from debleed.recording import BLOCK_SECONDS, InputError, Samples

PIECE = 1024
"""Samples to copy at a time: those of 32 interleaved channels then stay in the cache, and copying takes a third."""


class Joined(AudioFile):
    """The parts of a chain, which read like one audio file.

    Where there is no part there is silence. At most one part is open at a time, so that the parts of a concert do not
    exhaust the files that a process may open.

    Parameters
    ----------
    chain
        The parts.
    path
        The path under which the whole would be one file; it need not exist.
    names
        The names of the tracks on its channels, if others than those in the file.
    """

    def __init__(self, chain: Chain, path: Path, names: Names | None = None) -> None:
        self.path = path
        self.chain = chain
        self._track_names = chain.first.names if names is None else names
        self._lock = Lock()
        self._part: tuple[Path, AudioFile] | None = None
        self._block: tuple[tuple[int, int, str], Samples] | None = None

    @property
    def origin(self) -> Path:
        """The first part."""
        return self.chain.first.path

    @property
    def rate(self) -> int:
        """Samples per second."""
        return self.chain.first.rate

    @property
    def frames(self) -> int:
        """Samples per channel of all parts together."""
        return self.chain.frames

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.chain.first.channels

    @property
    def container(self) -> str:
        """File type of the parts, as named by libsndfile."""
        return self.chain.first.container

    @property
    def subtype(self) -> str:
        """Sample format of the parts, as named by libsndfile."""
        return self.chain.first.subtype

    @property
    def endian(self) -> str:
        """Byte order of the parts, as named by libsndfile."""
        return self.chain.first.endian

    def read(self, start: int, stop: int, dtype: DTypeLike) -> Samples:
        """Read samples of shape ``(channels, stop - start)``; samples outside the parts are 0."""
        inside = [part for part in self.chain.parts if part.start < stop and start < part.stop]
        with self._lock:
            if len(inside) == 1:  # as nearly always, and then nothing is copied
                return self._opened(inside[0]).read(start - inside[0].start, stop - inside[0].start, dtype)
            out = np.zeros((self.channels, stop - start), dtype)
            for part in inside:
                first, last = max(start, part.start), min(stop, part.stop)
                samples = self._opened(part).read(first - part.start, last - part.start, dtype)
                out[:, first - start : last - start] = samples
        return out

    def block(self, start: int, stop: int, dtype: DTypeLike) -> Samples:
        """Read as :meth:`read`; keep what was read if it is short, since the other channels are wanted next."""
        if stop - start > BLOCK_SECONDS * self.rate:
            return self.read(start, stop, dtype)
        wanted = start, stop, np.dtype(dtype).name
        kept = self._block
        if kept is None or kept[0] != wanted:
            rows = range(self.channels)
            samples = np.empty((self.channels, stop - start), dtype)
            spread(self.read(start, stop, dtype), rows, samples, rows)
            self._block = kept = wanted, samples
        return kept[1]

    def close(self) -> None:
        """Close the part that is open."""
        self._block = None
        if self._part:
            self._part[1].close()
            self._part = None

    def _opened(self, part: Part) -> AudioFile:
        """Open a part, unless it is open, and close the one before."""
        path = part.facts.path
        if self._part is None or self._part[0] != path:
            file = AudioFile(path)
            if (file.channels, file.frames) != (self.channels, part.facts.frames):
                file.close()
                raise InputError(f"'{path}' has changed since it was opened; run the command again")
            if self._part:
                self._part[1].close()
            self._part = path, file
        return self._part[1]


class Channel(AudioFile):
    """One channel of a polyphonic file or chain, which reads like a mono file.

    Parameters
    ----------
    whole
        The chain; other channels share it.
    index
        The channel, from 0.
    path
        The path of a mono file with this channel; it need not exist.
    """

    def __init__(self, whole: Joined, index: int, path: Path) -> None:
        self.path = path
        self.whole = whole
        self.index = index
        self._track_names = (path.stem,)

    @property
    def origin(self) -> Path | None:
        """The first part of the chain."""
        return self.whole.origin

    @property
    def channel(self) -> int | None:
        """The channel of :attr:`origin` that this is, from 0."""
        return self.index

    @property
    def rate(self) -> int:
        """Samples per second."""
        return self.whole.rate

    @property
    def frames(self) -> int:
        """Samples of all parts together."""
        return self.whole.frames

    @property
    def channels(self) -> int:
        """One."""
        return 1

    @property
    def container(self) -> str:
        """File type; a mono file needs no extensible header, whose purpose is to say where loudspeakers stand."""
        return "WAV" if self.whole.container == "WAVEX" else self.whole.container

    @property
    def subtype(self) -> str:
        """Sample format, as named by libsndfile."""
        return self.whole.subtype

    @property
    def endian(self) -> str:
        """Byte order, as named by libsndfile."""
        return self.whole.endian

    def read(self, start: int, stop: int, dtype: DTypeLike) -> Samples:
        """Read samples of shape ``(1, stop - start)``; samples outside the parts are 0."""
        return self.whole.block(start, stop, dtype)[self.index : self.index + 1]

    def close(self) -> None:
        """Close the chain."""
        self.whole.close()


def spread(samples: Samples, sources: Sequence[int], out: Samples, rows: Sequence[int]) -> None:
    """Copy rows ``sources`` of an array to ``rows`` of another, both ``(channels, samples)``, piece by piece."""
    for first in range(0, out.shape[1], PIECE):
        piece, target = samples[:, first : first + PIECE], out[:, first : first + PIECE]
        for source, row in zip(sources, rows, strict=True):
            target[row] = piece[source]
