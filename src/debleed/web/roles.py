"""Roles in a session: sources, room microphones, references and files left out, as guessed or chosen by the user."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

from debleed.assignment import SAID, Microphone, Role, assign, references_of, sources_of
from debleed.io.session import Session, left_out
from debleed.io.track_names import names_of_channels, numbers_of_channels, of_file
from debleed.recording import Recording, Samples
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


def mic_names(stem: str, channels: int) -> tuple[str, ...]:
    """Name the channels of a file as the library does."""
    if channels == 1:
        return (stem,)
    return (f"{stem}.L", f"{stem}.R") if channels == 2 else tuple(f"ch{i + 1}" for i in range(channels))


def channels(meta: Json) -> list[Microphone]:
    """Assign each channel of the files: a stereo file has two, named as those of the recording."""
    if is_poly(meta):
        return list(assigned(meta))
    return [
        replace(mic, name=name)
        for mic, file in zip(assigned(meta), meta["files"], strict=True)
        for name in mic_names(mic.name, file["channels"])
    ]


def unit_of(meta: Json) -> dict[str, str]:
    """Return the unit of each channel by name."""
    if is_poly(meta):
        return {unit: unit for unit in units(meta)}
    pairs = zip(units(meta), meta["files"], strict=True)
    return {name: unit for unit, file in pairs for name in mic_names(unit, file["channels"])}


def silent(meta: Json) -> Recording:
    """Return the microphones that a run would have, in its order but without sound: for checks of names and times."""
    unit, out, poly = unit_of(meta), set(meta["leave_out"]), is_poly(meta)
    kept = [mic for mic in channels(meta) if poly or unit[mic.name] not in out]
    rate = max((file["rate"] for file in meta["files"]), default=1)
    length = max((-(-file["frames"] * rate // file["rate"]) for file in meta["files"]), default=0)
    sources = [None if unit[mic.name] in out else mic.source for mic in kept]  # a channel cannot be left out
    return named([mic.name for mic in kept], sources, rate, length)


def named(names: Sequence[str], sources: Sequence[str | None], rate: int = 1, length: int = 0) -> Recording:
    """Return microphones without sound."""

    def read(start: int, stop: int) -> Samples:
        raise AssertionError("these microphones have no sound")

    return Recording(rate, length, tuple(names), tuple(sources), read)


def sources(meta: Json) -> dict[str, str | None]:
    """Return the source of each unit, ``None`` for room microphones: as guessed from the names, or as the user said."""
    return sources_of(assigned(meta))


def said(meta: Json) -> Session:
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
        reference=tuple(mic.name for mic in kept if mic.role == "reference"),
        guessed={mic.name: mic.reason for mic in kept if not mic.said},
    )


def grouping(session: Session) -> tuple[object, ...]:
    """Return what of a session decides which microphones are cleaned of which sources, without any order."""
    sources = {frozenset(names) for names in session.sources.values()}
    return sources, set(session.room or ()), set(session.reference or ()), set(session.leave_out)


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
    rename_orphans(meta)
    if source is not None:  # a source named as another microphone would have to hold that microphone
        given = sources(meta)
        if source in given and given[source] != source and source != unit:
            raise Refusal(f"microphone '{source}' belongs to another source; choose another name for this source")


def together(meta: Json, names: Sequence[str]) -> None:
    """Give microphones the source of the first one; with a room microphone, they become room microphones."""
    remember(meta, f"{', '.join(names[1:])} without {names[0]}")
    source = sources(meta).get(names[0])
    for name in names:
        place(meta, name, source)


def apart(meta: Json, names: Sequence[str]) -> None:
    """Say of microphones that each has a source of its own."""
    remember(meta, f"{', '.join(names)} in a group")
    for name in names:
        place(meta, name, name)


def settled(meta: Json, names: Sequence[str]) -> None:
    """Say of microphones that they stay where they are, whatever their sound says."""
    remember(meta, f"{', '.join(names)} as before")
    given = sources(meta)
    for name in names:
        place(meta, name, given.get(name))


def rename_orphans(meta: Json) -> None:
    """Name a source anew that bears the name of a microphone which has left it: a name would mean both."""
    found = {mic.name: mic for mic in assigned(meta)}
    for mic in found.values():
        if mic.source in found and found[mic.source].source != mic.source:
            meta["sources"][mic.name] = next(unit for unit, other in found.items() if other.source == mic.source)
            if not mic.said:
                meta["guessed"][mic.name] = mic.reason


def described(meta: Json, unit: str) -> str:
    """Say in words what a unit is."""
    mic = next((mic for mic in assigned(meta) if mic.name == unit), None)
    if mic is None:
        return "unknown"
    if unit in meta["leave_out"]:
        return "left out"
    return {"room": "room", "reference": f"reference of {mic.source}", "source": f"of {mic.source}"}[mic.role]


PAST = 50
"""Changes of the grouping that can be undone."""

GROUPING = ("sources", "references", "guessed", "leave_out")


def remember(meta: Json, what: str) -> None:
    """Keep the present grouping, to which :func:`undo` goes back; ``what`` says what is about to change."""
    before = {name: copy(meta.get(name)) for name in GROUPING}
    meta["past"] = [*meta.get("past", []), {"what": what, **before}][-PAST:]


def undo(meta: Json) -> None:
    """Go back to the grouping before the last change."""
    if not meta.get("past"):
        raise Refusal("there is nothing to undo", 409)
    *earlier, last = meta["past"]
    meta |= {name: last[name] for name in GROUPING if last[name] is not None} | {"past": earlier}


def obey(meta: Json, told: Session) -> None:
    """Apply the sources, room microphones and files left out of a ``session.toml``."""
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
