"""Write results into files like those of the input: same names, parts, channels and chunks, for a virtual sound check.

A console plays a recording only if it looks like its own: mono or with all channels, cut at the same places, equally
long, at 24 or 32 bits, with or without chunks. So each file is copied, and its samples alone are replaced.
"""

from __future__ import annotations

import errno
import logging
import shutil
import struct
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from debleed.io import chunks
from debleed.io.audio import BITS, FLOATS, AudioFile, Take, at_rate
from debleed.io.recorder.joined import Joined
from debleed.io.recorder.take import RecorderTake
from debleed.io.writing import Track, Writer, form_of, to_grid
from debleed.progress import Progress, quiet
from debleed.recording import InputError, Recording, Samples

log = logging.getLogger(__name__)

RAW = frozenset(("WAV", "WAVEX", "RF64", "W64", "AIFF"))
"""Containers, as named by libsndfile, in which the samples stand one after another in one chunk."""

Place = Callable[[Path], Path]
"""Returns a folder to write to, for the path of a folder inside the input."""


@dataclass(frozen=True)
class Whole:
    """A file of the input, or the parts that are one.

    Parameters
    ----------
    file
        Reads it.
    rows
        The row of each channel in the recording, ``None`` for channels that are left out, which stay as they are.
    parts
        Each file, the sample at which it begins, and the folder inside the input in which it is.
    """

    file: AudioFile
    rows: tuple[int | None, ...]
    parts: tuple[tuple[Path, int, Path], ...]


def wholes_of(take: Take) -> tuple[Whole, ...]:
    """List the files of a take as they were on the disk."""
    if not isinstance(take, RecorderTake):
        pairs = zip(take.files, take.rows, strict=True)
        return tuple(Whole(f, tuple(range(r.start, r.stop)), ((f.path, 0, Path()),)) for f, r in pairs)
    found, row = [], 0
    for strand in take.layout.strands:
        rows: list[int | None] = []
        for name in strand.names or ("",) * strand.chain.first.channels:
            rows.append(None if name is None else row)
            row += name is not None
        places = [(part.facts.path, part.start) for part in strand.chain.parts]
        parts = tuple((path, start, path.parent.relative_to(take.layout.folder)) for path, start in places)
        found.append(Whole(Joined(strand.chain, strand.chain.first.path), tuple(rows), parts))
    return tuple(found)


def names_of(take: Take) -> tuple[Path, ...]:
    """Return the paths of the results inside their folder, in the order of :func:`write_like_input`."""
    return tuple(
        place / (path.stem + (path.suffix if whole.file.container in RAW else form_of(whole.file).suffix))
        for whole in wholes_of(take)
        for path, _, place in whole.parts
    )


def refuse_existing_parts(take: Take, folder: Path, force: bool) -> None:
    """Refuse to overwrite existing results, unless forced."""
    for name in names_of(take):
        if (folder / name).exists() and not force:
            raise InputError(f"'{folder / name}' exists already; choose another folder, or overwrite it with --force")


def write_like_input(
    take: Take, after: Recording, place: Place, removed: Place | None = None, progress: Progress = quiet
) -> tuple[list[Path], list[Path]]:
    """Write a result into files like those of the input.

    Samples beyond the range of an integer format come out at full scale, and a warning says how many. Files in
    compressed formats are written anew.

    Parameters
    ----------
    take
        The input files.
    after
        The result: the microphones of ``take.recording()``, in order.
    place, removed
        Where to write the results, and the removed signal input - output, if wanted.
    progress
        Called with the stage "write".

    Returns
    -------
    The files written, in the order of :func:`names_of`.

    Raises
    ------
    OSError
        If the disk is full.
    """
    wholes = wholes_of(take)
    _refuse_full_disk(wholes, place(Path()), 2 if removed else 1)
    out = [Parts(whole, place) for whole in wholes]
    aside = [Parts(whole, removed) if removed else None for whole in wholes]
    triples = zip(wholes, out, aside, strict=True)
    tracks = [Track[Parts](whole.file, take, sink, other) for whole, sink, other in triples]
    fill = [_filler(whole, take) for whole in wholes]
    for start, stop in after.blocks():
        samples = after.read(start, stop)
        for track, filled in zip(tracks, fill, strict=True):
            track.write(filled(samples, start, stop), start, stop, last=stop == after.length)
        progress("write", stop / after.length)
    for whole in wholes:
        if isinstance(whole.file, Joined):  # opened here; others belong to the take
            whole.file.close()
    return [path for sink in out for path in sink.close()], [path for sink in aside if sink for path in sink.close()]


def _filler(whole: Whole, take: Take) -> Callable[[Samples, int, int], Samples]:
    """Return a function that picks the channels of a file from the result, and those left out from the input."""
    rows = [row for row in whole.rows if row is not None]
    if len(rows) == len(whole.rows):
        return lambda samples, start, stop: samples[rows]
    read = at_rate(whole.file, take.rate, np.result_type(*(file.dtype for file in take.files)))
    there = [row is not None for row in whole.rows]

    def filled(samples: Samples, start: int, stop: int) -> Samples:
        out = read(start, stop).copy()
        out[there] = samples[rows]
        return out

    return filled


