"""Small files: written all or nothing, and JSON with one way to hold numbers that are not finite.

JSON knows neither NaN nor infinities. A number that is not finite is written as ``null``, and ``<name>_reason`` beside
it says why: "undefined: ..." for NaN, "... (+inf)" and "... (-inf)" for the infinities. Where the number stands in an
array, so does its reason.
"""

from __future__ import annotations

import json
import math
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

Place = str | os.PathLike[str]
"""Where a file or folder is: every public function that takes one takes a text or a path."""


@contextmanager
def replacing(path: Place) -> Iterator[BinaryIO]:
    """Open a file for writing that takes the place of ``path`` once it is complete and on the disk.

    Whoever reads meanwhile finds the old contents or the new ones; after an error the old ones stay. A link keeps
    pointing where it does, and what is no ordinary file (``/dev/stdout``) is written to directly.
    """
    final = Path(path)
    if final.exists() and not final.is_file():
        with final.open("wb") as file:
            yield file
        return
    final = final.resolve()
    temporary = final.with_name(f".debleed-{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # else a crash of the machine could leave the new name without contents
        temporary.replace(final)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Place, content: bytes) -> None:
    """Write a file, all or nothing; see :func:`replacing`."""
    with replacing(path) as file:
        file.write(content)


def write_text(path: Place, text: str) -> None:
    """Write a file in UTF-8 with the line ends of the text, all or nothing; see :func:`replacing`."""
    write_bytes(path, text.encode())


def json_line(value: object) -> str:
    """Write JSON on one line, for programs; ASCII alone, so that any file name can be written.

    Raises
    ------
    ValueError
        For numbers that are not finite; see :func:`json_numbers`.
    """
    return json.dumps(value, allow_nan=False)


def json_text(value: object) -> str:
    """Write JSON as a document that people can read as well.

    Raises
    ------
    ValueError
        For numbers that are not finite; see :func:`json_numbers`.
    """
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def json_numbers(
    name: str,
    value: ArrayLike,
    undefined: str = "there is nothing to measure",
    unbounded: str = "nothing stands against it",
    nothing: str = "nothing is left",
) -> dict[str, Any]:
    """Describe a number, or an array of them, as entries of a JSON object.

    Parameters
    ----------
    name
        The entry.
    value
        A number, or an array of any shape.
    undefined, unbounded, nothing
        Why it is NaN, +inf and −inf, where it is.

    Returns
    -------
    ``{name: ...}``, with ``<name>_reason`` of the same shape where a number is not finite.

    Examples
    --------
    >>> json_numbers("sdr", 3.5), json_numbers("bleed", [0.0, -math.inf])
    ({'sdr': 3.5}, {'bleed': [0.0, None], 'bleed_reason': [None, 'nothing is left (-inf)']})
    """
    values: NDArray[np.float64] = np.asarray(value, np.float64)
    finite = np.isfinite(values)
    kept = values.astype(object)
    if finite.all():
        return {name: kept.tolist()}
    reasons = np.full(values.shape, None, object)
    reasons[np.isnan(values)] = f"undefined: {undefined}"
    reasons[values == math.inf] = f"{unbounded} (+inf)"
    reasons[values == -math.inf] = f"{nothing} (-inf)"
    kept[~finite] = None
    return {name: kept.tolist(), f"{name}_reason": reasons.tolist()}


def read_number(value: float | None, reason: str | None = None) -> float:
    """Read one number that :func:`json_numbers` described; ``null`` without a reason is NaN."""
    if value is not None:
        return float(value)
    return math.inf if reason and "(+inf)" in reason else -math.inf if reason and "(-inf)" in reason else math.nan
