"""Assignment of microphones to sources: which microphones belong to which source, which are room microphones, and why.

The command line, the page, the evaluation and Python all use this assignment, so a folder is treated the same way
everywhere.
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
"""``source``: a microphone for one source, to be cleaned. ``room``: a microphone for the whole room, returned
unchanged."""

ROOM_WORDS = frozenset(
    (
        *("oh", "ohs", "ohl", "ohr", "ovh", "ovhs", "ovhd", "ovhds", "overhead", "overheads"),
        *("room", "rooms", "roommic", "roommics", "hall", "amb", "ambi", "ambience", "ambiance"),
        *("audience", "aud", "crowd", "mix", "mixes", "mixture", "mixdown", "stereomix", "master"),
    )
)
"""Words in a file name that indicate a room microphone or a mixture."""


OTHERWISE = "change this in session.toml"


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
    """

    name: str
    role: Role
    source: str | None
    reason: str


def words(name: str) -> list[str]:
    """Split a name into lower-case words, at everything but letters and before capitals that follow a small letter.

    Examples
    --------
    >>> words("03_DrumOH-L"), words("mushroom")
    (['drum', 'oh', 'l'], ['mushroom'])
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [word.lower() for word in re.findall(r"[^\W\d_]+", spaced)]


def sounds_like_room(name: str) -> bool:
    """Whether a name suggests a room microphone or a mixture."""
    return not ROOM_WORDS.isdisjoint(words(name))


def guess_room(units: Iterable[str]) -> tuple[str, ...]:
    """Return the units whose names mean overhead, room, ambience, audience or mixture."""
    return tuple(unit for unit in units if sounds_like_room(unit))


def guess_pairs(units: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return pairs of names that differ only in a final L and R: two files that may be one source.

    Examples
    --------
    >>> guess_pairs(["keys_L", "keys_R", "soul"])
    {'keys': ('keys_L', 'keys_R')}
    """
    names = list(units)
    pairs = {}
    for left in names:
        match = re.fullmatch(r"(.*?)([ _.-]+)([Ll](?:eft)?)", left)
        if match:
            head, gap, side = match.groups()
            other = {"L": "R", "l": "r", "Left": "Right", "left": "right"}.get(side, "R")
            if (right := head + gap + other) in names:
                pairs[head] = (left, right)
    return pairs


def assign(session: Session, units: Sequence[str], files: Sequence[str] = ()) -> tuple[Microphone, ...]:
    """Assign each unit as the session says, or else as its name suggests.

    A name with one of :data:`ROOM_WORDS` is a room microphone. Two names that differ only in a final L and R are one
    source. Every other unit is a source of its own.

    Parameters
    ----------
    session
        The user's description of the files.
    units
        The stems of a folder's files, or the channels of a file.
    files
        The file names of the units, which the session may use instead of the units.

    Returns
    -------
    One microphone per unit, in order; a stereo file is one unit.

    Raises
    ------
    InputError
        For a name that does not exist, and for a file that is listed twice.
    """
    unit_of = {unit: unit for unit in units} | dict(zip(files, units, strict=False))
    placed: dict[str, Microphone] = {}

    def place(name: str, source: str | None, where: str) -> None:
        if name not in unit_of:
            raise InputError(f"{where} names '{name}', which does not exist; the names are {', '.join(files or units)}")
        if unit_of[name] in placed:
            raise InputError(f"{where} names '{name}', which the session lists elsewhere too; list it once")
        placed[unit_of[name]] = Microphone(unit_of[name], "room" if source is None else "source", source, "as you said")

    for source, names in session.sources.items():
        for name in names:
            place(name, source, f"source '{source}'")
    for name in session.room or ():
        place(name, None, "room")
    for name in session.leave_out:
        if name in unit_of:  # a channel of a file cannot be dropped, so it stays unchanged
            place(name, None, "leave_out")
    free = [unit for unit in units if unit not in placed]
    for unit in guess_room(free) if session.room is None else ():
        placed[unit] = Microphone(unit, "room", None, "its name indicates a room microphone or a mixture")
    taken = {*units, *session.sources}
    for source, pair in guess_pairs(unit for unit in free if unit not in placed).items():
        if source not in taken:
            reason = f"{' and '.join(pair)} differ only in L and R"
            placed |= {unit: Microphone(unit, "source", source, reason) for unit in pair}
    for unit in free:
        if unit not in placed and unit in session.sources:
            raise InputError(f"source '{unit}' does not list the file '{unit}'; list it there or rename the source")
        placed.setdefault(unit, Microphone(unit, "source", unit, "a file of its own"))
    return tuple(placed[unit] for unit in units)


def announce(microphones: Iterable[Microphone]) -> None:
    """Log the guesses, so that the user can correct them."""
    guessed = [mic for mic in microphones if mic.reason not in ("as you said", "a file of its own")]
    if rooms := [mic.name for mic in guessed if mic.role == "room"]:
        listed = ", ".join(rooms)
        log.info("room microphones or mixtures by their names, left unchanged: %s (%s)", listed, OTHERWISE)
    for source in dict.fromkeys(mic.source for mic in guessed if mic.role == "source"):
        pair = " and ".join(mic.name for mic in guessed if mic.source == source)
        log.info("one source by their names: %s (%s)", pair, OTHERWISE)


def sources_of(microphones: Iterable[Microphone]) -> dict[str, str | None]:
    """Return the source of each unit by name, ``None`` for room microphones."""
    return {mic.name: mic.source for mic in microphones}


def template(units: Sequence[str]) -> str:
    """Return a commented ``session.toml`` for these units in which every entry has its default value."""
    room = guess_room(units)
    others = [unit for unit in units if unit not in room]
    pairs = {source: pair for source, pair in guess_pairs(others).items() if source not in units}
    shown: dict[str, tuple[str, ...]] = {**pairs} or {"source": tuple(others)[:2]}
    sources = "\n".join(f"# {quoted(source)} = {toml_list(files)}" for source, files in shown.items())
    first, second = (*others, "singer", "drums")[:2]
    return f"""\
# Description of this session for debleed. Delete what you do not need. Name files with or without extension.
# The files are: {", ".join(map(quoted, units))}

# Room microphones, overheads and mixtures: they have no source of their own and are left unchanged.
# Without this line they are guessed from their names.
room = {toml_list(room)}

# Files that are neither read nor written.
leave_out = []

# The most bleed to remove, in dB; without this line, as much as can be removed without harm.
# reduction = 12.0

# Every file is a source of its own, unless several microphones are listed for one source. Names that differ only in a
# final L and R are one source anyway; to separate them, list each of the two under its own name.
[sources]
{sources}

# The most bleed to remove from individual sources or microphones, in dB.
[source_reduction]
# {quoted(first)} = 6.0

# Bleed to keep: microphone = sources that stay in it.
[keep]
# {quoted(first)} = {toml_list([second])}
"""
