import numpy as np
import pytest

from debleed.recording import InputError
from debleed.scenes.onstage.feed import band, changed, convolved, delayed, gain_to, named, rms
from feeds import RATE, bleed, feeds, noise


def test_the_sound_is_the_sum_of_its_parts():
    feed = feeds()[0]
    np.testing.assert_array_equal(feed.sound, feed.images.sum(axis=0) + feed.rest)


def test_every_part_passes_a_linear_system():
    feed = feeds()[1]
    doubled = feed.through(lambda rows: 2 * rows)
    np.testing.assert_array_equal(doubled.sound, 2 * feed.sound)
    np.testing.assert_array_equal(doubled.own, 2 * feed.own)
    np.testing.assert_allclose(bleed(doubled), 2 * bleed(feed), atol=1e-12)


@pytest.mark.parametrize("wanted", [True, False])
def test_what_is_added_belongs_to_the_truth_or_to_the_bleed(wanted):
    feed, more = feeds()[0], noise(RATE, seed=9)
    louder = feed.plus(more, wanted=wanted)
    np.testing.assert_allclose(louder.sound - feed.sound, more, atol=1e-12)
    np.testing.assert_allclose(louder.own - feed.own, more * wanted, atol=1e-12)


def test_feeds_are_changed_by_name():
    before = feeds()
    after = changed(before, ("bass",), lambda feed: feed.through(lambda rows: -rows))
    assert (after[0], after[2]) == (before[0], before[2])
    assert named(after, "bass") is after[1]
    with pytest.raises(InputError, match="there is no track 'flute' on this stage; the tracks are singer, bass, drums"):
        changed(before, ("flute",), lambda feed: feed)


def test_levels_in_decibels():
    a, b = noise(RATE), noise(RATE, seed=1)
    assert rms(gain_to(-12, a, b) * b) == pytest.approx(rms(a) * 10 ** (-12 / 20))
    assert gain_to(-12, a, 0 * b) == 0
    assert rms(np.zeros(0)) == 0


def test_delays_keep_the_length():
    sound = np.arange(1.0, 6)
    np.testing.assert_array_equal(delayed(sound, 2, 1), [0, 0, 1, 2, 3])
    np.testing.assert_array_equal(delayed(sound, -2, 1), [3, 4, 5, 0, 0])
    np.testing.assert_array_equal(delayed(sound, 9, 1), np.zeros(5))
    np.testing.assert_array_equal(delayed(sound, -9, 1), np.zeros(5))
    np.testing.assert_array_equal(delayed(np.stack([sound, 2 * sound]), 1, 1)[1], [0, 2, 4, 6, 8])


def test_a_band_passes_what_is_in_it():
    time = np.arange(2 * RATE) / RATE
    for hertz, gain in ((1000, 1), (20, 0), (3900, 0.1)):
        tone = np.sin(2 * np.pi * hertz * time)
        assert rms(band(tone, 300, 5000, RATE)[RATE:]) / rms(tone) == pytest.approx(gain, abs=0.1)


def test_a_path_delays_and_attenuates():
    sound = noise(100)
    np.testing.assert_allclose(convolved(sound, np.array([0, 0, 0.5])), 0.5 * delayed(sound, 2, 1), atol=1e-12)
