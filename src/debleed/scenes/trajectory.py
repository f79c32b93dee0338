"""How somebody moves: movements one after the other, and the places and directions that they lead to over time.

A :class:`Trajectory` is a list of movements, which is also its JSON::

    [{"kind": "walk", "by": [2.0, -0.5, 0.0], "speed": 0.7},
     {"kind": "turn", "degrees": 90.0, "seconds": 1.5},
     {"kind": "stay", "seconds": 3.0}]

Everything is relative to the place and the direction at the beginning. A trajectory that ends where it began starts
again from there; after any other, nobody moves. The axes are those of the room, whichever way somebody faces.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from debleed.recording import InputError
from debleed.scenes.acoustics import Point

Floats = NDArray[np.float64]
Poses = NDArray[np.float64]
"""Metres along the axes of the room, and degrees counter-clockwise as seen from above; shape ``(times, 4)``."""

FASTEST = 10.0
"""Most metres per second of a movement, and of a turn 1 m from its axis; nobody on a stage is faster."""
TURNED = 5.0
"""Most degrees between two directions that are told apart: less than 1 dB of a cardioid, up to 105° from its axis."""
SAME = 6
"""Decimals by which poses are told apart: micrometres."""


@dataclass(frozen=True, kw_only=True)
class Movement(ABC):
    """One movement: a share of a vector and of an angle, which depends on time.

    Raises
    ------
    InputError
        For a number that is not finite, a time or a speed that is not positive, and more than :data:`FASTEST`.
    """

    kind: ClassVar[str]
    """Its name in descriptions."""

    def __post_init__(self) -> None:
        for each in fields(self):
            object.__setattr__(self, each.name, self._checked(each.name, getattr(self, each.name)))
        if self.top_speed > FASTEST:
            raise InputError(f"the movement '{self.kind}' is too fast: {self.top_speed:.3g} m/s, at most {FASTEST:g}")

    def _checked(self, name: str, value: Any) -> Any:
        vector = name == "by"
        numbers = value if vector and isinstance(value, list | tuple) else (value,)
        real = all(isinstance(x, int | float) and not isinstance(x, bool) and math.isfinite(x) for x in numbers)
        if not real or len(numbers) != (3 if vector else 1):
            needed = "three numbers of metres" if vector else "a finite number"
            raise InputError(f"the {name} of the movement '{self.kind}' must be {needed}, got {value!r}")
        if name in ("seconds", "speed", "period", "times") and value <= 0:
            raise InputError(f"the {name} of the movement '{self.kind}' must be positive, got {value:g}")
        return tuple(map(float, numbers)) if vector else value

    @property
    def whole(self) -> Floats:
        """The vector and the angle of which it covers a share, ``(4,)``."""
        return np.array([*getattr(self, "by", (0.0, 0.0, 0.0)), getattr(self, "degrees", 0.0)])

    @property
    @abstractmethod
    def length(self) -> float:
        """Seconds that it takes."""

    @property
    @abstractmethod
    def top_speed(self) -> float:
        """The most metres per second; of a turn, 1 m from its axis."""

    @abstractmethod
    def share(self, time: Floats) -> Floats:
        """Compute the share of :attr:`whole` after some seconds, from −1 to 1."""

    @property
    def metres(self) -> float:
        """Length of the vector."""
        return float(np.linalg.norm(self.whole[:3]))

    def parts(self, spacing: float, lever: float) -> int:
        """Return into how many equal parts to divide :attr:`whole`; see :meth:`Trajectory.poses`."""
        degrees = abs(self.whole[3])
        return max(1, *(math.ceil(x - 1e-9) for x in self._finest(degrees, spacing, lever)))

    def _finest(self, degrees: float, spacing: float, lever: float) -> tuple[float, float, float]:
        return self.metres / spacing, math.radians(degrees) * lever / spacing, degrees / TURNED

    def to_json(self) -> dict[str, Any]:
        """Describe it, with its kind first."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True, kw_only=True)
class Stay(Movement):
    """Nothing moves for some seconds."""

    kind: ClassVar[str] = "stay"

    seconds: float

    @property
    def length(self) -> float:
        """Seconds that it takes."""
        return self.seconds

    @property
    def top_speed(self) -> float:
        """No speed."""
        return 0.0

    def share(self, time: Floats) -> Floats:
        """Compute the share, which is 0."""
        return np.zeros_like(time)


@dataclass(frozen=True, kw_only=True)
class Walk(Movement):
    """A straight walk ``by`` metres at one speed in m/s."""

    kind: ClassVar[str] = "walk"

    by: Point
    speed: float

    @property
    def length(self) -> float:
        """Seconds that it takes."""
        return self.metres / self.speed

    @property
    def top_speed(self) -> float:
        """The speed."""
        return self.speed

    def share(self, time: Floats) -> Floats:
        """Compute the share, which grows evenly."""
        return np.clip(time / self.length, 0, 1) if self.length else np.ones_like(time)


@dataclass(frozen=True, kw_only=True)
class Step(Movement):
    """One step ``by`` metres that takes some seconds and begins and ends gently."""

    kind: ClassVar[str] = "step"

    by: Point
    seconds: float

    @property
    def length(self) -> float:
        """Seconds that it takes."""
        return self.seconds

    @property
    def top_speed(self) -> float:
        """The speed half way."""
        return np.pi / 2 * self.metres / self.seconds

    def share(self, time: Floats) -> Floats:
        """Compute the share, half a period of a cosine."""
        return _gently(time / self.seconds)


