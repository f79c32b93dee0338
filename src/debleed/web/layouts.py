"""How the files of a session belong together: told as ``debleed remove`` tells it of a folder, or as the user said."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from debleed.io.recorder.facts import Facts
from debleed.io.recorder.layout import Layout, Strand, arranged
from debleed.io.recorder.table import cells
from debleed.io.session import Session
from debleed.io.track_names import names_of_channels, numbers_of_channels
from debleed.recording import InputError

Json = dict[str, Any]

APART = Session(parts={}, polyphonic=())
"""Each file is one of its own."""


def is_poly(meta: Json) -> bool:
    """Whether the session is one file with one microphone per channel."""
    return len(meta["files"]) == 1 and meta["files"][0]["channels"] > 1


def is_recorder(meta: Json) -> bool:
    """Whether files are parts of one, or have several microphones or names that are not theirs."""
    return not is_poly(meta) and bool(meta["files"]) and not layout(meta).plain


def layout(meta: Json) -> Layout:
    """Return how the files belong together; if nobody can tell, each is one of its own."""
    return _told(_known(meta))[0]


def hindrance(meta: Json) -> str | None:
    """Say why nobody can tell how the files belong together."""
    return None if is_poly(meta) else _told(_known(meta))[1]


def arrangement(meta: Json) -> Session:
    """Return what the user said about how the files belong together."""
    parts, polyphonic = meta.get("parts"), meta.get("polyphonic")
    return Session(
        parts=None if parts is None else {name: tuple(files) for name, files in parts.items()},
        polyphonic=None if polyphonic is None else tuple(polyphonic),
    )


def units(meta: Json) -> list[str]:
    """List what can be a source: files or chains of files, or the channels of polyphonic ones."""
    if is_poly(meta):
        return list(names_of_channels(_tracks(meta["files"][0])))
    return list(layout(meta).units)


def numbers(meta: Json) -> list[str]:
    """List the other names of the units: those of files, and the numbers of channels."""
    if is_poly(meta):
        return list(numbers_of_channels(meta["files"][0]["channels"]))
    return list(layout(meta).numbers)


def labels(meta: Json) -> list[str | None]:
    """List the names inside the files, one per unit; those of channels are the units' names already."""
    if is_poly(meta):
        return [None] * meta["files"][0]["channels"]
    return list(layout(meta).labels)


def mic_names(unit: str, channels: int) -> tuple[str, ...]:
    """Name the microphones of a unit as the library does: a stereo pair has two, and a file of more is polyphonic."""
    if channels == 1:
        return (unit,)
    return (f"{unit}.L", f"{unit}.R") if channels == 2 else numbers_of_channels(channels)


def rate(meta: Json) -> int:
    """Return the rate of the recording, the highest of the files; 0 if there are none."""
    return max((file["rate"] for file in meta["files"]), default=0)


