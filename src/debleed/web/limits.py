"""What the page accepts: sizes, counts, names. Every refusal is a sentence."""

from __future__ import annotations

import errno
import shutil
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from debleed.io.audio import EXTENSIONS
from debleed.recording import InputError

GIB = 2**30

LONGEST_NAME = 200
"""Bytes of a file's name; file systems hold 255, and results get a suffix of their own while they are written."""

LARGEST_BODY = 2**20
"""Bytes of a request that is no upload."""

LONGEST_WINDOW = 2**25
"""Bytes of samples handed out at a time."""


class Refusal(InputError):
    """A request that cannot be met, with the status that says so to programs."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True)
class Limits:
    """How much one server takes.

    Parameters
    ----------
    file, session
        Bytes of one file and of all files of a session.
    sound
        Bytes of one file's samples at 4 each, however small they were packed.
    files, sessions, runs
        Files of a session, sessions, results kept of one session.
    running, waiting
        Runs at a time, and runs that wait for their turn. One run keeps all cores busy.
    spare
        Bytes of the disk that are left to others.
    """

    file: int = 16 * GIB
    session: int = 64 * GIB
    sound: int = 64 * GIB
    files: int = 128
    sessions: int = 500
    runs: int = 20
    running: int = 1
    waiting: int = 8
    spare: int = GIB


def size(count: float) -> str:
    """Write a number of bytes for people.

    Examples
    --------
    >>> size(5), size(2_500_000), size(3 * GIB)
    ('5 bytes', '2.4 MiB', '3.0 GiB')
    """
    for unit, scale in (("GiB", GIB), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count:.0f} bytes"


def refuse_full_disk(folder: Path, need: float, spare: int) -> None:
    """Refuse what would fill the disk, before it begins.

    Raises
    ------
    Refusal
        With status 507.
    """
    free = shutil.disk_usage(folder).free
    if need + spare > free:
        raise Refusal(
            f"the disk has {size(free)} left, but this needs {size(need)}, and {size(spare)} must stay free; "
            "delete sessions or free some space",
            507,
        )


def full_disk(failure: OSError) -> bool:
    """Tell whether the disk is what failed."""
    return failure.errno in (errno.ENOSPC, errno.EDQUOT)


def checked_name(name: str, what: str = "name") -> str:
    """Return a name that may stand in a folder, or refuse it.

    Raises
    ------
    Refusal
        For separators, leading dots, control characters, nothing, and too much.

    Examples
    --------
    >>> checked_name("03 Füße [wet].wav")
    '03 Füße [wet].wav'
    """
    if not name.strip() or name != name.strip():
        raise Refusal(f"a {what} must not be empty, and must not begin or end with a space, got '{name}'")
    if name.startswith(".") or any(mark in name for mark in "/\\") or any(_hidden(letter) for letter in name):
        raise Refusal(f"a {what} must not contain '/', '\\' or control characters, or begin with a dot, got {name!r}")
    if len(name.encode()) > LONGEST_NAME:
        raise Refusal(f"a {what} can have at most {LONGEST_NAME} bytes; shorten '{name[:40]}...'")
    return name


def checked_file_name(name: str) -> str:
    """Return the name of an audio file, or refuse it."""
    checked_name(name, "file name")
    if Path(name).suffix.lower() not in EXTENSIONS:
        raise Refusal(f"'{name}' is not an audio file (known are {' '.join(EXTENSIONS)})", 415)
    return name


def _hidden(letter: str) -> bool:
    """Tell what a terminal or a file manager would not show: control characters, surrogates, line separators."""
    return unicodedata.category(letter) in ("Cc", "Cs", "Cf", "Zl", "Zp")
