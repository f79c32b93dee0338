import numpy as np
import pytest

from debleed.recording import InputError
from debleed.scenes.onstage.feed import named, rms
from debleed.scenes.onstage.mishap import Ear
from debleed.scenes.onstage.sounding import FROM_WALLS, Click, Crowd, Pair, Wedge
from feeds import RATE, SOURCES, air, bleed, feeds, noise, where


def decibels(a: np.ndarray, b: np.ndarray) -> float:
    return 20 * np.log10(rms(a) / rms(b))


def echoes(spots: int) -> list[list[np.ndarray]]:
    """Make a path of its own from each spot to each microphone of the feeds."""
    return [[noise(40, seed=100 * i + k) for k in range(spots)] for i in range(len(SOURCES))]


def test_a_pair_replaces_a_microphone():
    pair = Pair.draw(where(), np.random.default_rng(2))
    ears = tuple(Ear(name, name, (1.0 + k, 2.0, 3.0), (1.0, 5.0, 1.2)) for k, name in enumerate(SOURCES))
    placed = pair.placed(ears)
    assert len(placed) == 4
    left, right = placed[SOURCES.index(pair.track)], placed[-1]
    assert (left.name, right.name) == (f"{pair.track}_L", f"{pair.track}_R")
    assert left.source == right.source == pair.track
    assert (left.position, right.position) == pair.positions
    assert np.linalg.norm(np.subtract(*pair.positions)) == pytest.approx(1.0)
    others = [ear for ear in ears if ear.name != pair.track]
    assert [ear for ear in placed if ear not in (left, right)] == others
    with pytest.raises(InputError, match="the mishap 'pair' needs a microphone 'flute'"):
        Pair(track="flute", positions=pair.positions).placed(ears)
    with pytest.raises(InputError, match="needs two positions, got 1"):
        Pair(track="bass", positions=pair.positions[:1])


def test_a_wedge_plays_a_singer_and_is_heard_at_the_level_that_it_says():
    wedge = Wedge.draw(where(), np.random.default_rng(2))
    assert wedge.source == "singer"
    wedge = Wedge(source="singer", listener="drums", position=(1.0, 1.0, 0.4), level_db=-9.0)
    before = feeds()
    after = wedge.apply(before, air(paths=echoes(1)))
    more = [a.images - b.images for a, b in zip(after, before, strict=True)]
    assert decibels(more[2][0], before[2].own) == pytest.approx(-9.0)
    for k, row in enumerate(more):
        assert np.any(row[0])
        assert not np.any(row[1:])  # only the singer comes out
        np.testing.assert_allclose(row[0, : round(0.004 * RATE) - 1], 0, atol=1e-12)  # the way through the desk
        expected = row[0] if k == 0 else 0 * row[0]  # what the singer's own microphone hears of it is the singer
        np.testing.assert_allclose(after[k].own - before[k].own, expected, atol=1e-12)


def test_a_wedge_needs_somebody_to_listen():
    with pytest.raises(InputError, match="the mishap 'wedge' needs two sources with microphones"):
        Wedge.draw(where("singer"), np.random.default_rng(2))
    with pytest.raises(InputError, match="needs a source 'flute' and a microphone of the listener 'bass'"):
        Wedge(source="flute", listener="bass", position=(1.0, 1.0, 0.4)).apply(feeds(), air(paths=echoes(1)))


def test_a_crowd_is_heard_at_the_level_that_it_says_and_belongs_to_the_truth():
    crowd = Crowd(positions=((1.0, 1.0, 1.5),) * 3, level_db=-15.0)
    before = feeds()
    after = crowd.apply(before, air(paths=echoes(3)))
    added = [a.rest - b.rest for a, b in zip(after, before, strict=True)]
    level = np.mean([rms(row) for row in added]) / np.mean([rms(feed.sound) for feed in before])
    assert 20 * np.log10(level) == pytest.approx(-15.0)
    for k, row in enumerate(added):
        np.testing.assert_allclose(after[k].own - before[k].own, row, atol=1e-12)
        np.testing.assert_allclose(bleed(after[k]), bleed(before[k]), atol=1e-12)
    again = crowd.apply(before, air(paths=echoes(3)))
    np.testing.assert_array_equal(again[0].rest, after[0].rest)


def test_the_audience_stands_inside_and_behind_the_microphones():
    places = np.array(Crowd.draw(where(), np.random.default_rng(1)).positions)
    assert places.shape == (12, 3)
    assert np.all((places >= [FROM_WALLS, FROM_WALLS, 1.0]) & (places <= [14 - FROM_WALLS, 1.2, 2.0]))


def test_a_click_leaks_at_the_level_that_it_says_and_its_file_is_a_reference():
    before = feeds(3 * RATE)
    after = Click(microphone="bass", level_db=-20.0, bpm=120.0).apply(before, air(3 * RATE))
    file, leak = after[-1], after[1].rest - before[1].rest
    assert decibels(leak, before[1].own) == pytest.approx(-20.0)
    assert decibels(file.sound, leak) == pytest.approx(-12.0, abs=1e-6)
    np.testing.assert_array_equal(after[1].own, before[1].own)
    assert (after[0], after[2]) == (before[0], before[2])
    assert (file.channel.name, file.channel.reference, file.channel.scored) == ("click", True, False)
    assert not file.images.any()
    onsets = np.flatnonzero((file.sound != 0) & (np.concatenate([[0], file.sound[:-1]]) == 0))
    loud = [k for k in onsets if np.any(np.abs(file.sound[k : k + 80]) > 0.5 * np.max(np.abs(file.sound)))]
    np.testing.assert_allclose(np.diff(loud), RATE // 2, atol=1)  # twice a second
    best = np.argmax(np.correlate(leak[:RATE], file.sound[:RATE], "full")) - RATE + 1
    assert 0 <= best <= round(0.002 * RATE)  # the leak follows its file within two milliseconds
    with pytest.raises(InputError, match="the mishap 'click' needs a positive bpm"):
        Click(microphone="bass", bpm=0.0)
    assert named(after, "click") is file


@pytest.mark.parametrize("mishap", [Wedge, Crowd, Click])
def test_silence_stays_silence(mishap):
    silent = tuple(feed.through(np.zeros_like) for feed in feeds(RATE))
    drawn = mishap.draw(where(), np.random.default_rng(1))
    still = air(paths=echoes(len(drawn.spots)))
    for feed in drawn.apply(silent, type(still)(RATE, "item", SOURCES, 0 * still.stems, still.paths)):
        assert not feed.sound.any()
        assert np.all(np.isfinite(feed.own))
