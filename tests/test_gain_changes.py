"""Gains that change: followed over all frequencies at once, and left out where nothing changes."""

import numpy as np
import pytest

from bands import RATE, sources
from debleed import InputError, Recording
from debleed.dsp.stft import nfft_at
from debleed.methods.demix.filters import Filters
from debleed.methods.demix.gain_changes import NFFT, SECONDS, GainChanges, followed, variances

ALLOWED = np.array([[False, True], [False, False]])
PATH = 0.3
LEFT = np.exp(-nfft_at(RATE, NFFT) / 2 / RATE / SECONDS)


def filters() -> Filters:
    """Source 1 reaches microphone 0 after 20 samples."""
    taps = np.zeros((2, 2, 60), np.float32)
    taps[0, 1, 30] = PATH
    return Filters(taps, 10, np.array([[1, 1], [0, 0]], np.float32))


def band(depth: float) -> tuple[np.ndarray, np.ndarray]:
    """Two sources, and microphones whose bleed is turned up and down twice a second."""
    own = sources(2, seconds=20).astype(np.float32)
    late = np.concatenate([np.zeros(20, np.float32), own[1, :-20]])
    gain = 1 + depth * np.sin(2 * np.pi * 2 * np.arange(own.shape[1]) / RATE)
    return own, np.stack([own[0] + (PATH * gain).astype(np.float32) * late, own[1]])


def filtered(depth: float) -> tuple[np.ndarray, Recording]:
    own, mics = band(depth)
    return own, filters().apply(Recording.from_array(mics, RATE))


def error(own: np.ndarray, clean: Recording) -> float:
    return float(np.mean(np.square(clean.read()[0] - own[0])))


def test_bleed_that_is_turned_up_and_down_is_removed() -> None:
    own, heard = filtered(0.5)
    found = GainChanges.learned(heard, filters(), ALLOWED)
    assert found.variance[0, 1] == pytest.approx(0.5**2 / 2, rel=0.4)
    clean = found.apply(heard, filters())
    assert error(own, clean) < 0.2 * error(own, heard)
    assert np.array_equal(clean.read()[1], heard.read()[1])


def test_gains_that_stay_are_left_alone() -> None:
    _, heard = filtered(0.0)
    found = GainChanges.learned(heard, filters(), ALLOWED)
    assert not found.variance.any()
    assert found.apply(heard, filters()) is heard


def test_a_gain_that_would_be_negative_is_shared_sound() -> None:
    _, heard = filtered(2.5)
    assert not GainChanges.learned(heard, filters(), ALLOWED).variance.any()


def test_any_stretch_is_the_same() -> None:
    _, heard = filtered(0.5)
    clean = GainChanges(np.array([[0, 0.1], [0, 0]], np.float32)).apply(heard, filters())
    whole = clean.read()
    for start, stop in ((0, 1), (777, 5000), (17 * RATE + 5, 20 * RATE)):
        assert np.allclose(clean.read(start, stop), whole[:, start:stop], atol=1e-5)


def test_a_gain_is_smoothed_as_a_gaussian_process_would_be() -> None:
    rng = np.random.default_rng(0)
    frames, variance = 60, 0.2
    certainty, match = rng.uniform(0, 20, frames), 3 * rng.standard_normal(frames)
    prior = variance * LEFT ** np.abs(np.subtract.outer(np.arange(frames), np.arange(frames)))
    posterior = np.linalg.inv(np.linalg.inv(prior) + np.diag(certainty))
    gains, doubts = followed(certainty[None], match[None], np.array([variance]), RATE)
    assert np.allclose(gains[0], posterior @ match)
    assert np.allclose(doubts[0], np.diag(posterior))


def test_the_variance_is_found_and_how_much_of_it_is_explained() -> None:
    rng = np.random.default_rng(0)
    frames = 4000
    gain = np.zeros(frames)
    for t in range(1, frames):
        gain[t] = LEFT * gain[t - 1] + np.sqrt(0.1 * (1 - LEFT**2)) * rng.standard_normal()
    for certainty, clear in ((100.0, True), (0.1, False)):
        match = certainty * gain + np.sqrt(certainty) * rng.standard_normal(frames)
        variance, explained, negative = variances(np.full((1, frames), certainty), match[None], RATE)
        assert (explained[0] > 0.8) == clear
        assert not clear or variance[0] == pytest.approx(0.1, rel=0.3)
        assert negative[0] < 0.01  # three standard deviations


def test_it_is_placed_kept_restored_and_refused() -> None:
    found = GainChanges(np.array([[0, 0.1], [0.2, 0]], np.float32))
    assert np.array_equal(found.placed(np.array([0, 2]), 3).variance[[0, 2]][:, [0, 2]], found.variance)
    assert not found.keeping(np.ones((2, 2), bool)).variance.any()
    assert found.leaving(np.array([True, False])).variance.tolist() == [[0, 0], [pytest.approx(0.2), 0]]
    assert np.array_equal(GainChanges.restored(found.arrays(), 2).variance, found.variance)
    with pytest.raises(InputError, match="negative"):
        GainChanges.restored({"gain_variance": -found.variance}, 2)
