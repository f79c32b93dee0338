"""Scenes without delays: every microphone hears a weighted sum of the sources.

The weights are drawn as in R. Rajesh, P. Rajan: "Neural networks for interference reduction in multi-track recordings",
IEEE WASPAA 2023.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from debleed.scenes.acoustics import ImpulseResponse
from debleed.scenes.base import Matrix, Scene, matrix
from debleed.scenes.lineup import Lineup
from debleed.scenes.settings import Settings
from debleed.seeding import generator

OWN = (0.6, 1.0)
"""Range of the gains of a source in its own microphone."""
BLEED = (0.05, 0.31)
"""Range of all other gains."""


@dataclass(frozen=True, kw_only=True)
class InstantaneousSettings(Settings):
    """The settings of a draw of :class:`Instantaneous`: those of every kind, and no others."""


@dataclass(frozen=True, kw_only=True)
class Instantaneous(Scene):
    """A mixing matrix.

    Parameters
    ----------
    gains
        ``(mics, stems)``: the gain of each path.

    Raises
    ------
    InputError
        For gains of another shape.
    """

    kind: ClassVar[str] = "linear"
    summary: ClassVar[str] = "gains alone"
    settings: ClassVar[type[Settings]] = InstantaneousSettings

    gains: Matrix

    def __post_init__(self) -> None:
        super().__post_init__()
        self._refuse_shape("gains", len(self.miked), len(self.stems))

    @classmethod
    def _drawn(cls, lineup: Lineup, asked: InstantaneousSettings) -> Self:
        gains = draw_gains(len(lineup.sources), lineup.owner_indices, generator(lineup.id, cls.kind))
        return cls(**vars(lineup), gains=matrix(gains[lineup.mic_indices]))

    def responses(self, mics: Sequence[int] | None = None) -> list[list[ImpulseResponse]]:
        """Return the gains as impulse responses of one tap; see :meth:`Scene.responses`."""
        chosen = range(len(self.miked)) if mics is None else mics
        return [[np.array([gain]) for gain in self.gains[i]] for i in chosen]


def draw_gains(count: int, owners: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw the matrix of Rajesh and Padmanabhan, ``(sources, stems)``, rounded to two decimals.

    Parameters
    ----------
    count
        Number of sources.
    owners
        Index of the source of each stem, ``(stems,)``. The gain of a stem in the microphone of its own source is drawn
        from :data:`OWN`, in any other from :data:`BLEED`.
    """
    gains = rng.uniform(*BLEED, (count, len(owners)))
    gains[owners, np.arange(len(owners))] = rng.uniform(*OWN, len(owners))
    return gains.round(2)
