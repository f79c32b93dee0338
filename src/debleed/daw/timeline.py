"""The tracks of a project and what plays on them, and each track as one stretch of sound after the other."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PureWindowsPath
from typing import ClassVar

from debleed.clock import clock
from debleed.io.documents import Place

OVERLAP = 2
"""Samples by which neighbours may overlap: what comes of rounding their edges to samples."""


@dataclass(frozen=True)
class Item:
    """A part of a file on a track: an item or a clip.

    Parameters
    ----------
    media
        The file.
    channels
        The channels of the file that play, from 0; ``None`` for all of them.
    position, length
        Where it begins in the project and how long it plays, in seconds.
    offset
        Where it begins in the file, in seconds.
    loops
        Whether it begins again where the file ends.
    """

    media: Path
    channels: tuple[int, ...] | None
    position: float
    length: float
    offset: float
    loops: bool = False

    def origin(self, rate: int) -> int:
        """Return the sample of the project, at this rate, where sample 0 of the file would play."""
        return round((self.position - self.offset) * rate)

    def span(self, rate: int) -> tuple[int, int]:
        """Return the first sample of the project that it plays, and the one after the last."""
        first = self.origin(rate) + round(self.offset * rate)
        return first, first + round(self.length * rate)


@dataclass(frozen=True)
class ProjectTrack:
    """A track with audio that plays.

    Parameters
    ----------
    name
        Its name in the project; may be empty, and that of other tracks too.
    items
        What plays on it.
    trouble
        Why it cannot be cleaned, to follow "the track", or empty.
    """

    name: str
    items: tuple[Item, ...]
    trouble: str = ""


@dataclass(frozen=True)
class Cleaned:
    """The result for a track.

    Parameters
    ----------
    track
        Its index in the project's tracks.
    clean, removed
        The files with the result and with what was removed.
    rate, channels, frames
        Those of the files.
    first
        The sample of the project, at this rate, where the files begin.
    """

    track: int
    clean: Path
    removed: Path
    rate: int
    channels: int
    frames: int
    first: int

    def moved(self, item: Item) -> float:
        """Return by how many seconds later an item's sound lies in these files than in its own."""
        return (item.origin(self.rate) - self.first) / self.rate


class Project(ABC):
    """A project of a DAW.

    Parameters
    ----------
    path
        The file.
    tracks
        The tracks with audio that plays, in order.
    embeds
        Whether a project holds the files that it plays.
    """

    path: Path
    tracks: tuple[ProjectTrack, ...]
    embeds: ClassVar[bool] = False

    @abstractmethod
    def write(self, place: Place, results: Sequence[Cleaned]) -> None:
        """Write a project with the results under the tracks, atomically.

        Parameters
        ----------
        place
            The file to write, or to replace.
        results
            Those of the tracks that have changed.
        """

    def close(self) -> None:  # noqa: B027 - most projects hold nothing open
        """Delete what was unpacked."""


@dataclass(frozen=True)
class Stretch:
    """A stretch of a track on which one file plays; all positions are samples of the project.

    Parameters
    ----------
    media, channels
        What plays.
    origin
        Where sample 0 of the file would play.
    start, stop
        The first sample of the stretch and the one after the last.
    """

    media: Path
    channels: tuple[int, ...] | None
    origin: int
    start: int
    stop: int

    @property
    def source(self) -> tuple[Path, tuple[int, ...] | None, int]:
        """What plays where."""
        return self.media, self.channels, self.origin


def played(items: Iterable[Item], rate: int) -> list[Stretch]:
    """Return the stretches that items play, in order; items of the same file that lie alike are one stretch.

    Raises
    ------
    ValueError
        Saying when, if two files play at once.
    """
    found: list[Stretch] = []
    spans = [Stretch(item.media, item.channels, item.origin(rate), *item.span(rate)) for item in items]
    for one in sorted((span for span in spans if span.start < span.stop), key=lambda span: (span.start, span.stop)):
        last = found[-1] if found else None
        if last is None or one.start >= last.stop:
            found.append(one)
        elif one.source == last.source:
            found[-1] = Stretch(*one.source, last.start, max(one.stop, last.stop))
        elif last.stop - one.start <= OVERLAP < one.stop - one.start:
            found.append(Stretch(*one.source, last.stop, one.stop))
        else:
            raise ValueError(f"two files play at once at {clock(one.start / rate, 1)}")
    return found


def laid_out(stretches: Sequence[Stretch], ends: Mapping[Path, int]) -> list[Stretch]:
    """Extend stretches to what the files hold before, between and after them, since it was recorded there too.

    Parameters
    ----------
    stretches
        From :func:`played`.
    ends
        Samples of each file at the rate of the track.

    Returns
    -------
    Stretches that do not overlap and lie inside their files, in order.
    """
    found: list[Stretch] = []
    if not stretches:
        return found

    def add(source: Stretch, start: int, stop: int) -> int:
        start, stop = max(start, source.origin), min(stop, source.origin + ends[source.media])
        if start < stop:
            found.append(Stretch(*source.source, start, stop))
        return max(stop, start)

    first, last = stretches[0], stretches[-1]
    add(first, first.origin, first.start)
    for one, following in pairwise(stretches):
        add(one, one.start, one.stop)
        reached = add(one, one.stop, following.start)
        add(following, max(one.stop, min(reached, following.start)), following.start)
    add(last, last.start, last.stop)
    add(last, last.stop, last.origin + ends[last.media])
    return joined(found)


def joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Join neighbours that are one."""
    found: list[Stretch] = []
    for one in stretches:
        last = found[-1] if found else None
        if last and last.stop == one.start and last.source == one.source:
            found[-1] = Stretch(*last.source, last.start, one.stop)
        else:
            found.append(one)
    return found


def located(written: str, folder: Path) -> Path:
    """Return where a file of a project in ``folder`` is; paths may be those of Windows."""
    path = folder / written
    if not path.is_file() and "\\" in written:
        path = folder / PureWindowsPath(written).as_posix()
    return path


def relative(path: Path, folder: Path) -> str:
    """Return the path from a folder to a file; on another drive, the whole path."""
    try:
        return os.path.relpath(path.resolve(), folder.resolve())
    except ValueError:
        return str(path.resolve())
