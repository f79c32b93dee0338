"""Which files are parts of one file: told from names, time stamps and lengths, cautiously."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations, pairwise
from pathlib import Path

from debleed.io.recorder.chains import (
    CUT_ALIKE,
    EQUAL,
    FULL,
    NUMBERED,
    STAMPED,
    STAMPED_TAKES,
    TAKES,
    TOGETHER,
    Chain,
    Part,
    beginnings,
    end_to_end,
    pauses,
)
from debleed.io.recorder.facts import Facts
from debleed.io.recorder.series import Series, all_series, base, numbered
from debleed.recording import InputError

CLOSE = 1.0
"""Seconds between the end of a part and the beginning of the next, by their time stamps, up to which one goes on where
the other ended: some recorders count in whole seconds."""

CLEARLY = 0.9
"""Ratio of lengths below which two files clearly differ. Two recorders that were started and stopped by hand differ by
less, those of takes and of the last part by more."""

LIMITS = (2**31, round(3.6 * 2**30), 2**32)
"""Bytes at which recorders cut files: what old readers can count, a little less than 4 GB, and what FAT32 can hold."""

NEARLY = 0.93
"""Share of such a limit from which a file is full: some count 2 GB as 2,000,000,000 bytes."""

SECTION = (
    'list them in session.toml under [parts], as name = ["first", "second"], or write [parts] and nothing below it '
    "if they ran at the same time"
)


def told(files: Sequence[Facts]) -> tuple[tuple[Chain, ...], tuple[str, ...]]:
    """Tell which files are parts of one, cautiously: files that may as well be microphones stay files of their own.

    In this order: numbers of a console's card; several tracks cut at the same places; time stamps that go on where the
    file before ended; equal lengths of polyphonic files; files that are full; parts that together are as long as the
    other files.

    Returns
    -------
    A chain for each file or series of files, sorted by its first file, and messages about files that may belong
    together but are read as microphones.

    Raises
    ------
    InputError
        For polyphonic files of which nobody can tell whether one follows the other.
    """
    left = {file.path: file for file in files}
    series = all_series(files)
    chains: list[Chain] = []

    def take(found: Sequence[Chain]) -> None:
        for chain in found:
            for part in chain.parts:
                del left[part.facts.path]
        chains.extend(found)

    def open_series() -> list[Series]:
        return [one for one in series if one.paths <= left.keys()]

    def take_each(reason_for: Callable[[Series], str]) -> None:
        for one in sorted(open_series(), key=lambda one: -len(one.files)):
            if one.paths <= left.keys() and (reason := reason_for(one)):
                take([end_to_end(one.name, one.files, reason, one.numbers)])

    take_each(_by_card)
    while group := _largest_group(open_series()):
        take(list(_columns(group, list(left.values()))))
    take_each(lambda one: STAMPED if _goes_on(one) else "")
    take_each(_polyphonic)
    take_each(lambda one: _lonely(one, chains, left))
    notes = tuple(_doubts(open_series()))
    chains += [end_to_end(file.path.stem, [file]) for file in left.values()]
    return tuple(sorted(chains, key=lambda chain: chain.first.path)), notes


def _by_card(one: Series) -> str:
    """Tell the parts on the card of an X32, M32 or Wing: polyphonic, and their names are nothing but numbers."""
    card = one.polyphonic and all(file.path.stem.isdecimal() for file in one.files) and not _at_once(one)
    return NUMBERED if card else ""


def _goes_on(one: Series) -> bool:
    """Whether each file begins where the one before ends."""
    found = pauses(one.files)
    return found is not None and all(abs(pause) <= CLOSE * one.files[0].rate for pause in found) and not _at_once(one)


def _follows(one: Series) -> bool:
    """Whether each file begins after the end of the one before, by the time stamps."""
    found = pauses(one.files)
    return found is not None and all(pause >= -CLOSE * one.files[0].rate for pause in found) and not _at_once(one)


def _at_once(one: Series) -> bool:
    """Whether the time stamps say that two neighbours ran at the same time, for half of the shorter or more."""
    begins = beginnings(one.files) or range(0)
    if begins and len(set(begins)) == 1:
        return True
    together = zip(pauses(one.files) or (), pairwise(one.files), strict=False)
    return any(-pause > min(a.frames, b.frames) / 2 for pause, (a, b) in together)


def _equal(lengths: Sequence[int]) -> bool:
    """Whether all but the last are equally long and the last is shorter: clearly so, if there are but two."""
    most = CLEARLY * lengths[0] if len(lengths) == 2 else lengths[0] - 1
    return len(set(lengths[:-1])) == 1 and lengths[-1] <= most


def _consecutive(one: Series) -> bool:
    return all(b - a == 1 for a, b in pairwise(one.numbers))


def _alike(a: Mapping[int, int], b: Mapping[int, int]) -> bool:
    """Whether two tracks are equally long at each number that both have: two or more, and not all of one length."""
    both = a.keys() & b.keys()
    return len(both) > 1 and all(a[number] == b[number] for number in both) and len({a[k] for k in both}) > 1


def _largest_group(series: Sequence[Series]) -> list[Series]:
    """Return the tracks that are cut at the same places, the largest group of files first; empty if there are none."""
    clear = [one for one in series if _clear(one)]
    best: list[Series] = []
    for first in clear:
        if first in best:
            continue
        group, used, columns = [first], first.paths, first.by_number
        for other in clear:
            if not used & other.paths and _alike(columns, other.by_number):
                group.append(other)
                used |= other.paths
                columns = columns | other.by_number
        if len(group) > 1 and len(used) > sum(len(one.files) for one in best):
            best = group
    return best


def _clear(one: Series) -> bool:
    """Whether the lengths are those of parts or takes, and not of recorders that ran at the same time."""
    lengths = one.lengths
    if _at_once(one) and not min(lengths) < CLEARLY * max(lengths):
        return False
    if _goes_on(one) or _follows(one):
        return len(set(lengths)) > 1
    if _equal(lengths) and _consecutive(one):
        return True
    apart = one.take_numbers or min(lengths) < CLEARLY * max(lengths)
    return apart and len(set(lengths)) == len(lengths)


def _columns(group: Sequence[Series], left: Sequence[Facts]) -> Iterator[Chain]:
    """Join the tracks of a group; a track that lacks a take is silent there."""
    columns: dict[int, int] = {}
    for one in group:
        columns |= one.by_number
    order = sorted(columns)
    starts = {number: sum(columns[earlier] for earlier in order if earlier < number) for number in order}
    gapless = all(_goes_on(one) for one in group) or _equal([columns[number] for number in order])
    reason = CUT_ALIKE if gapless else TAKES
    used = set().union(*(one.paths for one in group))
    for one in group:
        parts = tuple(Part(file, starts[number]) for file, number in zip(one.files, one.numbers, strict=True))
        yield Chain(one.name or one.files[0].path.stem, parts, reason, one.numbers)
    endings = {one.ending for one in group}
    for file in left:  # a track of one later take alone
        if file.path in used:
            continue
        for before, number, ending in numbered(file.path.stem):
            if ending in endings and starts.get(number) and columns[number] == file.frames:
                yield Chain(base(before, ending) or file.path.stem, (Part(file, starts[number]),), reason, (number,))
                break


def _full(one: Series) -> bool:
    """Whether all files but the last are as large as recorders let files become."""
    sizes = [file.size for file in one.files]
    full = all(any(NEARLY * limit <= size <= limit for limit in LIMITS) for size in sizes[:-1])
    return full and sizes[-1] <= max(sizes[:-1]) and _consecutive(one)


def _polyphonic(one: Series) -> str:
    """Say why polyphonic files follow one another; empty if they ran at the same time, and refuse to guess."""
    if not one.polyphonic or _at_once(one):
        return ""
    if _follows(one):
        return STAMPED_TAKES
    if _equal(one.lengths) and _consecutive(one):
        return EQUAL
    if _full(one):
        return FULL
    raise InputError(
        f"'{one.files[0].path.name}' and '{one.files[1].path.name}' may be parts one after another, or microphones "
        f"that were recorded at the same time; {SECTION}"
    )


def _lonely(one: Series, chains: Sequence[Chain], left: Mapping[Path, Facts]) -> str:
    """Say why mono or stereo files without others like them follow one another; empty if nothing says so."""
    if one.polyphonic or _at_once(one) or not _consecutive(one):
        return ""
    if _full(one):
        return FULL
    whole = sum(one.lengths) / one.files[0].rate
    others = [chain.frames / chain.first.rate for chain in chains if len(chain.parts) > 1 or chain.parts[0].start]
    others += [file.frames / file.rate for path, file in left.items() if path not in one.paths]
    return TOGETHER if whole in others and whole == max(others) else ""


def _doubts(series: Sequence[Series]) -> Iterator[str]:
    """Say which files may be takes but are read as microphones."""
    for one, other in combinations(series, 2):
        if not one.paths & other.paths and _alike(one.by_number, other.by_number):
            yield (
                f"{_listed(one)}, {_listed(other)} may be takes, but are read as microphones that were recorded at "
                f"the same time; if they are not, {SECTION}"
            )
            return


def _listed(one: Series) -> str:
    return " and ".join(file.path.name for file in one.files)
