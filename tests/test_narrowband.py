from __future__ import annotations

import numpy as np
import pytest
import scipy.signal

from debleed import Recording
from debleed.dsp.rtf import on_grid
from debleed.methods import create
from debleed.methods.demix.broadband import estimate_filters
from debleed.methods.demix.demixed import Demixed
from debleed.methods.demix.filters import Filters
from debleed.methods.demix.narrowband import Narrowband, Search, estimate_matrices, needs_long_windows, regularised_row

RATE = 4000


def dry(count: int, seconds: float, seed: int = 0) -> np.ndarray:
    """Coloured noises that come and go at their own times: ``(count, samples)``."""
    rng = np.random.default_rng(seed)
    length = round(seconds * RATE)
    out = np.empty((count, length))
    for k in range(count):
        steps = rng.random(round(seconds * 2)) ** 4 + 1e-3
        swell = np.interp(np.arange(length), np.linspace(0, length, len(steps)), steps)
        out[k] = swell * scipy.signal.lfilter(rng.standard_normal(16), 1, rng.standard_normal(length))
    return out / np.std(out, axis=-1, keepdims=True)


def room(sources: np.ndarray, direct: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Microphones and own images; every response is direct sound and a reverberation of RT60 0.4 s, 300 ms long."""
    rng = np.random.default_rng(seed)
    count = len(sources)
    decay = 10 ** (-3 * np.arange(1200) / (0.4 * RATE))
    images = np.zeros((count, *sources.shape))
    for i in range(count):
        for j in range(count):
            response = 0.06 * rng.standard_normal(len(decay)) * decay
            response[0 if i == j else rng.integers(20, 50)] += direct if i == j else 0.35
            images[i, j] = scipy.signal.oaconvolve(sources[j], response)[: sources.shape[1]]
    own = images[np.arange(count), np.arange(count)]
    scale = 0.1 / np.std(own)
    return scale * images.sum(axis=1), scale * own


def gain(own: np.ndarray, mics: np.ndarray, clean: np.ndarray) -> np.ndarray:
    return 10 * np.log10(np.sum((own - mics) ** 2, -1) / np.sum((own - clean) ** 2, -1))


def fitted(mics: np.ndarray, **described: object) -> tuple[Demixed, Recording]:
    recording = Recording.from_array(mics, RATE, **described)  # type: ignore[arg-type]
    found = create("demix").learn(recording)
    assert isinstance(found, Demixed)
    return found, recording


def matrices(count: int = 3, bins: int = 129, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    drawn = rng.standard_normal((2, bins, count, count))
    return (np.eye(count) + 0.2 * (drawn[0] + 1j * drawn[1])).astype(np.complex64)


def test_constant_matrices_mix_samples() -> None:
    mixing = np.array([[1, 0.5], [-0.25, 1]])
    samples = dry(2, 1)
    found = Narrowband(np.tile(mixing.astype(np.complex64), (129, 1, 1))).apply(Recording.from_array(samples, RATE))
    assert np.allclose(found.read(), mixing @ samples, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_excerpts_agree_with_the_whole(dtype: type) -> None:
    recording = Recording.from_array(dry(3, 2).astype(dtype), RATE)
    cleaned = Narrowband(matrices()).apply(recording)
    whole = cleaned.read()
    assert whole.dtype == dtype
    for start, stop in [(7000, 8000), (0, 1), (3333, 3334), (100, 5000)]:
        assert np.allclose(cleaned.read(start, stop), whole[:, start:stop], atol=1e-5)


def test_long_excerpts_are_rendered_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = Recording.from_array(dry(3, 2), RATE)
    whole = Narrowband(matrices()).apply(recording).read()
    monkeypatch.setattr("debleed.methods.demix.narrowband.STRETCH", 1)
    assert np.allclose(Narrowband(matrices()).apply(recording).read(), whole, atol=1e-5)


def test_unchanged_microphones_are_bit_exact() -> None:
    recording = Recording.from_array(dry(4, 1), RATE)
    placed = Narrowband(matrices(2)).placed(np.array([0, 2]), 4).apply(recording).read()
    assert np.array_equal(placed[[1, 3]], recording.read()[[1, 3]])
    assert not np.allclose(placed[[0, 2]], recording.read()[[0, 2]])


def test_interpolation_is_exact_for_linear_responses() -> None:
    coarse = np.linspace(0, 8, 9)[:, None, None] * np.ones((2, 2))
    assert np.allclose(on_grid(coarse, 33)[:, 0, 1], np.linspace(0, 8, 33))
    assert np.allclose(on_grid(coarse, 5)[:, 1, 0], np.linspace(0, 8, 5))


def test_a_projection_makes_a_row_orthogonal_to_the_other_sources() -> None:
    covariance = matrices(3, 8).astype(np.complex128)
    covariance = covariance @ covariance.conj().swapaxes(1, 2)
    rows = np.tile(np.eye(3, dtype=np.complex128), (8, 1, 1))
    row, _ = regularised_row(rows, covariance, np.zeros((8, 3)), 1, np.zeros(3, bool))
    products = np.einsum("fi,fij->fj", row, covariance)
    assert np.allclose(products[:, [0, 2]], 0, atol=1e-5)
    assert np.allclose(np.einsum("fj,fj->f", products, row.conj()), 1, atol=1e-5)
    bound, _ = regularised_row(rows, covariance, np.zeros((8, 3)), 1, np.array([False, False, True]))
    assert not bound[:, 2].any()


def test_only_strong_bleed_needs_long_windows() -> None:
    taps = np.zeros((2, 2, 10), np.float32)
    taps[0, 1, 3] = 0.7
    assert not needs_long_windows(taps)
    taps[1, 0, 5] = 0.2
    assert not needs_long_windows(taps)
    taps[1, 0, 5] = 0.4
    assert needs_long_windows(taps)


def test_removes_bleed_that_is_longer_than_any_filter() -> None:
    mics, own = room(dry(3, 60), direct=0.8)
    found, recording = fitted(mics)
    assert isinstance(found.filters, Narrowband)
    paths, _ = estimate_filters((mics / np.std(mics)).astype(np.float32), RATE, recording.can_bleed())
    finite = Filters(paths.taps, paths.ahead, paths.trust).apply(recording).read()
    long = found.apply(recording).read()
    assert gain(own, mics, long).min() > 7  # measured: 7.9 to 12.8 dB
    assert np.median(gain(own, finite, long)) > 3


def test_close_microphones_keep_the_filters() -> None:
    mics, own = room(dry(3, 60), direct=4.0)
    found, recording = fitted(mics)
    assert not isinstance(found.filters, Narrowband)
    assert gain(own, mics, found.apply(recording).read()).min() > 10


def test_short_recordings_keep_the_filters() -> None:
    mics, _ = room(dry(3, 10), direct=0.8)
    identity = np.tile(np.eye(3, dtype=np.complex64), (257, 1, 1))
    assert estimate_matrices(mics.astype(np.float32), RATE, identity, ~np.eye(3, dtype=bool)) is None


def test_separated_sources_are_most_likely() -> None:
    own = dry(3, 60).astype(np.float32)
    identity = np.tile(np.eye(3, dtype=np.complex64), (257, 1, 1))
    assert estimate_matrices(own, RATE, identity, ~np.eye(3, dtype=bool)) is None


def test_pairs_of_one_source_and_of_shared_sound_are_not_separated() -> None:
    mics, _ = room(dry(4, 60), direct=0.8)
    mics[3] = 0.7 * mics[2] + 0.3 * mics[3]  # a sound on two tracks
    allowed = ~np.eye(4, dtype=bool)
    allowed[0, 1] = allowed[1, 0] = False
    identity = np.tile(np.eye(4, dtype=np.complex128), (2049, 1, 1))
    search = Search.begin(mics.astype(np.float32), RATE, 4096, identity, allowed)
    for _ in range(3):
        search.sweep()
    assert not search.rows[:, 0, 1].any()
    assert not search.rows[:, 1, 0].any()
    assert not search.allowed[2, 3]
    assert not search.allowed[3, 2]
    assert search.allowed[0, 2]


def test_matrices_follow_the_level() -> None:
    mics, _ = room(dry(2, 60), direct=0.8)
    identity = np.tile(np.eye(2, dtype=np.complex128), (2049, 1, 1))
    found = []
    for scale in (1.0, 1e-6):
        search = Search.begin((scale * mics).astype(np.float32), RATE, 4096, identity, ~np.eye(2, dtype=bool))
        search.sweep()
        found.append(search.rows)
    assert np.allclose(found[0], found[1], rtol=1e-2, atol=1e-3)
