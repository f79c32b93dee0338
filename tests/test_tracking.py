"""Tracking: what it does to sound, where it must do nothing, and how it is stored."""

from dataclasses import replace

import numpy as np
import pytest

from debleed.dsp.stft import nfft_at
from debleed.methods.demix.background import NFFT, Background
from debleed.methods.demix.safeguards import FINE_BANDS, band_edges
from debleed.methods.demix.speeds import (
    arrives_at_once,
    found,
    judged_bins,
    learn_tracking,
    resolves_lags,
    told_apart,
    too_fast,
)
from debleed.methods.demix.tracking import LAGS, Tracking, filtered, gaps, over_bins
from debleed.recording import InputError, Recording

RATE = 8000
NO_BACKGROUND = Background.none(2)


def sdr(truth: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    return 10 * np.log10((truth**2).sum(axis=-1) / (((truth - estimate) ** 2).sum(axis=-1) + 1e-12))


def gated(rng: np.random.Generator, seconds: float, period: float) -> np.ndarray:
    """Return noise that pauses every other ``period``."""
    samples = round(seconds * RATE)
    on = (np.arange(samples) / RATE / period).astype(int) % 2 == 0
    return rng.standard_normal(samples).astype(np.float32) * (on + 0.01).astype(np.float32)


def swaying(seconds: float = 24) -> tuple[np.ndarray, np.ndarray]:
    """Return two sources, and what is left of the second in the first, whose path turns once in 5 s."""
    rng = np.random.default_rng(0)
    own, other = gated(rng, seconds, 0.37), gated(rng, seconds, 0.59)
    turn = np.cos(2 * np.pi * np.arange(len(own)) / RATE / 5).astype(np.float32)
    delayed = np.concatenate([np.zeros(40, np.float32), other[:-40]])
    return np.stack([own, other]), np.stack([own + 0.1 * turn * delayed, other])


def learnt(sources: np.ndarray) -> Tracking:
    bins = nfft_at(RATE, NFFT) // 2 + 1
    mixing = np.tile(np.eye(2, dtype=np.complex64), (bins, 1, 1))
    mixing[:, 0, 1] = 0.1
    leakage = np.zeros((2, 2, bins), np.float32)
    leakage[0, 1] = 1e-3
    allowed = ~np.eye(2, dtype=bool)
    return learn_tracking(sources, mixing, leakage, RATE, allowed, allowed, NO_BACKGROUND)[0]


@pytest.fixture(scope="module")
def scene() -> tuple[np.ndarray, np.ndarray, Tracking]:
    own, heard = swaying()
    return own, heard, learnt(heard)


def test_a_path_that_sways_is_followed(scene: tuple[np.ndarray, np.ndarray, Tracking]) -> None:
    own, heard, tracking = scene
    clean = tracking.apply(Recording.from_array(heard, RATE), NO_BACKGROUND).read()
    assert sdr(own, clean)[0] > sdr(own, heard)[0] + 3
    assert np.array_equal(clean[1], heard[1])  # nothing bleeds into it


def test_a_constant_deviation_is_not_followed_but_removed() -> None:
    own, _ = swaying(16)
    delayed = np.concatenate([np.zeros(40, np.float32), own[1, :-40]])
    heard = np.stack([own[0] + np.float32(0.05) * delayed, own[1]])
    tracking = learnt(heard)
    assert np.abs(tracking.constant[:, 0, 1]).max() > 0.02
    clean = tracking.apply(Recording.from_array(heard, RATE), NO_BACKGROUND).read()
    assert sdr(own, clean)[0] > sdr(own, heard)[0] + 6


def test_microphones_without_bleed_come_back_to_the_bit() -> None:
    own, _ = swaying(8)
    recording = Recording.from_array(own, RATE)
    assert np.array_equal(learnt(own).apply(recording, NO_BACKGROUND).read(), own)


def test_shared_sound_is_not_removed() -> None:
    own, _ = swaying(16)
    shared = gated(np.random.default_rng(9), 16, 0.8)
    heard = own + 0.5 * shared
    clean = learnt(heard).apply(Recording.from_array(heard, RATE), NO_BACKGROUND).read()
    assert sdr(heard, clean)[0] > 35


def test_any_stretch_equals_that_part_of_the_whole(scene: tuple[np.ndarray, np.ndarray, Tracking]) -> None:
    _, heard, tracking = scene
    recording = tracking.apply(Recording.from_array(heard, RATE), NO_BACKGROUND)
    whole = recording.read()
    for start, stop in ((0, 100), (12345, 54321), (127_000, 129_500), (recording.length - 7, recording.length)):
        assert recording.read(start, stop) == pytest.approx(whole[:, start:stop], abs=1e-5)


def test_a_stretch_reads_a_bounded_part(scene: tuple[np.ndarray, np.ndarray, Tracking]) -> None:
    _, _, tracking = scene
    asked: list[int] = []

    def read(start: int, stop: int) -> np.ndarray:
        asked.append(stop - start)
        return np.zeros((2, stop - start), np.float32)

    endless = Recording(RATE, 10**9, ("a", "b"), ("a", "b"), read)
    assert not tracking.apply(endless, NO_BACKGROUND).read(5 * 10**8, 5 * 10**8 + 1000).any()
    assert max(asked) < 60 * RATE


def test_gains_change_nothing_but_the_gain(scene: tuple[np.ndarray, np.ndarray, Tracking]) -> None:
    _, heard, tracking = scene
    gains = np.array([2.0, 0.5], np.float32)
    plain = tracking.apply(Recording.from_array(heard, RATE), NO_BACKGROUND).read()
    scaled = Recording.from_array(heard * gains[:, None], RATE)
    again = tracking.rescaled(gains).apply(scaled, NO_BACKGROUND).read()
    assert again / gains[:, None] == pytest.approx(plain, abs=1e-4)


def test_what_is_kept_is_not_followed(scene: tuple[np.ndarray, np.ndarray, Tracking]) -> None:
    _, _, tracking = scene
    assert not tracking.keeping(np.ones((2, 2), bool)).changed_mics.any()


def test_it_is_restored_and_placed(scene: tuple[np.ndarray, np.ndarray, Tracking]) -> None:
    _, heard, tracking = scene
    again = Tracking.restored(tracking.arrays(), 2)
    assert all(np.array_equal(value, again.arrays()[name]) for name, value in tracking.arrays().items())
    placed = tracking.placed(np.array([2, 0]), 3)
    recording = Recording.from_array(heard[[1, 0, 0]] * np.float32([[1], [0], [1]]), RATE)
    clean = placed.apply(recording, Background.none(3)).read()
    plain = tracking.apply(Recording.from_array(heard, RATE), NO_BACKGROUND).read()
    assert clean[2] == pytest.approx(plain[0], abs=1e-5)


@pytest.mark.parametrize("name", [f"deviation_{of}" for of in ("variance", "weight", "leakage", "unfollowed")])
def test_negative_values_are_refused(scene: tuple[np.ndarray, np.ndarray, Tracking], name: str) -> None:
    _, _, tracking = scene
    with pytest.raises(InputError, match="negative"):
        Tracking.restored({**tracking.arrays(), name: -1 - tracking.arrays()[name]}, 2)


def test_weights_are_found_and_what_chance_suggests_is_not() -> None:
    rng = np.random.default_rng(1)
    shape = (3, 2000)
    bleed, chance, own = (
        (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64) for _ in range(3)
    )
    heard = own + 0.5 * bleed
    weights = found(heard, np.stack([bleed, chance])[None], np.ones(shape, np.float32), 1.0)
    assert weights[0, 0] == pytest.approx(0.5, abs=0.05)
    assert weights[0, 1] < 0.03
    few = found(heard[:, :20], np.stack([bleed, chance])[None][..., :20], np.ones((3, 20), np.float32), 20.0)
    assert few[0, 0] < 0.4  # a tone that lasts throughout is a single observation


def test_sound_at_lag_0_is_told_from_sound_that_travelled() -> None:
    rng = np.random.default_rng(2)
    hertz = np.linspace(1000, 2000, 40)
    source = (rng.standard_normal((1, 40, 300)) + 1j * rng.standard_normal((1, 40, 300))).astype(np.complex64)
    assert arrives_at_once(0.3 * source, source, hertz, RATE).tolist() == [True]
    late = np.exp(-2j * np.pi * hertz[:, None] * 0.0015).astype(np.complex64)
    assert arrives_at_once(0.3 * late * source, source, hertz, RATE).tolist() == [False]


def test_a_band_too_narrow_to_resolve_lags_takes_the_answer_of_the_next() -> None:
    rng = np.random.default_rng(4)
    bins, frames = nfft_at(RATE, NFFT) // 2 + 1, 300
    edges = band_edges(bins, RATE, FINE_BANDS)
    some = judged_bins(edges)
    hertz = some * RATE / (2 * (bins - 1))
    assert not resolves_lags(hertz[:5])
    assert resolves_lags(hertz[-20:])
    own, source = np.exp(2j * np.pi * rng.random((2, len(some), LAGS - 1 + frames))).astype(np.complex64)
    heard, now = np.stack([0 * own, source]), source[:, LAGS - 1 :]
    for late, shared in ((0.0, True), (0.0015, False)):
        bleed = 0.3 * np.exp(-2j * np.pi * hertz[:, None] * late).astype(np.complex64) * now
        predictions = np.stack([0 * bleed, bleed])[None]
        weights = np.ones((1, 2, len(edges) - 1))
        apart = told_apart(own[:, LAGS - 1 :] + bleed, heard, predictions, weights, some, RATE)
        assert apart[1].tolist() == [not shared] * (len(edges) - 1)


def test_filtering_with_paths_of_a_few_frames_is_a_convolution() -> None:
    rng = np.random.default_rng(3)
    paths = rng.standard_normal((LAGS, 2, 3, 5)).astype(np.float32)
    heard = rng.standard_normal((3, 5, LAGS - 1 + 10)).astype(np.float32)
    expected = np.einsum("jfn,lijf->ifn", np.zeros((3, 5, 10)), paths)
    for lag in range(LAGS):
        expected += np.einsum("jfn,ijf->ifn", heard[..., LAGS - 1 - lag :][..., :10], paths[lag])
    assert filtered(paths, heard) == pytest.approx(expected, abs=1e-4)


def test_bands_spread_over_all_bins_and_low_tones_have_longer_gaps() -> None:
    assert over_bins(np.arange(20, dtype=np.float32), 257, RATE).tolist() == sorted(
        over_bins(np.arange(20, dtype=np.float32), 257, RATE).tolist()
    )
    between = gaps(257, RATE)
    assert between.min() == 1
    assert np.all(np.diff(between) <= 0)


def test_none_changes_nothing() -> None:
    recording = Recording.from_array(np.ones((2, 100), np.float32), RATE)
    assert Tracking.none(2).apply(recording, NO_BACKGROUND) is recording
    assert not replace(Tracking.none(2)).changed_mics.any()


def test_a_path_that_moves_deviates_at_least_as_much_at_higher_frequencies() -> None:
    measured = np.array([0, 0.2, 0.1, 0, 0.05, 0.4], np.float32)
    followed = np.array([0, 0.5, 0.15, 0, 0.3, 0.4], np.float32)
    expected = [0, 0, 0.05, 0, 0, 0]  # nothing where nothing moves
    assert too_fast(measured, followed) == pytest.approx(np.array(expected), abs=1e-7)


def test_what_moves_too_fast_is_attenuated_where_its_source_plays() -> None:
    own, heard = swaying(8)
    own[0], heard[0] = 0, heard[0] - own[0]  # nothing but bleed
    loud = np.zeros((2, 2, 1), np.float32)
    loud[0, 1] = 1
    followed = replace(Tracking.none(2), weight=1e-6 * loud, variance=1e-9 * loud, seconds=loud)
    before = followed.apply(Recording.from_array(heard, RATE), NO_BACKGROUND).read()
    after = replace(followed, unfollowed=0.05 * loud).apply(Recording.from_array(heard, RATE), NO_BACKGROUND).read()
    assert np.mean(after[0] ** 2) < 0.02 * np.mean(before[0] ** 2)
    assert np.array_equal(after[1], heard[1])
