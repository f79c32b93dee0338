"""A zip that is sent while it is made: nothing is packed, nothing is kept."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

PIECE = 2**20
"""Bytes read at a time."""


class Pipe(io.RawIOBase):
    """What a zip is written to, and read from at the same time; it cannot go back."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        """Say that it can be written to; it cannot seek."""
        return True

    def write(self, data: Any) -> int:
        """Take what the zip writes."""
        self._parts.append(bytes(data))
        return len(data)

    def drain(self) -> bytes:
        """Give what was written since."""
        out = b"".join(self._parts)
        self._parts.clear()
        return out


def zipped(files: Iterable[tuple[Path, str]], check: Callable[[], None]) -> Iterator[bytes]:
    """Yield a zip of files under the given names, piece by piece; ``check`` is called with each file open.

    Where it raises, the zip breaks off: half of it is told from a whole one, two results in one zip are not.
    """
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as out:
        for path, name in files:
            info = zipfile.ZipInfo(name, time.localtime(path.stat().st_mtime)[:6])
            info.external_attr = 0o644 << 16
            with path.open("rb") as file, out.open(info, "w", force_zip64=True) as entry:
                check()
                while piece := file.read(PIECE):
                    entry.write(piece)
                    yield pipe.drain()
    yield pipe.drain()
