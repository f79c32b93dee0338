"""What scenes with places in a room are drawn from: settings, distances, the size of the room."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from debleed.recording import InputError
from debleed.scenes.acoustics import Point
from debleed.scenes.places import point
from debleed.scenes.settings import Settings, about

RT60 = 0.35
"""Seconds, where no reverberation time is given."""
LENGTHS, WIDTHS = (13.0, 16.0), (7.0, 10.0)
"""Ranges in metres from which the size of a room is drawn (Rajesh and Padmanabhan, WASPAA 2023)."""
LAYOUTS = ("row", "drawn")


@dataclass(frozen=True, kw_only=True)
class PlacedSettings(Settings):
    """The settings of scenes in which sources and microphones have places or distances.

    Parameters
    ----------
    rt60
        Reverberation time in seconds; :data:`RT60` if not given.
    room
        Length, width and height in metres; if not given, drawn from :data:`LENGTHS` × :data:`WIDTHS` × ``heights``.
    layout
        ``row``: sources along the room (its length) with a small jitter; ``drawn``: anywhere in the room, with
        microphones in any horizontal direction.
    distance
        Metres from each source to its own microphone, or the range from which the distance of each source is drawn.
    heights
        Range in metres from which the height of the room is drawn.

    Raises
    ------
    InputError
        For values out of range.
    """

    rt60: float | None = field(
        default=None, metadata=about(f"Reverberation time in seconds; {RT60} if not given.", metavar="S")
    )
    room: Point | None = field(
        default=None,
        metadata=about("Size of the room in metres; drawn if not given.", metavar="L,W,H", example="8,5,3"),
    )
    layout: str = field(
        default="row",
        metadata=about(
            "Sources in a row along the room (if not given), or anywhere in it with microphones on any side.",
            choices=LAYOUTS,
        ),
    )
    distance: float | tuple[float, float] = field(
        default=0.5,
        metadata=about(
            "Metres from a source to its microphone, or a range to draw them from; 0.5 if not given, 0.3 on a stage.",
            metavar="M|M,M",
            example="0.5 or 1,3",
        ),
    )
    heights: tuple[float, float] = field(
        default=(4.0, 7.0), metadata=about("Range in metres from which the height of the room is drawn.", option=None)
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rt60 is not None and not 0 < self.rt60 < np.inf:
            raise InputError(f"the reverberation time must be positive, got {self.rt60}")
        low, high = self.distance_range
        if not 0 < low <= high < np.inf:
            asked = f"{low}" if low == high else f"{low} to {high}"
            raise InputError(f"the distance must be positive, and a range ascending, got {asked}")
        for name, count in (("room", 3), ("heights", 2)):
            size = getattr(self, name)
            if size is not None and not (len(size) == count and all(0 < metres < np.inf for metres in size)):
                raise InputError(f"the {name} must be {count} positive numbers of metres, got {size}")

    @property
    def distance_range(self) -> tuple[float, float]:
        """Least and largest distance in metres."""
        return self.distance if isinstance(self.distance, tuple) else (self.distance, self.distance)

    def draw_size(self, rng: np.random.Generator) -> Point:
        """Return the size of the room; one is drawn even if it is given, so that what is drawn next stays the same."""
        drawn = (rng.uniform(*LENGTHS), rng.uniform(*WIDTHS), rng.uniform(*self.heights))
        return self.room or point(np.round(drawn, 2))

    def draw_near(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw the metres from each source to its own microphone, ``(sources,)``."""
        low, high = self.distance_range
        return np.full(count, low) if low == high else rng.uniform(low, high, count).round(3)
