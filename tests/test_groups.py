"""Groups: microphones of one source keep their ratio of levels and are coherent; other microphones do not."""

from functools import lru_cache

import numpy as np
import pytest
import scipy.signal

from bands import RATE, sources
from debleed.methods.demix.companions import coherent_share
from debleed.methods.demix.excerpt import spectra
from debleed.scenes.acoustics import box_paths
from debleed.soundcheck.groups import band_levels, find_boxes, find_groups, joined, ratio_range

PLACES = [(1.5, 1.5, 1.2), (4.0, 1.2, 1.2), (2.6, 3.2, 1.2)]
WINDOW = 1024


@lru_cache
def in_a_room(own: tuple[int, ...], offsets: tuple[tuple[float, float, float], ...]) -> np.ndarray:
    """Microphones at these offsets from the sources ``own``, each of which hears all; the sources play in one room."""
    pytest.importorskip("pyroomacoustics")
    mics = [tuple(np.add(PLACES[source], offset)) for source, offset in zip(own, offsets, strict=True)]
    paths = box_paths((5.5, 4.5, 2.8), 0.4, PLACES, mics, RATE)
    return convolved(paths, sources(3, seconds=15))


def convolved(paths: list[list[np.ndarray]], dry: np.ndarray) -> np.ndarray:
    found = np.zeros((len(paths), dry.shape[1]))
    for i, row in enumerate(paths):
        for path, source in zip(row, dry, strict=True):
            found[i] += scipy.signal.oaconvolve(source, path)[: dry.shape[1]]
    return found


def pairs(mics: np.ndarray) -> list[tuple[int, int]]:
    return find_groups(spectra(mics.astype(np.float32), WINDOW), RATE)


CLOSE, OTHER_SIDE = (0.3, 0, 0), (-0.25, 0.2, 0.1)


def test_two_microphones_of_one_source_are_a_pair() -> None:
    mics = in_a_room((0, 0, 1, 2), (CLOSE, OTHER_SIDE, CLOSE, CLOSE))
    assert pairs(mics) == [(0, 1)]


def test_levels_and_polarity_of_a_pair_do_not_matter() -> None:
    mics = in_a_room((0, 0, 1, 2), (CLOSE, OTHER_SIDE, CLOSE, CLOSE))
    assert pairs(mics * [[0.01], [-3], [1], [20]]) == [(0, 1)]


def test_the_order_of_the_microphones_does_not_matter() -> None:
    mics = in_a_room((0, 0, 1, 2), (CLOSE, OTHER_SIDE, CLOSE, CLOSE))
    assert pairs(mics[[2, 1, 3, 0]]) == [(1, 3)]


def test_every_source_may_have_a_pair() -> None:
    mics = in_a_room((0, 1, 2, 0, 1, 2), (CLOSE,) * 3 + (OTHER_SIDE,) * 3)
    assert pairs(mics) == [(0, 3), (1, 4), (2, 5)]


@pytest.mark.parametrize("distance", [0.3, 0.6, 1.0])
def test_sources_that_bleed_are_no_pairs(distance: float) -> None:
    assert pairs(in_a_room((0, 1, 2), ((distance, 0, 0),) * 3)) == []


def test_a_direct_box_and_its_amplifier_are_a_pair() -> None:
    """The box has neither bleed nor a room."""
    mics = in_a_room((0, 1, 2), ((0.15, 0, 0),) * 3)
    assert pairs(np.vstack([mics, sources(3, seconds=15)[:1]])) == [(0, 3)]


def test_strong_bleed_is_no_pair() -> None:
    own = sources(2, seconds=15)
    mics = own + 0.7 * np.roll(own[::-1], 30, axis=1)
    assert pairs(mics) == []


def test_a_source_that_rests_is_no_companion() -> None:
    """One microphone hears nothing but bleed for most of the time, at a constant ratio."""
    own = sources(2, seconds=15)
    own[1, : 12 * RATE] = 0
    mics = own + np.array([[0.1], [0.3]]) * np.roll(own[::-1], 30, axis=1)
    assert pairs(mics) == []


