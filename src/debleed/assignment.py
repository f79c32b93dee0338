"""Who is who: which microphones belong to which source, which hear the whole room, and why we think so.

There is one assignment. Command line, page, evaluation and Python ask it, so that the same folder means the same to
all of them.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from debleed.io.session import Session, quoted, toml_list
from debleed.recording import InputError

log = logging.getLogger(__name__)

Role = Literal["source", "room"]
"""``source``: put up for a source, and cleaned. ``room``: hears the whole room, and comes back as it is."""

ROOM_WORDS = frozenset(
    (
        *("oh", "ohs", "ohl", "ohr", "ovh", "ovhs", "ovhd", "ovhds", "overhead", "overheads"),
        *("room", "rooms", "roommic", "roommics", "hall", "amb", "ambi", "ambience", "ambiance"),
        *("audience", "aud", "crowd", "mix", "mixes", "mixture", "mixdown", "stereomix", "master"),
    )
)
"""Words in a file's name that mean a microphone for the whole room, or a mixture."""


OTHERWISE = "session.toml can say otherwise"


@dataclass(frozen=True)
class Microphone:
    """What a file of a folder, or a channel of a file, is taken for.

    Parameters
    ----------
    name
        The stem of the file, or the name of the channel.
    role
        What it is.
    source
        Its source, where it has one.
    reason
        Why it is taken for that, for people.
    """

    name: str
    role: Role
    source: str | None
    reason: str


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


def assign(session: Session, units: Sequence[str], files: Sequence[str] = ()) -> tuple[Microphone, ...]:
    """Say what each unit is: what the session says, or else what its name suggests.

    Names of room microphones and mixtures (:data:`ROOM_WORDS`) make a room microphone; two names that differ in a last
    L and R only are one source; everything else is a source of its own.

    Parameters
    ----------
    session
        What the user said.
    units
        The stems of a folder's files, or the channels of a poly file.
    files
        The file names that go with the units, where the session may use them instead.

    Returns
    -------
    One microphone a unit, in their order; a stereo file is one unit.

    Raises
    ------
    InputError
        For a name that is not there, and for a file in two places.
    """
    unit_of = {unit: unit for unit in units} | dict(zip(files, units, strict=False))
    placed: dict[str, Microphone] = {}

    def place(name: str, source: str | None, where: str) -> None:
        if name not in unit_of:
            raise InputError(f"{where} names '{name}', which is not there; there are {', '.join(files or units)}")
        if unit_of[name] in placed:
            raise InputError(f"{where} names '{name}', which stands in another place of the session already")
        placed[unit_of[name]] = Microphone(unit_of[name], "room" if source is None else "source", source, "as you said")

    for source, names in session.sources.items():
        for name in names:
            place(name, source, f"source '{source}'")
    for name in session.room or ():
        place(name, None, "room")
    for name in session.leave_out:
        if name in unit_of:  # a channel of a poly file cannot be dropped: it comes back as it is
            place(name, None, "leave_out")
    free = [unit for unit in units if unit not in placed]
    for unit in guess_room(free) if session.room is None else ():
        placed[unit] = Microphone(unit, "room", None, "its name says that it hears the whole room")
    taken = {*units, *session.sources}
    for source, pair in guess_pairs(unit for unit in free if unit not in placed).items():
        if source not in taken:
            reason = f"{' and '.join(pair)} differ in L and R only"
            placed |= {unit: Microphone(unit, "source", source, reason) for unit in pair}
    for unit in free:
        if unit not in placed and unit in session.sources:
            raise InputError(f"source '{unit}' does not list the file '{unit}'; list it there or rename the source")
        placed.setdefault(unit, Microphone(unit, "source", unit, "a file of its own"))
    return tuple(placed[unit] for unit in units)


def announce(microphones: Iterable[Microphone]) -> None:
    """Log what was guessed, so that it can be contradicted."""
    guessed = [mic for mic in microphones if mic.reason not in ("as you said", "a file of its own")]
    if rooms := [mic.name for mic in guessed if mic.role == "room"]:
        listed = ", ".join(rooms)
        log.info("taken by their names for room microphones or mixtures, unchanged: %s (%s)", listed, OTHERWISE)
    for source in dict.fromkeys(mic.source for mic in guessed if mic.role == "source"):
        pair = " and ".join(mic.name for mic in guessed if mic.source == source)
        log.info("taken by their names for one source: %s (%s)", pair, OTHERWISE)


def sources_of(microphones: Iterable[Microphone]) -> dict[str, str | None]:
    """Return the source of each unit by name, ``None`` for room microphones."""
    return {mic.name: mic.source for mic in microphones}


def template(units: Sequence[str]) -> str:
    """Write a commented ``session.toml`` for these units, with everything set as the defaults would have it."""
    room = guess_room(units)
    others = [unit for unit in units if unit not in room]
    pairs = {source: pair for source, pair in guess_pairs(others).items() if source not in units}
    shown: dict[str, tuple[str, ...]] = {**pairs} or {"source": tuple(others)[:2]}
    sources = "\n".join(f"# {quoted(source)} = {toml_list(files)}" for source, files in shown.items())
    first, second = (*others, "singer", "drums")[:2]
    return f"""\
# What debleed should know of this session. Delete what you do not need; files go by name, with or without extension.
# The files are: {", ".join(map(quoted, units))}

# Room microphones, overheads and mixtures: no source of their own, they come back as they are.
# Without this line they are guessed by their names.
room = {toml_list(room)}

# Files that are neither read nor written.
leave_out = []

# The most bleed to take out, in dB; without this line as much as can be removed without harm.
# reduction = 12.0

# Every file is a source of its own, unless several microphones stand for one source. Names that differ only in a last
# L and R are taken for one source anyway; to undo that, list each of the two under its own name.
[sources]
{sources}

# The most bleed to take out of single sources or microphones, in dB.
[source_reduction]
# {quoted(first)} = 6.0

# Bleed that is wanted: microphone = sources that may stay in it.
[keep]
# {quoted(first)} = {toml_list([second])}
"""
