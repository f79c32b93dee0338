"""Roles in a session: sources, room microphones, references and files left out, as guessed or chosen by the user."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from debleed.assignment import SAID, Microphone, Role, assign, references_of, sources_of
from debleed.io.session import Session, left_out, load_session
from debleed.io.track_names import names_of_channels, numbers_of_channels, of_file
from debleed.web.limits import Refusal, checked_name

Json = dict[str, Any]


def is_poly(meta: Json) -> bool:
    """Whether the session is one file with one microphone per channel."""
    return len(meta["files"]) == 1 and meta["files"][0]["channels"] > 1


def units(meta: Json) -> list[str]:
    """List the units to assign: files by their stems, or the channels of the only file."""
    if is_poly(meta):
        return list(names_of_channels(_tracks(meta["files"][0])))
    return [Path(file["name"]).stem for file in meta["files"]]


def labels(meta: Json) -> list[str | None]:
    """List the names inside the files, one per unit; those of channels are the units' names already."""
    if is_poly(meta):
        return [None] * meta["files"][0]["channels"]
    return [of_file(_tracks(file)) for file in meta["files"]]


def _tracks(file: Json) -> tuple[str | None, ...]:
    """Return the names of tracks in a file; sessions of version 0.2 do not know them."""
    return tuple(file.get("tracks") or [None] * file["channels"])


def assigned(meta: Json) -> tuple[Microphone, ...]:
    """Assign each unit: as guessed from the names, or as the user said."""
    return tuple(
        _chosen(meta, mic.name) if mic.name in meta["sources"] else mic
        for mic in assign(Session(), units(meta), labels=labels(meta))
    )


def _chosen(meta: Json, unit: str) -> Microphone:
    """Assign a unit as the session has stored it."""
    source = meta["sources"][unit]
    signal = unit in meta.get("references", [])
    role: Role = "room" if source is None else "reference" if signal else "source"
    guess = meta.get("guessed", {}).get(unit)
    return Microphone(unit, role, source, guess or SAID, said=guess is None)


def sources(meta: Json) -> dict[str, str | None]:
    """Return the source of each unit, ``None`` for room microphones: as guessed from the names, or as the user said."""
    return sources_of(assigned(meta))


def said(meta: Json, reduction: dict[str, float] | None = None) -> Session:
    """Return the session as the library describes it, with every unit assigned."""
    out = [unit for unit in meta["leave_out"] if unit in units(meta)]
    kept = [mic for mic in assigned(meta) if mic.name not in out]
    grouped: dict[str, tuple[str, ...]] = {}
    for mic in kept:
        if mic.source is not None:
            grouped[mic.source] = (*grouped.get(mic.source, ()), mic.name)
    return Session(
        grouped,
        tuple(mic.name for mic in kept if mic.role == "room"),
        tuple(out),
        source_reduction={v: x for v, x in (reduction or {}).items() if v in grouped},
        reference=tuple(mic.name for mic in kept if mic.role == "reference"),
        guessed={mic.name: mic.reason for mic in kept if not mic.said},
    )


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


def place(meta: Json, unit: str, source: object, reference: object = None) -> None:
    """Set the source of a unit and whether it is a reference.

    A source of ``None`` makes it a room microphone; a ``reference`` of ``None`` leaves it what it is.
    """
    if unit not in units(meta):
        raise Refusal(f"there is no microphone '{unit}'", 404)
    if source is not None and not isinstance(source, str):
        raise Refusal(f"a source must be a name, or null for a room microphone, got {source!r}")
    if source is not None and "=" in checked_name(source, "source's name"):
        raise Refusal(f"a source's name must not contain '=', got '{source}'")
    if not (reference is None or isinstance(reference, bool)):
        raise Refusal(f"a reference must be true or false, got {reference!r}")
    signal = unit in references_of(assigned(meta)) if reference is None else reference
    meta["sources"][unit] = source
    others = [name for name in meta.get("references", []) if name != unit]
    meta["references"] = [*others, unit] if signal and source is not None else others
    meta["guessed"] = {name: reason for name, reason in meta.get("guessed", {}).items() if name != unit}
    if source is not None:  # a source named as another microphone would have to hold that microphone
        given = sources(meta)
        if source in given and given[source] != source and source != unit:
            raise Refusal(f"microphone '{source}' belongs to another source; choose another name for this source")


def obey(meta: Json, path: Path) -> None:
    """Apply the sources, room microphones, files left out and reductions of a ``session.toml``."""
    told = load_session(path)
    if told.parts or told.polyphonic:
        raise Refusal(
            "on the page each file is one microphone or a stereo pair; take parts and polyphonic out of session.toml, "
            "or use 'debleed remove'"
        )
    known = units(meta)
    names = list(numbers_of_channels(len(known))) if is_poly(meta) else [file["name"] for file in meta["files"]]
    out = left_out(told, [Path(name) for name in (*names, *known)])
    found = assign(replace(told, leave_out=()), known, names, labels(meta))
    given = sources_of(found)
    meta["sources"] = dict(given)
    meta["references"] = sorted(references_of(found))
    meta["guessed"] = {mic.name: mic.reason for mic in found if not mic.said}
    meta["leave_out"] = [unit for unit, name in zip(known, names, strict=True) if {unit, name} & set(out)]
    spoken = {source for source in given.values() if source is not None}
    everywhere = dict.fromkeys(spoken, told.reduction) if told.reduction is not None else {}
    reduction = {**everywhere, **told.source_reduction}
    meta["reduction"] = {source: value for source, value in reduction.items() if value != float("inf")}  # inf: all
