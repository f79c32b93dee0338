"""Open folders and files as recordings: any rate and length, in blocks, sample-aligned."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from debleed.io.audio_file import AudioFile, at_rate
from debleed.io.documents import Place
from debleed.io.track_names import names_of_channels, numbers_of_channels, of_file
from debleed.recording import InputError, Recording, Samples

log = logging.getLogger(__name__)

EXTENSIONS = (
    *(".wav", ".wave", ".bwf", ".rf64", ".w64", ".flac"),
    *(".aif", ".aiff", ".aifc", ".ogg", ".oga", ".opus", ".mp3", ".m4a", ".aac"),
)
"""Suffixes of the audio files in a folder, in lower case."""


@dataclass(frozen=True)
class Take:
    """Open files that were recorded together and begin at the same sample.

    Parameters
    ----------
    files
        The files.
    poly
        Whether this is one file with one microphone per channel; otherwise each file is a microphone or a stereo pair.
    rate, length
        Rate and length of the recording; by default the highest rate and the longest file.
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
            If a file cannot be used, or two files differ only in their suffix, since their results would have the same
            name.
        """
        refuse_twins(paths)
        files = tuple(AudioFile(path) for path in paths)
        for file in files:
            if file.channels > 2 and not poly:
                raise InputError(
                    f"'{file.path}' has {file.channels} channels, but each file in a folder must be one microphone or "
                    "a stereo pair; use that file itself as the input, or split it"
                )
        rate = rate or max(file.rate for file in files)
        length = max(length_at(file, rate) for file in files)
        return cls(files, poly, rate, length)

    @property
    def inputs(self) -> list[Path]:
        """The files that are read."""
        return [file.path for file in self.files]

    @property
    def units(self) -> tuple[str, ...]:
        """Names of what can be a source: the stem of each file, or each channel of a poly file.

        A channel has the name of its track inside the file, if that is its own, or else its number: ``ch1``.
        """
        if not self.poly:
            return tuple(file.path.stem for file in self.files)
        return names_of_channels(self.files[0].track_names)

    @property
    def numbers(self) -> tuple[str, ...]:
        """The file name of each unit, or ``ch1``, ``ch2``, ... for the channels of a poly file."""
        if self.poly:
            return numbers_of_channels(self.files[0].channels)
        return tuple(file.path.name for file in self.files)

    @property
    def labels(self) -> tuple[str | None, ...]:
        """The name inside the file of each unit, ``None`` where there is none or the unit has it already."""
        if self.poly:
            return (None,) * self.files[0].channels
        return tuple(of_file(file.track_names) for file in self.files)

    @property
    def rows(self) -> tuple[slice, ...]:
        """Rows of each file's microphones in the recording."""
        ends = np.cumsum([file.channels for file in self.files]).tolist()
        return tuple(slice(end - file.channels, end) for file, end in zip(self.files, ends, strict=True))

    def recording(self, sources: Mapping[str, str | None] | None = None, references: Collection[str] = ()) -> Recording:
        """Make the recording.

        ``sources`` maps each unit to its source, by default one of its own; ``references`` are the units that are
        signals, not microphones.

        Samples are float32, or float64 if a file has more than 24 bits. A stereo pair ``piano`` becomes ``piano.L`` and
        ``piano.R``, two microphones of one source.

        Raises
        ------
        InputError
            If another file is called like a side of a stereo pair.
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

        refuse_double(mics)
        names = tuple(name for name, _ in mics)
        signals = frozenset(name for name, unit in mics if unit in references)
        return Recording(self.rate, self.length, names, tuple(of[unit] for _, unit in mics), read, signals)

    def close(self) -> None:
        """Close the files."""
        for file in self.files:
            file.close()

    def log_differences(self) -> None:
        """Log how files with different rates and lengths are combined."""
        rates = Counter(file.rate for file in self.files)
        if len(rates) > 1:
            listed = ", ".join(f"{count} at {rate} Hz" for rate, count in sorted(rates.items()))
            log.info("sample rates differ (%s): processed at %d Hz, written at the original rates", listed, self.rate)
        short = [file.path.name for file in self.files if length_at(file, self.rate) < self.length]
        if short:
            seconds = self.length / self.rate
            log.info(
                "lengths differ: %s padded with silence to %.2f s for processing, written at the original lengths",
                ", ".join(short),
                seconds,
            )


def length_at(file: AudioFile, rate: int) -> int:
    """Count the samples that cover the file at another rate."""
    return -(-file.frames * rate // file.rate)


def audio_files(folder: Place) -> tuple[Path, ...]:
    """List the audio files directly in a folder, sorted by name; log what is ignored.

    Raises
    ------
    InputError
        If the folder does not exist or contains no audio file.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"there is no file or folder '{folder}'")
    try:
        entries = sorted(folder.iterdir())
    except PermissionError as refusal:
        raise InputError(f"no permission to read '{folder}'") from refusal
    files = tuple(path for path in entries if path.is_file() and is_audio(path))
    ignored = [path.name for path in entries if path not in set(files) and path.name != "session.toml"]
    if ignored:
        log.info("ignored in %s: %s", folder, ", ".join(ignored))
    if not files:
        raise InputError(f"there is no audio file directly in '{folder}'; supported are {' '.join(EXTENSIONS)}")
    return files


