"""Roles in a session: sources, room microphones, references and files left out, as guessed or chosen by the user."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path

from debleed.assignment import SAID, Microphone, Role, assign, references_of, sources_of
from debleed.io.audio import refuse_double
from debleed.io.session import Session, left_out
from debleed.recording import InputError, Recording, Samples
from debleed.web import layouts
from debleed.web.layouts import Json, arrangement, hindrance, is_poly, labels, mic_names, numbers, units
from debleed.web.limits import Refusal, checked_name


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


def microphones(meta: Json) -> list[Microphone]:
    """Assign each microphone of the recording, in its order: a stereo pair has two."""
    units = zip(assigned(meta), layouts.channels(meta), strict=True)
    return [replace(mic, name=name) for mic, (_, rows) in units for name in mic_names(mic.name, len(rows))]


def owners(meta: Json) -> list[tuple[str, str]]:
    """List each microphone with its unit."""
    found = zip(units(meta), layouts.channels(meta), strict=True)
    return [(name, unit) for unit, (_, rows) in found for name in mic_names(unit, len(rows))]


def unit_of(meta: Json) -> dict[str, str]:
    """Return the unit of each microphone by name."""
    return dict(owners(meta))


def silent(meta: Json) -> Recording:
    """Return the microphones that a run would have, in its order but without sound: for checks of names and times."""
    unit, out, poly = unit_of(meta), set(meta["leave_out"]), is_poly(meta)
    kept = [mic for mic in microphones(meta) if poly or unit[mic.name] not in out]
    sources = [None if unit[mic.name] in out else mic.source for mic in kept]  # a channel cannot be left out
    return named([mic.name for mic in kept], sources, layouts.rate(meta) or 1, layouts.length(meta))


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
    known = {*units(meta), *(Path(file["name"]).stem for file in meta["files"])}
    out = [unit for unit in meta["leave_out"] if unit in known]
    kept = [mic for mic in assigned(meta) if mic.name not in out]
    grouped: dict[str, tuple[str, ...]] = {}
    for mic in kept:
        if mic.source is not None:
            grouped[mic.source] = (*grouped.get(mic.source, ()), mic.name)
    return replace(
        arrangement(meta),
        sources=grouped,
        room=tuple(mic.name for mic in kept if mic.role == "room"),
        leave_out=tuple(out),
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
    if why := hindrance(meta):
        return why
    try:
        refuse_double(pair for pair in owners(meta) if pair[1] in kept)
    except InputError as refusal:
        return str(refusal)
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

GROUPING = ("sources", "references", "guessed", "leave_out", "parts", "polyphonic")


def remember(meta: Json, what: str) -> None:
    """Keep the present grouping, to which :func:`undo` goes back; ``what`` says what is about to change."""
    before = {name: copy(meta[name]) for name in GROUPING if name in meta}
    meta["past"] = [*meta.get("past", []), {"what": what, **before}][-PAST:]


def undo(meta: Json) -> None:
    """Go back to the grouping before the last change."""
    if not meta.get("past"):
        raise Refusal("there is nothing to undo", 409)
    *earlier, last = meta["past"]
    for name in GROUPING:
        meta.pop(name, None)
    meta |= {name: last[name] for name in GROUPING if name in last} | {"past": earlier}


def obey(meta: Json, told: Session) -> None:
    """Apply a ``session.toml``: which files are one, sources, room microphones, and what is left out."""
    files = [] if is_poly(meta) else [Path(file["name"]) for file in meta["files"]]
    meta["parts"] = None if told.parts is None else {name: list(listed) for name, listed in told.parts.items()}
    meta["polyphonic"] = None if told.polyphonic is None else list(told.polyphonic)
    meta["leave_out"] = [path.stem for path in files if {path.name, path.stem} & set(told.leave_out)]
    known, names = units(meta), numbers(meta)
    if not is_poly(meta) and (told.parts or told.polyphonic) and (why := hindrance(meta)):
        raise Refusal(why)
    out = left_out(told, [*files, *map(Path, names), *map(Path, known)])
    found = assign(replace(told, leave_out=()), known, names, labels(meta))
    given = sources_of(found)
    meta["sources"] = dict(given)
    meta["references"] = sorted(references_of(found))
    meta["guessed"] = {mic.name: mic.reason for mic in found if not mic.said}
    meta["leave_out"] += [
        unit for unit, name in zip(known, names, strict=True) if {unit, name} & set(out) - set(meta["leave_out"])
    ]
