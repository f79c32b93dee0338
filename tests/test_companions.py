"""Companions: they lose the bleed that their lead's filters explain, and nothing of their own source."""

import numpy as np
import pytest
import scipy.signal

from bands import RATE, bled, gain, sources
from debleed import InputError, Recording
from debleed.methods import create
from debleed.methods.demix.companions import (
    coherent_share,
    leads_of,
    padded,
    with_companion_rows,
    with_companions,
)
from debleed.methods.demix.excerpt import spectra
from debleed.methods.demix.filters import Filters
from debleed.methods.demix.method import Demix

NOBODY = np.zeros(4, bool)


def pair(seconds: float = 20, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Microphones of three sources, and a second one of the first; with the own images of all four."""
    own = sources(3, seconds, seed)
    rng = np.random.default_rng(seed + 7)
    to_second = rng.standard_normal((3, 200)) * np.exp(-np.arange(200) / 40)
    to_second *= (np.array([0.7, 0.12, 0.1]) / np.linalg.norm(to_second, axis=1))[:, None]
    delayed = np.pad(to_second, ((0, 0), (25, 0)))
    parts = np.stack([scipy.signal.oaconvolve(y, h)[: own.shape[1]] for y, h in zip(own, delayed, strict=True)])
    mics = np.vstack([bled(own), parts.sum(axis=0)])
    return mics, np.vstack([own, parts[:1]])


OF = ["a", "b", "c", "a"]


def recording(mics: np.ndarray) -> Recording:
    return Recording.from_array(mics.astype(np.float32), RATE, sources=OF)


@pytest.fixture(scope="module")
def cleaned() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    mics, own = pair()
    learned = Demix(postfilter=False).learn(recording(mics))
    return mics, own, learned.apply(recording(mics)).read()


def test_everybody_leads_where_no_source_has_two_microphones() -> None:
    noise = np.random.default_rng(0).standard_normal((4, RATE)).astype(np.float32)
    assert leads_of(noise, ["a", "b", "c", "d"], NOBODY).tolist() == [0, 1, 2, 3]


def test_the_microphone_that_others_pick_up_leads() -> None:
    """The others hear the amplifier, which distorts, and not its direct box."""
    own = sources(3, 10)
    box, size = own[0].copy(), own[0].std()
    own[0] = size * np.tanh(3 * box / size)
    mics = np.vstack([bled(own), box]).astype(np.float32)
    assert leads_of(mics, OF, NOBODY).tolist() == [0, 1, 2, 0]
    assert leads_of(mics[[3, 1, 2, 0]], OF, NOBODY).tolist() == [3, 1, 2, 3]


def test_a_reference_leads_only_if_its_source_has_nothing_else() -> None:
    mics, _ = pair(10)
    boxes = np.array([True, False, False, False])
    assert leads_of(mics.astype(np.float32), OF, boxes).tolist() == [3, 1, 2, 3]
    assert leads_of(mics[:3].astype(np.float32), OF[:3], boxes[:3]).tolist() == [0, 1, 2]


def test_coherence_of_noise_with_itself_and_with_others() -> None:
    noise = np.random.default_rng(0).standard_normal((2, 20 * RATE))
    third = noise[0] + noise[1]
    share = coherent_share(spectra(np.vstack([noise, third]).astype(np.float32), 512))
    assert np.diag(share) == pytest.approx(1, abs=1e-4)
    assert share[0, 1] < 0.02
    assert share[0, 2] == pytest.approx(0.5, abs=0.03)
    assert share == pytest.approx(share.T, abs=0.02)


def test_coherence_does_not_depend_on_levels() -> None:
    values = spectra(np.random.default_rng(0).standard_normal((3, RATE)).astype(np.float32), 512)
    assert coherent_share(values * np.array([1e-3, 1, 50])[:, None]) == pytest.approx(coherent_share(values), abs=1e-3)
    silent = values * np.array([0, 1, 1])[:, None]
    assert np.isfinite(coherent_share(silent)).all()


def test_a_companion_loses_its_bleed(cleaned: tuple[np.ndarray, ...]) -> None:
    mics, own, found = cleaned
    assert gain(own, mics, found).min() > 25


def test_a_companion_keeps_its_source_untouched(cleaned: tuple[np.ndarray, ...]) -> None:
    _, own, found = cleaned
    kept = np.sum(found[3] * own[3]) / np.sum(own[3] ** 2)
    assert kept == pytest.approx(1, abs=0.01)


def test_the_others_do_not_depend_on_a_companion(cleaned: tuple[np.ndarray, ...]) -> None:
    mics, _, found = cleaned
    without = Recording.from_array(mics[:3].astype(np.float32), RATE)
    alone = Demix(postfilter=False).learn(without).apply(without).read()
    assert 10 * np.log10(np.sum((alone - found[:3]) ** 2) / np.sum(alone**2)) < -60


def test_known_paths_give_the_own_image_of_a_companion() -> None:
    """Closed form: x_b = own path + bleed, with the paths written down, not estimated."""
    own = sources(2, 5)
    delays, ahead, length = {(0, 1): 12, (1, 0): 20, (2, 0): 7, (2, 1): 33}, 10, 64
    taps = np.zeros((3, 3, ahead + length), np.float32)
    mics = np.vstack([own, 0 * own[:1]])
    for (i, j), delay in delays.items():
        level = 0.8 if (i, j) == (2, 0) else 0.3
        taps[i, j, ahead + delay] = level
        mics[i, delay:] += level * own[j, :-delay]
    led = np.zeros((3, 3), bool)
    led[2, 0] = True
    filters = Filters(taps, ahead, np.ones((3, 2), np.float32), own=led)
    found = filters.apply(Recording.from_array(mics, RATE)).read()
    image = np.zeros_like(own[0])
    image[7:] = 0.8 * own[0, :-7]
    assert found == pytest.approx(np.vstack([own, image]), abs=1e-4)


def test_narrowband_rows_remove_what_the_broadband_filters_predict() -> None:
    rng = np.random.default_rng(0)
    taps = np.zeros((3, 3, 40), np.float32)
    taps[[0, 1, 2, 2], [1, 0, 0, 1]] = 0.05 * rng.standard_normal((4, 40))
    led = np.zeros((3, 3), bool)
    led[2, 0] = True
    fitted = Filters(taps, 8, np.ones((3, 5), np.float32), own=led)
    bins, leads = 129, np.array([0, 1])
    between = np.linalg.inv(fitted.mixing()[:, :2, :2])[:: (len(fitted.mixing()) - 1) // (bins - 1)]
    rows = with_companion_rows(between.astype(np.complex64), fitted, leads)
    assert rows.shape == (bins, 3, 3)
    assert np.array_equal(rows[:, :2, :2], between.astype(np.complex64))
    assert np.array_equal(rows[:, :2, 2], np.zeros((bins, 2)))
    assert rows[:, 2, 2] == pytest.approx(1)
    wanted = fitted.response()[:: (len(fitted.mixing()) - 1) // (bins - 1)]
    assert np.abs(rows[1:-1] - wanted[1:-1]).max() < 1e-3


def test_without_companions_nothing_is_extended() -> None:
    matrices = np.tile(np.eye(2, dtype=np.complex64), (65, 1, 1))
    assert with_companion_rows(matrices, Filters.none(2), np.array([0, 1])) is matrices
    fitted = Filters.none(2)
    samples = np.zeros((2, RATE), np.float32)
    verdicts = np.zeros(2, np.int64)
    found = with_companions(fitted, verdicts, samples, RATE, np.array([0, 1]), ~np.eye(2, dtype=bool))
    assert found == (fitted, verdicts)


def test_padding_moves_no_tap() -> None:
    taps = np.arange(5, dtype=np.float32)[None, None]
    assert padded(taps, 2, 4, 6)[0, 0].tolist() == [0, 0, 0, 1, 2, 3, 4, 0, 0, 0]


def test_filters_with_own_paths_come_back_from_their_arrays() -> None:
    mics, _ = pair(10)
    learned = create("demix").learn(recording(mics))
    arrays = learned.arrays()
    assert arrays["own"].dtype == np.int64
    again = Demix().restore(arrays, 4)
    first, second = (z.apply(recording(mics)).read() for z in (learned, again))
    assert np.array_equal(first, second)
    with pytest.raises(InputError, match="own"):
        Demix().restore({**arrays, "own": arrays["own"][:2]}, 4)


def test_rescaled_and_placed_filters_keep_own_paths() -> None:
    mics, _ = pair(10)
    filters = Demix(postfilter=False).learn(recording(mics)).filters
    assert isinstance(filters, Filters)
    order = np.array([4, 0, 2, 5])
    placed = filters.placed(order, 6)
    wide = np.zeros((6, mics.shape[1]), np.float32)
    wide[order] = mics
    found = placed.apply(Recording.from_array(wide, RATE)).read()[order]
    assert found == pytest.approx(filters.apply(recording(mics)).read(), abs=1e-5)
    gains = np.array([0.1, 3, 1, 0.5], np.float32)
    turned = filters.rescaled(gains).apply(recording(gains[:, None] * mics)).read() / gains[:, None]
    assert turned == pytest.approx(filters.apply(recording(mics)).read(), abs=1e-4)


def test_bleed_that_is_kept_in_a_companion_stays() -> None:
    mics, own = pair()
    learned = Demix(postfilter=False).learn(recording(mics))
    kept = np.zeros((4, 4), bool)
    kept[3, 1] = True
    found = learned.keeping(kept).apply(recording(mics)).read()
    plain = learned.apply(recording(mics)).read()
    assert np.array_equal(found[:3], plain[:3])
    assert gain(own, mics, found)[3] < gain(own, mics, plain)[3] - 10
