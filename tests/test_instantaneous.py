from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from debleed import Recording
from debleed.methods import create
from debleed.methods.demix.excerpt import sounding_excerpt, spectra
from debleed.methods.instantaneous import (
    FLOORS,
    LARGEST_BLEED,
    SWEEPS,
    Points,
    Unmixing,
    leads_of_dependent,
    one_matrix,
    sweep,
    without_rise,
    without_shared,
)
from debleed.recording import InputError
from debleed.remove import remove
from debleed.scoring.evaluate import score
from published_sets import item_of, needs_material

RATE = 8000


def sources(count: int = 3, seconds: float = 6, seed: int = 0) -> np.ndarray:
    """Coloured noises that come and go at their own times, with pauses: ``(count, samples)``."""
    rng = np.random.default_rng(seed)
    length = round(seconds * RATE)
    out = np.empty((count, length))
    for k in range(count):
        steps = rng.random(round(seconds * 4)) ** 4 * (rng.random(round(seconds * 4)) < 0.7)
        swell = np.interp(np.arange(length), np.linspace(0, length, len(steps)), steps)
        out[k] = swell * np.convolve(
            rng.standard_normal(length), rng.standard_normal(24) * 0.8 ** np.arange(24), "same"
        )
    return (0.1 * out / np.std(out, axis=-1, keepdims=True)).astype(np.float32)


def matrix(count: int, seed: int = 1, least: float = 0.08, most: float = 0.45) -> np.ndarray:
    mixing = np.random.default_rng(seed).uniform(least, most, (count, count))
    np.fill_diagonal(mixing, 1)
    return mixing


def mixed(own: np.ndarray, mixing: np.ndarray) -> np.ndarray:
    return (mixing @ own).astype(np.float32)


def run(mics: np.ndarray, **settings: float) -> np.ndarray:
    recording = Recording.from_array(mics, RATE)
    return create("instantaneous", **settings).learn(recording).apply(recording).read()


def sdr(own: np.ndarray, found: np.ndarray) -> np.ndarray:
    return 10 * np.log10(np.sum(own.astype(float) ** 2, -1) / np.sum((own - found.astype(float)) ** 2, -1))


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6])
def test_solves_a_mixture_of_any_number_of_sources(count: int) -> None:
    own = sources(count)
    assert sdr(own, run(mixed(own, matrix(count, most=0.8 / count + 0.1)))).min() > 60


def test_solves_negative_gains_and_faint_bleed() -> None:
    own, mixing = sources(), matrix(3)
    mixing[0, 1], mixing[2, 1] = -0.4, 0.003
    assert sdr(own, run(mixed(own, mixing))).min() > 60


@pytest.mark.parametrize("level", [0, 1e-4])
def test_a_very_soft_source_does_not_affect_the_others(level: float) -> None:
    own = sources(4)
    own[2] *= np.float32(level)
    found = run(mixed(own, matrix(4, most=0.3)))
    heard = [0, 1, 3]
    assert sdr(own[heard], found[heard]).min() > 60
    assert np.std(found[2] - own[2]) < 1e-3 * np.std(own[0])


def test_only_microphone_noise_stays() -> None:
    own, mixing = sources(), matrix(3)
    noise = 1e-3 * np.std(own) * np.random.default_rng(3).standard_normal(own.shape)
    assert sdr(own, run((mixing @ own + noise).astype(np.float32))).min() > 55  # the noise alone: 60


def test_other_mixtures_are_unchanged_to_the_bit() -> None:
    own = sources()
    assert np.array_equal(run(own), own)
    late = own + 0.3 * np.roll(own, 1, axis=0)[:, np.r_[np.zeros(90, int), : own.shape[1] - 90]]
    assert np.array_equal(run(late), late)


def test_a_sound_on_two_tracks_is_not_bleed() -> None:
    own = sources()
    own[2] = 0.9 * own[0] + 0.3 * own[2]
    assert np.array_equal(run(own), own)


def test_microphones_of_one_source_keep_it() -> None:
    own = sources()
    pair = np.stack([own[0], 0.5 * own[0] + 0.2 * own[2], own[1]])
    mixing = np.array([[1, 0, 0.3], [0, 1, 0.2], [0.2, 0, 1]])
    recording = Recording.from_array(mixed(pair, mixing), RATE, sources=["keys", "keys", "bass"])
    assert sdr(pair, create("instantaneous").learn(recording).apply(recording).read()).min() > 30


@pytest.mark.parametrize("method", ["instantaneous", "demix"])
@pytest.mark.parametrize("noise", [0, 1e-3])
def test_a_panned_source_gives_no_more_signals_than_one_microphone(method: str, noise: float) -> None:
    """Two channels of one source are sums of the others, so the matrix of all has no inverse."""
    own = sources(3, 20)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        mixing = rng.uniform(0.05, 0.3, (4, 3))
        mixing[[0, 1, 2, 3], [0, 1, 2, 0]] = 1
        mics = mixing @ own + noise * own.std() * rng.standard_normal((4, own.shape[1]))
        recording = Recording.from_array(mics, RATE, sources=["keys", "bass", "vox", "keys"])
        found = create(method).learn(recording).apply(recording).read()
        assert sdr(own[[0, 1, 2, 0]], found).min() > (50 if noise == 0 else 40)


