"""How much bleeds along each path, when it arrives, and how well that is known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from debleed.dsp.parallel import chunks, in_parallel
from debleed.dsp.rtf import Response, on_grid
from debleed.methods import Arrays
from debleed.methods.arrays import checked
from debleed.methods.demix.excerpt import Bins, power

OVERLAP = 2
"""Windows that overlap by half are not independent: two of them tell as much as one, cautiously counted."""


@dataclass(frozen=True)
class Bleed:
    """What was measured of the paths while they were learnt.

    Parameters
    ----------
    power
        ``(mics, mics)``: power of source j in microphone i over its power in its own microphone; 0 on the diagonal.
    error
        ``(mics, mics)``: standard error of the path's gain, relative to the gain; infinite where nothing is known.
    """

    power: NDArray[np.float64]
    error: NDArray[np.float64]

    @classmethod
    def none(cls, mics: int) -> Bleed:
        """Return what is known before anything was measured: nothing."""
        unknown = np.full((mics, mics), np.inf)
        np.fill_diagonal(unknown, 0)
        return cls(np.zeros((mics, mics)), unknown)

    def rescaled(self, gains: NDArray[np.float32]) -> Bleed:
        """Return the same for microphones that are turned up by ``gains``, ``(mics,)``."""
        return replace(self, power=self.power * np.square(gains[:, None] / gains, dtype=np.float64))

    def placed(self, mics: NDArray[np.intp], count: int) -> Bleed:
        """Place these microphones among ``count``, of the others of which nothing is known."""
        none = Bleed.none(count)
        none.power[np.ix_(mics, mics)] = self.power
        none.error[np.ix_(mics, mics)] = self.error
        return none

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what was measured, for :meth:`restored`; files hold 1 / (1 + error), which is always finite."""
        return {"bleed_power": self.power, "bleed_certainty": 1 / (1 + self.error)}

    @classmethod
    def restored(cls, arrays: Arrays, mics: int) -> Bleed:
        """Read what was measured from :meth:`arrays`.

        Raises
        ------
        InputError
            Where the arrays are not such.
        """
        found = checked(arrays, "bleed_power", np.float64, (mics, mics))
        certainty = np.clip(checked(arrays, "bleed_certainty", np.float64, (mics, mics)), 0, 1)
        error = np.divide(1, certainty, out=np.full(certainty.shape, np.inf), where=certainty > 0) - 1
        return cls(np.maximum(found, 0), error)


def measured(sources: Bins, mixing: Response, allowed: NDArray[np.bool_]) -> Bleed:
    """Measure the bleed of each path, and how well the path is known.

    Microphone i holds b = a_ij y_j, the bleed that the path predicts. What else it holds, y_i, is to the path what
    noise is to a regression: scaling b to the microphone gives the factor 1 + Re⟨y_i, b⟩ / ⟨b, b⟩, whose standard error
    is √(Σ |y_i|² |b|²) / Σ |b|² where the noise changes its level (H. White, "A heteroskedasticity-consistent
    covariance matrix estimator", Econometrica 48, 1980). A path that is learnt while microphone i's own source rests is
    well known, however loud that source is at other times.

    Parameters
    ----------
    sources
        y, ``(bins, mics, frames)``, half overlapping.
    mixing
        A, ``(bins, mics, mics)``, unit diagonal, on any number of bins.
    allowed
        ``(mics, mics)``: where bleed can be.
    """
    bins, mics, frames = sources.shape
    gain = np.square(np.abs(on_grid(mixing, bins))) * (allowed & ~np.eye(mics, dtype=bool))
    level, both = np.zeros((bins, mics)), np.zeros((bins, mics, mics))

    def work(part: slice) -> None:
        here = power(sources[part])
        level[part] = here.sum(axis=-1)
        both[part] = here @ here.swapaxes(1, 2)

    in_parallel(work, chunks(bins, mics * frames))
    bleed = np.einsum("fij,fj->ij", gain, level)
    noise = np.sqrt(OVERLAP * np.einsum("fij,fij->ij", gain, both))
    whole = level.sum(axis=0)
    share = np.divide(bleed, whole, out=np.zeros_like(bleed), where=whole > 0)
    error = np.divide(noise, bleed, out=np.full_like(bleed, np.inf), where=bleed > 0)
    np.fill_diagonal(error, 0)
    return Bleed(share, error)
