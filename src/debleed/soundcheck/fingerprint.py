"""The fingerprint of a stage: what its microphones share, to which other recordings of them are aligned.

A constant lag cannot be told from the time that sound travels, so a file that begins late is only placed roughly. The
paths of a stage stay, and so do the mean cross-spectra of its microphones: those of another recording, correlated with
those that the stage was learnt from, have their peak where the lags are as they were.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from debleed.methods.arrays import checked
from debleed.methods.demix.broadband import window_length
from debleed.recording import InputError, Recording
from debleed.soundcheck.alignment import Alignment
from debleed.soundcheck.cross_spectra import WINDOW, cross_spectra, partners, peak, stretch_starts
from debleed.soundcheck.following import CLEAR, heard, solved
from debleed.soundcheck.offsets import ACOUSTIC
from debleed.soundcheck.time_line import TimeLine

WHOLE = 0.1
"""A lag that is this close to whole samples is whole, so that nothing is interpolated. On songs of 20 s, lags are
measured to 0.05 samples."""

REFINEMENTS = 2
"""Times that lags are measured: the second time they are near 0, where the peak is exact."""

PREFIX = "fingerprint."
"""Of the names of its arrays in a stage file, so that they are not those of a method."""


@dataclass(frozen=True)
class Fingerprint:
    """Mean cross-spectra of pairs of microphones on a common time line.

    Parameters
    ----------
    first, second
        Microphones of each pair, ``(pairs,)``.
    cross
        Sum of the complex coherence of all stretches, ``(pairs, bins)``.
    moved
        Microphones whose time line differed from that of most, ``(mics,)``.
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    cross: NDArray[np.complex64]
    moved: NDArray[np.bool_]

    @classmethod
    def of(cls, aligned: Recording, alignment: Alignment, compared: NDArray[np.intp]) -> Fingerprint:
        """Measure the fingerprint.

        Parameters
        ----------
        aligned
            A recording on the common time line.
        alignment
            What put it there.
        compared
            Indices of the microphones to compare.
        """
        first, second = (compared[mics] for mics in partners(aligned.select(list(compared))))
        return cls(first, second, mean_cross(aligned, first, second), moved(alignment))

    def agreed(self, recording: Recording, alignment: Alignment) -> Alignment:
        """Move the microphones that are out of step, here or where the stage was learnt, to where they were there.

        Parameters
        ----------
        recording
            The files as they are.
        alignment
            Their time lines, to within :data:`ACOUSTIC`.
        """
        free = self.moved | moved(alignment)
        for _ in range(REFINEMENTS if free.any() and len(self.first) else 0):
            theta = self.moves(recording, alignment, free)
            alignment = Alignment.of([later(*each) for each in zip(alignment.lines, theta, strict=True)])
        return alignment

    def moves(self, recording: Recording, alignment: Alignment, free: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return by how many samples each of the ``free`` microphones lags more than the alignment says, ``(mics,)``.

        It is 0 where no clear peak tells.
        """
        mics = len(recording)
        now = mean_cross(alignment.aligned(recording), self.first, self.second)
        window, reach = 2 * (now.shape[-1] - 1), ACOUSTIC * recording.rate
        found = [peak(here * there.conj(), window, 0.0, reach) for here, there in zip(now, self.cross, strict=True)]
        lag, clear = np.array(found).T
        weight = np.where(clear > CLEAR, np.minimum(clear, 100), 0)
        known = heard(self.first, self.second, weight, mics)
        theta = solved(self.first, self.second, lag, weight, mics)
        theta -= np.median(theta[known & ~free if np.any(known & ~free) else known]) if known.any() else 0
        return np.where(known & free, theta, 0.0)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything that :meth:`restore` needs."""
        pairs = np.stack([self.first, self.second], axis=1).astype(np.int64)
        return {PREFIX + "pairs": pairs, PREFIX + "cross": self.cross, PREFIX + "moved": self.moved}

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[Any]], mics: int, rate: int) -> Fingerprint:
        """Rebuild the fingerprint from :meth:`arrays`; raise InputError if they do not fit the microphones."""
        count = len(arrays.get(PREFIX + "pairs", ()))
        pairs = checked(arrays, PREFIX + "pairs", np.int64, (count, 2))
        cross = checked(arrays, PREFIX + "cross", np.complex64, (count, window_length(WINDOW, rate) // 2 + 1))
        if np.any((pairs < 0) | (pairs >= mics)) or np.any(pairs[:, 0] == pairs[:, 1]):
            raise InputError(f"'{PREFIX}pairs' names other microphones")
        first, second = pairs.T.astype(np.intp)
        return cls(first, second, cross, checked(arrays, PREFIX + "moved", np.bool_, (mics,)))


def mean_cross(aligned: Recording, first: NDArray[np.intp], second: NDArray[np.intp]) -> NDArray[np.complex64]:
    """Return the sum of the cross-spectra of all stretches, ``(pairs, bins)``."""
    cross = cross_spectra(aligned, first, second, *stretch_starts(aligned.length, aligned.rate)).cross
    total: NDArray[np.complex64] = cross.sum(axis=0)
    return total


def moved(alignment: Alignment) -> NDArray[np.bool_]:
    """Return which microphones have another time line than most, ``(mics,)``."""
    (most, _), *_ = Counter(alignment.lines).most_common(1)
    return np.array([line != most for line in alignment.lines])


def later(line: TimeLine, lag: float) -> TimeLine:
    """Return a time line with a constant lag added; one that is only moved stays so if the lag is about whole."""
    moved = TimeLine(tuple(replace(stretch, lag=stretch.lag + lag) for stretch in line.stretches))
    first = moved.stretches[0]
    near = replace(first, lag=float(round(first.lag)))
    only_moved = len(moved.stretches) == 1 and near.whole and abs(first.lag - near.lag) < WHOLE
    return TimeLine((near,)) if only_moved else moved
