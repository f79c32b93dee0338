import math

import numpy as np
import pytest

from debleed import Recording
from debleed.dsp.stft import stft
from debleed.scoring.blind import blind_bleed_matrix, level_changes, predictable_share, spectra
from debleed.scoring.evaluate import bleed_matrix_db

RATE = 16000


def noise(mics: int, length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((mics, length))


def test_spectra_are_those_of_the_whole() -> None:
    x = noise(2, 300_001)
    blocks = np.concatenate(list(spectra(Recording.from_array(x, RATE))), axis=2)
    assert np.allclose(blocks, stft(x, 4096, 1024))


def test_predictable_share_of_unrelated_and_of_equal_noise() -> None:
    x = noise(2, 60 * RATE)
    frames = x.shape[1] / 1024
    assert predictable_share(Recording.from_array(x, RATE)) == pytest.approx(0, abs=4 / frames)
    same = np.stack([x[0], np.convolve(x[0], [0, -0.3, 0.1])[: x.shape[1]]])
    assert predictable_share(Recording.from_array(same, RATE)) == pytest.approx(1, abs=1e-3)


def test_predictable_share_of_a_known_mixture() -> None:
    s = noise(2, 60 * RATE)
    g = 0.5
    x = np.stack([s[0], s[1] + g * s[0]])
    known = g**2 / (1 + g**2)  # the coherence of both, in both directions
    recording = Recording.from_array(x, RATE)
    assert predictable_share(recording) == pytest.approx(known, abs=0.01)
    assert predictable_share(Recording.from_array(1e-6 * x, RATE)) == pytest.approx(predictable_share(recording))


def test_predictable_share_knows_voices_and_silence() -> None:
    x = noise(3, 20_000)
    assert math.isnan(predictable_share(Recording.from_array(x, RATE, voices=["a", "a", None])))
    x[1:] = 0
    assert math.isnan(predictable_share(Recording.from_array(x, RATE)))


def taking_turns(levels: np.ndarray, length: int = 8 * RATE) -> np.ndarray:
    """Images ``(mics, voices, samples)`` of noises that overlap a little in time."""
    voices = len(levels)
    t = np.arange(length) / length * voices
    loud = np.array([(np.abs((t - j - 0.5 + voices / 2) % voices - voices / 2) < 0.52) for j in range(voices)])
    return levels[:, :, None] * (loud * noise(voices, length))


def test_the_blind_bleed_matrix_comes_near_the_truth() -> None:
    levels = np.array([[1, 0.1, 0.2], [0.3, 1, 0.1], [0.05, 0.2, 1]])
    images = taking_turns(levels)
    found = blind_bleed_matrix(Recording.from_array(images.sum(axis=1), RATE))
    assert found == pytest.approx(bleed_matrix_db(images), abs=4)
    again = blind_bleed_matrix(Recording.from_array(1e-6 * images.sum(axis=1), RATE))
    assert again == pytest.approx(found)


def test_the_blind_bleed_matrix_leaves_out_pairs_of_one_voice() -> None:
    found = blind_bleed_matrix(Recording.from_array(noise(4, 20_000), RATE, voices=["a", "a", "b", None]))
    assert np.isnan(found[0, 1])
    assert np.isnan(found[3, :3]).all()
    assert np.isfinite(found[[0, 1, 2, 2], [2, 2, 0, 1]]).all()


def test_levels_are_compared_where_a_microphone_leads() -> None:
    images = taking_turns(np.array([[1.0, 0.3], [0.3, 1.0]]))
    before = images.sum(axis=1)
    after = np.stack([0.5 * images[0, 0], images[1, 1]])
    found = level_changes(Recording.from_array(before, RATE), Recording.from_array(after, RATE))
    assert found == pytest.approx([-6.02, 0], abs=0.5)
    unchanged = level_changes(Recording.from_array(before, RATE), Recording.from_array(before, RATE))
    assert unchanged == pytest.approx([0, 0])
