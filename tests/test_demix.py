from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.signal

from debleed import Recording
from debleed.dsp.projection import projected
from debleed.methods import create
from debleed.methods.demix.broadband import (
    estimate_filters,
    exceed_filters,
    weighted_covariances,
    windows,
    without_shared,
)
from debleed.methods.demix.excerpt import excerpt, spectra
from debleed.methods.demix.fitting import conjugate_gradients, smooth_over_lags
from debleed.methods.demix.safeguards import estimate_trust, scaled_by_effect
from debleed.methods.instantaneous import one_matrix

RATE = 8000


def sources(count: int = 3, seconds: float = 20, seed: int = 0) -> np.ndarray:
    """Coloured noises that come and go at their own times, as singers and drums do: ``(count, samples)``."""
    rng = np.random.default_rng(seed)
    length = round(seconds * RATE)
    out = np.empty((count, length))
    for k in range(count):
        steps = rng.random(round(seconds * 4)) ** 4 + 1e-3
        swell = np.interp(np.arange(length), np.linspace(0, length, len(steps)), steps)
        colour = rng.standard_normal(24) * np.exp(-np.arange(24) / 6)
        out[k] = swell * scipy.signal.lfilter(colour, 1, rng.standard_normal(length))
    return 0.1 * out / np.std(out, axis=-1, keepdims=True)


def bled(own: np.ndarray, seed: int = 1, late: int = 500, level: float = 0.3) -> np.ndarray:
    """Each source in every other microphone: later, and with an echo that decays."""
    rng = np.random.default_rng(seed)
    mics = own.copy()
    for i in range(len(own)):
        for j in range(len(own)):
            if i != j:
                path = np.zeros(late)
                path[rng.integers(20, 60) :] = 1
                path *= rng.standard_normal(late) * np.exp(-np.arange(late) / (late / 6))
                mics[i] += level * scipy.signal.oaconvolve(own[j], path / np.linalg.norm(path))[: own.shape[1]]
    return mics


def gain(own: np.ndarray, mics: np.ndarray, clean: np.ndarray) -> np.ndarray:
    return 10 * np.log10(np.sum((own - mics) ** 2, -1) / np.sum((own - clean) ** 2, -1))


def run(mics: np.ndarray, **described: object) -> np.ndarray:
    recording = Recording.from_array(mics, RATE, **described)  # type: ignore[arg-type]
    return create("demix").learn(recording).apply(recording).read()


def test_windows_double_up_to_the_supported_length() -> None:
    stages = windows(60 * 44100, 44100, 4)
    assert [b / a for a, b in itertools.pairwise(stages)] == [2] * (len(stages) - 1)
    assert stages[-1] / 44100 == pytest.approx(1.5, abs=0.02)
    assert windows(10 * 44100, 44100, 4)[-1] < windows(60 * 44100, 44100, 4)[-1]
    assert windows(60 * 44100, 44100, 16)[-1] < stages[-1]
    assert windows(100, 44100, 2) == stages[:1]
    assert windows(10 * 44100, 44100, 4, at_least=True)[-1] > windows(10 * 44100, 44100, 4)[-1]


@pytest.mark.parametrize(("rt60", "beyond"), [(0.2, False), (0.25, False), (0.6, True), (0.8, True)])
def test_rtfs_exceed_filters_that_are_shorter_than_the_reverberation(rt60: float, beyond: bool) -> None:
    rng = np.random.default_rng(0)
    lags = np.arange(4096)
    paths = rng.standard_normal((12, 4096)) * 10 ** (-3 * lags / (rt60 * 22050))
    paths[0, 3000] = 20  # one of them is off
    assert exceed_filters(np.pad(paths, ((0, 0), (256, 0))).astype(np.float32), 256) == beyond


def test_noise_does_not_decay() -> None:
    taps = 0.1 * np.random.default_rng(1).standard_normal((12, 4096))
    taps[:, 40] = 1
    assert not exceed_filters(taps.astype(np.float32), 10)
    assert not exceed_filters(np.zeros((12, 4096), np.float32), 10)


def test_smoothing_over_lags_keeps_a_constant() -> None:
    assert np.allclose(smooth_over_lags(np.full((2, 512), 3.0, np.float32)), 3)


def test_conjugate_gradients_solve_a_white_problem_in_one_step() -> None:
    score = np.random.default_rng(0).standard_normal((3, 64)).astype(np.float32)
    weight, shrinkage = np.full((3, 33), 2.0, np.float32), np.full((3, 64), 0.5, np.float32)
    inside = (np.arange(64) < 20).astype(np.float32)
    mean = np.full((3, 1), 2.0, np.float32)
    found = conjugate_gradients(weight, shrinkage, score * inside, inside, mean, 12)
    assert np.allclose(found, score * inside / 2.5, atol=1e-5)


def test_projection_keeps_uncorrelated_sources() -> None:
    covariance = np.tile(np.diag([1.0, 5.0, 9.0]), (4, 3, 1, 1)).astype(complex)
    for i in range(3):
        covariance[:, i] /= covariance[:, i, i, i][:, None, None]
    rows = projected(covariance, ~np.eye(3, dtype=bool))
    assert np.allclose(rows, np.eye(3), atol=1e-9)


def test_covariances_are_scaled_to_the_own_source() -> None:
    heard = spectra(sources().astype(np.float32), 512)
    covariance = weighted_covariances(heard, np.ones(heard.shape, np.float32))
    assert np.allclose(np.einsum("fiii->fi", covariance).real, 1, atol=1e-3)


