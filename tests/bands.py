"""Bands whose truth is known: sources that come and go, and their bleed with echoes."""

from __future__ import annotations

import numpy as np
import scipy.signal

from debleed import Recording
from debleed.methods import create

RATE = 8000


def sources(count: int = 3, seconds: float = 20, seed: int = 0) -> np.ndarray:
    """Coloured noises that come and go at their own times, as singers and drums do: ``(count, samples)``."""
    rng = np.random.default_rng(seed)
    length = round(seconds * RATE)
    out = np.empty((count, length))
    for k in range(count):
        steps = rng.random(round(seconds * 4)) ** 4 + 1e-3
        swell = np.interp(np.arange(length), np.linspace(0, length, len(steps)), steps)
        colour = rng.standard_normal(24) * np.exp(-np.arange(24) / 6)
        out[k] = swell * scipy.signal.lfilter(colour, 1, rng.standard_normal(length))
    return 0.1 * out / np.std(out, axis=-1, keepdims=True)


def bled(own: np.ndarray, seed: int = 1, late: int = 500, level: float = 0.3) -> np.ndarray:
    """Each source in every other microphone: later, and with an echo that decays."""
    rng = np.random.default_rng(seed)
    mics = own.copy()
    for i in range(len(own)):
        for j in range(len(own)):
            if i != j:
                path = np.zeros(late)
                path[rng.integers(20, 60) :] = 1
                path *= rng.standard_normal(late) * np.exp(-np.arange(late) / (late / 6))
                mics[i] += level * scipy.signal.oaconvolve(own[j], path / np.linalg.norm(path))[: own.shape[1]]
    return mics


def gain(own: np.ndarray, mics: np.ndarray, clean: np.ndarray) -> np.ndarray:
    return 10 * np.log10(np.sum((own - mics) ** 2, -1) / np.sum((own - clean) ** 2, -1))


def run(mics: np.ndarray, **described: object) -> np.ndarray:
    recording = Recording.from_array(mics, RATE, **described)  # type: ignore[arg-type]
    return create("demix").learn(recording).apply(recording).read()
