"""Scenes in a simulated room: sources and microphones at places in a box whose walls reflect, by image sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from debleed.recording import InputError
from debleed.scenes import places
from debleed.scenes.acoustics import PATTERNS, ImpulseResponse, Point, box_paths, reverberation_time
from debleed.scenes.base import Scene, matrix
from debleed.scenes.drawing import RT60, PlacedSettings
from debleed.scenes.lineup import Lineup
from debleed.scenes.settings import Settings, about
from debleed.seeding import generator

OMNI = "omni"


@dataclass(frozen=True, kw_only=True)
class RoomSettings(PlacedSettings):
    """The settings of a draw of :class:`Room`; for the others see :class:`PlacedSettings`.

    Parameters
    ----------
    microphone_pattern, source_pattern
        Directivities: ``omni`` or one of :data:`debleed.scenes.acoustics.PATTERNS`.
    source_positions
        Places of the sources in metres, with microphones in front of them (y). If there are fewer sources than places,
        the first places are used.
    """

    microphone_pattern: str = field(
        default=OMNI,
        metadata=about(
            "Directivity of the microphones, each of which points at its source; omni if not given, cardioid on a "
            "stage.",
            choices=(OMNI, *PATTERNS),
        ),
    )
    source_pattern: str = field(
        default=OMNI,
        metadata=about(
            "Directivity of the sources, each of which points at its microphone; omni if not given.",
            choices=(OMNI, *PATTERNS),
        ),
    )
    source_positions: tuple[Point, ...] | None = field(
        default=None, metadata=about("Places of the sources in metres.", option=None)
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.layout == "drawn" and self.source_positions is not None:
            raise InputError("the places of the sources are given, so they cannot be drawn; omit the layout")


@dataclass(frozen=True, kw_only=True)
class Room(Scene):
    """A box of one absorption, in which everybody has a place.

    Parameters
    ----------
    rt60, measured_rt60
        Seconds: the reverberation time that was asked for, and the one that the longest path has (rounded, see
        :class:`debleed.scenes.convolutive.Convolutive`).
    room
        Length, width and height of the box in metres.
    source_positions, microphone_positions
        Places of the stems and of the microphones in metres.
    microphone_pattern, source_pattern
        Directivities, omni if not given. A microphone points at the middle of its source. A source points at its
        microphone, or at the middle of all microphones if it has none.

    Raises
    ------
    InputError
        For a place too many or too few, and a pattern that does not exist.
    """

    kind: ClassVar[str] = "room"
    summary: ClassVar[str] = "a simulated room"
    settings: ClassVar[type[Settings]] = RoomSettings
    described_last: ClassVar[tuple[str, ...]] = ("microphone_pattern", "source_pattern")

    rt60: float
    measured_rt60: float | None = None
    room: Point
    source_positions: tuple[Point, ...]
    microphone_positions: tuple[Point, ...]
    microphone_pattern: str | None = None
    source_pattern: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._refuse_shape("source_positions", len(self.stems), 3)
        self._refuse_shape("microphone_positions", len(self.miked), 3)
        for pattern in (self.microphone_pattern, self.source_pattern):
            if pattern not in (None, *PATTERNS):
                raise InputError(f"there is no pattern '{pattern}'; it is one of {OMNI}, {', '.join(PATTERNS)}")

    @classmethod
    def _drawn(cls, lineup: Lineup, asked: RoomSettings) -> Self:
        near = asked.draw_near(len(lineup.sources), generator(lineup.id, "distance"))
        rng = generator(lineup.id, cls.kind)
        size = asked.draw_size(rng)
        middles, ears = _draw_places(asked, size, lineup, near, rng)
        owners = lineup.owner_indices
        spots = middles[owners] + places.draw_offsets(owners, near, generator(lineup.id, "parts"))
        scene = cls(
            **vars(lineup),
            rt60=asked.rt60 or RT60,
            room=size,
            source_positions=matrix(spots.round(3)),
            microphone_positions=matrix(ears[lineup.mic_indices].round(3)),
            microphone_pattern=None if asked.microphone_pattern == OMNI else asked.microphone_pattern,
            source_pattern=None if asked.source_pattern == OMNI else asked.source_pattern,
        )
        far = places.farthest(lineup, asked.layout, places.metres_between(ears, spots))
        return replace(scene, measured_rt60=round(reverberation_time(scene.responses([0])[0][far], scene.rate), 2))

    def responses(self, mics: Sequence[int] | None = None) -> list[list[ImpulseResponse]]:
        """Compute the impulse responses by image sources; see :meth:`Scene.responses`.

        The direct sound of a source has gain 1 in its own microphone, on the axes of their directivities. A source
        without a microphone is as loud as if it had one as far away as the others have theirs (the median).

        Raises
        ------
        InputError
            For places outside the room, and a reverberation time that the room cannot have.
        """
        chosen = range(len(self.miked)) if mics is None else mics
        near, to_mic, to_source = self._near_and_axes()
        source_beams = self.source_pattern and [(self.source_pattern, axis) for axis in to_mic]
        mic_beams = self.microphone_pattern and [(self.microphone_pattern, to_source[i]) for i in chosen]
        rows = box_paths(
            self.room,
            self.rt60,
            self.source_positions,
            [self.microphone_positions[i] for i in chosen],
            self.rate,
            source_beams=source_beams or None,
            microphone_beams=mic_beams or None,
        )
        return [[path * scale for path, scale in zip(row, near, strict=True)] for row in rows]

    def _near_and_axes(self) -> tuple[list[float], list[Point], list[Point]]:
        """Return the metres from each stem to its own microphone, and where stems and microphones point."""
        own = [self.miked.index(source) if source in self.miked else None for source in self.owners]
        at = self.source_positions, self.microphone_positions, own
        return places.to_own(*at), *places.axes(*at)


def _draw_places(
    asked: RoomSettings, size: Point, lineup: Lineup, near: NDArray[np.float64], rng: np.random.Generator
) -> tuple[places.Places, places.Places]:
    """Draw the places of the sources and of their microphones, both ``(sources, 3)``."""
    if asked.layout == "drawn":
        return places.draw_anywhere(size, near, places.reach(lineup.owner_indices, near), rng)
    if asked.source_positions is None:
        middles = places.draw_row(size, near, rng)
    else:
        middles = places.given(asked.source_positions, len(near))
    return middles, middles - near[:, None] * [0, 1, 0]
