"""The command line equivalent to a run, and descriptions of the methods for a form."""

from __future__ import annotations

import dataclasses
import math
import shlex
import types
import typing
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from debleed.assignment import Microphone, assign
from debleed.io.session import Session
from debleed.methods import registered, usable
from debleed.methods.settings import field_types
from debleed.recording import InputError


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
    ``None`` if a name contains a character that separates names in an option, or if the user said which files are one;
    then ``session.toml`` is needed.
    """
    if session.parts is not None or session.polyphonic is not None:
        return None
    given = run["poly"] or run["title"]
    words = ["debleed", "remove", f"./{given}" if given.startswith("-") else given, "-o", f"./{run['title']}-clean"]
    if run["method"] != "demix":
        words += ["--method", run["method"]]
    for key, value in run["settings"].items():
        words += ["--set", f"{key}={value}"]
    said = least_said(session, units, run.get("labels") or [None] * len(units))
    if said is None:
        return None
    for source, names in said.sources.items():
        words += ["--source", f"{source}={','.join(names)}"]
    for name in said.room or ():
        words += ["--room", name]
    for name in said.reference or ():
        words += ["--reference", name]
    for name in session.leave_out:
        words += ["--leave-out", name]
    for source, decibels in session.source_reduction.items():
        words += ["--reduction", f"{source}={number(decibels)}"]
    if unsayable(session.keep):
        return None
    for mic, kept in session.keep.items():
        words += ["--keep", f"{mic}={','.join(kept)}"]
    if run.get("region"):
        words += ["--region", "-".join(number(second) for second in run["region"])]
    return shlex.join(words)


def least_said(session: Session, units: Sequence[str], labels: Sequence[str | None]) -> Session | None:
    """Return as little of a session as options can say to the same effect; ``None`` if they cannot."""
    kept = [(unit, label) for unit, label in zip(units, labels, strict=True) if unit not in session.leave_out]

    def meant(told: Session) -> tuple[Microphone, ...] | None:
        try:
            found = assign(told, [unit for unit, _ in kept], labels=[label for _, label in kept])
        except InputError:  # a part of the session that does not make sense without the rest
            return None
        return tuple(Microphone(mic.name, mic.role, mic.source, "") for mic in found)

    wanted, usual = meant(dataclasses.replace(session, leave_out=())), meant(Session())
    members: dict[str | None, tuple[str, ...]] = {}
    for mic in usual or ():
        members[mic.source] = (*members.get(mic.source, ()), mic.name)
    new = {source: names for source, names in session.sources.items() if names != members.get(source)}
    room, reference = session.room or None, session.reference or None
    for sources in (new, session.sources):
        for told in (
            Session(sources),
            Session(sources, room),
            Session(sources, reference=reference),
            Session(sources, room, reference=reference),
        ):
            if not unsayable(sources) and meant(told) == wanted:
                return told
    return None


def unsayable(sources: Mapping[str, Sequence[str]]) -> bool:
    """Whether a name holds what separates names in an option."""
    return any("=" in source for source in sources) or any(
        "," in name or name != name.strip() for names in sources.values() for name in names
    )


LONGEST_TITLE = 120
"""Bytes of a title that says all settings; a longer one could not be the name of a file everywhere."""


def titled(run: dict[str, Any], session: Session) -> str:
    """Return what a run with a session is called as a file: its title, its method, and all that was set.

    Examples
    --------
    >>> sources = {"singer": ("singer",), "drums": ("drums",)}
    >>> run = {"title": "gig", "method": "demix", "settings": {"tracking": "false"}}
    >>> titled(run, Session(sources)), titled(run, Session(sources, source_reduction={"singer": 6.0}))
    ('gig, demix, tracking=false', 'gig, demix, tracking=false, singer 6 dB')
    >>> titled(run | {"settings": {}}, Session(sources, source_reduction={"singer": 12.0, "drums": 12.0}))
    'gig, demix, 12 dB'
    >>> kept = Session(sources, source_reduction={"drums": 6.0, "kick": float("inf")}, keep={"singer": ("drums",)})
    >>> titled(run | {"settings": {}, "region": [1, 4.5]}, kept)
    'gig, demix, drums 6 dB, kick all, drums kept in singer, 1 to 4.5 s'
    """
    limits = session.source_reduction
    alike = set(limits) == set(session.sources) and len(set(limits.values())) == 1
    told = [
        f"{'' if alike else f'{name} '}{'all' if math.isinf(limit) else f'{number(limit)} dB'}"
        for name, limit in sorted(limits.items())
    ]
    parts = [*(f"{key}={value}" for key, value in run["settings"].items()), *dict.fromkeys(told)]
    parts += [f"{' and '.join(kept)} kept in {mic}" for mic, kept in sorted(session.keep.items())]
    if run.get("region"):
        parts.append(f"{' to '.join(map(number, run['region']))} s")
    usual = f"{run['title']}, {run['method']}"
    whole = ", ".join([usual, *parts]).replace("/", "_").replace("\\", "_")
    return whole if len(whole.encode()) <= LONGEST_TITLE else f"{usual}, own settings"


def number(value: float) -> str:
    """Write a number as briefly as possible without losing precision.

    Examples
    --------
    >>> number(6.0), number(0.1 + 0.2)
    ('6', '0.30000000000000004')
    """
    short = f"{value:g}"
    return short if float(short) == value and len(short) <= len(repr(value)) else repr(value)


WARNINGS = {
    "kamir": "Attenuates frequencies instead of subtracting the bleed; demix did better in our benchmarks.",
    "kamir-published": "The settings of the paper; those of kamir did better in our benchmarks.",
    "instantaneous": "Only for tracks without delays between them, as from a desk; microphones in a room have delays.",
    "t-unet": "Only for tracks without delays between them, as from a desk; microphones in a room have delays.",
    "di-cae": "May do more harm than good; compare it with the original.",
    "f-unet": "May do more harm than good; compare it with the original.",
    "df-unet": "Experimental; demix did far better in our benchmarks.",
    "df-unet-gat": "Experimental; demix did far better in our benchmarks.",
    "unprocessed": "Removes nothing.",
}
"""Where methods do not fit, said before they are used."""


@cache
def methods() -> list[dict[str, Any]]:
    """Describe the methods that work from the microphones alone, with their settings; do not modify the result."""
    found = []
    for name, method in usable().items():
        if not method.needs:
            known = {"sources": method.source_count, "selective": selective(method), "warning": WARNINGS.get(name)}
            found.append({"name": name, "text": registered()[name][1], "settings": settings(method), **known})
    return found


def selective(method: Any) -> bool:
    """Whether what a method learns can keep the bleed of selected sources, see :class:`debleed.methods.Selective`."""
    return hasattr(typing.get_type_hints(type(method).learn).get("return"), "keeping")


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
