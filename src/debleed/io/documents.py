"""Small files: atomic writing, and JSON with one convention for numbers that are not finite.

JSON has neither NaN nor infinities. A number that is not finite is written as ``null``, and ``<name>_reason`` says why:
"undefined: ..." for NaN, "... (+inf)" and "... (-inf)" for the infinities. For an array of numbers, the reasons form an
array of the same shape.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from debleed.recording import InputError

Place = str | os.PathLike[str]
"""The path of a file or folder: every public function accepts a string or a path."""

UNFINISHED = ".unfinished"
"""Suffix of files and folders that are not finished yet."""

LONGEST_NAME = 255
"""Bytes that file systems allow for a name."""


def resolved(path: Place) -> Path:
    """Return an absolute path without links.

    Raises
    ------
    InputError
        If a link leads back to itself.
    """
    try:
        return Path(path).resolve()
    except (OSError, RuntimeError) as failure:  # RuntimeError: a loop, up to Python 3.12
        raise InputError(f"'{path}' is or lies behind a link that leads back to itself; name the folder") from failure


def shortened(text: str, most: int = 80) -> str:
    """Shorten a text for a message.

    Examples
    --------
    >>> shortened("x" * 1000, 10)
    'xxxxxxxxxx... (1000 characters)'
    """
    return text if len(text) <= most else f"{text[:most]}... ({len(text)} characters)"


def visible(text: str) -> str:
    r"""Return a text for one line of a terminal, with escapes for what ends a line or commands a terminal.

    Examples
    --------
    >>> print(visible("Füße\n\x1b[31m"))
    Füße\n\x1b[31m
    """
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


@contextmanager
def replacing(path: Place) -> Iterator[BinaryIO]:
    """Open a file for writing that replaces ``path`` once it is complete and on disk.

    Other programs see either the old contents or the new ones; an error leaves the old ones. Until then, the new ones
    are in ``<name>.unfinished`` beside it; what a killed process left there is overwritten. Links are preserved, and
    special files (``/dev/stdout``) are written directly.
    """
    final = Path(path)
    if final.exists() and not final.is_file():
        with final.open("wb") as file:
            yield file
        return
    final = final.resolve()
    temporary = final.with_name(unfinished_name(final.name))
    with _alone(temporary) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())  # otherwise a crash of the machine could leave an empty file
            if sys.platform == "win32":  # which renames no open file
                file.close()
            temporary.replace(final)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    sync_folder(final.parent)


@contextmanager
def _alone(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing; wait while another process or thread has it open in this way."""
    while True:
        number = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        with os.fdopen(number, "r+b") as file:
            if sys.platform != "win32":
                import fcntl

                with suppress(OSError):  # a file system without locks
                    fcntl.flock(number, fcntl.LOCK_EX)
                try:
                    if not os.path.samestat(os.fstat(number), path.stat()):
                        continue  # the other one has moved it to its place
                except FileNotFoundError:
                    continue
            file.truncate()
            yield file
            return


def unfinished_name(name: str) -> str:
    """Name what is not finished yet after what it will be; names that would be too long become a number.

    Examples
    --------
    >>> unfinished_name("clean"), len(unfinished_name("x" * 255))
    ('clean.unfinished', 27)
    """
    longer = name + UNFINISHED
    if len(os.fsencode(longer)) <= LONGEST_NAME:
        return longer
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:16] + UNFINISHED


def sync_file(path: Place) -> None:
    """Wait until a file is on disk."""
    with Path(path).open("r+b") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Place) -> None:
    """Wait until the names in a folder are on disk, where the system can."""
    if sys.platform == "win32":
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems cannot
            os.fsync(number)
    finally:
        os.close(number)


def write_bytes(path: Place, content: bytes) -> None:
    """Write a file atomically; see :func:`replacing`."""
    with replacing(path) as file:
        file.write(content)


def write_text(path: Place, text: str) -> None:
    """Write a file in UTF-8 atomically, with the line endings of the text; see :func:`replacing`.

    Bytes of file names that are not UTF-8 are written as escapes, which JSON reads back and people see.
    """
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def json_line(value: object) -> str:
    """Format JSON on one line, for programs; ASCII only, so that it can contain any file name.

    Raises
    ------
    ValueError
        For numbers that are not finite; see :func:`json_numbers`.
    """
    return json.dumps(value, allow_nan=False)


def json_text(value: object) -> str:
    """Format JSON as a readable document.

    Raises
    ------
    ValueError
        For numbers that are not finite; see :func:`json_numbers`.
    """
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        text.encode()
    except UnicodeEncodeError:  # the name of a file that is not UTF-8
        return json.dumps(value, indent=1, allow_nan=False) + "\n"
    return text


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
        Key of the entry.
    value
        A number, or an array of any shape.
    undefined, unbounded, nothing
        The reasons for NaN, +inf and −inf.

    Returns
    -------
    ``{name: ...}``, with ``<name>_reason`` of the same shape if a number is not finite.

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
    """Read one number written by :func:`json_numbers`; ``null`` without a reason is NaN."""
    if value is not None:
        return float(value)
    return math.inf if reason and "(+inf)" in reason else -math.inf if reason and "(-inf)" in reason else math.nan
