"""Time-invariant filters over all microphones: remove the bleed that the relative transfer functions predict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from debleed.dsp.overlap_save import OverlapSave
from debleed.dsp.parallel import threads
from debleed.dsp.rtf import MOST_WORKERS, Response, Taps, response, response_of, unmixing
from debleed.methods import Arrays
from debleed.methods.arrays import checked, whole
from debleed.recording import Recording, Samples

MOST_TAPS = 2**22
"""Longest RTF accepted from a file: 20 s at 192 kHz."""


LEAD = 1 / 16
"""Share of a block of overlap-save that the filters reach ahead of the sound: 85 ms for filters of 0.25 s at 48 kHz. Of
a filter's energy, −140 dB lie beyond that."""


@dataclass(frozen=True)
class Filters:
    """Relative transfer functions (RTFs) of all pairs, applied to remove the bleed they predict.

    Parameters
    ----------
    taps
        ``(mics, mics, ahead + length)``, see :mod:`debleed.dsp.rtf`.
    ahead
        Taps ahead of lag 0.
    trust
        ``(mics, bins)``: share of the predicted bleed that is subtracted from each microphone, 0 to 1, on bins from 0
        to half the sampling rate.
    kept
        ``(mics, mics)``: keep the bleed of microphone j's source in microphone i; ``None`` keeps none.
    own
        ``(mics, mics)``: microphone j leads the source of microphone i, so what comes from it is never removed, see
        :mod:`debleed.methods.demix.companions`; ``None`` if every microphone is the only one of its source.
    """

    taps: Taps
    ahead: int
    trust: NDArray[np.float32]
    kept: NDArray[np.bool_] | None = None
    own: NDArray[np.bool_] | None = None

    @classmethod
    def none(cls, mics: int) -> Filters:
        """Return filters that leave every microphone unchanged."""
        return cls(np.zeros((mics, mics, 1), np.float32), 0, np.zeros((mics, 2), np.float32))

    @property
    def instantaneous(self) -> bool:
        """Whether the filters are a single matrix, so that no reverberant bleed remains."""
        return bool(self.taps.shape[-1] == 1)

    @property
    def is_identity(self) -> bool:
        """Whether every microphone stays unchanged."""
        return not self.taps.any() or not self.trust.any()

    @property
    def changed_mics(self) -> NDArray[np.bool_]:
        """Microphones that the filters change, ``(mics,)``."""
        changed_mics: NDArray[np.bool_] = np.any(self.trust, axis=-1)
        return changed_mics

    def rescaled(self, gains: NDArray[np.float32]) -> Filters:
        """Return the equivalent filters for microphones multiplied by ``gains``, ``(mics,)``."""
        return replace(self, taps=self.taps * (gains[:, None] / gains)[:, :, None])

    def placed(self, mics: NDArray[np.intp], count: int) -> Filters:
        """Embed the filters for the microphones ``mics`` into filters for ``count``; the others stay unchanged."""
        taps = np.zeros((count, count, self.taps.shape[-1]), np.float32)
        taps[np.ix_(mics, mics)] = self.taps
        trust = np.zeros((count, self.trust.shape[-1]), np.float32)
        trust[mics] = self.trust
        own = None
        if self.own is not None:
            own = np.zeros((count, count), bool)
            own[np.ix_(mics, mics)] = self.own
        return Filters(taps, self.ahead, trust, own=own)

    def keeping(self, kept: NDArray[np.bool_]) -> Filters:
        """Keep the bleed of microphone j's source in microphone i where ``kept[i, j]``."""
        return replace(self, kept=kept)

    def leaving(self, alone: NDArray[np.bool_]) -> Filters:
        """Leave these microphones alone, ``(mics,)``; what they bleed into others is still removed."""
        return replace(self, trust=self.trust * ~alone[:, None])

    def apply(self, recording: Recording) -> Recording:
        """Subtract the predicted bleed from each microphone, as :meth:`finite` filters do."""
        if self.is_identity:
            return recording
        taps, lead = self.finite()
        nfft = 2 * taps.shape[-1]
        change = response_of(taps, nfft // 4, nfft)
        late = nfft // 4 - lead  # blocks are exact from nfft // 4 samples ahead

        def read(start: int, stop: int) -> Samples:
            return recording.read(start, stop) + _filtered(recording, change, nfft, start - late, stop - late)

        return recording.with_reader(read)

    def finite(self) -> tuple[Taps, int]:
        """Return what :meth:`apply` adds to the microphones as filters of finite length.

        The inverse of A rings for ever. It is cut to the length that overlap-save computes exactly, so that the output
        is the same convolution everywhere and any program can compute it.

        Returns
        -------
        taps
            ``(mics, mics, nfft // 2)``: filter from microphone j, to be added to microphone i.
        lead
            Index of the tap of lag 0. Little comes ahead of the sound, and most of what seems to is the late end of the
            filter, wrapped around.
        """
        change = self.response() - np.eye(len(self.taps), dtype=np.complex64)
        nfft = 2 * (len(change) - 1)
        whole = scipy.fft.irfft(np.moveaxis(change, 0, -1), axis=-1, workers=min(MOST_WORKERS, threads()))
        lead = round(LEAD * nfft)
        taps: Taps = np.concatenate([whole[..., nfft - lead :], whole[..., : nfft // 2 - lead]], axis=-1)
        return taps, lead

    def bleed(self, sources: Recording) -> Recording:
        """Return what :meth:`apply` subtracts on account of these sources."""
        taken = self.carried()
        nfft = 2 * (len(taken) - 1)
        return sources.with_reader(lambda start, stop: _filtered(sources, taken, nfft, start, stop))

    def bleed_of(self, sources: Recording, pairs: NDArray[np.intp]) -> Callable[[int, int], Samples]:
        """Return what :meth:`apply` subtracts from microphone i on account of source j, for some pairs (i, j).

        Parameters
        ----------
        sources
            Estimates of all sources.
        pairs
            ``(pairs, 2)``.

        Returns
        -------
        A function of the first sample and the one after the last, which returns ``(pairs, samples)``.
        """
        taken = self.carried()
        alone = np.zeros((len(taken), len(pairs), taken.shape[-1]), np.complex64)
        rows, (outputs, inputs) = np.arange(len(pairs)), pairs.T
        alone[:, rows, inputs] = taken[:, outputs, inputs]
        return lambda start, stop: _filtered(sources, alone, 2 * (len(taken) - 1), start, stop)

    def carried(self) -> Response:
        """Return the frequency response T (A − I) of :meth:`bleed`, ``(bins, mics, mics)``."""
        taken = self._removed_paths()
        taken *= self.trust_on(len(taken)).astype(np.float32).T[:, :, None]
        return taken

    @property
    def own_paths(self) -> NDArray[np.bool_]:
        """``own`` as an array, ``(mics, mics)``."""
        return np.zeros(self.taps.shape[:2], bool) if self.own is None else self.own

    @property
    def _nfft(self) -> int:
        return max(1024, 4 << int(np.ceil(np.log2(self.taps.shape[-1]))))

    def mixing(self) -> Response:
        """Return the frequency response of the mixing matrix A, ``(bins, mics, mics)``, with a unit diagonal."""
        return response(self.taps, self.ahead, self._nfft)

    def response(self) -> Response:
        """Return the frequency response I − T ((A − I) W), ``(bins, mics, mics)``, without the bleed to be kept.

        W = A⁻¹ estimates the sources, A − I maps them to their bleed, and T is the trust. What a companion picks up of
        its own source is not bleed.
        """
        nfft = self._nfft
        unit = np.eye(len(self.taps), dtype=np.complex64)
        if self.kept is None and self.own is None:
            change = unmixing(self.taps, self.ahead, nfft) - unit
        else:
            change = -(self._removed_paths() @ unmixing(self.taps, self.ahead, nfft))
        change *= self.trust_on(len(change)).astype(np.float32).T[:, :, None]
        return change + unit

    def _removed_paths(self) -> Response:
        """Return A − I without the bleed to be kept and without what a companion picks up of its own source."""
        kept = self.own_paths if self.kept is None else self.own_paths | self.kept
        paths: Response = (self.mixing() - np.eye(len(self.taps), dtype=np.complex64)) * ~kept
        return paths

    def trust_on(self, bins: int) -> NDArray[np.float64]:
        """Return the trust interpolated to another number of bins, ``(mics, bins)``."""
        at = np.linspace(0, self.trust.shape[-1] - 1, bins)
        return np.stack([np.interp(at, np.arange(self.trust.shape[-1]), row) for row in self.trust])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything that :meth:`restored` needs."""
        arrays: dict[str, NDArray[Any]] = {
            "taps": self.taps,
            "ahead": np.array([self.ahead], np.int64),
            "trust": self.trust,
        }
        return arrays if self.own is None else {**arrays, "own": self.own.astype(np.int64)}

    @classmethod
    def restored(cls, arrays: Arrays, mics: int) -> Filters:
        """Rebuild filters from :meth:`arrays`.

        Raises
        ------
        InputError
            If arrays are missing or invalid.
        """
        taps = checked(arrays, "taps", np.float32, (mics, mics, None), MOST_TAPS)
        trust = checked(arrays, "trust", np.float32, (mics, None), MOST_TAPS)
        own = checked(arrays, "own", np.int64, (mics, mics)).astype(bool) if "own" in arrays else None
        return cls(taps, whole(arrays, "ahead", 0, taps.shape[-1] - 1), trust, own=own)


def _filtered(recording: Recording, filters: Response, nfft: int, start: int, stop: int) -> Samples:
    """Return the output of ``filters``; blocks are aligned with the whole recording."""
    reach, step = nfft // 4, nfft // 2
    first = start // step * step
    stretch = recording.read(first - reach, stop + reach)
    output = OverlapSave.of(stretch.astype(np.float32), nfft).filtered(filters)
    wanted: Samples = output[:, reach + start - first : reach + stop - first].astype(stretch.dtype)
    return wanted
