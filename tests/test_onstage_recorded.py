import numpy as np
import pytest

from debleed.recording import InputError
from debleed.scenes.onstage.feed import delayed, named
from debleed.scenes.onstage.recorded import Clipping, Clock, Compressor, Jump, Offset
from feeds import RATE, SOURCES, air, bleed, feeds, where


def test_a_compressor_turns_what_exceeds_the_rms_down_by_its_ratio():
    quiet, loud, half = 0.1, 1.0, 4 * RATE
    square = np.where(np.arange(2 * half) % 2, 1.0, -1.0) * np.repeat([quiet, loud], half)
    threshold = np.sqrt((quiet**2 + loud**2) / 2)
    gain = Compressor(tracks=("bass",), ratio=4.0).gain(square, RATE)
    assert np.all(gain[:half] == 1)
    assert gain[-1] == pytest.approx((loud / threshold) ** (1 / 4 - 1), rel=1e-3)  # 4 dB above become 1 dB above
    assert np.all(np.diff(gain[half:]) <= 1e-12)
    assert np.all(Compressor(tracks=("bass",), ratio=1.0).gain(square, RATE) == 1)
    assert np.all(Compressor(tracks=("bass",)).gain(0 * square, RATE) == 1)


def test_attack_and_release_are_time_constants():
    compressor = Compressor(tracks=("bass",), ratio=2.0, attack=0.01, release=0.1)
    burst = np.zeros(3 * RATE)
    burst[RATE : 2 * RATE] = 1.0
    level = np.sqrt(np.mean(burst**2)) * compressor.gain(burst, RATE) ** -2  # where it exceeds the threshold
    after = RATE + round(0.02 * RATE)
    assert level[after] == pytest.approx(1 - np.exp(-2), rel=0.01)
    later = 2 * RATE + round(0.05 * RATE)
    assert level[later] == pytest.approx(np.exp(-0.5), rel=0.01)


def test_a_compressor_moves_source_and_bleed_alike():
    before, compressor = feeds(), Compressor(tracks=("bass",))
    after = compressor.apply(before, air())
    gain = compressor.gain(before[1].sound, RATE)
    np.testing.assert_allclose(after[1].own, gain * before[1].own, atol=1e-12)
    np.testing.assert_allclose(bleed(after[1]), gain * bleed(before[1]), atol=1e-12)
    assert after[0] is before[0]


def test_clipping_belongs_to_the_truth():
    before = feeds()
    after = named(Clipping(track="drums", percent=1.0).apply(before, air()), "drums")
    clipped = np.abs(after.sound) >= np.max(np.abs(after.sound)) * (1 - 1e-12)
    assert np.mean(clipped) == pytest.approx(0.01, abs=0.001)
    np.testing.assert_allclose(after.sound[~clipped], before[2].sound[~clipped], atol=1e-12)
    np.testing.assert_allclose(bleed(after), bleed(before[2]), atol=1e-12)


@pytest.mark.parametrize("ppm", [145.0, -300.0])
def test_a_clock_of_p_ppm_stretches_by_p(ppm):
    seconds, hertz = 20, 500.0
    time = np.arange(seconds * RATE) / RATE
    tone = np.sin(2 * np.pi * hertz * time)
    (feed, *others) = feeds(len(tone))
    sounding = feed.through(lambda rows: np.tile(tone, (len(rows), 1)))
    after = Clock(tracks=("singer",), ppm=ppm).apply((sounding, *others), air(len(tone)))
    assert after[1] is others[0]
    expected = np.sin(2 * np.pi * hertz * time / (1 + ppm / 1e6))
    middle = slice(RATE, -RATE)  # the ends ring
    np.testing.assert_allclose(after[0].own[middle], expected[middle], atol=1e-3)
    np.testing.assert_allclose(after[0].images[2][middle], expected[middle], atol=1e-3)


def test_a_clock_moves_half_of_the_microphones():
    drawn = Clock.draw(where("a", "b", "c", "d", "e"), np.random.default_rng(3)).tracks
    assert len(set(drawn)) == 2
    with pytest.raises(InputError, match="the mishap 'clock' needs two microphones"):
        Clock.draw(where("a"), np.random.default_rng(3))


def test_a_jump_is_a_delay_from_half_way_on():
    before = feeds()
    after = named(Jump(track="bass", delay=0.004).apply(before, air()), "bass")
    half, fade = RATE // 2, round(0.005 * RATE)
    late = delayed(before[1].sound, 0.004, RATE)
    np.testing.assert_allclose(after.sound[:half], before[1].sound[:half], atol=1e-12)
    np.testing.assert_allclose(after.sound[half + fade :], late[half + fade :], atol=1e-12)
    np.testing.assert_allclose(after.own[half + fade :], delayed(before[1].own, 0.004, RATE)[half + fade :], atol=1e-12)


def test_an_offset_cuts_off_the_beginning_and_its_source_rests_until_then():
    before, late = feeds(), Offset(track="bass", source="bass", seconds=0.25)
    after = late.apply(before, air())
    shift = RATE // 4
    for what in ("sound", "own", "rest"):
        np.testing.assert_array_equal(getattr(after[1], what)[:-shift], getattr(before[1], what)[shift:])
        assert not getattr(after[1], what)[-shift:].any()
    assert (after[0], after[2]) == (before[0], before[2])
    stems = air().stems
    resting = late.rested(stems, SOURCES, RATE)
    assert not resting[1, : round(0.55 * RATE)].any()
    np.testing.assert_array_equal(resting[[0, 2]], stems[[0, 2]])
    np.testing.assert_array_equal(resting[1, round(0.55 * RATE) :], stems[1, round(0.55 * RATE) :])
    assert stems[1, 0] != 0  # the input is not changed


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda: Compressor(tracks=(), ratio=0.5), "'compressor' needs a ratio of at least 1"),
        (lambda: Compressor(tracks=(), attack=0.0), "positive times"),
        (lambda: Clipping(track="a", percent=100.0), "'clipping' needs a share from 0 to 100 percent"),
        (lambda: Clock(tracks=(), ppm=2e5), "'clock' needs less than 100000 ppm"),
        (lambda: Jump(track="a", delay=-0.1), "'jump' needs a delay of 0 or more seconds"),
        (lambda: Offset(track="a", source="a", seconds=-1.0), "'offset' needs 0 or more seconds"),
    ],
)
def test_values_out_of_range_are_refused(wrong, sentence):
    with pytest.raises(InputError, match=sentence):
        wrong()
