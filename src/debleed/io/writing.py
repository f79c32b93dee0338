"""Write recordings to audio files with the format, rate, length and alignment of the input."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from debleed.io import carried
from debleed.io.audio import Take
from debleed.io.audio_file import BITS, FLOATS, AudioFile, at_rate
from debleed.io.blocks import Blocks, Track
from debleed.io.documents import Place, sync_file
from debleed.io.forms import Form, data_size, fitted, form_of, shown_size, widened
from debleed.io.journal import Journal
from debleed.progress import Progress, quiet
from debleed.recording import InputError, Recording, Samples

log = logging.getLogger(__name__)

COPY_FRAMES = 2**16
"""Frames to copy at a time when a file changes its format."""

PART = ".part"
"""Suffix of a file that is being written."""

COMPUTED = 0.9
"""Share of the time of writing for computing the result; the rest is for making files of it."""


class Writer:
    """Write one file in blocks; on overload, an integer format is replaced by a floating-point one.

    Parameters
    ----------
    folder, stem
        Folder and name of the file.
    form
        The format.
    wide
        The floating-point format in case of overload.
    rate, channels, frames
        Rate and size of the file.
    """

    def __init__(
        self, folder: Place, stem: str, form: Form, rate: int, channels: int, frames: int, wide: str = "FLOAT"
    ) -> None:
        self._folder, self._stem, self._wide = Path(folder), stem, wide
        self._rate, self._channels, self._frames = rate, channels, frames
        self._bits = BITS.get(form.subtype)
        self.overloads = 0
        self.written = 0
        self._open(form)

    def _open(self, form: Form) -> None:
        self.form = fitted(form, data_size(form, self._channels, self._frames))
        self.path = self._folder / (self._stem + self.form.suffix)
        number, name = tempfile.mkstemp(PART, dir=self._folder)  # not the stem, which may be as long as a name can be
        os.close(number)
        place = Path(name)
        place.chmod(0o666 & ~_umask())
        self._file = soundfile.SoundFile(
            os.fsencode(place),
            "w",
            self._rate,
            self._channels,
            self.form.subtype,
            self.form.endian,
            self.form.container,
        )
        self._place = place

    def write(self, samples: Samples) -> Samples:
        """Append samples of shape ``(channels, samples)`` and return them as stored."""
        if self._bits is None:
            with np.errstate(over="ignore"):  # refused below
                kept = samples.astype(FLOATS[self.form.subtype])
            refuse_no_numbers(kept, self._stem)
            self._put(kept)
            return kept
        refuse_no_numbers(samples, self._stem)
        grid, overloads = to_grid(samples, self._bits)
        self.overloads += overloads
        if overloads and self.form.subtype in BITS:
            self._widen()
        if self.form.subtype in BITS:
            self._put(grid.astype(np.int32) << (32 - self._bits))
            return grid * 2.0 ** (1 - self._bits)
        # still on the integer grid: input = output + removed stays exact
        kept = (grid * 2.0 ** (1 - self._bits)).astype(FLOATS[self.form.subtype])
        self._put(kept)
        return kept

    def _put(self, samples: NDArray[np.generic]) -> None:
        try:
            self._file.write(np.ascontiguousarray(samples.T))
        except (soundfile.LibsndfileError, AssertionError) as failure:  # AssertionError: soundfile wrote fewer samples
            raise self._unwritten() from failure
        self.written += samples.shape[1]

    def _unwritten(self) -> OSError:
        if shutil.disk_usage(self._folder).free < 2**20:
            return OSError(errno.ENOSPC, "the disk is full", self.path.name)
        return OSError(errno.EIO, "the samples could not be written", self.path.name)

    def _widen(self) -> None:
        """Continue in a floating-point format, with the samples written so far."""
        narrow = self._place.rename(self._place.with_suffix(".narrow"))
        self._file.close()
        done, self.written = self.written, 0
        self._open(widened(self.form, self._wide))
        if done:  # libsndfile does not open a FLAC file without samples
            with soundfile.SoundFile(os.fsencode(narrow)) as earlier:
                for _ in range(0, done, COPY_FRAMES):
                    self._put(earlier.read(COPY_FRAMES, FLOATS[self.form.subtype].__name__, always_2d=True).T)
        narrow.unlink()

    def close(self, file: Place | None = None, channel: int | None = None) -> Path:
        """Finish the file; copy to it what is written in ``file`` beside its sound, of this channel if it has more."""
        self._file.close()
        if soundfile.info(os.fsencode(self._place)).frames != self.written:
            raise self._unwritten()
        carried.forget_time(self._place)
        if file is not None:
            carried.carry(file, self._place, channel)
        sync_file(self._place)
        return self._place.replace(self.path)


def _umask() -> int:
    """Return the permissions that new files lack; mkstemp ignores them."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def refuse_no_numbers(samples: Samples, name: str) -> None:
    """Refuse to write samples that are NaN or infinite, whatever method they come from."""
    if not np.isfinite(samples).all():
        raise InputError(
            f"the result for '{name}' has samples that are no numbers, so nothing is written; try another method, and "
            "report this with the settings"
        )


