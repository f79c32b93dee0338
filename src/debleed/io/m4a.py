"""AAC and ALAC in MP4 files (M4A), through PyAV, with the interface of ``soundfile.SoundFile`` for reading.

A file is decoded in pieces on a fixed grid, each by a decoder of its own that begins some packets before it: each
sample then has the same value in any read order, also where AAC replaces noise by other noise.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from debleed.io.mp4 import Unclear, is_mp4, timing
from debleed.recording import InputError, Samples

CONTAINER = "M4A"
"""The name of the container, which libsndfile does not know."""

PIECE = 256
"""Packets to decode at a time: 5.5 s of AAC at 48 kHz."""

PREROLL = 8
"""Packets to decode before a piece and to discard; AAC needs one, whose second half overlaps."""

SKIP_MANUAL = 1 << 29
"""Flag of decoders that leave the samples before the sound to the caller (AV_CODEC_FLAG2_SKIP_MANUAL)."""

COOKIE_BITS = 17
"""Where the description of ALAC has the bits of its samples."""


class DecodingError(Exception):
    """A file that cannot be decoded."""


def is_m4a(path: Path) -> bool:
    """Whether a file is an MP4 file, by its first bytes."""
    with path.open("rb") as file:
        return is_mp4(file)


def is_adts(path: Path) -> bool:
    """Whether a file is AAC without a container, by its first bytes."""
    with path.open("rb") as file:
        first = file.read(2).ljust(2, b"\0")
    return first[0] == 0xFF and first[1] & 0xF6 == 0xF0


class M4A:
    """An MP4 file with sound, open for reading.

    Raises
    ------
    InputError
        If PyAV is not installed, or if the file does not say which samples are its sound.
    """

    format, endian, title = CONTAINER, "FILE", ""

    def __init__(self, path: Path) -> None:
        av = _library(path)
        self._path = path
        try:
            with path.open("rb") as file:
                self._timing = timing(file)
            self._open: Any = av.open(str(path), options={"ignore_editlist": "1"})
        except Unclear as why:
            raise InputError(f"'{path}' cannot be read to the sample, since {why}; convert it to WAV") from None
        except (av.FFmpegError, ValueError) as failure:
            raise InputError(f"'{path}' cannot be read as audio ({failure}); copy it again") from failure
        try:
            if not self._open.streams.audio:
                raise InputError(f"'{path}' holds no sound that can be read; convert it to WAV")
            self._stream = self._open.streams.audio[0]
            self._examine()
        except BaseException:
            self.close()
            raise
        self._position = 0
        self._pieces = lru_cache(maxsize=2)(self._decoded)

    def _examine(self) -> None:
        codec = self._stream.codec_context
        self.frames, self.samplerate, self.channels = self._timing.frames, codec.sample_rate, codec.channels
        name = {"aac": f"{codec.profile} AAC", "alac": "ALAC"}.get(codec.name, codec.name)
        if name not in ("LC AAC", "ALAC"):
            raise InputError(f"'{self._path}' holds {name}, and only AAC-LC and ALAC can be read; convert it to WAV")
        if self._timing.scale != self.samplerate:
            raise InputError(
                f"'{self._path}' counts time in 1/{self._timing.scale} s at {self.samplerate} Hz, so it cannot be read "
                "to the sample; convert it to WAV"
            )
        self.subtype = "AAC"
        if codec.name == "alac":
            bits = (codec.extradata or b"")[COOKIE_BITS : COOKIE_BITS + 1]
            self.subtype = {b"\x10": "PCM_16", b"\x14": "PCM_24", b"\x18": "PCM_24"}.get(bits, "PCM_32")

    def seekable(self) -> bool:
        """Return true."""
        return True

    def seek(self, frame: int) -> None:
        """Go to a sample."""
        self._position = int(frame)

    def read(self, frames: int = -1, dtype: str = "float64", out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Read samples ``(samples, channels)``, into ``out`` if it is given.

        Raises
        ------
        DecodingError
            If the file is damaged there.
        """
        if out is None:
            out = np.empty((min(frames, self.frames - self._position), self.channels), dtype)
        done, size = 0, PIECE * self._timing.packet
        while done < len(out):
            number, inside = divmod(self._position + self._timing.skipped, size)
            piece = self._pieces(number)[:, inside : inside + len(out) - done]
            if not piece.shape[1]:
                break
            out[done : done + piece.shape[1]] = piece.T
            done += piece.shape[1]
            self._position += piece.shape[1]
        return out[:done]

    def close(self) -> None:
        """Close the file."""
        self._open.close()

    def _decoded(self, number: int) -> Samples:
        """Decode a piece, ``(channels, samples)``, counted from the first packet."""
        import av

        packet = self._timing.packet
        start = number * PIECE
        first = max(0, start - PREROLL)
        known = self._stream.codec_context
        decoder: Any = av.CodecContext.create(known.name, "r")
        decoder.extradata = known.extradata
        decoder.flags2 |= SKIP_MANUAL
        try:
            self._open.seek(first * packet, stream=self._stream)
            decoded: list[Samples] = []
            for given in self._open.demux(self._stream):
                if len(decoded) == start + PIECE - first or not given.size:
                    break
                if given.pts != (first + len(decoded)) * packet:
                    raise DecodingError("its packets are not where its tables say")
                decoded += [self._samples(frame) for frame in decoder.decode(given)]
        except av.FFmpegError as failure:
            raise DecodingError(str(failure)) from failure
        if any(samples.shape[1] != packet for samples in decoded[:-1]):
            raise DecodingError("its packets are not as long as its tables say")
        kept = decoded[start - first :]
        return np.concatenate(kept, axis=1) if kept else np.empty((self.channels, 0), np.float32)

    def _samples(self, frame: Any) -> Samples:
        if frame.samples > self._timing.packet or frame.sample_rate != self.samplerate:
            raise InputError(f"'{self._path}' holds HE-AAC, whose high notes are no recording; convert it to WAV")
        raw = np.atleast_2d(frame.to_ndarray())
        if raw.shape[0] != self.channels:
            raise DecodingError("its number of channels changes")
        if raw.dtype.kind == "f":
            return raw
        exact = np.float64 if self.subtype == "PCM_32" else np.float32
        return (raw / np.float64(2.0 ** (8 * raw.itemsize - 1))).astype(exact)


def _library(path: Path) -> Any:
    try:
        import av
    except ImportError:
        raise InputError(
            f"'{path}' is an MP4 file, which needs PyAV; install it with: pip install 'debleed[formats]', or convert "
            "the file to WAV"
        ) from None
    return av
