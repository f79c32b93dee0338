"""Places of sources and microphones: in a row or anywhere in the room, with the parts of a source side by side.

Sources and stems have separate indices: ``owners[j]`` is the source that stem j belongs to. A microphone is drawn for
every source, even for one that has none, so that leaving out a microphone moves nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from debleed.recording import InputError
from debleed.scenes.acoustics import Point
from debleed.scenes.lineup import Lineup

Places = NDArray[np.float64]
"""Metres, shape ``(…, 3)``."""
Owners = NDArray[np.intp]
"""The source of each stem, shape ``(stems,)``."""

WALL = 1.5
"""Least distance in metres of every source and microphone from the walls."""
APART = 1.0
"""Least distance in metres between two sources that are drawn anywhere in the room."""
REACH = 0.5
"""Most metres from the middle of a source to its parts, which also lie within half the distance of its microphone."""
HEIGHTS = (1.0, 1.7)
"""Metres above the floor, from the bell of a saxophone to the mouth of a tall singer."""
HEADROOM = 0.5
"""Metres between the highest source and the ceiling."""
TRIES = 2000
"""Number of places tried for one source before the room counts as full."""


def reach(owners: Owners, near: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute how far the parts of each source may be from its middle, in metres; 0 for a source of one stem."""
    several = np.bincount(owners, minlength=len(near)) > 1
    return np.where(several, np.minimum(REACH, near / 2), 0.0)


def draw_offsets(owners: Owners, near: NDArray[np.float64], rng: np.random.Generator) -> Places:
    """Draw the places of the parts of each source relative to its middle, at the same height; shape ``(stems, 3)``."""
    radius = reach(owners, near)[owners] * np.sqrt(rng.uniform(size=len(owners)))
    angle = rng.uniform(0, 2 * np.pi, len(owners))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), np.zeros(len(owners))], axis=1)


