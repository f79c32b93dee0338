"""Offsets: files that begin earlier or later than the others, and links that delay a microphone.

A file that begins seconds late has no sound in common with the others near lag 0, but with most of them at one and the
same lag. Which way sound travelled between two microphones is told by who leads: where microphone i is loud relative to
j, its source reaches j later; where j is loud, i later. The middle of the two lags is the difference of their time
lines.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from debleed.methods.demix.broadband import window_length
from debleed.methods.demix.excerpt import Bins, power, spectra
from debleed.recording import Recording
from debleed.soundcheck.alignment import Alignment
from debleed.soundcheck.time_line import Stretch, TimeLine

LATEST, LISTENED = 60.0, 120.0
"""Largest offset in seconds, and the sound that is compared beyond it."""

BAND = (50.0, 5000.0)
"""Band in Hz in which whole recordings are compared."""

ACOUSTIC = 0.06
"""Seconds within which microphones in step have sound in common: 20 m."""

SMOOTH = 20.0
"""Hz over which the spectrum of a whole recording is smoothed for whitening."""

CLEAR, CLEARER = 10.0, 2.0
"""Two microphones are out of step if their correlation has a peak of so many standard deviations beyond ACOUSTIC that
is so many times higher than any within. Measured: 2.5 to 35 times for a late file, 0.1 to 0.6 for songs in step."""

ALONE = 1.2
"""That peak is also so many times higher than any other, further than ACOUSTIC from it. Measured: 1.25 to 3.7 for late
files, at most 1.1 for two drums without bleed, whose hits fall together at many lags."""

LEADING = 0.3
"""Share of the frames in which a microphone is loudest, or softest, relative to another."""

WINDOW = 0.185
"""Seconds of the STFT windows in which it is told who leads."""

BOTH_WAYS = 0.001
"""Seconds that the lags of sound in one direction and in the other differ at least: microphones 17 cm apart."""

DELAYED = 0.008
"""Seconds of delay that are compensated; the filters take care of less."""


def coarse_offsets(recording: Recording) -> NDArray[np.intp]:
    """Find the lag of each microphone against most others, where it is too long for sound in air.

    Returns
    -------
    Samples, ``(mics,)``; 0 for microphones in step.
    """
    rate, mics = recording.rate, len(recording)
    lags = np.zeros(mics, np.intp)
    stop = min(recording.length, round((LATEST + LISTENED) * rate))
    step = max(1, int(rate / (2.2 * BAND[1])))
    length = scipy.fft.next_fast_len(2 * (stop // step), real=True)
    white = whitened(recording.read(0, stop), rate, step, length)
    reach, near = min(round(LATEST * rate) // step, length // 2 - 1), round(ACOUSTIC * rate / step)
    alone = np.array([white[i].any() for i in range(mics)])
    turn = 2j * np.pi * np.arange(white.shape[1]) / length
    for i in np.flatnonzero(alone):
        rest = np.delete(white, i, axis=0).sum(axis=0)
        if farther(lag_sizes(white[i] * rest.conj(), length, reach), near) is None:
            continue  # most share sound with it near lag 0
        others = [j for j in np.flatnonzero(alone) if j != i]
        peaks = [farther(lag_sizes(white[i] * white[j].conj(), length, reach), near) for j in others]
        found = np.array([peak for peak in peaks if peak is not None])
        if len(found) < min(2, len(others)):
            continue
        agree = np.abs(found[:, None] - found) < near
        best = int(np.argmax(agree.sum(axis=1)))
        if agree[best].sum() > len(others) / 2:
            lag = round(float(np.median(found[agree[best]])))
            lags[i] = step * lag
            white[i] *= np.exp(turn * lag)  # the others are compared with it in step
    return lags


def whitened(samples: NDArray[np.floating], rate: int, step: int, length: int) -> NDArray[np.complex64]:
    """Return the whitened spectra of whole microphones in BAND, at the rate divided by ``step``, ``(mics, bins)``."""
    bins = length // 2 + 1
    white = np.zeros((len(samples), bins), np.complex64)
    for i, row in enumerate(samples):
        # cutting the spectrum is the decimation
        spectrum = scipy.fft.rfft(row.astype(np.float32), step * length)[:bins]
        smooth = uniform_filter1d(power(spectrum), max(3, round(SMOOTH * step * length / rate)))
        white[i] = spectrum / np.sqrt(smooth + 1e-5 * smooth.max() + np.finfo(np.float32).tiny)
    hertz = np.arange(bins) * rate / (step * length)
    white[:, (hertz < BAND[0]) | (hertz > BAND[1])] = 0
    return white


def lag_sizes(cross: NDArray[np.complexfloating], length: int, reach: int) -> NDArray[np.float64]:
    """Return the size of the correlation at lags -reach to reach, in standard deviations, from a cross-spectrum."""
    lags = np.abs(scipy.fft.irfft(cross, length))
    noise = np.median(lags) / 0.6745
    sizes: NDArray[np.float64] = np.r_[lags[-reach:], lags[: reach + 1]] / (noise if noise > 0 else 1)
    return sizes


def farther(sizes: NDArray[np.float64], near: int) -> int | None:
    """Return the lag of the largest peak beyond ``near``, if it is clear, and clearer than any within and any other."""
    reach = len(sizes) // 2
    if reach <= near:
        return None
    within = sizes[reach - near : reach + near + 1].max()
    at = int(np.argmax(sizes))
    others = max(sizes[: max(0, at - near)].max(initial=0), sizes[at + near + 1 :].max(initial=0))
    return at - reach if sizes[at] > max(CLEAR, CLEARER * within, ALONE * others) else None


def delays(
    recording: Recording, pairs: NDArray[np.intp], start: int, stop: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Measure the difference of the time lines of pairs, θ_i - θ_j in samples, from who leads.

    Parameters
    ----------
    recording
        Microphones in step to within :data:`ACOUSTIC`.
    pairs
        ``(pairs, 2)``.
    start, stop
        The stretch to listen to.

    Returns
    -------
    The differences, ``(pairs,)``, NaN where they cannot be told; and whether sound arrives late both ways, which no
    distance explains.
    """
    nfft = window_length(WINDOW, recording.rate)
    values = spectra(np.diff(recording.read(start, stop).astype(np.float32), axis=1), nfft)
    levels = power(values).sum(axis=0)
    found, late = np.full(len(pairs), np.nan), np.zeros(len(pairs), bool)
    for p, (i, j) in enumerate(pairs):
        sounding = (levels[i] > 0) & (levels[j] > 0)
        if not sounding.any():
            continue
        ratio = levels[i] / np.where(levels[j] > 0, levels[j], 1)
        low, high = np.quantile(ratio[sounding], (LEADING, 1 - LEADING))
        peaks = [
            clear_lag(values[:, i, frames], values[:, j, frames], nfft, round(ACOUSTIC * recording.rate))
            for frames in (sounding & (ratio <= low), sounding & (ratio >= high))
        ]
        if abs(peaks[0] - peaks[1]) > BOTH_WAYS * recording.rate:  # otherwise one source leads throughout
            found[p] = np.mean(peaks)
            late[p] = peaks[0] * peaks[1] > 0 and min(np.abs(peaks)) > 2 * BOTH_WAYS * recording.rate
    return found, late


