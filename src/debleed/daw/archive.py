"""Zips that come from elsewhere: what could harm is refused before anything is unpacked."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from debleed.recording import InputError

MOST_MEMBERS = 100_000

LARGE, MOST_RATIO = 2**30, 200
"""Bytes from which a zip counts as a bomb if it grows by more than this factor. Silent tracks shrink by up to 1000, but
a project has others too."""


class Archive:
    """A zip whose names and sizes are harmless.

    Raises
    ------
    InputError
        If it is no zip, is damaged or encrypted, names files outside, or would grow beyond measure.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                listed = archive.infolist()
        except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError) as reason:
            raise InputError(f"'{path}' is no zip, or damaged ({reason}); export the project again") from None
        self.members = {info.filename: info for info in listed}
        self._refuse_hostile(listed)

    def _refuse_hostile(self, listed: list[zipfile.ZipInfo]) -> None:
        if len(listed) > MOST_MEMBERS:
            raise InputError(f"'{self.path}' holds {len(listed)} files, more than any project")
        if len(self.members) < len(listed):
            raise InputError(f"'{self.path}' holds two files of one name; export the project again")
        for info in listed:
            if leads_outside(info.filename):
                raise InputError(f"'{self.path}' holds '{info.filename}', which leads outside; do not trust this file")
            if info.flag_bits & 1:
                raise InputError(f"'{self.path}' is encrypted; export the project without a password")
        total, packed = sum(info.file_size for info in listed), self.path.stat().st_size
        if total > LARGE and total > MOST_RATIO * packed:
            raise InputError(
                f"'{self.path}' of {packed / 2**20:.1f} MiB would grow to {total / 2**30:.1f} GiB, as no project does; "
                "do not trust this file"
            )

    def read(self, name: str, most: int) -> bytes:
        """Read a small member.

        Raises
        ------
        InputError
            If there is none of this name, if it is damaged, or if it has more than ``most`` bytes.
        """
        if name not in self.members:
            raise InputError(f"'{self.path}' holds no '{name}'; export the project again")
        if self.members[name].file_size > most:
            raise InputError(
                f"'{self.path}' holds a '{name}' of {self.members[name].file_size / 2**20:.0f} MiB; refused"
            )
        with self._opened(name) as (_, file):
            return file.read()

    def unpack(self, name: str, place: Path) -> None:
        """Write a member to a file of another name.

        Raises
        ------
        InputError
            If it is damaged.
        """
        with self._opened(name) as (_, file), place.open("xb") as out:
            shutil.copyfileobj(file, out, 2**20)

    def copy_to(self, other: zipfile.ZipFile, without: str) -> None:
        """Copy all members but one into another zip."""
        for name, info in self.members.items():
            if name != without:
                with self._opened(name) as (_, file):
                    copy = zipfile.ZipInfo(name, info.date_time)
                    copy.compress_type, copy.external_attr = info.compress_type, info.external_attr
                    with other.open(copy, "w", force_zip64=info.file_size > 2**31) as out:
                        shutil.copyfileobj(file, out, 2**20)

    @contextmanager
    def _opened(self, name: str) -> Iterator[tuple[zipfile.ZipFile, BinaryIO]]:
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(name) as file:
                yield archive, file  # type: ignore[misc]  # IO[bytes]
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as reason:
            raise InputError(f"'{name}' in '{self.path}' is damaged ({reason}); export the project again") from None


def leads_outside(name: str) -> bool:
    r"""Return whether the name of a member is one that unpacking programs could write elsewhere.

    Examples
    --------
    >>> [leads_outside(name) for name in ("audio/a.wav", "a..b/c", "../a", "/etc/a", "C:/a", "a\\..\\b")]
    [False, False, True, True, True, True]
    """
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return name.startswith(("/", "\\")) or ".." in parts or "\0" in name or ":" in (parts or ("",))[0]
