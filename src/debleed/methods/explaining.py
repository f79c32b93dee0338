"""What a network removes, as far as it can be bleed: as far as filters explain it by what the other microphones hold.

A network is free to remove anything from microphone i, also the sound of source i. Bleed is less free: it is the sound
of the other sources, and came along paths that stay as they are for a while. The networks' outputs y_j are estimates of
the sources, so filters h_ij are fitted to what the network removes, r_i, by least squares,

    r_i = Σ_j h_ij * y_j,

and only the terms j ≠ i are removed. The term j = i takes up what the network took from the microphone's own source.
Two further bounds are about octaves, because a network fails in some of them:

- A path is about as strong in one octave as in another, so it counts for :data:`STEEP_DB` above its median at most.
  Where a network mistakes one source for another, filters from the little that is left in another output are far above.
- What the filters leave unexplained, e_i, is about as large as their own error where they fail, and larger where they
  do well. With q = |e_i|² / |explained|² in an octave, what is explained is multiplied by 1 − q². Nothing is removed
  where more is left than is explained.

The loss is that bleed along a path that changes is not removed, nor is reverberation after :data:`TAPS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from debleed.decibels import amplitude
from debleed.methods.baseline import correlations, toeplitz_solve

Floats = NDArray[np.float64]

TAPS, AHEAD = 2048, 64
"""Length of the filters at the networks' rate (93 ms at 22.05 kHz), and how many taps come before the source's own
microphone."""

MARGIN = 512
"""Taps that the filters are longer on both sides once they are weighted by octaves."""

STEEP_DB = 6.0
"""How far an octave of a path may be above the median of its octaves, as power."""

FAINT = 1e-6
"""Share of the power of an output below which an octave of it hardly counts (−60 dB): paths through it are weak."""

LOWEST = 62.5
"""Centre of the lowest octave in Hz; it begins at 0."""

LOADING = 1e-3
"""Power of the white noise that the outputs are taken to have, relative to theirs: what is empty explains nothing."""

ITERATIONS = 16
"""Of the solver. 30 would gain 0.1 to 0.3 dB, but from 18 on rounding errors begin to steer it."""


@dataclass(frozen=True)
class Explanation:
    """Filters from the outputs of a network to the bleed in each microphone.

    Parameters
    ----------
    filters
        ``(mics, mics, taps)``, zero from a source to its own microphones.
    ahead
        Taps before lag 0.
    """

    filters: Floats
    ahead: int

    def bleed(self, outputs: Floats) -> Floats:
        """Filter outputs ``(mics, samples)`` to the bleed in each microphone; before and after them is silence."""
        length, taps = outputs.shape[1], self.filters.shape[2]
        size = scipy.fft.next_fast_len(length + taps, real=True)
        spectra = scipy.fft.rfft(outputs, size)
        rows = [np.einsum("jf,jf->f", scipy.fft.rfft(row, size), spectra) for row in self.filters]
        found: Floats = scipy.fft.irfft(np.stack(rows), size)[:, self.ahead : self.ahead + length]
        return found


def explanation(blocks: Sequence[tuple[Floats, Floats]], own: NDArray[np.bool_], rate: int) -> Explanation:
    """Explain what a network removes.

    Parameters
    ----------
    blocks
        Parts of a recording, all of one length: what the network removes, and its outputs, both ``(mics, samples)``.
    own
        ``(mics, mics)``: whether two microphones belong to the same source.
    rate
        Samples per second.
    """
    filters = fitted(blocks)
    size = scipy.fft.next_fast_len(blocks[0][0].shape[1] + TAPS, real=True)
    window = np.hanning(blocks[0][0].shape[1])
    removed, outputs = (
        [scipy.fft.rfft(window * block[part], size).astype(np.complex64) for block in blocks] for part in (0, 1)
    )
    octaves = Octaves.of(size, rate)
    weighted = np.zeros((*own.shape, TAPS + 2 * MARGIN))
    for i, row in enumerate(filters):
        others = ~own[i]
        paths = scipy.fft.rfft(np.roll(np.pad(row, ((0, 0), (0, size - TAPS))), -AHEAD, axis=1))
        paths *= octaves.interpolated(_flat(paths, outputs, octaves))
        explained = [np.einsum("jf,jf->f", paths[others], y[others]) for y in outputs]
        left = [
            r[i] - b - np.einsum("jf,jf->f", paths[own[i]], y[own[i]])
            for r, b, y in zip(removed, explained, outputs, strict=True)
        ]
        trust = 1 - _ratio(octaves.power(left), octaves.power(explained), empty=1) ** 2
        paths *= octaves.interpolated(np.maximum(0, trust))
        lags = np.roll(scipy.fft.irfft(paths[others], size), AHEAD + MARGIN, axis=1)
        weighted[i, others] = lags[:, : TAPS + 2 * MARGIN]
    return Explanation(weighted, AHEAD + MARGIN)


def fitted(blocks: Sequence[tuple[Floats, Floats]]) -> Floats:
    """Fit the filters h_ij to what is removed, ``(mics, mics, taps)``; see :func:`explanation`."""
    mics = len(blocks[0][0])
    auto, cross = np.zeros((mics, mics, 2 * TAPS - 1)), np.zeros((mics, mics, TAPS))
    for removed, outputs in blocks:
        auto += correlations(outputs, np.pad(outputs, ((0, 0), (TAPS - 1, TAPS - 1))), 1 - TAPS, 2 * TAPS - 1)
        around = np.pad(outputs, ((0, 0), (TAPS - 1 - AHEAD, AHEAD)))
        cross += correlations(removed, around, -AHEAD, TAPS)
    level = np.sqrt(np.maximum(np.einsum("jj->j", auto[:, :, TAPS - 1]), 0))
    level[level == 0] = 1
    both = (level[:, None] * level)[:, :, None]
    auto /= both
    np.einsum("jjt->jt", auto)[:, TAPS - 1] += LOADING
    filters: Floats = toeplitz_solve(auto, cross / both, ITERATIONS) * (level[:, None] / level)[:, :, None]
    return filters


@dataclass(frozen=True)
class Octaves:
    """Octaves of the bins of a real transform.

    Parameters
    ----------
    first
        First bin of each octave.
    place
        Of each bin, in octaves from the centre of the lowest one.
    """

    first: NDArray[np.intp]
    place: Floats

    @classmethod
    def of(cls, size: int, rate: int) -> Octaves:
        """Divide the bins of a transform of ``size`` samples."""
        hertz = scipy.fft.rfftfreq(size, 1 / rate)
        place = np.log2(np.maximum(hertz, LOWEST / 2) / LOWEST)
        octave = np.minimum(np.maximum(np.round(place), 0), np.floor(place[-1]))
        return cls(np.flatnonzero(np.diff(octave, prepend=-1)), place)

    def power(self, spectra: Sequence[NDArray[np.complexfloating]]) -> Floats:
        """Sum the power of spectra ``(..., bins)`` in each octave, ``(..., octaves)``."""
        summed: Floats = sum(np.add.reduceat(np.abs(each) ** 2, self.first, axis=-1) for each in spectra)  # type: ignore[assignment]
        return summed

    def interpolated(self, values: Floats) -> Floats:
        """Interpolate values of octaves, ``(..., octaves)``, to the bins."""
        at = np.arange(values.shape[-1])
        rows = [np.interp(self.place, at, row) for row in values.reshape(-1, values.shape[-1])]
        return np.reshape(rows, (*values.shape[:-1], -1))


def _flat(paths: NDArray[np.complex128], outputs: Sequence[NDArray[np.complex64]], octaves: Octaves) -> Floats:
    """Return gains that limit the octaves of paths to one microphone, ``(mics, octaves)``."""
    power = octaves.power(outputs)
    strength = _ratio(
        octaves.power([paths * each for each in outputs]), power + FAINT * power.sum(axis=1, keepdims=True), empty=0
    )
    most = amplitude(2 * STEEP_DB) * np.median(strength, axis=1, keepdims=True)
    return np.sqrt(np.minimum(1, _ratio(most, strength, empty=1)))


def _ratio(a: Floats, b: Floats, empty: float) -> Floats:
    a = np.broadcast_to(a, b.shape)
    return np.divide(a, b, out=np.full(b.shape, empty, np.float64), where=b > 0)
