"""Write results into projects of REAPER."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Mapping
from copy import deepcopy
from pathlib import Path, PureWindowsPath

from debleed.daw.reaper import ActiveTake, audible, folder_change, item_of
from debleed.daw.rpp_text import Block, ending, indent, quoted, starts_with, words
from debleed.daw.timeline import Cleaned, located, relative

GUID = re.compile(r"\{[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}")

KINDS = ("clean", "removed")
"""What is added under a track, in this order."""


AUXRECV = re.compile(r"(\s*AUXRECV\s+)(\d+)(.*)", re.DOTALL)


def with_results(root: Block, old: Path, new: Path, results: Mapping[int, Cleaned]) -> None:
    """Add the results to a project that was read from one folder and will be written to another.

    Parameters
    ----------
    root
        The project, which is changed.
    old, new
        The folders.
    results
        Number of a track → its result.
    """
    project = root.blocks("REAPER_PROJECT")[0]
    tracks = project.blocks("TRACK")
    for track in tracks:
        move_paths(track, old, new)
    copies = {k: [copied(tracks[k], kind, results[k], new) for kind in KINDS] for k in results}
    for track in [*tracks, *(copy for pair in copies.values() for copy in pair)]:
        renumber(track, copies)
    for k, pair in copies.items():
        set_first(tracks[k], "MUTESOLO", "1", "0 0")
        end_folder_after(tracks[k], pair)
        at = next(n for n, line in enumerate(project.lines) if line is tracks[k]) + 1
        project.lines[at:at] = pair


def copied(track: Block, kind: str, result: Cleaned, new: Path) -> Block:
    """Copy a track with the files of a result instead of its own."""
    copy = deepcopy(track)
    playing = list(audible(copy))
    for item, take, inner in playing:
        described = item_of(item, take, inner, new)
        offset = described.offset + result.moved(described)
        file = relative(result.clean if kind == "clean" else result.removed, new)
        play(item, take, file, offset, described.channels is not None)
    kept = [item for item, _, _ in playing]
    copy.lines = [line for line in copy.lines if isinstance(line, str) or stays(line, kept)]
    name = "".join((track.values("NAME") or [""])[:1])
    copy.set("NAME", quoted(f"{name} {kind}".strip()))
    set_first(copy, "MUTESOLO", str(int(kind == "removed")), "0 0")
    set_first(copy, "REC", "0", "0 0 0 0 0 0")
    renew(copy, kind)
    return copy


def stays(block: Block, items: list[Block]) -> bool:
    """Return whether a block of a track belongs on its copy: of the items those that play, and no frozen state."""
    return any(block is item for item in items) if block.kind == "ITEM" else block.kind != "FREEZE"


def play(item: Block, take: ActiveTake, file: str, offset: float, picked: bool) -> None:
    """Let an item play a file from an offset in seconds; ``picked``: the file holds only the channels that it plays."""
    part = Block([item.lines[0], *item.lines[take.start : take.stop]])
    part.set("SOFFS", f"{offset:.14f}".rstrip("0").rstrip("."))
    if picked:
        part.set("CHANMODE", "0")
    at = next(k for k, line in enumerate(part.lines) if line is take.source)
    first = str(take.source.lines[0]) if take.source else ""
    space, end = indent(first), ending(first)
    kind = KIND.get(Path(file).suffix.lower(), "WAVE")
    part.lines[at] = Block([f"{space}<SOURCE {kind}{end}", f"{space}  FILE {quoted(file)}{end}"], f"{space}>{end}")
    item.lines[take.start : take.stop] = part.lines[1:]
    item.lines = [line for line in item.lines if not (isinstance(line, str) and starts_with(line, "IID"))]


KIND = {".flac": "FLAC"}
"""Suffix → kind of source, for files that are none of WAVE, which includes AIFF and W64."""


def move_paths(block: Block, old: Path, new: Path) -> None:
    """Let the relative paths of all sources lead from another folder."""
    for k, line in enumerate(block.lines):
        if isinstance(line, Block):
            move_paths(line, old, new)
        elif block.kind == "SOURCE" and starts_with(line, "FILE"):
            _, *found = words(line.strip())
            written = "".join(found[:1])
            if written and not Path(written).is_absolute() and not PureWindowsPath(written).is_absolute():
                rest = " ".join([quoted(relative(located(written, old), new)), *found[1:]])
                block.lines[k] = f"{indent(line)}FILE {rest}{ending(line)}"


def renumber(track: Block, inserted: Collection[int]) -> None:
    """Let the receives of a track count the tracks that are inserted, and receive from these too.

    Parameters
    ----------
    track
        Any track, old or new.
    inserted
        The tracks, as they were numbered, after which two are inserted.
    """
    lines: list[str | Block] = []
    for line in track.lines:
        match = AUXRECV.fullmatch(line) if isinstance(line, str) else None
        if not match:
            lines.append(line)
            continue
        before, source, after = match.groups()
        moved = int(source) + len(KINDS) * sum(k < int(source) for k in inserted)
        last = moved + (len(KINDS) if int(source) in inserted else 0)
        lines += [f"{before}{number}{after}" for number in range(moved, last + 1)]
    track.lines = lines


def end_folder_after(track: Block, copies: list[Block]) -> None:
    """Let the last copy end the folders that the track ends."""
    if folder_change(track) < 0:
        for one in (track, *copies[:-1]):
            one.set("ISBUS", "0 0")


def set_first(block: Block, key: str, value: str, rest: str) -> None:
    """Replace the first word after a key; ``rest`` is what follows it if there is no such line."""
    found = block.values(key)
    block.set(key, " ".join([value, *found[1:]]) if found else f"{value} {rest}")


def renew(block: Block, kind: str) -> None:
    """Replace the identifiers in a block by others, the same for the same identifier."""

    def other(match: re.Match[str]) -> str:
        return "{" + str(uuid.uuid5(uuid.UUID(match[0]), kind)).upper() + "}"

    for k, line in enumerate(block.lines):
        if isinstance(line, Block):
            renew(line, kind)
        else:
            block.lines[k] = GUID.sub(other, line)
