"""A zip that is sent while it is created: files are stored without compression, so the length is known in advance."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zipstream import ZipStream


def zipped(files: Iterable[tuple[Path, str]], check: Callable[[], None]) -> tuple[int, Iterator[bytes]]:
    """Create a zip of files under the given names.

    Parameters
    ----------
    files
        Path and name of each file.
    check
        Called after each file. If it raises, the zip ends without its directory, which every program reports as damage;
        a zip with files of two results would look complete.

    Returns
    -------
    Size of the whole zip in bytes, and the zip piece by piece.
    """
    from zipstream import ZipStream

    stream = ZipStream(sized=True)  # sized: stored as they are, and a file of another length than promised is an error
    for path, name in files:
        stream.add_path(path, name)
    return len(stream), _pieces(stream, check)


def _pieces(stream: ZipStream, check: Callable[[], None]) -> Iterator[bytes]:
    while stream.num_queued():
        yield from stream.file()
        check()
    yield from stream.finalize()
