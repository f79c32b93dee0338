import numpy as np
import pytest

from debleed.recording import InputError
from debleed.scenes import demo as band

RATE = 16000


@pytest.fixture(scope="module")
def song():
    return band.play(12, RATE)


def test_every_source_plays_at_the_same_level_below_full_scale(song):
    assert song.shape == (len(band.SOURCES), 12 * RATE)
    assert song.dtype == np.float32
    np.testing.assert_allclose(np.sqrt(np.mean(song**2, axis=1)), band.RMS, rtol=1e-3)
    assert np.abs(song).max() < 1


def test_the_band_plays_the_same_every_time(song):
    np.testing.assert_array_equal(song, band.play(12, RATE))


def test_sources_are_not_copies_of_each_other(song):
    assert np.abs(np.corrcoef(song) - np.eye(len(song))).max() < 0.1


def test_the_singer_rests_between_phrases(song):
    singer = song[band.SOURCES.index("singer")]
    assert not singer[: 4 * RATE].any()
    assert singer[6 * RATE : 8 * RATE].std() > 0.02


def test_the_score_fills_its_bars_with_chords_that_exist():
    for line in band.FORM:
        chord, melody = line.split("|")
        assert chord.strip() in band.CHORDS
        assert sum(float(token.split(":")[1]) for token in melody.split()) in (0, 4)


def test_a_long_song_begins_again():
    assert band.play(70, 8000).shape[1] == 70 * 8000


@pytest.mark.parametrize(("seconds", "rate"), [(5, RATE), (20, 4000), (float("nan"), RATE)])
def test_too_short_or_too_coarse_is_refused(seconds, rate):
    with pytest.raises(InputError):
        band.play(seconds, rate)


def test_the_performance_is_the_song_in_the_room_of_the_demo(monkeypatch):
    monkeypatch.setattr(band, "RATE", 8000)
    scene, mics, own = band.perform(10)
    assert (scene.kind, scene.rt60, scene.rate) == ("room", band.RT60, 8000)
    assert mics.names == own.names == band.SOURCES
    rendered = scene.render(band.play(10, 8000))
    np.testing.assert_allclose(mics.read(), rendered.mics, atol=1e-6)
    np.testing.assert_allclose(own.read(), rendered.own, atol=1e-6)
