"""A zip that is sent while it is made: what it holds is stored as it is, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path


def zipped(content: Iterable[tuple[str, Path | bytes]]) -> Iterator[bytes]:
    """Make a zip of files and bytes under the given names, piece by piece.

    An error in ``content`` ends it without its directory, which every program reports as damage.
    """
    from zipstream import ZipStream

    stream = ZipStream()
    for name, found in content:
        if isinstance(found, bytes):
            stream.add(found, name)
        else:
            stream.add_path(found, name)
        yield from stream.file()
    yield from stream.finalize()
