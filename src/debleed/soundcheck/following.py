"""Follow the lags of all microphones from stretch to stretch.

Stretches of a pair are compared with each other, not with a model: the peak of the correlation of two of them is how
far θ_i - θ_j has moved between them, whatever the paths are, because the paths stay. All pairs together give θ for each
microphone and stretch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from debleed.soundcheck.cross_spectra import Pairs, peak

CLEAR = 8.0
"""A peak counts if it is this many standard deviations high."""

FASTEST = 300e-6
"""Largest difference of clocks: ten times what quartz allows."""

JUMP = 0.006
"""Seconds that a delay may jump between two stretches."""


def followed(pairs: Pairs, mics: int, rate: int) -> NDArray[np.float64]:
    """Follow the lag of each microphone from stretch to stretch.

    Each stretch is compared with the mean of those before it, aligned by what was found.

    Returns
    -------
    θ, ``(stretches, mics)``, relative to the first stretch; continued where it is unknown.
    """
    count = len(pairs.starts)
    theta = np.zeros((count, mics))
    template = pairs.cross[0].astype(np.complex128)
    for k in range(1, count):
        gap = pairs.starts[k] - pairs.starts[k - 1]
        reach = JUMP * rate + FASTEST * gap
        expected = predicted(theta[:k], pairs.starts[: k + 1])
        difference = expected[pairs.first] - expected[pairs.second]
        found = [
            peak(pairs.cross[k, p] * template[p].conj(), pairs.window, difference[p], reach)
            for p in range(len(pairs.first))
        ]
        moved, clear = np.array(found).T
        weight = np.where(clear > CLEAR, np.minimum(clear, 100), 0)
        theta[k] = solved(pairs.first, pairs.second, moved, weight, mics)
        unknown = ~heard(pairs.first, pairs.second, weight, mics)
        theta[k, unknown] = expected[unknown]
        lag = theta[k, pairs.first] - theta[k, pairs.second]
        template += pairs.cross[k] * np.exp(1j * pairs.frequency * lag[:, None])
    relative: NDArray[np.float64] = theta - np.median(theta, axis=1, keepdims=True)
    return relative


def heard(
    first: NDArray[np.intp], second: NDArray[np.intp], weight: NDArray[np.float64], mics: int
) -> NDArray[np.bool_]:
    """Return which microphones have a clear peak with another one."""
    found = np.zeros(mics, bool)
    found[first[weight > 0]] = found[second[weight > 0]] = True
    return found


def predicted(theta: NDArray[np.float64], starts: NDArray[np.intp]) -> NDArray[np.float64]:
    """Continue θ to the last of ``starts``: the median slope of the recent stretches, from the last value."""
    recent, last = slice(-8, None), theta[-1]
    expected: NDArray[np.float64] = last.copy()
    if len(theta) < 4:
        return expected
    times = starts[:-1]
    slopes = np.median(np.diff(theta, axis=0)[recent] / np.diff(times)[recent, None], axis=0)
    expected += slopes * (starts[-1] - times[-1])
    return expected


def solved(
    first: NDArray[np.intp],
    second: NDArray[np.intp],
    moved: NDArray[np.float64],
    weight: NDArray[np.float64],
    mics: int,
) -> NDArray[np.float64]:
    """Return θ from differences θ_i - θ_j: least absolute deviations, by reweighting, with the least norm."""
    design = np.zeros((len(first), mics))
    design[np.arange(len(first)), first], design[np.arange(len(first)), second] = 1, -1
    weights = weight.copy()
    theta: NDArray[np.float64] = np.zeros(mics)
    for _ in range(20):
        theta = np.asarray(np.linalg.lstsq(design * weights[:, None], moved * weights, rcond=1e-9)[0], np.float64)
        weights = weight / np.sqrt(np.maximum(np.abs(design @ theta - moved), 0.05))
    return theta
