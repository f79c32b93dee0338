"""Decibels: one conversion in each direction, and one text format."""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Level = TypeVar("Level", float, NDArray[np.float64])


def decibels(power: ArrayLike, reference: ArrayLike = 1.0) -> NDArray[np.float64]:
    """Return a ratio of powers in dB: +inf for a zero reference, −inf for zero power, NaN for both.

    Parameters
    ----------
    power, reference
        Non-negative powers with shapes that broadcast. The logarithms are subtracted, so the ratio may exceed the range
        of a float.

    Examples
    --------
    >>> decibels([100.0, 0.0], 10.0).tolist()
    [10.0, -inf]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(10 * (np.log10(power) - np.log10(reference)))


def amplitude(level: Level) -> Level:
    """Return the amplitude factor for a level change in dB; 0 for −inf.

    Examples
    --------
    >>> amplitude(-20.0)
    0.1
    """
    return 10 ** (level / 20)  # type: ignore[no-any-return,unused-ignore]


def shown(value: float, digits: int = 1, sign: bool = False) -> str:
    """Format a number: with a minus sign instead of a hyphen, no negative zero, ∞, and a dash for NaN.

    Parameters
    ----------
    value
        A level in dB, or any number in a table.
    digits
        Digits after the decimal point.
    sign
        Whether to write a plus sign too, as for changes.

    Examples
    --------
    >>> shown(-1.26), shown(-0.04), shown(3.0, 0, sign=True), shown(math.inf), shown(math.nan)
    ('−1.3', '0.0', '+3', '∞', '–')
    """
    if math.isnan(value):
        return "–"
    text = "∞" if math.isinf(value) else f"{abs(value):.{digits}f}"
    if value < 0 and (math.isinf(value) or float(text) > 0):
        return "−" + text
    return "+" + text if sign and not math.isinf(value) else text
