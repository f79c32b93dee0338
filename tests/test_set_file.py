import math
from pathlib import Path

import pytest

from debleed.recording import InputError
from debleed.scenes.scene_sets import Sampled, SongSet
from debleed.scenes.set_file import read_sets
from sets import sets_file

PUBLISHED = Path(__file__).parents[1] / "benchmarks" / "corpora.toml"


def test_reads_sources_and_sets(tmp_path: Path) -> None:
    path = sets_file(tmp_path)
    book = read_sets(path)
    assert list(book.sources) == ["songs", "tiny"]
    assert list(book.sets) == ["linear", "pair", "dry", "soundcheck", "takes"]
    assert book.sources["songs"].folder == tmp_path / "material" / "songs"
    assert read_sets(path, Path("/elsewhere")).sources["songs"].folder == Path("/elsewhere/songs")
    linear = book.sets["linear"]
    assert isinstance(linear, SongSet)
    assert (linear.rate, linear.seconds, linear.songs, linear.scene) == (8000, 1, ("A", "B"), "linear")
    assert linear.goals[0]["aim"] == math.inf
    kit = book.sources["tiny"]
    assert isinstance(kit, Sampled)
    assert kit.kit.hits["kick"] == ("kick",)


def test_the_published_sets() -> None:
    book = read_sets(PUBLISHED)
    items = {name: len(scene_set.items()) for name, scene_set in book.sets.items()}
    assert items["room-0.35"] == items["eight"] == items["drums-even"] == 5
    assert book.sets["room-0.35-44100"].scene == "room-0.35"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("[sets.dry]", "[set.dry]"), "has an unknown table 'set'; the tables are data, songs, kits and sets"),
        (("rms = 0.1", "level = 0.1"), r"\[songs\]: unknown key 'level'"),
        (("rms = 0.1\n", ""), r"\[songs\]: 'rms' is missing"),
        (('kit = "tiny"', 'kit = "huge"'), r"\[sets.takes\]: there is no kit 'huge'"),
        (("at_once = 2", "at_once ="), "is not valid TOML"),
        (('kit = "tiny"', ""), r"\[sets.takes\]: unknown key 'bleed_db'"),
    ],
)
def test_refuses_what_it_does_not_know(tmp_path: Path, change: tuple[str, str], sentence: str) -> None:
    path = sets_file(tmp_path)
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(InputError, match=sentence):
        read_sets(path)


def test_refuses_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        read_sets(tmp_path / "none.toml")
