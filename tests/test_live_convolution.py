"""Convolution of a stream: that of the whole signal, whatever the block and the length of the filters."""

import numpy as np
import pytest
from scipy.signal import fftconvolve

from debleed.live.convolution import LONG, Convolution, Delay


@pytest.mark.parametrize("block", [64, 100, 255])
@pytest.mark.parametrize("parts", [1, 2, LONG - 1, LONG, 3 * LONG, 0.3, LONG + 0.5])
def test_it_is_the_convolution_of_the_whole_signal(block: int, parts: float) -> None:
    rng = np.random.default_rng(0)
    length = round(parts * block)
    taps = rng.standard_normal((2, 3, length)).astype(np.float32)
    sound = rng.standard_normal((3, 100 * block)).astype(np.float32)
    expected = np.stack([sum(fftconvolve(sound[j], taps[i, j])[: 100 * block] for j in range(3)) for i in range(2)])
    stream = Convolution(taps, block)
    live = np.concatenate([stream.process(sound[:, k : k + block]) for k in range(0, 100 * block, block)], axis=1)
    assert live.dtype == np.float32
    assert np.mean((live - expected) ** 2) < 1e-11 * np.mean(expected**2)


def test_every_tap_of_long_filters_is_there() -> None:
    block, length = 64, 40 * 64
    for lag in (0, 63, 64, 511, 512, 575, 576, 1000, length - 1):
        taps = np.zeros((1, 1, length), np.float32)
        taps[0, 0, lag] = 1
        stream, sound = Convolution(taps, block), np.arange(1, 5121, dtype=np.float32)[None] / 5120
        live = np.concatenate([stream.process(sound[:, k : k + block]) for k in range(0, 5120, block)], axis=1)
        assert np.allclose(live[:, lag:], sound[:, : 5120 - lag], atol=1e-5)
        assert np.abs(live[:, :lag]).max(initial=0) < 1e-5


def test_no_filters_are_silence() -> None:
    assert np.array_equal(
        Convolution(np.zeros((1, 2, 1), np.float32), 64).process(np.ones((2, 64), np.float32)), [[0] * 64]
    )


@pytest.mark.parametrize("samples", [0, 1, 64, 1000])
def test_a_delay_is_exact(samples: int) -> None:
    sound = np.random.default_rng(0).standard_normal((2, 6400)).astype(np.float32)
    delay = Delay(2, samples)
    late = np.concatenate([delay.process(sound[:, k : k + 64]) for k in range(0, 6400, 64)], axis=1)
    assert np.array_equal(late[:, samples:], sound[:, : 6400 - samples])
    assert not late[:, :samples].any()
