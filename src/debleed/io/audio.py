"""Audio files and folders become recordings: any rate and length, read in blocks, a sample is where it was."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from threading import Lock

import numpy as np
import soundfile
from numpy.typing import DTypeLike, NDArray

from debleed.io import chunks
from debleed.io.documents import Place
from debleed.recording import InputError, Recording, Samples

log = logging.getLogger(__name__)

EXTENSIONS = (
    *(".wav", ".wave", ".bwf", ".rf64", ".w64", ".flac"),
    *(".aif", ".aiff", ".aifc", ".ogg", ".oga", ".opus", ".mp3"),
)
"""What counts as an audio file in a folder, in small letters."""

BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
"""Bits of the integer formats."""

FLOATS: dict[str, type[np.floating]] = {"FLOAT": np.float32, "DOUBLE": np.float64}
"""The floating formats. Whatever is in neither table is a lossy code."""

PREROLL = 8192
"""Samples decoded before the wanted ones after a jump in a lossy file: right after a jump libsndfile 1.2 gives up to
1015 wrong samples of Vorbis and a wrong frame of MP3 (2048 were enough in 1800 jumps)."""

RESAMPLING_BLOCK = 3.0
"""Seconds that are resampled at a time. The grid is fixed, so that a sample has one value however it is read."""

RESAMPLING_MARGIN = 4096
"""Samples of the lower rate read on both sides of such a block; the longest filter reaches a few hundred."""


class AudioFile:
    """One audio file, open for reading in any order at its own rate.

    Raises
    ------
    InputError
        Where the file is no sound, is empty or is shorter than its header says.
    """

    def __init__(self, path: Place) -> None:
        self.path = Path(path)
        try:
            self._file = soundfile.SoundFile(self.path)
        except (soundfile.LibsndfileError, TypeError) as failure:  # TypeError: headerless .raw, no rate given
            reason = str(getattr(failure, "error_string", failure)).rstrip(". ")
            raise InputError(f"'{path}' cannot be read as audio ({reason})") from failure
        if missing := chunks.missing_bytes(path):
            raise InputError(f"'{path}' is cut off: its header promises {missing} bytes more; copy it again")
        if not self._file.frames:
            raise InputError(f"'{path}' holds no samples; leave it out")
        self._lock = Lock()

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
        """Channels."""
        return int(self._file.channels)

    @property
    def container(self) -> str:
        """File type as libsndfile calls it."""
        return str(self._file.format)

    @property
    def subtype(self) -> str:
        """Sample format as libsndfile calls it."""
        return str(self._file.subtype)

    @property
    def endian(self) -> str:
        """Byte order as libsndfile calls it."""
        return str(self._file.endian)

    @property
    def lossy(self) -> bool:
        """Whether the file holds a lossy code."""
        return self.subtype not in BITS and self.subtype not in FLOATS

    @property
    def dtype(self) -> type[np.floating]:
        """The smaller float type that holds every sample exactly."""
        return np.float64 if self.subtype in ("PCM_32", "DOUBLE") else np.float32

    def read(self, start: int, stop: int, dtype: DTypeLike) -> Samples:
        """Read samples of shape ``(channels, stop - start)``; silence stands outside the file."""
        first, last = min(max(start, 0), self.frames), min(max(stop, 0), self.frames)
        out = np.zeros((stop - start, self.channels), dtype)
        if last > first:
            with self._lock:
                self._fill(out[first - start : last - start], first)
        return out.T

    def close(self) -> None:
        """Let go of the file; nothing can be read afterwards."""
        self._file.close()

    def _fill(self, out: NDArray[np.floating], first: int) -> None:
        try:
            if self._file.tell() != first:
                skip = min(first, PREROLL) if self.lossy else 0
                self._file.seek(first - skip)
                self._file.read(skip, dtype=out.dtype.name)
            got = len(self._file.read(out=out))
        except soundfile.LibsndfileError as failure:
            raise InputError(f"'{self.path}' is damaged near {first / self.rate:.1f} s; copy it again") from failure
        if got < len(out):
            ends, promised = (first + got) / self.rate, self.frames / self.rate
            raise InputError(f"'{self.path}' ends at {ends:.1f} s, its header says {promised:.1f} s; copy it again")


def at_rate(file: AudioFile, rate: int, dtype: DTypeLike) -> Callable[[int, int], Samples]:
    """Return a reader of a file at another rate: sample 0 is the file's sample 0, any order gives the same samples."""
    if file.rate == rate:
        return lambda start, stop: file.read(start, stop, dtype)

    import soxr

    divisor = math.gcd(file.rate, rate)
    period, period_out = file.rate // divisor, rate // divisor  # the two grids meet once in so many samples
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


