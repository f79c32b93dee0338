"""Gains that change: followed over all frequencies at once, and left out where nothing changes."""

import numpy as np
import pytest

from bands import RATE, sources
from debleed import InputError, Recording
from debleed.dsp.stft import nfft_at
from debleed.methods.demix.filters import Filters
from debleed.methods.demix.gain_changes import NFFT, SECONDS, UNEXACT, GainChanges, followed, shares, told, variances

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


def test_a_pause_that_is_nearly_silent_hides_nothing() -> None:
    _, heard = filtered(0.5)
    rng = np.random.default_rng(0)
    pause = 1e-10 * rng.standard_normal((2, 5 * RATE)).astype(np.float32)  # as a plug-in leaves
    longer = Recording.from_array(np.concatenate([heard.read(), pause], axis=1), RATE)
    found = [GainChanges.learned(recording, filters(), ALLOWED).variance[0, 1] for recording in (heard, longer)]
    assert found[1] == pytest.approx(found[0], rel=0.5)


def test_gains_that_stay_are_left_alone() -> None:
    _, heard = filtered(0.0)
    found = GainChanges.learned(heard, filters(), ALLOWED)
    assert not found.variance.any()
    assert found.apply(heard, filters()) is heard


def test_any_stretch_is_the_same() -> None:
    _, heard = filtered(0.5)
    clean = GainChanges(np.array([[0, 0.1], [0, 0]], np.float32), *np.ones((2, 2, 2, 1), np.float32)).apply(
        heard, filters()
    )
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


def gains(frames: int, seed: int) -> np.ndarray:
    """A gain with the variance 0.1."""
    rng = np.random.default_rng(seed)
    gain = np.zeros(frames)
    for t in range(1, frames):
        gain[t] = LEFT * gain[t - 1] + np.sqrt(0.1 * (1 - LEFT**2)) * rng.standard_normal()
    return gain


def test_the_variance_is_what_bands_have_in_common_and_their_noise_is_the_rest() -> None:
    rng = np.random.default_rng(0)
    noise = np.array([1.0, 1.0, 2.0, 8.0, 30.0, 1.0])
    certainty = np.full((1, 6, 6000), 20.0)
    measured = certainty * gains(6000, 1) + np.sqrt(certainty * noise[:, None]) * rng.standard_normal((1, 6, 6000))
    variance, found = variances(certainty, measured, RATE)
    assert variance[0] == pytest.approx(0.1, rel=0.2)
    assert np.allclose(found[0], noise, rtol=0.3)


def test_what_each_band_has_for_itself_is_no_gain() -> None:
    certainty = np.full((1, 6, 6000), 20.0)
    measured = certainty * np.stack([gains(6000, seed) for seed in range(6)])
    assert variances(certainty, measured, RATE)[0][0] < 0.1 * 0.1


def test_a_band_that_differs_counts_less() -> None:
    certainty = np.full((1, 6, 6000), 20.0)
    gain = np.repeat(gains(6000, 1)[None], 6, axis=0)
    gain[-1] = gains(6000, 2)
    variance, noise = variances(certainty, certainty * gain, RATE)
    assert 0.02 < variance[0] < 0.12
    share = shares(certainty, certainty * gain, variance, noise, RATE)
    assert share[0, -1] < 0.2
    assert share[0, :-1].min() > 0.8


def test_what_is_found_by_chance_is_no_gain() -> None:
    rng = np.random.default_rng(0)
    certainty = rng.uniform(0, 40, (3, 16, 6000))
    measured = np.sqrt(certainty) * rng.standard_normal(certainty.shape)
    assert np.all(variances(certainty, measured, RATE)[0] < UNEXACT)


def test_a_band_in_which_the_gain_is_not_found_is_left_alone() -> None:
    rng = np.random.default_rng(0)
    share = np.array([1.0, 1.0, 0.5, 0.0, 1.0])
    certainty = np.full((1, 5, 6000), 50.0)
    measured = certainty * share[:, None] * gains(6000, 1) + np.sqrt(certainty) * rng.standard_normal(certainty.shape)
    found = shares(certainty, measured, np.array([0.1]), np.ones((1, 5)), RATE)
    assert np.allclose(found[0], share, atol=0.2)
    whole, match = told(certainty, measured, np.ones((1, 5)), share[None])
    assert np.allclose(whole, 50 * (3 + 0.5**2))
    assert np.allclose(match[0], share @ measured[0])


def test_a_silent_band_tells_nothing() -> None:
    certainty = np.zeros((1, 4, 500))
    variance, noise = variances(certainty, certainty, RATE)
    assert not variance.any()
    assert not shares(certainty, certainty, variance, noise, RATE).any()


def test_it_is_placed_kept_restored_and_refused() -> None:
    rng = np.random.default_rng(0)
    noise, share = 1 + rng.random((2, 2, 4), np.float32), rng.random((2, 2, 4), np.float32)
    found = GainChanges(np.array([[0, 0.1], [0.2, 0]], np.float32), noise, share)
    placed = found.placed(np.array([0, 2]), 3)
    for name in ("variance", "noise", "share"):
        assert np.array_equal(getattr(placed, name)[[0, 2]][:, [0, 2]], getattr(found, name))
        assert np.array_equal(getattr(GainChanges.restored(found.arrays(), 2), name), getattr(found, name))
    assert not found.keeping(np.ones((2, 2), bool)).variance.any()
    assert found.leaving(np.array([True, False])).variance.tolist() == [[0, 0], [pytest.approx(0.2), 0]]
    for name, values, why in (
        ("gain_variance", -found.variance, "negative"),
        ("gain_noise", 0 * noise, "below 0.5"),
        ("gain_share", 2 + share, "outside 0 to 1"),
    ):
        with pytest.raises(InputError, match=why):
            GainChanges.restored({**found.arrays(), name: values}, 2)
