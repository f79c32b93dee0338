"""Postfilter: a time-varying gain that attenuates the bleed that the filters leave.

A time-invariant filter cannot remove all bleed if every hit of a drum differs, if a source moves, or if the
reverberation is longer than the filter. The phase of this residual is unknown, but its power can be estimated: source j
leaves λ_ij(f) r_j(f, t) in microphone i, where r_j is its own power smeared by reverberation. Where this accounts for
the power of the microphone, the gain of that time-frequency point is reduced.

A small network (:mod:`debleed.methods.demix.leakage_net`) estimates λ from features
(:mod:`debleed.methods.demix.features`). Microphones in which the postfilter would remove more than the filters did are
left alone (:meth:`Postfilter.limited`).
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
from debleed.methods.demix.features import BANDS, HOPS, NFFT, Floats, feature_bands, reverberate
from debleed.recording import InputError, Recording, Samples

DECAY_TIMES = (0.1, 0.3, 1.0)
"""Reverberation times in seconds (decay by 60 dB); each has its own λ."""

FLOOR = 0.03
"""Least gain (-30 dB). Sound that is removed completely leaves an audible hole."""

STRETCH = 4_000_000
"""Samples over all microphones that are rendered at a time, so that a long excerpt needs no more memory than its
samples."""


@dataclass(frozen=True)
class Postfilter:
    """Attenuates time-frequency points in which residual bleed dominates.

    Parameters
    ----------
    leakage
        λ, ``(decays, mics, mics, bands)``: share of source j's power, reverberated as in ``DECAY_TIMES``, that is left
        in microphone i; interpolated linearly between bands.
    """

    leakage: NDArray[np.float32]

    @classmethod
    def none(cls, mics: int) -> Postfilter:
        """Return a postfilter that changes nothing."""
        return cls(np.zeros((len(DECAY_TIMES), mics, mics, 1), np.float32))

    def rescaled(self, gains: NDArray[np.float32]) -> Postfilter:
        """Return the equivalent postfilter for microphones multiplied by ``gains``, ``(mics,)``."""
        return Postfilter(self.leakage * np.square(gains[:, None] / gains)[:, :, None])

    def placed(self, mics: NDArray[np.intp], count: int) -> Postfilter:
        """Embed the postfilter for the microphones ``mics`` into one for ``count``; the others stay unchanged."""
        leakage = np.zeros((len(DECAY_TIMES), count, count, self.leakage.shape[-1]), np.float32)
        leakage[:, mics[:, None], mics] = self.leakage
        return Postfilter(leakage)

    def keeping(self, kept: NDArray[np.bool_]) -> Postfilter:
        """Keep the residual of microphone j's source in microphone i where ``kept[i, j]``."""
        return Postfilter(self.leakage * ~kept[:, :, None])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything that :meth:`restored` needs."""
        return {"leakage": self.leakage}

    @classmethod
    def restored(cls, arrays: Arrays, mics: int) -> Postfilter:
        """Rebuild a postfilter from :meth:`arrays`.

        Raises
        ------
        InputError
            If arrays are missing or invalid.
        """
        leakage = checked(arrays, "leakage", np.float32, (len(DECAY_TIMES), mics, mics, None), BANDS)
        if np.any(leakage < 0):
            raise InputError("the array 'leakage' contains negative values")
        return cls(leakage)

    def gain(self, spectra: Spectra, rate: int) -> Floats:
        """Return the gain of every point of ``(mics, bins, frames)``: 1 minus the residual's share, at least FLOOR."""
        power = np.square(spectra.real) + np.square(spectra.imag)
        residual = np.zeros_like(power)
        for seconds, shares in zip(DECAY_TIMES, self.over_bins(power.shape[1]), strict=True):
            sources = reverberate(power, rate, seconds)
            residual += np.moveaxis(np.moveaxis(shares, -1, 0) @ np.moveaxis(sources, 1, 0), 0, 1)
        return gain_of(residual, scipy.ndimage.uniform_filter(power, (1, 3, 3)))

    def over_bins(self, bins: int) -> Floats:
        """Return λ on every bin, ``(decays, mics, mics, bins)``, interpolated linearly between band centres."""
        edges = feature_bands(bins)
        middles = (edges[:-1] + edges[1:] - 1) / 2
        spread = np.stack([np.interp(np.arange(bins), middles, row) for row in np.eye(len(middles))])
        interpolated: Floats = self.leakage @ spread.astype(np.float32)
        return interpolated

    def over_all_decays(self, rate: int, bins: int) -> Floats:
        """Return λ of all decay times together, on any number of bins, ``(mics, mics, bins)``."""
        own = self.over_bins(nfft_at(rate, NFFT) // 2 + 1).sum(axis=0)
        at = np.linspace(0, own.shape[-1] - 1, bins)
        spread: Floats = np.apply_along_axis(lambda row: np.interp(at, np.arange(len(row)), row), -1, own)
        return spread

    def limited(self, microphones: Recording, filtered: Recording) -> Postfilter:
        """Leave alone the microphones from which the postfilter would remove more power than the filters did.

        Filters remove most of the bleed, even of drums. If they removed little and the postfilter would remove much, it
        has mistaken two sources that play together for bleed.
        """
        postfiltered = self.apply(filtered)
        removed = np.zeros((2, len(microphones)))
        for start, stop in microphones.blocks():
            stages = [recording.read(start, stop) for recording in (microphones, filtered, postfiltered)]
            removed += np.sum(np.square(np.diff(stages, axis=0), dtype=np.float64), axis=-1)
        return Postfilter(np.where((removed[1] <= removed[0])[:, None, None], self.leakage, 0))

    def apply(self, recording: Recording) -> Recording:
        """Apply the gain; microphones without estimated leakage are returned unchanged, to the bit."""
        attenuated = np.flatnonzero(self.leakage.any(axis=(0, 2, 3)))
        if not len(attenuated):
            return recording
        rate = recording.rate
        nfft = nfft_at(rate, NFFT)
        hop = nfft // HOPS
        reach = -(-round(2 * max(DECAY_TIMES) * rate) // hop) * hop  # earlier sound has decayed by 120 dB

        def attenuate(spectra: Spectra) -> Spectra:
            return spectra[attenuated] * self.gain(spectra, rate)[attenuated]

        def read(start: int, stop: int) -> Samples:
            first = start // hop * hop - reach - nfft
            context = Recording.from_array(recording.read(first, stop + hop + nfft), rate)  # computed once
            out = context.read(start - first, stop - first).copy()
            step = max(rate, STRETCH // len(recording))
            for a in range(start, stop, step):
                b = min(a + step, stop)
                result = filtered(attenuate, (context,), a - first - reach, b - first + hop, nfft, hop)
                out[attenuated, a - start : b - start] = result[:, reach : reach + b - a]
            return out

        return recording.with_reader(read)


def gain_of(residual: Floats, smooth: Floats) -> Floats:
    """Return 1 minus the residual's share of the smoothed power, at least FLOOR; of the shape of both."""
    share = np.divide(residual, smooth, out=np.ones_like(smooth), where=smooth > 0)
    gain: Floats = np.maximum(1 - share, FLOOR)
    return gain
