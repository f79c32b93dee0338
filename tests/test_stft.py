import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from debleed import Recording
from debleed.dsp.stft import filtered, frame_count, istft, nfft_at, stft, window

GRIDS = [(16, 8), (64, 16), (128, 64), (48, 16)]


@pytest.mark.parametrize(("nfft", "hop"), GRIDS)
def test_squared_windows_add_up_to_one(nfft, hop):
    assert np.allclose((window(nfft, hop) ** 2).reshape(-1, hop).sum(axis=0), 1)


@pytest.mark.parametrize(("nfft", "hop"), [(16, 16), (16, 6), (16, 32)])
def test_windows_that_do_not_overlap_enough_are_refused(nfft, hop):
    with pytest.raises(ValueError, match="hop"):
        window(nfft, hop)


@given(length=st.integers(0, 300), grid=st.sampled_from(GRIDS), seed=st.integers(0, 99))
def test_there_and_back(length, grid, seed):
    samples = np.random.default_rng(seed).standard_normal((2, length))
    spectra = stft(samples, *grid)
    assert spectra.shape == (2, grid[0] // 2 + 1, frame_count(length, *grid))
    assert np.allclose(istft(spectra, length, *grid), samples)


def test_precision_follows_the_samples():
    for real, whole in ((np.float32, np.complex64), (np.float64, np.complex128)):
        spectra = stft(np.ones((1, 100), real), 32, 8)
        assert spectra.dtype == whole
        assert istft(spectra, 100, 32, 8).dtype == real


def test_energy_is_kept():
    """The windows make a tight frame: frames hold the energy of the samples (Parseval), inner bins counted twice."""
    samples = np.random.default_rng(0).standard_normal(1000)
    power = np.abs(stft(samples, 64, 16)) ** 2
    power[1:-1] *= 2
    assert power.sum() / 64 == pytest.approx((samples**2).sum())


def test_a_frame_is_the_transform_of_its_samples():
    samples = np.random.default_rng(0).standard_normal(200)
    frame = stft(samples, 32, 8)[:, 5]
    first = 5 * 8 - 24
    assert np.allclose(frame, np.fft.rfft(window(32, 8) * samples[first : first + 32]))


@given(st.integers(0, 500), st.integers(0, 500))
def test_a_stretch_is_that_of_the_whole(one, other):
    start, stop = sorted((one, other))
    samples = np.random.default_rng(0).standard_normal((2, 500))
    recording = Recording.from_array(samples, 8000)

    def gain(spectra):
        return spectra * (np.abs(spectra) > 1)

    whole = istft(gain(stft(samples, 64, 16)), 500, 64, 16)
    assert np.allclose(filtered(gain, [recording], start, stop, 64, 16), whole[:, start:stop])


@given(st.integers(1000, 192_000), st.sampled_from([512, 2048, 4096]))
def test_windows_last_as_long_at_any_rate(rate, nfft):
    found = nfft_at(rate, nfft)
    assert found & (found - 1) == 0
    assert found >= 16
    if found > 16:
        assert 2**-0.5001 <= (found / rate) / (nfft / 44100) <= 2**0.5001
