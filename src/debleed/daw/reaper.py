"""Projects of REAPER: what plays on the tracks, and the project with the results under them.

The format is described by what REAPER writes. Only these parts of a project change: results are copies of their tracks
with other files, the tracks themselves are muted, receives count tracks and are renumbered, and relative paths lead
from the new folder to the old files.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from debleed.clock import clock
from debleed.daw.rpp_text import Block, read
from debleed.daw.timeline import Cleaned, Item, Project, ProjectTrack, located
from debleed.io.documents import Place, write_bytes
from debleed.recording import InputError

AUDIO = {"WAVE", "FLAC", "MP3", "VORBIS", "OPUS", "WAVPACK"}
"""Kinds of sources that are audio files."""

SILENT = {"MIDI", "MIDIPOOL", "EMPTY", "CLICK", "LTC", "VIDEOEFFECT"}
"""Kinds of sources that no microphone recorded."""

FIRST_MONO, LAST_MONO = 3, 66
"""Channel modes of an item that play one channel: left, right, 3, 4, ..."""

FIRST_PAIR = 67
"""The channel mode that plays channels 1 and 2; the next plays 2 and 3, and so on."""


class ReaperProject(Project):
    """A project of REAPER.

    Raises
    ------
    InputError
        If it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._blocks = read(path).blocks("REAPER_PROJECT")[0].blocks("TRACK")
        silent = silenced(self._blocks)
        found = [(k, track_of(block, path)) for k, block in enumerate(self._blocks) if not silent[k]]
        self._places = [k for k, track in found if track.items or track.trouble]
        self.tracks = tuple(track for _, track in found if track.items or track.trouble)

    def write(self, place: Place, results: Sequence[Cleaned]) -> None:
        """Write the project with the results under the tracks, see :meth:`Project.write`."""
        from debleed.daw.reaper_writing import with_results

        root = read(self.path)
        tracks = {self._places[result.track]: result for result in results}
        with_results(root, self.path.parent, Path(place).parent, tracks)
        write_bytes(place, "".join(root.text()).encode("utf-8", "surrogateescape"))


def silenced(tracks: Sequence[Block]) -> list[bool]:
    """Return which tracks do not play, because they or a folder around them are muted."""
    found: list[bool] = []
    folders: list[bool] = []
    for track in tracks:
        muted = (track.values("MUTESOLO") or ["0"])[:1] not in (["0"], []) or any(folders)
        found.append(muted)
        change = folder_change(track)
        if change > 0:
            folders.append(muted)
        else:
            del folders[len(folders) + change if -change <= len(folders) else 0 :]
    return found


def folder_change(track: Block) -> int:
    """Return 1 for a track that begins a folder, and minus the number of folders for one that ends them."""
    return round(number((track.values("ISBUS") or [])[1:2], "0"))


@dataclass(frozen=True)
class ActiveTake:
    """The take of an item that plays.

    Parameters
    ----------
    start, stop
        Its lines in the item's block: after the line ``TAKE``, or the item's own for the first take.
    source
        Its source, if it has one.
    """

    start: int
    stop: int
    source: Block | None

    def values(self, item: Block, key: str) -> list[str]:
        """Return the words after a word that begins a line of the take."""
        return Block(["", *item.lines[self.start : self.stop]]).values(key) or []


def active_take(item: Block) -> ActiveTake:
    """Find the take that plays: the one marked ``SEL``, or else the first."""
    takes = [k for k, line in enumerate(item.lines) if isinstance(line, str) and line.split()[:1] == ["TAKE"]]
    edges = [1, *(k + 1 for k in takes), len(item.lines) + 1]
    chosen = next((n for n, k in enumerate(takes, 1) if "SEL" in str(item.lines[k]).split()), 0)
    start, stop = edges[chosen], edges[chosen + 1] - 1
    sources = [one for one in item.lines[start:stop] if isinstance(one, Block) and one.kind == "SOURCE"]
    return ActiveTake(start, stop, sources[0] if sources else None)


def audible(track: Block) -> Iterator[tuple[Block, ActiveTake, Block]]:
    """Yield each item of a track that plays audio, its take, and the source with the file."""
    for item in track.blocks("ITEM"):
        take = active_take(item)
        if take.source is None or (item.values("MUTE") or ["0"])[:1] not in (["0"], []):
            continue
        inner = take.source
        while inner.head[1:2] == ["SECTION"] and inner.blocks("SOURCE"):
            inner = inner.blocks("SOURCE")[0]
        if not set(inner.head[1:2]) & SILENT and inner.head[1:]:
            yield item, take, inner


def track_of(track: Block, path: Path) -> ProjectTrack:
    """Describe a track and what plays on it."""
    name = "".join((track.values("NAME") or [""])[:1])
    found = list(audible(track))
    trouble = next(filter(None, (trouble_of(*one) for one in found)), "")
    if found and folder_change(track) > 0:
        trouble = "is a folder and has items of its own, which belong on a track inside it"
    return ProjectTrack(name, () if trouble else tuple(item_of(*one, path) for one in found), trouble)


def trouble_of(item: Block, take: ActiveTake, inner: Block) -> str:
    """Say why an item cannot be cleaned; empty if it can."""
    at = f"at {clock(number(item.values('POSITION'), '0'), 1)}"
    rate = take.values(item, "PLAYRATE")
    if number(rate[:1], "1") != 1 or number(rate[2:3], "0") != 0 or take.values(item, "SM"):
        return f"has a stretched or transposed item {at}"
    if take.source is not inner and int(number((take.source or item).values("MODE"), "0")) & 2:
        return f"has a reversed item {at}"
    if inner.head[1] not in AUDIO or not inner.values("FILE"):
        return f"has an item {at} that is no audio file ({inner.head[1]})"
    if (item.values("ALLTAKES") or ["0"])[:1] == ["1"] and any(
        str(line).split()[:1] == ["TAKE"] for line in item.lines
    ):
        return f"plays all takes of its item {at} at once"
    return ""


def item_of(item: Block, take: ActiveTake, inner: Block, path: Path) -> Item:
    """Describe an item."""
    offset, section = number(take.values(item, "SOFFS"), "0"), take.source
    while section is not None and section is not inner:
        offset += number(section.values("STARTPOS"), "0")
        section = section.blocks("SOURCE")[0]
    return Item(
        media=located((inner.values("FILE") or [""])[0], path.parent),
        channels=channels_of(int(number(take.values(item, "CHANMODE"), "0"))),
        position=number(item.values("POSITION"), "0"),
        length=number(item.values("LENGTH"), "0"),
        offset=offset,
        loops=(item.values("LOOP") or ["0"])[:1] == ["1"],
    )


def channels_of(mode: int) -> tuple[int, ...] | None:
    """Return the channels that a channel mode of an item plays, from 0; ``None`` for all.

    Examples
    --------
    >>> [channels_of(mode) for mode in (0, 1, 2, 3, 4, 5, 67, 68)]
    [None, None, None, (0,), (1,), (2,), (0, 1), (1, 2)]
    """
    if mode < FIRST_MONO:
        return None
    return (mode - FIRST_MONO,) if mode <= LAST_MONO else (mode - FIRST_PAIR, mode - FIRST_PAIR + 1)


def number(values: Sequence[str] | None, otherwise: str) -> float:
    """Read the first of some words as a number.

    Raises
    ------
    InputError
        If it is none.
    """
    text = (values or [otherwise])[0]
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not abs(found) < 1e9:  # 30 years in seconds
        raise InputError(
            f"the project is damaged: it has '{text[:40]}' for a number; open it in REAPER and save it again"
        )
    return found