def test_an_rtf_that_subtracts_too_much_is_scaled_down_and_a_correct_one_is_not() -> None:
    rng = np.random.default_rng(0)
    y = rng.standard_normal((129, 2, 400)) + 1j * rng.standard_normal((129, 2, 400))
    mixing = np.tile(np.eye(2, dtype=np.complex64), (513, 1, 1))
    mixing[:, 0, 1] = 0.3
    right = scaled_by_effect(mixing, (y @ y.conj().swapaxes(1, 2)).astype(np.complex64), RATE)
    assert np.allclose(right, mixing)
    y[:, 0] -= 0.3 * y[:, 1]  # there was no bleed, the path put it there
    wrong = scaled_by_effect(mixing, (y @ y.conj().swapaxes(1, 2)).astype(np.complex64), RATE)
    assert np.abs(wrong[:, 0, 1]).max() < 0.1
    assert np.allclose(wrong[:, 1, 0], 0)


def test_a_microphone_that_becomes_louder_stays_unchanged() -> None:
    own = sources(2).astype(np.float32)
    before = spectra(own, 512)
    after = before.copy()
    after[:, 0] -= 0.5 * before[:, 1]
    trust = estimate_trust(before, after, RATE)
    assert not trust[0].any()


def test_a_microphone_that_loses_more_than_is_subtracted_stays_unchanged() -> None:
    before = spectra(sources(2).astype(np.float32), 512)
    before[:, 0] += 0.5 * before[:, 1]  # one sound on two tracks
    after = before.copy()
    after[:, 0] -= 0.1 * before[:, 1]
    assert not estimate_trust(before, after, RATE)[0].any()
    after[:, 0] = before[:, 0] - 0.5 * before[:, 1]
    assert estimate_trust(before, after, RATE)[0].all()


@pytest.mark.parametrize("rate", [22050, 44100, 96000])
def test_sound_shared_without_delay_is_not_bleed(rate: int) -> None:
    ahead, cut = round(0.0116 * rate), 14000 / rate  # the shared sound ends at 14 kHz, or at half the rate
    lags = np.arange(4 * ahead) - ahead
    width = min(1.0, 2 * cut)
    taps = np.zeros((2, 2, len(lags)), np.float32)
    taps[0, 1] = 0.4 * width * np.sinc(width * lags)
    taps[1, 0] = 0.3 * width * np.sinc(width * (lags - 0.004 * rate))  # through 1.4 m of air
    left = without_shared(taps, ahead, rate)
    assert np.sum(left[0, 1] ** 2) < 0.2 * np.sum(taps[0, 1] ** 2)
    assert np.array_equal(left[1, 0], taps[1, 0])


def test_one_matrix_for_an_instantaneous_mixture() -> None:
    own = sources().astype(np.float32)
    mixing = np.array([[1, 0.3, 0.1], [0.2, 1, 0.25], [0.15, 0.3, 1]])
    found = one_matrix((mixing @ own).astype(np.float32), RATE, ~np.eye(3, dtype=bool))
    assert found is not None
    assert np.allclose(found, mixing, atol=1e-3)
    assert gain(own, mixing @ own, run((mixing @ own).astype(np.float32))).min() > 30


def test_a_mixture_with_an_echo_is_not_instantaneous() -> None:
    assert one_matrix(bled(sources()).astype(np.float32), RATE, ~np.eye(3, dtype=bool)) is None


@pytest.mark.parametrize("polarity", [1, -1])
def test_removes_echoing_bleed(polarity: int) -> None:
    own = sources(seconds=30)
    mics = bled(own)
    own[1], mics[1] = polarity * own[1], polarity * mics[1]
    assert gain(own, mics, run(mics)).min() > 15


def test_sources_without_bleed_stay_unchanged() -> None:
    own = sources(4)
    assert np.array_equal(run(own), own)


def test_removes_bleed_in_noise() -> None:
    own = sources(seconds=30)
    mics = bled(own)
    noise = 1e-2 * np.std(mics) * np.random.default_rng(9).standard_normal(mics.shape)
    assert gain(own, mics + noise, run(mics + noise)).min() > 6


def test_microphones_of_one_source_have_no_rtfs() -> None:
    mics = bled(sources())
    allowed = Recording.from_array(mics, RATE, sources=["a", "a", "b"]).can_bleed()
    taps = estimate_filters(mics.astype(np.float32), RATE, allowed).taps
    assert not taps[0, 1].any()
    assert not taps[1, 0].any()
    assert taps[0, 2].any()


def test_an_excerpt_is_bounded_and_evenly_spread() -> None:
    recording = Recording.from_array(np.arange(1, 100001.0)[None], 1000)
    assert np.array_equal(excerpt(recording, 200000), recording.read())
    taken = excerpt(recording, 8000)
    assert taken.shape == (1, 8000)
    assert taken[0, 1000] < 2000
    assert taken[0, -1000] > 98000


def test_an_almost_silent_source_is_named(caplog: pytest.LogCaptureFixture) -> None:
    own = sources(3)
    create("demix").learn(Recording.from_array(bled(own), RATE, ["vox", "bass", "keys"]))
    assert not caplog.records
    own[0] = 0
    create("demix").learn(Recording.from_array(bled(own), RATE, ["vox", "bass", "keys"]))
    assert "bleed in vox, so" in caplog.text
