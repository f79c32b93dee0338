"""A folder of results: one line of JSON for each item and method.

Nothing is measured twice: the item (the checksums of its files), the method, its settings and the version of the
package identify a line. If a method cannot run on an item, the line has the reason (``refused``) instead of scores, and
the next run tries again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from debleed import __version__
from debleed.io.documents import json_line
from debleed.methods import create, registered
from debleed.recording import InputError
from debleed.scenes.corpus import Item, items_of, read_manifest
from debleed.scoring.scores import Scores

LINES = "scores.jsonl"

Line = dict[str, Any]

SOUNDCHECK = " (soundcheck)"
"""Suffix of the name of a method that learnt from the soundcheck of an item."""


def key(line: Mapping[str, Any]) -> str:
    """Return the identity of a measurement."""
    return json.dumps(
        [line[name] for name in ("sound", "item", "method", "settings", "version")], sort_keys=True, allow_nan=False
    )


def read_lines(folder: Path) -> list[Line]:
    """Read the results; skip incomplete lines of killed runs.

    Raises
    ------
    InputError
        If there are no results.
    """
    path = folder / LINES
    if not path.is_file():
        raise InputError(
            f"'{folder}' contains no results because it has no {LINES}; make some with 'debleed benchmark'"
        )
    lines = {}
    for text in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            line = json.loads(text)
        except ValueError:
            continue
        lines[key(line)] = line
    return list(lines.values())


def append(folder: Path, line: Line) -> None:
    """Append a line in a single write; first end an incomplete line of a killed run."""
    path = folder / LINES
    with path.open("ab+") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        whole = file.read(1) in (b"", b"\n")
        file.write((("" if whole else "\n") + json_line(line) + "\n").encode())


def shown_lines(lines: Iterable[Line], corpora: Sequence[Path]) -> list[Line]:
    """Select the results for the tables: those on these corpora, with this version and the current settings.

    Of several results with the same name (from another program), keep the last.
    """
    bleeds: dict[str, list[tuple[str, str]]] = {}
    for corpus, bleed in bleed_names(corpora).items():
        for item in items_of(corpus):
            bleeds.setdefault(sound_of(item), []).append((bleed, item.id))
    shown: dict[tuple[str, str, str], Line] = {}
    for line in lines:
        method = line["method"]
        ours = method.removesuffix(SOUNDCHECK) in registered()
        if line["version"] == __version__ and (not ours or line["settings"] == settings_of(method)):
            for bleed, item_id in bleeds.get(line["sound"], []):
                shown[bleed, item_id, method] = {**line, "bleed": bleed, "item": item_id}
    order = [bleed for pairs in bleeds.values() for bleed, _ in pairs]
    return sorted(shown.values(), key=lambda line: (order.index(line["bleed"]), line["item"]))


def scored(lines: Iterable[Line]) -> list[Line]:
    """Select the lines that have scores instead of a reason for having none."""
    return [line for line in lines if "scores" in line]


def scores_of(lines: Iterable[Mapping[str, Any]]) -> Scores:
    """Join the scores of several lines; each item counts as one recording."""
    first, *rest = (Scores.from_json(line["scores"]) for line in lines)
    for other in rest:
        first = first + other
    return first


# ------------------------------------------------------------------------------------------------------ identities


def bleed_names(corpora: Sequence[Path]) -> dict[Path, str]:
    """Name the bleed of each corpus; add rate, length or seed where two names would be the same."""
    recipes = {corpus: read_manifest(corpus)["recipe"] for corpus in corpora}
    names = {corpus: bleed_name(recipe) for corpus, recipe in recipes.items()}
    for key in ("rate", "seconds", "seed"):
        alike = Counter(names.values())
        told = {corpus: recipe[key] for corpus, recipe in recipes.items() if alike[names[corpus]] > 1}
        if len(set(told.values())) > 1:
            names |= {corpus: f"{names[corpus]}, {key} {value}" for corpus, value in told.items()}
    return names


def bleed_name(recipe: Mapping[str, Any]) -> str:
    """Name the bleed of a corpus: its scene set, its preset, or its kind with the settings that were changed.

    Examples
    --------
    >>> bleed_name({"draw": {"kind": "room", "rt60": 0.5}})
    'room, rt60 0.5'
    """
    if "name" in recipe:  # of a scene set
        return str(recipe["name"])
    settings = dict(recipe["draw"])
    kind = settings.pop("preset", None) or settings.pop("kind")
    told = [f"{key.replace('_', ' ')} {plainly(value)}" for key, value in settings.items()]
    return ", ".join([kind, *told])


def plainly(value: Any) -> str:
    """Format a setting without JSON syntax."""
    if isinstance(value, list):
        return " × ".join(map(plainly, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def settings_of(method: str) -> dict[str, Any]:
    """Return the settings of a method: its defaults."""
    made = create(method.removesuffix(SOUNDCHECK))
    described: dict[str, Any] = dataclasses.asdict(made)  # type: ignore[call-overload]
    return described


def sound_of(item: Item) -> str:
    """Return an identifier of an item's audio, made from the checksums of its files."""
    return hashlib.sha256(json_line(sorted(item.entry["files"].items())).encode()).hexdigest()[:16]
