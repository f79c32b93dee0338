"""The ways of sound on a stage: from mouths to ears, also while people walk and turn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from debleed.recording import InputError, Samples
from debleed.scenes.acoustics import ImpulseResponse, Point, box_paths
from debleed.scenes.moving import SPACING, hops, through
from debleed.scenes.onstage.feed import Path
from debleed.scenes.onstage.mishap import Ear, Move
from debleed.scenes.places import Places, point
from debleed.scenes.trajectory import Poses


@dataclass(frozen=True)
class Mouth:
    """A place from which sound comes.

    Parameters
    ----------
    position, axis
        Its place, and a vector in the direction in which it points.
    gain
        Factor of its impulse responses.
    pattern
        Its directivity; omnidirectional if None.
    source
        The source to which it belongs; None for the spots of mishaps.
    pivot
        The point around which it turns.
    """

    position: Point
    axis: Point
    gain: float
    pattern: str | None
    source: str | None
    pivot: Point


@dataclass(frozen=True)
class Box:
    """What all ways have in common: the room, its RT60 in seconds, the microphones' directivity, samples per second."""

    room: Point
    rt60: float
    pattern: str | None
    rate: int

    def paths(self, mouths: Sequence[Mouth], ears: Sequence[Ear]) -> list[list[ImpulseResponse]]:
        """Compute the impulse responses ``[ear][mouth]``."""
        looking = [point(np.subtract(ear.looks_at, ear.position)) for ear in ears]
        rows = box_paths(
            self.room,
            self.rt60,
            [mouth.position for mouth in mouths],
            [ear.position for ear in ears],
            self.rate,
            source_beams=[(mouth.pattern, mouth.axis) if mouth.pattern else None for mouth in mouths],
            microphone_beams=[(self.pattern, axis) for axis in looking] if self.pattern else None,
        )
        return [[path * mouth.gain for path, mouth in zip(row, mouths, strict=True)] for row in rows]


@dataclass(frozen=True, eq=False)
class Motion:
    """A move during a recording.

    Parameters
    ----------
    move
        Who moves.
    pivot
        The point around which it turns.
    poses, which
        The different poses ``(poses, 4)``, and which of them holds during each of the hops ``(hops,)``.
    """

    move: Move
    pivot: Point
    poses: Poses
    which: NDArray[np.intp]

    def concerns(self, mouth: Mouth, ear: Ear) -> bool:
        """Return whether it changes the way from a mouth to an ear."""
        return self.move.source == mouth.source or self.carries(ear)

    def carries(self, ear: Ear) -> bool:
        """Return whether it carries a microphone."""
        return self.move.carries and self.move.source == ear.source


def motions(
    moves: Sequence[Move], mouths: Sequence[Mouth], ears: Sequence[Ear], samples: int, rate: int
) -> list[Motion]:
    """Compute where everybody is who moves, in steps of at most :data:`SPACING` of every mouth and every microphone."""
    found = []
    for move in moves:
        mine = [mouth for mouth in mouths if mouth.source == move.source]
        carried = [ear.position for ear in ears if move.carries and ear.source == move.source]
        pivot = mine[0].pivot
        lever = max(math.dist(place[:2], pivot[:2]) for place in [*carried, *(mouth.position for mouth in mine)])
        spacing = SPACING / sum(other.source == move.source for other in moves)
        found.append(Motion(move, pivot, *move.trajectory.visited(move.pace * hops(samples, rate), spacing, lever)))
    return found


def live(
    paths: Sequence[Sequence[Samples]],
    mouths: Sequence[Mouth],
    ears: Sequence[Ear],
    moving: Sequence[Motion],
    box: Box,
) -> list[list[Path]]:
    """Replace the impulse responses ``[ear][mouth]`` by ways that change where somebody moves."""
    rows: list[list[Path]] = []
    for row, ear in zip(paths, ears, strict=True):
        ways: list[Path] = []
        for path, mouth in zip(row, mouths, strict=True):
            concerned = [motion for motion in moving if motion.concerns(mouth, ear)]
            ways.append(_changing(mouth, ear, concerned, box) if concerned else path)
        rows.append(ways)
    return rows


def _changing(mouth: Mouth, ear: Ear, moving: Sequence[Motion], box: Box) -> Path:
    """Make the way from a mouth to an ear of which at least one moves."""
    joint, states = np.unique(np.stack([each.which for each in moving], axis=1), axis=0, return_inverse=True)

    def respond(state: int) -> Samples:
        there, here = mouth, ear
        poses = [(motion, motion.poses[k]) for motion, k in zip(moving, joint[state], strict=True)]
        if speaks := [pose for motion, pose in poses if motion.move.source == mouth.source]:
            there = moved_mouth(mouth, np.sum(speaks, axis=0))
        if carried := [(motion.pivot, pose) for motion, pose in poses if motion.carries(ear)]:
            here = moved_ear(ear, np.sum([pose for _, pose in carried], axis=0), carried[0][0])
        response: Samples = box.paths([there], [here])[0][0]
        return response

    return partial(through, states=states.reshape(-1), rate=box.rate, respond=respond)


def moved_mouth(mouth: Mouth, pose: Poses) -> Mouth:
    """Move and turn a mouth; the pose is ``(4,)``."""
    facing = point(_turned(np.array(mouth.axis), pose[3]))
    return replace(mouth, position=point(_moved(mouth.position, pose, mouth.pivot)), axis=facing)


def moved_ear(ear: Ear, pose: Poses, pivot: Point) -> Ear:
    """Move and turn a microphone that is carried; the pose is ``(4,)``."""
    position, looks_at = (point(_moved(place, pose, pivot)) for place in (ear.position, ear.looks_at))
    return replace(ear, position=position, looks_at=looks_at)


def _moved(place: Point, poses: Poses, pivot: Point) -> Places:
    """Move a place as poses ``(…, 4)`` say; returns ``(…, 3)``."""
    return np.array(pivot) + _turned(np.subtract(place, pivot), poses[..., 3]) + poses[..., :3]


def _turned(vector: NDArray[np.float64], degrees: NDArray[np.float64]) -> Places:
    """Turn a vector around a vertical axis by angles ``(…)``; returns ``(…, 3)``."""
    x, y, z = vector
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.stack([cosine * x - sine * y, sine * x + cosine * y, np.full_like(cosine, z)], axis=-1)


def refuse_outside(moves: Sequence[Move], mouths: Sequence[Mouth], ears: Sequence[Ear], room: Point) -> None:
    """Refuse moves of sources that do not exist, and those that lead out of the room.

    Raises
    ------
    InputError
        For the first such move.
    """
    for move in moves:
        mine = [mouth for mouth in mouths if mouth.source == move.source]
        if not mine:
            raise InputError(f"'{move.source}' cannot move: there is no such source on this stage")
        poses, _ = move.trajectory.visited(np.arange(0, move.trajectory.length + 0.1, 0.05), 0.1)
        carried = [ear.position for ear in ears if move.carries and ear.source == move.source]
        visited = np.stack([_moved(place, poses, mine[0].pivot) for place in [*carried, *(m.position for m in mine)]])
        if not np.all((visited > 0) & (visited < room)):
            raise InputError(f"the way of '{move.source}' leads out of the room; shorten its movements")
