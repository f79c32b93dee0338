"""Files as machines leave them: where a header is wrong and the sound is there, a right header is put before it.

Power fails while a recorder writes, 32 bits wrap at 4 GB, and who writes to a pipe cannot go back to fill in a size.
libsndfile believes such headers, or refuses them. Nothing is written: the file is read through :class:`Spliced`.
"""

from __future__ import annotations

import io
import logging
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from debleed.io import flac
from debleed.io.chunks import ENDLESS, PLACEHOLDERS, SLACK, SOUND, Chunk, Container
from debleed.io.documents import Place
from debleed.recording import InputError

log = logging.getLogger(__name__)

RATES = (3000, 768000)
"""Lowest and highest rate in Hz: telephones have 8,000, the fastest converters 768,000. A header with another rate is
wrong, and to bring the other files to that rate would take memory without end."""

PLAIN_LIMIT = 2**32 - 2**16
"""Bytes of sound that a WAV header can count, with room for itself."""

EXTENSIBLE = 0xFFFE
"""Tag of a format whose true tag is further on in the chunk."""

INTEGER = (b"NONE", b"sowt", b"twos", b"in24", b"in32", b"23ni", b"42n1", b"fl32", b"FL32", b"fl64", b"FL64")
"""Compression types of AIFF-C whose frames have a fixed size in bytes."""

NAMES = {0x0055: "MP3", 0x0050: "MPEG", 0x00FF: "AAC", 0x1610: "AAC", 0x0161: "WMA", 0x2000: "AC-3", 0x674F: "Vorbis"}
"""Formats that a WAV file can have and that cannot be read, by their tags."""

GUIDS = {b"riff": bytes.fromhex("2e91cf11a5d628db04c10000"), b"": bytes.fromhex("f3acd3118cd100c04f8edb8a")}
"""How names of chunks go on in W64."""


