"""Mishaps of people who move: a singer who walks about or sways, an actor who turns the head, two who walk past.

Each contains its trajectory as a list of movements (:mod:`debleed.scenes.trajectory`), which may be edited in the
description of a scene. A source may have several of these mishaps; its movements add up.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import Any, ClassVar, Self

import numpy as np

from debleed.recording import InputError
from debleed.scenes.acoustics import PATTERNS, Point
from debleed.scenes.onstage.feed import Air, Feed
from debleed.scenes.onstage.mishap import Ear, Mishap, Move, Where, chosen
from debleed.scenes.onstage.sounding import SINGERS
from debleed.scenes.places import point
from debleed.scenes.trajectory import FASTEST, Floats, Movement, Stay, Step, Sway, Trajectory, Turn, Walk

SPEED = 0.7
"""Metres per second of a singer or an actor who walks on a stage."""
HEAD = "subcardioid"
"""Directivity of a head that turns; half as loud behind as in front."""
CLEAR = 0.6
"""Least metres between somebody who walks and the places of others and their microphones."""
FROM_WALLS = 0.8
"""Least metres of somebody who walks from the walls; a microphone is carried before the mouth."""
TRIES = 200
"""Number of ways tried, each a little shorter, before there counts as no room for one."""


@dataclass(frozen=True, kw_only=True)
class Moving(Mishap):
    """Something that moves somebody; tracks stay as they are.

    Parameters
    ----------
    pace
        How many times as fast as the trajectory says.
    pattern
        Directivity of who moves; that of all sources if None.

    Raises
    ------
    InputError
        For a pace that is not positive or faster than anybody moves, and a pattern that does not exist.
    """

    strength: ClassVar[str | None] = "pace"

    pace: float = 1.0
    pattern: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.pace, int | float):
            raise self.refusal(f"a number as its pace, got {self.pace!r}")
        if self.pace <= 0 or any(self.pace * move.trajectory.top_speed > FASTEST for move in self.moves):
            raise self.refusal(f"a positive pace at which nobody is faster than {FASTEST:g} m/s, got {self.pace:g}")
        if self.pattern not in (None, *PATTERNS):
            raise self.refusal(f"a pattern that is one of {', '.join(PATTERNS)}, got '{self.pattern}'")

    @property
    @abstractmethod
    def moves(self) -> tuple[Move, ...]:
        """Who moves, and how."""

    def apply(self, feeds: tuple[Feed, ...], air: Air) -> tuple[Feed, ...]:
        """Leave the tracks as they are: moving is a matter of places."""
        return feeds

    def to_json(self) -> dict[str, Any]:
        """Describe it, with its kind first."""
        return {
            name: value.to_json() if isinstance(value, Trajectory) else value
            for name, value in super().to_json().items()
        }


@dataclass(frozen=True, kw_only=True)
class Solo(Moving):
    """One source moves.

    Parameters
    ----------
    source
        Who.
    trajectory
        How; its JSON is the list of its movements.
    """

    carries: ClassVar[bool]
    """Whether the microphones of the source move with it."""

    source: str
    trajectory: Trajectory

    @property
    def moves(self) -> tuple[Move, ...]:
        """Who moves, and how."""
        return (Move(self.source, self.trajectory, self.carries, self.pace, self.pattern),)

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Build it from the values of its description; see :meth:`Mishap.from_values`."""
        return super().from_values(_read(values, "trajectory"))


@dataclass(frozen=True, kw_only=True)
class Handheld(Solo):
    """A source walks about and turns with the microphone in the hand; for the fields see :class:`Solo`."""

    kind: ClassVar[str] = "handheld"
    summary: ClassVar[str] = "a singer walks about with the microphone, X times as fast as 0.7 m/s"
    carries: ClassVar[bool] = True

    @classmethod
    def draw(cls, where: Where, rng: np.random.Generator) -> Self:
        """Draw a walk in three pieces before the place of the source, with pauses in which it faces somewhere else."""
        source = _singer(where, rng)
        stops = rng.uniform([-2.0, -1.6, 0.0], [2.0, -0.6, 0.0], (2, 3))
        facing, pauses = rng.uniform(-60, 60, 3).round(1), rng.uniform(1, 4, 3)
        for k in range(TRIES):
            corners = np.round(np.vstack([stops, np.zeros(3)]) * 0.98**k, 2)
            if _clear(where, (source,), where.sources[source], corners):
                break
        else:
            raise cls.refusal(f"room to walk around '{source}'")
        movements: list[Movement] = []
        facing[-1] = 0
        for way, turn, pause in zip(_legs(corners), _legs(facing), pauses, strict=True):
            movements += [Walk(by=way, speed=SPEED), _turn(float(turn)), Stay(seconds=round(float(pause), 1))]
        return cls(source=source, trajectory=Trajectory(tuple(movements)))


