"""Write results into DAWprojects."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator, Sequence
from copy import deepcopy
from pathlib import Path, PureWindowsPath
from xml.etree.ElementTree import Element, SubElement, tostring

from debleed.daw.dawproject import XML, DawProject, Sounding, attribute
from debleed.daw.timeline import Cleaned, located, relative
from debleed.io.documents import replacing

KINDS = ("clean", "removed")
"""What is added under a track, in this order."""

FOLDER = "debleed"
"""Folder in the zip for the files of results."""

REFERENCES = ("track", "destination", "parameter", "reference")
"""Attributes that hold the id of another element."""

MOMENT = (1980, 1, 1, 0, 0, 0)
"""Time of the files that are added, so that equal projects are equal files."""


def write_project(project: DawProject, place: Path, results: Sequence[Cleaned]) -> None:
    """Write a project with the results under its tracks; other programs see all of it or nothing."""
    root = deepcopy(project.root)
    same = dict(zip(project.root.iter(), root.iter(), strict=True))
    above = {child: parent for parent in root.iter() for child in parent}
    folder = unused(FOLDER, project.archive.members)
    move_paths(root, project.path.parent, place.parent)
    for result in results:
        track = same[project.elements[result.track]]
        found = [(same[one.audio], one) for one in project.soundings[result.track]]
        items = project.tracks[result.track].items
        shifts = {audio: (one, result.moved(item)) for (audio, one), item in zip(found, items, strict=True)}
        at = track
        for kind in KINDS:
            at = add_track(root, above, track, at, kind, shifts, result, f"{folder}/{kind}")
        mute(track, True)
    with replacing(place) as file, zipfile.ZipFile(file, "w") as archive:
        project.archive.copy_to(archive, XML)
        info = zipfile.ZipInfo(XML, MOMENT)
        info.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(info, tostring(root, encoding="UTF-8", xml_declaration=True))
        for result in results:
            for kind, path in zip(KINDS, (result.clean, result.removed), strict=True):
                store(archive, path, f"{folder}/{kind}/{path.name}")


def store(archive: zipfile.ZipFile, path: Path, name: str) -> None:
    """Add a file to a zip as it is."""
    info = zipfile.ZipInfo(name, MOMENT)
    with path.open("rb") as file, archive.open(info, "w", force_zip64=path.stat().st_size > 2**31) as out:
        shutil.copyfileobj(file, out, 2**20)


def unused(folder: str, members: dict[str, zipfile.ZipInfo]) -> str:
    """Return a folder that no member is in: debleed has cleaned this project before."""
    name, count = folder, 1
    while any(member.startswith(f"{name}/") for member in members):
        count += 1
        name = f"{folder} {count}"
    return name


def add_track(
    root: Element,
    above: dict[Element, Element],
    track: Element,
    after: Element,
    kind: str,
    shifts: dict[Element, tuple[Sounding, float]],
    result: Cleaned,
    folder: str,
) -> Element:
    """Add a copy of a track, and of its timelines, which plays the files of a result.

    Parameters
    ----------
    root, above
        The project, and the parent of each of its elements.
    track, after
        The track, and the one under which the copy goes.
    kind
        ``clean`` or ``removed``.
    shifts
        The audio that plays on the track, and by how many seconds later it lies in the files of the result.
    result, folder
        The result, and the folder of its file in the zip.
    """
    copy = deepcopy(track)
    for child in copy.findall("Track"):  # those inside a group
        copy.remove(child)
    arrangement = root.findall("Arrangement/Lanes")
    lanes = [lane for part in arrangement for lane in part.iter() if lane.get("track") == track.get("id")]
    copies = [copied(lane, shifts, result, kind, folder) for lane in lanes]
    renew(root, [copy, *copies], kind)
    copy.set("name", f"{track.get('name', '')} {kind}".strip())
    mute(copy, kind == "removed")
    insert_after(above[after], after, copy)
    above[copy] = above[after]
    for lane, twin in zip(lanes, copies, strict=True):
        insert_after(above[lane], lane, twin)
        above[twin] = above[lane]
    return copy


def insert_after(parent: Element, child: Element, new: Element) -> None:
    """Insert an element after another."""
    parent.insert(list(parent).index(child) + 1, new)


def copied(
    lane: Element, shifts: dict[Element, tuple[Sounding, float]], result: Cleaned, kind: str, folder: str
) -> Element:
    """Copy the timeline of a track with the files of a result."""
    copy = deepcopy(lane)
    above = {child: parent for parent in copy.iter() for child in parent}
    for old, new in list(zip(lane.iter(), copy.iter(), strict=True)):
        if old not in shifts:
            continue
        found, shift = shifts[old]
        path = result.clean if kind == "clean" else result.removed
        new.attrib |= {
            "channels": str(result.channels),
            "sampleRate": str(result.rate),
            "duration": repr(result.frames / result.rate),
        }
        for file in new.findall("File"):
            file.attrib.pop("external", None)
            file.set("path", f"{folder}/{path.name}")
        if shift:
            move(new, above, found, shift)
    return copy


def move(audio: Element, above: dict[Element, Element], found: Sounding, shift: float) -> None:
    """Let audio begin later in its file, by warps, so that nothing else inside the clip moves."""
    tempo = found.scope.tempo
    if found.warps is not None:
        parent = above[audio]
        while parent.tag != "Warps":
            parent = above[parent]
        seconds = tempo.seconds(1.0) if parent.get("contentTimeUnit") == "beats" else 1.0
        for warp in parent.findall("Warp"):
            warp.set("contentTime", repr(attribute(warp, "contentTime") + shift / seconds))
        return
    parent = above[audio]
    beats = found.scope.unit == "beats" and tempo.constant  # as programs write it; beats of any length are no time
    warps = Element("Warps", {"timeUnit": "beats" if beats else "seconds", "contentTimeUnit": "seconds"})
    parent[list(parent).index(audio)] = warps
    warps.append(audio)
    for seconds in (0.0, attribute(audio, "duration")):
        time = tempo.beats(seconds) if beats else seconds
        SubElement(warps, "Warp", {"time": repr(time), "contentTime": repr(seconds + shift)})


def mute(track: Element, value: bool) -> None:
    """Mute a track or let it play."""
    channel = track.find("Channel")
    if channel is None:
        channel = Element("Channel")
        track.insert(0, channel)
    switch = channel.find("Mute")
    if switch is None:
        switch = Element("Mute")
        channel.insert(int(channel.find("Devices") is not None), switch)  # the order is that of the schema
    switch.set("value", str(value).lower())


def renew(root: Element, copies: Sequence[Element], kind: str) -> None:
    """Give the elements of copies ids of their own, and let them refer to each other."""
    used = {one.get("id") for one in root.iter()}
    names: dict[str, str] = {}
    for one in _all(copies):
        if old := one.get("id"):
            number, new = 1, f"{old}-{kind}"
            while new in used:
                number += 1
                new = f"{old}-{kind}-{number}"
            used.add(new)
            names[old] = new
            one.set("id", new)
    for one in _all(copies):
        for key in REFERENCES:
            if one.get(key) in names:
                one.set(key, names[str(one.get(key))])


def _all(elements: Sequence[Element]) -> Iterator[Element]:
    for element in elements:
        yield from element.iter()


def move_paths(root: Element, old: Path, new: Path) -> None:
    """Let the relative paths of files outside the zip lead from another folder."""
    for file in root.iter():
        written = file.get("path", "")
        outside = file.get("external") == "true" and written
        if outside and not Path(written).is_absolute() and not PureWindowsPath(written).is_absolute():
            file.set("path", Path(relative(located(written, old), new)).as_posix())
