"""DAWprojects, the open exchange format of Bitwig Studio, Studio One, Cubase and others: what plays on the tracks.

The format is described by its schema: a zip with ``project.xml``. Clips contain clips, lanes, warps or audio, each in
beats or in seconds; here, every piece of audio is followed down to the second of the project at which its file begins.
"""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element

from debleed.clock import clock
from debleed.daw.archive import Archive
from debleed.daw.tempo import Tempo, TempoPoint
from debleed.daw.timeline import Cleaned, Item, Project, ProjectTrack, located
from debleed.io.documents import Place
from debleed.recording import InputError

XML = "project.xml"

LARGEST = 2**27
"""Bytes of project.xml."""

DEEPEST = 100
"""Elements inside each other."""

TOLERANCE = 1e-4
"""Seconds by which audio may drift against its file before it counts as stretched: what comes of rounded beats."""


@dataclass(frozen=True)
class Scope:
    """Where a timeline lies in the project.

    Parameters
    ----------
    tempo
        Beats and seconds of the project.
    unit
        The unit of times inside: beats or seconds.
    zero
        Where its time 0 lies in the project, in this unit.
    start, stop
        The seconds of the project between which it plays.
    """

    tempo: Tempo
    unit: str
    zero: float = 0.0
    start: float = -math.inf
    stop: float = math.inf

    def seconds(self, time: float) -> float:
        """Return the second of the project at a time inside."""
        return self.tempo.seconds(self.zero + time) if self.unit == "beats" else self.zero + time

    def of(self, timeline: Element) -> Scope:
        """Return the scope inside a timeline, which may have its own unit."""
        return self.counting(timeline.get("timeUnit"))

    def counting(self, unit: str | None) -> Scope:
        """Return the same scope in another unit."""
        if unit is None or unit == self.unit:
            return self
        if unit not in ("beats", "seconds"):
            raise InputError(f"the project is damaged: its times are in '{unit[:40]}'; export it again")
        zero = self.seconds(0)
        return replace(self, unit=unit, zero=self.tempo.beats(zero) if unit == "beats" else zero)

    def inside(self, clip: Element) -> Scope:
        """Return the scope inside a clip."""
        time = attribute(clip, "time")
        begin = self.seconds(time)
        end = self.seconds(time + attribute(clip, "duration")) if "duration" in clip.attrib else math.inf
        here = replace(self, zero=self.zero + time, start=max(self.start, begin), stop=min(self.stop, end))
        content = here.counting(clip.get("contentTimeUnit"))
        return replace(content, zero=content.zero - attribute(clip, "playStart"))


@dataclass(frozen=True)
class Sounding:
    """A piece of audio that plays.

    Parameters
    ----------
    audio, warps
        The element, and the warps around it, if there are any.
    scope
        That of the audio, or of the warps.
    origin
        The second of the project at which its file begins.
    trouble
        Why it cannot be cleaned, or empty.
    """

    audio: Element
    warps: Element | None
    scope: Scope
    origin: float
    trouble: str


class DawProject(Project):
    """A DAWproject, whose audio is unpacked to a temporary folder.

    Raises
    ------
    InputError
        If it is damaged or hostile.
    """

    embeds = True

    def __init__(self, path: Path) -> None:
        self.path = path
        self.archive = Archive(path)
        self.root = parsed(self.archive.read(XML, LARGEST), path)
        self._folder = Path(tempfile.mkdtemp(prefix="debleed-"))
        self._unpacked: dict[str, Path] = {}
        try:
            tempo = tempo_of(self.root)
            self.elements = [track for track in playing(self.root) if soundings(self.root, track, tempo)]
            self.soundings = [soundings(self.root, track, tempo) for track in self.elements]
            names = [track.get("name", "") for track in self.elements]
            self.tracks = tuple(map(self._track, names, self.soundings))
        except BaseException:
            self.close()
            raise

    def _track(self, name: str, found: Sequence[Sounding]) -> ProjectTrack:
        trouble = next((one.trouble for one in found if one.trouble), "")
        return ProjectTrack(name, () if trouble else tuple(map(self._item, found)), trouble)

    def _item(self, found: Sounding) -> Item:
        scope = found.scope
        ends = found.origin + attribute(found.audio, "duration")
        start, stop = max(scope.start, found.origin), scope.stop if math.isfinite(scope.stop) else ends
        return Item(self._media(found.audio), None, start, stop - start, start - found.origin)

    def _media(self, audio: Element) -> Path:
        """Return where the file of some audio is; unpack it if it is in the zip."""
        file = audio.find("File")
        written = "" if file is None else file.get("path", "")
        if file is not None and file.get("external") == "true":
            return located(written, self.path.parent)
        if written not in self._unpacked:
            info = self.archive.members.get(written)
            if info is None:
                raise InputError(f"'{self.path}' plays '{written}' but does not hold it; export the project again")
            if info.file_size > shutil.disk_usage(self._folder).free:
                raise InputError(f"there is no room to unpack '{written}' to '{self._folder}'; free some space")
            place = self._folder / str(len(self._unpacked)) / (PurePosixPath(written).name[-100:] or "audio")
            place.parent.mkdir()
            self.archive.unpack(written, place)
            self._unpacked[written] = place
        return self._unpacked[written]

    def write(self, place: Place, results: Sequence[Cleaned]) -> None:
        """Write the project with the results under the tracks, and their files inside; see :meth:`Project.write`."""
        from debleed.daw.dawproject_writing import write_project

        write_project(self, Path(place), results)

    def close(self) -> None:
        """Delete what was unpacked."""
        shutil.rmtree(self._folder, ignore_errors=True)