def to_grid(samples: Samples, bits: int) -> tuple[Samples, int]:
    """Round to the steps of an integer format, without any gain, and count the samples beyond its range.

    Return integer-valued floats in the shape and type of ``samples``, and the count.
    """
    full = 2.0 ** (bits - 1)
    grid = np.rint(samples * full)
    return grid, int(np.count_nonzero((grid >= full) | (grid < -full)))


def write_take(
    take: Take,
    after: Recording,
    folder: Place,
    removed: Place | None = None,
    progress: Progress = quiet,
    work: Place | None = None,
    only: int | None = None,
) -> tuple[list[Path], list[Path]]:
    """Write a processed take in the formats of its files, and the removed signal.

    Parameters
    ----------
    take
        The input files.
    after
        The result: the microphones of ``take.recording()``, in order.
    folder
        Existing folder for the files.
    removed
        Folder for input - output, if wanted. The difference is taken from the rounded output, so that the sum is exact
        for integer formats (a difference beyond their range is stored as floats); for floating-point formats it is
        exact to within one unit in the last place of the peak.
    progress
        Called with the stage "write".
    work
        Folder for the blocks of the result. If an earlier call with the same take, result and folders was killed, what
        it left there and in the other folders is gone on with, and the files have the same bytes in the end. It is not
        deleted; by default, there is one in ``folder`` that is.
    only
        The number of the only file to write, with the same bytes as among the others; ``after`` holds its microphones
        alone.

    Returns
    -------
    The files written to ``folder`` and to ``removed``, in the order of the take.

    Raises
    ------
    OSError
        If the disk is full.
    """
    here = Path(work) if work else Path(folder) / "blocks"
    finished = _finished(here, folder, removed)
    chosen = take if only is None else replace(take, files=(take.files[only],))
    refuse_full_disk(chosen, folder, bool(removed), held(here, folder, removed or folder))
    tracks = [_Track(file, take) for file in chosen.files]
    edges = list(after.blocks())
    blocks = Blocks(here, [track.kept for track in tracks], [stop for _, stop in edges])
    for start, stop in edges[blocks.done :]:
        samples = after.read(start, stop)
        pairs = zip(tracks, chosen.rows, strict=True)
        blocks.append([track.fitted(samples[rows], start) for track, rows in pairs])
        progress("write", COMPUTED * stop / after.length)
    blocks.complete_now()
    for i, track in enumerate(tracks):
        if i >= len(finished.entries):
            finished.add(track.finish(blocks, i, edges, folder, removed), sync=True)
        blocks.drop(i)
        progress("write", COMPUTED + (1 - COMPUTED) * (i + 1) / len(tracks))
    for track, entry in zip(tracks, finished.entries, strict=True):
        track.warn(entry)
    if not work:
        shutil.rmtree(here)
    return finished_files(finished, folder, removed)


