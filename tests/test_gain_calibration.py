import numpy as np
import pytest

from bands import RATE, bled, gain, sources
from debleed import Recording
from debleed.methods import create
from debleed.methods.demix.filters import Filters
from debleed.methods.demix.gain_calibration import (
    ABOVE_ALL,
    balancing_gains,
    gains_differ,
    presumed_gains,
    sounding_share,
)
from debleed.methods.demix.narrowband import Narrowband
from debleed.methods.demix.postfilter import DECAY_TIMES, Postfilter
from debleed.methods.instantaneous import estimated_gains

GAINS = np.array([1.0, 0.03, 6.0, 0.4])
PAIRS = ~np.eye(4, dtype=bool)


def alike(values: np.ndarray) -> np.ndarray:
    """In dB against their mean."""
    estimated = 20 * np.log10(values)
    return estimated - estimated.mean()


def bleed(gains: np.ndarray, seed: int = 0) -> np.ndarray:
    """Power of sources elsewhere, to and fro within 2 dB of each other."""
    rng = np.random.default_rng(seed)
    e = 0.05 * 10 ** (rng.uniform(-1, 1, (4, 4)) / 10)
    return np.where(PAIRS, e * np.square(gains[:, None] / gains), 1)


def test_symmetric_bleed_determines_the_gains() -> None:
    assert alike(balancing_gains(bleed(GAINS), np.ones(4), PAIRS)) == pytest.approx(alike(GAINS), abs=1.0)


def test_without_bleed_gains_follow_the_level() -> None:
    assert balancing_gains(1e-9 * np.random.default_rng(0).random((4, 4)), np.ones(4), PAIRS) == pytest.approx(
        1, abs=0.05
    )


def test_rtfs_of_a_silent_source_are_ignored() -> None:
    e, own_power = bleed(GAINS), np.array([1.0, 1.0, 0.0, 1.0])
    e[:, 2] = [900, 1e-9, 1, 40]
    assert alike(balancing_gains(e, own_power, PAIRS)) == pytest.approx(alike(GAINS), abs=1.5)


def test_no_possible_bleed_gives_equal_gains() -> None:
    assert balancing_gains(np.eye(2), np.ones(2), np.zeros((2, 2), bool)) == pytest.approx(1)


def test_sources_are_assigned_in_any_order() -> None:
    shares = bleed(GAINS) * np.array([0.9, 0.3, 0.6, 0.8])
    for order in ([0, 1, 2, 3], [2, 0, 3, 1]):
        estimated = estimated_gains(shares[:, order], 1 / GAINS, PAIRS)
        assert estimated is None
        estimated = estimated_gains(shares[:, order], np.ones(4), PAIRS)
        assert estimated is not None
        assert alike(estimated) == pytest.approx(alike(GAINS), abs=1.0)


def test_plausible_levels_stay() -> None:
    assert gains_differ(bleed(GAINS) * PAIRS)
    assert not gains_differ(bleed(np.ones(4)) * PAIRS)
    silent_toms = bleed(np.ones(4)) * PAIRS
    silent_toms[:3, 3] = 15  # of a source that rests anything may be found
    assert not gains_differ(silent_toms)


NO_REFERENCE = np.zeros(4, bool)


def test_gains_of_microphones_are_not_presumed() -> None:
    mics = GAINS[:, None] * bled(sources(4, 5))
    assert np.array_equal(presumed_gains(mics.astype(np.float32), RATE, NO_REFERENCE), np.ones(4))


@pytest.mark.parametrize("gain", [1e-3, 1.0, 50.0])
def test_a_reference_is_brought_above_every_microphone(gain: float) -> None:
    tracks = sources(4, 5).astype(np.float32)
    tracks[1] *= gain
    marked = np.array([False, True, False, False])
    gains = presumed_gains(tracks, RATE, marked)
    level = np.std(tracks / gains[:, None], axis=1)
    assert gains[[0, 2, 3]] == pytest.approx(1)
    assert level[1] == pytest.approx(ABOVE_ALL * level[[0, 2, 3]].max(), rel=1e-3)


def test_a_soft_track_with_digital_pauses_is_raised_to_the_loudest_microphone_while_it_sounds() -> None:
    tracks = sources(4, 5).astype(np.float32)
    gate = np.arange(tracks.shape[1]) // 4000 % 2 == 0
    tracks[2] = 0.01 * tracks[2] * gate
    gains = presumed_gains(tracks, RATE, NO_REFERENCE)
    sounding = np.sqrt(np.mean(np.square(tracks[2] / gains[2])) / np.mean(gate))
    assert sounding == pytest.approx(np.std(tracks[[0, 1, 3]], axis=1).max(), rel=0.1)
    assert gains[[0, 1, 3]] == pytest.approx(1)


