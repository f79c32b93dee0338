from __future__ import annotations

import itertools

import numpy as np
import pytest

from bands import RATE, bled, gain, run, sources
from debleed import Recording
from debleed.dsp.projection import projected
from debleed.methods.demix import broadband
from debleed.methods.demix.broadband import (
    estimate_filters,
    exceed_filters,
    windows,
    without_shared,
)
from debleed.methods.instantaneous import one_matrix


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


def test_projection_keeps_uncorrelated_sources() -> None:
    covariance = np.tile(np.diag([1.0, 5.0, 9.0]), (4, 3, 1, 1)).astype(complex)
    for i in range(3):
        covariance[:, i] /= covariance[:, i, i, i][:, None, None]
    rows = projected(covariance, ~np.eye(3, dtype=bool))
    assert np.allclose(rows, np.eye(3), atol=1e-9)


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


def test_microphones_of_one_source_have_no_rtfs() -> None:
    mics = bled(sources())
    allowed = Recording.from_array(mics, RATE, sources=["a", "a", "b"]).can_bleed()
    taps = estimate_filters(mics.astype(np.float32), RATE, allowed)[0].taps
    assert not taps[0, 1].any()
    assert not taps[1, 0].any()
    assert taps[0, 2].any()


def test_a_room_microphone_does_not_change_the_paths_between_the_others() -> None:
    rng = np.random.default_rng(3)
    sources = rng.laplace(size=(3, 6 * RATE)) * np.repeat(rng.random((3, 60)) > 0.4, RATE // 10, axis=1)
    mics = np.stack([sources[0] + 0.3 * np.roll(sources[1], 40), sources[1] + 0.2 * np.roll(sources[0], 30)])
    room = 0.8 * np.roll(sources[0], 60) + 0.9 * np.roll(sources[1], 80) + sources[2]
    between = ~np.eye(2, dtype=bool)
    allowed = np.array([[0, 1, 0], [1, 0, 0], [1, 1, 0]], bool)
    alone, _ = estimate_filters(mics.astype(np.float32), RATE, between)
    beside, _ = estimate_filters(np.stack([*mics, room]).astype(np.float32), RATE, allowed)
    assert np.allclose(beside.taps[:2, :2], alone.taps, atol=1e-4 * np.abs(alone.taps).max())


def test_low_frequencies_that_are_shared_are_dropped_and_a_path_of_low_frequencies_stays():
    rate, ahead = 22050, 256
    lags = (np.arange(ahead + 1024) - ahead) / rate
    shared = np.cos(2 * np.pi * 120 * lags) * np.exp(-np.square(lags / 0.003))
    late = np.where(lags > 0.001, lags - 0.001, 0)
    travelled = np.sin(2 * np.pi * 120 * late) * np.exp(-late / 0.003)
    taps = np.stack([shared, travelled])[None].astype(np.float32)
    left = without_shared(taps, ahead, rate)
    assert not left[0, 0].any()
    assert np.array_equal(left[0, 1], taps[0, 1])


@pytest.mark.parametrize(("still_there", "kept"), [(True, "above the background"), (False, "first")])
def test_a_background_that_is_gone_in_the_second_search_was_none(
    monkeypatch: pytest.MonkeyPatch, still_there: bool, kept: str
) -> None:
    found = {False: ("first", 0.1, True), True: ("above the background", 0.1, still_there)}
    monkeypatch.setattr(broadband, "instantaneous", lambda samples, rate, allowed: None)
    monkeypatch.setattr(broadband, "searched", lambda samples, rate, allowed, search, *rest: found[search.background])
    assert estimate_filters(np.zeros((2, 9), np.float32), RATE, ~np.eye(2, dtype=bool)) == kept
