"""Measured impulse responses for tests."""

from pathlib import Path

import numpy as np
import soundfile

RATE = 8000


def write_responses(folder: Path) -> Path:
    """Write two responses at 8 kHz and one at 16 kHz: an impulse after 10 ms, a tail of RT60 0.15 s from 20 ms on."""
    rng = np.random.default_rng(3)
    folder.mkdir(parents=True, exist_ok=True)
    for name, rate, channels in (("hall", RATE, 2), ("cellar", 2 * RATE, 1)):
        heard = np.zeros((rate // 4, channels))
        heard[rate // 100] = 0.8
        time = np.arange(len(heard) - rate // 50)[:, None] / rate
        heard[rate // 50 :] = 0.02 * rng.standard_normal((len(time), channels)) * 10 ** (-3 * time / 0.15)
        soundfile.write(folder / f"{name}.wav", heard, rate, subtype="PCM_24")
    return folder
