"""Move finished files to their final places, without ever overwriting what appeared there meanwhile."""

from __future__ import annotations

import errno
import filecmp
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from debleed.io.documents import sync_file, sync_folder
from debleed.recording import InputError

WITHOUT_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES}
"""What systems answer on disks without hard links, such as FAT."""


@dataclass(frozen=True)
class Move:
    """A finished file and its final place."""

    source: Path
    target: Path

    @property
    def done(self) -> bool:
        """Whether the file was moved already, by a process that was killed before it could say so."""
        return not self.source.exists() and self.target.exists()


def place_all(moves: Sequence[Move], force: bool, again: bool = False) -> None:
    """Move all files to their places; a call that was interrupted can be repeated.

    Parameters
    ----------
    moves
        The files, in order.
    force
        Replace what is there.
    again
        Whether an earlier call was interrupted. Then an empty file at a place is what that call claimed it with.

    Raises
    ------
    InputError
        If something else is at a place, without ``force``, or a file is gone; then nothing was moved by this call,
        unless it appeared in this very moment.
    """
    for move in moves:
        if not move.source.exists() and not move.target.exists():
            raise InputError(f"'{move.target}' was finished, but somebody moved it away; delete '{move.source.parent}'")
        if not force and not move.done and move.target.exists() and not _ours(move, again):
            raise _appeared(move.target)
    for move in moves:
        if not move.done:
            move.target.parent.mkdir(parents=True, exist_ok=True)
            _place(move, force, again)
    for folder in {move.target.parent for move in moves}:
        sync_folder(folder)


def _ours(move: Move, again: bool) -> bool:
    """Whether what is at the place is the file itself, or what an interrupted call made of it."""
    there = move.target
    if there.is_symlink() or not there.is_file():
        return False
    if there.samefile(move.source) or (again and not there.stat().st_size):
        return True
    return filecmp.cmp(there, move.source, shallow=False)


def _place(move: Move, force: bool, again: bool) -> None:
    try:
        if force:
            move.source.replace(move.target)
            return
        os.link(move.source, move.target)  # fails where something is, unlike renaming
        move.source.unlink()
    except FileExistsError:
        if not _ours(move, again):
            raise _appeared(move.target) from None
        if move.source.samefile(move.target):  # renaming a file to itself would leave both names
            move.source.unlink()
        else:
            move.source.replace(move.target)
    except OSError as failure:
        if failure.errno == errno.EXDEV:
            _place(Move(_across(move), move.target), force, again)
            move.source.unlink()
        elif failure.errno in WITHOUT_LINKS and not force:
            _claim(move.target)
            move.source.replace(move.target)
        else:
            raise


def _claim(target: Path) -> None:
    """Create an empty file, unless something is there."""
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except FileExistsError:
        raise _appeared(target) from None


def _across(move: Move) -> Path:
    """Copy a file to the file system of its final place."""
    copy = move.target.parent / "debleed.unfinished"
    shutil.copyfile(move.source, copy)
    sync_file(copy)
    return copy


def _appeared(target: Path) -> InputError:
    return InputError(
        f"'{target}' exists already; move it away and run the same command again, choose another folder, or overwrite "
        "it with --force"
    )