@dataclass(frozen=True, kw_only=True)
class Swaying(Solo):
    """A source sways before a microphone that stands; for the fields see :class:`Solo`."""

    kind: ClassVar[str] = "sway"
    summary: ClassVar[str] = "a singer sways 15 cm to and fro before the microphone, X times as fast as once in 4 s"
    carries: ClassVar[bool] = False

    @classmethod
    def draw(cls, where: Where, rng: np.random.Generator) -> Self:
        """Draw who sways: 15 cm sideways, and a sixth of the distance towards the microphone."""
        source = _singer(where, rng)
        to_mic = _to_mic(where, source)
        aside = np.array([-to_mic[1], to_mic[0], 0])
        aside /= np.linalg.norm(aside) or 1
        by = point(np.round(0.15 * aside + to_mic / 6, 3))
        period = round(float(rng.uniform(3.5, 4.5)), 1)
        return cls(source=source, trajectory=Trajectory((Sway(by=by, period=period),)))


@dataclass(frozen=True, kw_only=True)
class Lavalier(Solo):
    """An actor turns the head above a microphone on the chest.

    Parameters
    ----------
    track
        The microphone.
    position
        Its place on the chest in metres; it looks at the mouth.
    """

    kind: ClassVar[str] = "lavalier"
    summary: ClassVar[str] = "an actor turns the head above a microphone on the chest, at X times the usual pace"
    carries: ClassVar[bool] = False

    track: str
    position: Point
    pattern: str | None = HEAD

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.position, tuple) or len(self.position) != 3:
            raise self.refusal(f"a position of three numbers of metres, got {self.position!r}")

    @classmethod
    def draw(cls, where: Where, rng: np.random.Generator) -> Self:
        """Draw who turns, to one side, the other and back; the microphone is 25 cm below and 10 cm before the mouth."""
        source = _singer(where, rng)
        track = next(name for name, owner in where.microphones.items() if owner == source)
        ahead = _to_mic(where, source) * [1, 1, 0]
        chest = where.sources[source] + 0.1 * ahead / (np.linalg.norm(ahead) or 1) - [0, 0, 0.25]
        sides = rng.uniform(50, 90, 2).round(1) * rng.permutation([-1, 1])
        pauses = rng.uniform(0.5, 3, 3)
        movements: list[Movement] = []
        for turn, pause in zip(_legs(np.append(sides, 0)), pauses, strict=True):
            movements += [_turn(float(turn)), Stay(seconds=round(float(pause), 1))]
        return cls(source=source, track=track, position=point(chest.round(3)), trajectory=Trajectory(tuple(movements)))

    def placed(self, ears: tuple[Ear, ...]) -> tuple[Ear, ...]:
        """Put the microphone on the chest."""
        if all(ear.name != self.track for ear in ears):
            raise self.refusal(f"a microphone '{self.track}'")
        return tuple(replace(ear, position=self.position) if ear.name == self.track else ear for ear in ears)


@dataclass(frozen=True, kw_only=True)
class Passing(Moving):
    """Two sources walk past each other with their microphones, turn, and walk back.

    Parameters
    ----------
    sources
        Who.
    first, second
        How each of them moves; the JSON of each is the list of its movements.
    """

    kind: ClassVar[str] = "passing"
    summary: ClassVar[str] = "two people walk past each other with their microphones, X times as fast as 0.7 m/s"

    sources: tuple[str, ...]
    first: Trajectory
    second: Trajectory
    pattern: str | None = HEAD

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.sources) != 2:
            raise self.refusal(f"two sources, got {len(self.sources)}")

    @classmethod
    def draw(cls, where: Where, rng: np.random.Generator) -> Self:
        """Draw two neighbours who can walk to each other's place, 0.8 m apart where they pass."""
        people = list(dict.fromkeys(where.microphones.values()))
        pairs = list(combinations(people, 2))
        rng.shuffle(pairs)
        pause = round(float(rng.uniform(1, 3)), 1)
        for one, other in sorted(pairs, key=lambda pair: bool(_between(where, pair))):
            way = np.round(np.subtract(where.sources[other], where.sources[one]) * [1, 1, 0], 2)
            aside = np.round(0.4 * np.array([way[1], -way[0], 0.0]) / (np.linalg.norm(way).item() or 1.0), 2)
            ends = [(one, way, aside), (other, 0 - way, 0 - aside)]
            if all(_clear(where, (one, other), where.sources[who], np.array([by, to + by])) for who, to, by in ends):
                first, second = (_there_and_back(where, who, to, by, pause) for who, to, by in ends)
                return cls(sources=(one, other), first=first, second=second)
        raise cls.refusal("two sources with microphones, and room for them to walk past each other")

    @property
    def moves(self) -> tuple[Move, ...]:
        """Who moves, and how."""
        both = zip(self.sources, (self.first, self.second), strict=False)
        return tuple(Move(source, way, True, self.pace, self.pattern) for source, way in both)

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Build it from the values of its description; see :meth:`Mishap.from_values`."""
        return super().from_values(_read(values, "first", "second"))


def _read(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Build the trajectories among the values of a description."""
    read = {name: Trajectory.from_json(values[name]) for name in names if name in values}
    return {**values, **read}


