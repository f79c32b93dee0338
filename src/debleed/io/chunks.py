"""The chunks of WAV, RF64, W64 and AIFF files that libsndfile ignores."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import BinaryIO

from debleed.io.documents import Place

CARRIED = (b"bext", b"iXML")
"""Chunks to copy from the input to the output: time reference and take, scene and track names."""

UNKNOWN_SIZE = 0xFFFFFFFF
"""Placeholder size: in RF64, ``ds64`` has the true size; in files written to a pipe, nothing has it."""


@dataclass(frozen=True)
class Chunk:
    """Position and size of a chunk's contents in the file, in bytes."""

    name: bytes
    start: int
    size: int


def chunks(path: Place) -> list[Chunk]:
    """List the chunks of a RIFF, RIFX, RF64, BW64, W64 or AIFF file; other files have none."""
    with Path(path).open("rb") as file:
        magic = file.read(4)
        if magic == b"riff":
            return list(_w64_chunks(file))
        if magic in (b"RIFF", b"RIFX", b"RF64", b"BW64", b"FORM"):
            return list(_iff_chunks(file, magic))
    return []


def _iff_chunks(file: BinaryIO, magic: bytes) -> Iterator[Chunk]:
    header = struct.Struct(_order(magic) + "4sI")
    data_size = None
    position = 12
    while True:
        file.seek(position)
        raw = file.read(8)
        if len(raw) < 8:
            return
        name, size = header.unpack(raw)
        if name == b"ds64" and len(sizes := file.read(16)) == 16:
            data_size = struct.unpack("<Q", sizes[8:])[0]
        if name == b"data" and size == UNKNOWN_SIZE and data_size is not None:
            size = data_size
        yield Chunk(name, position + 8, size)
        position += 8 + size + size % 2


def _w64_chunks(file: BinaryIO) -> Iterator[Chunk]:
    position = 40
    while True:
        file.seek(position)
        raw = file.read(24)
        if len(raw) < 24:
            return
        size = struct.unpack("<Q", raw[16:])[0]  # counts its own header of 24 bytes
        if size < 24:
            return
        yield Chunk(raw[:4], position + 24, size - 24)
        position += size + -size % 8


def _order(magic: bytes) -> str:
    return ">" if magic in (b"FORM", b"RIFX") else "<"


def missing_bytes(path: Place) -> int:
    """Return how many bytes of audio the header announces beyond the end of the file; 0 for a complete file."""
    for chunk in chunks(path):
        if chunk.name in (b"data", b"SSND"):
            streamed = chunk.size == UNKNOWN_SIZE  # the writer could not seek back to write the size
            return 0 if streamed else max(0, chunk.start + chunk.size - Path(path).stat().st_size)
    return 0


def carried(path: Place) -> list[tuple[bytes, bytes]]:
    """Read the chunks of a WAV or RF64 file to keep: pairs of name and contents."""
    with Path(path).open("rb") as file:
        if file.read(4) not in (b"RIFF", b"RIFX", b"RF64", b"BW64"):
            return []
    return [(chunk.name, _contents(path, chunk)) for chunk in chunks(path) if chunk.name in CARRIED]


def recorded_on(path: Place) -> date | None:
    """Read the date of the recording from the broadcast extension of a WAV or RF64 file, if it has one.

    OriginationDate begins 320 bytes into the chunk, as yyyy-mm-dd with any separator (EBU Tech 3285).
    """
    for name, contents in carried(path):
        if name == b"bext":
            text = contents[320:330].decode("ascii", "replace")
            try:
                return date(int(text[:4]), int(text[5:7]), int(text[8:10]))
            except ValueError:
                return None
    return None


def _contents(path: Place, chunk: Chunk) -> bytes:
    with Path(path).open("rb") as file:
        file.seek(chunk.start)
        return file.read(chunk.size)


def append(path: Place, extra: list[tuple[bytes, bytes]]) -> None:
    """Append chunks to a finished WAV or RF64 file and correct its size; leave other formats unchanged."""
    with Path(path).open("r+b") as file:
        magic = file.read(4)
        if not extra or magic not in (b"RIFF", b"RIFX", b"RF64"):
            return
        order = _order(magic)
        end = file.seek(0, 2)
        file.write(b"\0" * (end % 2))
        for name, contents in extra:
            file.write(struct.pack(order + "4sI", name, len(contents)) + contents + b"\0" * (len(contents) % 2))
        size = file.tell() - 8
        if magic == b"RF64":
            file.seek(20)  # the first field of ds64, which is the first chunk of RF64
            file.write(struct.pack("<Q", size))
        else:
            file.seek(4)
            file.write(struct.pack(order + "I", size))


def copy_speakers(source: Place, target: Place) -> None:
    """Copy the speaker positions of a WAVE_EXTENSIBLE file, which libsndfile replaces by its own."""
    pair = [next((c for c in chunks(path) if c.name == b"fmt " and c.size >= 40), None) for path in (source, target)]
    if pair[0] is None or pair[1] is None:
        return
    mask = _contents(source, pair[0])[20:24]
    with Path(target).open("r+b") as file:
        file.seek(pair[1].start + 20)
        file.write(mask)


def forget_time(path: Place) -> None:
    """Clear the timestamp that libsndfile writes to the PEAK chunk of float files, so equal audio gives equal bytes."""
    for chunk in chunks(path):
        if chunk.name == b"PEAK":
            with Path(path).open("r+b") as file:
                file.seek(chunk.start + 4)
                file.write(b"\0" * 4)
