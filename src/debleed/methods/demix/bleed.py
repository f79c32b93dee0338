"""Level of the bleed of each source in each microphone, and the standard error of its estimate."""

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
"""Windows that overlap by half are not independent. As a cautious count, two of them are worth one."""


@dataclass(frozen=True)
class Bleed:
    """Measured bleed.

    Parameters
    ----------
    power
        ``(mics, mics)``: power of source j in microphone i over its power in its own microphone; 0 on the diagonal.
    error
        ``(mics, mics)``: standard error of the RTF's gain relative to the gain; infinite if unknown.
    """

    power: NDArray[np.float64]
    error: NDArray[np.float64]

    @classmethod
    def none(cls, mics: int) -> Bleed:
        """Return the state before any measurement: no bleed, infinite errors."""
        unknown = np.full((mics, mics), np.inf)
        np.fill_diagonal(unknown, 0)
        return cls(np.zeros((mics, mics)), unknown)

    def rescaled(self, gains: NDArray[np.float32]) -> Bleed:
        """Return the equivalent bleed for microphones multiplied by ``gains``, ``(mics,)``."""
        return replace(self, power=self.power * np.square(gains[:, None] / gains, dtype=np.float64))

    def placed(self, mics: NDArray[np.intp], count: int) -> Bleed:
        """Embed the bleed of the microphones ``mics`` into that of ``count``; that of the others is unknown."""
        none = Bleed.none(count)
        none.power[np.ix_(mics, mics)] = self.power
        none.error[np.ix_(mics, mics)] = self.error
        return none

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays for :meth:`restored`; files hold the certainty 1 / (1 + error), which is always finite."""
        return {"bleed_power": self.power, "bleed_certainty": 1 / (1 + self.error)}

    @classmethod
    def restored(cls, arrays: Arrays, mics: int) -> Bleed:
        """Rebuild the measurement from :meth:`arrays`.

        Raises
        ------
        InputError
            If arrays are missing or invalid.
        """
        level = checked(arrays, "bleed_power", np.float64, (mics, mics))
        certainty = np.clip(checked(arrays, "bleed_certainty", np.float64, (mics, mics)), 0, 1)
        error = np.divide(1, certainty, out=np.full(certainty.shape, np.inf), where=certainty > 0) - 1
        return cls(np.maximum(level, 0), error)


def measure_bleed(sources: Bins, mixing: Response, allowed: NDArray[np.bool_]) -> Bleed:
    """Measure the bleed of each source in each microphone, and the standard error of each RTF.

    The predicted bleed in microphone i is b = a_ij y_j. The rest of the microphone signal, y_i, acts as noise in a
    regression on b. Fitting b to the microphone gives the factor 1 + Re⟨y_i, b⟩ / ⟨b, b⟩, with the standard error √(Σ
    |y_i|² |b|²) / Σ |b|² for noise of varying level (H. White, "A heteroskedasticity-consistent covariance matrix
    estimator", Econometrica 48, 1980). An RTF that is estimated while microphone i's own source is silent is therefore
    accurate, however loud that source is at other times.

    Parameters
    ----------
    sources
        y, ``(bins, mics, frames)``, from windows that overlap by half.
    mixing
        A, ``(bins, mics, mics)``, with a unit diagonal, on any number of bins.
    allowed
        ``(mics, mics)``: where bleed is possible.
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
