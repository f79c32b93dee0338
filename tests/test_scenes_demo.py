import numpy as np
import pytest

from debleed.recording import InputError
from debleed.scenes import demo as band
from debleed.scenes.instruments import cymbal, kick, pluck, ring, snare, tom

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


def test_ring_is_a_sum_of_dying_sines():
    frequency, fall, strength = np.array([100.0, 250.0]), np.array([3.0, 9.0]), np.array([1, 0.5j])
    time = np.arange(1000) / RATE
    expected = np.imag(strength @ np.exp((2j * np.pi * frequency - fall)[:, None] * time))
    np.testing.assert_allclose(ring(frequency, fall, strength, 1000, RATE), expected, atol=1e-12)


def test_a_string_has_its_pitch():
    note = pluck(220.0, 1.0, RATE, np.random.default_rng(0), decay=2, brightness=0.3)
    spectrum = np.abs(np.fft.rfft(note * np.hanning(len(note))))
    assert np.argmax(spectrum[:300]) == pytest.approx(220, abs=2)


@pytest.mark.parametrize("instrument", [kick, snare, lambda r, g: tom(120.0, r, g), lambda r, g: cymbal(0.3, r, g)])
def test_drums_die_away(instrument):
    hit = instrument(RATE, np.random.default_rng(0))
    assert np.isfinite(hit).all()
    assert np.abs(hit[-100:]).max() < 0.1 * np.abs(hit).max()
