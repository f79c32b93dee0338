"""Which recordings a batch has: those in a folder of recordings, or those that a list names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from debleed.io.audio import is_audio
from debleed.io.documents import UNFINISHED, Place
from debleed.io.recorder.folders import MADE, is_around_audio
from debleed.io.session import session_path
from debleed.recording import InputError

DEEPEST = 4
"""Folders below the given one in which recordings are looked for: series, day, card and take."""

LONGEST_LIST = 1_000_000
"""Bytes of a list; more is no list of recordings."""


@dataclass(frozen=True)
class Listed:
    """A recording of a batch.

    Parameters
    ----------
    name
        Its name in the batch, with slashes: that of the folder for its results inside that of the batch.
    input
        Its folder or file, absolute.
    """

    name: str
    input: Path


def recordings(given: Place) -> tuple[Listed, ...]:
    """Find the recordings of a batch.

    In a folder, every folder below it with audio files or a ``session.toml`` is a recording, and so is one around the
    only folder in which a console or program has put audio (``X_LIVE``, ``Audio Files``); what lies below a recording
    is its own business. Hidden folders and those with mixdowns do not count. A list is a text file in UTF-8 with a path
    on each line, absolute or relative to the folder of the list; empty lines and those that begin with ``#`` do not
    count.

    Parameters
    ----------
    given
        The folder or the list.

    Returns
    -------
    The recordings: those of a folder sorted by name, those of a list in its order. The name of a recording is its path
    in the folder or in the list, without the suffix of a file, and without what leads outside of the folder for the
    results (``..`` and the root).

    Raises
    ------
    InputError
        If there is no recording, or if the results of two would be in one folder.
    """
    given = Path(given)
    if given.is_file():
        found = tuple(_listed(given))
        nothing = f"'{given}' lists no recording; write the path of one on each line"
    elif given.is_dir():
        found = tuple(_found(given.resolve()))
        nothing = f"no folder in '{given}' has audio files or a session.toml, so there is no recording"
    else:
        raise InputError(f"there is no folder or list '{given}'")
    if not found:
        raise InputError(nothing)
    _refuse_nested(found)
    return found


def passed_over(given: Place, names: Iterable[str]) -> list[str]:
    """Name the folders directly in a folder of recordings that neither are one of these recordings nor hold one."""
    folders = sorted(path.name for path in Path(given).iterdir() if path.is_dir()) if Path(given).is_dir() else []
    first = {name.partition("/")[0] for name in names}
    return [name for name in folders if name not in first]


def refuse_inside(output: Place, given: Place, found: Sequence[Listed]) -> None:
    """Refuse a folder for the results with which those of any recording would be inside what is read, by any path.

    Raises
    ------
    InputError
        That says so.
    """
    folders = [one.input for one in found if one.input.is_dir()] + [Path(given)] * Path(given).is_dir()
    read = {_identity(folder): folder for folder in folders}
    beside = {_identity(one.input.parent): one.input.parent for one in found if one.input.is_file()}
    for one in found:
        place = Path(output) / one.name
        there = [_identity(folder) for folder in (place, *place.parents) if folder.exists()]
        inside = [read[known] for known in there if known in read]
        inside += [beside[known] for known in there[:1] if known in beside and place.exists()]
        if inside:
            raise InputError(
                f"the results of '{one.name}' would be inside '{inside[0]}', which is read; choose another folder than "
                f"'{output}'"
            )


def _identity(folder: Path) -> tuple[int, int]:
    about = folder.stat()
    return about.st_dev, about.st_ino


def _found(top: Path) -> Iterator[Listed]:
    if _is_recording(top):
        raise InputError(
            f"'{top}' is a recording itself, not a folder of recordings; clean it with 'debleed remove', or name its "
            "recordings in a list"
        )
    seen: set[tuple[int, int]] = set()
    for place, folders, _ in os.walk(top, followlinks=True):
        folder = Path(place)
        depth = len(folder.relative_to(top).parts)
        again = _identity(folder) in seen  # links may lead in circles
        seen.add(_identity(folder))
        here = sorted(name for name in folders if not _is_passed_over(name))
        folders[:] = [] if again or depth == DEEPEST else here
        if not again and (_is_recording(folder) or (depth and is_around_audio(folder))):
            folders.clear()
            yield Listed(folder.relative_to(top).as_posix(), folder)


def _is_passed_over(name: str) -> bool:
    return name.startswith(".") or name.endswith(UNFINISHED) or name.casefold() in MADE


def _is_recording(folder: Path) -> bool:
    """Whether a folder has a session file, or audio files directly in it."""
    try:
        return session_path(folder).exists() or any(path.is_file() and is_audio(path) for path in folder.iterdir())
    except OSError:  # one that cannot be read is told when the recording is opened, but not where it may be none
        return False


def _listed(path: Path) -> Iterator[Listed]:
    if is_audio(path):
        raise InputError(f"'{path}' is a recording, not a list of recordings; clean it with 'debleed remove'")
    try:
        if path.stat().st_size > LONGEST_LIST:
            raise InputError(f"'{path}' is too long for a list of recordings")
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(
            f"'{path}' is not a list of recordings: a text file in UTF-8 with a path on each line"
        ) from None
    for number, line in enumerate(text.splitlines(), start=1):
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        there = Path(os.path.normpath(path.absolute().parent / entry))
        if "\0" in entry or not there.name:
            raise InputError(f"line {number} of '{path}' is not the path of a recording")
        inside = Path(os.path.normpath(entry))
        parts = [part for part in inside.parts if part not in ("..", inside.anchor)] or [there.name]
        if is_audio(there) and not there.is_dir():
            parts[-1] = Path(parts[-1]).stem
        yield Listed("/".join(parts), there)


def _refuse_nested(found: Sequence[Listed]) -> None:
    """Refuse two recordings whose results would be in one folder, or in one inside the other, whatever the case."""
    places = {PurePosixPath(one.name.casefold()): one for one in reversed(found)}
    for one in found:
        place = PurePosixPath(one.name.casefold())
        for above in (place, *place.parents):
            other = places.get(above, one)
            if other is not one:
                raise InputError(
                    f"the results of '{other.input}' and '{one.input}' would both be in '{other.name}'; leave one out"
                )
