"""Alignment: a recording on the common time line, and what was done there on the time lines of its files."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from debleed.clock import clock
from debleed.recording import Recording, Samples
from debleed.soundcheck.time_line import Read, Stretch, TimeLine

log = logging.getLogger(__name__)

KEPT = 16
"""Blocks of a second that are kept; for 32 microphones at 48 kHz they take 200 MB in double precision."""


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

    def announce(self, recording: Recording) -> None:
        """Log each microphone that is not in step, in a line."""
        first = max(round(line.lag(0.0)) for line in self.lines)
        for name, line in zip(recording.names, self.lines, strict=True):
            for message in described(line, first, recording.rate):
                log.info("%s %s; this is compensated inside, and the file keeps its own time line", name, message)

    def aligned(self, recording: Recording) -> Recording:
        """Return the recording on the common time line; it is as long as the last file needs."""
        if self.in_step:
            return recording
        end = max(recording.length - line.lag(recording.length) for line in self.lines)
        readers = [reader(recording, i) for i in range(len(recording))]

        def read(start: int, stop: int) -> Samples:
            rows = zip(self.lines, readers, strict=True)
            return np.stack([line.read(one, start, stop, recording.rate) for line, one in rows])

        return remembered(replace(recording, length=max(recording.length, int(np.ceil(end))), reader=read))

    def spans(self, recording: Recording) -> NDArray[np.intp]:
        """Return where each file begins and ends on the common time line, in samples, ``(mics, 2)``."""
        length = recording.length
        return np.array([(math.ceil(-line.lag(0.0)), math.floor(length - line.lag(length))) for line in self.lines])

    def shared(self, recording: Recording) -> tuple[int, int]:
        """Return the part of the common time line that all files cover, or all of it if that is less than half."""
        whole = self.aligned(recording).length
        spans = np.clip(self.spans(recording), 0, whole)
        first, last = int(spans[:, 0].max()), int(spans[:, 1].min())
        return (first, last) if last - first > whole / 2 else (0, whole)

    def undone(self, recording: Recording, before: Recording, cleaned: Recording) -> Recording:
        """Return each microphone on the time line of its file.

        What was removed is moved back and removed from the file, so a microphone that was left alone comes back to the
        bit. Where files were only moved by whole samples, so is the result.

        Parameters
        ----------
        recording
            The files as they are.
        before, cleaned
            The recording on the common time line, before and after cleaning.
        """
        if self.in_step:
            return cleaned
        cleaned = remembered(cleaned)
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


def remembered(recording: Recording) -> Recording:
    """Return the recording, read in blocks of a second of which the last :data:`KEPT` are kept.

    Every step of cleaning reads what surrounds a stretch as well, and each file reads all of the result. Without this,
    each sample would be interpolated and cleaned tens of times.
    """
    step = recording.rate

    @lru_cache(maxsize=KEPT)
    def block(number: int) -> Samples:
        return recording.read(number * step, (number + 1) * step)

    def read(start: int, stop: int) -> Samples:
        first = start // step
        blocks = [block(number) for number in range(first, max(-(-stop // step), first + 1))]
        return np.concatenate(blocks, axis=1)[:, start - first * step : stop - first * step]

    return recording.with_reader(read)


def described(line: TimeLine, first: int, rate: int) -> list[str]:
    """Describe a time line against a microphone whose lag is ``first``."""
    begin, *bends = line.stretches
    said = []
    if abs(late := first - begin.lag) >= 1:
        said.append(f"begins {abs(late) / rate:.3f} s {'later' if late > 0 else 'earlier'} than the others")
    if begin.slope:
        said.append(f"has a clock that runs {abs(begin.slope) * 1e6:.1f} ppm {'fast' if begin.slope > 0 else 'slow'}")
    for stretch in bends:
        jump = stretch.lag - TimeLine((begin,)).lag(stretch.start) if not begin.slope else 0.0
        what = f"{abs(jump) / rate * 1000:.2f} ms {'later' if jump > 0 else 'earlier'}" if jump else "at another speed"
        said.append(f"runs {what} from {clock(stretch.start / rate, 1)} on")
        begin = stretch
    return said


def moved(line: TimeLine, samples: int) -> TimeLine:
    """Return a time line on a common one that begins ``samples`` earlier."""
    return TimeLine(tuple(Stretch(s.start + samples, s.lag - samples, s.slope) for s in line.stretches))


def reader(recording: Recording, mic: int) -> Read:
    """Return a reader of one microphone, with zeros outside the recording."""

    def read(start: int, stop: int) -> NDArray[np.floating]:
        row: NDArray[np.floating] = recording.read(start, stop)[mic]
        return row

    return read