def draw_loose_row(
    offsets: Places, owners: Owners, near: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw sources in a row, 2 to 3 m apart.

    Returns
    -------
    Metres from each stem to the microphone of each source, ``(sources, stems)``.
    """
    count = len(near)
    along = np.cumsum(rng.uniform(2, 3, count))
    sideways = (along[:, None] - (along[owners] + offsets[:, 0])) * rng.uniform(0.9, 1.1, (count, count))[:, owners]
    return np.hypot(near[:, None] + offsets[:, 1], sideways)


def draw_row(room: Point, near: NDArray[np.float64], rng: np.random.Generator) -> Places:
    """Place sources side by side along the room, with space for microphones in front of them (y); ``(sources, 3)``.

    Raises
    ------
    InputError
        If the room is too small.
    """
    count, distance = len(near), float(near.max())
    jitter, depth, height = 0.3, 0.1, 1.2
    length, width, top = room
    if length < 2 * (WALL + jitter) or width < 2 * (WALL + depth) + distance or top < height + HEADROOM:
        raise InputError(
            f"a room of {length:g} × {width:g} × {top:g} m is too small for microphones {distance:g} m in front of "
            f"sources that stand {WALL} m from the walls"
        )
    x = np.linspace(WALL + jitter, length - WALL - jitter, count) if count > 1 else np.array([length / 2])
    spacing = np.min(np.diff(x), initial=1.0)
    x += rng.uniform(-1, 1, count) * min(jitter, 0.25 * spacing)
    y = rng.uniform(WALL + depth + distance, width - WALL - depth) + rng.uniform(-depth, depth, count)
    return np.stack([x, y, np.full(count, height)], axis=1)


def given(sources: Sequence[Point], count: int) -> Places:
    """Return the first ``count`` of the given places, ``(sources, 3)``.

    Raises
    ------
    InputError
        If there are fewer.
    """
    if len(sources) < count:
        raise InputError(
            f"there are places for {len(sources)} sources, too few for {count}; group several stems into one "
            "source, or let the places be drawn"
        )
    return np.array(sources[:count])


def draw_anywhere(
    room: Point, near: NDArray[np.float64], reaches: NDArray[np.float64], rng: np.random.Generator
) -> tuple[Places, Places]:
    """Place sources anywhere in the room, and their microphones in any horizontal direction; both ``(sources, 3)``.

    No microphone is nearer to another source than to its own. Places are rounded to millimetres.

    Raises
    ------
    InputError
        If the room is too small for so many.
    """
    size = np.array(room)
    low, high = np.array([WALL, WALL, HEIGHTS[0]]), np.array([*(size[:2] - WALL), HEIGHTS[1]])
    sources, mics = np.empty((0, 3)), np.empty((0, 3))
    full = InputError(
        f"a room of {room[0]:g} × {room[1]:g} × {room[2]:g} m is too small for {len(near)} sources that stand {WALL} m "
        f"from the walls and {APART:g} m apart, with microphones {near.max():g} m away from them"
    )
    if np.any(low > high) or size[2] < HEIGHTS[1] + HEADROOM:
        raise full
    for i, distance in enumerate(near):
        for _ in range(TRIES):
            source = rng.uniform(low, high).round(3)
            angle = rng.uniform(0, 2 * np.pi)
            mic = (source + distance * np.array([np.cos(angle), np.sin(angle), 0])).round(3)
            between = np.linalg.norm(sources - source, axis=1) - reaches[:i] - reaches[i]
            to_others = np.linalg.norm(sources - mic, axis=1) - reaches[:i] - reaches[i]
            from_others = np.linalg.norm(mics - source, axis=1) - reaches[:i] - reaches[i]
            inside = np.all(mic >= low) and np.all(mic <= high)
            if inside and np.all(between >= APART) and np.all(to_others > distance) and np.all(from_others > near[:i]):
                break
        else:
            raise full
        sources, mics = np.vstack([sources, source]), np.vstack([mics, mic])
    return sources, mics


def metres_between(ears: Places, spots: Places) -> NDArray[np.float64]:
    """Compute the metres from each place of ``spots`` to each of ``ears``, ``(ears, spots)``."""
    distances: NDArray[np.float64] = np.linalg.norm(ears[:, None] - spots, axis=2)
    return distances


def farthest(lineup: Lineup, layout: str, distances: NDArray[np.float64]) -> int:
    """Choose the stem on whose path to the first microphone the reverberation time is measured.

    Parameters
    ----------
    distances
        Metres from each stem to the microphone of each source, ``(sources, stems)``.
    """
    if layout == "row" and lineup.members is None and lineup.mics is None:
        return len(lineup.stems) - 1  # the far end of the row
    return int(np.argmax(distances[lineup.mic_indices[0]]))


def to_own(sources: Sequence[Point], mics: Sequence[Point], own: Sequence[int | None]) -> list[float]:
    """Compute the metres from each stem to its own microphone, ``mics[own[j]]``; the median of the others if none."""
    near = [
        None if i is None else float(np.hypot.reduce(np.subtract(place, mics[i])))
        for place, i in zip(sources, own, strict=True)
    ]
    usual = float(np.median([metres for metres in near if metres is not None]))
    return [usual if metres is None else metres for metres in near]


def axes(sources: Sequence[Point], mics: Sequence[Point], own: Sequence[int | None]) -> tuple[list[Point], list[Point]]:
    """Compute the directions in which sources and microphones point.

    A source points at its own microphone, ``mics[own[j]]``, or at the middle of all if it has none. A microphone points
    at the middle of its sources.
    """
    spots, ears = np.array(sources), np.array(mics)
    middle = ears.mean(axis=0)
    to_mic = [(middle if i is None else ears[i]) - spot for spot, i in zip(spots, own, strict=True)]
    to_source = [spots[[k == i for k in own]].mean(axis=0) - ear for i, ear in enumerate(ears)]
    return [point(axis) for axis in to_mic], [point(axis) for axis in to_source]


def point(values: NDArray[np.float64]) -> Point:
    """Turn an array of three numbers into a tuple."""
    x, y, z = values.tolist()
    return (x, y, z)
