"""A gain on what the filters leave.

A filter that never changes cannot take all the bleed where each hit of a drum differs, where a voice moves, or where
the reverberation outlasts the filter. What it leaves has lost its phase, but not its power: in microphone i, voice j
leaves λ_ij(f) r_j(f, t) of its own power, ringing on for a while. Where that explains what is heard, the microphone is
turned down, from one time-frequency point to the next.

λ is told from onsets. When voice j sets in, what is left of it in microphone i rises with it, at the same moment and by
the same share each time; voice i rises with it only by chance. So λ is a low quantile of rise over rise: a share that
most onsets of voice j show. Levels alone would not do: a drum that rings on is as loud, against the next hit of
another, as bleed would be. Most of what could be taken for bleed and is none is told by :func:`believable` and
:meth:`Suppression.modest`; of two voices whose onsets mostly coincide, though, the softer may lose some of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
import scipy.signal
from numpy.typing import NDArray

from debleed.recording import Recording, Samples
from debleed.stft import Spectra, filtered, nfft_at, stft

Floats = NDArray[np.floating]

NFFT = 1024
"""Window length at 44.1 kHz, 23 ms: twice as long smears the onsets of drums."""

HOPS = 4
"""Window length over hop."""

RINGING = 0.3
"""Seconds in which the power of a voice, as others hear it, falls by 60 dB."""

BANDS = 16
"""At most so many bands in which λ is found, of equal width in octaves above the lowest."""

SMOOTHING, RISE = 5, 5
"""Frames over which powers are smoothed, and between which they are compared."""

ONSET = 0.5
"""An onset: within RISE frames the power of the voices rises by more than this share of what it becomes."""

FAINT = 1e-12
"""A rise out of nothing, below this share of the mean power, is no onset."""

FEW = 20
"""Onsets needed, or nothing is said."""

QUANTILE = 0.3
"""The share of onsets that may rise by less than λ tells."""

STEPS = 40
"""Steps of the fit of the quantile."""

LOUDEST = 0.3
"""A voice leaves no more than this (-5 dB) in another microphone, or it is the other microphone that it hears."""

TIED = 0.03
"""Where voice j leaves λ_ij in i, and i leaves λ_ji in j, the product is small, unless the two rise together."""

OUTLYING = 4.0
"""λ is at most this multiple (6 dB) of its median over five bands: rooms and drums do not change from band to band."""

MARGIN = 6.0
"""What is left may be so much stronger than λ tells, which is a low quantile, before it is heard."""

STRETCH = 8_000_000
"""Samples, over all microphones, rendered at a time, so that a long stretch costs no more memory than its samples."""


def find_leak(voices: Samples, rate: int, allowed: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Find what the filters leave of each voice in each other microphone.

    Parameters
    ----------
    voices
        ``(mics, samples)``: the microphones after the filters.
    rate
        Samples per second.
    allowed
        ``(mics, mics)``: where bleed can be.

    Returns
    -------
    λ, ``(mics, mics, bands)``: of the power of voice j, the share left in microphone i.
    """
    heard = band_powers(voices, rate)
    frames = heard.shape[-1]
    halves = [heard[..., : frames // 2], heard[..., frames // 2 :]]
    return believable(np.min([leak_of(half, rate, allowed) for half in halves], axis=0)).astype(np.float32)


def band_edges(bins: int) -> NDArray[np.intp]:
    """First bin of each band, and the end of the last."""
    return np.unique(np.r_[0, np.geomspace(3, bins, BANDS).astype(int)])


def band_powers(voices: Samples, rate: int) -> Floats:
    """Power in each band over time, smoothed, ``(mics, bands, frames)``."""
    nfft = nfft_at(rate, NFFT)
    edges = band_edges(nfft // 2 + 1)
    rows = []
    for voice in voices:
        power = np.square(np.abs(stft(voice, nfft, nfft // HOPS)))
        rows.append(np.add.reduceat(power, edges[:-1], axis=0))
    smooth: Floats = scipy.ndimage.uniform_filter1d(np.stack(rows), SMOOTHING, axis=-1)
    return np.maximum(smooth, 0)  # running sums leave negative crumbs in silence


def ringing(power: Floats, rate: int) -> Floats:
    """Let powers ring on: an exponential decay over frames."""
    hop = nfft_at(rate, NFFT) // HOPS
    decay = 10 ** (-6 * hop / rate / RINGING)
    rung: Floats = scipy.signal.lfilter([1 - decay], [1, -decay], power, axis=-1).astype(power.dtype)
    return rung


def leak_of(heard: Floats, rate: int, allowed: NDArray[np.bool_]) -> Floats:
    """Fit λ to the onsets, microphone by microphone and band by band; ``(mics, mics, bands)``."""
    mics, bands, frames = heard.shape
    leak = np.zeros((mics, mics, bands))
    if frames < RISE + FEW:
        return leak
    sources = ringing(heard, rate)
    heard_rise = heard[..., RISE:] - heard[..., :-RISE]
    source_rise = sources[..., RISE:] - sources[..., :-RISE]
    for i in range(mics):
        others = np.flatnonzero(allowed[i])
        for band in range(bands) if len(others) else ():
            rises = source_rise[others, band]
            level = sources[others, band, RISE:].sum(axis=0)
            onsets = rises.sum(axis=0) > ONSET * level + FAINT * level.mean()
            if np.count_nonzero(onsets) >= FEW:
                leak[i, others, band] = fitted_shares(np.maximum(rises[:, onsets], 0).T, heard_rise[i, band, onsets])
    return leak


def fitted_shares(rises: Floats, heard: Floats) -> Floats:
    """Fit a quantile of what is heard by shares of the rises: min over λ ≥ 0 of Σ ρ(heard - Σ_j λ_j rise_j).

    ρ is the tilted absolute value of quantile regression (Koenker, Bassett, Econometrica 1978), minimised by weighted
    least squares with multiplicative updates, which keep λ positive.

    Parameters
    ----------
    rises
        ``(onsets, voices)``, none negative, not all zero.
    heard
        ``(onsets,)``.
    """
    total = rises.sum(axis=1)
    importance = total / total.max()
    ratio, parts = heard / total, rises / total[:, None]
    order = np.argsort(ratio)
    reached = np.cumsum(importance[order])
    common = ratio[order][np.searchsorted(reached, QUANTILE * reached[-1])]
    if common <= 0:
        return np.zeros(rises.shape[1])
    shares = np.full(rises.shape[1], common)
    up, down = np.maximum(ratio, 0), np.maximum(-ratio, 0)
    for _ in range(STEPS):
        told = parts @ shares
        tilt = np.where(ratio > told, QUANTILE, 1 - QUANTILE)
        weight = importance * tilt / np.maximum(np.abs(ratio - told), 1e-2 * np.maximum(told, 1e-12))
        shares *= (parts.T @ (weight * up) + 1e-30) / (parts.T @ (weight * (told + down)) + 1e-30)
    return shares


def believable(leak: Floats) -> Floats:
    """Drop what is hardly bleed.

    A microphone in which a voice has nothing hears the others, and so seems to be left in them by more than it has:
    no voice leaves more than LOUDEST. Two voices that always sound together (a doubled melody) seem to leave each
    other in both microphones: of such a pair the larger is dropped. What stands out from the bands around is chance.
    """
    both = leak * leak.swapaxes(0, 1)
    kept = np.where((leak > LOUDEST) | ((both > TIED) & (leak >= leak.swapaxes(0, 1))), 0, leak)
    around = scipy.ndimage.median_filter(kept, (1, 1, 5), mode="mirror")
    held: Floats = np.minimum(kept, OUTLYING * around)
    return held


@dataclass(frozen=True)
class Suppression:
    """Turns the microphones down where nothing but bleed is left.

    Parameters
    ----------
    leak
        λ, ``(mics, mics, bands)``, see :func:`find_leak`.
    """

    leak: NDArray[np.float32]

    @classmethod
    def none(cls, mics: int) -> Suppression:
        """Nothing is turned down."""
        return cls(np.zeros((mics, mics, 1), np.float32))

    def among(self, mics: NDArray[np.intp], count: int) -> Suppression:
        """Place these microphones among ``count``, the others of which have no part in it."""
        leak = np.zeros((count, count, self.leak.shape[-1]), np.float32)
        leak[np.ix_(mics, mics)] = self.leak
        return Suppression(leak)

    def gain(self, spectra: Spectra, rate: int) -> Floats:
        """Gain, 0 to 1, of every point of ``(mics, bins, frames)``: 1 less MARGIN times the share that λ explains."""
        power = np.square(spectra.real) + np.square(spectra.imag)
        widths = np.diff(band_edges(spectra.shape[1]))
        sources = ringing(power, rate)
        left = np.zeros_like(power)
        for i, j in np.argwhere(self.leak.any(axis=-1)):
            left[i] += np.repeat(self.leak[i, j], widths)[:, None] * sources[j]
        smooth = scipy.ndimage.uniform_filter(power, (1, 3, 3))
        share = np.divide(MARGIN * left, smooth, out=np.ones_like(left), where=smooth > 0)
        gain: Floats = np.maximum(1 - share, 0)
        return gain

    def modest(self, microphones: Recording, filtered: Recording) -> Suppression:
        """Leave alone the microphones from which the gain would take more power than the filters did.

        Filters take most of the bleed, even of drums (measured: the gain takes at most 0.9 of what they took). Where
        they found little, a gain that finds much has found two voices that sound together.
        """
        quieter = self.apply(filtered)
        taken = np.zeros((2, len(microphones)))
        for start, stop in microphones.blocks():
            stages = [recording.read(start, stop) for recording in (microphones, filtered, quieter)]
            taken += np.sum(np.square(np.diff(stages, axis=0), dtype=np.float64), axis=-1)
        return Suppression(np.where((taken[1] <= taken[0])[:, None, None], self.leak, 0))

    def apply(self, recording: Recording) -> Recording:
        """Turn down; microphones of which nothing is known pass as they are, to the bit."""
        quieter = np.flatnonzero(self.leak.any(axis=(1, 2)))
        if not len(quieter):
            return recording
        rate = recording.rate
        nfft = nfft_at(rate, NFFT)
        hop = nfft // HOPS
        reach = -(-round(2 * RINGING * rate) // hop) * hop  # what rings on from before is 120 dB down

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
