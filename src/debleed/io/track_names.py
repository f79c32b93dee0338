"""The names of tracks that recorders write into WAV files: iXML, and lines such as ``sTRK1=Boom`` in the bext chunk.

iXML is specified at http://www.gallery.co.uk/ixml. Its TRACK_LIST has a TRACK per channel with its NAME, and the place
of the channel in this file (INTERLEAVE_INDEX, from 1). Recorders of Sound Devices, Zoom and others also write one line
per track into the description of the broadcast extension (EBU Tech 3285): its letter, TRK, the number, and the name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from debleed.io.chunks import contents
from debleed.io.documents import Place

DESCRIPTION = 256
"""Bytes of the description, with which the bext chunk begins."""

TRACK = re.compile(r"^[a-z]?TRK(\d+)=(.*)$", re.IGNORECASE | re.MULTILINE)
"""The line of a track in it."""

PAIRED = re.compile(r"(.*?)[\W_]*(l|r|left|right)", re.IGNORECASE)
"""The name of half a stereo pair."""

Names = tuple[str | None, ...]


def of_channels(path: Place, channels: int) -> Names:
    """Read the name of the track on each channel; ``None`` where the file does not say which name is that channel's."""
    found = dict(contents(path, b"iXML", b"bext"))
    for names in (
        of_ixml(found.get(b"iXML", b""), channels),
        of_description(found.get(b"bext", b"")[:DESCRIPTION], channels),
    ):
        if any(names):
            return names
    return (None,) * channels


def names_of_channels(names: Names) -> tuple[str, ...]:
    """Name each channel of a file: by its track, if no other channel has that name too, or else by its number.

    Examples
    --------
    >>> names_of_channels(("Boom", "Lav", "Lav", None))
    ('Boom', 'ch2', 'ch3', 'ch4')
    """
    numbers = numbers_of_channels(len(names))
    taken = {*numbers, None}
    return tuple(
        number if name is None or name in taken or names.count(name) > 1 else name
        for name, number in zip(names, numbers, strict=True)
    )


def numbers_of_channels(count: int) -> tuple[str, ...]:
    """Return ``ch1``, ``ch2``, ..., which name channels in session files and options too."""
    return tuple(f"ch{i + 1}" for i in range(count))


def of_ixml(content: bytes, channels: int) -> Names:
    """Read the names of tracks from an iXML chunk; what is not iXML has none."""
    nothing = (None,) * channels
    root = _xml(content)
    if root is None:
        return nothing
    tracks = root.findall(".//TRACK_LIST/TRACK")
    named = [(track.findtext("INTERLEAVE_INDEX") or "", track.findtext("NAME")) for track in tracks]
    places = [int(index) if index.strip().isdecimal() else 0 for index, _ in named]
    if sorted(places) == list(range(1, channels + 1)):
        named = [named[places.index(channel)] for channel in range(1, channels + 1)]
    elif len(named) != channels:
        return nothing
    return tuple(clean(name) for _, name in named)


def _xml(content: bytes) -> ElementTree.Element | None:
    """Read an iXML chunk; ``None`` if it is not XML."""
    if b"<!" in content.replace(b"<!--", b""):  # no document type, so no entities that expand without end
        return None
    try:
        return ElementTree.fromstring(content.strip(b"\0 \t\r\n"))
    except (ElementTree.ParseError, LookupError, ValueError):  # the others: an encoding that does not exist
        return None


def of_one_channel(extra: list[tuple[bytes, bytes]], channel: int | None) -> list[tuple[bytes, bytes]]:
    """Return chunks for one channel of a file, from 0: the list of tracks in iXML keeps that of the channel alone."""
    if channel is None:
        return extra
    return [(name, _one_track(content, channel) if name == b"iXML" else content) for name, content in extra]


def _one_track(content: bytes, channel: int) -> bytes:
    root = _xml(content)
    tracks = None if root is None else root.find(".//TRACK_LIST")
    if root is None or tracks is None:
        return content
    listed = tracks.findall("TRACK")
    wanted = [track for track in listed if (track.findtext("INTERLEAVE_INDEX") or "").strip() == str(channel + 1)]
    kept = wanted or listed[channel : channel + 1]
    for track in listed:
        if track not in kept:
            tracks.remove(track)
    for place in (tracks.find("TRACK_COUNT"), *(track.find("INTERLEAVE_INDEX") for track in kept)):
        if place is not None:
            place.text = "1"
    written: bytes = ElementTree.tostring(root, "utf-8", xml_declaration=True)
    return written


def of_description(content: bytes, channels: int) -> Names:
    """Read the names of tracks from a description; one that lists other tracks too does not say which are here."""
    text = content.partition(b"\0")[0].decode("utf-8", "replace")
    found = sorted((int(number), name) for number, name in TRACK.findall(text.replace("\r", "\n")))
    return tuple(clean(name) for _, name in found) if len(found) == channels else (None,) * channels


def of_file(names: Sequence[str | None]) -> str | None:
    """Name a file by its channels: the only one's name, or what the names of a stereo pair begin with.

    Examples
    --------
    >>> of_file(["Boom"]), of_file(["Keys L", "Keys R"]), of_file(["L", "R"]), of_file(["Boom", "Anna"])
    ('Boom', 'Keys', 'LR', None)
    """
    told = [name for name in names if name]
    if len(told) < len(names) or not told:
        return None
    if len(set(told)) == 1:
        return told[0]
    pair = [match.groups() for name in told if (match := PAIRED.fullmatch(name))]
    sides = tuple(side.casefold() for _, side in pair)
    if sides not in (("l", "r"), ("left", "right")) or pair[0][0] != pair[1][0] or len(told) != 2:
        return None
    return str(pair[0][0]) or "LR"


def clean(name: str | None) -> str | None:
    """Return a name without what could not be part of a file name either."""
    printable = "".join(character for character in name or "" if character.isprintable())
    return re.sub(r"[/\\]", "-", printable).strip(" .") or None
