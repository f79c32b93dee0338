"""The background: what is in all microphones all the time."""

import numpy as np
import pytest

from debleed.dsp.stft import stft
from debleed.methods.demix.background import Background
from debleed.recording import InputError, Recording

RATE = 8000


def scene() -> tuple[np.ndarray, np.ndarray]:
    """Return two sources that pause, and a background 20 dB under them."""
    rng = np.random.default_rng(0)
    time = np.arange(8 * RATE) / RATE
    loud = np.stack([(time % 0.8 < 0.4), (time % 1.2 < 0.5)]).astype(np.float32)
    sources = loud * rng.standard_normal(loud.shape).astype(np.float32)
    return sources, 0.1 * rng.standard_normal(loud.shape).astype(np.float32)


def test_the_level_of_the_background_is_measured() -> None:
    sources, noise = scene()
    spectra = stft(sources + noise, 256, 128)
    found = Background.measured(spectra, np.ones(2, bool))
    true = np.mean(np.abs(stft(noise, 256, 128)) ** 2, axis=(0, 2))
    assert 10 * np.log10(np.median(found.level[0] / true)) == pytest.approx(-4, abs=3)  # its quiet moments
    assert not found.silent


def test_what_does_not_stand_out_is_the_background() -> None:
    sources, noise = scene()
    nfft = 512  # at 8 kHz
    measured = Background.measured(stft(sources + noise, nfft, nfft // 2), np.ones(2, bool))
    recording = Recording.from_array(sources + noise, RATE)
    soft = measured.inaudible(recording)
    whole = soft.read()
    pauses = sources == 0
    assert np.mean(whole[~pauses] ** 2) < 0.3 * np.mean(noise**2) + 0.01 * np.mean(sources**2)
    assert np.mean((whole - noise)[pauses] ** 2) < 0.5 * np.mean(noise**2)
    assert soft.read(10_000, 20_000) == pytest.approx(whole[:, 10_000:20_000], abs=1e-5)


def test_silence_lets_everything_through() -> None:
    none = Background.none(2)
    assert none.silent
    assert (none.audible(np.ones((2, 9, 3), np.float32)) == 1).all()
    assert none.above(4).silent


def test_it_is_restored_placed_and_rescaled() -> None:
    level = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    found = Background(level)
    assert np.array_equal(Background.restored(found.arrays(), 2).level, level)
    assert found.placed(np.array([2, 0]), 3).level.tolist() == [[3, 4], [0, 0], [1, 2]]
    assert found.rescaled(np.array([2, 1], np.float32)).level.tolist() == [[4, 8], [3, 4]]
    with pytest.raises(InputError, match="negative"):
        Background.restored({"background": -level}, 2)
