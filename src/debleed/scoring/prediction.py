"""The SDR of a cleaned recording, estimated without the truth.

Let x be a microphone, s the image of its own source and y the estimate of s. On a stage that stands still, the bleed
x - s is a sum of filtered sources, so it is what fixed filters predict from the *other* cleaned microphones. What they
do not predict is a second opinion on the image, ŝ = x - b with b the predicted bleed, and the estimated SDR compares
both, 10 log₁₀(Σ ŝ² / Σ (y - ŝ)²). The difference y - ŝ = b - (x - y) is the predicted bleed less what was removed. It
holds both errors: bleed that is still there (predicted and not removed) and damage to the source (removed and not
predicted). A mask that removes the source with the bleed lowers every measure of bleed alone, but not this one.

The filters are fitted in one half of the recording, made of every second block, and predict in the other half, so that
they do not gain from sounds that coincide by chance. The fit is generalised least squares: a point of time and
frequency weighs the more, the less of the microphone's own source it holds. Its taps have the prior of
:mod:`debleed.methods.demix.fitting`.

Fixed filters are an assumption, and the recording shows whether it holds. Where a source rests, its microphone holds
bleed alone, and the filters must explain nearly all of it. This is tested with the microphones *before* cleaning, so no
method influences it. A microphone that has no such moments has no estimate: its source never rests, or the bleed
differs from one drum hit to the next, or comes from a source without a microphone.

The estimate levels off between 35 and 40 dB in recordings of 20 s, since ŝ has errors of its own. It is too high where
fixed filters make the same error in both halves: with compressors, with sources that are nearly as loud in each other's
microphones as in their own, with parts that play the same notes throughout, and above all with two microphones of one
source that are taken for two sources.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from debleed.decibels import decibels
from debleed.dsp.overlap_save import OverlapSave
from debleed.dsp.parallel import in_parallel
from debleed.dsp.stft import Spectra, nfft_at, stft
from debleed.methods.demix.excerpt import excerpt
from debleed.methods.demix.fitting import fitted_filters
from debleed.progress import Progress, counted, quiet, within
from debleed.recording import Recording, Samples, refuse_unlike
from debleed.scoring.scores import Floats

SECONDS, MOST_VALUES = 30.0, 16_000_000
"""Longest excerpt, in seconds and in samples over all microphones; they bound time and memory."""

LOW_RATE = 22050
"""Hz; higher rates are divided by a whole number, to no less than this. Sound above 11 kHz has little of the energy,
and fits over a wider band converge more slowly."""

WINDOW = 32768
"""STFT window at 44.1 kHz (0.74 s), which must exceed the filters. Half as much gives a Spearman correlation of 0.76
with the true SDR instead of 0.93 at RT60 0.8 s; twice as much leaves too few windows in recordings of 20 s."""

LEAST_WINDOWS = 8
"""A recording shorter than this many windows (6 s) has too few for both halves."""

OVERLAPS = 2
"""Window over hop. With 4, more of a window that is fitted lies in the blocks that are predicted."""

FILTER_SHARE = 0.46
"""Length of the filters in windows (0.34 s); with what lies ahead, less than the half that overlap-save allows."""

AHEAD = 0.0116
"""Seconds by which bleed may arrive before its source reaches its own microphone, as in demix."""

ROUNDS = 3
"""Each round fits what the rounds before have not predicted, which removes the bias of short windows. At RT60 0.8 s the
Spearman correlation with the true SDR is 0.68, 0.93 and 0.95 after one, two and three rounds."""

SOLVER_STEPS = 48
"""Iterations of conjugate gradients in a round. A synthesised bass of 30.2 dB is estimated at 16, 21 and 25 dB with 12,
24 and 48."""

BLOCK_SECONDS = 1.0
"""Length of the blocks of which every second one belongs to the same half."""

FLOOR = 0.01
"""Least variance of a source relative to the mean power of its microphone. With 0.001, a few quiet windows outweigh the
others, and the Spearman correlation falls from 0.93 to 0.62 at RT60 0.8 s."""

RIDGE = 0.03
"""Added to the covariance of the other microphones, relative to its diagonal, where they are few windows."""

REST_WINDOW, REST_BANDS, REST_HZ = 4096, 12, 7500.0
"""STFT window at 44.1 kHz, number of bands, and their upper limit in Hz, in which moments of rest are sought."""

REST_SHARE = 0.05
"""Share of all points that must be moments of rest."""

LEFT_AT_REST = -8.5
"""dB; the most that the filters may leave of a microphone at rest. In songs in rooms microphones have -31 to -8 where
their source rests and -6 to -2 where it never does; those of two drum kits have -7.3 to 0, so the margin is small and
leaves out some microphones that would be estimated well."""

FEWEST = 2
"""The estimate is shown for at least so many microphones. In the one scene in which a single microphone was known, it
ranked the methods worse (Spearman's correlation 0.88) than in any other."""


def estimated_sdr(before: Recording, after: Recording, progress: Progress = quiet) -> tuple[Floats, Floats]:
    """Estimate the SDR of each microphone before and after cleaning, without the truth.

    Parameters
    ----------
    before, after
        Same microphones, rate and length. An excerpt of at most :data:`SECONDS` is read.
    progress
        Called with the stage "figures".

    Returns
    -------
    dB of what lies below 11 kHz, before and after, each ``(mics,)``. NaN in both where the recording does not show that
    fixed filters predict the bleed, for room microphones and for silence.

    Raises
    ------
    InputError
        If the recordings do not belong together.
    """
    refuse_unlike(before, after, "recording before", "recording after")
    allowed = before.can_bleed()
    count = min(round(SECONDS * before.rate), MOST_VALUES // max(1, len(before)))
    x, y = (excerpt(recording, count) for recording in (before, after))
    factor = max(1, before.rate // LOW_RATE)
    x, y, rate = decimated(x, factor), decimated(y, factor), before.rate // factor
    level = float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))) if x.size else 0.0
    if level == 0 or not allowed.any() or x.shape[1] < LEAST_WINDOWS * nfft_at(rate, WINDOW):
        return np.full(len(x), np.nan), np.full(len(x), np.nan)
    x, y = (x / level).astype(np.float32), (y / level).astype(np.float32)
    known = allowed.any(axis=1)
    first = second_opinion(x, x, rate, allowed, within(progress, 0, 0.5))
    known &= left_at_rest(x, first, rate) <= LEFT_AT_REST
    known &= np.sum(known) >= FEWEST  # a single microphone ranks methods badly
    opinion = second_opinion(x, y, rate, allowed & known[:, None], within(progress, 0.5, 1))
    was, became = (np.where(known, agreement(rows, opinion), np.nan) for rows in (x, y))
    return was, became