def _refuse_full_disk(wholes: Sequence[Whole], folder: Path, copies: int) -> None:
    need = copies * sum(path.stat().st_size for whole in wholes for path, _, _ in whole.parts)
    if need > shutil.disk_usage(folder).free:
        raise OSError(errno.ENOSPC, f"{need / 2**30:.1f} GiB are needed", str(folder))


class Parts:
    """Takes the samples of a whole file and writes them into its parts, one open at a time."""

    def __init__(self, whole: Whole, place: Place) -> None:
        self.written = 0
        self._whole, self._place = whole, place
        self._done: list[Path] = []
        self._part: Copy | Rewritten | None = None

    def write(self, samples: Samples) -> Samples:
        """Append samples of shape ``(channels, samples)``; return them as stored, unchanged where there is no part."""
        begin, end = self.written, self.written + samples.shape[1]
        kept = samples.copy()
        for path, start, inside in self._whole.parts[len(self._done) :]:
            if self._part is None and start < end:
                kind = Copy if self._whole.file.container in RAW else Rewritten
                self._part = kind(path, self._place(inside))
            if self._part is None or start >= end:
                break
            first, last = max(begin, start), min(end, start + self._part.frames)
            kept[:, first - begin : last - begin] = self._part.write(samples[:, first - begin : last - begin])
            if last < start + self._part.frames:
                break
            self._finish()
        self.written = end
        return kept

    def close(self) -> list[Path]:
        """Return the files written."""
        if len(self._done) < len(self._whole.parts):
            raise OSError(errno.EIO, "the samples could not be written", str(self._whole.parts[len(self._done)][0]))
        return self._done

    def _finish(self) -> None:
        if self._part:
            if self._part.overloads:
                log.warning(
                    "%d samples of %s exceed the range of its format and are written at full scale",
                    self._part.overloads,
                    self._part.path.name,
                )
            self._done.append(self._part.close())
            self._part = None


class Copy:
    """A copy of a file in which the samples are replaced, and nothing else."""

    def __init__(self, path: Path, folder: Path) -> None:
        with closing(AudioFile(path)) as file:
            self.frames = file.frames
            self._subtype = file.subtype
            big = file.endian == "BIG" or (file.container == "AIFF" and file.endian == "FILE")
            self._order = ">" if big else "<"
        self.path = folder / path.name
        self.overloads = 0
        shutil.copyfile(path, self.path)
        self._file = self.path.open("r+b")
        self._file.seek(samples_at(path))

    def write(self, samples: Samples) -> Samples:
        """Replace the next samples, shape ``(channels, samples)``, and return them as stored."""
        content, kept, overloads = encoded(samples, self._subtype, self._order)
        self.overloads += overloads
        self._file.write(content)
        return kept

    def close(self) -> Path:
        """Finish the file."""
        self._file.close()
        return self.path


class Rewritten:
    """A file written anew in the format of the results: the same, or 24-bit FLAC for lossy files."""

    def __init__(self, path: Path, folder: Path) -> None:
        with closing(AudioFile(path)) as self._like:
            form = form_of(self._like)
            self.frames = self._like.frames
            self._out = Writer(folder, path.stem, form, self._like.rate, self._like.channels, self.frames)
        self._bits = BITS[form.subtype]
        self.path = self._out.path
        self.overloads = 0

    def write(self, samples: Samples) -> Samples:
        """Append samples of shape ``(channels, samples)`` and return them as stored."""
        grid, overloads = clipped(samples, self._bits)
        self.overloads += overloads
        return self._out.write(grid * 2.0 ** (1 - self._bits))

    def close(self) -> Path:
        """Finish the file."""
        return self._out.close(self._like)


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


def encoded(samples: Samples, subtype: str, order: str) -> tuple[bytes, Samples, int]:
    """Encode samples of shape ``(channels, samples)`` as the bytes of a file, channel by channel within each frame.

    Return the bytes, the samples as stored, and how many were beyond the range.
    """
    if subtype in FLOATS:
        kept = samples.astype(FLOATS[subtype])
        return kept.T.astype(kept.dtype.newbyteorder(order)).tobytes(), kept, 0
    bits = BITS[subtype]
    grid, overloads = clipped(samples, bits)
    whole = grid.T.astype(np.int64)
    if subtype == "PCM_U8":
        content = (whole + 128).astype(np.uint8).tobytes()
    elif bits == 24:
        quads = np.ascontiguousarray(whole, f"{order}i4").view(np.uint8).reshape(-1, 4)
        content = (quads[:, :3] if order == "<" else quads[:, 1:]).tobytes()
    else:
        content = whole.astype(f"{order}i{bits // 8}").tobytes()
    return content, grid * 2.0 ** (1 - bits), overloads
