import numpy as np

from debleed.web.peaks import ZOOMS, Peaks


def test_waveforms_hold_every_sample():
    samples = np.random.default_rng(0).uniform(-1.2, 1.2, (2, 100_001)).astype(np.float32)
    peaks = Peaks(2)
    for part in np.array_split(samples, [1, 300, 5000, 99_000], axis=1):
        peaks.add(part)
    for zoom, found in zip(ZOOMS, peaks.zooms(), strict=True):
        assert found.shape == (2, -(-100_001 // zoom), 2)
        for k in (0, found.shape[1] - 1):
            piece = np.clip(samples[:, k * zoom : (k + 1) * zoom], -1, 1)
            np.testing.assert_allclose(found[:, k, 0] / 32767, piece.min(axis=1), atol=1 / 32767)
            np.testing.assert_allclose(found[:, k, 1] / 32767, piece.max(axis=1), atol=1 / 32767)
