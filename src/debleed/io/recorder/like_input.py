"""Cut results into files like those of the input: same names, parts, channels and chunks, for a virtual sound check.

A console plays a recording only if it looks like its own: mono or with all channels, cut at the same places, equally
long, at 24 or 32 bits, with or without chunks. So each file is copied, and its samples alone are replaced.
"""

from __future__ import annotations

import errno
import logging
import shutil
import struct
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from debleed.io import chunks
from debleed.io.audio import Take
from debleed.io.audio_file import BITS, FLOATS, AudioFile
from debleed.io.documents import Place
from debleed.io.forms import form_of
from debleed.io.identity import is_same
from debleed.io.recorder.take import RecorderTake
from debleed.io.writing import Writer, to_grid
from debleed.recording import InputError, Samples

log = logging.getLogger(__name__)

RAW = frozenset(("WAV", "WAVEX", "RF64", "W64", "AIFF"))
"""Containers, as named by libsndfile, in which the samples stand one after another in one chunk."""

FRAMES = 2**14
"""Frames to write at a time: those of 32 channels take 4 MB, which stay in the cache."""

WHOLE = "whole"
"""Name of the folder for the whole files while they are cut."""


@dataclass(frozen=True)
class Piece:
    """A file of the input, and where its samples are in the results.

    Parameters
    ----------
    path
        The file.
    inside
        Where its result goes, relative to the folder of the results.
    start
        The sample of the results at which it begins.
    results
        Which result each of its channels is in, and which channel of that; ``None`` for those that are left out.
    """

    path: Path
    inside: Path
    start: int
    results: tuple[tuple[int, int] | None, ...]


def pieces_of(take: Take) -> tuple[Piece, ...]:
    """List the files of a take as they are on the disk; its results are files in the order of ``take.files``."""
    if not isinstance(take, RecorderTake):
        return tuple(
            Piece(file.path, _inside(file.path, Path()), 0, tuple((i, k) for k in range(file.channels)))
            for i, file in enumerate(take.files)
        )
    found, number = [], 0
    for strand in take.layout.strands:
        results: list[tuple[int, int] | None] = []
        for name in strand.names:
            results.append(None if name is None else (number, 0))
            number += name is not None
        if not strand.names:
            results += [(number, k) for k in range(strand.chain.first.channels)]
            number += 1
        for part in strand.chain.parts:
            path = part.facts.path
            folder = path.parent.relative_to(take.layout.folder)
            found.append(Piece(path, _inside(path, folder), part.start, tuple(results)))
    return tuple(found)


def _inside(path: Path, folder: Path) -> Path:
    with closing(AudioFile(path)) as file:
        return folder / (
            path.name if file.container in RAW and file.header_is_right else path.stem + form_of(file).suffix
        )


def refuse_existing_pieces(take: Take, folder: Path, force: bool, inputs: Sequence[Place] = ()) -> None:
    """Refuse to overwrite existing results, unless forced, and ``inputs`` by whatever path in any case."""
    for piece in pieces_of(take):
        there = folder / piece.inside
        if there.exists() and any(is_same(there, known) for known in inputs):
            raise InputError(f"'{there}' is one of the files that are read; choose another folder for the results")
        if there.exists() and not force:
            raise InputError(f"'{there}' exists already; choose another folder, or overwrite it with --force")


def cut_like_input(take: Take, results: Sequence[Path], folder: Path) -> list[Path]:
    """Cut whole results into files like those of the input; the whole files are deleted.

    Samples beyond the range of an integer format come out at full scale, and a warning says how many. Files in
    compressed formats are written anew.

    Parameters
    ----------
    take
        The input files.
    results
        The whole files of the results, in the order of ``take.files``.
    folder
        Folder for the files, in which the whole files may be.

    Returns
    -------
    The files written, in the order of :func:`pieces_of`.

    Raises
    ------
    OSError
        If the disk is full.
    """
    whole = folder / WHOLE
    whole.mkdir()
    moved = [path.rename(whole / path.name) for path in results]
    written = []
    for piece in pieces_of(take):
        if piece.path.stat().st_size > shutil.disk_usage(folder).free:
            raise OSError(errno.ENOSPC, "the disk is full", str(piece.inside))
        target = folder / piece.inside
        target.parent.mkdir(parents=True, exist_ok=True)
        written.append(_cut(piece, moved, target.parent))
    shutil.rmtree(whole)
    return written