def is_audio(path: Place) -> bool:
    """Return whether the name is that of an audio file that is not hidden."""
    path = Path(path)
    return path.suffix.lower() in EXTENSIONS and not path.name.startswith(".")


def refuse_twins(paths: Iterable[Place]) -> None:
    """Refuse two files with the same stem, ignoring case."""
    seen: dict[str, Path] = {}
    for path in map(Path, paths):
        twin = seen.setdefault(path.stem.casefold(), path)
        if twin is not path:
            raise InputError(
                f"'{twin}' and '{path.name}' have the same stem, so their results would have the same name; "
                "rename one or leave it out"
            )


def refuse_double(mics: Iterable[tuple[str, str]]) -> None:
    """Refuse microphones ``(name, unit)`` of two units with one name: a file that is called like a side of a pair."""
    seen: dict[str, str] = {}
    for name, unit in mics:
        other = seen.setdefault(name, unit)
        if other != unit:
            file, pair = (unit, other) if name == unit else (other, unit)
            raise InputError(
                f"'{file}' has the name of one side of the stereo pair '{pair}'; rename one of these files or leave it "
                "out"
            )


def open_take(path: Place) -> Take:
    """Open a folder of files, or one file with one microphone per channel."""
    path = Path(path)
    return Take.open([path], poly=True) if path.is_file() else Take.open(audio_files(path))


def load(path: Place) -> Recording:
    """Open a folder of files (one source each), or one file with one microphone per channel, as a recording."""
    return open_take(path).recording()


def load_like(path: Place, take: Take) -> Recording:
    """Open files that belong to a take, such as its truth: those with the same stems, at its rate and length.

    Raises
    ------
    InputError
        If the lengths differ by a second or more. Missing files are not an error.
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
    found = replace(other, length=take.length).recording()
    if take.poly and len(found) == len(take.units):  # names of tracks may be missing from one of the two files
        return replace(found, names=take.units, sources=take.units)
    return found


def load_mixture(path: Place, rate: int, length: int) -> Recording:
    """Open one file as a recording of one microphone, the mean of its channels, at this rate and length."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no file '{path}'")
    file = AudioFile(path)
    refuse_other_length(path, length_at(file, rate), length, rate)
    read = at_rate(file, rate, file.dtype)
    name = path.stem
    return Recording(rate, length, (name,), (name,), lambda a, b: read(a, b).mean(axis=0, keepdims=True))


def refuse_other_length(path: Place, length: int, wanted: int, rate: int) -> None:
    """Refuse a length that differs from that of the recording by a second or more."""
    if abs(length - wanted) >= rate:
        raise InputError(
            f"'{path}' lasts {length / rate:.1f} s, but the recording lasts {wanted / rate:.1f} s; do they belong "
            "together?"
        )
