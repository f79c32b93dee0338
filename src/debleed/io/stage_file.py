"""A saved stage: one file with a JSON header and arrays, checksummed and versioned; reading it executes no code.

Layout, all numbers little-endian:

======================  ======================================================================================
bytes                   contents
======================  ======================================================================================
8                       ``DEBLEED`` and a zero byte
4                       version of the format, unsigned
8                       length of the header in bytes, unsigned
length                  header: a JSON object in UTF-8; ``arrays`` lists name, type and shape of each array
sizes of the arrays     their elements in C order, one array after the other, without gaps
32                      SHA-256 of everything before it
======================  ======================================================================================

A reader trusts no size: it compares every length with the size of the file before it allocates memory.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from debleed.io.documents import Place, replacing
from debleed.io.staging import writable_ancestor
from debleed.recording import InputError

MAGIC, VERSION = b"DEBLEED\0", 1

SUFFIX = ".debleed"

HEAD = struct.Struct("<8sIQ")

LARGEST_HEADER = 2**24
"""Bytes; one that is too large for any real header: 10 000 microphones take about 1 MB."""

TYPES = ("<f4", "<f8", "<c8", "<c16", "<i8", "|b1")
"""Allowed types of the arrays."""

KEYS = ("name", "type", "shape")

DIGEST = hashlib.sha256().digest_size


def write_stage(path: Place, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a stage atomically.

    Parameters
    ----------
    path
        The file; an existing file is replaced.
    header
        Values that JSON can represent; this function adds the key ``arrays``.
    arrays
        Named arrays of :data:`TYPES`.
    """
    kept = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    kept = {name: array.astype(array.dtype.newbyteorder("<"), copy=False) for name, array in kept.items()}
    if strange := [name for name, array in kept.items() if array.dtype.str not in TYPES]:
        raise ValueError(f"the array '{strange[0]}' has the type {kept[strange[0]].dtype}, which a stage cannot store")
    listed = [{"name": name, "type": array.dtype.str, "shape": list(array.shape)} for name, array in kept.items()]
    text = json.dumps({**header, "arrays": listed}, allow_nan=False).encode()  # ASCII holds any file name
    digest = hashlib.sha256()
    folder = Path(path).absolute().parent
    writable_ancestor(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        for part in (HEAD.pack(MAGIC, VERSION, len(text)), text, *(array.tobytes() for array in kept.values())):
            digest.update(part)
            file.write(part)
        file.write(digest.digest())


def is_stage(path: Place) -> bool:
    """Whether a file begins as saved stages do."""
    path = Path(path)
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def read_stage(path: Place) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read the header and the arrays of a stage.

    Raises
    ------
    InputError
        If the file does not exist, is not a stage, is damaged or truncated, or has another version of the format.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(HEAD.size)
            if len(head) < HEAD.size or head[:8] != MAGIC:
                raise InputError(f"'{path}' is not a saved stage; create one with 'debleed learn'")
            _, version, length = HEAD.unpack(head)
            if version != VERSION:
                raise InputError(
                    f"'{path}' has version {version} of the format, but this debleed reads version {VERSION}; "
                    + ("install a newer debleed" if version > VERSION else "learn it again")
                )
            if length > min(LARGEST_HEADER, size - HEAD.size - DIGEST):
                raise _damaged(path, "its header is longer than the file")
            text = file.read(length)
            rest = file.read(size - HEAD.size - length)
    except FileNotFoundError:
        raise InputError(f"there is no file '{path}'") from None
    except IsADirectoryError:
        raise InputError(f"'{path}' is a folder, not a saved stage") from None
    if len(rest) < DIGEST or hashlib.sha256(head + text + rest[:-DIGEST]).digest() != rest[-DIGEST:]:
        raise _damaged(path, "its checksum is wrong")
    header = _parsed(path, text)
    return header, _arrays(path, header.pop("arrays", None), rest[:-DIGEST])


def _damaged(path: Path, why: str) -> InputError:
    return InputError(f"'{path}' is damaged: {why}; copy it again, or learn it again")


def _parsed(path: Path, text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError):
        raise _damaged(path, "its header cannot be read") from None
    if not isinstance(header, dict):
        raise _damaged(path, "its header is not a JSON object")
    return header


def _arrays(path: Path, listed: object, held: bytes) -> dict[str, NDArray[Any]]:
    """Split the bytes after the header into arrays."""
    if not isinstance(listed, list):
        raise _damaged(path, "its header lists no arrays")
    found: dict[str, NDArray[Any]] = {}
    at = 0
    for entry in listed:
        described: list[Any] = [entry.get(key) for key in KEYS] if isinstance(entry, dict) else [None] * len(KEYS)
        name, kind, shape = described
        counts = isinstance(shape, list) and len(shape) <= 8 and all(type(n) is int and n >= 0 for n in shape)
        if not isinstance(name, str) or name in found or kind not in TYPES or not counts:
            raise _damaged(path, "its header describes an invalid array")
        dtype = np.dtype(kind)
        end = at + math.prod(shape) * dtype.itemsize
        if end > len(held):
            raise _damaged(path, f"the array '{name}' is longer than the file")
        found[name] = np.frombuffer(held, dtype, math.prod(shape), at).reshape(shape)
        at = end
    if at != len(held):
        raise _damaged(path, "it contains more data than its header describes")
    return found
