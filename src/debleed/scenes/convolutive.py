"""Scenes in which each path is an impulse response of its own, generated or measured, with its own gain and delay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from debleed.decibels import amplitude, decibels
from debleed.recording import InputError
from debleed.scenes import measured, places
from debleed.scenes.acoustics import SPEED_OF_SOUND, ImpulseResponse, Point, generated_path, reverberation_time
from debleed.scenes.base import Matrix, Scene, matrix
from debleed.scenes.drawing import RT60, PlacedSettings
from debleed.scenes.lineup import Lineup
from debleed.scenes.settings import Settings, about
from debleed.seeding import generator

SPREAD_DB = 2.0
"""The gain of each path differs by up to so much from what its distance alone would give."""


@dataclass(frozen=True, kw_only=True)
class ConvolutiveSettings(PlacedSettings):
    """The settings of a draw of :class:`Convolutive`; for the others see :class:`PlacedSettings`.

    Parameters
    ----------
    responses
        Folder of measured impulse responses. Each path draws one channel of one file, with replacement. The level of
        the reverberation follows from the size of the room and the median RT60 of the responses that were drawn; see
        :func:`debleed.scenes.measured.measured_path`.
    """

    responses: Path | None = field(
        default=None,
        metadata=about("Folder of measured impulse responses, used instead of generated ones.", metavar="DIR"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.responses is not None and self.rt60 is not None:
            raise InputError("measured responses have their own reverberation time; give the folder or the time")


@dataclass(frozen=True, kw_only=True)
class Convolutive(Scene):
    """Paths with a delay, a gain, and a generated or measured reverberation.

    Parameters
    ----------
    gains
        ``(mics, stems)``: the gain of the direct sound of each path.
    delays
        ``(mics, stems)`` in seconds: the arrival of the direct sound.
    tail_db
        Power of the reverberation against a direct sound of gain 1; None where measured responses have none.
    rt60
        Seconds: the reverberation time of generated responses.
    measured_rt60
        Seconds: the reverberation time that the longest path has. It is computed from samples, whose last bits differ
        between machines. This changes it by 5e-9 s (measured) and it is rounded to 0.01 s, so in one of a million
        scenes it may be rounded differently.
    measured
        ``(mics, stems)`` of file name and channel (from 0): the measured response of each path.
    checksums
        Name and SHA-256 of every file in ``measured``.
    folder
        Where these files are on this machine; not part of the description.

    Raises
    ------
    InputError
        For matrices of another shape, and generated responses without a level and a reverberation time.
    """

    kind: ClassVar[str] = "convolutive"
    summary: ClassVar[str] = "generated or measured impulse responses"
    settings: ClassVar[type[Settings]] = ConvolutiveSettings
    described_last: ClassVar[tuple[str, ...]] = ("measured", "checksums")

    gains: Matrix
    delays: Matrix
    tail_db: float | None = None
    rt60: float | None = None
    measured_rt60: float | None = None
    measured: tuple[tuple[measured.Choice, ...], ...] | None = None
    checksums: tuple[tuple[str, str], ...] | None = None
    folder: Path | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("gains", "delays") + (() if self.measured is None else ("measured",)):
            self._refuse_shape(name, len(self.miked), len(self.stems))
        if self.measured is None and (self.tail_db is None or self.rt60 is None):
            raise InputError("a convolutive scene without measured responses needs its tail_db and its rt60")

    @classmethod
    def _drawn(cls, lineup: Lineup, asked: ConvolutiveSettings) -> Self:
        near = asked.draw_near(len(lineup.sources), generator(lineup.id, "distance"))
        rng = generator(lineup.id, cls.kind)
        size = asked.draw_size(rng)
        owners, heard = lineup.owner_indices, lineup.mic_indices
        distances = _draw_distances(lineup, asked.layout, size, near, rng)
        if asked.responses is None:
            decay = asked.rt60 or RT60
            described: dict[str, Any] = {"rt60": decay}
        else:
            described, decay = _draw_measured(lineup, asked.responses)
        own = distances[owners, np.arange(len(owners))]
        level = amplitude(rng.uniform(-SPREAD_DB, SPREAD_DB, distances.shape))
        scene = cls(
            **vars(lineup),
            gains=matrix((own / distances * level).round(4)[heard]),
            delays=matrix((distances / SPEED_OF_SOUND).round(6)[heard]),
            tail_db=tail_db(size, float(np.median(near)), decay),
            **described,
        )
        far = places.farthest(lineup, asked.layout, distances)
        return replace(scene, measured_rt60=round(reverberation_time(scene._path(0, far), scene.rate), 2))

    def responses(self, mics: Sequence[int] | None = None) -> list[list[ImpulseResponse]]:
        """Generate the impulse responses, or read the measured ones; see :meth:`Scene.responses`.

        Raises
        ------
        InputError
            For a measured response whose file is not there or is not the one that was drawn.
        """
        chosen = range(len(self.miked)) if mics is None else mics
        return [[self._path(i, j) for j in range(len(self.stems))] for i in chosen]

    def _path(self, mic: int, stem: int) -> ImpulseResponse:
        gain, delay = self.gains[mic][stem], self.delays[mic][stem]
        if self.measured is not None:
            choice = self.measured[mic][stem]
            response, rate = measured.response(self.folder, choice, dict(self.checksums or ()).get(choice[0]))
            return measured.measured_path(response, rate, delay, gain, self.tail_db, self.rate)
        assert self.tail_db is not None and self.rt60 is not None  # noqa: PT018 - see __post_init__
        rng = generator(self.id, "path", self.mic_indices[mic], stem)
        return generated_path(delay, gain, self.tail_db, self.rt60, self.rate, rng)


def tail_db(room: Point, distance: float, rt60: float) -> float | None:
    """Compute the power of the reverberation against the direct sound in dB; None if nothing reverberates.

    Direct sound falls with the distance and reverberation does not. They are equally loud at the critical distance,
    0.057 sqrt(V / RT60) metres.

    Parameters
    ----------
    room
        Length, width and height in metres; V is their product.
    distance
        Metres from a source to its microphone.
    rt60
        Seconds.
    """
    if not rt60:
        return None
    critical = 0.057 * float(np.sqrt(np.prod(room) / rt60))
    return round(2 * float(decibels(distance / critical)), 2)


def _draw_distances(
    lineup: Lineup, layout: str, size: Point, near: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw the metres from each stem to the microphone of each source, ``(sources, stems)``."""
    owners = lineup.owner_indices
    offsets = places.draw_offsets(owners, near, generator(lineup.id, "parts"))
    if layout == "row":
        return places.draw_loose_row(offsets, owners, near, rng)
    middles, ears = places.draw_anywhere(size, near, places.reach(owners, near), rng)
    return places.metres_between(ears, middles[owners] + offsets)


def _draw_measured(lineup: Lineup, folder: Path) -> tuple[dict[str, Any], float]:
    """Draw a measured response for each path; return the fields of the scene and the median RT60 in seconds."""
    found = measured.found(folder)
    drawn = generator(lineup.id, "responses").integers(len(found), size=(len(lineup.sources), len(lineup.stems)))
    choices = {source: tuple(found[k] for k in row) for source, row in zip(lineup.sources, drawn, strict=True)}
    paths = tuple(choices[source] for source in lineup.miked)
    files = sorted({name for row in paths for name, _ in row})
    checksums = tuple((name, measured.checksum(folder, name)) for name in files)
    decay = float(np.median([measured.decay(folder, choice) for row in choices.values() for choice in row]))
    return {"measured": paths, "checksums": checksums, "folder": folder}, decay
