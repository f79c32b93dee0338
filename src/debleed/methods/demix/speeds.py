"""How fast each path changes, told from how well each speed predicts what it has not heard.

The deviation of a path may be a constant, or change in seconds, or in a second, and its size is not known either. A
Kalman filter runs for each of these cases, and a regression tells, for each microphone and band, which share of each
prediction is found in the microphone: weights that are not negative, over all references and speeds together. The
predictions do not contain the frame that they predict (:mod:`debleed.methods.demix.kalman`), so a path that does not
deviate, or a speed that follows chance, gets the weight 0. The speed with the largest weight is taken.

Sound that two sources share (a doubled synthesiser, one sample in two stems) looks like bleed that deviates. Two signs
tell it: it rises and falls with the own sound of the microphone, and it arrives at lag 0, where no sound in air does.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.optimize import nnls

from debleed.dsp.parallel import in_parallel
from debleed.dsp.rtf import Response, on_grid
from debleed.dsp.stft import Spectra, nfft_at, stft
from debleed.methods.demix.background import NFFT, Background
from debleed.methods.demix.broadband import AT_ONCE
from debleed.methods.demix.excerpt import Powers, excerpt, power
from debleed.methods.demix.kalman import Followed, predicted, run
from debleed.methods.demix.safeguards import COARSE_BANDS, FINE_BANDS, band_edges, rising_with
from debleed.methods.demix.tracking import (
    ENTRIES,
    LAGS,
    UNDERRATED,
    Tracking,
    expected_power,
    fading,
    gaps,
    memory,
    over_bins,
    own_variance,
    references,
)
from debleed.progress import Progress, counted, quiet
from debleed.recording import Recording

SPEEDS = ((np.inf, UNDERRATED), (10.0, UNDERRATED), (1.0, 3 * UNDERRATED))
"""Seconds in which a deviation changes, and its variance over what the leakage estimator finds. What changes fast is
underrated most: it leaves no trace in the mean path."""

UNEXACT = 0.01
"""Variance of a deviation relative to the path (-20 dB), at least: filters are not exact where nothing moves."""

LEARNED = 60.0
"""Most seconds to learn from."""

BINS = 12
"""Most bins of a band that tell its speed."""

LEAST = 0.02
"""Least weight of a path that is followed."""

FOLLOWS = 0.5
"""A prediction is dropped if more than this share of its power follows the own sound of the microphone, in a regression
over time in coarse bands. Measured: 0.7 to 1 for sound that two sources share, at most 0.4 for bleed."""

AROUND, AT_LEAST_SHARED = 0.003, 0.1
"""Seconds around lag 0 in which bleed may arrive. A prediction is dropped if its energy within
:data:`~debleed.methods.demix.broadband.AT_ONCE` of lag 0 exceeds the mean by more than the second number, as a share of
what bins that all agree would give. Measured: 0.12 to 0.5 for shared sound, at most 0.05 for bleed."""

LASTING = 0.5
"""Seconds over which paths are averaged for that."""

NEGLIGIBLE = 1e-6
"""A microphone from which less than this share of its power (-60 dB) would be removed is left as it is."""

BEYOND = 3.0
"""A deviation that does not change is no bleed if it carries more than so many times the power that its prior lets
expect. Measured: 8.7 where a singer and a synthesiser hold the same notes for ten seconds, at most 1.4 in 68 pairs that
stand, move, are compressed or play before an audience."""


def learn_tracking(
    sources: NDArray[np.float32],
    mixing: Response,
    leakage: NDArray[np.floating],
    rate: int,
    allowed: NDArray[np.bool_],
    possible: NDArray[np.bool_],
    background: Background,
    progress: Progress = quiet,
) -> tuple[Tracking, NDArray[np.bool_]]:
    """Learn which paths deviate, how far and how fast; also return :func:`beyond_expectation`.

    Parameters
    ----------
    sources
        y, ``(mics, samples)``: the microphones after the fixed filters.
    mixing
        Their mixing matrix, ``(bins, mics, mics)``.
    leakage
        λ on the bins of the STFT, ``(mics, mics, bins)``: power of source j that is left in microphone i, relative to
        the source.
    rate
        Sampling rate in Hz.
    allowed
        ``(mics, mics)``: where bleed is removed.
    possible
        ``(mics, mics)``: where there may be bleed. Where it is not removed, all of it is left in the source.
    background
        From which sources have to stand out.
    progress
        Called with the stage "demix".
    """
    mics, hop = len(sources), nfft_at(rate, NFFT) // 2
    recording = Recording.from_array(sources, rate)
    samples = excerpt(recording, min(recording.length, round(LEARNED * rate))).astype(np.float32)
    spectra = stft(np.pad(samples, ((0, 0), ((LAGS - 1) * hop, 0))), 2 * hop, hop)
    bins = spectra.shape[1]
    edges = band_edges(bins, rate, FINE_BANDS)
    size = np.diff(edges)
    path = np.add.reduceat(np.moveaxis(np.square(np.abs(on_grid(mixing, bins))), 0, -1), edges[:-1], axis=-1) / size
    left = (np.add.reduceat(leakage, edges[:-1], axis=-1) / size * allowed[:, :, None]).astype(np.float32)
    variances = np.stack([(scale * left + UNEXACT * path) * allowed[:, :, None] for _, scale in SPEEDS]).astype(
        np.float32
    )
    untouched = (possible & ~allowed)[:, :, None]
    left += (path / UNDERRATED * untouched).astype(np.float32)  # none of it is underrated
    powers = power(spectra)
    heard = references(spectra, powers, background, over_bins(left, bins, rate), rate)
    noise = own_variance(powers[..., LAGS - 1 :], np.zeros((1, 1, 1), np.float32))
    some = judged_bins(edges)
    ended = counted(progress, "demix", mics)

    def fit(i: int) -> tuple[NDArray[np.float32], ...]:
        fitted = fit_microphone(
            spectra[i, some, LAGS - 1 :], heard[:, some], noise[i, some], variances[:, i], some, rate
        )
        ended()
        return fitted

    fitted = in_parallel(fit, range(mics))
    variance, seconds, weight, measured = (np.stack(rows) for rows in zip(*fitted, strict=True))
    unfollowed = too_fast(measured, weight * variance)
    tracking = Tracking(variance, seconds, weight, np.zeros((LAGS, mics, mics, bins), np.complex64), left, unfollowed)
    tracking = with_constants(tracking, spectra[..., LAGS - 1 :], heard, powers, rate)
    return tracking, beyond_expectation(tracking.constant, variance, heard, rate)


def beyond_expectation(
    constant: Response, variance: NDArray[np.float32], heard: Spectra, rate: int
) -> NDArray[np.bool_]:
    """Return between which microphones and sources constants carry more than :data:`BEYOND` lets expect.

    Parameters
    ----------
    constant
        ``(LAGS, mics, mics, bins)``.
    variance
        Their prior, ``(mics, mics, bands)``.
    heard
        The sources, ``(mics, bins, LAGS - 1 + frames)``.
    rate
        Sampling rate in Hz.

    Returns
    -------
    ``(mics, mics)``.
    """
    level = power(heard).sum(axis=-1)
    prior = fading(rate).sum() * over_bins(variance, constant.shape[-1], rate) * constant.any(axis=0)
    carried = (power(constant).sum(axis=0) * level).sum(axis=-1)
    beyond: NDArray[np.bool_] = carried > BEYOND * (prior * level).sum(axis=-1)
    return beyond


def judged_bins(edges: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the bins that tell the speeds: a few of each band."""
    some = [np.linspace(a, b - 1, min(BINS, b - a)).round().astype(int) for a, b in pairwise(edges)]
    return np.unique(np.concatenate(some))


