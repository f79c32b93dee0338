"""Checks of what was learnt when it is read again: arrays from a file are believed in nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from debleed.methods import Arrays
from debleed.recording import InputError


def checked(
    arrays: Arrays, name: str, dtype: type[np.generic], shape: Sequence[int | None], longest: int = 2**26
) -> NDArray[Any]:
    """Return one of the arrays.

    Parameters
    ----------
    arrays
        What was read.
    name
        The array wanted.
    dtype
        Its type, exactly.
    shape
        Its shape; ``None`` stands for any length from 1 to ``longest``.

    Raises
    ------
    InputError
        Where it is missing or anything else.
    """
    if name not in arrays:
        raise InputError(f"the array '{name}' is missing")
    array = arrays[name]
    if array.dtype != np.dtype(dtype):
        raise InputError(f"the array '{name}' holds {array.dtype}, not {np.dtype(dtype)}")
    fits = array.ndim == len(shape) and all(
        1 <= size <= longest if wanted is None else size == wanted
        for size, wanted in zip(array.shape, shape, strict=True)
    )
    if not fits:
        expected = ", ".join("any" if size is None else str(size) for size in shape)
        raise InputError(f"the array '{name}' has the shape {array.shape}, not ({expected})")
    if not np.isfinite(array).all():
        raise InputError(f"the array '{name}' holds values that are not finite")
    return array


def whole(arrays: Arrays, name: str, least: int, most: int) -> int:
    """Return a whole number that was saved as an array of one value.

    Raises
    ------
    InputError
        Where it is missing or not from ``least`` to ``most``.
    """
    value = int(checked(arrays, name, np.int64, (1,))[0])
    if not least <= value <= most:
        raise InputError(f"'{name}' is {value}, not from {least} to {most}")
    return value
