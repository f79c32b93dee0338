"""Copies: another track at another gain, and nothing else."""

import numpy as np
import pytest

from bands import RATE, bled, sources
from debleed.soundcheck.copies import Copy, block_products, clips, find_copies


@pytest.fixture(scope="module")
def mics() -> np.ndarray:
    return bled(sources(3, seconds=5)).astype(np.float32)


def with_copy(mics: np.ndarray, copy: np.ndarray) -> np.ndarray:
    return np.vstack([mics, copy]).astype(np.float32)


@pytest.mark.parametrize("gain", [1.0, 0.25, -1.0, -0.03])
def test_a_copy_is_found_with_its_gain(mics: np.ndarray, gain: float) -> None:
    (found,) = find_copies(with_copy(mics, gain * mics[1]), RATE)
    assert (found.track, found.original) == (3, 1)
    assert found.gain == pytest.approx(gain, rel=1e-5)


def test_microphones_are_no_copies(mics: np.ndarray) -> None:
    assert find_copies(mics, RATE) == ()


def test_bit_identical_tracks_are_copies_of_the_first(mics: np.ndarray) -> None:
    found = find_copies(np.vstack([mics, mics[::-1]]), RATE)
    assert [(copy.track, copy.original) for copy in found] == [(3, 2), (4, 1), (5, 0)]
    assert [copy.gain for copy in found] == [1, 1, 1]
    assert [copy.gain for copy in find_copies(np.vstack([mics, -mics]), RATE)] == [-1, -1, -1]


def test_the_louder_track_is_the_original(mics: np.ndarray) -> None:
    (found,) = find_copies(with_copy(mics, 2 * mics[0]), RATE)
    assert found == Copy(0, 3, pytest.approx(0.5, rel=1e-5))


def test_a_clipped_track_is_a_copy_of_its_safety_track(mics: np.ndarray) -> None:
    size = 2.5 * mics[0].std()  # 3 % of the samples
    (found,) = find_copies(with_copy([np.clip(mics[0], -size, size), *mics[1:]], 0.25 * mics[0]), RATE)
    assert (found.track, found.original) == (0, 3)
    assert found.gain == pytest.approx(4, rel=1e-3)


@pytest.mark.parametrize("noise", [-60, -40])
def test_a_second_converter_has_noise_of_its_own(mics: np.ndarray, noise: float) -> None:
    hiss = 10 ** (noise / 20) * mics[0].std() * np.random.default_rng(0).standard_normal(mics.shape[1])
    (found,) = find_copies(with_copy(mics, 0.5 * (mics[0] + hiss)), RATE)
    assert (found.track, found.original) == (3, 0)
    assert found.gain == pytest.approx(0.5, rel=1e-2)


def test_quiet_blocks_do_not_count(mics: np.ndarray) -> None:
    """The track rests for more than half of the time, and the copy's converter hisses then."""
    resting = mics.copy()
    resting[0, : round(0.7 * mics.shape[1])] *= 1e-3
    hiss = 1e-3 * resting[0].std() * np.random.default_rng(0).standard_normal(mics.shape[1])
    (found,) = find_copies(with_copy(resting, resting[0] + hiss), RATE)
    assert (found.track, found.original) == (3, 0)


def test_two_microphones_half_a_metre_apart_are_no_copies(mics: np.ndarray) -> None:
    """One source 0.5 m and 0.6 m away, with an echo of its own each: no delay to speak of, but no copy."""
    own = sources(1, seconds=5)[0]
    near = own[100:] + 0.2 * own[60:-40]
    far = own[98:-2] + 0.2 * own[50:-50]  # 2 samples of 8 kHz are 9 cm
    assert find_copies(np.stack([near, 0.8 * far]).astype(np.float32), RATE) == ()


def test_a_common_part_makes_no_copy(mics: np.ndarray) -> None:
    assert find_copies(with_copy(mics, mics[0] + 0.1 * mics[1]), RATE) == ()


def test_the_order_of_the_tracks_does_not_matter(mics: np.ndarray) -> None:
    tracks = np.vstack([mics, 0.5 * mics[1], -0.7 * mics[2]])
    pairs = {(copy.track, copy.original) for copy in find_copies(tracks, RATE)}
    order = [4, 1, 0, 3, 2]
    assert {(order[c.track], order[c.original]) for c in find_copies(tracks[order], RATE)} == pairs == {(3, 1), (4, 2)}


def test_copies_of_copies_have_one_original(mics: np.ndarray) -> None:
    found = find_copies(np.vstack([0.5 * mics[0], mics[0], -0.1 * mics[0]]), RATE)
    assert [(copy.track, copy.original) for copy in found] == [(0, 1), (2, 1)]


@pytest.mark.parametrize("length", [1, 7, 399, 401])
def test_any_length(mics: np.ndarray, length: int) -> None:
    short = np.vstack([mics[0], 0.5 * mics[0]])[:, 2000 : 2000 + length]
    assert [(copy.track, copy.original) for copy in find_copies(short, RATE)] == [(1, 0)]


def test_products_of_blocks_are_those_of_the_whole(mics: np.ndarray) -> None:
    products = block_products(mics, 400)
    assert products.shape == (mics.shape[1] // 400, 3, 3)
    assert products.sum(axis=0) == pytest.approx(mics.astype(float) @ mics.T.astype(float), rel=1e-3, abs=1e-2)
    assert products[1, 0, 2] == pytest.approx(mics[0, 400:800] @ mics[2, 400:800], rel=1e-3, abs=1e-4)


def test_music_does_not_clip_but_a_limited_track_does(mics: np.ndarray) -> None:
    assert not clips(mics[0])
    assert clips(np.clip(mics[0], -0.2, 0.2))
