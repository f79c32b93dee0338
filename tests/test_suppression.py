import numpy as np
import pytest

from debleed import Recording
from debleed.methods.suppression import BANDS, Suppression, believable, find_leak, fitted_shares

RATE = 16000


def hits(seed: int, seconds: float = 20.0, every: float = 0.37) -> np.ndarray:
    """Bursts of noise that decay within 80 ms, at random moments."""
    rng = np.random.default_rng(seed)
    out = np.zeros(round(seconds * RATE))
    burst = np.exp(-np.arange(RATE // 4) / (0.02 * RATE))
    for start in np.flatnonzero(rng.random(len(out)) < 1 / (every * RATE)):
        piece = rng.standard_normal(len(burst)) * burst * rng.uniform(0.5, 1)
        out[start : start + len(burst)] += piece[: len(out) - start]
    return out.astype(np.float32)


def smeared(seed: int, sound: np.ndarray, share: float) -> np.ndarray:
    """The sound with its phase lost, as filters leave it: a fresh noise with the same envelope."""
    rng = np.random.default_rng(seed)
    signs = np.repeat(rng.choice([-1.0, 1.0], len(sound) // 8 + 1), 8)[: len(sound)]
    return (np.sqrt(share) * sound * signs).astype(np.float32)


def others(mics: int) -> np.ndarray:
    return ~np.eye(mics, dtype=bool)


def test_shares_are_found_where_nothing_else_sounds() -> None:
    rises = np.random.default_rng(0).exponential(size=(500, 3))
    shares = np.array([0.1, 0.02, 0.25])
    assert fitted_shares(rises, rises @ shares) == pytest.approx(shares, abs=0.01)


def test_a_voice_that_rises_by_chance_leaves_nothing() -> None:
    rng = np.random.default_rng(1)
    assert not fitted_shares(rng.exponential(size=(500, 2)), rng.standard_normal(500)).any()


def test_leak_is_found_where_it_is() -> None:
    kick, snare = hits(0), hits(1)
    leak = find_leak(np.stack([kick + smeared(2, snare, 0.02), snare]), RATE, others(2))
    assert 0.003 < np.median(leak[0, 1]) < 0.06
    assert not leak[1, 0].any()


def test_no_bleed_no_leak() -> None:
    leak = find_leak(np.stack([hits(0), hits(1), hits(2)]), RATE, others(3))
    assert leak.max() < 1e-3


def test_voices_that_always_sound_together_are_left_alone() -> None:
    kick = hits(0)
    tied = np.stack([kick, 0.5 * smeared(1, kick, 1.0)])
    assert not find_leak(tied, RATE, others(2))[0, 1].any()  # the louder is not what the softer leaves
    leak = np.full((2, 2, BANDS), 0.25)
    leak[1, 0] = 0.2
    assert not believable(leak)[0, 1].any()


def test_what_stands_out_from_the_bands_around_is_held() -> None:
    leak = np.zeros((2, 2, BANDS))
    leak[0, 1] = 0.01
    leak[0, 1, 5] = 0.2
    assert believable(leak)[0, 1] == pytest.approx(np.where(np.arange(BANDS) == 5, 0.04, 0.01))


def test_turning_down_takes_the_leak_and_keeps_the_voice() -> None:
    kick, snare = hits(0), hits(1)
    bleed = smeared(2, snare, 0.05)
    mics = Recording.from_array(np.stack([kick + bleed, snare]), RATE)
    suppression = Suppression(find_leak(mics.read(), RATE, others(2)))
    clean = suppression.apply(mics).read()
    before, after = np.sum(bleed**2), np.sum((clean[0] - kick) ** 2)
    assert after < 0.5 * before
    assert np.array_equal(clean[1], snare)  # nothing was found there: the same to the bit


def test_a_stretch_is_a_stretch_of_the_whole() -> None:
    mics = Recording.from_array(np.stack([hits(0), hits(1)]), RATE)
    leak = np.zeros((2, 2, 16), np.float32)
    leak[0, 1] = 0.1
    clean = Suppression(leak).apply(mics)
    assert clean.read(70001, 90003) == pytest.approx(clean.read()[:, 70001:90003], abs=1e-5)


def test_a_gain_that_takes_more_than_the_filters_is_not_trusted() -> None:
    mics = Recording.from_array(np.stack([hits(0) + smeared(2, hits(1), 0.05), hits(1)]), RATE)
    suppression = Suppression(find_leak(mics.read(), RATE, others(2)))
    assert suppression.leak.any()
    assert not suppression.modest(mics, mics).leak.any()
    filtered = mics.with_reader(lambda start, stop: 0.1 * mics.read(start, stop))
    assert suppression.modest(mics, filtered).leak.any()
