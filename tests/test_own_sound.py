"""What filters take of a microphone's own sound, and how much of it is given back."""

from dataclasses import replace

import numpy as np
import pytest

from debleed import InputError, Recording
from debleed.dsp.stft import nfft_at, stft
from debleed.methods.demix.background import NFFT
from debleed.methods.demix.demixed import Demixed
from debleed.methods.demix.excerpt import power
from debleed.methods.demix.filters import Filters
from debleed.methods.demix.own_sound import OwnSound
from live_stages import RATE, noise, random_own_sound

PATH, LEFT = 0.2, 0.5
"""The path from source 1 to microphone 0, and how much of source 0 is left in the estimate of source 1."""


def in_turn() -> np.ndarray:
    """Two sources: the first alone, then the second alone, and so on."""
    rng = np.random.default_rng(0)
    plays = np.arange(4 * RATE) // (RATE // 2) % 2
    return (0.1 * rng.standard_normal((2, 4 * RATE)) * np.stack([1 - plays, plays])).astype(np.float32)


def microphones(own: np.ndarray) -> np.ndarray:
    """Source 1 reaches microphone 0; source 0 reaches microphone 1 by a way that no filter removes."""
    rng = np.random.default_rng(1)
    other_way = np.convolve(own[0], rng.standard_normal(400) / 20)[: own.shape[1]]
    return np.stack([own[0] + PATH * own[1], own[1] + LEFT * other_way]).astype(np.float32)


def taken() -> Demixed:
    """Filters that are right about the only path that they know."""
    taps = np.zeros((2, 2, 21), np.float32)
    taps[0, 1, 10] = PATH
    return replace(Demixed.none(2), filters=Filters(taps, 10, np.array([[1, 1], [0, 0]], np.float32)))


def measured(learned: Demixed, mics: Recording, left: float) -> OwnSound:
    nfft = nfft_at(RATE, NFFT)
    powers = power(stft(learned.filters.apply(mics).read(), nfft, nfft // 2)).mean(axis=-1)
    leakage = np.zeros((2, 2, nfft // 2 + 1), np.float32)
    leakage[1, 0] = left**2
    return OwnSound.measured(learned.filters.carried(), leakage, powers, RATE)


def test_the_own_sound_comes_back_and_the_bleed_does_not() -> None:
    own, learned = in_turn(), taken()
    mics = Recording.from_array(microphones(own), RATE)
    kept = replace(learned, own_sound=measured(learned, mics, LEFT))
    filtered, given = (what.apply(mics).read()[0] for what in (learned, kept))
    first, second = (np.tile(np.repeat(halves, RATE // 2), 4) for halves in ([True, False], [False, True]))

    def error(estimate: np.ndarray, part: np.ndarray) -> float:
        return float(np.mean(np.square(estimate - own[0])[part]))

    assert error(given, first) < 0.1 * error(filtered, first)  # the own source plays: nothing was to be removed
    assert error(given, second) < 0.03 * np.mean(np.square(mics.read()[0] - own[0])[second])
    assert np.array_equal(kept.apply(mics).read()[1], mics.read()[1])


def test_what_is_not_left_is_not_given_back() -> None:
    learned = taken()
    mics = Recording.from_array(microphones(in_turn()), RATE)
    found = measured(learned, mics, 1e-3)
    assert not found.changed_mics.any()
    sources = learned.filters.apply(mics)
    assert found.given_back(mics, sources) is sources


def test_no_more_is_given_back_than_was_removed() -> None:
    found = random_own_sound(3).over_bins(257, RATE)
    own, sources, removed = np.random.default_rng(0).random((3, 3, 257, 5)).astype(np.float32)
    share = found.share(1e6 * own, sources, 1e-6 * removed[:2])
    assert share.max() == 1
    assert np.all(found.share(own, sources, np.zeros_like(removed[:2])) == 0)


def test_any_stretch_is_the_same() -> None:
    found = random_own_sound(3)
    mics, sources = (Recording.from_array(noise(3, 3 * RATE, seed=seed), RATE) for seed in (0, 1))
    given = found.given_back(mics, sources)
    whole = given.read()
    assert not np.allclose(whole[0], sources.read()[0])
    assert np.array_equal(whole[2], sources.read()[2])
    for start, stop in ((0, 1), (777, 5000), (9000, 3 * RATE)):
        assert np.allclose(given.read(start, stop), whole[:, start:stop], atol=1e-6)


def test_gains_and_silent_microphones_change_nothing_else() -> None:
    found = random_own_sound(3)
    gains = np.array([1, 4, 0.25], np.float32)
    mics, sources = noise(3, RATE, seed=0), noise(3, RATE, seed=1)

    def given(what: OwnSound, scale: np.ndarray) -> np.ndarray:
        return what.given_back(*(Recording.from_array(scale * rows, RATE) for rows in (mics, sources))).read()

    assert np.allclose(given(found.rescaled(gains), gains[:, None]), gains[:, None] * given(found, np.ones((3, 1))))
    placed = found.placed(np.array([0, 2, 3]), 4)
    assert placed.changed_mics.tolist() == [True, False, True, False]
    assert not found.leaving(np.ones(3, bool)).changed_mics.any()
    assert not found.keeping(np.ones((3, 3), bool)).changed_mics.any()


def test_it_is_kept_and_restored_and_refused() -> None:
    found = random_own_sound(3)
    again = OwnSound.restored(found.arrays(), 3)
    assert np.array_equal(again.leakage, found.leakage)
    assert np.array_equal(again.carried, found.carried)
    with pytest.raises(InputError, match="negative"):
        OwnSound.restored({**found.arrays(), "own_carried": -found.carried}, 3)
    with pytest.raises(InputError, match="differ in shape"):
        OwnSound.restored({**found.arrays(), "own_carried": found.carried[..., :2]}, 3)