def test_a_reference_stands_for_no_other_one() -> None:
    noise = np.random.default_rng(0).standard_normal((2, RATE))
    samples = np.vstack([noise, noise.sum(axis=0), noise[0] - noise[1]]).astype(np.float32)
    recording = Recording.from_array(samples, RATE, ["amp", "box", "click", "vox"], ["amp", "amp", "click", "vox"])
    allowed = dataclasses.replace(recording, references=frozenset({"box", "click"})).can_bleed()
    assert leads_of_dependent(samples, allowed).tolist() == [0, 0, 2, 3]
    assert leads_of_dependent(noise.astype(np.float32), ~np.eye(2, dtype=bool)).tolist() == [0, 1]


def test_covariances_are_weighted_by_the_inverse_variance() -> None:
    heard = spectra(sources(2, 1), 256)
    points, rows = Points.of(heard), np.array([[1, -0.2], [-0.3, 1]])
    y = np.einsum("ij,fjt->fit", rows, heard)
    around = points.local.reshape(2, *heard[:, 0].shape).swapaxes(0, 1)
    weights = 1 / (np.abs(y) ** 2 + 1e-3 * around)
    expected = np.einsum("fit,fjt,fkt->ijk", weights, heard, heard.conj()).real
    assert np.allclose(points.covariances(rows, 1e-3), expected, rtol=1e-3)


def test_sweeps_increase_the_likelihood_and_converge() -> None:
    points = Points.of(spectra(mixed(sources(), matrix(3)), 512))
    allowed = ~np.eye(3, dtype=bool)
    rows = np.eye(3)
    likely = [points.likelihood(rows)]
    for _ in range(4):
        rows = sweep(points, rows, FLOORS[0], 1, allowed)
        likely.append(points.likelihood(rows))
    assert np.all(np.diff(likely) > -1e-4)
    settled = sweep(points, rows, FLOORS[0], 10 * SWEEPS[0], allowed)
    assert np.allclose(sweep(points, settled, FLOORS[0], 1, allowed), settled, atol=1e-6)


def test_entries_too_large_for_bleed_are_restored() -> None:
    mixing = np.array([[1, 0.1, 0.2], [0.2, 1, 0.1], [0.9, 0.3, 1]])
    left = without_shared(mixing)
    assert np.abs(left - np.eye(3)).max() <= LARGEST_BLEED
    x = np.random.default_rng(0).standard_normal((3, 10))
    before, after = np.linalg.solve(mixing, x), np.linalg.solve(left, x)
    scale = 1 - mixing[0, 2] * mixing[2, 0]  # of source 0, which is now that of another decomposition
    assert np.allclose(after[1], before[1])
    assert np.allclose(after[0], scale * before[0])
    assert np.allclose(after[2], before[2] + mixing[2, 0] * before[0])
    assert np.array_equal(without_shared(matrix(4)), matrix(4))
    assert np.array_equal(without_shared(np.array([[1, 1], [0.9, 1]])), np.eye(2))


def test_no_microphone_becomes_much_louder() -> None:
    heard = np.random.default_rng(0).standard_normal((2, 1000)).astype(np.float32)
    heard[1] += 0.5 * heard[0]
    rows = np.array([[1, 0.9], [-0.5, 1]])
    assert np.array_equal(without_rise(rows, heard), [[1, 0], [-0.5, 1]])


def test_applies_the_matrix_to_any_recording() -> None:
    rows, x = np.array([[1, -0.2], [-0.3, 1]]), np.random.default_rng(0).standard_normal((2, 50000))
    cleaned = Unmixing(rows).apply(Recording.from_array(x, 1000))
    assert np.allclose(cleaned.read(), rows @ x)
    assert np.allclose(cleaned.read(17, 40017), (rows @ x)[:, 17:40017])


def test_learns_from_a_bounded_excerpt_without_silent_microphones() -> None:
    samples = np.zeros((3, 5000))
    samples[0], samples[2] = 7, 1
    sounding, heard, _ = sounding_excerpt(Recording.from_array(samples, 1000), 2)
    assert sounding.tolist() == [0, 2]
    assert heard.shape == (2, 2000)
    assert np.sum(np.square(heard)) == pytest.approx(3 * 2000)  # RMS 1, silent microphones counted
    own = sources(3, 12)
    assert sdr(own, run(mixed(own, matrix(3)), seconds=6)).min() > 60


def test_seconds_are_positive() -> None:
    with pytest.raises(InputError, match="seconds"):
        create("instantaneous", seconds=0)


def test_silence_gives_no_matrix() -> None:
    quiet = np.zeros((2, 4000), np.float32)
    assert np.array_equal(run(quiet), quiet)
    noise = np.random.default_rng(0).standard_normal((2, 4000)).astype(np.float32)
    assert one_matrix(noise, RATE, ~np.eye(2, dtype=bool)) is None


@needs_material
@pytest.mark.parametrize("song", ["Caesium", "Hydrogen"])
def test_ten_seconds_of_a_song(song: str) -> None:
    sound = item_of("linear", song, 10)
    mics, own = sound.mics, sound.own
    scores = score(own, remove(mics, "instantaneous"), mics)
    assert scores.median("sdr") >= 60  # measured: 81 and 85 dB
    assert min(scores["sdri"]) > 20