def resampled(samples: NDArray[np.float64], source_rate: int, rate: int) -> NDArray[np.float64]:
    """Bring samples of shape ``(samples,)`` that are in memory to another rate; sample 0 stays sample 0."""
    if source_rate == rate:
        return samples

    import soxr

    raised: NDArray[np.float64] = soxr.resample(samples, source_rate, rate, quality="VHQ")
    return raised


@dataclass(frozen=True)
class Take:
    """Files that were recorded together, opened; they begin with the same sample.

    Parameters
    ----------
    files
        The files.
    poly
        Whether this is one file with a microphone a channel; else each file is a microphone or a stereo pair.
    rate, length
        Those of the recording made of the files: by default the highest rate and the longest file.
    """

    files: tuple[AudioFile, ...]
    poly: bool
    rate: int
    length: int

    @classmethod
    def open(cls, paths: Sequence[Place], *, poly: bool = False, rate: int | None = None) -> Take:
        """Open files.

        Raises
        ------
        InputError
            For a file that cannot be used, and for two files of one stem: their results would have one name.
        """
        refuse_twins(paths)
        files = tuple(AudioFile(path) for path in paths)
        for file in files:
            if file.channels > 2 and not poly:
                raise InputError(
                    f"'{file.path}' has {file.channels} channels, but in a folder a file is one microphone or a "
                    "stereo pair; give the file itself as the input, or split it"
                )
        rate = rate or max(file.rate for file in files)
        length = max(length_at(file, rate) for file in files)
        return cls(files, poly, rate, length)

    @property
    def units(self) -> tuple[str, ...]:
        """What can be a source: the stem of each file, or each channel of a poly file."""
        if self.poly:
            return tuple(f"ch{i + 1}" for i in range(self.files[0].channels))
        return tuple(file.path.stem for file in self.files)

    @property
    def rows(self) -> tuple[slice, ...]:
        """Where the microphones of each file stand in the recording."""
        ends = np.cumsum([file.channels for file in self.files]).tolist()
        return tuple(slice(end - file.channels, end) for file, end in zip(self.files, ends, strict=True))

    def recording(self, sources: Mapping[str, str | None] | None = None) -> Recording:
        """Make the recording; ``sources`` says which source each unit belongs to, by default its own.

        Samples are float32, or float64 where a file holds more than 24 bits. A pair ``piano`` gives ``piano.L`` and
        ``piano.R``, two microphones of one source.
        """
        of = dict(zip(self.units, self.units, strict=True)) if sources is None else sources
        mics = [(unit, unit) for unit in self.units]
        if not self.poly:
            pairs = {file.path.stem for file in self.files if file.channels == 2}
            mics = [(unit + side, unit) for unit in self.units for side in ((".L", ".R") if unit in pairs else ("",))]
        dtype = np.result_type(*(file.dtype for file in self.files))
        readers = [at_rate(file, self.rate, dtype) for file in self.files]

        def read(start: int, stop: int) -> Samples:
            out = np.empty((len(mics), stop - start), dtype)
            for rows, reader in zip(self.rows, readers, strict=True):
                out[rows] = reader(start, stop)
            return out

        names = tuple(name for name, _ in mics)
        return Recording(self.rate, self.length, names, tuple(of[unit] for _, unit in mics), read)

    def close(self) -> None:
        """Let go of the files."""
        for file in self.files:
            file.close()

    def log_differences(self) -> None:
        """Say how files of different rates and lengths are brought together."""
        rates = Counter(file.rate for file in self.files)
        if len(rates) > 1:
            listed = ", ".join(f"{count} at {rate} Hz" for rate, count in sorted(rates.items()))
            log.info("rates differ (%s): worked on at %d Hz, each file comes back at its own rate", listed, self.rate)
        short = [file.path.name for file in self.files if length_at(file, self.rate) < self.length]
        if short:
            seconds = self.length / self.rate
            log.info(
                "lengths differ: silence stands after the end of %s up to %.2f s, and is cut off again",
                ", ".join(short),
                seconds,
            )


