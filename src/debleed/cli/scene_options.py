"""Options that describe a scene, shared by all commands that draw one.

They are derived from the registry of kinds and the fields of their settings (:mod:`debleed.scenes.settings`).
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, fields
from functools import partial, wraps
from pathlib import Path
from typing import Any

import click

from debleed.methods.settings import parse
from debleed.scenes.scene import KINDS

Command = Callable[..., Any]


def grouped(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Parse which stems form one source.

    Examples
    --------
    >>> grouped(["drums=kick,snare"])
    {'drums': ('kick', 'snare')}
    """
    groups: dict[str, tuple[str, ...]] = {}
    for text in texts:
        source, _, listed = (part.strip() for part in text.partition("="))
        stems = tuple(stem.strip() for stem in listed.split(","))
        if not source or not all(stems):
            raise click.BadParameter(f"expected a source and its stems, such as drums=kick,snare, got '{text}'")
        if source in groups:
            raise click.BadParameter(f"the source '{source}' appears twice; list all its stems in one option")
        groups[source] = stems
    return groups


def read(text: str, hint: Any, example: str | None) -> Any:
    """Parse a text as a value of a field's type.

    Examples
    --------
    >>> read("8,5,3", tuple[float, float, float], None)
    (8.0, 5.0, 3.0)
    >>> read("0.5", float | tuple[float, float], None), read("1,3", float | tuple[float, float], None)
    (0.5, (1.0, 3.0))
    """
    try:
        return parse(text, hint)
    except ValueError:
        advice = f"; use a value such as {example}" if example else ""
        raise click.BadParameter(f"'{text}' is not valid{advice}") from None


def option(known: Field[Any], hint: Any, kinds: Sequence[str]) -> Callable[[Command], Command]:
    """Make the option for one setting; its help names the kinds of scenes that have it, unless all do.

    Parameters
    ----------
    known, hint
        The field and its type.
    kinds
        Names of the kinds of scenes that have this setting.
    """
    described, hint = known.metadata, without_none(hint)
    origin = typing.get_origin(hint)
    kind: Any = None
    reader: Callable[[Any], Any] | None = None
    if described["choices"] is not None:
        kind = click.Choice(described["choices"])
    elif hint is Path:
        kind = click.Path(path_type=Path)
    elif hint in (int, float):
        kind = hint
    elif origin is Mapping:
        reader = grouped
    elif origin is not Sequence:
        reader = partial(read, hint=hint, example=described["example"])

    def given(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        if value in (None, ()):
            return None
        return value if reader is None else reader(value)

    only = "" if len(kinds) == len(KINDS) else f" For {' and '.join(kinds)} bleed."
    return click.option(
        described["option"] or "--" + known.name.replace("_", "-"),
        known.name,
        type=kind,
        multiple=origin in (Sequence, Mapping),
        metavar=described["metavar"],
        callback=given,
        help=described["help"] + only,
    )


def without_none(hint: Any) -> Any:
    """Return a type without ``None``.

    Examples
    --------
    >>> without_none(float | None)
    <class 'float'>
    """
    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return hint
    members = [each for each in typing.get_args(hint) if each is not type(None)]
    return members[0] if len(members) == 1 else typing.Union[tuple(members)]  # noqa: UP007 - built at run time


def options() -> dict[str, Callable[[Command], Command]]:
    """Make the options for all settings of all kinds of scenes, by name; settings shared by all kinds come last."""
    owners: dict[str, list[str]] = {}
    found: dict[str, tuple[Field[Any], Any]] = {}
    for kind, scene in KINDS.items():
        hints = typing.get_type_hints(scene.settings)
        for known in fields(scene.settings):
            if known.metadata["option"] is not None:
                owners.setdefault(known.name, []).append(kind)
                first, hint = found.setdefault(known.name, (known, hints[known.name]))
                if (first.metadata, hint) != (known.metadata, hints[known.name]):
                    raise TypeError(
                        f"'{known.name}' of {kind} differs from that of {owners[known.name][0]}; rename one"
                    )
    names = sorted(found, key=lambda name: len(owners[name]) == len(KINDS))
    return {name: option(*found[name], owners[name]) for name in names}


def bleed_option(required: bool, otherwise: str = "") -> Callable[[Command], Command]:
    """Make the option ``--bleed``, which names the kind of scene."""
    listed = "; ".join(f"{name}: {scene.summary}" for name, scene in KINDS.items())
    return click.option(
        "--bleed", type=click.Choice(list(KINDS)), required=required, help=f"Kind of bleed. {listed}.{otherwise}"
    )


def scene_options(command: Command) -> Command:
    """Add the options to a command, which receives their values as the dictionary ``settings``."""
    known = options()

    @wraps(command)
    def collected(**values: Any) -> Any:
        given = {name: values.pop(name) for name in known}
        return command(settings={name: value for name, value in given.items() if value is not None}, **values)

    with_options: Command = collected
    for add in reversed(known.values()):
        with_options = add(with_options)
    return with_options
