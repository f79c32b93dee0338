"""Own sound: what filters take of a microphone's own source, and how much of it is given back.

The estimate y_j of another source still holds some of source i, with the power λ_ji |y_i|². What is subtracted from
microphone i on account of source j, h_ij y_j, then holds source i's own sound. Adaptive antennas have the same trouble
(B. Widrow et al., Signal cancellation phenomena in adaptive antennas: causes and cures, IEEE Trans. Antennas and
Propagation 30, 1982). The power of the own sound in r_i, which is all that is removed from microphone i, is

    p_i = Σ_j |h_ij|² min(λ_ji |y_i|², |y_j|²),

because y_j holds no more of source i than it holds at all. The part p_i / |r_i|² of r_i is given back: a Wiener filter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from debleed.dsp.rtf import Response, on_grid
from debleed.dsp.stft import Spectra, filtered, nfft_at
from debleed.methods import Arrays
from debleed.methods.arrays import checked
from debleed.methods.demix.background import NFFT, smoothed
from debleed.methods.demix.excerpt import Powers, power
from debleed.methods.demix.safeguards import FINE_BANDS, NEGLIGIBLE, band_edges
from debleed.methods.demix.tracking import BANDS, LAGS, faded, over_bins
from debleed.recording import InputError, Recording, Samples


@dataclass(frozen=True)
class OwnSound:
    """How source i gets into the estimates of other sources, and back into microphone i.

    Parameters
    ----------
    leakage
        λ, ``(mics, mics, bands)``: share of source i's power that is left in the estimate of source j, at ``[j, i]``.
    carried
        |h|², ``(mics, mics, bands)``: share of the power of source j's estimate that is subtracted from microphone i,
        at ``[i, j]``; 0 where too little comes back to be worth it.
    """

    leakage: NDArray[np.float32]
    carried: NDArray[np.float32]

    @classmethod
    def none(cls, mics: int) -> OwnSound:
        """Return what gives nothing back."""
        nothing = np.zeros((mics, mics, 1), np.float32)
        return cls(nothing, nothing)

    @classmethod
    def measured(cls, subtracted: Response, leakage: NDArray[np.floating], powers: Powers, rate: int) -> OwnSound:
        """Measure what comes back of each source; less than -50 dB of its power does not count.

        Parameters
        ----------
        subtracted
            Frequency response from the estimates of the sources to what is subtracted, ``(bins, mics, mics)``.
        leakage
            λ on the bins of an STFT, ``(mics, mics, bins)``.
        powers
            Mean power of the sources on the bins of an STFT, ``(mics, bins)``.
        rate
            Sampling rate in Hz.
        """
        edges = band_edges(powers.shape[-1], rate, FINE_BANDS)
        size = np.diff(edges)

        def by_band(values: NDArray[np.floating]) -> NDArray[np.float32]:
            return (np.add.reduceat(values, edges[:-1], axis=-1) / size).astype(np.float32)

        response = np.square(np.abs(on_grid(subtracted, powers.shape[-1]))) * ~np.eye(len(powers), dtype=bool)
        carried, left = by_band(np.moveaxis(response, 0, -1)), by_band(leakage)
        own = by_band(powers) * size
        back = carried * np.swapaxes(left, 0, 1) * own[:, None]
        counts = back.sum(axis=-1) > NEGLIGIBLE * own.sum(axis=-1)[:, None]
        return cls(left * counts.T[:, :, None], carried * counts[:, :, None])

    @property
    def changed_mics(self) -> NDArray[np.bool_]:
        """Microphones to which something is given back, ``(mics,)``."""
        changed: NDArray[np.bool_] = np.any(self.carried, axis=(1, 2))
        return changed

    def rescaled(self, gains: NDArray[np.float32]) -> OwnSound:
        """Return the equivalent for microphones multiplied by ``gains``, ``(mics,)``."""
        ratio = np.square(gains[:, None] / gains)[:, :, None]
        return OwnSound(self.leakage * ratio, self.carried * ratio)

    def placed(self, mics: NDArray[np.intp], count: int) -> OwnSound:
        """Embed what holds for the microphones ``mics`` into what holds for ``count``."""
        out = np.zeros((2, count, count, self.carried.shape[-1]), np.float32)
        out[:, mics[:, None], mics] = self.leakage, self.carried
        return OwnSound(*out)

    def leaving(self, alone: NDArray[np.bool_]) -> OwnSound:
        """Give nothing back to these microphones, ``(mics,)``."""
        return replace(self, carried=self.carried * ~alone[:, None, None])

    def keeping(self, kept: NDArray[np.bool_]) -> OwnSound:
        """Expect nothing on the paths on which bleed is kept: of source j in microphone i where ``kept[i, j]``."""
        return replace(self, carried=self.carried * ~kept[:, :, None])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything that :meth:`restored` needs."""
        return {"own_leakage": self.leakage, "own_carried": self.carried}

    @classmethod
    def restored(cls, arrays: Arrays, mics: int) -> OwnSound:
        """Rebuild from :meth:`arrays`.

        Raises
        ------
        InputError
            If arrays are missing or invalid.
        """
        names = "own_leakage", "own_carried"
        leakage, carried = (checked(arrays, name, np.float32, (mics, mics, None), BANDS) for name in names)
        if leakage.shape != carried.shape:
            raise InputError("the arrays 'own_leakage' and 'own_carried' differ in shape")
        if np.any(leakage < 0) or np.any(carried < 0):
            raise InputError("the arrays 'own_leakage' and 'own_carried' contain negative values")
        return cls(leakage, carried)

    def given_back(self, microphones: Recording, sources: Recording) -> Recording:
        """Return the sources with their own sound; others than :attr:`changed_mics` unchanged, to the bit.

        Parameters
        ----------
        microphones, sources
            x before and y after the filters.
        """
        changed = np.flatnonzero(self.changed_mics)
        if not len(changed):
            return sources
        rate = sources.rate
        nfft = nfft_at(rate, NFFT)
        hop = nfft // 2
        spread = self.over_bins(nfft // 2 + 1, rate)
        fades, near = (LAGS + 1) * hop, nfft  # what a frame depends on: sound that has not faded, and its neighbours

        def back(spectra: Spectra, removed: Spectra) -> Spectra:
            powers = power(spectra)
            own = faded(np.pad(powers, ((0, 0), (0, 0), (LAGS - 1, 0))), rate)
            return removed * spread.share(smoothed(own), smoothed(powers), smoothed(power(removed)))

        def read(start: int, stop: int) -> Samples:
            first = start // hop * hop - fades - nfft
            before, after = (
                recording.read(first, stop + 2 * near).astype(np.float32) for recording in (microphones, sources)
            )
            pair = Recording.from_array(after, rate), Recording.from_array((before - after)[changed], rate)
            out = after[:, start - first : stop - first].copy()
            given = filtered(back, pair, start - first - fades, stop - first + near, nfft, hop)
            out[changed] += given[:, fades:-near]
            return out

        return sources.with_reader(read)

    def over_bins(self, bins: int, rate: int) -> OwnSound:
        """Return the same with values for the bins of an STFT instead of bands."""
        return OwnSound(over_bins(self.leakage, bins, rate), over_bins(self.carried, bins, rate))

    def share(self, own: Powers, sources: Powers, removed: Powers) -> Powers:
        """Return which share of what is removed is own sound, ``(changed, bins, frames)``; see :meth:`over_bins`.

        Parameters
        ----------
        own
            Power of the sources as it fades, ``(mics, bins, frames)``.
        sources, removed
            Power of the sources, and of what is removed from :attr:`changed_mics`.
        """
        expected = np.zeros_like(removed)
        for row, i in enumerate(np.flatnonzero(self.changed_mics)):
            for j in np.flatnonzero(self.carried[i].any(axis=-1)):
                in_j = np.minimum(self.leakage[j, i][:, None] * own[i], sources[j])
                expected[row] += self.carried[i, j][:, None] * in_j
        share: Powers = np.divide(expected, removed, out=np.zeros_like(removed), where=removed > 0)
        return np.minimum(share, 1)