def finished_files(finished: Journal, folder: Place, removed: Place | None) -> tuple[list[Path], list[Path]]:
    """Return the files that :func:`write_take` has finished."""
    names = [entry["files"] for entry in finished.entries]
    return [Path(folder) / name[0] for name in names], [Path(removed) / name[1] for name in names if removed]


def finished_journal(work: Place) -> Journal:
    """Open the journal in which :func:`write_take` says which files it has finished."""
    return Journal(Path(work) / "finished.jsonl")


def _finished(work: Path, folder: Place, removed: Place | None) -> Journal:
    """Look what an earlier call has finished, and delete what it left half-written."""
    for place in [folder] if removed is None else [folder, removed]:
        for part in Path(place).glob(f"*{PART}"):
            part.unlink()
    finished = finished_journal(work)
    if not all(path.exists() for paths in finished_files(finished, folder, removed) for path in paths):
        shutil.rmtree(work)  # somebody took one away, and its samples are gone
        finished = finished_journal(work)
    return finished


def held(*folders: Place) -> int:
    """Count the bytes in folders, each counted once."""
    places = {path for folder in folders for path in Path(folder).rglob("*")}
    return sum(path.stat().st_size for path in places if path.is_file())


def refuse_full_disk(take: Take, folder: Place, removed: bool, there: int = 0) -> None:
    """Refuse results that do not fit on the disk.

    Parameters
    ----------
    take
        The input files.
    folder
        A folder on the disk.
    removed
        Whether the removed signal is written too.
    there
        Bytes of them that are there already.

    Raises
    ------
    OSError
        With ``ENOSPC``.
    """
    sizes = [data_size(form_of(file), file.channels, file.frames) for file in take.files]
    packed = [0 if form_of(file).container == "FLAC" else size for file, size in zip(take.files, sizes, strict=True)]
    # the blocks of each file are deleted once it is made of them
    need = sum(sizes) + max(packed) + sum(packed) * removed - there
    if need > shutil.disk_usage(folder).free:
        raise OSError(errno.ENOSPC, f"{shown_size(need)} are needed", str(folder))
    if hasattr(os, "statvfs"):
        found = os.statvfs(folder)
        if found.f_files and found.f_favail < 2 * len(take.files) + 16:
            raise OSError(errno.ENOSPC, "no more files can be created: the disk has no inodes left", str(folder))


