"""New projects in which files play from the beginning, a track each: for REAPER, and as DAWproject for others."""

from __future__ import annotations

import io
import uuid
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from xml.etree.ElementTree import Element, SubElement, tostring

from debleed import __version__
from debleed.daw.rpp_text import quoted

MOMENT = (1980, 1, 1, 0, 0, 0)
"""Time of what is in a zip, so that equal projects are equal files."""

TEMPO = 120
"""Beats per minute; the audio is placed in seconds and does not depend on it."""

KINDS = {".flac": "FLAC", ".ogg": "VORBIS", ".oga": "VORBIS", ".mp3": "MP3", ".opus": "OPUS"}
"""Suffix → kind of source in REAPER, for files that are none of WAVE, which includes AIFF and W64."""


@dataclass(frozen=True)
class NewTrack:
    """A track with one file.

    Parameters
    ----------
    name
        Its name.
    file
        The path of its file from the folder of the project, with ``/``.
    rate, channels, frames
        Those of the file.
    muted
        Whether it is silent at first.
    """

    name: str
    file: str
    rate: int
    channels: int
    frames: int
    muted: bool = False

    @property
    def seconds(self) -> float:
        """Length of the file in seconds."""
        return self.frames / self.rate


def reaper_project(tracks: Sequence[NewTrack]) -> str:
    """Return the text of a project of REAPER, at the highest rate of the files."""
    lines = [f'<REAPER_PROJECT 0.1 "7.0/debleed {__version__}" 0']
    lines += [f"  SAMPLERATE {max(track.rate for track in tracks)} 1 0", f"  TEMPO {TEMPO} 4 4"]
    for number, track in enumerate(tracks):
        kind = KINDS.get(PurePosixPath(track.file).suffix.lower(), "WAVE")
        lines += [
            f"  <TRACK {_guid(number, track)}",
            f"    NAME {quoted(track.name)}",
            f"    MUTESOLO {int(track.muted)} 0 0",
            "    <ITEM",
            "      POSITION 0",
            f"      LENGTH {track.seconds!r}",
            "      LOOP 0",
            "      FADEIN 1 0 0 1 0 0 0",
            "      FADEOUT 1 0 0 1 0 0 0",
            f"      NAME {quoted(PurePosixPath(track.file).name)}",
            "      SOFFS 0",
            f"      <SOURCE {kind}",
            f"        FILE {quoted(track.file)}",
            "      >",
            "    >",
            "  >",
        ]
    return "\n".join([*lines, ">", ""])


def _guid(number: int, track: NewTrack) -> str:
    return "{" + str(uuid.uuid5(uuid.NAMESPACE_URL, f"debleed:{number}:{track.file}")).upper() + "}"


def dawproject(tracks: Sequence[NewTrack]) -> bytes:
    """Return a DAWproject whose files lie beside it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, root in (("project.xml", _project(tracks)), ("metadata.xml", Element("MetaData"))):
            info = zipfile.ZipInfo(name, MOMENT)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, tostring(root, encoding="UTF-8", xml_declaration=True))
    return content.getvalue()


def _project(tracks: Sequence[NewTrack]) -> Element:
    root = Element("Project", {"version": "1.0"})
    SubElement(root, "Application", {"name": "debleed", "version": __version__})
    transport = SubElement(root, "Transport")
    SubElement(transport, "Tempo", {"unit": "bpm", "value": str(TEMPO), "id": "tempo"})
    SubElement(transport, "TimeSignature", {"numerator": "4", "denominator": "4", "id": "signature"})
    structure = SubElement(root, "Structure")
    for number, track in enumerate(tracks):
        _add_track(structure, f"track{number}", track)
    master = SubElement(structure, "Track", {"contentType": "audio", "id": "main", "name": "Master"})
    SubElement(master, "Channel", {"role": "master", "id": "master", "audioChannels": "2"})
    arrangement = SubElement(root, "Arrangement", {"id": "arrangement"})
    lanes = SubElement(arrangement, "Lanes", {"timeUnit": "seconds", "id": "lanes"})
    for number, track in enumerate(tracks):
        _add_clip(lanes, f"track{number}", track)
    return root


def _add_track(structure: Element, key: str, track: NewTrack) -> None:
    found = SubElement(structure, "Track", {"contentType": "audio", "loaded": "true", "id": key, "name": track.name})
    about = {"audioChannels": str(track.channels), "destination": "master", "role": "regular", "id": f"{key}-channel"}
    channel = SubElement(found, "Channel", about)
    SubElement(channel, "Mute", {"value": str(track.muted).lower(), "id": f"{key}-mute"})
    SubElement(channel, "Pan", {"unit": "normalized", "value": "0.5", "id": f"{key}-pan"})
    SubElement(channel, "Volume", {"unit": "linear", "value": "1.0", "id": f"{key}-volume"})


def _add_clip(lanes: Element, key: str, track: NewTrack) -> None:
    lane = SubElement(lanes, "Lanes", {"track": key, "id": f"{key}-lane"})
    clips = SubElement(lane, "Clips", {"id": f"{key}-clips"})
    duration = repr(track.seconds)
    about = {"time": "0.0", "duration": duration, "contentTimeUnit": "seconds", "playStart": "0.0", "name": track.name}
    clip = SubElement(clips, "Clip", about)
    shape = {"channels": str(track.channels), "sampleRate": str(track.rate), "duration": duration}
    audio = SubElement(clip, "Audio", {**shape, "id": f"{key}-audio"})
    SubElement(audio, "File", {"path": track.file, "external": "true"})
