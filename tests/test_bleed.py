"""How much bleeds, and how well that is known: closed forms and simulations."""

import numpy as np
import pytest

from debleed.methods.demix.bleed import Bleed, measure_bleed
from debleed.methods.demix.excerpt import spectra
from debleed.recording import InputError

BOTH = ~np.eye(2, dtype=bool)


def mixing(level: float, bins: int = 9) -> np.ndarray:
    matrices = np.tile(np.eye(2, dtype=np.complex64), (bins, 1, 1))
    matrices[:, 0, 1] = level
    return matrices


def white(seed: int, length: int = 2**17) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((2, length)).astype(np.float32)


def test_the_power_is_that_of_the_rtf() -> None:
    found = measure_bleed(spectra(white(0), 256), mixing(0.25), BOTH)
    assert found.power[0, 1] == pytest.approx(0.25**2, rel=1e-3)
    assert found.power[1, 0] == 0
    assert np.isinf(found.error[1, 0])
    assert found.error[0, 0] == 0


def test_the_error_is_that_of_a_regression() -> None:
    """Of white noises of one power in N samples, the gain of a path is known to 1 / (gain √N), and overlap counts."""
    length, level = 2**17, 0.1
    found = measure_bleed(spectra(white(1, length), 256), mixing(level), BOTH)
    assert found.error[0, 1] == pytest.approx(1 / (level * np.sqrt(length)), rel=0.5)
    spread = [np.dot(x, y) / np.dot(y, y) / level for x, y in (white(seed, length) for seed in range(2, 60))]
    assert found.error[0, 1] == pytest.approx(np.std(spread), rel=0.6)


def test_pauses_reduce_the_error() -> None:
    steady = white(3)
    pausing = steady.copy()
    pausing[0, ::2] = 0
    pausing[0, : len(pausing[0]) // 2] = 0
    errors = [measure_bleed(spectra(z, 256), mixing(0.1), BOTH).error[0, 1] for z in (steady, pausing)]
    assert errors[1] < 0.6 * errors[0]


def test_gains_change_the_power_and_not_the_error() -> None:
    found = measure_bleed(spectra(white(4), 256), mixing(0.25), BOTH)
    turned = found.rescaled(np.array([2.0, 0.5], np.float32))
    assert turned.power[0, 1] == pytest.approx(16 * found.power[0, 1])
    assert np.array_equal(turned.error, found.error)


def test_absent_microphones_are_unknown() -> None:
    found = measure_bleed(spectra(white(5), 256), mixing(0.25), BOTH).placed(np.array([2, 0]), 3)
    assert found.power[2, 0] == pytest.approx(0.25**2, rel=1e-3)
    assert not found.power[1].any()
    assert np.isinf(found.error[0, 1])


def test_arrays_represent_infinite_errors() -> None:
    found = measure_bleed(spectra(white(6), 256), mixing(0.25), BOTH)
    arrays = found.arrays()
    assert all(np.isfinite(array).all() for array in arrays.values())
    again = Bleed.restored(arrays, 2)
    assert np.array_equal(again.power, found.power)
    assert np.allclose(again.error[0, 1], found.error[0, 1])
    assert np.isinf(again.error[1, 0])
    with pytest.raises(InputError, match="shape"):
        Bleed.restored(arrays, 3)
