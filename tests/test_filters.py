"""Fixed filters: what they remove, what they keep, and how they move with gains and microphones."""

import numpy as np
import pytest
import scipy.signal

from debleed.dsp.rtf import peak_delays, response, taps_of
from debleed.methods.demix.filters import Filters
from debleed.methods.demix.narrowband import Narrowband, keeping
from debleed.recording import InputError, Recording

RATE, AHEAD, DELAY = 8000, 4, 30


def filters(mics: int = 3, seed: int = 0, trust: float = 1.0) -> Filters:
    rng = np.random.default_rng(seed)
    taps = 0.03 * rng.standard_normal((mics, mics, AHEAD + 60)).astype(np.float32)
    taps[..., : AHEAD + 10] = 0
    taps *= ~np.eye(mics, dtype=bool)[:, :, None]
    return Filters(taps, AHEAD, np.full((mics, 5), trust, np.float32))


def recording(mics: int = 3, seed: int = 1) -> Recording:
    samples = np.random.default_rng(seed).standard_normal((mics, 3000)).astype(np.float32)
    return Recording.from_array(samples, RATE)


def test_the_response_inverts_the_mixing() -> None:
    found = filters()
    assert np.allclose(found.response() @ found.mixing(), np.eye(3), atol=1e-4)


def test_without_trust_nothing_is_removed() -> None:
    mics = recording()
    assert filters(trust=0.0).apply(mics) is mics
    assert Filters.none(3).apply(mics) is mics
    assert Filters.none(3).is_identity


def test_half_the_trust_removes_half() -> None:
    mics = recording()
    whole, half = (mics.read() - filters(trust=trust).apply(mics).read() for trust in (1.0, 0.5))
    assert np.allclose(half, whole / 2, atol=1e-5)


def test_keeping_nothing_removes_all_and_keeping_all_removes_nothing() -> None:
    mics, found = recording(), filters()
    nothing, everything = np.zeros((3, 3), bool), np.ones((3, 3), bool)
    assert np.allclose(found.keeping(nothing).apply(mics).read(), found.apply(mics).read(), atol=1e-5)
    assert np.allclose(found.keeping(everything).apply(mics).read(), mics.read(), atol=1e-5)


def test_kept_bleed_is_what_the_rtf_predicts() -> None:
    """With all bleed of one source kept, what remains is that source along its path, beside the own source."""
    own, found = recording(seed=3), filters(seed=2)
    x = own.read().astype(np.float64)  # mixed by brute force, with circular shifts
    heard = x.copy()
    for i in range(3):
        for j in range(3):
            for lag, tap in enumerate(found.taps[i, j] if i != j else ()):
                heard[i] += tap * np.roll(x[j], lag - AHEAD)
    kept = np.zeros((3, 3), bool)
    kept[0, 2] = True
    clean = found.keeping(kept).apply(Recording.from_array(heard.astype(np.float32), RATE)).read()
    wanted = x.copy()
    for lag, tap in enumerate(found.taps[0, 2]):
        wanted[0] += tap * np.roll(x[2], lag - AHEAD)
    inner = slice(500, -500)
    assert np.allclose(clean[:, inner], wanted[:, inner], atol=5e-3)


def test_rescaling_and_placing_transform_the_filters() -> None:
    mics, found = recording(2), filters(2)
    gains = np.array([4.0, 0.5], np.float32)
    turned = found.rescaled(gains).apply(Recording.from_array(gains[:, None] * mics.read(), RATE)).read()
    assert np.allclose(turned, gains[:, None] * found.apply(mics).read(), atol=1e-4)
    order = np.array([2, 0])
    samples = np.zeros((3, mics.length), np.float32)
    samples[order] = mics.read()
    placed = found.placed(order, 3).apply(Recording.from_array(samples, RATE)).read()
    assert np.allclose(placed[order], found.apply(mics).read(), atol=1e-5)
    assert np.array_equal(placed[1], samples[1])


def test_filters_are_restored_from_their_arrays() -> None:
    found = filters()
    again = Filters.restored(found.arrays(), 3)
    assert np.array_equal(again.taps, found.taps)
    assert again.ahead == found.ahead
    with pytest.raises(InputError, match="'ahead' is 64, not between 0 and 63"):
        Filters.restored({**found.arrays(), "ahead": np.array([64], np.int64)}, 3)


def test_the_delay_is_that_of_the_largest_tap() -> None:
    taps = np.zeros((2, 2, AHEAD + 60), np.float32)
    taps[0, 1, AHEAD + DELAY] = -0.3
    taps[0, 1, AHEAD + DELAY + 7] = 0.2
    taps[1, 0, AHEAD - 2] = 0.1
    delays = peak_delays(response(taps, AHEAD, 256), RATE)
    assert delays[0, 1] == pytest.approx(DELAY / RATE)
    assert delays[1, 0] == pytest.approx(-2 / RATE)
    assert np.isnan(delays[0, 0])
    assert np.array_equal(taps_of(response(taps, AHEAD, 256), 60, AHEAD) > 0.05, taps > 0.05)


def test_matrices_keep_bleed_as_filters_do() -> None:
    rng = np.random.default_rng(4)
    mixing = np.eye(3) + 0.2 * rng.standard_normal((9, 3, 3)) * ~np.eye(3, dtype=bool)
    unmixing = np.linalg.inv(mixing).astype(np.complex64)
    everything, nothing = np.ones((3, 3), bool), np.zeros((3, 3), bool)
    assert np.allclose(keeping(unmixing, everything), np.eye(3), atol=1e-5)
    assert np.allclose(keeping(unmixing, nothing), unmixing, atol=1e-5)
    kept = nothing.copy()
    kept[0, 1] = True
    made = keeping(unmixing, kept) @ mixing  # from sources to what comes out
    wanted = np.tile(np.eye(3), (9, 1, 1))
    wanted[:, 0, 1] = mixing[:, 0, 1]
    assert np.allclose(made, wanted, atol=1e-5)


def test_a_wrong_number_of_bins_is_refused() -> None:
    for bins in (2, 6, 10):
        matrices = np.tile(np.eye(2, dtype=np.complex64), (bins, 1, 1))
        with pytest.raises(InputError, match="not a power of two plus 1"):
            Narrowband.restored({"matrices": matrices}, 2)
    assert Narrowband.restored({"matrices": np.tile(np.eye(2, dtype=np.complex64), (9, 1, 1))}, 2).is_identity


def test_the_output_is_one_convolution_everywhere() -> None:
    rng = np.random.default_rng(4)
    rings = (rng.standard_normal((3, 3, 1000)) * 10 ** (-np.arange(1000) / 1000)).astype(np.float32)
    rings *= 0.5 / np.linalg.norm(rings[0, 0]) * ~np.eye(3, dtype=bool)[:, :, None]
    found = Filters(rings, AHEAD, np.ones((3, 2), np.float32))
    mics = Recording.from_array(rng.standard_normal((3, 40000)).astype(np.float32), RATE)
    taps, lead = found.finite()
    x = mics.read().astype(float)
    added = [sum(scipy.signal.oaconvolve(x[j], taps[i, j]) for j in range(3)) for i in range(3)]
    expected = x + np.stack(added)[:, lead : lead + mics.length]
    whole = found.apply(mics).read()
    parts = np.hstack([found.apply(mics).read(a, b) for a, b in ((0, 777), (777, 20001), (20001, 40000))])
    assert np.sum((whole - expected) ** 2) < 1e-10 * np.sum(expected**2)
    assert np.sum((parts - expected) ** 2) < 1e-10 * np.sum(expected**2)
