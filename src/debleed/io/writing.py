"""Write recordings to audio files with the format, rate, length and alignment of the input."""

from __future__ import annotations

import errno
import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from debleed.io import chunks
from debleed.io.audio import BITS, FLOATS, AudioFile, Take, at_rate
from debleed.io.documents import Place
from debleed.io.track_names import of_one_channel
from debleed.progress import Progress, quiet
from debleed.recording import InputError, Recording, Samples

log = logging.getLogger(__name__)

PLAIN_LIMIT = 2**32 - 2**20
"""Size limit of WAV and AIFF in bytes, with room for the header; libsndfile overflows silently beyond it."""

COPY_FRAMES = 2**16
"""Frames to copy at a time when a file changes its format."""


@dataclass(frozen=True)
class Form:
    """A file format, with the names of libsndfile."""

    container: str
    subtype: str
    suffix: str
    endian: str = "FILE"

    @property
    def suffixes(self) -> set[str]:
        """Possible suffixes of a result: its own, and that of the floating-point format used on overload."""
        return {self.suffix, ".wav"}


def form_of(file: AudioFile) -> Form:
    """Return the format of a file's result: its own, or 24-bit FLAC for a lossy file."""
    if not file.lossy:
        return Form(file.container, file.subtype, file.path.suffix, file.endian)
    if file.channels > 8:  # the limit of FLAC
        return Form("WAV", "PCM_24", ".wav")
    return Form("FLAC", "PCM_24", ".flac")


def widened(form: Form, subtype: str) -> Form:
    """Return the floating-point format that replaces an integer format whose range is too small."""
    if form.container == "FLAC":
        return Form("WAV", subtype, ".wav")
    return Form(form.container, subtype, form.suffix)


def fitted(form: Form, size: int) -> Form:
    """Return the format for this many bytes of samples: RF64 beyond the size limit of WAV and AIFF."""
    if size < PLAIN_LIMIT or form.container not in ("WAV", "WAVEX", "AIFF"):
        return form
    return Form("RF64", form.subtype, ".wav" if form.container == "AIFF" else form.suffix)