def length(meta: Json) -> int:
    """Return the samples of the recording at its rate."""
    if is_poly(meta):
        return int(meta["files"][0]["frames"])
    chains = [strand.chain for strand in layout(meta).strands]
    return max((-(-chain.frames * rate(meta) // chain.first.rate) for chain in chains), default=0)


def table(meta: Json) -> list[tuple[str, ...]]:
    """Return the rows of the table that shows how the files belong together; none if each is one of its own."""
    return cells(layout(meta)) if is_recorder(meta) else []


def notes(meta: Json) -> list[str]:
    """Return what is good to know about how the files belong together: gaps, and files of which nobody can tell."""
    return [] if is_poly(meta) else list(layout(meta).notes)


def starts(meta: Json) -> dict[int, int]:
    """Return the sample at which each file begins in its chain, by its number."""
    ids = {Path(file["name"]): file["id"] for file in meta["files"]}
    parts = [part for strand in layout(meta).strands for part in strand.chain.parts]
    return dict.fromkeys(ids.values(), 0) | {ids[part.facts.path]: part.start for part in parts}


def wholes(meta: Json) -> list[Json]:
    """Describe each file, or chain of files as if it were one, as :func:`debleed.web.sessions.examined` does."""
    if is_poly(meta):
        return list(meta["files"])
    files = {Path(file["name"]): file for file in meta["files"]}
    return [_whole(strand, [files[part.facts.path] for part in strand.chain.parts]) for strand in layout(meta).strands]


def channels(meta: Json) -> list[tuple[int, list[int]]]:
    """Return for each unit the number of its whole, and its channels in it."""
    if is_poly(meta):
        return [(0, [channel]) for channel in range(meta["files"][0]["channels"])]
    found = []
    for number, strand in enumerate(layout(meta).strands):
        if strand.names:
            found += [(number, [channel]) for channel, name in enumerate(strand.names) if name is not None]
        else:
            found.append((number, list(range(strand.chain.first.channels))))
    return found


def suffixes(meta: Json) -> list[tuple[str, str]]:
    """Return each unit with the suffix of its file, whose name its result would have."""
    strands = layout(meta).strands
    return [(unit, strand.chain.first.path.suffix) for strand in strands for unit in strand.units]


def _whole(strand: Strand, files: list[Json]) -> Json:
    chain = strand.chain
    return {
        "id": "-".join(str(file["id"]) for file in files),
        "name": chain.first.path.name if len(files) == 1 else chain.name + chain.first.path.suffix,
        "rate": chain.first.rate,
        "frames": chain.frames,
        "channels": chain.first.channels,
        "peak": [max(peaks) for peaks in zip(*(file["peak"] for file in files), strict=True)],
        "power": [
            sum(file["frames"] * power for file, power in zip(files, powers, strict=True)) / chain.frames
            for powers in zip(*(file["power"] for file in files), strict=True)
        ],
        "notes": list(dict.fromkeys(note for file in files for note in file["notes"])),
    }


Known = tuple[tuple[Facts, ...], tuple[tuple[str, tuple[str, ...]], ...] | None, tuple[str, ...] | None, frozenset[str]]
"""Files, parts, polyphonic files, and what is left out."""


def _known(meta: Json) -> Known:
    """Return what decides how files belong together, in a form that can be looked up."""
    said = arrangement(meta)
    parts = None if said.parts is None else tuple(said.parts.items())
    return tuple(_facts(file) for file in meta["files"]), parts, said.polyphonic, frozenset(meta["leave_out"])


@lru_cache(maxsize=256)
def _told(known: Known) -> tuple[Layout, str | None]:
    """Arrange files, and say why nobody can, if so.

    As on the command line, files that are left out do not tell how the others belong together; here they have rows.
    """
    files, parts, polyphonic, out = known
    said = Session(parts=None if parts is None else dict(parts), polyphonic=polyphonic)
    kept = tuple(file for file in files if not {file.path.name, file.path.stem} & out)
    found, why = _arranged(kept, said)
    if len(kept) < len(files):
        strands = [strand for strand in _arranged(files, said)[0].strands if _is_out(strand, out)]
        strands += [strand for strand in found.strands if not _is_out(strand, out)]
        ordered = sorted(strands, key=lambda strand: strand.chain.first.path)
        found = Layout(Path(), tuple(ordered), found.notes)
    return found, why


def _arranged(files: tuple[Facts, ...], said: Session) -> tuple[Layout, str | None]:
    try:
        return arranged(files, Path(), said), None
    except InputError as refusal:
        return arranged(files, Path(), APART), str(refusal)


def _is_out(strand: Strand, out: frozenset[str]) -> bool:
    return not strand.names and strand.chain.name in out


def _facts(file: Json) -> Facts:
    """Return what a file says about itself; sessions of version 0.3 and before do not know when it begins."""
    container, _, subtype = file["format"].partition(" ")
    shape = file["channels"], file["rate"], file["frames"], container, subtype, "FILE"
    return Facts(Path(file["name"]), *shape, _tracks(file), file.get("time"), file.get("day", 0))


def _tracks(file: Json) -> tuple[str | None, ...]:
    """Return the names of tracks in a file; sessions of version 0.2 do not know them."""
    return tuple(file.get("tracks") or [None] * file["channels"])
