"""What a session holds: which files belong to which source, which are room microphones, what is left alone."""

from __future__ import annotations

import logging
import math
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from debleed.recording import InputError
from debleed.spelling import current

log = logging.getLogger(__name__)

ROOM_WORDS = frozenset(
    (
        *("oh", "ohs", "ohl", "ohr", "ovh", "ovhs", "ovhd", "ovhds", "overhead", "overheads"),
        *("room", "rooms", "roommic", "roommics", "hall", "amb", "ambi", "ambience", "ambiance"),
        *("audience", "aud", "crowd", "mix", "mixes", "mixture", "mixdown", "stereomix", "master"),
    )
)
"""Words in a file's name that mean a microphone for the whole room, or a mixture."""

KEYS = ("sources", "room", "leave_out", "reduction", "source_reduction")
"""What may stand in a ``session.toml``."""


@dataclass(frozen=True)
class Session:
    """What the user says of the files; empty fields leave it to the defaults.

    Parameters
    ----------
    sources
        Source → its files, by name or stem; a file in no source is a source of its own.
    room
        Room microphones, which come back as they are; ``None`` goes by the names.
    leave_out
        Files that are neither read nor written.
    reduction
        The most bleed to take out, in dB; ``None`` for all.
    source_reduction
        The same for single sources.
    """

    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    room: tuple[str, ...] | None = None
    leave_out: tuple[str, ...] = ()
    reduction: float | None = None
    source_reduction: Mapping[str, float] = field(default_factory=dict)


def words(name: str) -> list[str]:
    """Split a name into small words, at anything but letters and where small letters become capitals.

    Examples
    --------
    >>> words("03_DrumOH-L"), words("mushroom")
    (['drum', 'oh', 'l'], ['mushroom'])
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [word.lower() for word in re.findall(r"[^\W\d_]+", spaced)]


def sounds_like_room(name: str) -> bool:
    """Tell by its name whether a file is a room microphone or a mixture."""
    return not ROOM_WORDS.isdisjoint(words(name))


def guess_room(units: Iterable[str]) -> tuple[str, ...]:
    """Return the units whose names mean overhead, room, ambience, audience or mixture."""
    return tuple(unit for unit in units if sounds_like_room(unit))


def guess_pairs(units: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return names that differ in a last L and R only: two files that are perhaps one source.

    Examples
    --------
    >>> guess_pairs(["keys_L", "keys_R", "soul"])
    {'keys': ('keys_L', 'keys_R')}
    """
    known = list(units)
    pairs = {}
    for left in known:
        match = re.fullmatch(r"(.*?)([ _.-]+)([Ll](?:eft)?)", left)
        if match:
            head, gap, side = match.groups()
            other = {"L": "R", "l": "r", "Left": "Right", "left": "right"}.get(side, "R")
            if (right := head + gap + other) in known:
                pairs[head] = (left, right)
    return pairs


def session_path(given: Path) -> Path:
    """Where the session of an input lies: in the folder, or beside a single file under its name."""
    return given.with_suffix(".session.toml") if given.is_file() else given / "session.toml"


def load_session(path: Path) -> Session:
    """Read a ``session.toml``.

    Raises
    ------
    InputError
        Where it is not TOML, or has a key or value that means nothing.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as failure:
        raise InputError(f"'{path}' cannot be read as TOML: {failure}") from failure
    data = {current("session key", key): value for key, value in data.items()}
    for key in data:
        if key not in KEYS:
            raise InputError(f"'{path}' has an unknown key '{key}'; the keys are {', '.join(KEYS)}")
    sources = _table(path, data, "sources")
    reductions = _table(path, data, "source_reduction")
    return Session(
        sources={source: _names(path, f"sources.{source}", files) for source, files in sources.items()},
        room=_names(path, "room", data["room"]) if "room" in data else None,
        leave_out=_names(path, "leave_out", data.get("leave_out", [])),
        reduction=decibels(f"'{path}': reduction", data["reduction"]) if "reduction" in data else None,
        source_reduction={v: decibels(f"'{path}': source_reduction.{v}", x) for v, x in reductions.items()},
    )


def _table(path: Path, data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    table = data.get(key, {})
    if not isinstance(table, dict):
        raise InputError(f"'{path}': {key} must be a table, such as [{key}]")
    return table


def _names(path: Path, key: str, value: Any) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise InputError(f"'{path}': {key} must be a list of file names")
    return tuple(listed)


def decibels(where: str, value: Any) -> float:
    """Read a reduction, a number or its text; ``where`` says in the refusal what it was for."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not number >= 0:
        raise InputError(f"{where} must be a number of decibels, 0 or more, got {value!r}")
    return number


