"""The user's description of a session: the files of each source, what to leave unchanged, how much to remove."""

from __future__ import annotations

import errno
import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli_w

from debleed.io.documents import Place, shortened
from debleed.recording import InputError
from debleed.spelling import current

KEYS = ("sources", "room", "reference", "leave_out", "reduction", "source_reduction", "keep", "parts", "polyphonic")
"""The keys of a ``session.toml``."""


LARGEST = 2**22
"""Bytes of a session file; one for 10,000 microphones has less than a megabyte."""

LONGEST_NAME = 1000
"""Characters of a name; a file name can have 255 bytes."""


@dataclass(frozen=True)
class Session:
    """The user's description of the files; empty fields select the defaults.

    Parameters
    ----------
    sources
        Source → its files, by name or stem; a file that is not listed is a source of its own.
    room
        Room microphones, which are returned unchanged; ``None`` recognizes them by name.
    leave_out
        Files to ignore: neither read nor written.
    reduction
        The maximum reduction of the bleed in dB; ``None`` for no limit.
    source_reduction
        The same for individual sources or microphones.
    keep
        Microphone or source → sources whose bleed to keep in it.
    reference
        Tracks that are signals, not microphones, which are returned unchanged; ``None`` recognizes them by name. Each
        has the source that lists it, or else one of its own.
    parts
        Name → the files that are one, in order of time; other files are not joined. ``None`` tells them from names,
        headers, time stamps and lengths, see :mod:`debleed.io.recorder.telling`.
    polyphonic
        Files with two channels that are two microphones, not a stereo pair; ``None`` tells them by the names of their
        tracks. The channels of files with more are microphones anyway.
    guessed
        File → reason, for those whose place above was guessed, not chosen by the user. No session file has it.
    """

    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    room: tuple[str, ...] | None = None
    leave_out: tuple[str, ...] = ()
    reduction: float | None = None
    source_reduction: Mapping[str, float] = field(default_factory=dict)
    keep: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reference: tuple[str, ...] | None = None
    guessed: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, tuple[str, ...]] | None = None
    polyphonic: tuple[str, ...] | None = None


def session_path(given: Place) -> Path:
    """Return the path of an input's session file: in the folder, or next to a single file and named after it."""
    given = Path(given)
    return given.with_suffix(".session.toml") if given.is_file() else given / "session.toml"


def has_session(given: Place) -> bool:
    """Whether an input has a session file; a name too long for one beside it has none."""
    try:
        return session_path(given).exists()
    except OSError as failure:
        if failure.errno == errno.ENAMETOOLONG:
            return False
        raise


def load_session(path: Place) -> Session:
    """Read a ``session.toml``.

    Raises
    ------
    InputError
        If it cannot be read, is not valid TOML, or a key or value is invalid.
    """
    path = Path(path)
    data = {current("session key", key): value for key, value in _parsed(path).items()}
    for key in data:
        if key not in KEYS:
            raise InputError(f"'{path}' has an unknown key '{shortened(key)}'; the keys are {', '.join(KEYS)}")
    reductions = _table(path, data, "source_reduction")
    return Session(
        sources=_tables(path, data, "sources"),
        room=_names(path, "room", data["room"]) if "room" in data else None,
        reference=_names(path, "reference", data["reference"]) if "reference" in data else None,
        leave_out=_names(path, "leave_out", data.get("leave_out", [])),
        reduction=reduction_db(f"'{path}': reduction", data["reduction"]) if "reduction" in data else None,
        source_reduction={v: reduction_db(f"'{path}': source_reduction.{v}", x) for v, x in reductions.items()},
        keep=_tables(path, data, "keep"),
        parts=_tables(path, data, "parts") if "parts" in data else None,
        polyphonic=_names(path, "polyphonic", data["polyphonic"]) if "polyphonic" in data else None,
    )


