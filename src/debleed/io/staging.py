"""All or nothing: results are made in a visible, locked folder ``OUT.unfinished`` and moved into place at the end."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from debleed.io.documents import Place, json_text, resolved, unfinished_name, write_text
from debleed.io.lock import Busy, acquired
from debleed.io.placing import Move, place_all
from debleed.recording import InputError

MARK, LOCK, WORK, DONE = "debleed.json", "lock", "work", "done"
"""What is in the folder: the file that says that debleed made it, and for what; the lock; the work itself, and the same
once it is of no more use."""


class Unfinished:
    """A context that locks the folder for what is in work, and deletes it in the end unless it is to be kept.

    Parameters
    ----------
    final
        The folder for the results.

    Attributes
    ----------
    place
        The folder, see :func:`place_of`.
    work
        The folder in it for everything that is in work.
    keep
        Whether it stays; an error that ends the context then says where it is.
    """

    def __init__(self, final: Place) -> None:
        self.final, self.place = Path(final), place_of(final)
        self.work = self.place / WORK
        self.keep = False
        self._made: list[Path] = []
        self._lock: BinaryIO | None = None

    def __enter__(self) -> Unfinished:
        writable_ancestor(self.place.parent)
        self._refuse_foreign()
        try:
            while self._lock is None:
                self._lock = self._acquired()
            self._drop(self.place / DONE)
            self.work.mkdir(exist_ok=True)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.keep and error is not None:
            error.add_note(f"what was done is kept in '{self.place}', and the same command goes on from there")
        self._end()

    @property
    def job(self) -> dict[str, str]:
        """For which job the folder is; empty if that was never said."""
        try:
            found = json.loads((self.place / MARK).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def begin(self, job: Mapping[str, str]) -> None:
        """Say for which job the folder is."""
        write_text(self.place / MARK, json_text(dict(job)))

    def discard(self, *names: str) -> None:
        """Delete these files and folders of the work, or all of it."""
        for path in [self.work / name for name in names] or [*self.work.iterdir()]:
            self._drop(path)

    def finish(self) -> None:
        """Say, in one step, that the work is of no more use: the results are in their places."""
        self.keep = False
        self.work.rename(self.place / DONE)

    def _drop(self, path: Path) -> None:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def _refuse_foreign(self) -> None:
        """Refuse a folder of this name that somebody else made."""
        if self.place.is_symlink() or (self.place.exists() and not self.place.is_dir()):
            raise InputError(f"'{self.place}' is not a folder of debleed; move it away, or choose another output")
        if not self.place.exists() or (self.place / MARK).is_file():
            return
        if {path.name for path in self.place.iterdir()} - {LOCK, WORK, DONE, unfinished_name(MARK)}:
            raise InputError(f"debleed did not make '{self.place}'; move it away, or choose another output folder")

    def _acquired(self) -> BinaryIO | None:
        """Make the folder and lock it; return ``None`` if another run deletes it in this moment."""
        missing = [path for path in (self.place, *self.place.parents) if not path.exists()]
        self._made += [path for path in missing if path not in self._made]
        try:
            self.place.mkdir(parents=True, exist_ok=True)
            lock = acquired(self.place / LOCK)
        except FileNotFoundError:
            return None
        except PermissionError as refusal:
            raise InputError(f"no permission to write to '{self.final}'; choose another folder") from refusal
        if lock is None:
            self._made.clear()
            raise Busy(
                f"another run of debleed is writing to '{self.final}'; wait until it ends, or choose another folder"
            )
        return lock

    def _end(self) -> None:
        """Delete the folder, and the empty ones that were made for it, unless it is to be kept; release the lock."""
        lock, self._lock = self._lock, None
        if lock is None:
            return
        if self.keep:
            lock.close()
            return
        for name in (WORK, DONE, unfinished_name(MARK), MARK):
            self._drop(self.place / name)
        if sys.platform == "win32":  # which deletes no open file
            lock.close()
        (self.place / LOCK).unlink(missing_ok=True)
        lock.close()
        for folder in dict.fromkeys((self.place, *self._made)):
            try:
                folder.rmdir()
            except OSError:  # the results are in it by now, or somebody's own files
                return


class Staging:
    """Folders for results that appear all at once; a context that deletes them after any error.

    Parameters
    ----------
    final
        The folder for all results.
    force
        Replace what is there.

    Examples
    --------
    >>> import tempfile
    >>> out = Path(tempfile.mkdtemp()) / "clean"
    >>> with Staging(out) as staging:
    ...     _ = (staging.folder("mics") / "a.txt").write_text("sound")
    ...     before = out.exists()
    ...     done = staging.commit()
    >>> before, done == [out / "mics" / "a.txt"], sorted(p.name for p in out.parent.iterdir())
    (False, True, ['clean'])
    """

    def __init__(self, final: Place, force: bool = False) -> None:
        self._unfinished, self._force = Unfinished(final), force

    def __enter__(self) -> Staging:
        unfinished = self._unfinished.__enter__()
        unfinished.discard()  # what a killed run left
        unfinished.begin({"results": str(unfinished.final)})
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._unfinished.__exit__(kind, error, at)

    def folder(self, inner: Place = "") -> Path:
        """Make a folder whose files :meth:`commit` moves to ``inner`` in the final one."""
        made = self._unfinished.work / inner
        made.mkdir(parents=True, exist_ok=True)
        return made

    def commit(self) -> list[Path]:
        """Move every file to its final place and return the new paths.

        Raises
        ------
        InputError
            If something is at one of the places, without ``force``.
        """
        work, final = self._unfinished.work, self._unfinished.final
        moves = [Move(path, final / path.relative_to(work)) for path in sorted(work.rglob("*")) if path.is_file()]
        place_all(moves, self._force)
        self._unfinished.finish()
        return [move.target for move in moves]


def sweep(final: Place) -> None:
    """Delete the folder of a run that was killed when all its results were in their places and nothing is kept in it.

    Raises
    ------
    InputError
        If somebody else made the folder, or another run has the lock.
    """
    place = place_of(final)
    if place.is_dir() and not ((place / WORK).is_dir() and any((place / WORK).iterdir())):
        with Unfinished(final):
            pass


def place_of(final: Place) -> Path:
    """Return the folder for what will be in ``final``: beside it, or inside it where only that can be renamed.

    Examples
    --------
    >>> place_of("/nowhere/clean").name
    'clean.unfinished'
    """
    folder = resolved(final)
    name = unfinished_name(folder.name or "results")
    beside = folder.parent
    if folder.is_dir() and (beside.stat().st_dev != folder.stat().st_dev or not os.access(beside, os.W_OK | os.X_OK)):
        return folder / name
    return beside / name


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
