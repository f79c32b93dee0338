"""A zip that is sent while it is made: nothing is packed and nothing is kept, so its length is known beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zipstream import ZipStream


def zipped(files: Iterable[tuple[Path, str]], check: Callable[[], None]) -> tuple[int, Iterator[bytes]]:
    """Make a zip of files under the given names.

    Parameters
    ----------
    files
        Path and name of each file.
    check
        Called after each file. Where it raises, the zip breaks off without its list of contents, which every program
        notices; a zip with files of two results would pass for a whole one.

    Returns
    -------
    Bytes of the whole zip, and the zip piece by piece.
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
