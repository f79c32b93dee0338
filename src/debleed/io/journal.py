"""A journal: one JSON object a line, added as work is done and read again after a kill."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from debleed.io.documents import json_line


class Journal:
    """The lines of a journal that are whole, and those to come; what follows a line that a kill cut is dropped.

    Parameters
    ----------
    path
        The file; it need not exist.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "journal"
    >>> Journal(path).add({"block": 1})
    >>> _ = path.write_bytes(path.read_bytes() + b'{"bl')
    >>> Journal(path).entries
    [{'block': 1}]
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.entries: list[dict[str, Any]] = []
        self._ends = [0]
        raw = path.read_bytes() if path.exists() else b""
        for line in raw.splitlines(keepends=True):
            try:
                entry = json.loads(line)
            except ValueError:
                break
            if not line.endswith(b"\n") or not isinstance(entry, dict):
                break
            self._keep(entry, line)
        if self._ends[-1] < len(raw):
            os.truncate(path, self._ends[-1])

    def add(self, entry: dict[str, Any], sync: bool = False) -> None:
        """Add a line; with ``sync``, wait until it is on disk."""
        line = json_line(entry).encode() + b"\n"
        with self._path.open("ab") as file:
            file.truncate(self._ends[-1])  # of a line that a full disk cut
            file.write(line)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        self._keep(entry, line)

    def cut(self, count: int) -> None:
        """Keep the first ``count`` lines."""
        if count < len(self.entries):
            del self.entries[count:], self._ends[count + 1 :]
            os.truncate(self._path, self._ends[-1])

    def _keep(self, entry: dict[str, Any], line: bytes) -> None:
        self.entries.append(entry)
        self._ends.append(self._ends[-1] + len(line))
