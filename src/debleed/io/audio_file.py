"""One audio file, open for reading in blocks, in any order and at any rate."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import soundfile
from numpy.typing import DTypeLike, NDArray

from debleed.io.chunks import ENDLESS
from debleed.io.documents import Place
from debleed.io.m4a import M4A, DecodingError, is_adts, is_m4a
from debleed.io.mending import mended, refuse_rate
from debleed.io.track_names import of_channels
from debleed.recording import InputError, Samples

BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
"""Bits of the integer formats."""

FLOATS: dict[str, type[np.floating]] = {"FLOAT": np.float32, "DOUBLE": np.float64}
"""The floating-point formats. A format in neither table is lossy."""

TITLED = ("AIFF", "FLAC")
"""Containers whose title programs set to the name of the track; that of other containers is mostly a song's."""

PREROLL = 8192
"""Samples to decode and discard after seeking in a lossy file: right after a seek, libsndfile 1.2 returns up to 1015
wrong samples of Vorbis and one wrong frame of MP3 (2048 samples were enough in 1800 seeks)."""

RESAMPLING_BLOCK = 3.0
"""Seconds to resample at a time. The grid is fixed, so that each sample has the same value in any read order."""

RESAMPLING_MARGIN = 4096
"""Extra samples at the lower rate on both sides of such a block; the longest filter spans a few hundred."""


class AudioFile:
    """One audio file, open for reading in any order at its own rate.

    Raises
    ------
    InputError
        If the file is not audio, is empty or is shorter than its header says.
    """

    def __init__(self, path: Place) -> None:
        self.path = Path(path)
        try:
            self._mended = mended(path)
        except OSError as failure:
            raise InputError(f"'{path}' cannot be read ({failure.strerror or failure})") from failure
        self._open()
        refuse_rate(path, self.rate)
        if not self.frames:
            raise InputError(f"'{path}' contains no samples; leave it out")
        if self.frames >= ENDLESS:
            raise InputError(f"'{path}' does not say how long it is; convert it to WAV")
        title = str(self._file.title) if self._file.format in TITLED and self.channels == 1 else None
        self._track_names = (title or None,) if title is not None else of_channels(path, self.channels)
        self._lock = Lock()

    def _open(self) -> None:
        try:
            if self._mended is None and is_m4a(self.path):
                self._file: Any = M4A(self.path)
            else:
                self._file = soundfile.SoundFile(self._mended or os.fsencode(self.path))
        except (soundfile.LibsndfileError, TypeError) as failure:  # TypeError: headerless .raw
            if is_adts(self.path):
                raise InputError(
                    f"'{self.path}' is AAC without a container, which does not say where its sound begins; export it "
                    "as M4A or WAV with the program that made it"
                ) from failure
            reason = str(getattr(failure, "error_string", failure)).rstrip(". ")
            raise InputError(f"'{self.path}' cannot be read as audio ({reason})") from failure
        self._position = 0

    @property
    def origin(self) -> Path | None:
        """The file whose chunks describe the recording; here, the file itself. ``None`` if none does."""
        return self.path

    @property
    def channel(self) -> int | None:
        """The channel of :attr:`origin` that this is, from 0; here, all of them."""
        return None

    @property
    def header_is_right(self) -> bool:
        """Whether the file is read as its header says."""
        return self._mended is None

    @property
    def rate(self) -> int:
        """Samples per second."""
        return int(self._file.samplerate)

    @property
    def frames(self) -> int:
        """Samples per channel."""
        return int(self._file.frames)

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self._file.channels)

    @property
    def container(self) -> str:
        """File type, as named by libsndfile."""
        return str(self._file.format)

    @property
    def subtype(self) -> str:
        """Sample format, as named by libsndfile."""
        return str(self._file.subtype)

    @property
    def endian(self) -> str:
        """Byte order, as named by libsndfile."""
        return str(self._file.endian)

    @property
    def track_names(self) -> tuple[str | None, ...]:
        """The name inside the file of the track on each channel, see :mod:`debleed.io.track_names`."""
        return self._track_names

    @property
    def lossy(self) -> bool:
        """Whether the format is lossy."""
        return self.subtype not in BITS and self.subtype not in FLOATS

    @property
    def dtype(self) -> type[np.floating]:
        """The smallest float type that represents every sample exactly."""
        return np.float64 if self.subtype in ("PCM_32", "DOUBLE") else np.float32

    def read(self, start: int, stop: int, dtype: DTypeLike) -> Samples:
        """Read samples of shape ``(channels, stop - start)``; samples outside the file are 0."""
        first, last = min(max(start, 0), self.frames), min(max(stop, 0), self.frames)
        out = np.zeros((stop - start, self.channels), dtype)
        if last > first:
            with self._lock:
                self._fill(out[first - start : last - start], first)
        return out.T

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        if self._mended:
            self._mended.close()

    def _fill(self, out: NDArray[np.floating], first: int) -> None:
        try:
            if self._position != first:
                self._go(first, out.dtype.name)
            got = len(self._file.read(out=out))
        except (soundfile.LibsndfileError, DecodingError) as failure:
            self._position = ENDLESS  # anywhere
            raise InputError(f"'{self.path}' is damaged near {first / self.rate:.1f} s; copy it again") from failure
        self._position = first + got
        if got < len(out):
            ends, promised = (first + got) / self.rate, self.frames / self.rate
            raise InputError(f"'{self.path}' ends at {ends:.1f} s, but its header says {promised:.1f} s; copy it again")

    def _go(self, first: int, dtype: str) -> None:
        """Go to a sample."""
        if self._file.seekable():
            skip = min(first, PREROLL) if self.lossy else 0
            self._file.seek(first - skip)
            self._file.read(skip, dtype=dtype)
            return
        if self._position > first:  # GSM and some ADPCM can only be decoded from the beginning
            self._file.close()
            if self._mended:
                self._mended.seek(0)
            self._open()
        for start in range(self._position, first, PREROLL):
            self._file.read(min(PREROLL, first - start), dtype=dtype)


def at_rate(file: AudioFile, rate: int, dtype: DTypeLike) -> Callable[[int, int], Samples]:
    """Return a reader of a file at another rate, aligned at sample 0; the read order does not affect the samples."""
    if file.rate == rate:
        return lambda start, stop: file.read(start, stop, dtype)

    import soxr

    divisor = math.gcd(file.rate, rate)
    period, period_out = file.rate // divisor, rate // divisor  # the two sampling grids coincide once per period
    reach = RESAMPLING_MARGIN * max(1.0, file.rate / rate)
    margin = math.ceil(reach / period)
    size = math.ceil(RESAMPLING_BLOCK * file.rate / period)

    @lru_cache(maxsize=4)
    def block(k: int) -> Samples:
        native = file.read((k * size - margin) * period, ((k + 1) * size + margin) * period, dtype)
        raised: Samples = soxr.resample(native.T, file.rate, rate, quality="VHQ").T
        return raised[:, margin * period_out : (margin + size) * period_out]

    def read(start: int, stop: int) -> Samples:
        step = size * period_out
        first = start // step
        blocks = [block(k) for k in range(first, max(first + 1, -(-stop // step)))]
        return np.concatenate(blocks, axis=1)[:, start - first * step : stop - first * step]

    return read


def resampled(samples: NDArray[np.float64], source_rate: float, rate: float) -> NDArray[np.float64]:
    """Resample an array of shape ``(samples,)``, aligned at sample 0."""
    if source_rate == rate:
        return samples

    import soxr

    raised: NDArray[np.float64] = soxr.resample(samples, source_rate, rate, quality="VHQ")
    return raised
