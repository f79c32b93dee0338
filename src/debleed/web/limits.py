"""Limits of the page: sizes, counts, names. Every refusal is a sentence."""

from __future__ import annotations

import errno
import shutil
import stat
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from debleed.io.audio import EXTENSIONS
from debleed.io.forms import shown_size
from debleed.recording import InputError

GIB = 2**30

LONGEST_NAME = 200
"""Maximum length of a file name in bytes; file systems allow 255, and unfinished results have an extra suffix."""

LARGEST_HEAD = 2**15
"""Maximum size in bytes of the address and headers of a request; in it are the cookies of all programs that serve pages
on this machine."""

LARGEST_BODY = 2**20
"""Maximum size in bytes of a request other than an upload."""

LONGEST_WINDOW = 2**25
"""Maximum size in bytes of the samples returned at a time."""


PACKED = 4096
"""Bytes of samples that a byte of a file may hold. Mono silence in Vorbis, the most that recorders write, has 1,900;
files that are made to fill a disk have 25,000."""


class Refusal(InputError):
    """A request that cannot be fulfilled, with its HTTP status."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True)
class Limits:
    """Limits of one server.

    Parameters
    ----------
    file, session
        Bytes of one file and of all files of a session.
    sound
        Bytes of one file's samples at 4 bytes each, however well the file is compressed.
    files, sessions, runs
        Files per session, sessions, and runs per session.
    running, waiting
        Runs at a time, and queued runs. One run keeps all cores busy.
    spare
        Bytes of disk space to leave free.
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


def used(folder: Path) -> int:
    """Count the bytes in a folder, each file once: runs link the files of their session."""
    found = {}
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # deleted meanwhile
            entry = path.lstat()
            if stat.S_ISREG(entry.st_mode):
                found[entry.st_dev, entry.st_ino] = entry.st_size
    return sum(found.values())


def refuse_full_disk(folder: Path, need: float, spare: int) -> None:
    """Refuse work that would fill the disk, before it begins.

    Raises
    ------
    Refusal
        With status 507.
    """
    free = shutil.disk_usage(folder).free
    if need + spare > free:
        raise Refusal(
            f"the disk has {shown_size(free)} left, but this needs {shown_size(need)}, and {shown_size(spare)} must "
            "stay free; delete sessions or free some space",
            507,
        )


def full_disk(failure: OSError) -> bool:
    """Whether a full disk caused a failure."""
    return failure.errno in (errno.ENOSPC, errno.EDQUOT)


def checked_name(name: str, what: str = "name") -> str:
    """Return a name that can be used as a file name, or refuse it.

    Raises
    ------
    Refusal
        For separators, leading dots, control characters, and names that are empty or too long.

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
    """Whether a terminal would not show a character: control characters, surrogates, line separators."""
    return unicodedata.category(letter) in ("Cc", "Cs", "Cf", "Zl", "Zp")