def _parsed(path: Path) -> dict[str, Any]:
    """Read a TOML file that may be anything."""
    if path.exists() and not path.is_file():  # to open a pipe would wait for who writes to it
        raise InputError(f"'{path}' is not a file; rename it, or write one with 'debleed init'")
    try:
        if path.stat().st_size <= LARGEST:
            return tomllib.loads(path.read_text("utf-8-sig"))  # some editors begin with a mark of the byte order
    except RecursionError:
        raise InputError(f"'{path}' is not valid TOML: its lists or tables are nested too deeply") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as failure:
        raise InputError(f"'{path}' is not valid TOML: {shortened(str(failure), 300)}") from failure
    except ValueError:  # of int()
        raise InputError(f"'{path}' has a number with thousands of digits; shorten it") from None
    except OSError as failure:
        raise InputError(f"'{path}' cannot be read: {failure.strerror or failure}") from failure
    raise InputError(f"'{path}' is larger than any session file; rename it")


def _table(path: Path, data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    table = data.get(key, {})
    if not isinstance(table, dict):
        raise InputError(f"'{path}': {key} must be a table, such as [{key}]")
    if long := next((name for name in table if len(name) > LONGEST_NAME), None):
        raise InputError(f"'{path}': {key} has a name of {len(long)} characters; shorten it")
    return table


def _tables(path: Path, data: Mapping[str, Any], key: str) -> dict[str, tuple[str, ...]]:
    return {name: _names(path, f"{key}.{name}", files) for name, files in _table(path, data, key).items()}


def _names(path: Path, key: str, value: Any) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise InputError(f"'{path}': {key} must be a list of file names")
    if long := next((name for name in listed if len(name) > LONGEST_NAME), None):
        raise InputError(f"'{path}': {key} has a name of {len(long)} characters; shorten it")
    return tuple(listed)


def reduction_db(where: str, value: Any) -> float:
    """Parse a reduction, a number or its text; ``where`` names the setting in the error message."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not number >= 0:
        raise InputError(f"{where} must be a number of decibels, 0 or more, got {shortened(_shown(value))}")
    return number


def _shown(value: Any) -> str:
    try:
        return repr(value)
    except (RecursionError, ValueError):  # thousands of digits, which Python does not print
        return f"a very long {type(value).__name__}"


def left_out(session: Session, files: Sequence[Place]) -> tuple[str, ...]:
    """Return the names of the files to leave out; refuse names that do not exist."""
    paths = [Path(file) for file in files]
    known = {name for path in paths for name in (path.name, path.stem)}
    for name in session.leave_out:
        if name not in known:
            raise InputError(f"leave_out lists '{name}', but there is no such file; the files are {_listed(paths)}")
    return session.leave_out


def _listed(files: Iterable[Path]) -> str:
    return ", ".join(file.name for file in files)


def dumped(session: Session) -> str:
    """Format a session as a ``session.toml`` for :func:`load_session`.

    Examples
    --------
    >>> print(dumped(Session({"kick": ("in", "out")}, room=(), source_reduction={"kick": 6.0})), end="")
    room = []
    <BLANKLINE>
    [sources]
    kick = [
        "in",
        "out",
    ]
    <BLANKLINE>
    [source_reduction]
    kick = 6.0
    """
    said: dict[str, Any] = {
        "room": None if session.room is None else list(session.room),
        "reference": None if session.reference is None else list(session.reference),
        "leave_out": list(session.leave_out) or None,
        "reduction": None if session.reduction is None else float(session.reduction),
        "sources": {source: list(names) for source, names in session.sources.items()} or None,
        "source_reduction": {source: float(most) for source, most in session.source_reduction.items()} or None,
        "keep": {mic: list(names) for mic, names in session.keep.items()} or None,
        "polyphonic": None if session.polyphonic is None else list(session.polyphonic),
        "parts": None if session.parts is None else {name: list(files) for name, files in session.parts.items()},
    }
    return tomli_w.dumps({key: value for key, value in said.items() if value is not None})


def sayable(name: str) -> bool:
    """Whether a session file can hold a name: not if the name has bytes that are not UTF-8."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def quoted(name: str) -> str:
    """Format any name as a TOML string."""
    return tomli_w.dumps({"name": name}).removeprefix("name = ").rstrip("\n")


def toml_list(names: Iterable[str]) -> str:
    """Format names as a TOML array on one line."""
    return "[" + ", ".join(map(quoted, names)) + "]"
