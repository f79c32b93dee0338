"""The songs and the kits of the benchmarks, for the scripts beside this file; DEBLEED_DATA says where they are."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from debleed.recording import Recording
from debleed.scenes.scene_sets import Sampled, Songs, SongSet
from debleed.scenes.set_file import read_sets

HERE = Path(__file__).resolve().parent
FILE = HERE / "corpora.toml"
BOOK = read_sets(FILE, Path(os.environ["DEBLEED_DATA"]) if "DEBLEED_DATA" in os.environ else None)


def _songs() -> Songs:
    songs = BOOK.sources["songs"]
    assert isinstance(songs, Songs)
    return songs


SONGS, KITS = _songs(), {name: source.kit for name, source in BOOK.sources.items() if isinstance(source, Sampled)}


def rendered(name: str, item: str, rate: int, seconds: float) -> tuple[Recording, Recording]:
    """Render an item of a set of songs at a rate and a length: the microphones and the images of their sources."""
    from dataclasses import replace

    chosen = BOOK.sets[name]
    assert isinstance(chosen, SongSet)
    sound = replace(chosen, rate=rate, seconds=seconds).render(item)
    return sound.mics, sound.own


def refuse_absence() -> None:
    """End with a sentence where the material is not there."""
    missing = [source.folder for source in BOOK.sources.values() if not source.folder.is_dir()]
    if missing:
        print(f"'{missing[0]}' is not there; 'debleed corpus check {FILE}' says where it can be had", file=sys.stderr)
        sys.exit(2)
