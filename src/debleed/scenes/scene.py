"""The kinds of scenes: draw one by the name of its kind or of a preset, or read its description.

A scene is a recording whose truth is known: it puts dry stems before microphones in which they bleed. Two functions
draw scenes, :func:`draw_scene` and :func:`preset`; :func:`from_json` reads what :meth:`Scene.to_json` has written, and
:meth:`Scene.render` computes the sound.

>>> scene = draw_scene("linear", ("singer", "bass"), 48000, seed="take 1", noise_db=-60)
>>> scene == from_json(scene.to_json())
True
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from debleed.recording import InputError
from debleed.scenes.acoustics import Point
from debleed.scenes.base import Rendered, Scene
from debleed.scenes.convolutive import Convolutive
from debleed.scenes.instantaneous import Instantaneous
from debleed.scenes.onstage.scene import OnStage
from debleed.scenes.room import Room
from debleed.spelling import current, modernised

__all__ = [
    "KINDS",
    "PRESETS",
    "Convolutive",
    "Instantaneous",
    "OnStage",
    "Rendered",
    "Room",
    "Scene",
    "draw_scene",
    "from_json",
    "preset",
]

KINDS: Mapping[str, type[Scene]] = MappingProxyType(
    {each.kind: each for each in (Instantaneous, Convolutive, Room, OnStage)},
)
"""Name → kind of scene, as on the command line and in descriptions. A new kind is registered here and nowhere else."""

WASPAA2023_POSITIONS: tuple[Point, ...] = ((3.0, 5.0, 1.0), (5.5, 5.5, 1.0), (8.0, 5.5, 1.0), (10.5, 5.0, 1.0))
PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "waspaa2023-linear": {"kind": "linear"},
        "waspaa2023-room-0.25": {
            "kind": "room",
            "rt60": 0.25,
            "room": (13.5, 7.0, 7.0),
            "source_positions": WASPAA2023_POSITIONS,
        },
        "waspaa2023-room-0.35": {
            "kind": "room",
            "rt60": 0.35,
            "heights": (7.0, 10.0),
            "source_positions": WASPAA2023_POSITIONS,
        },
        "waspaa2023-hall-0.8": {
            "kind": "room",
            "rt60": 0.8,
            "room": (40.0, 35.0, 20.0),
            "layout": "drawn",
            "distance": (1.0, 3.0),
        },
        "drawn-room": {
            "kind": "room",
            "rt60": 0.35,
            "layout": "drawn",
            "distance": (0.2, 1.0),
            "microphone_pattern": "cardioid",
        },
        "real-stage": {
            "kind": "stage",
            "mishaps": (
                *("pair", "wedge=-12,0", "crowd=-30,-10", "click=-30,-10"),
                *("compressor=2,6", "clipping=0.1,2", "clock=-150,150", "jump=0.001,0.01"),
                *("direct=-12,3", "safety=-18,-6", "mix", "dual"),
            ),
            "chance": 0.25,
        },
        "moving-stage": {
            "kind": "stage",
            "mishaps": (
                *("lavalier=0.5,1.5", "handheld=0.5,1.5", "sway=0.5,1.5", "passing=0.5,1.5"),
                *("wedge=-12,0", "crowd=-30,-10", "compressor=2,6"),
            ),
            "chance": 0.35,
        },
    }
)
"""The set-ups of Rajesh and Padmanabhan, and for training a room with cardioids at drawn places, and stages with two or
three mishaps drawn at random; as settings of :func:`draw_scene`. People move on the moving stage alone.

R. Rajesh, P. Rajan: "Neural networks for interference reduction in multi-track recordings", IEEE WASPAA 2023.

Their hall has three sources, whose places the paper does not give, so places are drawn, for any number of sources. By
Sabine's formula, so large a hall has so short a reverberation only if its walls absorb 97 % of the sound. Sabine's
formula does not hold there, and the measured RT60 is shorter, 0.2 to 0.6 s.

On the real stage, no file begins late: an offset of seconds would be all there is in a short excerpt.
"""


def draw_scene(kind: str, sources: Sequence[str], rate: int, seed: int | str, **settings: Any) -> Scene:
    """Draw a scene of one kind from a seed.

    Parameters
    ----------
    kind
        A key of :data:`KINDS`.
    sources
        Names of the stems; each is a source, unless the setting ``groups`` joins several into one.
    rate
        Samples per second. What is drawn does not depend on it.
    seed
        The id of an item, for example. The same seed gives the same scene on every machine.
    settings
        Fields of the kind's class of settings, such as :class:`debleed.scenes.room.RoomSettings`.

    Raises
    ------
    InputError
        For an unknown kind, settings that the kind does not have or that contradict each other, and sources that do not
        fit.
    """
    return _kind(kind).draw(sources, rate, seed, **settings)


def preset(name: str, sources: Sequence[str], rate: int, seed: int | str, **settings: Any) -> Scene:
    """Draw a scene with the settings of a preset.

    Parameters
    ----------
    name
        A key of :data:`PRESETS`.
    sources, rate, seed
        As for :func:`draw_scene`.
    settings
        Further settings of the preset's kind of scene, other than those that the preset fixes.

    Raises
    ------
    InputError
        For an unknown preset, a setting that it fixes, and as :func:`draw_scene`.
    """
    name = current("preset", name)
    if name not in PRESETS:
        raise InputError(f"there is no preset '{name}'; the presets are {', '.join(PRESETS)}")
    if fixed := sorted(set(PRESETS[name]) & set(settings)):
        raise InputError(f"the preset '{name}' fixes the {fixed[0]} itself; omit the setting, or the preset")
    return draw_scene(sources=sources, rate=rate, seed=seed, **PRESETS[name], **settings)


def from_json(text: str, folder: Path | None = None) -> Scene:
    """Read the description of a scene, also one that version 0.1 wrote.

    Parameters
    ----------
    folder
        Where the measured responses are, if the scene has such.

    Raises
    ------
    InputError
        For a text that is not JSON, an unknown kind, and missing or unknown keys.
    """
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"the description of a scene is not JSON: {error}") from None
    if not isinstance(values, dict) or not isinstance(values.get("kind"), str):
        raise InputError("the description of a scene must name its kind")
    if "voices" in values:  # of version 0.1, in which 'sources' were positions
        values = modernised("scene key", values)
    return _kind(values.pop("kind")).from_values(values, folder)


def _kind(name: str) -> type[Scene]:
    if name not in KINDS:
        raise InputError(f"there is no bleed '{name}'; it is one of {', '.join(KINDS)}")
    return KINDS[name]
