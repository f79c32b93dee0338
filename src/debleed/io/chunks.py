"""The chunks of WAV, RF64, BW64, W64 and AIFF files, found also where a header is wrong."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import BinaryIO

from debleed.io.documents import Place

SOUND = (b"data", b"SSND")
"""The chunks with samples, of WAV and its relatives and of AIFF."""

UNKNOWN_SIZE = 0xFFFFFFFF
"""Placeholder size: in RF64, ``ds64`` has the true size; in files written to a pipe, nothing has it."""

PLACEHOLDERS = (UNKNOWN_SIZE, 0x7FFFFFFF, 0x7FFFF000, 0x7F000000, 0x80000000)
"""What programs write for a size that they do not know (FFmpeg, libsndfile, SoX and arecord), or for one in which the
header is counted. Where such a size goes beyond the end of the file, the file says nothing about its length."""

ENDLESS = 2**62
"""Bytes beyond which a size of 64 bits is a placeholder."""

SLACK = 512
"""Bytes after the sound that are no lost sound, whatever they are: a card loses whole sectors."""

TRAILER = 2**20
"""Bytes at the end of a file in which chunks after the sound are looked for if the header does not tell where."""

KNOWN = (
    *(b"fmt ", b"fact", b"ds64", b"JUNK", b"junk", b"PAD ", b"FLLR", b"filr", b"PEAK", b"levl"),
    *(b"bext", b"iXML", b"cue ", b"LIST", b"list", b"smpl", b"inst", b"plst", b"id3 ", b"ID3 ", b"cart", b"_PMX"),
    *(b"axml", b"chna", b"umid", b"acid", b"DISP", b"afsp", b"minf", b"elm1", b"regn", b"SyLp", b"summ", b"mrkr"),
    *(b"COMM", b"FVER", b"MARK", b"INST", b"COMT", b"NAME", b"AUTH", b"(c) ", b"ANNO", b"APPL", b"MIDI", b"AESD"),
)
"""Chunks that programs write."""

TRAILING = re.compile(b"|".join(map(re.escape, KNOWN)))

TAGS = (b"ID3", b"TAG", b"APETAGEX", b"LYRICS")
"""How tags begin that programs append to files of any format."""


@dataclass(frozen=True)
class Chunk:
    """Position and size of a chunk's contents in the file, in bytes.

    Parameters
    ----------
    name
        Its four letters.
    start, size
        Where its contents are. The size is beyond the end of the file if the file is truncated.
    claimed
        The size that the header says; only that of the sound may differ, see :func:`sound_size`.
    """

    name: bytes
    start: int
    size: int
    claimed: int


@dataclass(frozen=True)
class Layout:
    """How a container lays out its chunks: byte order, bytes before the first and before contents, alignment."""

    magic: bytes
    order: str
    first: int
    head: int
    align: int

    @property
    def wide(self) -> bool:
        """Whether sizes have 64 bits and count their own header (W64)."""
        return self.head == 24


@dataclass(frozen=True)
class Container:
    """An open file of chunks, and its length in bytes."""

    file: BinaryIO
    layout: Layout
    length: int

    @classmethod
    def of(cls, file: BinaryIO) -> Container | None:
        """Recognize an open file; ``None`` if it has no chunks."""
        file.seek(0)
        magic, length = file.read(4), file.seek(0, 2)
        if magic == b"riff":
            return cls(file, Layout(magic, "<", 40, 24, 8), length)
        if magic in (b"RIFF", b"RIFX", b"RF64", b"BW64", b"FORM"):
            return cls(file, Layout(magic, order_of(magic), 12, 8, 2), length)
        return None

    def head(self, position: int) -> tuple[bytes, int] | None:
        """Read the name and the size of the chunk at a position."""
        layout = self.layout
        if position + layout.head > self.length:
            return None
        self.file.seek(position)
        raw = self.file.read(layout.head)
        if layout.wide:
            size: int = struct.unpack("<Q", raw[16:])[0]
            return raw[:4], max(0, size - layout.head)
        name, size = struct.unpack(layout.order + "4sI", raw)
        return name, size

    def read(self, chunk: Chunk) -> bytes:
        """Read the contents of a chunk."""
        self.file.seek(chunk.start)
        return self.file.read(min(chunk.size, self.length))

    def walk(self) -> Iterator[Chunk]:
        """Yield the chunks; stop where there is none."""
        position: int | None = self.layout.first
        large = None
        while position is not None and (head := self.head(position)):
            name, claimed = head
            start = position + self.layout.head
            if not self.plausible(name, 0, start):
                return
            if name == b"ds64" and len(sizes := self.file.read(16)) == 16:
                large = struct.unpack("<Q", sizes[8:])[0]
            if name == b"data" and claimed == UNKNOWN_SIZE and large is not None:
                claimed = large
            chunk = Chunk(name, start, sound_size(self, start, claimed) if name in SOUND else claimed, claimed)
            yield chunk
            position = self.following(chunk)

    def plausible(self, name: bytes, size: int, start: int) -> bool:
        """Whether a chunk of this name and size may begin here."""
        printable = all(0x20 <= letter < 0x7F for letter in name)
        return printable and (name in SOUND or size <= self.length - start)

    def following(self, chunk: Chunk) -> int | None:
        """Find the chunk after another; some programs forget the padding after an odd size."""
        end = chunk.start + chunk.size
        places = [end + -end % self.layout.align, end]  # both containers begin at a multiple of their alignment
        heads = {place: self.head(place) for place in places if place <= self.length}
        for place, head in heads.items():
            if head and head[0] in (*KNOWN, *SOUND):
                return place
        for place, head in heads.items():
            if head and self.plausible(*head, place + self.layout.head):
                return place
        return places[0] if places[0] <= self.length else None

    def chained(self, position: int) -> bool:
        """Whether nothing but chunks follows from here to the end of the file."""
        begun = False
        while position + self.layout.head <= self.length:
            head = self.head(position)
            start = position + self.layout.head
            if head is None or not self.plausible(*head, start):
                return begun and self.zero(position)
            if head[0] in SOUND:
                return True
            begun = True
            position = self.following(Chunk(head[0], start, head[1], head[1])) or self.length
        return begun

    def zero(self, position: int) -> bool:
        """Whether nothing but zeros follows from here to the end of the file."""
        self.file.seek(position)
        while block := self.file.read(2**20):
            if block.strip(b"\0"):
                return False
        return True

    def ends(self, position: int, zeros: bool) -> bool:
        """Whether the sound may end here: no more of it follows."""
        if self.length - position < SLACK:
            return True
        self.file.seek(position)
        if self.file.read(8).startswith(TAGS):
            return True
        places = {position + -position % self.layout.align, position}
        return any(map(self.chained, places)) or (zeros and self.zero(position))

    def trailer(self, start: int) -> int:
        """Find where the chunks begin that follow sound of unknown length, or else the end of the file."""
        begin = max(start, self.length - TRAILER)
        self.file.seek(begin)
        for match in TRAILING.finditer(self.file.read(TRAILER)):
            if self.chained(begin + match.start()):
                return begin + match.start()
        return self.length


def sound_size(container: Container, start: int, claimed: int) -> int:
    """Return how many bytes of sound there are from ``start``, whatever the header claims.

    The claim holds if the file ends there, or chunks, a tag or zeros follow. Otherwise the header was not brought up
    to date (power lost, a pipe) or its 32 bits have wrapped, and the sound goes on. A file that is too short has the
    size that its header claims, unless that is a placeholder.
    """
    rest = max(0, container.length - start)
    if claimed > rest:
        counted = {claimed, claimed + start, claimed + start - 8}  # some count the header in
        unknown = claimed >= ENDLESS or not counted.isdisjoint(PLACEHOLDERS)
        return container.trailer(start) - start if unknown else claimed
    for size in range(claimed, rest + 1, ENDLESS if container.layout.wide else 2**32):
        if container.ends(start + size, zeros=claimed > 0):
            return size
    return container.trailer(start) - start


def order_of(magic: bytes) -> str:
    """Return the byte order of a container, as ``struct`` writes it."""
    return ">" if magic in (b"FORM", b"RIFX") else "<"


def chunks(path: Place) -> list[Chunk]:
    """List the chunks of a RIFF, RIFX, RF64, BW64, W64 or AIFF file; other files have none."""
    with Path(path).open("rb") as file:
        container = Container.of(file)
        return list(container.walk()) if container else []


def missing_bytes(path: Place) -> int:
    """Return how many bytes of audio the header announces beyond the end of the file; 0 for a complete file."""
    for chunk in chunks(path):
        if chunk.name in SOUND:
            return max(0, chunk.start + chunk.size - Path(path).stat().st_size)
    return 0


def contents(path: Place, *names: bytes) -> list[tuple[bytes, bytes]]:
    """Read the chunks with these names: pairs of name and contents."""
    with Path(path).open("rb") as file:
        container = Container.of(file)
        if container is None:
            return []
        return [(chunk.name, container.read(chunk)) for chunk in container.walk() if chunk.name in names]


def recorded_on(path: Place) -> date | None:
    """Read the date of the recording from the broadcast extension of a WAV or RF64 file, if it has one.

    OriginationDate begins 320 bytes into the chunk, as yyyy-mm-dd with any separator (EBU Tech 3285).
    """
    for _, content in contents(path, b"bext"):
        text = content[320:330].decode("ascii", "replace")
        try:
            return date(int(text[:4]), int(text[5:7]), int(text[8:10]))
        except ValueError:
            return None
    return None
