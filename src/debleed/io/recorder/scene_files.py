"""The names of channels that consoles keep beside the audio: scenes of X32, M32 and Wing, sessions of the Ui24R."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path

from debleed.io.track_names import clean

log = logging.getLogger(__name__)

LARGEST = 2**22
"""Bytes of the largest file that may be a scene; one of an X32 has 110 kB."""

LINE = re.compile(r'/ch/(\d\d)/config +(?:"([^"]*)"|(\S+))(?:.* (\d+))?')
"""The line of a scene with a channel's name, icon, color and input."""

ROUTING = re.compile(r"/config/routing/(IN|CARD) +(.*)")
"""The line of a scene with the signals of the inputs, or of the card, in blocks of eight."""

BLOCK = re.compile(r"([A-Z]+)(\d+)-(\d+)")
"""The signals of a block: ``AN9-16``."""

FACTORY = ("AN1-8", "AN9-16", "AN17-24", "AN25-32")
"""The blocks in a scene that does not say."""

SESSION = ".uirecsession"
"""Name of the file of a Ui24R's recording."""


def channel_names(*folders: Path) -> dict[int, str]:
    """Read the names of a card's tracks, by number from 1, from the only scene of an X32, M32 or Wing in these folders.

    A track has the name of the channel that has the same input. Several scenes may differ, so none of them counts.
    """
    scenes = sorted({path for folder in folders for path in folder.iterdir() if _is_scene(path)})
    if len(scenes) > 1:
        log.info("several scenes, so no names from them: %s", ", ".join(path.name for path in scenes))
    if len(scenes) != 1:
        return {}
    names = (of_snapshot if scenes[0].suffix.lower() == ".snap" else of_scene)(_text(scenes[0]))
    if names:
        log.info("names of channels from %s", scenes[0].name)
    return names


def _is_scene(path: Path) -> bool:
    return path.suffix.lower() in (".scn", ".snap") and not path.name.startswith(".") and path.is_file()


def of_scene(text: str) -> dict[int, str]:
    r"""Read the names of the tracks that the card records from a scene.

    Examples
    --------
    >>> of_scene('/config/routing/CARD AN9-16 AN1-8\n/ch/01/config "Kick" 3 RD 1\n/ch/09/config "Vox" 41 YE 9')
    {1: 'Vox', 9: 'Kick'}
    """
    blocks: dict[str, tuple[str, ...]] = {"IN": FACTORY, "CARD": FACTORY}
    channels: dict[tuple[str, int], str] = {}
    lines = text.splitlines()
    for line in lines:
        if match := ROUTING.fullmatch(line.strip()):
            blocks[match[1]] = tuple(match[2].split())
    for line in lines:
        match = LINE.fullmatch(line.strip())
        name = clean(match[2] or match[3]) if match else None
        signal = _signal(blocks["IN"], int(match[4] or match[1])) if match else None
        if name and signal:
            channels.setdefault(signal, name)
    tracks = {track: _signal(blocks["CARD"], track) for track in range(1, 33)}
    return {track: channels[signal] for track, signal in tracks.items() if signal in channels}


def _signal(blocks: tuple[str, ...], number: int) -> tuple[str, int] | None:
    """Return the signal at a place, from 1, of routing blocks of eight."""
    block, place = divmod(number - 1, 8)
    match = BLOCK.fullmatch(blocks[block]) if 0 <= block < min(4, len(blocks)) else None
    return (match[1], int(match[2]) + place) if match else None


def of_snapshot(text: str) -> dict[int, str]:
    r"""Read the names of the tracks that the card records from a snapshot of a Wing.

    It is JSON that mirrors the console's parameters as its remote protocol has them: ``io.out.CRD.<track>`` says which
    input a track records, ``ch.<number>.in.conn`` which a channel has, and ``io.in.<group>.<number>`` names inputs.

    Examples
    --------
    >>> of_snapshot('{"ae_data": {"ch": {"7": {"name": "Vox", "in": {"conn": {"grp": "A", "in": 3}}}}, '
    ...             '"io": {"in": {}, "out": {"CRD": {"1": {"grp": "A", "in": 3}}}}}}')
    {1: 'Vox'}
    """
    try:
        data = json.loads(text)["ae_data"]
        tracks = {int(number): _input(track) for number, track in data["io"]["out"]["CRD"].items()}
        names = {
            (str(group), int(number)): clean(str(one.get("name") or ""))
            for group, inputs in data["io"]["in"].items()
            for number, one in inputs.items()
        }
        for _, one in sorted(data["ch"].items(), key=lambda item: -int(item[0])):  # the first one wins
            if name := clean(str(one.get("name") or "")):
                names[_input(one["in"]["conn"])] = name
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):  # no snapshot after all
        return {}
    named = {track: names.get(signal) for track, signal in sorted(tracks.items()) if signal[0] != "OFF"}
    return {track: name for track, name in named.items() if name}


def _input(connection: Mapping[str, object]) -> tuple[str, int]:
    return str(connection["grp"]), int(str(connection["in"]))


def file_names(folder: Path) -> Mapping[str, str]:
    """Read the names that the session of a Ui24R gives to its files: stem → name."""
    path = folder / SESSION
    if not path.is_file():
        return {}
    try:
        data = json.loads(_text(path))
        pairs = zip(data["files"], data["names"], strict=True)
        return {Path(str(file)).stem: name for file, name in ((f, clean(str(n))) for f, n in pairs) if name}
    except (ValueError, KeyError, TypeError, RecursionError):  # no session after all
        return {}


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(LARGEST).decode("utf-8", "replace")