@dataclass(frozen=True, kw_only=True)
class Turn(Movement):
    """A turn by some degrees, counter-clockwise from above, that takes some seconds and begins and ends gently."""

    kind: ClassVar[str] = "turn"

    degrees: float
    seconds: float

    @property
    def length(self) -> float:
        """Seconds that it takes."""
        return self.seconds

    @property
    def top_speed(self) -> float:
        """The speed half way, 1 m from the axis."""
        return np.pi / 2 * math.radians(abs(self.degrees)) / self.seconds

    def share(self, time: Floats) -> Floats:
        """Compute the share, half a period of a cosine."""
        return _gently(time / self.seconds)


@dataclass(frozen=True, kw_only=True)
class Sway(Movement):
    """Sways ``by`` metres to either side, some times with a period in seconds, and ends in the middle."""

    kind: ClassVar[str] = "sway"

    by: Point
    period: float
    times: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.times != int(self.times):
            raise InputError(f"the times of the movement 'sway' must be a whole number, got {self.times:g}")

    @property
    def length(self) -> float:
        """Seconds that it takes."""
        return self.period * self.times

    @property
    def top_speed(self) -> float:
        """The speed in the middle."""
        return 2 * np.pi * self.metres / self.period

    def share(self, time: Floats) -> Floats:
        """Compute the share, a sine."""
        swaying: Floats = np.sin(2 * np.pi * time / self.period)
        return swaying


MOVEMENTS: Mapping[str, type[Movement]] = MappingProxyType({each.kind: each for each in (Stay, Walk, Step, Turn, Sway)})
"""Name → movement."""


@dataclass(frozen=True)
class Trajectory:
    """Movements one after the other.

    Raises
    ------
    InputError
        If there is none.
    """

    movements: tuple[Movement, ...]

    def __post_init__(self) -> None:
        if not self.movements or not self.length:
            raise InputError("a trajectory must have movements that take time")

    @property
    def length(self) -> float:
        """Seconds that it takes once."""
        return sum(movement.length for movement in self.movements)

    @property
    def top_speed(self) -> float:
        """The most metres per second, see :attr:`Movement.top_speed`."""
        return max(movement.top_speed for movement in self.movements)

    @property
    def closed(self) -> bool:
        """Whether it ends where it began, in the same direction, and so starts again."""
        *metres, degrees = self._corners()[-1]
        return bool(np.allclose(metres, 0, atol=1e-6) and abs((degrees + 180) % 360 - 180) < 1e-6)

    def poses(self, times: Floats, spacing: float | None = None, lever: float = 0.0) -> Poses:
        """Compute where it leads.

        Parameters
        ----------
        times
            Seconds from the beginning, ``(times,)``.
        spacing
            If given, only points of a grid along the way are visited, at most this many metres apart, and at most
            :data:`TURNED` degrees; the nearest at each time.
        lever
            Metres from the axis of a turn to what must not move farther than ``spacing`` from one point to the next.
        """
        ends = np.cumsum([movement.length for movement in self.movements])
        time = np.mod(times, ends[-1]) if self.closed else np.minimum(times, ends[-1])
        current = np.minimum(np.searchsorted(ends, time, side="right"), len(ends) - 1)
        poses = np.empty((len(time), 4))
        for k, (movement, corner) in enumerate(zip(self.movements, self._corners(), strict=False)):
            now = current == k
            share = movement.share(time[now] - (ends[k] - movement.length))
            if spacing is not None:
                parts = movement.parts(spacing, lever)
                share = np.rint(share * parts) / parts
            poses[now] = corner + share[:, None] * movement.whole
        return poses

    def visited(self, times: Floats, spacing: float, lever: float = 0.0) -> tuple[Poses, NDArray[np.intp]]:
        """Compute the different poses of :meth:`poses`, ``(poses, 4)``, and which of them holds at each time."""
        # adding 0 turns −0 into 0
        different, which = np.unique(self.poses(times, spacing, lever).round(SAME) + 0.0, axis=0, return_inverse=True)
        return different, which.reshape(-1)

    def _corners(self) -> Poses:
        """Compute the pose at the beginning of each movement and at the end, ``(movements + 1, 4)``."""
        ways = [each.share(np.array([each.length])) * each.whole for each in self.movements]
        corners: Poses = np.concatenate([np.zeros((1, 4)), np.cumsum(ways, axis=0)]).round(9)
        return corners

    def to_json(self) -> list[dict[str, Any]]:
        """Describe it: a list of its movements."""
        return [movement.to_json() for movement in self.movements]

    @classmethod
    def from_json(cls, described: Any) -> Trajectory:
        """Build it from its description.

        Raises
        ------
        InputError
            For anything but a list of movements, an unknown kind, and missing or unknown keys.
        """
        if not isinstance(described, Sequence) or isinstance(described, str):
            raise InputError("a trajectory must be a list of movements")
        return cls(tuple(movement_from(each) for each in described))


def movement_from(values: Any) -> Movement:
    """Build a movement from its description.

    Raises
    ------
    InputError
        For an unknown kind, missing or unknown keys, and values out of range.
    """
    if not isinstance(values, dict) or values.get("kind") not in tuple(MOVEMENTS):
        raise InputError(f"the description of a movement must name its kind, one of {', '.join(MOVEMENTS)}")
    made = MOVEMENTS[values["kind"]]
    known = {each.name for each in fields(made)}
    given = {key: value for key, value in values.items() if key != "kind"}
    if unknown := sorted(set(given) - known):
        raise InputError(f"the movement '{made.kind}' has no {', '.join(unknown)}")
    if missing := sorted(known - set(given) - {"times"}):
        raise InputError(f"the description of the movement '{made.kind}' must name its {', '.join(missing)}")
    return made(**given)


def _gently(share: Floats) -> Floats:
    """Begin and end gently: half a period of a cosine."""
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(share, 0, 1))
