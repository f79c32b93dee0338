"""What programs and people wrote into a file beside its sound: copied from an input into its results."""

from __future__ import annotations

import struct
from pathlib import Path

from debleed.io import chunks, flac
from debleed.io.documents import Place
from debleed.io.track_names import of_one_channel

WAV = (b"RIFF", b"RIFX", b"RF64", b"BW64")

CARRIED = {
    **dict.fromkeys(
        WAV,
        # time reference and take; scene and track names; cue points and their labels; INFO; loops; tags; object audio
        (b"bext", b"iXML", b"cue ", b"LIST", b"plst", b"smpl", b"id3 ", b"ID3 ", b"_PMX", b"axml", b"chna"),
    ),
    b"FORM": (b"MARK", b"INST", b"COMT", b"NAME", b"AUTH", b"(c) ", b"ANNO", b"ID3 "),
}
"""Chunks to copy, for each kind of file. A result is aligned to its input, so points in time stay true. Chunks that
describe the samples (a peak, an envelope) do not stay true, and those of one program's own are left out."""

LARGEST = 2**28
"""Bytes of a chunk to copy; the largest that recorders write, lists of markers, have less than a megabyte."""


def carry(source: Place, target: Place, channel: int | None = None) -> None:
    """Copy chunks from a WAV, RF64 or AIFF file into a result of the same kind, or tags and pictures of a FLAC file.

    Of the tracks that iXML lists, a result with one channel of several keeps its own.
    """
    kind, same = magic(source), magic(target)
    if kind in WAV and same in WAV:
        append(target, of_one_channel(carried(source), channel))
        copy_speakers(source, target)
    elif kind == same == b"FORM":
        append(target, carried(source))
    elif kind == same == flac.MAGIC:
        flac.insert(target, flac.described(source))


def magic(path: Place) -> bytes:
    """Read the four bytes that tell the kind of a file."""
    with Path(path).open("rb") as file:
        start = flac.after_tag(file)
        file.seek(start)
        return file.read(4)


def carried(path: Place) -> list[tuple[bytes, bytes]]:
    """Read the chunks to copy: pairs of name and contents."""
    found = chunks.contents(path, *CARRIED.get(magic(path), ()))
    return [(name, content) for name, content in found if len(content) <= LARGEST]


def append(path: Place, extra: list[tuple[bytes, bytes]]) -> None:
    """Append chunks to a finished WAV, RF64 or AIFF file and correct its size; leave other formats unchanged."""
    with Path(path).open("r+b") as file:
        kind = file.read(4)
        if not extra or kind not in CARRIED or kind == b"BW64":
            return
        order = chunks.order_of(kind)
        end = file.seek(0, 2)
        file.write(b"\0" * (end % 2))
        for name, content in extra:
            file.write(struct.pack(order + "4sI", name, len(content)) + content + b"\0" * (len(content) % 2))
        size = file.tell() - 8
        if kind == b"RF64":
            file.seek(20)  # the first field of ds64, which is the first chunk of RF64
            file.write(struct.pack("<Q", size))
        else:
            file.seek(4)
            file.write(struct.pack(order + "I", size))


def copy_speakers(source: Place, target: Place) -> None:
    """Copy the speaker positions of a WAVE_EXTENSIBLE file, which libsndfile replaces by its own."""
    given = next((content for _, content in chunks.contents(source, b"fmt ") if len(content) >= 40), None)
    place = next((c for c in chunks.chunks(target) if c.name == b"fmt " and c.size >= 40), None)
    if given and place:
        with Path(target).open("r+b") as file:
            file.seek(place.start + 20)
            file.write(given[20:24])


def forget_time(path: Place) -> None:
    """Clear the timestamp that libsndfile writes to the PEAK chunk of float files, so equal audio gives equal bytes."""
    for chunk in chunks.chunks(path):
        if chunk.name == b"PEAK":
            with Path(path).open("r+b") as file:
                file.seek(chunk.start + 4)
                file.write(b"\0" * 4)
