from __future__ import annotations

import numpy as np
import pytest

from bands import sources
from debleed.methods.demix.background import audible_share, background, has_background
from debleed.methods.demix.excerpt import spectra
from debleed.methods.demix.residual import weighted_covariances


def test_covariances_are_scaled_to_the_own_source() -> None:
    heard = spectra(sources().astype(np.float32), 512)
    ones = np.ones(heard.shape, np.float32)
    covariance, _ = weighted_covariances(heard, ones, ones)
    assert np.allclose(np.einsum("fiii->fi", covariance).real, 1, atol=1e-3)


def test_a_background_is_what_never_pauses() -> None:
    rng = np.random.default_rng(5)
    noise = rng.standard_normal((2, 65, 2, 800)) + 1j * rng.standard_normal((2, 65, 2, 800))
    noise = noise.astype(np.complex64)
    between = ~np.eye(2, dtype=bool)
    pausing = noise[0] * (np.arange(800) % 80 < 40)
    assert not has_background(pausing, pausing, between)
    noisy = pausing + np.float32(0.4) * noise[1]
    assert has_background(noisy, noisy, between)
    assert not has_background(noisy, 0.01 * noisy, between)  # hardly anything is left: no sources
    assert not has_background(noisy, noisy, np.array([[False, True], [False, False]]))  # a reference and one microphone
    heard, _ = background(noisy, np.ones(2, bool), 1)
    assert (heard > 0).all()
    assert (heard < 2 * 0.4**2).all()  # a lower bound of the power of the noise
    assert not background(noisy, np.zeros(2, bool), 1)[0].any()


def test_only_what_stands_out_from_the_background_counts() -> None:
    share = audible_share(np.array([[[1.0, 8.0, 16.0, 1e6]]], np.float32), np.ones(1, np.float32))
    assert share[0, 0].tolist() == pytest.approx([1e-3, 1e-3, 0.5, 1.0], abs=1e-4)
    assert (audible_share(np.ones((1, 1, 3), np.float32), np.zeros(1, np.float32)) == 1).all()
