"""Sounds that begin and end, for tests of what onsets tell."""

import numpy as np

RATE = 16000


def hits(seed: int, seconds: float = 20.0, every: float = 0.37) -> np.ndarray:
    """Bursts of noise that decay within 80 ms, at random moments."""
    rng = np.random.default_rng(seed)
    out = np.zeros(round(seconds * RATE))
    burst = np.exp(-np.arange(RATE // 4) / (0.02 * RATE))
    for start in np.flatnonzero(rng.random(len(out)) < 1 / (every * RATE)):
        piece = rng.standard_normal(len(burst)) * burst * rng.uniform(0.5, 1)
        out[start : start + len(burst)] += piece[: len(out) - start]
    return out.astype(np.float32)


def smeared(seed: int, sound: np.ndarray, share: float) -> np.ndarray:
    """The sound with its phase lost, as filters leave it: a fresh noise with the same envelope."""
    rng = np.random.default_rng(seed)
    signs = np.repeat(rng.choice([-1.0, 1.0], len(sound) // 8 + 1), 8)[: len(sound)]
    return (np.sqrt(share) * sound * signs).astype(np.float32)
