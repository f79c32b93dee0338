"""The transform of a stream is that of the whole signal, frame by frame."""

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from debleed.dsp.stft import stft
from debleed.live.frames import Frames, Smoothing


@pytest.mark.parametrize("block", [64, 100, 255, 256, 300, 1024])
@pytest.mark.parametrize("hops", [2, 4])
def test_frames_are_those_of_the_whole_signal(block: int, hops: int) -> None:
    nfft, hop = 512, 512 // hops
    sound = np.random.default_rng(0).standard_normal((2, 4096)).astype(np.float32)
    frames = Frames(2, 2, nfft, hop, block)
    seen = []

    def kept(spectrum: np.ndarray) -> np.ndarray:
        seen.append(spectrum)
        return spectrum

    padded = np.pad(sound, ((0, 0), (0, 4 * 1024)))
    out = [frames.process(padded[:, k : k + block], kept) for k in range(0, padded.shape[1] - block + 1, block)]
    late = np.concatenate(out, axis=1)[:, frames.latency : frames.latency + 4096]
    assert np.abs(late - sound).max() < 1e-5
    assert frames.latency == nfft - np.gcd(block, hop)
    whole = stft(sound, nfft, hop)
    together = np.stack(seen[: whole.shape[-1]], axis=-1)
    assert np.abs(together - whole).max() < 1e-4 * np.abs(whole).max()


def test_smoothing_is_the_mean_over_three_bins_and_the_last_three_frames() -> None:
    powers = np.random.default_rng(0).random((2, 9, 20)).astype(np.float32)
    smoothing = Smoothing(2, 9)
    live = np.stack([smoothing.process(powers[..., t]) for t in range(20)], axis=-1)
    expected = np.stack([uniform_filter(rows, 3, mode="nearest") for rows in powers])
    assert np.allclose(live[..., 2:], expected[..., 1:-1], rtol=1e-5)
