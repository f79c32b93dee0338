"""Cross-spectra of pairs of microphones in stretches of a recording.

With each bin weighted by its coherence (GCC-PHAT; C. Knapp, G. Carter, IEEE Trans. Acoust. Speech Signal Process. 24,
1976), the cross-spectrum of a short stretch is the product of the paths of what sounds there and of
e^(-iω (θ_i - θ_j)), where θ are the lags of the microphones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from debleed.methods.demix.broadband import window_length
from debleed.methods.demix.excerpt import power, spectra
from debleed.recording import Recording
from debleed.soundcheck.alignment import Alignment
from debleed.soundcheck.time_line import TimeLine

SECONDS, WINDOW = 2.0, 0.185
"""Seconds of a stretch, and of its STFT windows."""

MOST_STRETCHES = 60
"""Most stretches that are compared, evenly over the recording."""

PARTNERS = 4
"""Most other microphones that a microphone is compared with: those that share most sound with it."""

WEAK = 1e-5
"""Power relative to a microphone's loudest bin (-50 dB) below which a bin has little weight: there the side lobes of
loud bins are coherent at lag 0."""


@dataclass(frozen=True)
class Pairs:
    """Cross-spectra of pairs of microphones in stretches.

    Parameters
    ----------
    first, second
        Microphones of each pair, ``(pairs,)``.
    starts
        First sample of each stretch.
    cross
        Complex coherence, ``(stretches, pairs, bins)``.
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    starts: NDArray[np.intp]
    cross: NDArray[np.complex64]

    @property
    def window(self) -> int:
        """Length of the STFT window in samples."""
        return 2 * (int(self.cross.shape[-1]) - 1)

    @property
    def frequency(self) -> NDArray[np.float64]:
        """Angular frequency of the bins in radians per sample."""
        frequency: NDArray[np.float64] = 2 * np.pi * np.arange(self.cross.shape[-1]) / self.window
        return frequency

    def of(self, mic: int) -> NDArray[np.intp]:
        """Return the indices of a microphone's pairs."""
        return np.flatnonzero((self.first == mic) | (self.second == mic))


def stretch_starts(length: int, rate: int) -> tuple[NDArray[np.intp], int]:
    """Return the first samples of the stretches, and their length."""
    size = min(length, round(SECONDS * rate))
    count = min(MOST_STRETCHES, length // max(1, size))
    return np.linspace(0, length - size, max(1, count)).astype(int), size


def cross_spectra(
    recording: Recording, first: NDArray[np.intp], second: NDArray[np.intp], starts: NDArray[np.intp], size: int
) -> Pairs:
    """Measure the cross-spectra of pairs in stretches of ``size`` samples."""
    nfft = window_length(WINDOW, recording.rate)
    cross = np.empty((len(starts), len(first), nfft // 2 + 1), np.complex64)
    for k, start in enumerate(starts):
        samples = recording.read(int(start), int(start) + size).astype(np.float32)
        values = spectra(np.diff(samples, axis=1), nfft)  # the difference whitens music coarsely
        own = power(values).sum(axis=-1)
        weight = own / (own + WEAK * own.max(axis=0) + np.finfo(np.float32).tiny)
        root = np.sqrt(np.where(own > 0, own, 1))
        for p, (i, j) in enumerate(zip(first, second, strict=True)):
            product = np.sum(values[:, i] * values[:, j].conj(), axis=-1)
            cross[k, p] = weight[:, i] * weight[:, j] * product / (root[:, i] * root[:, j])
    return Pairs(first, second, starts, cross)


def measured(
    recording: Recording, lines: tuple[TimeLine, ...], first: NDArray[np.intp], second: NDArray[np.intp]
) -> tuple[Pairs, NDArray[np.float64]]:
    """Measure cross-spectra with the time lines compensated; also return the middle of each stretch in samples.

    The times are on the common time line of ``lines``, which begins where the recording begins.
    """
    alignment = Alignment.of(lines)
    begins = alignment.lines[0].stretches[0].start - lines[0].stretches[0].start
    now = alignment.aligned(recording)
    starts, size = stretch_starts(now.length, now.rate)
    pairs = cross_spectra(now, first, second, starts, size)
    times: NDArray[np.float64] = np.asarray(starts, np.float64) + size / 2 - begins
    return pairs, times


def partners(recording: Recording) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Choose the pairs to compare: for each microphone, those that share most sound with it."""
    mics = len(recording)
    first, second = np.triu_indices(mics, 1)
    starts, size = stretch_starts(recording.length, recording.rate)
    pairs = cross_spectra(recording, first, second, starts[:: max(1, len(starts) // 6)], size)
    shared = np.square(np.abs(pairs.cross)).sum(axis=(0, 2))
    between = np.zeros((mics, mics))
    between[first, second] = between[second, first] = shared
    nearest = np.argsort(-between, axis=1)[:, :PARTNERS]
    chosen = [(between[i, j] > 0) and (j in nearest[i] or i in nearest[j]) for i, j in zip(first, second, strict=True)]
    return first[chosen], second[chosen]


def peak(spectrum: NDArray[np.complexfloating], window: int, centre: float, reach: float) -> tuple[float, float]:
    """Return the lag of a correlation's peak near ``centre``, to a fraction of a sample, and how clear it is.

    The clarity is the height over the standard deviation of the whole correlation, from its median size.
    """
    lags = scipy.fft.irfft(spectrum, window)
    noise = np.median(np.abs(lags)) / 0.6745
    near = np.arange(int(np.floor(centre - reach)), int(np.ceil(centre + reach)) + 1)
    at = int(near[np.argmax(lags[near % window])])
    low, high, after = (float(lags[k % window]) for k in (at - 1, at, at + 1))
    curve = low - 2 * high + after
    return at + (0.5 * (low - after) / curve if curve < 0 else 0.0), high / noise if noise > 0 else 0.0
