"""Which file it is: by device and inode, since one file or folder can have many paths (links, bind mounts)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from debleed.io.documents import Place, resolved
from debleed.recording import InputError


@dataclass(frozen=True)
class Identity:
    """A file as it is now: which one it is, how long it is, and when it was last written."""

    device: int
    inode: int
    size: int
    written_ns: int

    @classmethod
    def of(cls, path: Place) -> Identity:
        """Look at a file."""
        found = Path(path).stat()
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


@dataclass(frozen=True)
class Witness:
    """What the input files were when they were opened.

    Parameters
    ----------
    seen
        The identity of each file.
    """

    seen: Mapping[Path, Identity]

    @classmethod
    def of(cls, paths: Iterable[Path]) -> Witness:
        """Look at files."""
        return cls({path: Identity.of(path) for path in paths})

    def refuse_changes(self) -> None:
        """Refuse files that were written, replaced or removed since.

        Raises
        ------
        InputError
            That names the first of them.
        """
        for path, before in self.seen.items():
            try:
                same = Identity.of(path) == before
            except OSError:
                same = False
            if not same:
                raise InputError(
                    f"'{path}' changed while it was read; wait until nothing writes to it, and run this again"
                )


def is_same(one: Place, other: Place) -> bool:
    """Whether two paths lead to one file or folder that exists."""
    try:
        return Path(one).samefile(other)
    except OSError:
        return False


def is_within(place: Place, folder: Place) -> bool:
    """Whether a path, which need not exist, is a folder or lies inside it, by whatever path."""
    place = resolved(place)
    return any(is_same(above, folder) for above in (place, *place.parents))
