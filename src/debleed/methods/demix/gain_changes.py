"""Gain changes: compressors, gates and faders turn all bleed of a microphone up and down, at all frequencies at once.

What the fixed filters subtract from microphone i on account of source j, b_ij = h_ij * y_j, is then too much at times
and too little at others, by one real number for each frame:

    y_i(f, t) = s_i(f, t) + d_ij(t) b_ij(f, t),    d(t) = a d(t - 1) + n(t).

All bins tell it together, so it can be followed far faster than the path of a single bin. With the variance v_i of the
own source and G = Σ_f |b|² / v, a frame measures d as Re Σ_f b* y / v / G with the variance 1 / G. A Kalman filter
follows it forwards, and the smoother of Rauch, Tung and Striebel (AIAA Journal 3, 1965) backwards. The variance of d is
estimated by expectation maximisation (R. Shumway, D. Stoffer, Journal of Time Series Analysis 3, 1982). Different
sources are nearly uncorrelated, so each d is followed alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from debleed.dsp.stft import Spectra, istft, nfft_at, stft
from debleed.methods import Arrays
from debleed.methods.arrays import checked
from debleed.methods.demix.background import smoothed
from debleed.methods.demix.excerpt import excerpt, power
from debleed.methods.demix.filters import Filters
from debleed.recording import InputError, Recording, Samples

NFFT = 1024
"""Length of the STFT window at 44.1 kHz (23 ms), half overlapping."""

SECONDS, CONTEXT = 0.1, 2.0
"""Seconds in which a gain changes, and that are heard before and after what is read: e⁻²⁰ is left of what came before.
With 0.05 or 0.3 s in place of 0.1, compressed songs are the same to 0.1 dB."""

DEPENDENT = 2.0
"""Neighbouring points share windows: so many count as one observation."""

UNEXACT = 1e-3
"""Power that the filters leave of the bleed anyway, relative to it (-30 dB): noise where the own source is silent."""

EXPLAINED = 0.45
"""A gain changes if the measurements explain more than this share of its variance. Measured: 0.47 to 0.98 with
compressors, mostly less than 0.4 where nothing changes."""

NEGATIVE = 0.05
"""Nothing is followed that would be a negative gain in more than this share of the frames: sound that two sources share
correlates with either sign. Measured: at most 0.01 with compressors, 0.09 to 0.2 where a microphone lost 2 to 14 dB."""

ROUNDS, FIRST = 6, 0.03
"""Rounds of expectation maximisation, and the variance that they begin with."""

LEARNED, PATHS = 40.0, 1200.0
"""Most seconds to learn from, and most seconds of all paths together."""

STRETCH = 16.0
"""Seconds that are computed at a time."""


@dataclass(frozen=True)
class GainChanges:
    """Gains that change.

    Parameters
    ----------
    variance
        ``(mics, mics)``: variance of d for source j in microphone i; 0 where it does not change.
    """

    variance: NDArray[np.float32]

    @classmethod
    def none(cls, mics: int) -> GainChanges:
        """Return gains that do not change."""
        return cls(np.zeros((mics, mics), np.float32))

    @classmethod
    def learned(cls, sources: Recording, filters: Filters, allowed: NDArray[np.bool_]) -> GainChanges:
        """Learn which gains change, and how far.

        Parameters
        ----------
        sources
            The microphones after the filters.
        filters
            The filters.
        allowed
            ``(mics, mics)``: where bleed is removed.
        """
        found = cls.none(len(sources))
        pairs = np.argwhere(allowed)
        if not len(pairs):
            return found
        seconds = min(LEARNED, PATHS / len(pairs))
        samples = excerpt(sources, min(sources.length, round(seconds * sources.rate))).astype(np.float32)
        part = Recording.from_array(samples, sources.rate)
        bleed = filters.bleed_of(part, pairs)(0, part.length)
        for i in np.unique(pairs[:, 0]):
            mine = pairs[:, 0] == i
            certainty, match = measured(*spectra_of(samples[i], bleed[mine], part.rate))
            variance, explained, negative = variances(certainty, match, part.rate)
            changes = (explained > EXPLAINED) & (negative <= NEGATIVE)
            found.variance[i, pairs[mine, 1]] = np.where(changes, variance, 0)
        return found

    def placed(self, mics: NDArray[np.intp], count: int) -> GainChanges:
        """Embed what holds for the microphones ``mics`` into what holds for ``count``."""
        variance = np.zeros((count, count), np.float32)
        variance[np.ix_(mics, mics)] = self.variance
        return GainChanges(variance)

    def leaving(self, alone: NDArray[np.bool_]) -> GainChanges:
        """Leave these microphones alone, ``(mics,)``."""
        return GainChanges(self.variance * ~alone[:, None])

    def keeping(self, kept: NDArray[np.bool_]) -> GainChanges:
        """Keep the bleed of microphone j's source in microphone i where ``kept[i, j]``."""
        return GainChanges(self.variance * ~kept)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything that :meth:`restored` needs."""
        return {"gain_variance": self.variance}

    @classmethod
    def restored(cls, arrays: Arrays, mics: int) -> GainChanges:
        """Rebuild from :meth:`arrays`.

        Raises
        ------
        InputError
            If the array is missing or invalid.
        """
        variance = checked(arrays, "gain_variance", np.float32, (mics, mics))
        if np.any(variance < 0):
            raise InputError("the array 'gain_variance' contains negative values")
        return cls(variance)

    def apply(self, sources: Recording, filters: Filters) -> Recording:
        """Remove the bleed that gains which change leave; microphones without any come back to the bit.

        Parameters
        ----------
        sources
            The microphones after the filters.
        filters
            The filters.
        """
        pairs = np.argwhere(self.variance)
        if not len(pairs):
            return sources
        rate = sources.rate
        hop = nfft_at(rate, NFFT) // 2
        context = round(CONTEXT * rate) // hop * hop
        bleed_of = filters.bleed_of(sources, pairs)

        def removed(start: int, stop: int) -> Samples:
            first, last = start // hop * hop - context, stop + context
            heard, bleed = sources.read(first, last), bleed_of(first, last)
            out = np.zeros((len(heard), stop - start), np.float32)
            for i in np.unique(pairs[:, 0]):
                mine = pairs[:, 0] == i
                own, others = spectra_of(heard[i], bleed[mine], rate)
                change, _ = followed(*measured(own, others), self.variance[i, pairs[mine, 1]], rate)
                residual = np.einsum("pt,pft->ft", change.astype(np.float32), others)
                out[i] = istft(residual, last - first, 2 * hop, hop)[start - first : stop - first]
            return out

        def read(start: int, stop: int) -> Samples:
            out = sources.read(start, stop).copy()
            step = round(STRETCH * rate)
            for a in range(start, stop, step):
                b = min(a + step, stop)
                out[:, a - start : b - start] -= removed(a, b)
            return out

        return sources.with_reader(read)


def spectra_of(own: Samples, bleed: Samples, rate: int) -> tuple[Spectra, Spectra]:
    """Return the spectra of a microphone, ``(bins, frames)``, and of the bleed in it, ``(paths, bins, frames)``."""
    nfft = nfft_at(rate, NFFT)
    mine, others = (stft(samples.astype(np.float32), nfft, nfft // 2) for samples in (own, bleed))
    return mine, others


def measured(own: Spectra, bleed: Spectra) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Measure the gains of each frame.

    Parameters
    ----------
    own, bleed
        See :func:`spectra_of`.

    Returns
    -------
    G and Re Σ b* y / v, ``(paths, frames)`` each.
    """
    level = power(bleed)
    noise = smoothed(np.stack([power(own), level.sum(axis=0)]))
    weight = 1 / (noise[0] + UNEXACT * noise[1] + np.finfo(np.float32).tiny)
    certainty = np.einsum("pft,ft->pt", level, weight).astype(np.float64) / DEPENDENT
    match = np.einsum("pft,ft->pt", (bleed.conj() * own).real, weight).astype(np.float64) / DEPENDENT
    return certainty, match