def left_out(session: Session, files: Sequence[Path]) -> tuple[str, ...]:
    """Return the names of the files to leave out, each checked to be there."""
    known = {name for file in files for name in (file.name, file.stem)}
    for name in session.leave_out:
        if name not in known:
            raise InputError(f"leave_out names '{name}', which is not there; the files are {_listed(files)}")
    return session.leave_out


def _listed(files: Iterable[Path]) -> str:
    return ", ".join(file.name for file in files)


def assign(session: Session, units: Sequence[str], files: Sequence[str] = ()) -> dict[str, str | None]:
    """Say which source each unit belongs to; ``None`` for room microphones.

    Parameters
    ----------
    session
        What the user said.
    units
        The stems of a folder's files, or the channels of a poly file.
    files
        The file names that go with the units, where the session may use them instead.

    Raises
    ------
    InputError
        For a name that is not there, a file in two places, a source to reduce that does not exist.
    """
    unit_of = {unit: unit for unit in units} | dict(zip(files, units, strict=False))
    placed: dict[str, str | None] = {}

    def place(name: str, source: str | None, where: str) -> None:
        if name not in unit_of:
            raise InputError(f"{where} names '{name}', which is not there; there are {', '.join(files or units)}")
        if unit_of[name] in placed:
            raise InputError(f"{where} names '{name}', which stands in another place of the session already")
        placed[unit_of[name]] = source

    for source, names in session.sources.items():
        for name in names:
            place(name, source, f"source '{source}'")
    for name in session.room or ():
        place(name, None, "room")
    for name in session.leave_out:
        if name in unit_of:  # a channel of a poly file cannot be dropped: it comes back as it is
            place(name, None, "leave_out")
    guessed = guess_room(unit for unit in units if unit not in placed) if session.room is None else ()
    if guessed:
        log.info("taken by their names for room microphones or mixtures, which come back as they are: %s (%s)",
                 ", ".join(guessed), "session.toml can say otherwise")  # fmt: skip
    for unit in units:
        if unit not in placed and unit in session.sources and unit not in guessed:
            raise InputError(f"source '{unit}' does not list the file '{unit}'; list it there or rename the source")
        placed.setdefault(unit, None if unit in guessed else unit)
    sources = {unit: placed[unit] for unit in units}
    check_sources(session.source_reduction, sources.values())
    return sources


def check_sources(named: Iterable[str], sources: Iterable[str | None]) -> None:
    """Refuse a name that is no source."""
    known = list(dict.fromkeys(source for source in sources if source is not None))
    for name in named:
        if name not in known:
            raise InputError(f"there is no source '{name}' to reduce; the sources are {', '.join(known)}")


def template(units: Sequence[str]) -> str:
    """Write a commented ``session.toml`` for these units, with everything set as the defaults would have it."""
    room = guess_room(units)
    pairs = guess_pairs(unit for unit in units if unit not in room)
    shown: dict[str, tuple[str, ...]] = {**pairs} or {"source": tuple(unit for unit in units if unit not in room)[:2]}
    sources = "\n".join(f"# {_quoted(source)} = {_list(files)}" for source, files in shown.items())
    first = next((unit for unit in units if unit not in room), "source")
    return f"""\
# What debleed should know of this session. Delete what you do not need; files go by name, with or without extension.
# The files are: {", ".join(units)}

# Room microphones, overheads and mixtures: no source of their own, they come back as they are.
# Without this line they are guessed by their names.
room = {_list(room)}

# Files that are neither read nor written.
leave_out = []

# The most bleed to take out, in dB; without this line as much as can be removed without harm.
# reduction = 12.0

# Every file is a source of its own, unless several microphones stand for one source:
[sources]
{sources}

# The most bleed to take out of single sources, in dB.
[source_reduction]
# {_quoted(first)} = 6.0
"""


def dumped(session: Session) -> str:
    """Write a session as the ``session.toml`` that :func:`load_session` reads it from.

    Examples
    --------
    >>> print(dumped(Session({"kick": ("in", "out")}, room=(), source_reduction={"kick": 6.0})), end="")
    room = []
    [sources]
    "kick" = ["in", "out"]
    [source_reduction]
    "kick" = 6.0
    """
    lines = [f"room = {_list(session.room)}"] if session.room is not None else []
    lines += [f"leave_out = {_list(session.leave_out)}"] if session.leave_out else []
    lines += [f"reduction = {float(session.reduction)}"] if session.reduction is not None else []
    for key, table in (("sources", session.sources), ("source_reduction", session.source_reduction)):
        lines += [f"[{key}]"] if table else []
        for source, value in table.items():
            lines.append(f"{_quoted(source)} = {float(value) if isinstance(value, int | float) else _list(value)}")
    return "".join(line + "\n" for line in lines)


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _list(names: Iterable[str]) -> str:
    return "[" + ", ".join(_quoted(name) for name in names) + "]"
