"""Options that describe a scene, the same in every command that draws one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import click

from debleed.scenes.acoustics import PATTERNS
from debleed.scenes.drawing import LAYOUTS


def numbers(count: int, text: str) -> tuple[float, ...]:
    """Read so many positive numbers, separated by commas.

    Examples
    --------
    >>> numbers(3, "8,5,3")
    (8.0, 5.0, 3.0)
    """
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != count or not all(0 < value < float("inf") for value in values):
        example = ",".join("853"[:count])
        raise click.BadParameter(f"'{text}' is not {count} positive numbers separated by commas, such as {example}")
    return values


def one_or_range(text: str) -> float | tuple[float, ...]:
    """Read a positive number or a range.

    Examples
    --------
    >>> one_or_range("0.5"), one_or_range("1,3")
    (0.5, (1.0, 3.0))
    """
    if "," in text:
        return numbers(2, text)
    try:
        return float(text)
    except ValueError:
        raise click.BadParameter(
            f"'{text}' is neither a number of metres, such as 0.5, nor a range, such as 1,3"
        ) from None


def grouped(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Read which stems make one source.

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
            raise click.BadParameter(f"'{text}' does not say which stems make a source, as in drums=kick,snare")
        if source in groups:
            raise click.BadParameter(f"the source '{source}' is given twice; name all its stems at once")
        groups[source] = stems
    return groups


def _reads(reader: Callable[[Any], Any]) -> Callable[[click.Context, click.Parameter, Any], Any]:
    return lambda context, option, given: None if given in (None, ()) else reader(given)


PATTERN = click.Choice(["omni", *PATTERNS])

OPTIONS: dict[str, Callable[[Callable[..., Any]], Callable[..., Any]]] = {
    "rt60": click.option("--rt60", type=float, metavar="S", help="Reverberation time in seconds; 0.35 if not given."),
    "room": click.option(
        "--room",
        metavar="L,W,H",
        callback=_reads(lambda text: numbers(3, text)),
        help="Size of the room in metres; drawn if not given.",
    ),
    "layout": click.option(
        "--layout",
        type=click.Choice(LAYOUTS),
        help="Sources in a row along the room (if not given), or drawn anywhere in it with microphones on any side.",
    ),
    "distance": click.option(
        "--distance",
        metavar="M|M,M",
        callback=_reads(one_or_range),
        help="Metres from a source to its microphone, or a range to draw them from; 0.5 if not given.",
    ),
    "microphone_pattern": click.option(
        "--microphone-pattern",
        type=PATTERN,
        help="Directivity of the microphones in a room; each points at its source. Omni if not given.",
    ),
    "source_pattern": click.option(
        "--source-pattern",
        type=PATTERN,
        help="Directivity of the sources in a room; each points at its microphone. Omni if not given.",
    ),
    "responses": click.option(
        "--responses",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Folder of measured impulse responses for convolutive bleed, instead of made-up ones.",
    ),
    "groups": click.option(
        "--group",
        "groups",
        multiple=True,
        metavar="SOURCE=STEM,STEM",
        callback=_reads(grouped),
        help="Several stems are one source with one microphone; repeat for more sources.",
    ),
    "without_mic": click.option(
        "--without-mic",
        multiple=True,
        metavar="SOURCE",
        help="This source has no microphone: it bleeds and is wanted nowhere; repeat for more sources.",
    ),
    "noise_db": click.option(
        "--noise-db", type=float, metavar="DB", help="Microphone noise against each microphone's level, as -40."
    ),
}
"""By the settings of :meth:`debleed.scenes.scene.Scene.draw` that they give."""


def scene_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which gets what was given as ``settings`` of :meth:`Scene.draw`."""

    @wraps(command)
    def collected(**values: Any) -> Any:
        given = {name: values.pop(name) for name in OPTIONS}
        settings = {name: value for name, value in given.items() if value not in (None, ())}
        return command(settings=settings, **values)

    with_options: Callable[..., Any] = collected
    for option in reversed(OPTIONS.values()):
        with_options = option(with_options)
    return with_options
