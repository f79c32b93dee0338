"""Check the songs and kits of scene sets: whether they are there, and whether they are those of the published results.

``NAME.sha256``, next to ``NAME.toml``, lists the checksums in the format of ``sha256sum``, with paths relative to the
folder of the songs and kits. Downloads from the original sources differ from our files (which are summed to four stems,
shortened, or in another format). Different files are therefore not an error, but give slightly different scores.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from debleed.io.audio import audio_files
from debleed.recording import InputError
from debleed.scenes.corpus import checksum
from debleed.scenes.scene_sets import Sampled, Songs
from debleed.scenes.set_file import Book


@dataclass(frozen=True)
class Found:
    """The result of checking one source.

    Parameters
    ----------
    name, source
        The songs or the kit.
    files
        Number of existing files.
    other
        Files that differ from those of the published results.
    missing
        Folders and files that do not exist.
    """

    name: str
    source: Songs | Sampled
    files: int
    other: tuple[Path, ...]
    missing: tuple[Path, ...]


def examine(book: Book, sums: Path) -> Iterator[Found]:
    """Compare all songs and kits with the checksums of those behind the published results.

    Parameters
    ----------
    sums
        File of the checksums; if it does not exist, every file counts as different.
    """
    known = read_sums(sums)
    for name, source in book.sources.items():
        folders = [source.folder / part for part in parts(source)]
        there, missing = [], [folder for folder in folders if not folder.is_dir()]
        for folder in folders:
            there += _sounds(folder)
        root = source.folder.name
        relative = {f"{root}/{path.relative_to(source.folder).as_posix()}": path for path in there}
        expected = {path: digest for path, digest in known.items() if path.startswith(f"{root}/")}
        gone = [p for p in expected if p not in relative and not any(Path(p).parent.name == m.name for m in missing)]
        other = [path for key, path in relative.items() if expected.get(key) != checksum(path)]
        missing += [source.folder.parent / path for path in gone]
        yield Found(name, source, len(there), tuple(other), tuple(missing))


def parts(source: Songs | Sampled) -> list[str]:
    """List the folders of a source that the sets use: songs, or pieces of the kit."""
    if isinstance(source, Songs):
        return list(source.starts)
    return sorted({piece for pieces in source.hits.values() for piece in pieces})


def _sounds(folder: Path) -> list[Path]:
    """List the audio files of a folder, without the room microphones of a kit (``<number>.room.flac``)."""
    if not folder.is_dir():
        return []
    try:
        return [path for path in audio_files(folder) if not path.stem.endswith(".room")]
    except InputError:  # an empty folder
        return []


def sums_of(book: Book) -> str:
    """Format the checksums of all songs and kits like ``sha256sum``."""
    lines = []
    for source in book.sources.values():
        for part in parts(source):
            for path in _sounds(source.folder / part):
                where = f"{source.folder.name}/{path.relative_to(source.folder).as_posix()}"
                lines.append(f"{checksum(path)}  {where}\n")
    return "".join(lines)


def read_sums(path: Path) -> dict[str, str]:
    """Read checksums by path; return none if the file does not exist.

    Raises
    ------
    InputError
        If a line is not in the format of ``sha256sum``.
    """
    if not path.is_file():
        return {}
    known = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        digest, gap, name = line.partition("  ")
        if not gap or len(digest) != 64:
            raise InputError(
                f"'{path}' has a line that is not a checksum: {line[:40]!r}; write it again with sha256sum"
            )
        known[name] = digest
    return known
