"""What the operating system refused, in one sentence."""

from __future__ import annotations

import errno
import os

from debleed.io.documents import Place


def is_full_disk(failure: OSError) -> bool:
    """Whether a full disk, or a full quota, caused a failure."""
    return failure.errno in (errno.ENOSPC, errno.EDQUOT)


def sentence(failure: OSError) -> str:
    """Say what happened and what to do.

    Examples
    --------
    >>> sentence(OSError(errno.EMFILE, "Too many open files"))
    "too many files are open; raise the limit with 'ulimit -n 4096', or use fewer files at a time"
    """
    if failure.errno in (errno.ENOSPC, errno.EDQUOT):
        if _without_inodes(failure.filename):
            return "the disk has no inodes left, so no file can be created; delete files that are not needed"
        return "the disk is full; free some space or choose another output folder"
    if failure.errno in (errno.EMFILE, errno.ENFILE):
        return "too many files are open; raise the limit with 'ulimit -n 4096', or use fewer files at a time"
    if failure.errno == errno.EFBIG:
        return "a file would be larger than this disk or the limits of this system allow; choose another output folder"
    if failure.errno == errno.ENOMEM:
        return "there is not enough memory; close other programs or leave out microphones"
    return str(failure)


def _without_inodes(place: Place | None) -> bool:
    """Whether no file can be created where something failed."""
    if not hasattr(os, "statvfs") or not isinstance(place, str | os.PathLike):
        return False
    try:
        found = os.statvfs(os.path.dirname(os.fspath(place)) or ".")  # noqa: PTH120 - the file itself may not exist
    except OSError:
        return False
    return found.f_files > 0 and found.f_favail == 0
