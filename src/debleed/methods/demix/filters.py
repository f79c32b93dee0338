"""Fixed filters over all microphones: relative transfer functions, and the removal of the bleed that they predict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from debleed.dsp.overlap_save import OverlapSave
from debleed.dsp.rtf import Response, Taps, response, unmixing
from debleed.methods import Arrays
from debleed.methods.arrays import checked, whole
from debleed.recording import Recording, Samples

MOST_TAPS = 2**22
"""Taps of one path that are believed to come from us: 20 s at 192 kHz."""


@dataclass(frozen=True)
class Filters:
    """The relative transfer functions of all pairs, and the removal of what comes along them.

    Parameters
    ----------
    taps
        ``(mics, mics, ahead + length)``, see :mod:`debleed.dsp.rtf`.
    ahead
        Taps ahead of lag 0.
    trust
        ``(mics, bins)``: the share of the predicted bleed that is taken from each microphone, 0 to 1, on bins from 0 to
        half the rate.
    kept
        ``(mics, mics)``: the bleed of microphone j's source stays in microphone i; none stays where not given.
    """

    taps: Taps
    ahead: int
    trust: NDArray[np.float32]
    kept: NDArray[np.bool_] | None = None

    @classmethod
    def none(cls, mics: int) -> Filters:
        """Return filters that leave every microphone as it is."""
        return cls(np.zeros((mics, mics, 1), np.float32), 0, np.zeros((mics, 2), np.float32))

    @property
    def instantaneous(self) -> bool:
        """Whether one matrix is all: no filter, and so nothing that it leaves."""
        return bool(self.taps.shape[-1] == 1)

    @property
    def changes_nothing(self) -> bool:
        """Whether every microphone passes as it is."""
        return not self.taps.any() or not self.trust.any()

    @property
    def touched(self) -> NDArray[np.bool_]:
        """Which microphones are not left as they are, ``(mics,)``."""
        touched: NDArray[np.bool_] = np.any(self.trust, axis=-1)
        return touched

    def rescaled(self, gains: NDArray[np.float32]) -> Filters:
        """Return what does the same to microphones that are turned up by ``gains``, ``(mics,)``."""
        return replace(self, taps=self.taps * (gains[:, None] / gains)[:, :, None])

    def placed(self, mics: NDArray[np.intp], count: int) -> Filters:
        """Place these microphones among ``count``, the others of which have no part in it."""
        taps = np.zeros((count, count, self.taps.shape[-1]), np.float32)
        taps[np.ix_(mics, mics)] = self.taps
        trust = np.zeros((count, self.trust.shape[-1]), np.float32)
        trust[mics] = self.trust
        return Filters(taps, self.ahead, trust)

    def keeping(self, kept: NDArray[np.bool_]) -> Filters:
        """Leave the bleed of microphone j's source in microphone i where ``kept[i, j]``."""
        return replace(self, kept=kept)

    def apply(self, recording: Recording) -> Recording:
        """Take from each microphone the bleed that the filters predict."""
        if self.changes_nothing:
            return recording
        change = self.response() - np.eye(len(self.taps), dtype=np.complex64)
        nfft = 2 * (len(change) - 1)
        return recording.with_reader(lambda start, stop: _changed(recording, change, nfft, start, stop))

    @property
    def _nfft(self) -> int:
        return max(1024, 4 << int(np.ceil(np.log2(self.taps.shape[-1]))))

    def mixing(self) -> Response:
        """Return the frequency response of the mixing, A ``(bins, mics, mics)``, unit diagonal."""
        return response(self.taps, self.ahead, self._nfft)

    def response(self) -> Response:
        """Return the frequency response, ``(bins, mics, mics)``: I − T ((A − I) W), as far as bleed is not kept.

        W = A⁻¹ gives the sources, A − I what of them arrives elsewhere, and T is the trust.
        """
        nfft = self._nfft
        unit = np.eye(len(self.taps), dtype=np.complex64)
        if self.kept is None:
            change = unmixing(self.taps, self.ahead, nfft) - unit
        else:
            removed = (self.mixing() - unit) * ~self.kept
            change = -(removed @ unmixing(self.taps, self.ahead, nfft))
        at = np.linspace(0, self.trust.shape[-1] - 1, len(change))
        trust = np.stack([np.interp(at, np.arange(self.trust.shape[-1]), row) for row in self.trust], axis=1)
        change *= trust.astype(np.float32)[:, :, None]
        return change + unit

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what the filters are, for :meth:`restored`."""
        return {"taps": self.taps, "ahead": np.array([self.ahead], np.int64), "trust": self.trust}

    @classmethod
    def restored(cls, arrays: Arrays, mics: int) -> Filters:
        """Rebuild filters from :meth:`arrays`.

        Raises
        ------
        InputError
            Where the arrays are not such.
        """
        taps = checked(arrays, "taps", np.float32, (mics, mics, None), MOST_TAPS)
        trust = checked(arrays, "trust", np.float32, (mics, None), MOST_TAPS)
        return cls(taps, whole(arrays, "ahead", 0, taps.shape[-1] - 1), trust)


def _changed(recording: Recording, change: Response, nfft: int, start: int, stop: int) -> Samples:
    """Microphones plus what ``change`` makes of them; blocks lie on the grid of the whole recording."""
    reach, step = nfft // 4, nfft // 2
    first = start // step * step
    stretch = recording.read(first - reach, stop + reach)
    made = OverlapSave.of(stretch.astype(np.float32), nfft).filtered(change)
    wanted = slice(reach + start - first, reach + stop - first)
    return recording.read(start, stop) + made[:, wanted].astype(stretch.dtype)