def test_a_loud_track_with_digital_pauses_is_left_alone() -> None:
    tracks = sources(4, 5).astype(np.float32)
    tracks[2] *= 5 * (np.arange(tracks.shape[1]) // 4000 % 2 == 0)
    assert presumed_gains(tracks, RATE, NO_REFERENCE)[2] == 1


def test_presumed_gains_follow_the_level() -> None:
    tracks = sources(4, 5).astype(np.float32)
    marked = np.array([False, True, False, False])
    assert presumed_gains(1e-4 * tracks, RATE, marked) == pytest.approx(presumed_gains(tracks, RATE, marked), rel=1e-4)
    assert np.array_equal(presumed_gains(tracks[1:2], RATE, marked[1:2]) > 0, [True])


def test_pauses_are_counted_between_the_first_and_the_last_sound() -> None:
    track = np.zeros(10 * RATE, np.float32)
    assert sounding_share(track, RATE) == 1
    track[3 * RATE : 7 * RATE] = 1
    assert sounding_share(track, RATE) == 1
    track[4 * RATE : 5 * RATE] = 0
    assert sounding_share(track, RATE) == pytest.approx(0.75)
    assert sounding_share(track[:10], RATE) == 1  # shorter than a block


def removers(rng: np.random.Generator) -> list[Filters | Narrowband | Postfilter]:
    """One of each kind; they leave microphone 1 alone."""
    taps = 0.1 * rng.standard_normal((4, 4, 40)).astype(np.float32) * PAIRS[:, :, None]
    trust = np.ones((4, 5), np.float32)
    matrices = (np.eye(4) + 0.1 * rng.standard_normal((65, 4, 4)) * PAIRS).astype(np.complex64)
    leak = 0.01 * rng.random((len(DECAY_TIMES), 4, 4, 12)).astype(np.float32) * PAIRS[:, :, None]
    trust[1] = matrices[:, 1] = leak[:, 1] = 0
    matrices[:, 1, 1] = 1
    return [Filters(taps, 8, trust), Narrowband(matrices), Postfilter(leak)]


@pytest.mark.parametrize("kind", range(3))
def test_rescaled_results_are_equivalent(kind: int) -> None:
    remover = removers(np.random.default_rng(1))[kind]
    mics = sources(4, 2).astype(np.float32)
    gains = GAINS.astype(np.float32)
    plain = remover.apply(Recording.from_array(mics, RATE)).read()
    turned = Recording.from_array(gains[:, None] * mics, RATE)
    found = remover.rescaled(gains).apply(turned).read()
    assert found / gains[:, None] == pytest.approx(plain, abs=1e-5)
    assert np.abs(plain - mics).max() > 1e-3
    assert np.array_equal(found[1], turned.read()[1])


@pytest.mark.parametrize("method", ["demix", "instantaneous"])
def test_the_gains_of_the_microphones_change_nothing(method: str) -> None:
    own = sources(4)
    mics = bled(own) if method == "demix" else (np.eye(4) + 0.25 * PAIRS) @ own
    gains = GAINS[:, None]
    found = []
    for turned in (1.0, gains):
        recording = Recording.from_array(turned * mics, RATE)
        found.append(create(method).learn(recording).apply(recording).read() / turned)
    assert gain(own, mics, found[0]).min() > 8
    assert np.abs(gain(own, mics, found[0]) - gain(own, mics, found[1])).max() < 0.5


@pytest.mark.parametrize("seed", range(3))
def test_a_spare_microphone_gets_no_source(seed: int) -> None:
    own, rng = sources(3, seed=seed), np.random.default_rng(seed)
    mics = bled(own, level=0.25)
    spare = np.roll(own[0], 50) + 0.2 * (np.roll(own[1], 60) + np.roll(own[2], 70))
    spare = 0.1 * (spare + 0.1 * np.std(spare) * rng.standard_normal(spare.shape))
    recording = Recording.from_array(np.vstack([mics, spare]), RATE)
    clean = create("demix").learn(recording).apply(recording).read()[:3]
    assert gain(own, mics, clean).min() > 0


def test_a_silent_source_does_not_affect_the_others() -> None:
    own = sources(4)
    own[3] = 0
    mics = bled(own)
    recording = Recording.from_array(mics, RATE)
    assert gain(own[:3], mics[:3], create("demix").learn(recording).apply(recording).read()[:3]).min() > 20


@pytest.mark.parametrize("count", [2, 4])
def test_a_sound_on_two_tracks_is_not_a_gain(count: int) -> None:
    own = sources(count)
    own[1] = 0.9 * own[0] + 0.3 * own[1]
    recording = Recording.from_array(own, RATE)
    assert np.array_equal(create("instantaneous").learn(recording).apply(recording).read(), own)