def parsed(text: bytes, path: Path) -> Element:
    """Parse the XML of a project; refuse entities, whose expansion could fill the memory.

    Raises
    ------
    InputError
        If it is not XML, or harmful.
    """
    try:
        from defusedxml import DefusedXmlException
        from defusedxml.ElementTree import fromstring
    except ImportError:
        raise InputError("reading a DAWproject needs 'defusedxml'; install debleed with [daw]") from None
    try:
        root: Element = fromstring(text, forbid_dtd=True)
    except DefusedXmlException:
        raise InputError(f"the XML in '{path}' declares entities, which no project does; do not trust it") from None
    except (SyntaxError, ValueError, LookupError) as reason:  # LookupError: an unknown encoding
        raise InputError(f"the XML in '{path}' is damaged ({reason}); export the project again") from None
    layer, depth = [root], 0
    while layer:
        layer, depth = [child for one in layer for child in one], depth + 1
        if depth > DEEPEST:
            raise InputError(f"the XML in '{path}' is nested too deeply for a project; export it again")
    if root.tag != "Project":
        raise InputError(f"'{path}' is no DAWproject: its XML begins with '{root.tag[:40]}'")
    return root


def attribute(element: Element, name: str, otherwise: float = 0.0) -> float:
    """Read an attribute as a number.

    Raises
    ------
    InputError
        If it is none.
    """
    text = element.get(name)
    if text is None:
        return otherwise
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not abs(found) < 1e9:  # 30 years in seconds
        raise InputError(f"the project is damaged: {element.tag} has {name}='{text[:40]}'; export it again")
    return found


def tempo_of(root: Element) -> Tempo:
    """Read the tempo of a project."""
    given = root.find("Transport/Tempo")
    points = [TempoPoint(0.0, 120.0 if given is None else attribute(given, "value", 120.0))]
    automation = root.find("Arrangement/TempoAutomation")
    if automation is not None and automation.get("timeUnit", "beats") == "beats":
        changes = automation.findall("RealPoint")
        ramps = [change.get("interpolation") == "linear" for change in changes]
        pairs = zip(changes, ramps, strict=True)
        points = [TempoPoint(attribute(one, "time"), attribute(one, "value"), ramp) for one, ramp in pairs] or points
    if not all(1 <= point.bpm < 1e5 for point in points):
        raise InputError("the project is damaged: its tempo is no number of beats per minute; export it again")
    return Tempo(points)


def playing(root: Element) -> Iterator[Element]:
    """Yield the tracks that are not muted, nor inside a muted one."""

    def within(parent: Element) -> Iterator[Element]:
        for track in parent.findall("Track"):
            mute = track.find("Channel/Mute")
            if mute is None or mute.get("value") not in ("true", "1"):
                yield track
                yield from within(track)

    structure = root.find("Structure")
    yield from () if structure is None else within(structure)


def soundings(root: Element, track: Element, tempo: Tempo) -> list[Sounding]:
    """Return the audio that plays on a track."""
    lanes = root.find("Arrangement/Lanes")
    if lanes is None or track.get("id") is None:
        return []
    found = []
    for lane, scope in lanes_of(lanes, str(track.get("id")), Scope(tempo, "beats").of(lanes)):
        found += list(sounding(lane, scope))
    return found


def lanes_of(parent: Element, track: str, scope: Scope) -> Iterator[tuple[Element, Scope]]:
    """Yield the timelines of a track, and where they lie."""
    for child in parent:
        if child.get("track") == track:
            yield child, scope.of(child)
        elif child.tag == "Lanes" and "track" not in child.attrib:
            yield from lanes_of(child, track, scope.of(child))


def sounding(timeline: Element, scope: Scope, trouble: str = "") -> Iterator[Sounding]:
    """Yield the audio inside a timeline, whose own scope is given."""
    for child in timeline:
        if child.tag == "Clip":
            if child.get("enable") not in ("false", "0"):
                inner = scope.inside(child)
                yield from sounding(child, inner, trouble or trouble_of(child, inner))
        elif child.tag in ("Lanes", "Clips"):
            yield from sounding(child, scope.of(child), trouble)
        elif child.tag == "Audio":
            yield Sounding(child, None, scope, scope.seconds(0), trouble)
        elif child.tag == "Warps":
            for audio in child.iter("Audio"):
                origins = origins_of(child, scope.of(child))
                drift = max(origins) - min(origins) > TOLERANCE
                why = f"has a stretched clip at {clock(scope.start, 1)}" if drift else trouble
                yield Sounding(audio, child, scope.of(child), origins[0], why)


def trouble_of(clip: Element, inner: Scope) -> str:
    """Say why a clip cannot be cleaned; empty if it can."""
    if "reference" in clip.attrib:
        return f"has a clip at {clock(inner.start, 1)} that is an alias of another"
    ends = attribute(clip, "loopEnd", math.inf)
    if math.isfinite(ends) and math.isfinite(inner.stop) and inner.seconds(ends) < inner.stop - TOLERANCE:
        return f"has a clip at {clock(inner.start, 1)} that loops"
    return ""


def origins_of(warps: Element, scope: Scope) -> list[float]:
    """Return, for each warp, the second of the project at which the file would begin."""
    content = 1.0
    if warps.get("contentTimeUnit") == "beats":  # as if the tempo were that of the beginning
        content = scope.tempo.seconds(1.0)
    points = [(attribute(warp, "time"), attribute(warp, "contentTime")) for warp in warps.findall("Warp")]
    return [scope.seconds(time) - content * inside for time, inside in points] or [scope.seconds(0)]