def constant_lags(recording: Recording) -> NDArray[np.intp]:
    """Find the constant lag of each microphone: files that begin late, and links that delay.

    Returns
    -------
    θ in samples, ``(mics,)``; 0 for microphones in step, and for those of which it cannot be told.
    """
    mics, rate = len(recording), recording.rate
    coarse = coarse_offsets(recording)
    lines = [TimeLine((Stretch(0.0, float(lag)),)) for lag in coarse]
    roughly = Alignment.of(lines).aligned(recording)
    pairs = np.array([(i, j) for i in range(mics) for j in range(i)])
    between, late = delays(roughly, pairs, 0, min(roughly.length, round((LATEST + LISTENED) * rate)))
    lags = coarse.copy()
    for i in range(mics):
        usable = np.isfinite(between) & (late | bool(coarse[i]))
        mine = np.concatenate([between[usable & (pairs[:, 0] == i)], -between[usable & (pairs[:, 1] == i)]])
        rest = float(np.median(mine)) if len(mine) else 0.0
        agree = np.sum(np.abs(mine - rest) < BOTH_WAYS * rate)
        if coarse[i] or (abs(rest) > DELAYED * rate and agree >= 2):
            lags[i] += round(rest)
    return lags


def clear_lag(one: Bins, other: Bins, nfft: int, reach: int) -> float:
    """Return the lag of the correlation's peak in samples, NaN if it is not clear; ``(bins, frames)`` each."""
    product = np.sum(one * other.conj(), axis=-1)
    level = np.sqrt(power(one).sum(axis=-1) * power(other).sum(axis=-1))
    sizes = lag_sizes(product / np.where(level > 0, level, 1), nfft, reach)
    at = int(np.argmax(sizes))
    return float(at - reach) if sizes[at] > CLEAR else float("nan")
