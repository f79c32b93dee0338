"""Roles in a session: sources, room microphones, references and files left out, as guessed or chosen by the user."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from debleed.assignment import SAID, Microphone, Role, assign, references_of, sources_of
from debleed.io.session import Session, left_out, load_session
from debleed.web.layouts import Json, arrangement, hindrance, is_poly, labels, numbers, units
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


def sources(meta: Json) -> dict[str, str | None]:
    """Return the source of each unit, ``None`` for room microphones: as guessed from the names, or as the user said."""
    return sources_of(assigned(meta))


def said(meta: Json, reduction: dict[str, float] | None = None) -> Session:
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
        source_reduction={v: x for v, x in (reduction or {}).items() if v in grouped},
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
    spoken = {source for source in given.values() if source is not None}
    everywhere = dict.fromkeys(spoken, told.reduction) if told.reduction is not None else {}
    reduction = {**everywhere, **told.source_reduction}
    meta["reduction"] = {source: value for source, value in reduction.items() if value != float("inf")}  # inf: all
