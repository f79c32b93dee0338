"""Mixes: tracks that are a sum of the others."""

import numpy as np
import pytest

from bands import bled, sources
from debleed.soundcheck.mixes import find_mixes, sum_of


@pytest.fixture(scope="module")
def mics() -> np.ndarray:
    return bled(sources(4, seconds=6)).astype(np.float32)


def beside(mics: np.ndarray, *gains: list[float], noise: float = 0.0) -> np.ndarray:
    """Tracks and mixes of them."""
    rng = np.random.default_rng(0)
    mixes = np.array(gains) @ mics
    mixes += noise * mixes.std(axis=-1, keepdims=True) * rng.standard_normal(mixes.shape)
    return np.vstack([mics, mixes]).astype(np.float32)


STEREO = [0.8, 0.3, 0.6, 0.5], [0.2, 0.7, 0.6, 0.5]


def test_microphones_are_no_mixes(mics: np.ndarray) -> None:
    assert find_mixes(mics) == ()


def test_a_mono_mix_is_found(mics: np.ndarray) -> None:
    assert find_mixes(beside(mics, [1, 0.5, 0.7, 0.3])) == (4,)


def test_a_stereo_mix_is_found(mics: np.ndarray) -> None:
    assert find_mixes(beside(mics, *STEREO)) == (4, 5)


@pytest.mark.parametrize("level", [1e-3, 30])
def test_the_level_of_a_mix_does_not_matter(mics: np.ndarray, level: float) -> None:
    assert find_mixes(beside(mics, *(level * np.array(STEREO)).tolist())) == (4, 5)


def test_the_levels_of_the_tracks_do_not_matter(mics: np.ndarray) -> None:
    fader = np.array([0.01, 1, 20, 0.3])
    tracks = beside(mics, *STEREO)
    tracks[:4] *= fader[:, None]
    assert find_mixes(tracks) == (4, 5)


def test_the_order_of_the_tracks_does_not_matter(mics: np.ndarray) -> None:
    tracks, order = beside(mics, *STEREO), [5, 2, 0, 4, 1, 3]
    assert find_mixes(tracks[order]) == (0, 3)


def test_a_mix_with_noise_of_its_own_is_found(mics: np.ndarray) -> None:
    assert find_mixes(beside(mics, *STEREO, noise=0.02)) == (4, 5)


def test_a_mix_of_two_is_found(mics: np.ndarray) -> None:
    assert find_mixes(beside(mics, [0.8, 0.6, 0, 0])) == (4,)


def test_a_bus_beside_a_mix_is_found(mics: np.ndarray) -> None:
    assert find_mixes(beside(mics, [0.8, 0.6, 0, 0], *STEREO)) == (4, 5, 6)


def test_a_mix_of_dry_tracks_is_found() -> None:
    assert find_mixes(beside(sources(4, seconds=6), *STEREO)) == (4, 5)


def test_a_mix_of_two_dry_tracks_is_found() -> None:
    assert find_mixes(beside(sources(2, seconds=6), [0.8, 0.7])) == (2,)


@pytest.mark.parametrize(
    "mixing",
    [
        [[1, 0.3], [0.3, 1], [0.7, 0.25], [0.2, 0.8]],
        [[1, 0.3, 0.2], [0.2, 1, 0.3], [0.3, 0.2, 1], [0.8, 0.25, 0.2]],
    ],
)
def test_more_microphones_than_sources_make_no_mix(mixing: list[list[float]]) -> None:
    """Each track is a sum of the others, but none is the mix of them."""
    tracks = np.array(mixing) @ sources(len(mixing[0]), seconds=6)
    assert find_mixes(tracks.astype(np.float32)) == ()


def test_a_distorted_mix_stays_a_microphone(mics: np.ndarray) -> None:
    """What the others do not add up to is not said to be a mix of them."""
    assert find_mixes(beside(mics, *STEREO, noise=0.1)) == ()


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_tracks_for_a_mix(mics: np.ndarray, count: int) -> None:
    assert find_mixes(mics[:count]) == ()


def test_the_gains_of_a_sum_are_those_of_the_mix(mics: np.ndarray) -> None:
    gains = np.array([1.0, -0.5, 0.7, 0.3])
    even = mics / mics.std(axis=1, keepdims=True)
    tracks = beside(even, gains.tolist()).astype(float)
    level = tracks.std(axis=1)
    products = tracks @ tracks.T / tracks.shape[1] / np.outer(level, level)
    assert sum_of(products, 4, [0, 1, 2, 3, 4]) == pytest.approx(gains / level[4], rel=1e-3)
    assert sum_of(products, 0, [0, 1, 2, 3]) is None
