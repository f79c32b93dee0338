"""Files that are one: chains of parts, as the user says them or as :mod:`debleed.io.recorder.telling` tells them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from debleed.clock import clock
from debleed.io.recorder.facts import Facts
from debleed.recording import InputError

SAID = "as you said"
NUMBERED = "numbered as a console's card numbers its parts"
STAMPED = "each begins where the one before ends, by their time stamps"
CUT_ALIKE = "several tracks are cut at the same places"
TAKES = "takes, each as long on all tracks"
STAMPED_TAKES = "takes one after another, by their time stamps"
EQUAL = "all but the last are equally long"
FULL = "all but the last are full"
TOGETHER = "together as long as the other files"
"""Reasons."""

DAY = 86400
"""Seconds of a day."""

GAPLESS = (NUMBERED, STAMPED, CUT_ALIKE, EQUAL, FULL)
"""Reasons for which the files are parts of one recording without a pause, so that no number may be missing."""


@dataclass(frozen=True)
class Part:
    """A file and the sample at which it begins in the whole."""

    facts: Facts
    start: int

    @property
    def stop(self) -> int:
        """The sample after its last in the whole."""
        return self.start + self.facts.frames


@dataclass(frozen=True)
class Chain:
    """Files that are one: read one after another; a single file is a chain of one part.

    Parameters
    ----------
    name
        Name of the whole.
    parts
        Its parts, in order of time, without overlaps. Where there is no part, there is silence.
    reason
        Why they belong together; empty for a single file.
    numbers
        The numbers of the parts in their names, empty if they do not count.
    """

    name: str
    parts: tuple[Part, ...]
    reason: str = ""
    numbers: tuple[int, ...] = ()

    @property
    def first(self) -> Facts:
        """The first file."""
        return self.parts[0].facts

    @property
    def frames(self) -> int:
        """Samples of the whole per channel."""
        return self.parts[-1].stop


def end_to_end(name: str, files: Sequence[Facts], reason: str = "", numbers: Sequence[int] = ()) -> Chain:
    """Join files one after another."""
    parts, start = [], 0
    for file in files:
        parts.append(Part(file, start))
        start += file.frames
    return Chain(name or files[0].path.stem, tuple(parts), reason, tuple(numbers))


def said(files: Sequence[Facts], folder: Path, listed: Mapping[str, Sequence[str]]) -> tuple[Chain, ...]:
    """Join the files that the user lists; every other file is one of its own.

    Parameters
    ----------
    files
        What the files say about themselves.
    folder
        The folder to which listed paths are relative.
    listed
        Name of the whole → its files in order, by name, stem, or path inside the folder.

    Raises
    ------
    InputError
        For a name that does not exist or is listed twice, and for files of different formats.
    """
    by_name: dict[str, Facts] = {}
    for file in files:
        for name in (file.path.stem, file.path.name, file.path.relative_to(folder).as_posix()):
            by_name[name] = file
    left = {file.path: file for file in files}
    chains = []
    for whole, names in listed.items():
        members = []
        for name in names:
            if name not in by_name:
                known = ", ".join(file.path.relative_to(folder).as_posix() for file in files)
                raise InputError(f"parts.{whole} lists '{name}', but there is no such file; the files are {known}")
            if left.pop(by_name[name].path, None) is None:
                raise InputError(f"parts.{whole} lists '{name}', which [parts] lists already; list it once")
            members.append(by_name[name])
        for one in members:
            if one.form != members[0].form:
                raise InputError(
                    f"parts.{whole} joins '{members[0].path.name}' and '{one.path.name}', but they differ in their "
                    "channels, rate or format; convert one of them first"
                )
        if members:
            chains.append(end_to_end(whole, members, SAID if len(members) > 1 else ""))
    chains += [end_to_end(file.path.stem, [file]) for file in left.values()]
    return tuple(sorted(chains, key=lambda chain: chain.first.path))


def beginnings(files: Sequence[Facts]) -> list[int] | None:
    """Return the samples at which files begin, counted from one moment; ``None`` if their time stamps do not say.

    Programs that keep no time write 0 into all files.
    """
    times = [file.time for file in files if file.time is not None]
    if len(times) < len(files) or not any(times):
        return None
    return [time + file.day * DAY * file.rate for time, file in zip(times, files, strict=True)]


def pauses(files: Sequence[Facts]) -> list[int] | None:
    """Return the samples between the end of each file and the beginning of the next; ``None`` if they do not say."""
    begins = beginnings(files)
    if begins is None or len(set(begins)) == 1:
        return None
    return [b - a - file.frames for (a, b), file in zip(pairwise(begins), files[:-1], strict=True)]


def joints(chains: Sequence[Chain]) -> tuple[str, ...]:
    """Say where time stamps leave a gap or overlap between parts, and where a part is missing, each once."""
    said: dict[tuple[object, ...], str] = {}
    for chain in chains:
        files = [part.facts for part in chain.parts]
        for k, pause in enumerate(pauses(files) or ()):
            if pause:
                a, b, seconds = files[k].path.name, files[k + 1].path.name, abs(pause) / files[k].rate
                when = "after" if pause > 0 else "before"
                place = chain.parts[k + 1].start, pause
                said.setdefault(
                    place,
                    f"{b} begins {length(seconds)} {when} {a} ends, by their time stamps; they are joined end to end",
                )
        if chain.reason in GAPLESS:
            for (a_part, b_part), (one, two) in zip(pairwise(chain.parts), pairwise(chain.numbers), strict=True):
                if two - one > 1:
                    names = a_part.facts.path.name, b_part.facts.path.name
                    said.setdefault((two,), f"between {names[0]} and {names[1]} a number is missing; is a part lost?")
    return tuple(said.values())


def length(seconds: float) -> str:
    """Format a length of time.

    Examples
    --------
    >>> length(0.25), length(95.5), length(4500)
    ('0.250 s', '1:35.5 min', '1:15:00.0 h')
    """
    if seconds < 60:
        return f"{seconds:.3f} s"
    return f"{clock(seconds, 1)} {'min' if seconds < 3600 else 'h'}"
