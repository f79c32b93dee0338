"""FLAC files: how long one really is, and the tags and pictures in it (RFC 9639).

FLAC written to a pipe does not say how many samples it has, and libsndfile then takes it for damaged. The last frame
says its own number, so the length needs no decoding.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

from debleed.io.documents import Place, replacing

MAGIC = b"fLaC"

STREAM_INFO, PADDING, APPLICATION, SEEK_TABLE, COMMENT, CUE_SHEET, PICTURE = range(7)
"""Kinds of metadata blocks."""

DESCRIBING = (APPLICATION, COMMENT, CUE_SHEET, PICTURE)
"""Blocks to copy from an input to its result; padding and seek table are the encoder's own."""

LAST_FRAME = 2**20
"""Bytes at the end of a file that hold the last frame: eight channels of 32 bits and 8,192 samples fit; usual frames
have 4,096."""

LONGEST_HEAD = 17
"""Bytes of the longest head of a frame, with its checksum."""

TRIES = 8
"""Heads to compare with the checksum of a frame. One byte in 256 passes for the checksum of a head by chance, and a
megabyte takes Python a tenth of a second."""

COPY = 2**20


@dataclass(frozen=True)
class Stream:
    """What the first block of a FLAC file says.

    Parameters
    ----------
    start
        Position of the 34 bytes of the block in the file.
    block
        Most samples of a frame per channel; all frames but the last have as many, unless they are numbered by sample.
    rate, samples
        Samples per second, and per channel; 0 samples if the length was not known.
    content
        The bytes of the block.
    """

    start: int
    block: int
    rate: int
    samples: int
    content: bytes

    def with_samples(self, samples: int) -> bytes:
        """Return the contents of the block with another number of samples."""
        content = self.content
        high = content[13] & 0xF0 | samples >> 32
        return content[:13] + bytes([high]) + struct.pack(">I", samples & 0xFFFFFFFF) + content[18:]


def after_tag(file: BinaryIO) -> int:
    """Return where a file begins after an ID3 tag, which some programs write before FLAC."""
    head = file.read(10)
    if len(head) < 10 or not head.startswith(b"ID3"):
        return 0
    return 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))


def blocks(file: BinaryIO) -> Iterator[tuple[int, int, int]]:
    """Yield kind, start and size of each metadata block of an open file, in bytes."""
    file.seek(0)
    position = after_tag(file)
    file.seek(position)
    if file.read(4) != MAGIC:
        return
    position += 4
    last = False
    while not last:
        file.seek(position)
        head = file.read(4)
        if len(head) < 4:
            return
        size = int.from_bytes(head[1:], "big")
        yield head[0] & 0x7F, position + 4, size
        last = bool(head[0] & 0x80)
        position += 4 + size


def stream(file: BinaryIO) -> Stream | None:
    """Read the first block of an open FLAC file; ``None`` if it is none."""
    kind, start, size = next(blocks(file), (-1, 0, 0))
    file.seek(start)
    content = file.read(34)
    if kind != STREAM_INFO or size < 34 or len(content) < 34:
        return None
    block = int.from_bytes(content[2:4], "big")
    numbers = int.from_bytes(content[10:18], "big")
    return Stream(start, block, numbers >> 44, numbers & (2**36 - 1), content)


def counted(file: BinaryIO, told: Stream) -> int | None:
    """Return the samples that an open file has by its last frame; ``None`` if it does not end with a whole frame."""
    length = file.seek(0, 2)
    begin = max(0, length - LAST_FRAME)
    file.seek(begin)
    data = file.read(LAST_FRAME)
    if data[-128:-125] == b"TAG":  # an ID3 tag of version 1 follows
        data = data[:-128]
    at, tries = len(data), TRIES
    while tries and (at := data.rfind(b"\xff", 0, at)) >= 0:
        if data[at + 1 : at + 2] not in (b"\xf8", b"\xf9"):
            continue
        ends = _end_of_frame(data[at : at + LONGEST_HEAD], told.block)
        if ends:
            if _crc16(data[at:-2]) == int.from_bytes(data[-2:], "big"):
                return ends
            tries -= 1
    return None


def _end_of_frame(frame: bytes, block: int) -> int | None:
    """Return the number of the sample after a frame; ``None`` if these bytes are not the head of one."""
    frame = frame.ljust(LONGEST_HEAD, b"\0")  # a frame of silence may be shorter
    ones = 8 - (frame[4] ^ 0xFF).bit_length()  # the number is coded as UTF-8 codes letters
    at = 5 + max(0, ones - 1)
    if ones == 1 or ones > 7 or any(byte & 0xC0 != 0x80 for byte in frame[5:at]):
        return None
    number = frame[4] & (0x7F >> ones)
    for byte in frame[5:at]:
        number = number << 6 | byte & 0x3F
    size_code, rate_code = frame[2] >> 4, frame[2] & 15
    if size_code == 0 or rate_code == 15:
        return None
    if size_code in (6, 7):
        width = size_code - 5
        size = int.from_bytes(frame[at : at + width], "big") + 1
        at += width
    else:
        size = 192 if size_code == 1 else 576 << (size_code - 2) if size_code < 6 else 256 << (size_code - 8)
    at += {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if _crc8(frame[:at]) != frame[at]:
        return None
    if frame[1] & 1:  # frames of any size are numbered by sample
        return number + size
    return number * block + size


@cache
def _table(polynomial: int, bits: int) -> tuple[int, ...]:
    top, mask = 1 << (bits - 1), (1 << bits) - 1
    table = []
    for byte in range(256):
        rest = byte << (bits - 8)
        for _ in range(8):
            rest = (rest << 1 ^ polynomial if rest & top else rest << 1) & mask
        table.append(rest)
    return tuple(table)


def _crc8(data: bytes) -> int:
    table, rest = _table(0x07, 8), 0
    for byte in data:
        rest = table[rest ^ byte]
    return rest


def _crc16(data: bytes) -> int:
    table, rest = _table(0x8005, 16), 0
    for byte in data:
        rest = (rest << 8 & 0xFFFF) ^ table[rest >> 8 ^ byte]
    return rest


def described(path: Place) -> list[tuple[int, bytes]]:
    """Read the tags, pictures, cue sheets and notes of programs in a FLAC file: pairs of kind and contents."""
    found = []
    with Path(path).open("rb") as file:
        for kind, start, size in list(blocks(file)):
            if kind in DESCRIBING:
                file.seek(start)
                found.append((kind, file.read(size)))
    return found


def insert(path: Place, described: list[tuple[int, bytes]]) -> None:
    """Insert such blocks into a finished FLAC file, in place of those of the same kinds."""
    if not described:
        return
    with Path(path).open("rb") as file:
        found = list(blocks(file))
        own = [(kind, start, size) for kind, start, size in found if kind not in DESCRIBING]
        kept = []
        for kind, start, size in own:
            file.seek(start)
            kept.append((kind, file.read(size)))
        kept[1:1] = described  # the first one must stay the first
        _, start, size = found[-1]
        file.seek(start + size)
        with replacing(path) as out:
            out.write(MAGIC)
            for i, (kind, content) in enumerate(kept):
                last = 0x80 if i == len(kept) - 1 else 0
                out.write(bytes([kind | last]) + len(content).to_bytes(3, "big") + content)
            while block := file.read(COPY):
                out.write(block)
