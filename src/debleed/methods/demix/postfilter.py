"""A gain on what the filters leave.

A filter that never changes cannot take all the bleed where each hit of a drum differs, where a source moves, or where
the reverberation outlasts the filter. What it leaves has lost its phase, but not its power: in microphone i, source j
leaves λ_ij(f) r_j(f, t) of its own power, ringing on for a shorter or a longer while. Where that explains what is
heard, the microphone is turned down, from one time-frequency point to the next.

λ is told from what there is to see of it (:mod:`debleed.methods.demix.features`) by a small network
(:mod:`debleed.methods.demix.leakage_net`). Where it takes more than the filters took, it is not believed
(:meth:`Postfilter.modest`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from debleed.dsp.stft import Spectra, filtered, nfft_at
from debleed.methods import Arrays
from debleed.methods.arrays import checked
from debleed.methods.demix.features import BANDS, HOPS, NFFT, Floats, feature_bands, ringing
from debleed.recording import InputError, Recording, Samples

RINGS = (0.1, 0.3, 1.0)
"""Seconds in which the power of a source, as others hear it, falls by 60 dB: each has a λ of its own."""

FLOOR = 0.03
"""No point is turned down by more (-30 dB): what is cut to nothing is heard as a hole."""

STRETCH = 4_000_000
"""Samples, over all microphones, rendered at a time, so that a long stretch costs no more memory than its samples."""


@dataclass(frozen=True)
class Postfilter:
    """Turns the microphones down where nothing but bleed is left.

    Parameters
    ----------
    leakage
        λ, ``(rings, mics, mics, bands)``: of the power of source j, ringing as RINGS tells, the share left in
        microphone i; from band to band it changes gradually.
    """

    leakage: NDArray[np.float32]

    @classmethod
    def none(cls, mics: int) -> Postfilter:
        """Nothing is turned down."""
        return cls(np.zeros((len(RINGS), mics, mics, 1), np.float32))

    def rescaled(self, gains: NDArray[np.float32]) -> Postfilter:
        """Return what does the same to microphones that are turned up by ``gains``, ``(mics,)``."""
        return Postfilter(self.leakage * np.square(gains[:, None] / gains)[:, :, None])

    def placed(self, mics: NDArray[np.intp], count: int) -> Postfilter:
        """Place these microphones among ``count``, the others of which have no part in it."""
        leakage = np.zeros((len(RINGS), count, count, self.leakage.shape[-1]), np.float32)
        leakage[:, mics[:, None], mics] = self.leakage
        return Postfilter(leakage)

    def keeping(self, kept: NDArray[np.bool_]) -> Postfilter:
        """Leave what is left of microphone j's source in microphone i where ``kept[i, j]``."""
        return Postfilter(self.leakage * ~kept[:, :, None])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what the postfilter is, for :meth:`restored`."""
        return {"leakage": self.leakage}

    @classmethod
    def restored(cls, arrays: Arrays, mics: int) -> Postfilter:
        """Rebuild a postfilter from :meth:`arrays`.

        Raises
        ------
        InputError
            Where the arrays are not such.
        """
        leakage = checked(arrays, "leakage", np.float32, (len(RINGS), mics, mics, None), BANDS)
        if np.any(leakage < 0):
            raise InputError("the array 'leakage' holds negative shares")
        return cls(leakage)

    def gain(self, spectra: Spectra, rate: int) -> Floats:
        """Gain, FLOOR to 1, of every point of ``(mics, bins, frames)``: 1 less the share that λ explains."""
        power = np.square(spectra.real) + np.square(spectra.imag)
        left = np.zeros_like(power)
        for seconds, shares in zip(RINGS, self.over_bins(power.shape[1]), strict=True):
            sources = ringing(power, rate, seconds)
            left += np.moveaxis(np.moveaxis(shares, -1, 0) @ np.moveaxis(sources, 1, 0), 0, 1)
        smooth = scipy.ndimage.uniform_filter(power, (1, 3, 3))
        share = np.divide(left, smooth, out=np.ones_like(smooth), where=smooth > 0)
        gain: Floats = np.maximum(1 - share, FLOOR)
        return gain

    def over_bins(self, bins: int) -> Floats:
        """λ on every bin, ``(rings, mics, mics, bins)``: linear between the middles of bands."""
        edges = feature_bands(bins)
        middles = (edges[:-1] + edges[1:] - 1) / 2
        spread = np.stack([np.interp(np.arange(bins), middles, row) for row in np.eye(len(middles))])
        told: Floats = self.leakage @ spread.astype(np.float32)
        return told

    def modest(self, microphones: Recording, filtered: Recording) -> Postfilter:
        """Leave alone the microphones from which the gain would take more power than the filters did.

        Filters take most of the bleed, even of drums. Where they found little, a gain that finds much has found two
        sources that sound together.
        """
        quieter = self.apply(filtered)
        taken = np.zeros((2, len(microphones)))
        for start, stop in microphones.blocks():
            stages = [recording.read(start, stop) for recording in (microphones, filtered, quieter)]
            taken += np.sum(np.square(np.diff(stages, axis=0), dtype=np.float64), axis=-1)
        return Postfilter(np.where((taken[1] <= taken[0])[:, None, None], self.leakage, 0))

    def apply(self, recording: Recording) -> Recording:
        """Turn down; microphones of which nothing is known pass as they are, to the bit."""
        quieter = np.flatnonzero(self.leakage.any(axis=(0, 2, 3)))
        if not len(quieter):
            return recording
        rate = recording.rate
        nfft = nfft_at(rate, NFFT)
        hop = nfft // HOPS
        reach = -(-round(2 * max(RINGS) * rate) // hop) * hop  # what rings on from before is 120 dB down

        def turned_down(spectra: Spectra) -> Spectra:
            return spectra[quieter] * self.gain(spectra, rate)[quieter]

        def read(start: int, stop: int) -> Samples:
            first = start // hop * hop - reach - nfft
            around = Recording.from_array(recording.read(first, stop + hop + nfft), rate)  # it is filtered when read
            out = around.read(start - first, stop - first).copy()
            step = max(rate, STRETCH // len(recording))
            for a in range(start, stop, step):
                b = min(a + step, stop)
                quiet = filtered(turned_down, (around,), a - first - reach, b - first + hop, nfft, hop)
                out[quieter, a - start : b - start] = quiet[:, reach : reach + b - a]
            return out

        return recording.with_reader(read)
