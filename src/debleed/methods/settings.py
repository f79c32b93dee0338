"""Method settings as text: ``key=value``, parsed according to the type of the method's field."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterable
from typing import Any

from debleed.methods import Method, create
from debleed.recording import InputError

WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def split(text: str, option: str) -> tuple[str, str]:
    """Split ``key=value``."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise InputError(f"{option} needs key=value, got '{text}'")
    return key.strip(), value.strip()


def configured(name: str, pairs: Iterable[str]) -> Method:
    """Create a method with settings from ``key=value``.

    Raises
    ------
    InputError
        For an unknown method or setting, and for a value of the wrong type.
    """
    try:
        return create(name, **settings(name, pairs))
    except InputError:
        raise
    except ValueError as refusal:
        raise InputError(f"method '{name}': {refusal}") from refusal


def settings(name: str, pairs: Iterable[str]) -> dict[str, Any]:
    """Parse settings of a method from ``key=value``.

    Raises
    ------
    InputError
        For an unknown method or setting, and for a value of the wrong type.
    """
    kinds = field_types(create(name))
    parsed: dict[str, Any] = {}
    for pair in pairs:
        key, text = split(pair, "--set")
        if key not in kinds:
            create(name, **{key: text})  # raises an error that lists the known settings
        try:
            parsed[key] = parse(text, kinds[key])
        except ValueError:
            raise InputError(
                f"setting '{key}' of method '{name}' must be {kind_name(kinds[key])}, got '{text}'"
            ) from None
    return parsed


def field_types(method: Method) -> dict[str, Any]:
    """Return the type of each setting."""
    hints = typing.get_type_hints(type(method))
    return {field.name: hints[field.name] for field in dataclasses.fields(method)}  # type: ignore[arg-type]


def parse(text: str, kind: Any) -> Any:
    """Parse text as a type: bool, int, float, str, a literal, a tuple, or a union of these.

    Raises
    ------
    ValueError
        If the text does not represent a value of this type.

    Examples
    --------
    >>> parse("2048", int), parse("off", bool), parse("4,8", tuple[int, ...]), parse("none", float | None)
    (2048, False, (4, 8), None)
    """
    origin, members = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _first(text, members)
    if origin is typing.Literal:
        if text not in members:
            raise ValueError(text)
        return text
    if origin is tuple:
        parts = [part.strip() for part in text.strip("()[] ").split(",") if part.strip()]
        inner = [members[0]] * len(parts) if members[-1] is ... else list(members)
        return tuple(parse(part, one) for part, one in zip(parts, inner, strict=True))
    if kind is bool:
        if text.lower() not in WORDS:
            raise ValueError(text)
        return WORDS[text.lower()]
    if kind is type(None):
        if text.lower() != "none":
            raise ValueError(text)
        return None
    return kind(text)


def _first(text: str, kinds: Iterable[Any]) -> Any:
    # None first, so that "none" is not parsed as a str
    for kind in sorted(kinds, key=lambda kind: kind is not type(None)):
        try:
            return parse(text, kind)
        except ValueError:
            continue
    raise ValueError(text)


def kind_name(kind: Any) -> str:
    """Return the name of a type for messages."""
    return kind.__name__ if isinstance(kind, type) and not typing.get_args(kind) else str(kind).replace("typing.", "")
