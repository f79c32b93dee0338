"""A folder of a recorder as a take: every microphone reads, and is written, like a file of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from debleed.io.audio import Take, length_at, refuse_twins
from debleed.io.audio_file import AudioFile, at_rate
from debleed.io.descriptors import refuse_too_many
from debleed.io.recorder.joined import Channel, Joined, spread
from debleed.io.recorder.layout import Layout, Strand, laid_out
from debleed.io.session import Session
from debleed.recording import Recording, Samples

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RecorderTake(Take):
    """A take whose files may be chains of parts and channels of polyphonic files.

    Parameters
    ----------
    layout
        What the folder holds.
    """

    layout: Layout

    @property
    def inputs(self) -> list[Path]:
        """The files that are read."""
        return list(self.layout.files)

    @property
    def numbers(self) -> tuple[str, ...]:
        """Other names of the units, see :attr:`Layout.numbers`."""
        return self.layout.numbers

    @property
    def labels(self) -> tuple[str | None, ...]:
        """The names inside the files, see :attr:`Layout.labels`."""
        return self.layout.labels

    def recording(self, sources: Mapping[str, str | None] | None = None, references: Collection[str] = ()) -> Recording:
        """Make the recording, as :meth:`Take.recording`; a polyphonic file is read once for all its channels."""
        plain = super().recording(sources, references)
        return plain.with_reader(self._reader(len(plain)))

    def _reader(self, mics: int) -> Callable[[int, int], Samples]:
        dtype = np.result_type(*(file.dtype for file in self.files))
        wholes: dict[int, tuple[AudioFile, list[int], list[int]]] = {}
        for file, rows in zip(self.files, self.rows, strict=True):
            whole = file.whole if isinstance(file, Channel) else file
            _, channels, targets = wholes.setdefault(id(whole), (whole, [], []))
            channels += [file.index] if isinstance(file, Channel) else range(file.channels)
            targets += range(rows.start, rows.stop)
        readers = [(at_rate(file, self.rate, dtype), sources, rows) for file, sources, rows in wholes.values()]

        def read(start: int, stop: int) -> Samples:
            out = np.empty((mics, stop - start), dtype)
            for reader, sources, rows in readers:
                spread(reader(start, stop), sources, out, rows)
            return out

        return read


def open_folder(folder: Path, session: Session) -> Take:
    """Open a folder: a microphone or stereo pair per file, or the files of a recorder, as the session says or as told.

    What is good to know about how the files belong together is logged as warnings.

    Raises
    ------
    InputError
        If there is nothing to read, or if nobody can tell what belongs together.
    """
    layout = laid_out(folder, session)
    for note in layout.notes:
        log.warning("%s", note)
    refuse_too_many(len(layout.strands))
    return Take.open(layout.files) if layout.plain else open_layout(layout)


def open_layout(layout: Layout, rate: int | None = None) -> RecorderTake:
    """Open the files of a layout."""
    files = tuple(file for strand in layout.strands for file in _opened(strand))
    refuse_twins(file.path for file in files)
    rate = rate or max(file.rate for file in files)
    return RecorderTake(files, False, rate, max(length_at(file, rate) for file in files), layout)


def _opened(strand: Strand) -> tuple[AudioFile, ...]:
    """Open a strand as a file for each microphone or stereo pair."""
    path = strand.chain.first.path
    whole = Joined(strand.chain, path.with_name(strand.chain.name + path.suffix))
    if not strand.names:
        return (whole,)
    return tuple(
        Channel(whole, i, path.with_name(name + path.suffix)) for i, name in enumerate(strand.names) if name is not None
    )
