import numpy as np
import pytest

from debleed.dsp.overlap_save import OverlapSave
from debleed.dsp.parallel import limited
from debleed.dsp.rtf import circular, on_grid, peak_delays, response, taps_of, unit_diagonal, unmixing

MICS, AHEAD, NFFT = 3, 8, 256


def random_taps(seed=0, scale=1.0):
    taps = scale * np.random.default_rng(seed).standard_normal((MICS, MICS, 40)).astype(np.float32)
    taps[np.arange(MICS), np.arange(MICS)] = 0
    return taps


def test_taps_and_response_undo_each_other() -> None:
    taps = random_taps()
    mixing = response(taps, 8, 256)
    assert np.allclose(np.einsum("fii->fi", mixing), 1, atol=1e-5)
    assert np.allclose(taps_of(mixing, 32, 8), taps, atol=1e-5)


def test_filters_undo_the_paths() -> None:
    own = np.random.default_rng(0).standard_normal((2, 16000)).astype(np.float32)
    taps = np.zeros((2, 2, 50), np.float32)
    taps[0, 1, 30], taps[1, 0, 40] = 0.4, -0.3
    mics = OverlapSave.of(own, 4096).filtered(response(taps, 10, 4096))
    found = OverlapSave.of(mics, 4096).filtered(unmixing(taps, 10, 4096))
    assert np.abs(found - own)[:, 2048:-2048].max() < 1e-4 * np.abs(own).max()


def test_unmixing_is_the_inverse_of_mixing():
    taps = random_taps(scale=0.03)
    product = unmixing(taps, AHEAD, NFFT) @ response(taps, AHEAD, NFFT)
    assert np.allclose(product, np.eye(MICS), atol=1e-5)


def test_the_response_is_the_transform_of_the_taps():
    taps = random_taps()
    k = np.arange(NFFT // 2 + 1)[:, None]
    lags = np.arange(40) - AHEAD
    expected = np.einsum("kt,ijt->kij", np.exp(-2j * np.pi * k * lags / NFFT), taps) + np.eye(MICS)
    assert np.allclose(response(taps, AHEAD, NFFT), expected, atol=1e-4)


def test_lag_zero_comes_first():
    taps = np.arange(1.0, 6.0, dtype=np.float32).reshape(1, 1, 5)
    assert circular(taps, 2, 8)[0, 0].tolist() == [3, 4, 5, 0, 0, 0, 1, 2]


def test_each_source_reaches_its_own_microphone_unchanged():
    rng = np.random.default_rng(0)
    mixing = rng.standard_normal((9, MICS, MICS)) + 1j * rng.standard_normal((9, MICS, MICS))
    scaled = unit_diagonal(mixing)
    assert np.allclose(np.einsum("fii->fi", scaled), 1)
    assert np.allclose(scaled * np.einsum("fii->fi", mixing)[:, None], mixing)


def test_interpolation_keeps_what_is_linear():
    line = np.linspace(0, 1, 9)[:, None, None] * np.ones((MICS, MICS)) * (1 + 2j)
    assert np.allclose(on_grid(line, 33), np.linspace(0, 1, 33)[:, None, None] * (1 + 2j))
    assert np.allclose(on_grid(line, 9), line)


@pytest.mark.parametrize("lag", [-5, 0, 7])
def test_the_delay_of_a_path_is_that_of_its_tap(lag):
    taps = np.zeros((2, 2, 40), np.float32)
    taps[0, 1, AHEAD + lag] = 0.5
    delays = peak_delays(response(taps, AHEAD, NFFT), rate=1000)
    assert delays[0, 1] == pytest.approx(lag / 1000)


def test_threads_do_not_change_the_bits(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    taps, found = random_taps(), []
    for count in (1, 2):
        with limited(count):
            found.append((response(taps, AHEAD, NFFT), taps_of(response(taps, AHEAD, NFFT), 32, AHEAD)))
    assert all(np.array_equal(a, b) for a, b in zip(*found, strict=True))