def fit_microphone(
    observed: Spectra, heard: Spectra, noise: Powers, variances: NDArray[np.float32], some: NDArray[np.intp], rate: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return the variance, the seconds and the weight of the paths into a microphone, ``(mics, bands)`` each.

    Also return the measured variance of those that change: the power of what is predicted and found, over that of the
    source.

    Parameters
    ----------
    observed, noise
        y_i and the variance of its source, ``(bins, frames)``.
    heard
        All sources, ``(mics, bins, LAGS - 1 + frames)``.
    variances
        ``(speeds, mics, bands)``.
    some
        Which bins these are.
    rate
        Sampling rate in Hz.
    """
    nfft = nfft_at(rate, NFFT)
    edges = np.searchsorted(some, band_edges(nfft // 2 + 1, rate, FINE_BANDS))
    tone = gaps(nfft // 2 + 1, rate)[some]
    seconds = np.array([seconds for seconds, _ in SPEEDS], np.float32)
    predictions = np.stack(
        [
            predictions_of(observed, heard, noise, one, np.full_like(one, tau), some, rate)
            for one, tau in zip(variances, seconds, strict=True)
        ]
    )
    bands = [slice(a, b) for a, b in pairwise(edges)]
    weights = np.stack([found(observed[b], predictions[:, :, b], noise[b], tone[b].mean()) for b in bands], axis=-1)
    weights *= told_apart(observed, heard, predictions, weights, some, rate)
    best = weights.argmax(axis=0)
    variance = np.take_along_axis(variances, best[None], 0)[0] * (weights.sum(axis=0) > LEAST)
    chosen = seconds[best]
    again = predictions_of(observed, heard, noise, variance, chosen, some, rate)[None]
    weight = np.stack([found(observed[b], again[:, :, b], noise[b], tone[b].mean())[0] for b in bands], axis=-1)
    weight[(weight < LEAST) | (variance == 0)] = 0
    removed = over_bins(weight.astype(np.float32), nfft // 2 + 1, rate)[:, some, None] * again[0]
    if power(removed.sum(axis=0)).sum() < NEGLIGIBLE * power(observed).sum():
        weight[:] = 0
    energy, level = (np.add.reduceat(power(x).sum(axis=-1), edges[:-1], axis=1) for x in (removed, heard))
    measured = np.divide(energy, level, out=np.zeros_like(energy), where=level > 0)
    moves = (weight > 0) & np.isfinite(chosen)
    return variance * (weight > 0), chosen, weight.astype(np.float32), measured * moves


def too_fast(measured: NDArray[np.float32], followed: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the variance of what changes too fast to be followed.

    A path whose length changes turns the phase of high frequencies more than that of low ones, so relative to the
    source it deviates at least as much as in any lower band. What the filters follow of that falls with frequency.

    Parameters
    ----------
    measured
        Measured variance of deviations that change, ``(mics, mics, bands)``; 0 where they do not.
    followed
        Their variance as it is followed, of the same shape.
    """
    at_least = np.maximum.accumulate(measured, axis=-1)
    beyond: NDArray[np.float32] = np.where(measured > 0, np.maximum(at_least - followed, 0), 0).astype(np.float32)
    return beyond


def predictions_of(
    observed: Spectra,
    heard: Spectra,
    noise: Powers,
    variance: NDArray[np.float32],
    seconds: NDArray[np.float32],
    some: NDArray[np.intp],
    rate: int,
) -> Spectra:
    """Predict the bleed in a microphone from each source, ``(mics, bins, frames)``; see :func:`fit_microphone`."""
    bins = nfft_at(rate, NFFT) // 2 + 1
    spread, lasting = (over_bins(values, bins, rate)[None, :, some] for values in (variance, seconds))
    paths = Followed.of(spread, memory(lasting, rate), fading(rate), gaps(bins, rate)[some])
    out = np.zeros((len(heard), *observed.shape), np.complex64)
    if len(paths.starts):
        at = paths.bins[paths.starts]
        frames = range(observed.shape[-1])
        values, _ = predicted(observed[at].T, heard[paths.references, paths.bins].T, noise[at].T, paths, frames)
        out[paths.references, paths.bins] = values.T
    return out


def found(observed: Spectra, predictions: Spectra, noise: Powers, tone: float) -> NDArray[np.float64]:
    """Return which share of each prediction is found in a microphone: least squares without negative weights.

    Each weight w is shrunk by the factor 1 - σ² / w², with its standard error σ for noise of varying level (White 1980;
    see :mod:`debleed.methods.demix.bleed`): what a few hits suggest does not count.

    Parameters
    ----------
    observed, noise
        ``(bins, frames)``; points are weighted by the inverse of the noise.
    predictions
        ``(speeds, mics, bins, frames)``.
    tone
        Frames that a tone lasts, which count as one observation.

    Returns
    -------
    ``(speeds, mics)``, 0 to 1.
    """
    scale = 1 / np.sqrt(noise)
    design = (predictions * scale).reshape(-1, observed.size).astype(np.complex128)
    heard = design.any(axis=1)
    weights = np.zeros(len(design))
    design = design[heard]
    if len(design):
        target = (observed * scale).ravel()
        products, matches = (design.conj() @ design.T).real, (design.conj() @ target).real
        values, vectors = np.linalg.eigh(products)
        values = np.maximum(values, 1e-9 * values[-1])
        root = np.sqrt(values)
        weights[heard] = nnls(root[:, None] * vectors.T, vectors.T @ matches / root)[0]
        level, left = np.square(np.abs(design)), np.square(np.abs(target - weights[heard] @ design))
        error = tone * (level @ left) / np.square(level.sum(axis=1))
        signal = np.square(weights[heard])
        weights[heard] *= np.maximum(signal - error, 0) / np.where(signal > 0, signal, 1)
    shares: NDArray[np.float64] = np.minimum(weights, 1).reshape(predictions.shape[:2])
    return shares


def told_apart(
    observed: Spectra,
    heard: Spectra,
    predictions: Spectra,
    weights: NDArray[np.float64],
    some: NDArray[np.intp],
    rate: int,
) -> NDArray[np.bool_]:
    """Return in which bands what is predicted from a source is told from shared sound, ``(mics, bands)``.

    A band that is too narrow to show at which lag sound arrives takes the answer of the band above it.

    Parameters
    ----------
    observed
        ``(bins, frames)``.
    heard
        ``(mics, bins, LAGS - 1 + frames)``.
    predictions
        ``(speeds, mics, bins, frames)``.
    weights
        ``(speeds, mics, bands)``.
    some
        Which bins these are.
    rate
        Sampling rate in Hz.
    """
    nfft = nfft_at(rate, NFFT)
    bins = nfft // 2 + 1
    share = over_bins(weights.astype(np.float32), bins, rate)[:, :, some]
    bleed = np.einsum("smf,smft->mft", share, predictions)
    edges = band_edges(bins, rate, COARSE_BANDS)
    coarse = np.searchsorted(some, edges)
    own = np.add.reduceat(power(observed - bleed.sum(axis=0)), coarse[:-1])
    removed = np.add.reduceat(power(bleed), coarse[:-1], axis=1)
    follows = rising_with(own, removed) > FOLLOWS * removed.mean(axis=-1)
    hertz = some * rate / nfft
    now = heard[..., LAGS - 1 :]
    bands = list(pairwise(coarse))
    at_once = np.stack([arrives_at_once(bleed[:, a:b], now[:, a:b], hertz[a:b], rate) for a, b in bands], axis=1)
    for band in reversed(range(len(bands) - 1)):
        if not resolves_lags(hertz[slice(*bands[band])]):
            at_once[:, band] = at_once[:, band + 1]
    shared = follows | at_once
    within = np.searchsorted(edges, band_edges(bins, rate, FINE_BANDS)[:-1], side="right") - 1
    apart: NDArray[np.bool_] = ~shared[:, within]
    return apart


def arrives_at_once(bleed: Spectra, sources: Spectra, hertz: NDArray[np.float64], rate: int) -> NDArray[np.bool_]:
    """Whether paths from sources have a peak at lag 0 that stands out, ``(sources,)``.

    Parameters
    ----------
    bleed, sources
        What is predicted and what it is predicted from, ``(sources, bins, frames)``.
    hertz
        Frequencies of the bins.
    rate
        Sampling rate in Hz.
    """
    frames = max(1, round(LASTING * 2 * rate / nfft_at(rate, NFFT)))
    cross = uniform_filter1d(bleed * sources.conj(), frames, axis=-1)
    level = np.maximum(uniform_filter1d(power(sources), frames, axis=-1), 0)
    paths = cross / np.sqrt(level + np.finfo(np.float32).tiny)
    lags = np.arange(-round(AROUND * rate), round(AROUND * rate) + 1) / rate
    turned = np.exp(2j * np.pi * hertz[:, None] * lags).astype(np.complex64)
    energy = power(np.swapaxes(paths, 1, 2) @ turned).sum(axis=1)
    peak = energy[:, np.abs(lags) <= AT_ONCE].max(axis=1)
    stands_out: NDArray[np.bool_] = peak > (1 + AT_LEAST_SHARED * len(hertz)) * energy.mean(axis=1)
    return stands_out


def resolves_lags(hertz: NDArray[np.float64]) -> bool:
    """Whether a peak in this band can be high enough for :func:`arrives_at_once`.

    Bins that all agree give a peak as wide as the inverse of the bandwidth, so it is at most 2 :data:`AROUND` ×
    bandwidth times the mean over the lags.
    """
    return bool(2 * AROUND * np.ptp(hertz) > 1 + AT_LEAST_SHARED * len(hertz))


def with_constants(tracking: Tracking, observed: Spectra, heard: Spectra, powers: Powers, rate: int) -> Tracking:
    """Measure the deviations that do not change, beside those that do; the tracking no longer has to follow them.

    Parameters
    ----------
    tracking
        All deviations with their speeds.
    observed
        y, ``(mics, bins, frames)``.
    heard, powers
        The sources as references, and the powers of y, ``(mics, bins, LAGS - 1 + frames)``.
    rate
        Sampling rate in Hz.
    """
    bins = observed.shape[1]
    variance, seconds, weight = (
        over_bins(values, bins, rate) for values in (tracking.variance, tracking.seconds, tracking.weight)
    )
    expected = expected_power(variance * weight, power(heard), rate)
    noise = own_variance(powers[..., LAGS - 1 :], expected)
    constant = tracking.constant.copy()

    def work(paths: Followed) -> None:
        at = paths.mics[paths.starts], paths.bins[paths.starts]
        frames = range(observed.shape[-1])
        *_, state = run(observed[at].T, heard[paths.references, paths.bins].T, noise[at].T, paths, frames, range(0))
        constant[:, paths.mics, paths.references, paths.bins] = state

    in_parallel(work, Followed.of(variance, memory(seconds, rate), fading(rate), gaps(bins, rate)).parts(ENTRIES))
    stays = ~np.isfinite(tracking.seconds)
    return replace(
        tracking,
        variance=np.where(stays, 0, tracking.variance),
        seconds=np.where(stays, 0, tracking.seconds),
        weight=np.where(stays, 0, tracking.weight),
        constant=constant * weight * ~np.isfinite(seconds),
    )
