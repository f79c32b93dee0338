"""Read the file that describes scene sets: from TOML to :class:`SongSet` and :class:`TakeSet`.

``benchmarks/corpora.toml`` in the repository is such a file and explains its keys.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from debleed.recording import InputError
from debleed.scenes.scene_sets import Sampled, SceneSet, Songs, SongSet, TakeSet

Made = TypeVar("Made")


@dataclass(frozen=True)
class Book:
    """The contents of a file of scene sets.

    Parameters
    ----------
    sources
        The songs (with the name "songs") and the kits.
    sets
        The scene sets by name.
    """

    sources: Mapping[str, Songs | Sampled]
    sets: Mapping[str, SceneSet]


def read_sets(path: Path, data: Path | None = None) -> Book:
    """Read a file of scene sets.

    Parameters
    ----------
    data
        Folder of the songs and kits, instead of the one in the file.

    Raises
    ------
    InputError
        If the file does not exist, is not valid TOML, or has an unknown key.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise InputError(f"there is no file '{path}'; it should describe scene sets") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"'{path}' is not valid TOML: {error}") from None
    if unknown := sorted(set(tables) - {"data", "songs", "kits", "sets"}):
        raise InputError(f"'{path}' has an unknown table '{unknown[0]}'; the tables are data, songs, kits and sets")
    root = data or (path.parent / tables.get("data", "."))
    sources: dict[str, Songs | Sampled] = {}
    if "songs" in tables:
        sources["songs"] = _made(Songs, f"'{path}', [songs]", _placed(tables["songs"], root))
    for name, table in tables.get("kits", {}).items():
        sources[name] = _made(Sampled, f"'{path}', [kits.{name}]", _placed(table, root))
    sets = {}
    for name, table in tables.get("sets", {}).items():
        where, settings = f"'{path}', [sets.{name}]", dict(table)
        source = sources.get(chosen := settings.pop("kit", "songs"))
        if source is None:
            raise InputError(
                f"{where}: there is no kit '{chosen}'" if "kit" in table else f"{where}: there is no [songs]"
            )
        kind: type[SongSet] | type[TakeSet] = SongSet if isinstance(source, Songs) else TakeSet
        sets[name] = _made(kind, where, {"name": name, "source": source, **settings})
    return Book(sources, sets)


def _placed(table: Mapping[str, Any], root: Path) -> dict[str, Any]:
    return {**table, "folder": root / table["folder"]} if "folder" in table else dict(table)


def _made(kind: type[Made], where: str, table: Mapping[str, Any]) -> Made:
    """Make a dataclass from a table; lists become tuples."""
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(table) - set(known)):
        raise InputError(f"{where}: unknown key '{unknown[0]}'; the keys are {', '.join(known)}")
    for name, about in known.items():
        if name not in table and about.default is MISSING and about.default_factory is MISSING:
            raise InputError(f"{where}: '{name}' is missing")
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in table.items()})
