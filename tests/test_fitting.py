from __future__ import annotations

import numpy as np

from debleed.methods.demix.fitting import conjugate_gradients, smooth_over_lags


def test_smoothing_over_lags_keeps_a_constant() -> None:
    assert np.allclose(smooth_over_lags(np.full((2, 512), 3.0, np.float32)), 3)


def test_conjugate_gradients_solve_a_white_problem_in_one_step() -> None:
    score = np.random.default_rng(0).standard_normal((3, 64)).astype(np.float32)
    weight, shrinkage = np.full((3, 33), 2.0, np.float32), np.full((3, 64), 0.5, np.float32)
    inside = (np.arange(64) < 20).astype(np.float32)
    mean = np.full((3, 1), 2.0, np.float32)
    found = conjugate_gradients(weight, shrinkage, score * inside, inside, mean, 12)
    assert np.allclose(found, score * inside / 2.5, atol=1e-5)