def data_size(form: Form, channels: int, frames: int) -> int:
    """Return the size of the samples in bytes; for FLAC, before compression."""
    width = BITS[form.subtype] // 8 if form.subtype in BITS else np.dtype(FLOATS[form.subtype]).itemsize
    return width * channels * frames


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
        place = self._folder / (self._stem + ".part")
        self._file = soundfile.SoundFile(
            place, "w", self._rate, self._channels, self.form.subtype, self.form.endian, self.form.container
        )
        self._place = place

    def write(self, samples: Samples) -> Samples:
        """Append samples of shape ``(channels, samples)`` and return them as stored."""
        if self._bits is None:
            kept = samples.astype(FLOATS[self.form.subtype])
            self._put(kept)
            return kept
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
            with soundfile.SoundFile(narrow) as earlier:
                for _ in range(0, done, COPY_FRAMES):
                    self._put(earlier.read(COPY_FRAMES, FLOATS[self.form.subtype].__name__, always_2d=True).T)
        narrow.unlink()

    def close(self, file: Place | None = None, channel: int | None = None) -> Path:
        """Finish the file; copy the chunks of ``file`` to it, without the tracks of other channels than this one."""
        self._file.close()
        if soundfile.info(self._place).frames != self.written:
            raise self._unwritten()
        chunks.forget_time(self._place)
        if file is not None:
            chunks.append(self._place, of_one_channel(chunks.carried(file), channel))
            chunks.copy_speakers(file, self._place)
        return self._place.rename(self.path)


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

    Returns
    -------
    The files written to ``folder`` and to ``removed``, in the order of the take.

    Raises
    ------
    OSError
        If the disk is full.
    """
    _refuse_full_disk(take, folder, 2 if removed else 1)
    tracks = [_Track(file, take, folder, removed) for file in take.files]
    for start, stop in after.blocks():
        samples = after.read(start, stop)
        for track, rows in zip(tracks, take.rows, strict=True):
            track.write(samples[rows], start, stop, last=stop == after.length)
        progress("write", stop / after.length)
    for track in tracks:
        if track.out.overloads:
            log.warning(
                "%d samples of %s would clip at %d bits; the result is written as 32-bit float to %s",
                track.out.overloads,
                track.file.path.name,
                BITS[form_of(track.file).subtype],
                track.out.path.name,
            )
    outputs = [track.out.close(track.file.origin, track.file.channel) for track in tracks]
    removed_tracks = [(track.removed, track.file) for track in tracks if track.removed]
    return outputs, [writer.close(file.origin, file.channel) for writer, file in removed_tracks]


def _refuse_full_disk(take: Take, folder: Place, copies: int) -> None:
    need = sum(data_size(form_of(s), s.channels, s.frames) for s in take.files if form_of(s).container != "FLAC")
    if need * copies > shutil.disk_usage(folder).free:
        raise OSError(errno.ENOSPC, f"{need * copies / 2**30:.1f} GiB are needed", str(folder))


class _Track:
    """Write one file of a take at its own rate and length."""

    def __init__(self, file: AudioFile, take: Take, folder: Place, removed: Place | None) -> None:
        self.file = file
        form = form_of(file)
        shape = (file.rate, file.channels, file.frames)
        self.out = Writer(folder, file.path.stem, form, *shape)
        # the difference of two 24-bit integers fits a float32 exactly, that of two 32-bit integers does not
        wide = "DOUBLE" if form.subtype == "PCM_32" else "FLOAT"
        self.removed = Writer(removed, file.path.stem, form, *shape, wide=wide) if removed else None
        self._dtype = np.result_type(*(other.dtype for other in take.files))
        self._change = None
        if file.rate != take.rate:
            import soxr

            self._raised = at_rate(file, take.rate, self._dtype)
            self._change = soxr.ResampleStream(
                take.rate, file.rate, file.channels, np.dtype(self._dtype).name, quality="VHQ"
            )

    def write(self, samples: Samples, start: int, stop: int, last: bool) -> None:
        """Write the result's samples ``start`` to ``stop``, shape ``(channels, samples)``, at the take's rate."""
        position = self.out.written
        left = self.file.frames - position
        if self._change is None:
            samples = samples[:, : max(0, left)]
            if not samples.shape[1]:
                return
            native = self._native(position, samples.shape[1]) if self.removed else None
        else:
            # Resample only the change, so that unchanged parts stay bit-exact.
            change = (self._raised(start, stop) - samples).astype(self._dtype)
            lowered = self._change.resample_chunk(np.ascontiguousarray(change.T), last=last).T[:, :left]
            short = left - lowered.shape[1] if last else 0  # the resampler may round the length differently
            lowered = np.pad(lowered, ((0, 0), (0, short)))
            native = self._native(position, lowered.shape[1])
            samples = native - lowered
        kept = self.out.write(samples)
        if self.removed and native is not None:
            self.removed.write(native - kept)

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


def refuse_existing(files: Sequence[AudioFile], folder: Place, force: bool) -> None:
    """Refuse to overwrite existing results, unless forced."""
    for file in files:
        for suffix in sorted(form_of(file).suffixes):
            there = Path(folder) / (file.path.stem + suffix)
            if there.exists() and not force:
                raise InputError(f"'{there}' exists already; choose another folder, or overwrite it with --force")


def clear_stale(files: Sequence[AudioFile], written: Sequence[Path]) -> None:
    """Delete results of an earlier run with the other suffix, so that each microphone has one result."""
    suffixes = {file.path.stem: form_of(file).suffixes for file in files}
    for path in written:
        for suffix in suffixes.get(path.stem, set()) - {path.suffix}:
            other = path.with_suffix(suffix)
            if other.exists() and not other.samefile(path):
                other.unlink()
