from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from debleed.recording import InputError
from debleed.scenes.scene_sets import Songs, SongSet, TakeSet
from debleed.scenes.set_file import Book, read_sets
from sets import RATE, STEMS, sets_file


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return read_sets(sets_file(tmp_path))


def songs(book: Book, name: str) -> SongSet:
    found = book.sets[name]
    assert isinstance(found, SongSet)
    return found


def test_stems_are_mono_and_of_one_level(book: Book) -> None:
    source = book.sources["songs"]
    assert isinstance(source, Songs)
    stems = source.stems("B", RATE, 1)
    assert tuple(stems) == STEMS
    for row in stems.values():
        assert row.shape == (RATE,)
        assert np.sqrt(np.mean(np.square(row))) == pytest.approx(0.1, rel=1e-5)
    later = stems["bass"][RATE // 2 :]
    assert later / later[0] == pytest.approx(_from(source, 1.0), rel=1e-4)


def _from(source: Songs, start: float) -> np.ndarray:
    row = source.stems("B", RATE, 0.5, start)["bass"]
    return row / row[0]


def test_a_scene_is_drawn_from_the_item_at_every_rate(book: Book) -> None:
    sound = songs(book, "linear").render("A")
    assert sound.scene is not None
    assert sound.scene.id == "linear/A"
    assert sound.stems is not None
    gains = np.array(sound.scene.gains)
    assert sound.mics.read() == pytest.approx(gains @ sound.stems.read(), abs=1e-6)
    assert sound.own.read() == pytest.approx(np.diag(gains)[:, None] * sound.stems.read(), abs=1e-6)
    faster = replace(songs(book, "linear"), rate=2 * RATE).render("A")
    assert faster.scene is not None
    assert np.array_equal(faster.scene.gains, gains)


def test_songs_at_once(book: Book) -> None:
    pair = songs(book, "pair")
    assert pair.items() == ["A+B", "B+A"]
    assert pair.render("A+B").mics.names == tuple(f"{song}.{stem}" for song in "AB" for stem in STEMS)


def test_nothing_bleeds_without_a_scene(book: Book) -> None:
    sound = songs(book, "dry").render("A")
    assert np.array_equal(sound.mics.read(), sound.own.read())
    assert sound.scene is None


def test_two_stretches_are_each_the_soundcheck_of_the_other(book: Book) -> None:
    both = songs(book, "soundcheck")
    assert both.items() == ["A", "B", "A@1", "B@1.5"]
    first, second = both.render("A"), both.render("A@1")
    assert first.soundcheck is not None
    assert second.soundcheck is not None
    assert np.array_equal(first.soundcheck.read(), second.mics.read())
    assert np.array_equal(second.soundcheck.read(), first.mics.read())
    assert np.array_equal(first.mics.read(), songs(book, "linear").render("A").mics.read())
    assert (both.start("A"), both.start("A@1"), both.start("B")) == (0, 1, 0.5)


def test_takes(book: Book) -> None:
    takes = book.sets["takes"]
    assert isinstance(takes, TakeSet)
    assert (takes.items(), takes.rate, takes.seconds, takes.scene) == (["0", "1"], RATE, 4, "takes")
    sound = takes.render("0")
    assert sound.mics.names == ("kick", "snare")
    assert sound.stems is None
    assert sound.mics.seconds == 4


def test_refusals(book: Book) -> None:
    with pytest.raises(InputError, match="the song 'C' is not in"):
        replace(songs(book, "linear"), songs=("C",))
    with pytest.raises(InputError, match="'soundcheck' must list every song"):
        replace(songs(book, "linear"), soundcheck={"A": 1})
    with pytest.raises(InputError, match="'hits' must be one of all, odd, even, got 'few'"):
        TakeSet("takes", book.sets["takes"].source, "takes", hits="few")  # type: ignore[arg-type]
    missing = replace(songs(book, "linear").source, folder=Path("nowhere"))
    with pytest.raises(InputError, match=r"there is no folder 'nowhere.A'; get two songs of noise \(CC0\) from tests"):
        missing.stems("A", RATE, 1)
