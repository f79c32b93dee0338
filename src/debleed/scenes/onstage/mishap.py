"""What all mishaps share: their place in the chain, their description as JSON, and how they are drawn.

A mishap is a frozen dataclass whose fields are its JSON. It acts at one or more of four points, in this order: it may
silence stems (:meth:`Mishap.rested`), place other microphones (:meth:`Mishap.placed`), sound from places of its own
(:attr:`Mishap.spots`), and change or add tracks (:meth:`Mishap.apply`). Everything is pure, and a scene may have any
number of mishaps. What moves during the recording (:attr:`Mishap.moves`) moves for all of them.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np

from debleed.recording import InputError, Samples
from debleed.scenes.acoustics import Point
from debleed.scenes.base import Channel
from debleed.scenes.onstage.feed import Air, Feed
from debleed.scenes.settings import frozen
from debleed.scenes.trajectory import Trajectory


@dataclass(frozen=True)
class Ear:
    """A microphone on the stage: the name of its track, its source, its place, and the point at which it looks."""

    name: str
    source: str
    position: Point
    looks_at: Point


@dataclass(frozen=True)
class Move:
    """Somebody who moves.

    Parameters
    ----------
    source
        Who; all stems of a source move together.
    trajectory
        How, from the beginning of the recording.
    carries
        Whether the microphones of the source move and turn with it.
    pace
        How many times as fast as the trajectory says.
    pattern
        Directivity of the source, one of :data:`debleed.scenes.acoustics.PATTERNS`; that of all sources if None.
    """

    source: str
    trajectory: Trajectory
    carries: bool
    pace: float = 1.0
    pattern: str | None = None


@dataclass(frozen=True)
class Where:
    """What a mishap is drawn from: the room in metres, who is where, the tracks so far, and each microphone's place."""

    room: Point
    sources: Mapping[str, Point]
    channels: tuple[Channel, ...]
    ears: Mapping[str, Point]

    @property
    def microphones(self) -> dict[str, str]:
        """The tracks that are microphones of a source, with that source."""
        tracks = [channel for channel in self.channels if not channel.reference]
        return {channel.name: channel.source for channel in tracks if channel.source is not None}


@dataclass(frozen=True, kw_only=True)
class Mishap(ABC):
    """Something that happens on stages and not in simulated rooms.

    Raises
    ------
    InputError
        For a number that is not finite.
    """

    kind: ClassVar[str]
    """Its name in descriptions and on the command line."""
    summary: ClassVar[str]
    """What happens in a few words, for the command line."""
    strength: ClassVar[str | None] = None
    """The field that a number after the name sets, as in ``crowd=-20``."""

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, float) and not math.isfinite(value):
                raise InputError(f"the {each.name} of the mishap '{self.kind}' must be finite, got {value}")

    @classmethod
    @abstractmethod
    def draw(cls, where: Where, rng: np.random.Generator) -> Self:
        """Draw whom it befalls; the field :attr:`strength` has its usual value."""

    @property
    def spots(self) -> tuple[Point, ...]:
        """The places in the room from which it sounds."""
        return ()

    @property
    def moves(self) -> tuple[Move, ...]:
        """Who moves, and how."""
        return ()

    def rested(self, stems: Samples, owners: Sequence[str], rate: int) -> Samples:
        """Silence stems ``(stems, samples)`` while their sources cannot play."""
        return stems

    def placed(self, ears: tuple[Ear, ...]) -> tuple[Ear, ...]:
        """Place other microphones; further ones come last."""
        return ears

    @abstractmethod
    def apply(self, feeds: tuple[Feed, ...], air: Air) -> tuple[Feed, ...]:
        """Change or add tracks."""

    @classmethod
    def refusal(cls, needs: str) -> InputError:
        """Make the error that says what the mishap needs."""
        return InputError(f"the mishap '{cls.kind}' needs {needs}")

    def to_json(self) -> dict[str, Any]:
        """Describe it, with its kind first."""
        return {"kind": self.kind, **{each.name: getattr(self, each.name) for each in fields(self)}}

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Build it from the values of its description, without the kind.

        Raises
        ------
        InputError
            For a missing or unknown key.
        """
        known = {each.name: each.default is MISSING for each in fields(cls)}
        if unknown := sorted(set(values) - set(known)):
            raise InputError(f"the mishap '{cls.kind}' has no {', '.join(unknown)}")
        if missing := [name for name, needed in known.items() if needed and name not in values]:
            raise InputError(f"the description of the mishap '{cls.kind}' must name its {', '.join(missing)}")
        return cls(**{name: frozen(value) for name, value in values.items()})


def chosen(names: Sequence[str], rng: np.random.Generator, words: Sequence[str] = ()) -> str:
    """Draw one of several names; the first that contains one of the words, if there is such a name."""
    drawn = names[int(rng.integers(len(names)))]
    return next((name for name in names if any(word in name.lower() for word in words)), drawn)
