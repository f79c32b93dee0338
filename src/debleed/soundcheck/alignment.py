"""Alignment: a recording on the common time line, and what was done there on the time lines of its files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from debleed.recording import Recording, Samples
from debleed.soundcheck.time_line import Read, Stretch, TimeLine


@dataclass(frozen=True)
class Alignment:
    """The time lines of a recording's microphones.

    Parameters
    ----------
    lines
        One for each microphone. No lag is positive at the beginning of a file, so the common time line begins with the
        first file.
    """

    lines: tuple[TimeLine, ...]

    @classmethod
    def of(cls, lines: Sequence[TimeLine]) -> Alignment:
        """Move the common time line so that it begins with the first file."""
        first = max(0, max((int(np.ceil(line.lag(0.0) - 0.5)) for line in lines), default=0))
        return cls(tuple(moved(line, first) for line in lines))

    @property
    def in_step(self) -> bool:
        """Whether nothing has to be done."""
        return all(line.in_step for line in self.lines)

    def select(self, mics: Sequence[int]) -> Alignment:
        """Return the time lines of some microphones."""
        return Alignment(tuple(self.lines[i] for i in mics))

    def aligned(self, recording: Recording) -> Recording:
        """Return the recording on the common time line; it is as long as the last file needs."""
        if self.in_step:
            return recording
        end = max(recording.length - line.lag(recording.length) for line in self.lines)
        readers = [reader(recording, i) for i in range(len(recording))]

        def read(start: int, stop: int) -> Samples:
            rows = zip(self.lines, readers, strict=True)
            return np.stack([line.read(one, start, stop, recording.rate) for line, one in rows])

        return replace(recording, length=max(recording.length, int(np.ceil(end))), reader=read)

    def undone(self, recording: Recording, cleaned: Recording) -> Recording:
        """Return each microphone on the time line of its file.

        What was removed is moved back and removed from the file, so a microphone that was left alone comes back to the
        bit. Where files were only moved by whole samples, so is the result.

        Parameters
        ----------
        recording
            The files as they are.
        cleaned
            :meth:`aligned`, cleaned.
        """
        if self.in_step:
            return cleaned
        before = self.aligned(recording)
        removed = cleaned.with_reader(lambda start, stop: before.read(start, stop) - cleaned.read(start, stop))
        results, changes = ([reader(source, i) for i in range(len(recording))] for source in (cleaned, removed))

        def read(start: int, stop: int) -> Samples:
            out = recording.read(start, stop).copy()
            for i, line in enumerate(self.lines):
                back = line.inverse()
                if line.straight:
                    out[i] = back.read(results[i], start, stop, recording.rate)
                else:
                    out[i] -= back.read(changes[i], start, stop, recording.rate).astype(out.dtype)
            return out

        return recording.with_reader(read)


def moved(line: TimeLine, samples: int) -> TimeLine:
    """Return a time line on a common one that begins ``samples`` earlier."""
    return TimeLine(tuple(Stretch(s.start + samples, s.lag - samples, s.slope) for s in line.stretches))


def reader(recording: Recording, mic: int) -> Read:
    """Return a reader of one microphone, with zeros outside the recording."""

    def read(start: int, stop: int) -> NDArray[np.floating]:
        return recording.read(start, stop)[mic]

    return read