def followed(
    certainty: NDArray[np.float64], match: NDArray[np.float64], variance: NDArray[np.floating], rate: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Follow the gains forwards and smooth them backwards.

    Parameters
    ----------
    certainty, match
        See :func:`measured`.
    variance
        Of each gain, ``(paths,)``.
    rate
        Sampling rate in Hz.

    Returns
    -------
    The gains and their variances, ``(paths, frames)`` each.
    """
    hop = nfft_at(rate, NFFT) // 2
    left = np.exp(-hop / rate / SECONDS)
    stationary = variance.astype(np.float64)
    gains, doubts, expected, before = np.zeros((4, *certainty.shape[::-1]))
    gain, doubt = np.zeros(len(stationary)), stationary
    for t in range(len(gains)):
        expected[t], before[t] = left * gain, left**2 * doubt + (1 - left**2) * stationary
        doubt = before[t] / (1 + before[t] * certainty[:, t])
        gain = expected[t] + doubt * (match[:, t] - certainty[:, t] * expected[t])
        gains[t], doubts[t] = gain, doubt
    for t in range(len(gains) - 2, -1, -1):
        share = left * doubts[t] / np.maximum(before[t + 1], np.finfo(np.float64).tiny)
        gains[t] += share * (gains[t + 1] - expected[t + 1])
        doubts[t] += np.square(share) * (doubts[t + 1] - before[t + 1])
    return gains.T, doubts.T


def variances(
    certainty: NDArray[np.float64], match: NDArray[np.float64], rate: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Estimate the variance of each gain, ``(paths,)``.

    Also return the share of it that the measurements explain, and the share of frames in which 1 + d is negative.
    """
    variance = np.full(len(certainty), FIRST)
    for _ in range(ROUNDS):
        gains, doubts = followed(certainty, match, variance, rate)
        explained = np.square(gains).mean(axis=1)
        variance = explained + doubts.mean(axis=1)
    return variance, explained / np.maximum(variance, np.finfo(np.float64).tiny), (gains < -1).mean(axis=1)
