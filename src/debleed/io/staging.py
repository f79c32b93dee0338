"""All or nothing: write results under temporary names and move them into place once everything has succeeded."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType

from debleed.io.documents import Place
from debleed.recording import InputError


class Staging:
    """Temporary folders on the same file systems as the final ones; a context that cleans up after any error.

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
            If ``final`` is not writable.
        """
        try:
            temporary = Path(tempfile.mkdtemp(prefix=".debleed-", dir=writable_ancestor(final)))
        except PermissionError as refusal:
            raise InputError(f"no permission to write to '{final}'; choose another folder") from refusal
        self._pairs.append((temporary, Path(final)))
        return temporary

    def commit(self) -> list[Path]:
        """Move every file to its final place and return the new paths."""
        moved = []
        for temporary, final in self._pairs:
            final.mkdir(parents=True, exist_ok=True)
            for path in sorted(path for path in temporary.rglob("*") if path.is_file()):
                target = final / path.relative_to(temporary)
                target.parent.mkdir(parents=True, exist_ok=True)
                moved.append(path.replace(target))
        return moved


def writable_ancestor(folder: Place) -> Path:
    """Return the folder itself or, if it does not exist yet, its nearest existing ancestor.

    Raises
    ------
    InputError
        If that is a file or is not writable.
    """
    place = Path(folder).absolute()
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        raise InputError(f"'{place}' is a file, so '{folder}' cannot be a folder; choose another folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise InputError(f"no permission to write to '{folder}'; choose another folder")
    return place
