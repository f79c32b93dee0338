"""The preamplifiers: how far each microphone was turned up, told from the bleed alone.

What is known of bleed beforehand (no voice is louder in another microphone than in its own) holds where all
microphones are turned up alike, and nobody says how they were. Acoustics is reciprocal: the guitar's microphone is about
as far from the singer as the singer's is from the guitarist, so with equal gains they would hear as much of each other.
Where one hears 20 dB more of the other than is heard of it, it is turned up by 10 dB, and the other down. Measured on
songs in simulated rooms, where all gains are equal: told within 3 dB, though the voices' levels differ by up to 17.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from debleed.methods.demixing import first_window, searched

FAINT = 1e-3
"""Bleed to and fro of -30 dB, in the mean of both ways, counts half; what is less may be chance."""

LEVEL = 0.05
"""Weight of the guess, against that of a pair with much bleed, that all voices are equally loud."""


def preamps(samples: NDArray[np.float32], rate: int, allowed: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Tell the gains of microphones.

    A microphone that is turned up has so much more gain, whatever the others have: divided by their gains, microphones
    are the same however they were turned up, at an RMS of about 1.

    Parameters
    ----------
    samples
        ``(mics, samples)``; no microphone silent throughout.
    rate
        Samples per second.
    allowed
        ``(mics, mics)``: where bleed can be.

    Returns
    -------
    ``(mics,)``.
    """
    level = np.sqrt(np.mean(np.square(samples), axis=1, keepdims=True))
    even = samples / level
    nothing = np.zeros((len(samples), len(samples), 1), np.float32)
    taps = searched(even, nothing, first_window(rate), rate, allowed)
    gains: NDArray[np.float32] = level[:, 0] * balanced(np.square(taps).sum(axis=-1), allowed)
    return gains


def balanced(bleed: NDArray[np.floating], allowed: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Tell the gains, ``(mics,)``, without which bleed, as shares of power ``(mics, mics)``, is as much to as fro.

    Least squares over log g: w_ij (log g_i - log g_j - ¼ log(e_ij / e_ji))² for all pairs, and LEVEL (log g_i)². The
    weight w_ij is told by √(e_ij e_ji), which the gains leave as it is.
    """
    both = allowed & allowed.T
    e = np.where(both, np.maximum(bleed, 1e-12), 1.0)
    product = np.sqrt(e * e.T)
    weight = np.where(both, product / (product + FAINT), 0)
    ratio = np.log(e / e.T) / 4
    system = np.diag(weight.sum(axis=1) + LEVEL) - weight
    gains: NDArray[np.float32] = np.exp(np.linalg.solve(system, (weight * ratio).sum(axis=1))).astype(np.float32)
    return gains
