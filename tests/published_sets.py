"""The songs and the kit of the benchmarks, where they are there: DEBLEED_DATA, or ../shared/data by the repository."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from debleed.scenes.scene_sets import SceneSet, SongSet, Sound
from debleed.scenes.set_file import read_sets

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ["DEBLEED_DATA"]) if "DEBLEED_DATA" in os.environ else None
BOOK = read_sets(ROOT / "benchmarks" / "corpora.toml", DATA)

needs_material = pytest.mark.skipif(
    not all(source.folder.is_dir() for source in BOOK.sources.values()),
    reason="needs the songs and the kit of the benchmarks; 'debleed corpus check benchmarks/corpora.toml' says where",
)


def item_of(name: str, item: str, seconds: float) -> Sound:
    """Render an item of a published set, of another length."""
    chosen: SceneSet = BOOK.sets[name]
    if isinstance(chosen, SongSet):
        return replace(chosen, seconds=seconds).render(item)
    return replace(chosen, source=replace(chosen.source, seconds=seconds)).render(item)
