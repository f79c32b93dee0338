import numpy as np
import pytest

from debleed import Recording
from debleed.methods import create
from debleed.methods.demix.gain_calibration import balanced, unequal
from debleed.methods.demix.method import Filters
from debleed.methods.demix.narrowband import Narrowband
from debleed.methods.demix.postfilter import RINGS, Postfilter
from debleed.methods.instantaneous import told_gains
from test_demix import RATE, bled, gain, sources

GAINS = np.array([1.0, 0.03, 6.0, 0.4])
PAIRS = ~np.eye(4, dtype=bool)


def alike(values: np.ndarray) -> np.ndarray:
    """In dB against their mean."""
    told = 20 * np.log10(values)
    return told - told.mean()


def bleed(gains: np.ndarray, seed: int = 0) -> np.ndarray:
    """Power of sources elsewhere, to and fro within 2 dB of each other."""
    rng = np.random.default_rng(seed)
    e = 0.05 * 10 ** (rng.uniform(-1, 1, (4, 4)) / 10)
    return np.where(PAIRS, e * np.square(gains[:, None] / gains), 1)


def test_equal_bleed_tells_the_gains() -> None:
    assert alike(balanced(bleed(GAINS), np.ones(4), PAIRS)) == pytest.approx(alike(GAINS), abs=1.0)


def test_without_bleed_the_level_is_all_there_is() -> None:
    assert balanced(1e-9 * np.random.default_rng(0).random((4, 4)), np.ones(4), PAIRS) == pytest.approx(1, abs=0.05)


def test_paths_of_a_source_that_rests_tell_nothing() -> None:
    e, rest = bleed(GAINS), np.array([1.0, 1.0, 0.0, 1.0])
    e[:, 2] = [900, 1e-9, 1, 40]
    assert alike(balanced(e, rest, PAIRS)) == pytest.approx(alike(GAINS), abs=1.5)


def test_microphones_without_bleed_between_them_are_no_trouble() -> None:
    assert balanced(np.eye(2), np.ones(2), np.zeros((2, 2), bool)) == pytest.approx(1)


def test_sources_are_found_at_home_in_any_order() -> None:
    shares = bleed(GAINS) * np.array([0.9, 0.3, 0.6, 0.8])
    for order in ([0, 1, 2, 3], [2, 0, 3, 1]):
        told = told_gains(shares[:, order], 1 / GAINS, PAIRS)
        assert told is None
        told = told_gains(shares[:, order], np.ones(4), PAIRS)
        assert told is not None
        assert alike(told) == pytest.approx(alike(GAINS), abs=1.0)


def test_levels_that_make_sense_stand() -> None:
    assert unequal(bleed(GAINS) * PAIRS)
    assert not unequal(bleed(np.ones(4)) * PAIRS)
    rests = bleed(np.ones(4)) * PAIRS
    rests[:3, 3] = 15  # of a source that rests anything may be found
    assert not unequal(rests)


def removers(rng: np.random.Generator) -> list[Filters | Narrowband | Postfilter]:
    """One of each kind; they leave microphone 1 alone."""
    taps = 0.1 * rng.standard_normal((4, 4, 40)).astype(np.float32) * PAIRS[:, :, None]
    trust = np.ones((4, 5), np.float32)
    matrices = (np.eye(4) + 0.1 * rng.standard_normal((65, 4, 4)) * PAIRS).astype(np.complex64)
    leak = 0.01 * rng.random((len(RINGS), 4, 4, 12)).astype(np.float32) * PAIRS[:, :, None]
    trust[1] = matrices[:, 1] = leak[:, 1] = 0
    matrices[:, 1, 1] = 1
    return [Filters(taps, 8, trust), Narrowband(matrices), Postfilter(leak)]


@pytest.mark.parametrize("kind", range(3))
def test_what_is_done_to_turned_up_microphones_is_the_same(kind: int) -> None:
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
def test_a_spare_microphone_takes_nobodys_source(seed: int) -> None:
    own, rng = sources(3, seed=seed), np.random.default_rng(seed)
    mics = bled(own, level=0.25)
    spare = np.roll(own[0], 50) + 0.2 * (np.roll(own[1], 60) + np.roll(own[2], 70))
    spare = 0.1 * (spare + 0.1 * np.std(spare) * rng.standard_normal(spare.shape))
    recording = Recording.from_array(np.vstack([mics, spare]), RATE)
    clean = create("demix").learn(recording).apply(recording).read()[:3]
    assert gain(own, mics, clean).min() > 0


def test_a_source_that_rests_costs_the_others_nothing() -> None:
    own = sources(4)
    own[3] = 0
    mics = bled(own)
    recording = Recording.from_array(mics, RATE)
    assert gain(own[:3], mics[:3], create("demix").learn(recording).apply(recording).read()[:3]).min() > 20


@pytest.mark.parametrize("count", [2, 4])
def test_a_sound_on_two_tracks_is_no_gain(count: int) -> None:
    own = sources(count)
    own[1] = 0.9 * own[0] + 0.3 * own[1]
    recording = Recording.from_array(own, RATE)
    assert np.array_equal(create("instantaneous").learn(recording).apply(recording).read(), own)
