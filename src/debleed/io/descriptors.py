"""How many files this process may have open at a time."""

from __future__ import annotations

import sys

from debleed.recording import InputError

OTHERS = 40
"""Files that are open besides those asked for: streams, libraries, fonts, what is being written."""


def refuse_too_many(files: int) -> None:
    """Raise this process's limit to what it needs, and refuse more files than the system allows it to open.

    Parameters
    ----------
    files
        How many files will be open at a time.

    Raises
    ------
    InputError
        With what to do.
    """
    if sys.platform == "win32":  # which has no such limit
        return
    import resource

    need = files + OTHERS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or need <= soft:
        return
    if hard == resource.RLIM_INFINITY or need <= hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (need, hard))
            return
        except (ValueError, OSError):  # macOS has a limit of its own below "unlimited"
            pass
    raise InputError(
        f"this takes {need} open files, but the system allows {min(soft, hard)}; raise that with 'ulimit -n {need}', "
        "or use fewer files at a time"
    )