def test_a_source_that_never_plays_is_not_told_from_a_companion_but_harms_nobody() -> None:
    """Its microphone is one more microphone of the source that it hears."""
    own = sources(2, seconds=15)
    mics = np.vstack([own, 0.3 * np.roll(own[0], 30)])
    assert pairs(mics) == [(0, 2)]


def test_steady_sources_are_no_pair() -> None:
    """Their levels keep their ratio, but they are not coherent."""
    steady = np.random.default_rng(0).standard_normal((2, 15 * RATE))
    assert pairs(steady + 0.3 * np.roll(steady[::-1], 30, axis=1)) == []


def test_two_tracks_with_digital_silence_do_not_divide_by_zero() -> None:
    own = sources(2, seconds=15)
    own[0, : 5 * RATE] = own[1, 10 * RATE :] = 0
    assert pairs(own) == []


def test_a_constant_ratio_has_no_range_and_a_changing_one_has_that_of_the_change() -> None:
    rng = np.random.default_rng(0)
    first = rng.random((5, 400)) + 0.1
    assert ratio_range(first, 3 * first) == pytest.approx(0, abs=1e-9)
    second = first * np.where(np.arange(400) % 2, 10, 1)
    assert ratio_range(first, second) == pytest.approx(10, abs=1e-9)
    assert ratio_range(second, first) == pytest.approx(10, abs=1e-9)


def test_a_tenth_of_the_energy_does_not_count() -> None:
    first, second = np.ones((1, 100)), np.ones((1, 100))
    first[0, 40:45] = 0.1  # 5 frames in which the second is louder
    assert ratio_range(first, second) == pytest.approx(0)
    first[0, 40:60] = 0.1
    assert ratio_range(first, second) == pytest.approx(10)


def test_levels_in_bands_have_a_mean_of_one() -> None:
    powers = np.random.default_rng(0).random((513, 2, 50)).astype(np.float32) * [[[1e-6], [40]]]
    levels = band_levels(powers.astype(np.float32), RATE)
    assert levels.shape[0] == 2
    assert levels.mean(axis=(1, 2)) == pytest.approx(1, rel=1e-4)
    assert band_levels(np.zeros((513, 1, 5), np.float32), RATE) == pytest.approx(1e-7)


def distorted_amplifier() -> np.ndarray:
    """A bass, its amplifier's microphone with distortion, and two other microphones that pick up the amplifier."""
    own = sources(3, seconds=15)
    amplifier = np.tanh(3 * own[0] / own[0].std()) * own[0].std()
    mics = np.vstack([amplifier, own[1:]])
    mics[1:] += 0.3 * np.roll(amplifier, 40)
    return np.vstack([mics, own[:1]])


def test_a_direct_box_belongs_to_the_microphone_that_it_explains_best() -> None:
    share = coherent_share(spectra(distorted_amplifier().astype(np.float32), WINDOW))
    assert find_boxes(share, [3]) == [(3, 0)]


def test_a_click_that_bleeds_belongs_to_nobody() -> None:
    own = sources(3, seconds=15)
    mics = own.copy()
    mics[:2] += 0.3 * np.roll(own[2], 25)
    assert find_boxes(coherent_share(spectra(mics.astype(np.float32), WINDOW)), [2]) == []


def test_boxes_alone_belong_to_nobody() -> None:
    assert find_boxes(np.ones((2, 2)), [0, 1]) == []


@pytest.mark.parametrize(
    ("given", "groups"),
    [
        ([], []),
        ([(0, 1)], [(0, 1)]),
        ([(3, 4), (0, 2)], [(0, 2), (3, 4)]),
        ([(0, 1), (2, 3), (1, 3)], [(0, 1, 2, 3)]),
        ([(4, 0)], [(0, 4)]),
    ],
)
def test_pairs_with_a_common_microphone_are_joined(given: list[tuple[int, int]], groups: list[tuple[int, ...]]) -> None:
    assert joined(given, 5) == groups