class _Track:
    """Make one file of a take at its own rate and length."""

    def __init__(self, file: AudioFile, take: Take) -> None:
        self.file, self._take = file, take
        self._form = form_of(file)
        self._dtype = np.result_type(*(other.dtype for other in take.files)).type
        bits = BITS.get(self._form.subtype)
        # the difference of two 24-bit integers fits a float32 exactly, that of two 32-bit integers does not
        self._wide = "DOUBLE" if bits == 32 else "FLOAT"
        self._resampled = file.rate != take.rate
        if self._resampled:
            self.kept = Track(file.channels, take.length, self._dtype, None)
        else:
            exact = np.float64 if bits == 32 or self._form.subtype == "DOUBLE" else np.float32
            self.kept = Track(file.channels, file.frames, exact, bits)

    def fitted(self, samples: Samples, start: int) -> Samples:
        """Return what to keep of the result's samples ``(channels, samples)`` from ``start`` on, at the take's rate."""
        samples = samples[:, : max(0, self.kept.frames - start)]
        if self.kept.bits is None:
            with np.errstate(over="ignore"):  # refused below
                kept = samples.astype(self.kept.dtype)
            refuse_no_numbers(kept, self.file.path.stem)
            return kept
        refuse_no_numbers(samples, self.file.path.stem)
        grid, _ = to_grid(samples, self.kept.bits)
        return (grid * 2.0 ** (1 - self.kept.bits)).astype(self.kept.dtype)

    def finish(
        self, blocks: Blocks, number: int, edges: Sequence[tuple[int, int]], folder: Place, removed: Place | None
    ) -> dict[str, Any]:
        """Make the file of its blocks, and the one with the removed signal; return their names and the overloads."""
        shape = (self.file.rate, self.file.channels, self.file.frames)
        out = Writer(folder, self.file.path.stem, self._form, *shape, wide=self._wide)
        gone = Writer(removed, self.file.path.stem, self._form, *shape, wide=self._wide) if removed else None
        lowered = self._lowering()
        for k, (start, stop) in enumerate(edges):
            samples = blocks.read(number, k)
            position = out.written
            if lowered:
                samples = lowered(samples, position, start, stop)
            if samples.shape[1]:
                kept = out.write(samples)
                if gone:
                    gone.write(self._native(position, samples.shape[1]) - kept)
        paths = [gone.close(self.file.origin, self.file.channel)] if gone else []
        paths.insert(0, out.close(self.file.origin, self.file.channel))
        return {"files": [path.name for path in paths], "overloads": out.overloads}

    def warn(self, finished: dict[str, Any]) -> None:
        """Warn if the finished file has another format than its input."""
        if finished["overloads"]:
            log.warning(
                "%d samples of %s would clip at %d bits; the result is written as %d-bit float to %s",
                finished["overloads"],
                self.file.path.name,
                BITS[self._form.subtype],
                64 if self._wide == "DOUBLE" else 32,
                finished["files"][0],
            )

    def _lowering(self) -> Callable[[Samples, int, int, int], Samples] | None:
        """Return what brings consecutive blocks of the result from the take's rate to that of the file."""
        if not self._resampled:
            return None
        import soxr

        file, rate, dtype = self.file, self._take.rate, self._dtype
        raised = at_rate(file, rate, dtype)
        change = soxr.ResampleStream(rate, file.rate, file.channels, np.dtype(dtype).name, quality="VHQ")

        def lower(samples: Samples, position: int, start: int, stop: int) -> Samples:
            # Resample only the change, so that unchanged parts stay bit-exact.
            left, last = file.frames - position, stop == self._take.length
            moved = (raised(start, stop) - samples).astype(dtype)
            lowered: Samples = change.resample_chunk(np.ascontiguousarray(moved.T), last=last).T[:, :left]
            short = left - lowered.shape[1] if last else 0  # the resampler may round the length differently
            lowered = np.pad(lowered, ((0, 0), (0, short)))
            return self._native(position, lowered.shape[1]) - lowered

        return lower

    def _native(self, start: int, count: int) -> Samples:
        return self.file.read(start, start + count, self._dtype)


def write_mics(folder: Place, recording: Recording, subtype: str = "PCM_24") -> list[Path]:
    """Write each microphone of a recording as ``folder/<name>.wav``; as 32-bit float if a peak exceeds full scale.

    Neighbours ``piano.L`` and ``piano.R`` of one source become the stereo file ``piano.wav``, as which
    :meth:`debleed.io.audio.Take.recording` reads them.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    form = Form("WAV", subtype, ".wav")
    files = _files(recording)
    writers = [Writer(folder, name, form, recording.rate, len(rows), recording.length) for name, rows in files]
    for start, stop in recording.blocks():
        samples = recording.read(start, stop)
        for writer, (_, rows) in zip(writers, files, strict=True):
            writer.write(samples[rows])
    return [writer.close() for writer in writers]


def _files(recording: Recording) -> list[tuple[str, list[int]]]:
    """Return the name of each file and the rows in it."""
    names, sources = recording.names, recording.sources
    files: list[tuple[str, list[int]]] = []
    for i, name in enumerate(names):
        stem = name.removesuffix(".R")
        if i and stem != name and names[i - 1] == f"{stem}.L" and sources[i - 1] == sources[i]:
            files[-1] = (stem, [i - 1, i])
        else:
            files.append((name, [i]))
    return files
