"""Gain changes: compressors, gates and faders turn all bleed of a microphone up and down, at all frequencies at once.

What the fixed filters subtract from microphone i on account of source j, b_ij = h_ij * y_j, is then too much at times
and too little at others, by one real number for each frame:

    y_i(f, t) = s_i(f, t) + d_ij(t) b_ij(f, t),    d(t) = a d(t - 1) + n(t).

All bands tell it together, so it can be followed far faster than the path of a single bin. With the variance v_i of the
own source, C_k = Σ |b|² / v and M_k = Re Σ b* y / v over the bins of band k, a frame measures

    M_k(t) = α_k C_k(t) d(t) + e_k(t),    E e_k² = κ_k C_k.

A Kalman filter follows d forwards, and the smoother of Rauch, Tung and Striebel (AIAA Journal 3, 1965) backwards.
Different sources are nearly uncorrelated, so each d is followed alone.

Bands differ in noise. A bass and a kick at one pitch beat, and sound that two sources share lasts for seconds. But both
differ from band to band, and a gain does not. So the variance of d is what *different* bands have in common,
E[M_k M_l] = σ² E[C_k C_l], and the noise of a band is the rest of its own power. It comes out at about two thirds
of the true variance, because v contains d b.

The filters have learnt each band at the gain that it had when it was loudest. Where only a kick sounds, its hits are
already right, and little change is left. So the share α_k of the gain that is found in a band is measured too, against
what the other bands tell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from debleed.dsp.stft import Spectra, istft, nfft_at, stft
from debleed.methods import Arrays
from debleed.methods.arrays import checked
from debleed.methods.demix.background import smoothed
from debleed.methods.demix.excerpt import excerpt, power
from debleed.methods.demix.filters import Filters
from debleed.methods.demix.safeguards import FINE_BANDS, band_edges
from debleed.methods.demix.tracking import BANDS, over_bins
from debleed.recording import InputError, Recording, Samples

NFFT = 1024
"""Length of the STFT window at 44.1 kHz (23 ms), half overlapping."""

SECONDS, CONTEXT = 0.1, 2.0
"""Seconds in which a gain changes, and that are heard before and after what is read: e⁻²⁰ is left of what came before.
With 0.05 or 0.3 s in place of 0.1, compressed songs are the same to 0.1 dB."""

UNEXACT = 1e-3
"""Power that the filters leave of the bleed anyway, relative to it (-30 dB): noise where the own source is silent, and
the least variance of a gain that changes. Measured: 2e-3 to 0.2 with compressors, mostly less than 1e-5 without."""

FIRST, ROUNDS, LEAST_NOISE = 0.03, 6, 0.5
"""The first guess of a variance, the rounds of its estimation, and the least noise of a band: that of independent
points, half of whose noise is in the real part."""

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
    noise
        ``(mics, mics, bands)``: κ, the variance of M's noise over C in each band; 1 where nothing was measured.
    share
        ``(mics, mics, bands)``: α, the share of the gain that is found in each band, 0 to 1.
    """

    variance: NDArray[np.float32]
    noise: NDArray[np.float32]
    share: NDArray[np.float32]

    @classmethod
    def none(cls, mics: int) -> GainChanges:
        """Return gains that do not change."""
        return cls(np.zeros((mics, mics), np.float32), *np.ones((2, mics, mics, 1), np.float32))

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
        mics, pairs = len(sources), np.argwhere(allowed)
        if not len(pairs):
            return cls.none(mics)
        bands = len(band_edges(nfft_at(sources.rate, NFFT) // 2 + 1, sources.rate, FINE_BANDS)) - 1
        found = cls(np.zeros((mics, mics), np.float32), *np.ones((2, mics, mics, bands), np.float32))
        seconds = min(LEARNED, PATHS / len(pairs))
        samples = excerpt(sources, min(sources.length, round(seconds * sources.rate))).astype(np.float32)
        part = Recording.from_array(samples, sources.rate)
        bleed = filters.bleed_of(part, pairs)(0, part.length)
        for i in np.unique(pairs[:, 0]):
            mine = pairs[:, 0] == i
            certainty, match = measured(*spectra_of(samples[i], bleed[mine], part.rate), part.rate)
            variance, noise = variances(certainty, match, part.rate)
            found.variance[i, pairs[mine, 1]] = np.where(variance > UNEXACT, variance, 0)
            found.noise[i, pairs[mine, 1]] = noise
            found.share[i, pairs[mine, 1]] = shares(certainty, match, variance, noise, part.rate)
        return found

    def placed(self, mics: NDArray[np.intp], count: int) -> GainChanges:
        """Embed what holds for the microphones ``mics`` into what holds for ``count``."""
        variance = np.zeros((count, count), np.float32)
        noise, share = np.ones((2, count, count, self.noise.shape[-1]), np.float32)
        pairs = np.ix_(mics, mics)
        variance[pairs], noise[pairs], share[pairs] = self.variance, self.noise, self.share
        return GainChanges(variance, noise, share)

    def leaving(self, alone: NDArray[np.bool_]) -> GainChanges:
        """Leave these microphones alone, ``(mics,)``."""
        return replace(self, variance=self.variance * ~alone[:, None])

    def keeping(self, kept: NDArray[np.bool_]) -> GainChanges:
        """Keep the bleed of microphone j's source in microphone i where ``kept[i, j]``."""
        return replace(self, variance=self.variance * ~kept)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything that :meth:`restored` needs."""
        return {"gain_variance": self.variance, "gain_noise": self.noise, "gain_share": self.share}

    @classmethod
    def restored(cls, arrays: Arrays, mics: int) -> GainChanges:
        """Rebuild from :meth:`arrays`.

        Raises
        ------
        InputError
            If an array is missing or invalid.
        """
        variance = checked(arrays, "gain_variance", np.float32, (mics, mics))
        noise = checked(arrays, "gain_noise", np.float32, (mics, mics, None), BANDS)
        share = checked(arrays, "gain_share", np.float32, noise.shape)
        if np.any(variance < 0):
            raise InputError("the array 'gain_variance' contains negative values")
        if np.any(noise < LEAST_NOISE):
            raise InputError(f"the array 'gain_noise' contains values below {LEAST_NOISE}")
        if share.min() < 0 or share.max() > 1:
            raise InputError("the array 'gain_share' contains values outside 0 to 1")
        return cls(variance, noise, share)

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
                certainty, match = measured(own, others, rate)
                band = np.minimum(np.arange(certainty.shape[1]), self.noise.shape[-1] - 1)
                noise, share = (values[i, pairs[mine, 1]][:, band] for values in (self.noise, self.share))
                change = followed(*told(certainty, match, noise, share), self.variance[i, pairs[mine, 1]], rate)[0]
                residual = np.einsum(
                    "pt,pf,pft->ft", change.astype(np.float32), over_bins(share, len(own), rate), others, optimize=True
                )
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


def measured(own: Spectra, bleed: Spectra, rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Measure the gains of each frame in each band.

    Parameters
    ----------
    own, bleed
        See :func:`spectra_of`.
    rate
        Sampling rate in Hz.

    Returns
    -------
    C and M, ``(paths, bands, frames)`` each.
    """
    level = power(bleed)
    noise = smoothed(np.stack([power(own), level.sum(axis=0)]))
    weight = 1 / (noise[0] + UNEXACT * noise[1] + np.finfo(np.float32).tiny)
    firsts = band_edges(len(own), rate, FINE_BANDS)[:-1]
    certainty, match = (
        np.add.reduceat(values * weight, firsts, axis=1).astype(np.float64)
        for values in (level, (bleed.conj() * own).real)
    )
    return certainty, match


def told(
    certainty: NDArray[np.float64], match: NDArray[np.float64], noise: NDArray[Any], share: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what all bands tell together: Σ_k α_k² C_k / κ_k and Σ_k α_k M_k / κ_k, ``(paths, frames)`` each."""
    by_band = "pkt,pk->pt"
    return np.einsum(by_band, certainty, share**2 / noise), np.einsum(by_band, match, share / noise)


def followed(
    certainty: NDArray[np.float64], match: NDArray[np.float64], variance: NDArray[np.floating], rate: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Follow the gains forwards and smooth them backwards.

    Parameters
    ----------
    certainty, match
        Of all bands together, see :func:`told`.
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
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Estimate the variance of each gain, ``(paths,)``, and the noise of its measurements, ``(paths, bands)``.

    Each pair of bands gives an estimate of the variance: Σ m_k m_l / Σ c_k c_l, with m = M / (κ + σ² C) and
    c = C / (κ + σ² C), where M and C are summed over windows of :data:`SECONDS`. The estimates are averaged, weighted
    by the inverse of their variances. Leaving out each band in turn gives the standard error of the mean (jackknife),
    which shrinks it: a change of gain is found in all bands. The mean over a window has less variance than the gain.

    Parameters
    ----------
    certainty, match
        See :func:`measured`.
    rate
        Sampling rate in Hz.
    """
    window = max(1, round(SECONDS * rate * 2 / nfft_at(rate, NFFT)))
    frames = certainty.shape[-1] // window * window
    paths, bands = certainty.shape[:2]
    certain, found = (x[..., :frames].reshape(paths, bands, -1, window).sum(axis=-1) for x in (certainty, match))
    apart = ~np.eye(bands, dtype=bool)
    variance, noise = np.full(paths, FIRST), np.full((paths, bands), 1.0)
    for _ in range(ROUNDS):
        scale = 1 / (noise[..., None] + variance[:, None, None] * certain)
        c, m = certain * scale, found * scale
        spread, common = noise[..., None] * c * scale, np.square(c)
        products, expected = m @ np.swapaxes(m, 1, 2), c @ np.swapaxes(c, 1, 2)
        chance = (spread + variance[:, None, None] * common) @ np.swapaxes(spread, 1, 2)
        chance += variance[:, None, None] * spread @ np.swapaxes(common, 1, 2)
        weight = np.where(apart, expected / np.maximum(chance, np.finfo(float).tiny), 0)
        total, known = (weight * values for values in (products, expected))
        mean = ratio(total.sum(axis=(1, 2)), known.sum(axis=(1, 2)))
        without = ratio(
            total.sum(axis=(1, 2))[:, None] - 2 * total.sum(axis=2),
            known.sum(axis=(1, 2))[:, None] - 2 * known.sum(axis=2),
        )
        error = (bands - 1) * without.var(axis=1)
        variance = np.maximum(mean, 0)
        rest = ((np.square(found) - variance[:, None, None] * np.square(certain)) * np.square(scale)).sum(axis=-1)
        noise = np.maximum(ratio(rest, (certain * np.square(scale)).sum(axis=-1)), LEAST_NOISE)
    shrunk = variance * np.maximum(1 - ratio(error, np.square(variance)), 0)
    lasts = window * nfft_at(rate, NFFT) / 2 / rate / SECONDS
    kept = 2 * (lasts - 1 + np.exp(-lasts)) / lasts**2  # of the variance, in the mean over a window
    return shrunk / kept, noise


def shares(
    certainty: NDArray[np.float64],
    match: NDArray[np.float64],
    variance: NDArray[np.float64],
    noise: NDArray[np.float64],
    rate: int,
) -> NDArray[np.float64]:
    """Return how much of each gain is found in each band, 0 to 1, ``(paths, bands)``.

    It is a regression on the gain that the other bands tell.

    The parameters are those of :func:`variances` and its results.
    """
    paths, bands, frames = certainty.shape
    whole = told(certainty, match, noise, np.ones_like(noise))
    certain, told_of = (
        (total[:, None] - values / noise[..., None]).reshape(-1, frames)
        for total, values in zip(whole, (certainty, match), strict=True)
    )
    gains = followed(certain, told_of, np.repeat(variance, bands), rate)[0].reshape(paths, bands, frames)
    found = ratio((match * gains).sum(axis=-1), (certainty * np.square(gains)).sum(axis=-1))
    return np.clip(found, 0, 1)


def ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide; 0 where there is nothing to divide by."""
    quotient: NDArray[np.float64] = np.divide(above, below, out=np.zeros_like(above), where=below > 0)
    return quotient
