"""The user's description of a session: the files of each source, what to leave unchanged, how much to remove."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli_w

from debleed.io.documents import Place
from debleed.recording import InputError
from debleed.spelling import current

KEYS = ("sources", "room", "reference", "leave_out", "reduction", "source_reduction", "keep", "parts", "polyphonic")
"""The keys of a ``session.toml``."""


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


def load_session(path: Place) -> Session:
    """Read a ``session.toml``.

    Raises
    ------
    InputError
        If it is not valid TOML, or a key or value is invalid.
    """
    path = Path(path)
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as failure:
        raise InputError(f"'{path}' is not valid TOML: {failure}") from failure
    data = {current("session key", key): value for key, value in data.items()}
    for key in data:
        if key not in KEYS:
            raise InputError(f"'{path}' has an unknown key '{key}'; the keys are {', '.join(KEYS)}")
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


def _table(path: Path, data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    table = data.get(key, {})
    if not isinstance(table, dict):
        raise InputError(f"'{path}': {key} must be a table, such as [{key}]")
    return table


def _tables(path: Path, data: Mapping[str, Any], key: str) -> dict[str, tuple[str, ...]]:
    return {name: _names(path, f"{key}.{name}", files) for name, files in _table(path, data, key).items()}


def _names(path: Path, key: str, value: Any) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise InputError(f"'{path}': {key} must be a list of file names")
    return tuple(listed)


def reduction_db(where: str, value: Any) -> float:
    """Parse a reduction, a number or its text; ``where`` names the setting in the error message."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not number >= 0:
        raise InputError(f"{where} must be a number of decibels, 0 or more, got {value!r}")
    return number


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


def quoted(name: str) -> str:
    """Format any name as a TOML string."""
    return tomli_w.dumps({"name": name}).removeprefix("name = ").rstrip("\n")


def toml_list(names: Iterable[str]) -> str:
    """Format names as a TOML array on one line."""
    return "[" + ", ".join(map(quoted, names)) + "]"
