import math

import numpy as np
import pytest

from debleed import Recording
from debleed.dsp.stft import stft
from debleed.scoring.blind import blind_bleed_matrix, inter_microphone_coherence, level_changes, spectra
from debleed.scoring.evaluate import bleed_matrix_db

RATE = 16000


def noise(mics: int, length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((mics, length))


def test_spectra_are_those_of_the_whole() -> None:
    x = noise(2, 300_001)
    blocks = np.concatenate(list(spectra(Recording.from_array(x, RATE))), axis=2)
    assert np.allclose(blocks, stft(x, 4096, 1024))


def test_inter_microphone_coherence_of_unrelated_and_of_equal_noise() -> None:
    x = noise(2, 60 * RATE)
    frames = x.shape[1] / 1024
    assert inter_microphone_coherence(Recording.from_array(x, RATE)) == pytest.approx(0, abs=4 / frames)
    same = np.stack([x[0], np.convolve(x[0], [0, -0.3, 0.1])[: x.shape[1]]])
    assert inter_microphone_coherence(Recording.from_array(same, RATE)) == pytest.approx(1, abs=1e-3)


def test_inter_microphone_coherence_of_a_known_mixture() -> None:
    s = noise(2, 60 * RATE)
    g = 0.5
    x = np.stack([s[0], s[1] + g * s[0]])
    known = g**2 / (1 + g**2)  # the coherence of both, in both directions
    recording = Recording.from_array(x, RATE)
    assert inter_microphone_coherence(recording) == pytest.approx(known, abs=0.01)
    assert inter_microphone_coherence(Recording.from_array(1e-6 * x, RATE)) == pytest.approx(
        inter_microphone_coherence(recording)
    )


def test_inter_microphone_coherence_knows_sources_and_silence() -> None:
    x = noise(3, 20_000)
    assert math.isnan(inter_microphone_coherence(Recording.from_array(x, RATE, sources=["a", "a", None])))
    x[1:] = 0
    assert math.isnan(inter_microphone_coherence(Recording.from_array(x, RATE)))


def taking_turns(levels: np.ndarray, length: int = 8 * RATE) -> np.ndarray:
    """Images ``(mics, sources, samples)`` of noises that overlap a little in time."""
    sources = len(levels)
    t = np.arange(length) / length * sources
    loud = np.array([(np.abs((t - j - 0.5 + sources / 2) % sources - sources / 2) < 0.52) for j in range(sources)])
    return levels[:, :, None] * (loud * noise(sources, length))


def test_the_blind_bleed_matrix_comes_near_the_truth() -> None:
    levels = np.array([[1, 0.1, 0.2], [0.3, 1, 0.1], [0.05, 0.2, 1]])
    images = taking_turns(levels)
    found = blind_bleed_matrix(Recording.from_array(images.sum(axis=1), RATE))
    assert found == pytest.approx(bleed_matrix_db(images), abs=4)
    again = blind_bleed_matrix(Recording.from_array(1e-6 * images.sum(axis=1), RATE))
    assert again == pytest.approx(found)


def test_the_blind_bleed_matrix_leaves_out_pairs_of_one_source() -> None:
    found = blind_bleed_matrix(Recording.from_array(noise(4, 20_000), RATE, sources=["a", "a", "b", None]))
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
