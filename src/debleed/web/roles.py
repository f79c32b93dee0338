"""Roles in a session: sources, room microphones and files left out, as guessed from the names or chosen by the user."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from debleed.assignment import assign, sources_of
from debleed.io.session import Session, left_out, load_session
from debleed.web.limits import Refusal, checked_name

Json = dict[str, Any]


def is_poly(meta: Json) -> bool:
    """Whether the session is one file with one microphone per channel."""
    return len(meta["files"]) == 1 and meta["files"][0]["channels"] > 1


def units(meta: Json) -> list[str]:
    """List the units to assign: files by their stems, or the channels of the only file."""
    if is_poly(meta):
        return [f"ch{i + 1}" for i in range(meta["files"][0]["channels"])]
    return [Path(file["name"]).stem for file in meta["files"]]


def sources(meta: Json) -> dict[str, str | None]:
    """Return the source of each unit, ``None`` for room microphones: as guessed from the names, or as the user said."""
    guessed = sources_of(assign(Session(), units(meta)))
    return {unit: meta["sources"].get(unit, source) for unit, source in guessed.items()}


def said(meta: Json, reduction: dict[str, float] | None = None) -> Session:
    """Return the session as the library describes it, with every unit assigned."""
    grouped: dict[str, tuple[str, ...]] = {}
    room = []
    out = [unit for unit in meta["leave_out"] if unit in units(meta)]
    for unit, source in sources(meta).items():
        if unit in out:
            continue
        if source is None:
            room.append(unit)
        else:
            grouped[source] = (*grouped.get(source, ()), unit)
    return Session(grouped, tuple(room), tuple(out), None, {v: x for v, x in (reduction or {}).items() if v in grouped})


def problem(meta: Json) -> str | None:
    """Return what prevents a run, if anything."""
    kept = [unit for unit in units(meta) if unit not in meta["leave_out"]]
    if not meta["files"]:
        return "there are no files yet"
    if not is_poly(meta):
        for file in meta["files"]:
            if file["channels"] > 2 and Path(file["name"]).stem in kept:
                return (
                    f"'{file['name']}' has {file['channels']} channels, but next to other files a file is one "
                    "microphone or a stereo pair; put it into a session of its own, split it, or leave it out"
                )
    if len(kept) < 2:
        return "removing bleed needs microphones of two or more sources; add the other files"
    if len({source for unit, source in sources(meta).items() if unit in kept and source is not None}) < 2:
        return "there are fewer than two sources, so there is no bleed; say which microphone belongs to which source"
    return None


def rename_source(meta: Json, unit: str, source: object) -> None:
    """Set the source of a unit; ``None`` makes it a room microphone."""
    if unit not in units(meta):
        raise Refusal(f"there is no microphone '{unit}'", 404)
    if source is not None and not isinstance(source, str):
        raise Refusal(f"a source must be a name, or null for a room microphone, got {source!r}")
    if source is not None and "=" in checked_name(source, "source's name"):
        raise Refusal(f"a source's name must not contain '=', got '{source}'")
    meta["sources"][unit] = source
    if source is not None:  # a source named as another microphone would have to hold that microphone
        given = sources(meta)
        if source in given and given[source] != source and source != unit:
            raise Refusal(f"microphone '{source}' belongs to another source; choose another name for this source")


def obey(meta: Json, path: Path) -> None:
    """Apply the sources, room microphones, files left out and reductions of a ``session.toml``."""
    told = load_session(path)
    known = units(meta)
    names = [] if is_poly(meta) else [file["name"] for file in meta["files"]]
    out = left_out(told, [Path(name) for name in names or known])
    given = sources_of(assign(replace(told, leave_out=()), known, names))
    meta["sources"] = dict(given)
    meta["leave_out"] = [unit for unit, name in zip(known, names or known, strict=True) if {unit, name} & set(out)]
    spoken = {source for source in given.values() if source is not None}
    everywhere = dict.fromkeys(spoken, told.reduction) if told.reduction is not None else {}
    reduction = {**everywhere, **told.source_reduction}
    meta["reduction"] = {source: value for source, value in reduction.items() if value != float("inf")}  # inf: all
