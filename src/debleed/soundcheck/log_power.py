"""How well microphones are separated, without the truth: by the mean logarithm of their power.

Mixing makes quiet moments louder more than it makes loud ones louder. So the better sources are separated, the lower is
the mean logarithm.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from debleed.methods.demix.broadband import window_length
from debleed.methods.demix.excerpt import excerpt, power, spectra
from debleed.recording import Recording

SECONDS, WINDOW = 60.0, 0.09
"""Seconds of the excerpt whose log power is measured, and of its STFT windows."""

FLOOR = 1e-6
"""Power that is added to a microphone's bins, relative to their mean (-60 dB): what is quieter is noise."""

WORSE = 0.03
"""Growth of the mean logarithm at which a microphone is clearly worse. Measured on songs: at most 0.01 where none loses
more than 1 dB, 0.1 to 0.4 where one loses 5 to 15 dB."""


def separated_better(before: Recording, after: Recording) -> bool:
    """Whether the microphones are separated better: they together, and none clearly worse."""
    change = mean_log_power(after) - mean_log_power(before)
    return bool(change.sum() < 0 and change.max() < WORSE)


def mean_log_power(recording: Recording) -> NDArray[np.float64]:
    """Return the mean logarithm of the power of an excerpt's STFT bins, ``(mics,)``.

    Its sum is the negative log-likelihood of sources that are Gaussian with a variance of their own in each bin, up to
    a constant, because the determinant of relative transfer functions with unit diagonal is nearly 1.
    """
    samples = excerpt(recording, round(SECONDS * recording.rate)).astype(np.float32)
    powers = power(spectra(samples, window_length(WINDOW, recording.rate)))
    floor = FLOOR * powers.mean(axis=(0, 2), keepdims=True) + np.finfo(np.float32).tiny
    mean: NDArray[np.float64] = np.log(powers + floor).mean(axis=(0, 2), dtype=np.float64)
    return mean
