import numpy as np
import pytest

from debleed.recording import InputError
from debleed.scenes.onstage.feed import rms
from debleed.scenes.onstage.filed import Direct, Dual, Mix, Safety
from feeds import SOURCES, air, feeds, where


def test_a_direct_box_is_the_dry_bass_and_its_own_truth():
    assert Direct.draw(where(), np.random.default_rng(0)).source == "bass"
    *before, box = Direct(source="bass", level_db=-6.0).apply(feeds(), air())
    assert [feed.channel.name for feed in before] == list(SOURCES)
    assert (box.channel.name, box.channel.source, box.channel.reference) == ("bass_di", "bass", False)
    np.testing.assert_allclose(box.sound, 10 ** (-6 / 20) * air().stems[1], atol=1e-12)
    np.testing.assert_array_equal(box.own, box.sound)


def test_a_direct_box_of_a_source_without_microphone_is_a_reference():
    singer, _, drums = feeds()
    assert Direct(source="bass").apply((singer, drums), air())[-1].channel.reference
    with pytest.raises(InputError, match="the mishap 'direct' needs a source 'flute'"):
        Direct(source="flute").apply(feeds(), air())


def test_a_safety_track_is_a_quieter_copy_with_noise_of_its_own():
    before = feeds()
    after = Safety(track="drums", level_db=-12.0, noise_db=-60.0).apply(before, air())
    assert after[:3] == before
    copy, gain = after[3], 10 ** (-12 / 20)
    assert (copy.channel.name, copy.channel.source, copy.channel.scored) == ("drums_D12", "drums", True)
    np.testing.assert_allclose(copy.own, gain * before[2].own, atol=1e-12)
    noise = copy.sound - gain * before[2].sound
    assert 20 * np.log10(rms(noise) / rms(copy.sound)) == pytest.approx(-60, abs=0.2)


def test_a_mix_is_the_panned_sum_and_belongs_to_nobody():
    before = feeds()
    after = Mix(tracks=SOURCES, pans=(0.0, 0.5, 1.0), file="LR").apply(before, air())
    left, right = after[3:]
    singer, bass, drums = (feed.sound for feed in before)
    np.testing.assert_allclose(left.sound, 0.5 * (singer + 0.5 * bass), atol=1e-12)
    np.testing.assert_allclose(right.sound, 0.5 * (0.5 * bass + drums), atol=1e-12)
    assert (left.channel.name, right.channel.name) == ("LR.L", "LR.R")
    assert (left.channel.file, left.channel.source, left.channel.scored) == ("LR", None, False)
    with pytest.raises(InputError, match="a share from 0 to 1 for each of its tracks"):
        Mix(tracks=SOURCES, pans=(0.5,))


def test_dual_tracks_are_the_same_in_both_channels():
    before = feeds()
    after = Dual(tracks=("bass",), level_db=-6.0).apply(before, air())
    assert [feed.channel.name for feed in after] == ["singer", "bass.L", "bass.R", "drums"]
    assert {feed.channel.file for feed in after} == set(SOURCES)
    np.testing.assert_array_equal(after[1].sound, before[1].sound)
    np.testing.assert_allclose(after[2].own, 10 ** (-6 / 20) * before[1].own, atol=1e-12)
    same = Dual(tracks=SOURCES).apply(before, air())
    for left, right in zip(same[::2], same[1::2], strict=True):
        np.testing.assert_array_equal(left.sound, right.sound)
    with pytest.raises(InputError, match="there is no track 'flute'"):
        Dual(tracks=("flute",)).apply(before, air())