def length_at(file: AudioFile, rate: int) -> int:
    """Count the samples that cover the file at another rate."""
    return -(-file.frames * rate // file.rate)


def audio_files(folder: Place) -> tuple[Path, ...]:
    """List the audio files directly in a folder, sorted by name; what is passed over is logged.

    Raises
    ------
    InputError
        Where there is no such folder, or no audio file in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"there is no file or folder '{folder}'")
    try:
        entries = sorted(folder.iterdir())
    except PermissionError as refusal:
        raise InputError(f"there is no permission to read '{folder}'") from refusal
    files = tuple(path for path in entries if path.is_file() and is_audio(path))
    ignored = [path.name for path in entries if path not in set(files) and path.name != "session.toml"]
    if ignored:
        log.info("ignored in %s: %s", folder, ", ".join(ignored))
    if not files:
        raise InputError(f"there is no audio file directly in '{folder}' (known are {' '.join(EXTENSIONS)})")
    return files


def is_audio(path: Place) -> bool:
    """Tell by the name whether this is an audio file, hidden ones aside."""
    path = Path(path)
    return path.suffix.lower() in EXTENSIONS and not path.name.startswith(".")


def refuse_twins(paths: Iterable[Place]) -> None:
    """Refuse two files of one stem, whatever the case of their letters."""
    seen: dict[str, Path] = {}
    for path in map(Path, paths):
        twin = seen.setdefault(path.stem.casefold(), path)
        if twin is not path:
            raise InputError(
                f"'{twin}' and '{path.name}' have the same stem, so their results would have one name; "
                "rename one or leave it out"
            )


def open_take(path: Place) -> Take:
    """Open a folder of files, or one file with a microphone a channel."""
    path = Path(path)
    return Take.open([path], poly=True) if path.is_file() else Take.open(audio_files(path))


def load(path: Place) -> Recording:
    """Open a folder of files (a source each), or one file with a microphone a channel, as a recording."""
    return open_take(path).recording()


def load_like(path: Place, take: Take) -> Recording:
    """Open what goes with a take, such as its truth: the files of the same stems, at its rate and length.

    Raises
    ------
    InputError
        Where a file lasts longer or shorter than the take by a second or more; missing ones are not looked for.
    """
    path = Path(path)
    if take.poly or path.is_file():
        other = Take.open([path], poly=True, rate=take.rate)
    else:
        files = [file for file in audio_files(path) if file.stem in take.units]
        if not files:
            raise InputError(f"no file in '{path}' has the name of a microphone: {', '.join(take.units)}")
        other = Take.open(files, rate=take.rate)
    refuse_other_length(path, other.length, take.length, take.rate)
    return replace(other, length=take.length).recording()


def load_mixture(path: Place, rate: int, length: int) -> Recording:
    """Open one file as a recording of one microphone, the mean of its channels, at the given rate and length."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no file '{path}'")
    file = AudioFile(path)
    refuse_other_length(path, length_at(file, rate), length, rate)
    read = at_rate(file, rate, file.dtype)
    name = path.stem
    return Recording(rate, length, (name,), (name,), lambda a, b: read(a, b).mean(axis=0, keepdims=True))


def refuse_other_length(path: Place, length: int, wanted: int, rate: int) -> None:
    """Refuse what cannot belong to a recording because it lasts a second more or less."""
    if abs(length - wanted) >= rate:
        raise InputError(f"'{path}' lasts {length / rate:.1f} s but the recording {wanted / rate:.1f} s")
