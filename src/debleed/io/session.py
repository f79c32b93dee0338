"""What the user says of a session: which files belong to which source, what is left alone, how much is removed."""

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

KEYS = ("sources", "room", "leave_out", "reduction", "source_reduction", "keep")
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
        The same for single sources or microphones.
    keep
        Microphone or source → sources whose bleed stays in it.
    """

    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    room: tuple[str, ...] | None = None
    leave_out: tuple[str, ...] = ()
    reduction: float | None = None
    source_reduction: Mapping[str, float] = field(default_factory=dict)
    keep: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def session_path(given: Place) -> Path:
    """Where the session of an input lies: in the folder, or beside a single file under its name."""
    given = Path(given)
    return given.with_suffix(".session.toml") if given.is_file() else given / "session.toml"


def load_session(path: Place) -> Session:
    """Read a ``session.toml``.

    Raises
    ------
    InputError
        Where it is not TOML, or has a key or value that means nothing.
    """
    path = Path(path)
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
        reduction=reduction_db(f"'{path}': reduction", data["reduction"]) if "reduction" in data else None,
        source_reduction={v: reduction_db(f"'{path}': source_reduction.{v}", x) for v, x in reductions.items()},
        keep={mic: _names(path, f"keep.{mic}", names) for mic, names in _table(path, data, "keep").items()},
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


def reduction_db(where: str, value: Any) -> float:
    """Read a reduction, a number or its text; ``where`` says in the refusal what it was for."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not number >= 0:
        raise InputError(f"{where} must be a number of decibels, 0 or more, got {value!r}")
    return number


def left_out(session: Session, files: Sequence[Place]) -> tuple[str, ...]:
    """Return the names of the files to leave out, each checked to be there."""
    paths = [Path(file) for file in files]
    known = {name for path in paths for name in (path.name, path.stem)}
    for name in session.leave_out:
        if name not in known:
            raise InputError(f"leave_out names '{name}', which is not there; the files are {_listed(paths)}")
    return session.leave_out


def _listed(files: Iterable[Path]) -> str:
    return ", ".join(file.name for file in files)


def dumped(session: Session) -> str:
    """Write a session as the ``session.toml`` that :func:`load_session` reads it from.

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
        "leave_out": list(session.leave_out) or None,
        "reduction": None if session.reduction is None else float(session.reduction),
        "sources": {source: list(names) for source, names in session.sources.items()} or None,
        "source_reduction": {source: float(most) for source, most in session.source_reduction.items()} or None,
        "keep": {mic: list(names) for mic, names in session.keep.items()} or None,
    }
    return tomli_w.dumps({key: value for key, value in said.items() if value is not None})


def quoted(name: str) -> str:
    """Write a name as TOML does, whatever is in it."""
    return tomli_w.dumps({"name": name}).removeprefix("name = ").rstrip("\n")


def toml_list(names: Iterable[str]) -> str:
    """Write names as a list in TOML, on one line."""
    return "[" + ", ".join(map(quoted, names)) + "]"
