"""Fit lines with bends to the lags of microphones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from debleed.soundcheck.following import FASTEST
from debleed.soundcheck.time_line import Stretch, TimeLine

SAME = 0.35
"""Samples that a lag must move in the recording to be followed. Where nothing moves, it is measured to 0.1 samples."""

FAR = 15
"""Movements beyond so many times SAME count alike when the microphones that keep step are chosen."""

SPLIT, FEWEST = 0.5, 3
"""A line is split in two if the sum of its errors falls below this share, and if each part has so many stretches."""


def fitted(times: NDArray[np.float64], theta: NDArray[np.float64]) -> dict[int, TimeLine]:
    """Fit lines to θ, ``(stretches, mics)``, relative to the largest set of microphones that keep step.

    Returns
    -------
    The time line of each microphone that does not keep step with them.
    """
    mics = theta.shape[1]
    moves = np.array([[movement(theta[:, i] - theta[:, r]) for i in range(mics)] for r in range(mics)])
    best = int(np.argmin(np.minimum(moves, FAR * SAME).sum(axis=1)))
    together = moves[best] < SAME
    reference: NDArray[np.float64] = np.median(theta[:, together], axis=1)
    return {int(i): from_zero(split(times, theta[:, i] - reference)) for i in np.flatnonzero(~together)}


def movement(lag: NDArray[np.float64]) -> float:
    """Return how far a lag moves: between the medians of the first and last thirds, or of two neighbouring parts."""
    third = max(1, len(lag) // 3)
    medians = [np.median(lag[k : k + third]) for k in range(0, len(lag) - third + 1, max(1, third // 2))]
    return float(np.ptp(medians))


def split(times: NDArray[np.float64], lag: NDArray[np.float64]) -> list[Stretch]:
    """Fit a line to a lag, or several lines where one does not do."""
    value, slope = line_through(times, lag)
    error = np.abs(lag - value - slope * (times - times[0]))
    best = None
    for k in range(FEWEST, len(lag) - FEWEST + 1):
        parts = [(times[:k], lag[:k]), (times[k:], lag[k:])]
        fits = [line_through(*part) for part in parts]
        errors = [np.abs(y - a - b * (t - t[0])).sum() for (t, y), (a, b) in zip(parts, fits, strict=True)]
        if best is None or sum(errors) < best[0]:
            best = sum(errors), k
    if best is None or best[0] > SPLIT * error.sum() or error.mean() < SAME:
        return [Stretch(float(times[0]), value, slope)]
    k = best[1]
    left, right = split(times[:k], lag[:k]), split(times[k:], lag[k:])
    meet = (times[k - 1] + times[k]) / 2
    right[0] = Stretch(float(meet), right[0].lag + right[0].slope * (meet - times[k]), right[0].slope)
    return left + right


def line_through(times: NDArray[np.float64], lag: NDArray[np.float64]) -> tuple[float, float]:
    """Return the value at the first time and the slope of a line: H. Theil's median of the slopes of all pairs.

    The slope is 0 where it moves the lag by less than :data:`SAME`.
    """
    i, j = np.triu_indices(len(times), 1)
    slope = float(np.median((lag[j] - lag[i]) / (times[j] - times[i]))) if len(i) else 0.0
    if abs(slope) * (times[-1] - times[0]) < SAME or abs(slope) > FASTEST:
        slope = 0.0
    return float(np.median(lag - slope * (times - times[0]))), slope


def merged(line: TimeLine, k: int, times: NDArray[np.float64]) -> TimeLine:
    """Return a time line without the bend before its stretch k: the longer of the two stretches continues."""
    stretches = line.stretches
    ends = [*(stretch.start for stretch in stretches[1:]), float(times[-1])]
    one, other = stretches[k - 1], stretches[k]
    longer = one if ends[k - 1] - one.start > ends[k] - other.start else other
    joined = replace(longer, start=one.start, lag=longer.lag + longer.slope * (one.start - longer.start))
    return from_zero((*stretches[: k - 1], joined, *stretches[k + 1 :]))


def from_zero(stretches: Sequence[Stretch]) -> TimeLine:
    """Return a time line that begins with lag 0: a constant lag cannot be told from the way that sound travels."""
    first = stretches[0].lag - stretches[0].slope * stretches[0].start
    moved = [replace(stretch, lag=stretch.lag - first) for stretch in stretches]
    return TimeLine((Stretch(0.0, 0.0, moved[0].slope), *moved[1:]))
