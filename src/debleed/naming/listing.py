"""What the names of all tracks say together: titles that they share, mains, and microphones of one source."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from debleed.naming.reading import Reading, read
from debleed.naming.vocabulary import BARE_MODELS, INSTRUMENTS, PARTNERS, SINGERS

FEWEST_TITLED = 3
"""Names that must begin alike before the beginning is a title; two may well be two microphones of one source."""

NAMED = frozenset((*INSTRUMENTS.values(), *SINGERS.values()))
"""Words that name another source: the bass's direct box is not that of a bass clarinet, or of the bassist's vocals."""


def read_all(names: Sequence[str]) -> tuple[Reading, ...]:
    """Read names without the title and the take that all of them share.

    Examples
    --------
    >>> [reading.kind for reading in read_all(["Town Hall - Bass_01", "Town Hall - Gtr_01", "Town Hall - Mix_01"])]
    ['source', 'source', 'room']
    """
    readings = [read(name) for name in without_title(without_take(names))]
    bare = [reading.alone for reading in readings if reading.alone and not reading.words]
    if frozenset().union(*bare) in PARTNERS:
        readings = [replace(reading, kind="room") if reading.alone else reading for reading in readings]
    return tuple(readings)


def without_take(names: Sequence[str]) -> list[str]:
    """Cut the number or date with which all names end.

    Examples
    --------
    >>> without_take(["Kick In_01", "EGtr 57_01"]), without_take(["vox 1", "vox 2"])
    (['Kick In', 'EGtr 57'], ['vox 1', 'vox 2'])
    """
    if len(names) < 2:
        return list(names)
    shared = beginning([name[::-1] for name in names])[::-1]
    match = re.search(r"[\W_]+\d[\d\W_]*$", shared)
    return [name[: len(name) - len(match.group())] if match else name for name in names]


def without_title(names: Sequence[str]) -> list[str]:
    """Cut the words with which all names begin, if most go on with a source, and so the beginning names none."""
    match = re.match(r".*[\W_]", beginning(names))
    if len(names) < FEWEST_TITLED or not match or known(match.group()):
        return list(names)
    rest = [name[match.end() :] for name in names]
    told = sum(known(name) for name in rest)
    return rest if 2 * told >= len(names) and all(rest) else list(names)


def beginning(texts: Sequence[str]) -> str:
    """Return the longest text with which all texts begin."""
    low, high = min(texts, default=""), max(texts, default="")
    length = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
    return low[:length]


def known(name: str) -> bool:
    """Whether a name has the word of an instrument or a singer."""
    return bool(read(name).known)


def of_one_source(readings: Sequence[Reading]) -> list[tuple[int, ...]]:
    """Return the positions of names that mean one source, two or more each.

    They have the same words and numbers and differ in their places. Two names that have the same places too differ in
    nothing but the numbers of their tracks, so neither is in a group.
    """
    numbered = {reading.words[:-1] for reading in readings if reading.words and reading.words[-1].isdecimal()}
    found: dict[tuple[str, ...], list[int]] = {}
    for i, reading in enumerate(readings):
        models = {place for place in reading.places if place.isdecimal() and int(place) in BARE_MODELS}
        counted = models and reading.words in numbered  # beside gtr 1 and gtr 2, gtr 57 may be one more guitar
        if reading.words and not counted:
            found.setdefault(_of_box(reading, readings), []).append(i)
    groups = []
    for members in found.values():
        often = Counter(readings[i].places for i in members)
        group = tuple(i for i in members if often[readings[i].places] == 1)
        if len(group) > 1:
            groups.append(group)
    return groups


def _of_box(reading: Reading, readings: Sequence[Reading]) -> tuple[str, ...]:
    """Return the words of a name, or for a direct box without a microphone those of the only one that may be its own.

    To subtract a box from its own source would remove that source, so ``bass DI`` belongs to ``bass amp 1`` or ``bass
    SVT``.
    """
    if not reading.direct or any(other.words == reading.words and not other.direct for other in readings):
        return reading.words
    near = {other.words for other in readings if not other.direct and _may_be_of(reading, other)}
    return near.pop() if len(near) == 1 else reading.words


def _may_be_of(box: Reading, other: Reading) -> bool:
    """Whether a microphone's name says no other number than a box, and nothing more but words that nobody knows."""
    (words, numbers), (more, others) = (_parted(reading.words) for reading in (box, other))
    counted = numbers == others or not (numbers and others)
    return other.kind == "source" and counted and words <= more and NAMED.isdisjoint(more - words)


def _parted(words: Sequence[str]) -> tuple[set[str], tuple[str, ...]]:
    letters = {word for word in words if not word.isdecimal()}
    return letters, tuple(word for word in words if word.isdecimal())


def source_name(readings: Sequence[Reading]) -> str:
    """Name the source of a group: as its microphones spell it, or in the usual spelling if they differ."""
    first = readings[0]
    same = len({reading.written.casefold() for reading in readings}) == 1
    return first.written if same and first.written else " ".join(first.words)
