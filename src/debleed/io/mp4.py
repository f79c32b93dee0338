"""When the sound of an MP4 file begins and ends, by its tables: the priming of the encoder is not part of it.

An encoder puts samples before the sound, and the last packet goes beyond its end. The edit list says which part of the
track is presented (ISO 14496-12, 8.6.6), and the time-to-sample table how long each packet is (8.6.1.2).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MAGIC = b"ftyp"
"""The name of the first box, after its size."""

LARGEST = 2**24
"""Bytes of a table; an edit list has a few dozen, and times to samples have as many where packets are equally long."""

Box = tuple[bytes, int, int]
"""Name, and where the contents begin and end in the file."""


class Unclear(Exception):
    """What about a file does not say which samples are its sound, as the end of a sentence."""


@dataclass(frozen=True)
class Timing:
    """Which samples of a track are its sound.

    Parameters
    ----------
    scale
        Units of time in a second: the rate, in files of sound.
    packet
        Samples of a packet; the last may have fewer.
    skipped
        Samples before the sound.
    frames
        Samples of the sound.
    """

    scale: int
    packet: int
    skipped: int
    frames: int


def is_mp4(file: BinaryIO) -> bool:
    """Recognize an open file."""
    file.seek(4)
    return file.read(4) == MAGIC


def timing(file: BinaryIO) -> Timing:
    """Read the tables of the only track with sound.

    Raises
    ------
    Unclear
        If they do not say which samples are the sound.
    """
    whole = (b"", 0, file.seek(0, 2))
    movie = _only(file, whole, b"moov")
    tracks = [track for track in _boxes(file, movie) if track[0] == b"trak" and _kind(file, track) == b"soun"]
    if len(tracks) != 1:
        raise Unclear(f"it has {len(tracks)} tracks with sound, and not one")
    if any(name == b"mvex" for name, _, _ in _boxes(file, movie)):
        raise Unclear("it is a stream in fragments, whose length nobody has written")
    ticks = _scale(file, _only(file, movie, b"mvhd"))
    scale = _scale(file, _only(file, tracks[0], b"mdia", b"mdhd"))
    packet, total = _lengths(_table(file, _only(file, tracks[0], b"mdia", b"minf", b"stbl", b"stts"), ">II"))
    skipped, edited = 0, None
    edits = [box for box in _boxes(file, tracks[0]) if box[0] == b"edts"]
    if edits:
        skipped, edited = _edit(file, _only(file, edits[0], b"elst"))
    frames = total - skipped
    if frames <= 0:
        raise Unclear("its edit list leaves nothing of the sound")
    if edited and frames - edited * scale / ticks > scale / ticks:  # the units of an edit may be milliseconds
        frames = round(edited * scale / ticks)
    return Timing(scale, packet, skipped, frames)


def _boxes(file: BinaryIO, inside: Box) -> Iterator[Box]:
    """List the boxes in a box."""
    position, end = inside[1:]
    while position + 8 <= end:
        file.seek(position)
        size, name = struct.unpack(">I4s", file.read(8))
        head = 8
        if size == 1:
            raw = file.read(8)
            size, head = int.from_bytes(raw), 16
        elif size == 0:
            size = end - position
        if size < head or position + size > end:
            if name == b"mdat":
                return
            raise Unclear("its tables are damaged")
        yield name, position + head, position + size
        position += size


def _only(file: BinaryIO, inside: Box, *path: bytes) -> Box:
    """Find a box by the names of those around it."""
    for wanted in path:
        found = [box for box in _boxes(file, inside) if box[0] == wanted]
        if len(found) != 1:
            raise Unclear(f"its table '{wanted.decode()}' is missing")
        inside = found[0]
    return inside


def _content(file: BinaryIO, box: Box) -> bytes:
    """Read the contents of a box behind its version and flags."""
    _, start, end = box
    if not 4 <= end - start <= LARGEST:
        raise Unclear("its tables are damaged")
    file.seek(start)
    return file.read(end - start)


def _kind(file: BinaryIO, track: Box) -> bytes:
    return _content(file, _only(file, track, b"mdia", b"hdlr"))[8:12]


def _scale(file: BinaryIO, box: Box) -> int:
    """Read the units in a second of a header."""
    raw = _content(file, box)
    at = 20 if raw[0] else 12
    found = int.from_bytes(raw[at : at + 4])
    if not found:
        raise Unclear("its tables are damaged")
    return found


def _table(file: BinaryIO, box: Box, row: str) -> list[tuple[int, ...]]:
    """Read the rows of a table, behind their number."""
    raw = _content(file, box)
    count, size = int.from_bytes(raw[4:8]), struct.calcsize(row)
    if len(raw) < 8 + count * size:
        raise Unclear("its tables are damaged")
    return list(struct.iter_unpack(row, raw[8 : 8 + count * size]))


def _lengths(rows: list[tuple[int, ...]]) -> tuple[int, int]:
    """Return the samples of a packet and of all; only the last packet may be shorter."""
    runs = [(count, length) for count, length in rows if count]
    total = sum(count * length for count, length in runs)
    if not total:
        raise Unclear("it does not say how long it is")
    packet = runs[0][1]
    last = runs[-1]
    rest = runs[1:] if last[1] == packet or last[0] > 1 else runs[1:-1]
    if any(length != packet for _, length in rest) or last[1] > packet:
        raise Unclear("its packets differ in length, so a recorder has dropped or stretched some")
    return packet, total


def _edit(file: BinaryIO, box: Box) -> tuple[int, int]:
    """Return the samples before the sound, and how long it is in units of the movie, 0 for all."""
    wide = _content(file, box)[0]
    rows = _table(file, box, ">QqI" if wide else ">IiI")
    if len(rows) != 1 or rows[0][1] < 0 or rows[0][2] != 1 << 16:
        raise Unclear("its edit list cuts the sound, moves it or changes its speed")
    return rows[0][1], rows[0][0]