class Spliced(io.RawIOBase):
    """Bytes in memory, followed by stretches of a file, as one file."""

    def __init__(self, path: Place, head: bytes, stretches: Sequence[tuple[int, int]]) -> None:
        self._file: BinaryIO = Path(path).open("rb")  # noqa: SIM115 - closed with this one
        self._head, self._stretches = head, [(start, size) for start, size in stretches if size]
        self._length = len(head) + sum(size for _, size in self._stretches)
        self._position = 0

    def readable(self) -> bool:
        """Return true."""
        return True

    def seekable(self) -> bool:
        """Return true."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position."""
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._length}[whence]
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read up to the end of the buffer or of the file."""
        view = memoryview(buffer).cast("B")
        done = 0
        while done < len(view) and (piece := self._piece(len(view) - done)):
            view[done : done + len(piece)] = piece
            done += len(piece)
            self._position += len(piece)
        return done

    def _piece(self, count: int) -> bytes:
        """Read up to the end of the stretch at the position."""
        at = self._position - len(self._head)
        if at < 0:
            return self._head[self._position :][:count]
        for start, size in self._stretches:
            if at < size:
                self._file.seek(start + at)
                return self._file.read(min(count, size - at))
            at -= size
        return b""

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def mended(path: Place) -> Spliced | None:
    """Open a file whose header is wrong with a right one; ``None`` for files that are right, or of other kinds.

    What was wrong is said in a line.

    Raises
    ------
    InputError
        If the file is truncated, or its header says nothing that could be right.
    """
    with Path(path).open("rb") as file:
        if told := flac.stream(file):
            return _flac(path, file, told)
        container = Container.of(file)
        if container is None:
            return None
        found = list(container.walk())
        if container.layout.magic == b"FORM":
            return _aiff(path, container, found)
        return _wav(path, container, found)


def _wav(path: Place, container: Container, found: Sequence[Chunk]) -> Spliced | None:
    """Mend a WAV, RF64, BW64 or W64 file."""
    layout = container.layout
    formats = [chunk for chunk in found if chunk.name == b"fmt "]
    sound = [chunk for chunk in found if chunk.name in SOUND]
    if not formats and not sound:
        return None  # libsndfile says what it is instead
    if not formats:
        raise InputError(f"'{path}' has no fmt chunk, so its rate and sample format are unknown; copy it again")
    contents = [container.read(chunk) for chunk in formats]
    told = Format.of(path, contents[0], layout.order)
    if any(content[:16] != contents[0][:16] for content in contents[1:]):
        other = Format.of(path, contents[1], layout.order)
        raise InputError(f"'{path}' has two fmt chunks that differ ({told}, and {other}); export it again")
    if not sound:
        return None
    refuse_truncated(path, container, sound)
    say_lengths(path, sound, told.block * told.rate)
    right = [chunk for chunk in sound if chunk.size == chunk.claimed]
    aligned = all(chunk.start % layout.align == 0 for chunk in (*formats, *sound))
    ordered = formats[0].start < sound[0].start
    if len(right) == len(formats) == len(sound) == 1 and aligned and ordered and layout.magic != b"BW64":
        return None
    size = sum(chunk.size for chunk in sound)
    head = w64_head(contents[0], size) if layout.wide else wav_head(layout.magic, contents[0], size, told.block)
    return Spliced(path, head, [(chunk.start, chunk.size) for chunk in sound])


@dataclass(frozen=True)
class Format:
    """What a fmt chunk says: tag, channels, rate, and bytes of a frame."""

    tag: int
    channels: int
    rate: int
    block: int

    def __str__(self) -> str:
        return f"{self.channels} channel{'s' * (self.channels != 1)} at {self.rate} Hz"

    @classmethod
    def of(cls, path: Place, content: bytes, order: str) -> Format:
        """Read a fmt chunk.

        Raises
        ------
        InputError
            If what it says cannot be.
        """
        if len(content) < 16:
            raise InputError(f"'{path}' has a fmt chunk of {len(content)} bytes, but it needs 16; copy it again")
        tag, channels, rate, _, block, bits = struct.unpack(order + "HHIIHH", content[:16])
        if tag == EXTENSIBLE and len(content) >= 26:
            tag = int(struct.unpack(order + "H", content[24:26])[0])
        if not channels:
            raise InputError(f"'{path}' has 0 channels by its header; copy it again")
        refuse_rate(path, rate)
        if tag in NAMES:
            raise InputError(f"'{path}' holds {NAMES[tag]}, which cannot be read from a WAV file; convert it to PCM")
        if tag in (1, 3):
            if not bits:
                raise InputError(f"'{path}' has samples of 0 bits by its header; copy it again")
            if tag == 1 and 16 < bits <= 24 and block == 4 * channels:
                raise InputError(
                    f"'{path}' says {bits} bits in 4 bytes a sample, which programs read in several ways; export "
                    "it again with 24 or 32 bits"
                )
            block = channels * -(-bits // 8)
        return cls(tag, channels, rate, max(1, block))


def refuse_rate(path: Place, rate: int) -> None:
    """Refuse a rate that no recording has."""
    if not RATES[0] <= rate <= RATES[1]:
        raise InputError(
            f"'{path}' has a rate of {rate} Hz by its header, but a recording has {RATES[0]} to {RATES[1]} Hz; "
            "export it again with its true rate"
        )


def refuse_truncated(path: Place, container: Container, sound: Sequence[Chunk]) -> None:
    """Refuse a file that ends before its sound does."""
    missing = max(chunk.start + chunk.size for chunk in sound) - container.length
    if missing > 0:
        raise InputError(f"'{path}' is truncated: {missing} bytes are missing at the end; copy it again")


def say_lengths(path: Place, sound: Sequence[Chunk], speed: float) -> None:
    """Say where the header says less than the file holds, and whether it has several stretches of sound.

    ``speed`` is in bytes per second.
    """
    name = Path(path).name
    for chunk in sound:
        if chunk.claimed < chunk.size:
            log.warning(
                "%s: its header says %.1f s, but it holds %.1f s; all of it is read",
                name,
                chunk.claimed / speed,
                chunk.size / speed,
            )
        elif chunk.claimed > chunk.size:
            log.info(
                "%s: its header does not say how long it is; it is read to its end, %.1f s", name, chunk.size / speed
            )
    if len(sound) > 1:
        log.warning("%s: it has %d chunks of sound; they are read one after the other", name, len(sound))


def wav_head(magic: bytes, content: bytes, size: int, block: int) -> bytes:
    """Return a WAV header, or an RF64 header if the sizes need one, for a format and the bytes of sound."""
    content += b"\0" * (len(content) % 2)
    if magic in (b"RIFF", b"RIFX") and size < PLAIN_LIMIT:
        order = ">" if magic == b"RIFX" else "<"
        middle = b"WAVEfmt " + struct.pack(order + "I", len(content)) + content
        return (
            magic + struct.pack(order + "I", len(middle) + 8 + size) + middle + b"data" + struct.pack(order + "I", size)
        )
    middle = b"fmt " + struct.pack("<I", len(content)) + content + b"data" + b"\xff" * 4
    total = 4 + 36 + len(middle) + size
    return b"RF64" + b"\xff" * 4 + b"WAVEds64" + struct.pack("<IQQQI", 28, total, size, size // block, 0) + middle


def w64_head(content: bytes, size: int) -> bytes:
    """Return a W64 header for a format and the bytes of sound."""
    chunk = b"fmt " + GUIDS[b""] + struct.pack("<Q", 24 + len(content)) + content + b"\0" * (-len(content) % 8)
    total = 40 + len(chunk) + 24 + size
    start = b"riff" + GUIDS[b"riff"] + struct.pack("<Q", total) + b"wave" + GUIDS[b""]
    return start + chunk + b"data" + GUIDS[b""] + struct.pack("<Q", 24 + size)


def _aiff(path: Place, container: Container, found: Sequence[Chunk]) -> Spliced | None:
    """Mend an AIFF file; its length stands in two places, as bytes and as frames."""
    common = next((chunk for chunk in found if chunk.name == b"COMM"), None)
    sound = [chunk for chunk in found if chunk.name in SOUND]
    content = container.read(common) if common else b""
    if len(content) < 18 or not sound:
        return None  # libsndfile says what is missing
    channels, frames, bits = struct.unpack(">hIh", content[:8])
    coded = content[18:22] or b"NONE"
    refuse_truncated(path, container, sound)
    block = channels * -(-bits // 8)
    if block <= 0 or coded not in INTEGER:
        return None
    held = [chunk.size - 8 for chunk in sound]  # offset and block size come before the samples
    total = sum(held) // block
    told = [chunk for chunk in sound if chunk.size == chunk.claimed]
    agree = frames == total or 0 <= held[0] - frames * block < SLACK  # some files have padding after the sound
    if len(told) == len(sound) == 1 and agree:
        return None
    if sum(held) < frames * block and frames * block < min(PLACEHOLDERS[1:]) - SLACK:
        missing = frames * block - sum(held)
        raise InputError(f"'{path}' is truncated: {missing} bytes are missing at the end; copy it again")
    rate = extended(content[8:18])
    refuse_rate(path, round(rate))
    say_lengths(path, sound, block * rate)
    return Spliced(
        path, aiff_head(container, found, content, total, sum(held)), [(c.start + 8, c.size - 8) for c in sound]
    )


def aiff_head(container: Container, found: Sequence[Chunk], common: bytes, frames: int, size: int) -> bytes:
    """Return the header of an AIFF file with other lengths."""
    container.file.seek(8)
    kind = container.file.read(4)
    content = common[:2] + struct.pack(">I", frames) + common[6:] + b"\0" * (len(common) % 2)
    middle = b"COMM" + struct.pack(">I", len(common)) + content + b"SSND" + struct.pack(">III", size + 8, 0, 0)
    version = b"FVER" + struct.pack(">II", 4, 0xA2805140) if kind == b"AIFC" else b""
    return b"FORM" + struct.pack(">I", min(4 + len(version) + len(middle) + size, 2**32 - 1)) + kind + version + middle


def extended(content: bytes) -> float:
    """Read a number of 80 bits, as AIFF stores rates."""
    exponent, mantissa = struct.unpack(">HQ", content)
    return float(mantissa * 2.0 ** (min(exponent & 0x7FFF, 16383 + 62) - 16383 - 63))


def _flac(path: Place, file: BinaryIO, told: flac.Stream) -> Spliced | None:
    """Mend a FLAC file that says nothing about its length, or the wrong length."""
    refuse_rate(path, told.rate)
    samples = flac.counted(file, told)
    length = file.seek(0, 2)
    if samples is None:
        if not told.samples:
            raise InputError(
                f"'{path}' does not say how long it is, and does not end with a whole frame; copy it again, or decode "
                "and encode it again"
            )
        return None
    if samples == told.samples or samples >= ENDLESS:
        return None
    name = Path(path).name
    if samples < told.samples:
        ends, promised = samples / told.rate, told.samples / told.rate
        raise InputError(f"'{path}' ends at {ends:.1f} s, but its header says {promised:.1f} s; copy it again")
    if told.samples:
        log.warning(
            "%s: its header says %.1f s, but it holds %.1f s; all of it is read",
            name,
            told.samples / told.rate,
            samples / told.rate,
        )
    else:
        log.info("%s: its header does not say how long it is; it is read to its end, %.1f s", name, samples / told.rate)
    file.seek(0)
    head = file.read(told.start) + told.with_samples(samples)
    return Spliced(path, head, [(len(head), length - len(head))])
