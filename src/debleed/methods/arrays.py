"""Validation of arrays that were read from a file, which may be damaged or malicious."""

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
    """Return an array after validating it.

    Parameters
    ----------
    arrays
        The arrays from the file.
    name
        Name of the array to return.
    dtype
        Required type.
    shape
        Required shape; ``None`` stands for any size from 1 to ``longest``.
    longest
        Largest size of a free dimension.

    Raises
    ------
    InputError
        If the array is missing, has another type or shape, or contains values that are not finite.
    """
    if name not in arrays:
        raise InputError(f"the array '{name}' is missing")
    array = arrays[name]
    if array.dtype != np.dtype(dtype):
        raise InputError(f"the array '{name}' has the type {array.dtype}, not {np.dtype(dtype)}")
    fits = array.ndim == len(shape) and all(
        1 <= size <= longest if wanted is None else size == wanted
        for size, wanted in zip(array.shape, shape, strict=True)
    )
    if not fits:
        expected = ", ".join("any" if size is None else str(size) for size in shape)
        raise InputError(f"the array '{name}' has the shape {array.shape}, not ({expected})")
    if not np.isfinite(array).all():
        raise InputError(f"the array '{name}' contains values that are not finite")
    return array


def whole(arrays: Arrays, name: str, least: int, most: int) -> int:
    """Return an integer that was saved as an array of one value.

    Raises
    ------
    InputError
        If it is missing or not between ``least`` and ``most``.
    """
    value = int(checked(arrays, name, np.int64, (1,))[0])
    if not least <= value <= most:
        raise InputError(f"'{name}' is {value}, not between {least} and {most}")
    return value