def _singer(where: Where, rng: np.random.Generator) -> str:
    """Draw a source with a microphone; a singer, if there is one.

    Raises
    ------
    InputError
        If no source has a microphone.
    """
    if not where.microphones:
        raise InputError("nobody on this stage has a microphone")
    return chosen(list(dict.fromkeys(where.microphones.values())), rng, SINGERS)


def _to_mic(where: Where, source: str) -> Floats:
    """Compute the vector from a source to its first microphone, ``(3,)``."""
    name = next(name for name, owner in where.microphones.items() if owner == source)
    return np.subtract(where.ears[name], where.sources[source])


def _legs(corners: Floats) -> Any:
    """Compute the ways between corners ``(corners, …)``, from 0 to the first and so on."""
    legs = np.diff(np.concatenate([0 * corners[:1], corners]), axis=0).round(3)
    return [point(leg) for leg in legs] if legs.ndim > 1 else legs


def _turn(degrees: float) -> Turn:
    """Turn by some degrees, at 60 degrees per second and in no less than half a second."""
    return Turn(degrees=round(degrees, 1), seconds=round(max(0.5, abs(degrees) / 60), 2))


def _there_and_back(where: Where, source: str, way: Floats, aside: Floats, pause: float) -> Trajectory:
    """Step aside, turn to where somebody else stands, walk there, turn, walk back, turn and step back."""
    facing = _to_mic(where, source)
    turn = _shortest(float(np.degrees(np.arctan2(way[1], way[0]) - np.arctan2(facing[1], facing[0]))))
    step, back = point(aside), point(0 - aside)
    return Trajectory(
        (
            *(Step(by=step, seconds=1.0), _turn(turn), Walk(by=point(way), speed=SPEED), Stay(seconds=pause)),
            *(_turn(180.0), Walk(by=point(0 - way), speed=SPEED), _turn(_shortest(180 - turn))),
            *(Step(by=back, seconds=1.0), Stay(seconds=pause)),
        )
    )


def _shortest(degrees: float) -> float:
    """Return the shortest turn to the same direction, in tenths of degrees."""
    return round((degrees + 180) % 360 - 180, 1)


def _between(where: Where, pair: Sequence[str]) -> list[str]:
    """List who stands between two sources."""
    a, b = (np.array(where.sources[name]) for name in pair)
    apart = np.linalg.norm(b - a)
    others = [name for name in where.sources if name not in pair]
    return [
        name for name in others if max(np.linalg.norm(np.subtract(where.sources[name], end)) for end in (a, b)) < apart
    ]


def _clear(where: Where, walkers: Sequence[str], home: Point, corners: Floats) -> bool:
    """Return whether a way from home along corners ``(corners, 3)`` stays away from walls and everybody else."""
    ends = np.vstack([np.zeros((1, 3)), corners])
    way = np.concatenate([np.linspace(a, b, 50) for a, b in pairwise(ends)]) + home
    mine = [name for name, source in where.microphones.items() if source in walkers]
    others = [place for name, place in where.sources.items() if name not in walkers]
    others += [place for name, place in where.ears.items() if name not in mine]
    inside = np.all((way[:, :2] >= FROM_WALLS) & (way[:, :2] <= np.array(where.room[:2]) - FROM_WALLS))
    return bool(inside) and all(np.min(np.linalg.norm((way - place)[:, :2], axis=1)) >= CLEAR for place in others)
