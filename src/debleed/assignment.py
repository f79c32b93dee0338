"""Assignment of microphones to sources: which belong to which source, which are room microphones or signals, and why.

The command line, the page, the evaluation and Python all use this assignment, so a folder is treated the same way
everywhere.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from debleed.io.session import Session, quoted, toml_list
from debleed.naming.listing import of_one_source, read_all, source_name
from debleed.naming.reading import Reading
from debleed.recording import InputError

log = logging.getLogger(__name__)

Role = Literal["source", "room", "reference"]
"""``source``: a microphone for one source, to be cleaned. ``room``: a microphone for the whole room, returned
unchanged. ``reference``: a signal of one source and no microphone, such as a click track or a direct box. Others pick
that source up, but a reference picks up nobody, so it is returned unchanged."""

OTHERWISE = "change this in session.toml"

SAID = "as you said"
OWN = "a file of its own"
SILENT = "its name says nothing"
ROOM = "its name indicates a room microphone or a mixture"
REFERENCE = "its name indicates a signal, not a microphone"
BOX = "its name indicates a direct box"
"""Reasons."""


@dataclass(frozen=True)
class Microphone:
    """Assignment of a file of a folder, or of a channel of a file.

    Parameters
    ----------
    name
        The stem of the file, or the name of the channel.
    role
        Its role.
    source
        Its source, if it has one.
    reason
        Reason for the assignment, shown to the user.
    said
        Whether the user assigned it; otherwise its name did, and its sound may know better.
    """

    name: str
    role: Role
    source: str | None
    reason: str
    said: bool = False


def assign(
    session: Session, units: Sequence[str], files: Sequence[str] = (), labels: Sequence[str | None] = ()
) -> tuple[Microphone, ...]:
    """Assign each unit as the session says, or else as the name inside its file or its own name suggests.

    Names that mean a room microphone, a mixture, a signal or a direct box are recognised, and names that mean several
    microphones of one source, see :mod:`debleed.naming`. Every other unit is a source of its own.

    Parameters
    ----------
    session
        The user's description of the files.
    units
        The stems of a folder's files, or the channels of a file.
    files
        Other names of the units, which the session may use too: file names, or numbers of channels.
    labels
        The names inside the files, ``None`` for units without one. They count before the units' own names.

    Returns
    -------
    One microphone per unit, in order; a stereo file is one unit.

    Raises
    ------
    InputError
        For a name that does not exist, and for a file that is listed twice.
    """
    readings = dict(zip(units, understood(units, labels), strict=True))
    unit_of = dict(zip(files, units, strict=False)) | {unit: unit for unit in units}
    placed = _as_said(session, unit_of, ", ".join(files or units))
    listed = {unit_of[name] for names in session.sources.values() for name in names}
    found = {unit: placed.get(unit) or _alone(unit, readings[unit], session) for unit in units}
    for unit, mic in found.items():
        if mic.source == unit and unit in session.sources and unit not in listed:
            raise InputError(f"source '{unit}' does not list the file '{unit}'; list it there or rename the source")
        together = unit in listed and mic.role == "source" and len(session.sources[str(mic.source)]) > 1
        if together and readings[unit].direct and session.reference is None:
            found[unit] = replace(mic, role="reference", reason=f"{mic.reason}; {BOX}")
    for source, members, reason in _groups(found, listed, readings, session):
        for unit in members:
            mic = found[unit]
            why = reason if mic.role == "source" else f"{reason}; {mic.reason}"
            found[unit] = replace(mic, source=source, reason=why)
    return tuple(found.values())


def understood(units: Sequence[str], labels: Sequence[str | None] = ()) -> tuple[Reading, ...]:
    """Read the names inside the files, and the units' own names where those say nothing.

    A name inside several files is that of a recording, not of a track, and says nothing.
    """
    own = read_all(units)
    given = [label for label in labels if label]
    told = {label: reading for label, reading in zip(given, read_all(given), strict=True) if given.count(label) == 1}
    inside = [told.get(label or "") for label in labels] or [None] * len(units)
    return tuple(
        reading if reading and (reading.words or reading.kind != "source") else name
        for reading, name in zip(inside, own, strict=True)
    )


def _as_said(session: Session, unit_of: Mapping[str, str], known: str) -> dict[str, Microphone]:
    """Assign the units that the session lists by any of their names."""
    placed: dict[str, Microphone] = {}

    def unit_at(name: str, where: str) -> str:
        if name not in unit_of:
            raise InputError(f"{where} names '{name}', which does not exist; the names are {known}")
        return unit_of[name]

    def place(name: str, role: Role, source: str | None, where: str) -> None:
        unit = unit_at(name, where)
        if unit in placed:
            raise InputError(f"{where} names '{name}', which the session lists elsewhere too; list it once")
        reason = session.guessed.get(unit)
        placed[unit] = Microphone(unit, role, source, reason or SAID, said=reason is None)

    for source, names in session.sources.items():
        for name in names:
            place(name, "source", source, f"source '{source}'")
    for name in session.room or ():
        place(name, "room", None, "room")
    for name in session.reference or ():
        unit = unit_at(name, "reference")
        if unit in placed and placed[unit].role == "source":
            placed[unit] = replace(placed[unit], role="reference")
        else:
            place(name, "reference", unit, "reference")
    for name in session.leave_out:
        if name in unit_of:  # a channel of a file cannot be dropped, so it stays unchanged
            place(name, "room", None, "leave_out")
    return placed


def _alone(unit: str, reading: Reading, session: Session) -> Microphone:
    """Assign a unit by its own name."""
    if reading.kind == "room" and session.room is None:
        return Microphone(unit, "room", None, ROOM)
    if reading.kind == "reference" and session.reference is None:
        return Microphone(unit, "reference", unit, BOX if reading.direct else REFERENCE)
    return Microphone(unit, "source", unit, OWN if reading.words or reading.kind != "source" else SILENT)


def _groups(
    found: Mapping[str, Microphone], listed: Collection[str], readings: Mapping[str, Reading], session: Session
) -> Iterator[tuple[str, list[str], str]]:
    """Yield a source, its microphones that the user has not listed, and the reason, for names that mean one source.

    They join the source that the user says for others of that name, if there is one. A file that is listed alone under
    its own name is not joined: that is how the user separates files.
    """
    units = [unit for unit, mic in found.items() if mic.role != "room" and not _apart(unit, found[unit], session)]
    used = {*found, *session.sources}
    for group in of_one_source([readings[unit] for unit in units]):
        members = [units[i] for i in group]
        loose = [unit for unit in members if unit not in listed]
        sources = {str(found[unit].source) for unit in members if unit in listed}
        if not loose or len(sources) > 1:
            continue
        name = source_name([readings[unit] for unit in members])
        reason = f"{_listed(members)} are {'both' if len(members) == 2 else 'all'} named '{name or members[0]}'"
        if not sources:
            name = members[0] if not name or name in used - set(members) else name
            used.add(name)
        yield sources.pop() if sources else name, loose, reason


def _apart(unit: str, microphone: Microphone, session: Session) -> bool:
    """Whether the user lists a unit alone under its own name."""
    return microphone.source == unit and len(session.sources.get(unit, ())) == 1


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def announce(microphones: Iterable[Microphone]) -> None:
    """Log the guesses, so that the user can correct them."""
    mics = list(microphones)
    for role, reason, what in (
        ("room", ROOM, "room microphones or mixtures by their names, left unchanged"),
        ("reference", REFERENCE, "signals, not microphones, by their names, left unchanged"),
        ("reference", BOX, "direct boxes by their names, left unchanged"),
    ):
        if names := [mic.name for mic in mics if mic.role == role and mic.reason.endswith(reason)]:
            log.info("%s: %s (%s)", what, ", ".join(names), OTHERWISE)
    groups = [mic.reason.partition(";")[0] for mic in mics if mic.source is not None and " named '" in mic.reason]
    for reason in dict.fromkeys(groups):
        log.info("one source: %s (%s)", reason, OTHERWISE)


def sources_of(microphones: Iterable[Microphone]) -> dict[str, str | None]:
    """Return the source of each unit by name, ``None`` for room microphones."""
    return {mic.name: mic.source for mic in microphones}


def references_of(microphones: Iterable[Microphone]) -> frozenset[str]:
    """Return the units that are references."""
    return frozenset(mic.name for mic in microphones if mic.role == "reference")


def template(units: Sequence[str], labels: Sequence[str | None] = ()) -> str:
    """Return a commented ``session.toml`` for these units in which every entry has its default value."""
    found = assign(Session(), units, labels=labels)
    room = [mic.name for mic in found if mic.role == "room"]
    reference = [mic.name for mic in found if mic.role == "reference"]
    others = [mic.name for mic in found if mic.role == "source"]
    members: dict[str, list[str]] = {}
    for mic in found:
        if mic.source is not None:
            members.setdefault(mic.source, []).append(mic.name)
    shown = {source: names for source, names in members.items() if len(names) > 1} or {"source": others[:2]}
    sources = "\n".join(f"# {quoted(source)} = {toml_list(names)}" for source, names in shown.items())
    first = others[0] if others else "singer"
    second = next((source for source, names in members.items() if first not in names), "drums")
    return f"""\
# Description of this session for debleed. Delete what you do not need. Name files with or without extension.
# The files are: {", ".join(map(quoted, units))}

# Room microphones, overheads and mixtures: they have no source of their own and are left unchanged.
# Without this line they are guessed from their names.
room = {toml_list(room)}

# Signals, not microphones: click tracks, playback, direct boxes. Microphones pick them up, but they pick up nobody, and
# they are left unchanged. Without this line they are guessed from their names.
reference = {toml_list(reference)}

# Files that are neither read nor written.
leave_out = []

# The most bleed to remove, in dB; without this line, as much as can be removed without harm.
# reduction = 12.0

# Every file is a source of its own, unless several microphones are listed for one source. Names that mean one source,
# such as bass_di and bass_amp, kick in and kick out, or keys_L and keys_R, are one source anyway; to separate them,
# list each file under its own name.
[sources]
{sources}

# The most bleed to remove from individual sources or microphones, in dB.
[source_reduction]
# {quoted(first)} = 6.0

# Bleed to keep: microphone = sources that stay in it.
[keep]
# {quoted(first)} = {toml_list([second])}
"""
