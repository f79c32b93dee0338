from __future__ import annotations

import numpy as np
import pytest

from bands import RATE, sources
from debleed.methods.demix.excerpt import spectra
from debleed.methods.demix.safeguards import (
    CLEANED,
    LOUDER_AFTER,
    NO_BLEED,
    SHARED_SOUND,
    estimate_trust,
    own_share,
    quieting,
    scaled_by_effect,
)


def products(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the cross-spectra of sources, and the sums of the products of their powers."""
    power = np.square(np.abs(y))
    return (y @ y.conj().swapaxes(1, 2)).astype(np.complex64), (power @ power.swapaxes(1, 2)).astype(np.float32)


def test_an_rtf_that_subtracts_too_much_is_scaled_down_and_a_correct_one_is_not() -> None:
    rng = np.random.default_rng(0)
    y = rng.standard_normal((129, 2, 400)) + 1j * rng.standard_normal((129, 2, 400))
    mixing = np.tile(np.eye(2, dtype=np.complex64), (513, 1, 1))
    mixing[:, 0, 1] = 0.3
    right = scaled_by_effect(mixing, *products(y), RATE)
    assert np.allclose(right, mixing)
    y[:, 0] -= 0.3 * y[:, 1]  # there was no bleed, the path put it there
    wrong = scaled_by_effect(mixing, *products(y), RATE)
    assert np.abs(wrong[:, 0, 1]).max() < 0.1
    assert np.allclose(wrong[:, 1, 0], 0)


def test_correct_rtfs_of_weak_bleed_survive_what_correlates_by_chance() -> None:
    mixing = np.tile(np.eye(2, dtype=np.complex64), (65, 1, 1))
    mixing[:, 0, 1] = 0.01
    kept = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        y = rng.standard_normal((65, 2, 400)) + 1j * rng.standard_normal((65, 2, 400))
        kept.append(np.abs(scaled_by_effect(mixing, *products(y), RATE)[:, 0, 1]) / 0.01)
    assert np.mean(kept) > 0.8  # 0.77 if chance were believed


@pytest.mark.parametrize("path", [1e-8, 1e-12, 1e-16, 1e-20, 1e-25])
@pytest.mark.parametrize("level", [1.0, 1e-8])
def test_the_faintest_paths_stay_numbers(path: float, level: float) -> None:
    rng = np.random.default_rng(0)
    y = level * (rng.standard_normal((65, 2, 400)) + 1j * rng.standard_normal((65, 2, 400)))
    mixing = np.tile(np.eye(2, dtype=np.complex64), (65, 1, 1))
    mixing[:, 0, 1] = path
    scaled = scaled_by_effect(mixing, *products(y), RATE)
    assert np.all(np.abs(scaled[:, 0, 1]) <= np.float32(path))


def test_a_microphone_that_becomes_louder_stays_unchanged() -> None:
    own = sources(2).astype(np.float32)
    before = spectra(own, 512)
    after = before.copy()
    after[:, 0] -= 0.5 * before[:, 1]
    trust, verdicts = estimate_trust(before, after, RATE, own_share(before, after, RATE))
    assert not trust[0].any()
    assert verdicts.tolist() == [LOUDER_AFTER, NO_BLEED]


def test_a_microphone_that_loses_more_than_is_subtracted_stays_unchanged() -> None:
    before = spectra(sources(2).astype(np.float32), 512)
    before[:, 0] += 0.5 * before[:, 1]  # one sound on two tracks
    after = before.copy()
    after[:, 0] -= 0.1 * before[:, 1]
    trust, verdicts = estimate_trust(before, after, RATE, own_share(before, after, RATE))
    assert not trust[0].any()
    assert verdicts[0] == SHARED_SOUND
    after[:, 0] = before[:, 0] - 0.5 * before[:, 1]
    trust, verdicts = estimate_trust(before, after, RATE, own_share(before, after, RATE))
    assert trust[0].all()
    assert verdicts[0] == CLEANED


def drummed(pauses: bool) -> tuple[np.ndarray, np.ndarray]:
    """Make two sources of hits; the second one pauses in half of the hits of the first, or it follows them all."""
    rng = np.random.default_rng(1)
    frames = 2000
    first = np.exp(-np.arange(frames) % 40 / 6.0)
    second = np.roll(np.where(np.arange(frames) % 80 < 40, first, 1e-3), 3) if pauses else first
    noise = rng.standard_normal((2, 129, frames)) + 1j * rng.standard_normal((2, 129, frames))
    return noise[0] * first, noise[1] * second


def test_bleed_that_pauses_does_not_follow_the_own_sound() -> None:
    own, other = drummed(pauses=True)
    before, after = np.stack([own + 0.2 * other, other], axis=1), np.stack([own, other], axis=1)
    assert own_share(before, after, RATE)[0] < 0.05
    assert own_share(before, after, RATE)[1] == 0


def test_what_is_taken_of_the_own_sound_follows_it() -> None:
    own, other = drummed(pauses=True)
    before = np.stack([own, other], axis=1).astype(np.complex64)
    bent = np.stack([0.9 * own, other], axis=1).astype(np.complex64)
    assert own_share(before, bent, RATE)[0] > 0.99
    trust, verdicts = estimate_trust(before, bent, RATE, own_share(before, bent, RATE))
    assert not trust[0].any()
    assert verdicts[0] != CLEANED


def test_the_share_of_the_own_sound_does_not_depend_on_levels() -> None:
    own, other = drummed(pauses=False)
    before, after = np.stack([own + 0.3 * other, other], axis=1), np.stack([own, other], axis=1)
    share = own_share(before, after, RATE)
    assert np.allclose(own_share(1e-3 * before, 1e-3 * after, RATE), share, rtol=1e-3)


def into_the_first(share: float) -> np.ndarray:
    mixing = np.tile(np.eye(2, dtype=np.complex64), (129, 1, 1))
    mixing[:, 0, 1] = share
    return mixing


def test_a_path_that_cancels_is_bleed() -> None:
    own, other = drummed(pauses=True)
    assert quieting(into_the_first(0.3), np.stack([own, other], axis=1), RATE).all()


def test_a_path_that_adds_is_none() -> None:
    own, other = drummed(pauses=True)
    for heard in (0 * other, 0.3 * np.roll(other, 80, axis=1)):  # it is not there, or another sound with every hit
        left = own + heard - 0.3 * other
        found = quieting(into_the_first(0.3), np.stack([left, other], axis=1), RATE)
        assert found.tolist() == [[True, False], [True, True]]


def test_a_band_in_which_two_sources_share_sound_is_left_out() -> None:
    rng = np.random.default_rng(1)
    other, own = np.exp(2j * np.pi * rng.random((2, 129, 1600)))
    own[:, np.arange(1600) % 80 < 16] *= 1e-3
    shared = np.arange(129) < 4  # the second microphone has the sound of both there, the first one no bleed
    before = np.stack([own + 0.2 * other * ~shared[:, None], other + own * shared[:, None]], axis=1)
    after = np.stack([before[:, 0] - 0.2 * before[:, 1], before[:, 1]], axis=1)
    trust, verdicts = estimate_trust(before, after, RATE, np.zeros(2, np.float32))
    assert verdicts[0] == CLEANED
    assert trust[0, :2].max() == 0  # subtracting makes it quieter most of the time, but never while the first one rests
    assert trust[0, 20:].min() == 1
