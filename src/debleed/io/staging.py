"""All or nothing: results are written under temporary names and moved into place when everything has succeeded."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType

from debleed.io.documents import Place
from debleed.recording import InputError


class Staging:
    """Temporary folders in the file systems of the final ones; a context that leaves nothing behind on any error.

    Examples
    --------
    >>> import tempfile
    >>> out = Path(tempfile.mkdtemp()) / "clean"
    >>> with Staging() as staging:
    ...     _ = (staging.folder(out) / "a.txt").write_text("sound")
    ...     before = out.exists()
    ...     done = staging.commit()
    >>> before, done == [out / "a.txt"], sorted(p.name for p in out.parent.iterdir())
    (False, True, ['clean'])
    """

    def __init__(self) -> None:
        self._pairs: list[tuple[Path, Path]] = []

    def __enter__(self) -> Staging:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for temporary, _ in self._pairs:
            shutil.rmtree(temporary, ignore_errors=True)

    def folder(self, final: Place) -> Path:
        """Make a temporary folder whose files :meth:`commit` moves into ``final``.

        Raises
        ------
        InputError
            Where ``final`` cannot be written to.
        """
        try:
            temporary = Path(tempfile.mkdtemp(prefix=".debleed-", dir=writable_ancestor(final)))
        except PermissionError as refusal:
            raise InputError(f"there is no permission to write to '{final}'") from refusal
        self._pairs.append((temporary, Path(final)))
        return temporary

    def commit(self) -> list[Path]:
        """Move every file to its final place and return the places."""
        moved = []
        for temporary, final in self._pairs:
            final.mkdir(parents=True, exist_ok=True)
            for path in sorted(temporary.iterdir()):
                moved.append(path.replace(final / path.name))
        return moved


def writable_ancestor(folder: Place) -> Path:
    """Return the folder itself, or where it does not exist yet the nearest folder above it that does.

    Raises
    ------
    InputError
        Where that is a file or may not be written to.
    """
    place = Path(folder).absolute()
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        raise InputError(f"'{place}' is a file, so nothing can be written into '{folder}'; choose another folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise InputError(f"there is no permission to write to '{folder}'; choose another folder")
    return place