def _cut(piece: Piece, results: Sequence[Path], folder: Path) -> Path:
    """Write one file."""
    with closing(AudioFile(piece.path)) as like:
        target = Copy(like, folder) if like.container in RAW and like.header_is_right else Rewritten(like, folder)
        sources = {i: AudioFile(results[i]) for i, _ in filter(None, piece.results)}
        try:
            kept = None in piece.results
            for first in range(0, like.frames, FRAMES):
                last = min(first + FRAMES, like.frames)
                out = np.empty((like.channels, last - first))
                if kept:
                    out[:] = like.read(first, last, np.float64)
                for i, source in sources.items():
                    there = source.read(piece.start + first, piece.start + last, np.float64)
                    for row, place in enumerate(piece.results):
                        if place and place[0] == i:
                            out[row] = there[place[1]]
                target.write(out)
        finally:
            for source in sources.values():
                source.close()
    if target.overloads:
        log.warning(
            "%d samples of %s exceed the range of its format and are written at full scale",
            target.overloads,
            target.path.name,
        )
    return target.close()


class Copy:
    """A copy of a file in which the samples are replaced, and nothing else."""

    def __init__(self, like: AudioFile, folder: Path) -> None:
        big = like.endian == "BIG" or (like.container == "AIFF" and like.endian == "FILE")
        self._subtype, self._order = like.subtype, ">" if big else "<"
        self.path = folder / like.path.name
        self.overloads = 0
        shutil.copyfile(like.path, self.path)
        self._file = self.path.open("r+b")
        self._file.seek(samples_at(like.path))

    def write(self, samples: Samples) -> None:
        """Replace the next samples, shape ``(channels, samples)``."""
        content, overloads = encoded(samples, self._subtype, self._order)
        self.overloads += overloads
        self._file.write(content)

    def close(self) -> Path:
        """Finish the file."""
        self._file.close()
        return self.path


class Rewritten:
    """A file written anew in the format of the results: the same, or 24-bit FLAC for lossy files."""

    def __init__(self, like: AudioFile, folder: Path) -> None:
        form = form_of(like)
        self._like = like
        self._out = Writer(folder, like.path.stem, form, like.rate, like.channels, like.frames)
        self._bits = BITS[form.subtype]
        self.path = self._out.path
        self.overloads = 0

    def write(self, samples: Samples) -> None:
        """Append samples of shape ``(channels, samples)``."""
        grid, overloads = clipped(samples, self._bits)
        self.overloads += overloads
        self._out.write(grid * 2.0 ** (1 - self._bits))

    def close(self) -> Path:
        """Finish the file."""
        return self._out.close(self._like.path)


def samples_at(path: Path) -> int:
    """Return where in a file of :data:`RAW` the samples begin, in bytes."""
    for chunk in chunks.chunks(path):
        if chunk.name == b"data":
            return chunk.start
        if chunk.name == b"SSND":
            with path.open("rb") as file:
                file.seek(chunk.start)
                return chunk.start + 8 + int(struct.unpack(">I", file.read(4))[0])
    raise InputError(f"'{path}' has no samples that could be replaced; write whole files instead, without --split")


def clipped(samples: Samples, bits: int) -> tuple[Samples, int]:
    """Round to the steps of an integer format and limit to its range; also count the samples beyond it."""
    grid, overloads = to_grid(samples, bits)
    full = 2.0 ** (bits - 1)
    return np.clip(grid, -full, full - 1), overloads


def encoded(samples: Samples, subtype: str, order: str) -> tuple[bytes, int]:
    """Encode samples of shape ``(channels, samples)`` as the bytes of a file; also count those beyond its range.

    ``order`` is the byte order: ``<`` for little-endian, ``>`` for big-endian.
    """
    if subtype in FLOATS:
        return samples.T.astype(f"{order}f{np.dtype(FLOATS[subtype]).itemsize}").tobytes(), 0
    bits = BITS[subtype]
    grid, overloads = clipped(samples, bits)
    whole = grid.T.astype(np.int64)
    if subtype == "PCM_U8":
        return (whole + 128).astype(np.uint8).tobytes(), overloads
    if bits == 24:
        words = np.ascontiguousarray(whole, f"{order}i4").view(np.uint8).reshape(-1, 4)
        return (words[:, :3] if order == "<" else words[:, 1:]).tobytes(), overloads
    return whole.astype(f"{order}i{bits // 8}").tobytes(), overloads