def decimated(samples: Samples, factor: int) -> Samples:
    """Divide the rate by a whole number and remove what the new rate cannot hold; the samples are taken as a loop."""
    if factor == 1:
        return samples
    length = samples.shape[-1] // factor
    spectrum = scipy.fft.rfft(samples[..., : length * factor], axis=-1)[..., : length // 2 + 1]
    slower: Samples = scipy.fft.irfft(spectrum, length, axis=-1) / factor
    return slower


def agreement(estimate: Samples, opinion: Samples) -> Floats:
    """Return the SDR of an estimate of the images against another one, both ``(mics, samples)``: dB, ``(mics,)``."""
    power, difference = (np.sum(np.square(rows, dtype=np.float64), axis=1) for rows in (opinion, estimate - opinion))
    return decibels(power, difference)


def left_at_rest(microphones: Samples, opinion: Samples, rate: int) -> Floats:
    """Return how much the filters leave of each microphone in the moments that they explain best.

    Parameters
    ----------
    microphones, opinion
        ``(mics, samples)``: the microphones, and what the others do not predict of them.
    rate
        Sampling rate in Hz.

    Returns
    -------
    dB, ``(mics,)``: the quantile :data:`REST_SHARE` over all frames and bands; NaN for silence.
    """
    nfft = nfft_at(rate, REST_WINDOW)
    edges = np.linspace(1, min(nfft // 2, int(REST_HZ / rate * nfft)), REST_BANDS + 1).astype(int)
    was, left = (
        np.add.reduceat(np.square(np.abs(stft(rows, nfft, nfft // 2)[:, : edges[-1]])), edges[:-1], axis=1)
        for rows in (microphones, opinion)
    )
    found = np.full(len(microphones), np.nan)
    for i, heard in enumerate(
        was > 1e-6 * was.mean(axis=(1, 2), keepdims=True)
    ):  # 60 dB: digital silence explains itself
        if heard.any():
            found[i] = decibels(np.quantile(left[i][heard] / was[i][heard], REST_SHARE))
    return found


def second_opinion(
    x: Samples, y: Samples, rate: int, allowed: NDArray[np.bool_], progress: Progress = quiet
) -> Samples:
    """Subtract from each microphone what the other cleaned ones predict of it, with filters from the other half.

    Parameters
    ----------
    x, y
        ``(mics, samples)``: the microphones before and after cleaning, float32.
    rate
        Sampling rate in Hz.
    allowed
        ``(mics, mics)``: where bleed is possible. Rows without any are returned as they are.
    progress
        Called with the stage "figures".

    Returns
    -------
    ``(mics, samples)``.
    """
    nfft = nfft_at(rate, WINDOW)
    hop, block = nfft // OVERLAPS, round(BLOCK_SECONDS * rate)
    spectra, blocks = stft(y, nfft, hop), OverlapSave.of(y, 2 * nfft)
    half = np.arange(x.shape[1]) // block % 2
    middle = (np.arange(spectra.shape[-1]) + 1) * hop - nfft // 2
    opinion = x.copy()
    some = np.flatnonzero(allowed.any(axis=1)).tolist()
    ended = counted(progress, "figures", len(some))

    def work(mic: int) -> None:
        others = np.flatnonzero(allowed[mic])
        weight = weights(spectra[mic], np.mean(np.square(np.abs(stft(x[mic], nfft, hop))), axis=-1))
        for k in range(2):
            learnt = middle // block % 2 == k
            regression = Regression.of(spectra[:, :, learnt][others], weight[:, learnt])
            bleed = predicted(x[mic], regression, learnt, others, blocks, rate)
            opinion[mic, half != k] -= bleed[half != k]
        ended()

    in_parallel(work, some)
    return opinion


def weights(spectrum: Spectra, power: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the inverse variance of a source.

    Parameters
    ----------
    spectrum
        ``(bins, frames)``: the estimate of the source, which is smoothed over three bins.
    power
        ``(bins,)``: the mean power of its microphone.

    Returns
    -------
    ``(bins, frames)``; 0 for a silent microphone.
    """
    variance = np.square(np.abs(spectrum))
    variance[1:-1] = (variance[:-2] + variance[1:-1] + variance[2:]) / 3
    # bins above the band of a lossy file hold nothing, and must not outweigh the others without end
    variance += FLOOR * np.maximum(power, 1e-8 * power.max(initial=0))[:, None]
    return np.divide(1, variance, out=np.zeros(variance.shape, np.float32), where=variance > 0)


@dataclass(frozen=True)
class Regression:
    """Weighted least squares of one microphone on the other ones, bin by bin.

    Parameters
    ----------
    weighted
        ``(bins, others, frames)``: the conjugate of the other microphones, times the weight.
    inverse
        ``(bins, others, others)``: the inverse of their weighted covariance.
    """

    weighted: NDArray[np.complex64]
    inverse: NDArray[np.complex128]

    @classmethod
    def of(cls, others: Spectra, weight: NDArray[np.float32]) -> Regression:
        """Prepare the regression on other microphones, ``(others, bins, frames)``."""
        u = np.ascontiguousarray(others.swapaxes(0, 1))
        weighted = u.conj() * weight[:, None]
        covariance = (weighted @ u.swapaxes(1, 2)).astype(np.complex128)
        diagonal = np.einsum("fjj->fj", covariance).real
        # bins without any sound stay invertible
        ridge = RIDGE * diagonal + 1e-6 * diagonal.max(initial=0) + np.finfo(np.float32).tiny
        return cls(weighted, np.linalg.inv(covariance + ridge[:, :, None] * np.eye(len(others))))

    def responses(self, target: Spectra) -> NDArray[np.complex128]:
        """Return the response from each of the others to a target ``(bins, frames)``: ``(others, bins)``."""
        found: NDArray[np.complex128] = (self.inverse @ (self.weighted @ target[:, :, None]))[..., 0].T
        return found

    def reliability(self) -> NDArray[np.float64]:
        """Return the inverse variance of the responses, ``(others, bins)``."""
        found: NDArray[np.float64] = 1 / np.einsum("fjj->fj", self.inverse).real.T
        return found


def predicted(
    x: Samples,
    regression: Regression,
    learnt: NDArray[np.bool_],
    others: NDArray[np.intp],
    blocks: OverlapSave,
    rate: int,
) -> Samples:
    """Predict the bleed in one microphone from the others.

    Parameters
    ----------
    x
        ``(samples,)``: the microphone.
    regression
        On the frames to learn from.
    learnt
        ``(frames,)``: which frames these are.
    others
        Indices of the other microphones among those in ``blocks``.
    blocks
        All cleaned microphones, in blocks of two windows.
    rate
        Sampling rate in Hz.

    Returns
    -------
    ``(samples,)``, over the whole recording.
    """
    nfft = blocks.nfft // 2
    length, ahead = round(FILTER_SHARE * nfft), round(AHEAD * rate)
    reliability = between_bins(regression.reliability())
    taps = np.zeros((len(others), 2 * nfft), np.float32)
    response = np.zeros((nfft + 1, 1, blocks.blocks.shape[1]), np.complex64)
    bleed = np.zeros_like(x)
    for _ in range(ROUNDS):
        left = stft(x - bleed, nfft, nfft // OVERLAPS)[:, learnt]
        missing = twice_as_long(scipy.fft.irfft(regression.responses(left), nfft, axis=-1))
        found = fitted_filters(scipy.fft.rfft(missing, axis=-1), reliability, taps, length, ahead, SOLVER_STEPS)
        taps[:, :length] += found[:, ahead:]
        taps[:, 2 * nfft - ahead :] += found[:, :ahead]
        response[:, 0, others] = scipy.fft.rfft(taps, axis=-1).T
        bleed = blocks.filtered(response)[0]
    return bleed


def twice_as_long(taps: NDArray[np.floating]) -> NDArray[np.floating]:
    """Insert zeros between the positive and the negative lags of circular taps, ``(filters, nfft)``."""
    half = taps.shape[-1] // 2
    gap = np.zeros((len(taps), 2 * half), taps.dtype)
    return np.concatenate([taps[:, :half], gap, taps[:, half:]], axis=-1)


def between_bins(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Interpolate ``(filters, bins)`` linearly to twice the resolution."""
    finer = np.empty((len(values), 2 * values.shape[1] - 1), np.float32)
    finer[:, ::2], finer[:, 1::2] = values, (values[:, 1:] + values[:, :-1]) / 2
    return finer
