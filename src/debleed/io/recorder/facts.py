"""What one file says about itself, without its samples."""

from __future__ import annotations

import struct
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from debleed.io import chunks
from debleed.io.audio_file import BITS, AudioFile
from debleed.io.documents import Place
from debleed.io.track_names import Names

TIME_REFERENCE = 338
"""Bytes into the bext chunk of the samples since midnight, a 64-bit integer (EBU Tech 3285)."""


@dataclass(frozen=True)
class Facts:
    """What a file says about itself.

    Parameters
    ----------
    path
        The file.
    channels, rate, frames
        Number of channels, samples per second, samples per channel.
    container, subtype, endian
        File type, sample format and byte order, as named by libsndfile.
    names
        The name of the track on each channel, ``None`` where the file has none.
    time, day
        The sample of the day at which it begins, and the day as an ordinal number, 0 if it says none; ``None`` if it
        has no time stamp.
    """

    path: Path
    channels: int
    rate: int
    frames: int
    container: str
    subtype: str
    endian: str
    names: Names
    time: int | None = None
    day: int = 0

    @property
    def form(self) -> tuple[int, int, str, str]:
        """What the parts of one file have in common."""
        return self.channels, self.rate, self.container, self.subtype

    @property
    def size(self) -> int:
        """Bytes of its samples without compression, 0 for a lossy file."""
        floats = {"FLOAT": 32, "DOUBLE": 64}
        return (BITS | floats).get(self.subtype, 0) // 8 * self.channels * self.frames


def facts_of(path: Place) -> Facts:
    """Read what a file says about itself.

    Raises
    ------
    InputError
        If it cannot be read as audio.
    """
    with closing(AudioFile(path)) as file:
        shape = (file.channels, file.rate, file.frames, file.container, file.subtype, file.endian)
        return Facts(file.path, *shape, file.track_names, *begins_at(path))


def begins_at(path: Place) -> tuple[int | None, int]:
    """Read the sample of the day at which a file begins, and the day, from its broadcast extension."""
    content = dict(chunks.contents(path, b"bext")).get(b"bext", b"")
    stamp = content[TIME_REFERENCE : TIME_REFERENCE + 8]
    if len(stamp) < 8:
        return None, 0
    day = chunks.recorded_on(path)
    return int(struct.unpack("<Q", stamp)[0]), day.toordinal() if day else 0
