"""The material of scene sets: whether it is there, and whether it is what the published figures were measured on.

Beside ``NAME.toml`` lies ``NAME.sha256``, in the form of ``sha256sum``, with paths relative to the folder of the
material. Songs and kits that come straight from their makers have other files than ours (ours are summed to four stems,
shortened, or in another format), so other files are no error: figures measured on them differ a little.
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
    """What was found of one source.

    Parameters
    ----------
    name, source
        Which.
    files
        How many files are there.
    other
        Those that are not the files that we used.
    missing
        Folders and files that are not there.
    """

    name: str
    source: Songs | Sampled
    files: int
    other: tuple[Path, ...]
    missing: tuple[Path, ...]


def examine(book: Book, sums: Path) -> Iterator[Found]:
    """Compare the material of all sources with the checksums of what we used.

    Parameters
    ----------
    sums
        File of the checksums; without it nothing is known of them, and every file is another one.
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
    """List the folders of a source that are used: songs, or pieces of the kit."""
    if isinstance(source, Songs):
        return list(source.starts)
    return sorted({piece for pieces in source.hits.values() for piece in pieces})


def _sounds(folder: Path) -> list[Path]:
    """List the sounds of a folder, room microphones of a kit (``<number>.room.flac``) left out."""
    if not folder.is_dir():
        return []
    try:
        return [path for path in audio_files(folder) if not path.stem.endswith(".room")]
    except InputError:  # an empty folder
        return []


def sums_of(book: Book) -> str:
    """Write the checksums of all material as ``sha256sum`` does."""
    lines = []
    for source in book.sources.values():
        for part in parts(source):
            for path in _sounds(source.folder / part):
                where = f"{source.folder.name}/{path.relative_to(source.folder).as_posix()}"
                lines.append(f"{checksum(path)}  {where}\n")
    return "".join(lines)


def read_sums(path: Path) -> dict[str, str]:
    """Read checksums by path; none where there is no file.

    Raises
    ------
    InputError
        For a line that is none of ``sha256sum``.
    """
    if not path.is_file():
        return {}
    known = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        digest, gap, name = line.partition("  ")
        if not gap or len(digest) != 64:
            raise InputError(f"'{path}' holds a line that is no checksum: {line[:40]!r}")
        known[name] = digest
    return known
