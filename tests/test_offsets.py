"""Offsets: the lag of whole files, coarse and fine."""

import numpy as np
import pytest

from bands import RATE, bled, sources
from debleed import Recording
from debleed.soundcheck.offsets import coarse_offsets, constant_lags, delays, farther


def late(samples: np.ndarray, mic: int, count: int) -> np.ndarray:
    out = samples.copy()
    out[mic] = np.r_[samples[mic, count:], np.zeros(count)]
    return out


@pytest.mark.parametrize("mics", [2, 5])
def test_a_late_file_is_found_among_few_and_many(mics: int) -> None:
    samples = late(bled(sources(mics, seconds=30)), 0, 3 * RATE)
    lags = coarse_offsets(Recording.from_array(samples, RATE))
    assert lags[0] - lags[1] == pytest.approx(-3 * RATE, abs=0.02 * RATE)
    assert not lags[2:].any()


def test_files_in_step_and_files_without_common_sound_have_no_offset() -> None:
    own = sources(3, seconds=20)
    for samples in (own, bled(own), np.zeros((3, 20 * RATE))):
        assert not constant_lags(Recording.from_array(samples, RATE)).any()


def test_two_drums_of_one_pattern_have_no_offset() -> None:
    rng = np.random.default_rng(2)
    fall = np.exp(-np.arange(1600) / 120)
    drums = [rng.standard_normal(4) @ rng.standard_normal((4, 1600)) * fall for _ in range(2)]
    mics = np.zeros((2, 30 * RATE))
    for k, drum in enumerate(drums):
        for bar in range(14):
            for beat in np.flatnonzero(rng.random(8) < 0.4):
                start = 2 * bar * RATE + beat * RATE // 4 + k * RATE // 8  # never at once
                mics[k, start : start + 1600] += rng.uniform(0.7, 1) * (drum + drums[0])  # they resemble each other
    assert not coarse_offsets(Recording.from_array(mics, RATE)).any()


def test_who_leads_tells_the_way_of_the_sound() -> None:
    rng = np.random.default_rng(3)
    own = sources(2, seconds=30)
    path = np.r_[np.zeros(80), 0.3, np.zeros(30), 0.03 * rng.standard_normal(40)]  # 10 ms, then reflections
    mics = own + np.stack([np.convolve(own[k], path)[: own.shape[1]] for k in (1, 0)])
    for count in (0, 160):
        moved = late(mics, 0, count)
        between, both_late = delays(Recording.from_array(moved, RATE), np.array([(0, 1)]), 0, own.shape[1])
        assert between[0] == pytest.approx(-count, abs=2)
        assert both_late[0] == (count > 80)


def test_the_farther_peak_has_to_be_clear() -> None:
    sizes = np.full(2001, 1.0)
    assert farther(sizes, 100) is None
    sizes[1700] = 30.0
    assert farther(sizes, 100) == 700
    sizes[1000] = 20.0  # nearly as much in step
    assert farther(sizes, 100) is None
    assert farther(sizes, 1000) is None
