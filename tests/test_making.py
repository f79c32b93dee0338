import json
from pathlib import Path

import numpy as np
import pytest

from debleed.recording import InputError
from debleed.scenes.corpus import items_of
from debleed.scenes.making import make_set
from debleed.scenes.set_file import read_sets
from sets import sets_file


def test_the_files_hold_the_very_samples(tmp_path: Path) -> None:
    book = read_sets(sets_file(tmp_path))
    for name in ("linear", "soundcheck", "takes", "dry"):
        scene_set = book.sets[name]
        made = list(make_set(scene_set, tmp_path / "corpora"))
        assert [fresh for _, fresh in made] == [True] * len(scene_set.items())
        for item in items_of(tmp_path / "corpora" / name):
            sound = scene_set.render(item.entry["track"])
            assert item.id == f"{scene_set.scene}/{item.entry['track']}"
            assert item.damage() is None
            parts = {"mics": sound.mics, "images": sound.own, "stems": sound.stems, "soundcheck": sound.soundcheck}
            for what, expected in parts.items():
                assert item.has(what) == (expected is not None)
                if expected is not None:
                    found = item.take(what).recording()
                    order = [found.names.index(mic) for mic in expected.names]
                    assert np.array_equal(found.read()[order], expected.read())


def test_goals_stand_beside_and_goes_on(tmp_path: Path) -> None:
    scene_set = read_sets(sets_file(tmp_path)).sets["linear"]
    list(make_set(scene_set, tmp_path))
    manifest = json.loads((tmp_path / "linear" / "corpus.json").read_text())
    assert manifest["about"]["title"] == "a matrix"
    assert manifest["about"]["goals"][0]["aim"] == "exact"
    assert manifest["recipe"]["name"] == "linear"
    assert [fresh for _, fresh in make_set(scene_set, tmp_path)] == [False, False]
    (tmp_path / "linear" / "B" / "mics" / "bass.wav").unlink()
    assert dict(make_set(scene_set, tmp_path)) == {"linear/A": False, "linear/B": True}


def test_what_was_made_otherwise_stays_unless_forced(tmp_path: Path) -> None:
    path = sets_file(tmp_path)
    list(make_set(read_sets(path).sets["linear"], tmp_path / "out"))
    path.write_text(path.read_text().replace("seconds = 1", "seconds = 0.5"))
    other = read_sets(path).sets["linear"]
    with pytest.raises(InputError, match=r"made with other settings \(see seconds in corpus.json\)"):
        list(make_set(other, tmp_path / "out"))
    assert all(fresh for _, fresh in make_set(other, tmp_path / "out", force=True))
    (tmp_path / "foreign" / "linear").mkdir(parents=True)
    (tmp_path / "foreign" / "linear" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="is not a corpus"):
        list(make_set(other, tmp_path / "foreign"))
