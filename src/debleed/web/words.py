"""The command line equivalent to a run, and descriptions of the methods for a form."""

from __future__ import annotations

import dataclasses
import shlex
import types
import typing
from collections.abc import Sequence
from functools import cache
from typing import Any

from debleed.assignment import assign, sources_of
from debleed.io.session import Session
from debleed.methods import registered, usable
from debleed.methods.settings import field_types


def command_line(run: dict[str, Any], session: Session, units: Sequence[str]) -> str | None:
    """Return the ``debleed remove`` command that gives the same files, quoted for a shell.

    Parameters
    ----------
    run
        The description of the run.
    session
        Its session, with every unit assigned.
    units
        All its units, including those left out.

    Returns
    -------
    ``None`` if a name contains a character that separates names in an option; then ``session.toml`` is needed.
    """
    given = run["poly"] or run["title"]
    words = ["debleed", "remove", f"./{given}" if given.startswith("-") else given, "-o", f"./{run['title']}-clean"]
    if run["method"] != "demix":
        words += ["--method", run["method"]]
    for key, value in run["settings"].items():
        words += ["--set", f"{key}={value}"]
    default = sources_of(assign(Session(), [unit for unit in units if unit not in session.leave_out]))
    guessed = {unit for unit, source in default.items() if source is None}
    placed: set[str] = set()
    for source, names in session.sources.items():
        if names != tuple(unit for unit, guess in default.items() if guess == source):
            if "=" in source or any("," in name or name != name.strip() for name in names):
                return None
            words += ["--source", f"{source}={','.join(names)}"]
            placed |= set(names)
    if set(session.room or ()) != guessed - placed:
        for name in session.room or ():
            words += ["--room", name]
    for name in session.leave_out:
        words += ["--leave-out", name]
    for source, decibels in session.source_reduction.items():
        words += ["--reduction", f"{source}={number(decibels)}"]
    return shlex.join(words)


def number(value: float) -> str:
    """Write a number as briefly as possible without losing precision.

    Examples
    --------
    >>> number(6.0), number(0.1 + 0.2)
    ('6', '0.30000000000000004')
    """
    short = f"{value:g}"
    return short if float(short) == value and len(short) <= len(repr(value)) else repr(value)


@cache
def methods() -> list[dict[str, Any]]:
    """Describe the methods that work from the microphones alone, with their settings; do not modify the result."""
    found = []
    for name, method in usable().items():
        if not method.needs:
            found.append({"name": name, "text": registered()[name][1], "settings": settings(method)})
    return found


def settings(method: Any) -> list[dict[str, Any]]:
    """Describe the settings of a method: name, default, help and type of form field."""
    kinds = field_types(method)
    return [
        {
            "name": field.name,
            "default": text(getattr(method, field.name)),
            "help": field.metadata.get("help", ""),
            **widget(kinds[field.name]),
        }
        for field in dataclasses.fields(method)
    ]


def text(value: Any) -> str:
    """Write a value in the syntax of ``--set``."""
    if isinstance(value, tuple):
        return ",".join(text(part) for part in value)
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)


def widget(kind: Any) -> dict[str, Any]:
    """Choose a form field for a type.

    Examples
    --------
    >>> widget(bool), widget(float)["kind"], widget(float | None)["kind"]
    ({'kind': 'choice', 'choices': ['true', 'false']}, 'number', 'text')
    """
    origin = typing.get_origin(kind)
    if kind is bool:
        return {"kind": "choice", "choices": ["true", "false"]}
    if origin is typing.Literal:
        return {"kind": "choice", "choices": list(typing.get_args(kind))}
    if kind in (int, float):
        return {"kind": "number", "whole": kind is int}
    return {"kind": "text", "optional": origin in (typing.Union, types.UnionType)}
