"""Names that differ in one number: what may be parts or takes of one file, or as well microphones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from debleed.io.recorder.facts import Facts
from debleed.io.track_names import of_file

SEPARATORS = " _-#.("
"""What stands between a name and its number; Logic writes ``Kick#01``."""

MOST_DIGITS = 8
"""Digits of the longest number that counts parts: X-Live writes ``00000001``."""

FIRST = 2
"""The highest number after a file without one: ``name`` and then ``name_1``, or ``name`` and then ``name 2``."""

Kind = tuple[object, ...]
"""What all files of a series have in common beside their names."""


class Key(NamedTuple):
    """What the files of a series have in common."""

    folder: Path
    before: str
    after: str
    kind: Kind


@dataclass(frozen=True)
class Series:
    """Files whose names differ in one number, in its order.

    Parameters
    ----------
    name
        What the names have in common; empty if they are nothing but numbers.
    ending
        What follows the number.
    numbers
        The number of each file, rising. A file without a number comes first.
    files
        The files.
    take_numbers
        Whether the numbers are written as programs write those of takes: at the end, with two digits or more.
    """

    name: str
    ending: str
    numbers: tuple[int, ...]
    files: tuple[Facts, ...]
    take_numbers: bool = False

    @property
    def lengths(self) -> tuple[int, ...]:
        """Samples of each file."""
        return tuple(file.frames for file in self.files)

    @property
    def by_number(self) -> dict[int, int]:
        """Number → samples of the file that has it."""
        return dict(zip(self.numbers, self.lengths, strict=True))

    @property
    def paths(self) -> frozenset[Path]:
        """The paths of the files."""
        return frozenset(file.path for file in self.files)

    @property
    def polyphonic(self) -> bool:
        """Whether the files have more channels than a stereo pair."""
        return self.files[0].channels > 2


def all_series(files: Sequence[Facts]) -> list[Series]:
    """List all series of two files or more; a file is in one series for each number in its name.

    The files of a series have the same folder, format and names of tracks; numbers in the names of tracks may differ.
    """
    found: dict[Key, dict[int, Facts]] = {}
    twice: set[Key] = set()
    alone = {(file.path.parent, file.path.stem, _kind(file)): file for file in files}
    for file in files:
        for before, number, after in numbered(file.path.stem):
            key = Key(file.path.parent, before, after, _kind(file))
            members = found.setdefault(key, {})
            if number in members:
                twice.add(key)  # 1 and 01
            members[number] = file
    series = []
    for key, members in found.items():
        first = alone.get((key.folder, key.before.rstrip(SEPARATORS) + key.after, key.kind))
        if first is not None and 0 < min(members) <= FIRST:
            members[min(members) - 1] = first
        if len(members) > 1 and key not in twice:
            order = sorted(members)
            parts = tuple(members[number] for number in order)
            series.append(Series(base(key.before, key.after), key.after, tuple(order), parts, _written(key, parts)))
    return series


def _written(key: Key, files: Sequence[Facts]) -> bool:
    """Whether the numbers end the names and have two digits or more, as programs write those of takes."""
    digits = [len(file.path.stem) - len(key.before) - len(key.after) for file in files]
    return not key.after and all(count > 1 for count in digits)


def _kind(file: Facts) -> Kind:
    label = of_file(file.names) if file.channels <= 2 else None
    names = file.names if label is None and file.channels > 1 else (label,)
    return (*file.form, *(name and re.sub(r"\d+", "#", name) for name in names))


def numbered(stem: str) -> list[tuple[str, int, str]]:
    """List the numbers of a name, each with what stands before and after it.

    Examples
    --------
    >>> numbered("ZOOM0001_Tr2")
    [('ZOOM', 1, '_Tr2'), ('ZOOM0001_Tr', 2, '')]
    """
    found = re.finditer(r"\d+", stem)
    return [(stem[: m.start()], int(m[0]), stem[m.end() :]) for m in found if len(m[0]) <= MOST_DIGITS]


def base(before: str, after: str) -> str:
    """Return a name without the number between these; empty if it is nothing but a number.

    Examples
    --------
    >>> base("Kick_", ""), base("", "_Kick"), base("ZOOM", "_Tr2")
    ('Kick', 'Kick', 'ZOOM_Tr2')
    """
    return (before.rstrip(SEPARATORS) + after).strip(SEPARATORS)
