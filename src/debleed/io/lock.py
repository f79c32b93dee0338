"""Lock files: the system releases a lock when the process that holds it ends, even if that is killed."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import BinaryIO

from debleed.io.documents import Place
from debleed.recording import InputError


class Busy(InputError):
    """Another run holds the lock that this one needs."""


WITHOUT_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}
"""What file systems answer that know no locks; :mod:`debleed.io.placing` overwrites no results there either."""


def acquired(path: Place) -> BinaryIO | None:
    """Create a lock file if there is none, and lock it; closing the returned file releases the lock.

    Returns
    -------
    ``None`` if another process, or another place of this one, holds the lock.

    Raises
    ------
    OSError
        If the folder does not exist, or the file is a link or cannot be created.
    """
    path = Path(path)
    while True:
        number = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        file = os.fdopen(number, "r+b")
        try:
            if not _locked(number):
                file.close()
                return None
            if os.path.samestat(os.fstat(number), path.stat()):
                return file
        except FileNotFoundError:
            pass
        except BaseException:
            file.close()
            raise
        file.close()  # its last holder deleted it while we waited: what is locked is not what others will find


def _locked(number: int) -> bool:
    """Lock an open file without waiting, and return whether that succeeded."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except PermissionError:  # as Windows says it
        return False
    except OSError as failure:
        if failure.errno not in WITHOUT_LOCKS:
            raise
    return True
