from __future__ import annotations

import numpy as np

from debleed.dsp.overlap_save import OverlapSave
from debleed.dsp.rtf import response


def test_overlap_save_is_convolution() -> None:
    rng = np.random.default_rng(0)
    samples, taps = rng.standard_normal((2, 1000)).astype(np.float32), np.zeros((2, 2, 24), np.float32)
    taps[0, 1], taps[1, 0] = rng.standard_normal((2, 24))
    found = OverlapSave.of(samples, 128).filtered(response(taps, 4, 128))
    expected = samples[0] + np.convolve(samples[1], taps[0, 1])[4:1004]
    assert np.allclose(found[0], expected, atol=1e-4)


def test_all_lengths_and_lags_are_exact() -> None:
    """Equal to the convolution written out, to the last sample, for the longest filters that fit."""
    rng = np.random.default_rng(1)
    for length in (1, 31, 32, 33, 500):
        samples = rng.standard_normal((2, length)).astype(np.float32)
        taps = rng.standard_normal((2, 2, 32)).astype(np.float32)
        taps[[0, 1], [0, 1]] = 0
        found = OverlapSave.of(samples, 64).filtered(response(taps, 16, 64))
        for i, j in ((0, 1), (1, 0)):
            expected = samples[i] + np.convolve(samples[j], taps[i, j])[16 : 16 + length]
            assert np.allclose(found[i], expected, atol=1e-4)


def test_filtering_is_linear_and_the_identity_changes_nothing() -> None:
    samples = np.random.default_rng(2).standard_normal((3, 1000)).astype(np.float32)
    kept = OverlapSave.of(samples, 256)
    identity = np.tile(np.eye(3, dtype=np.complex64), (129, 1, 1))
    assert np.allclose(kept.filtered(identity), samples, atol=1e-5)
    assert np.allclose(kept.filtered(-2 * identity), -2 * samples, atol=1e-5)
    assert kept.filtered(identity[:, :1]).shape == (1, 1000)
