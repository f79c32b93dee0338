"""Blind demixing: find the paths of bleed from the microphones alone.

The sources are time-varying Gaussians: y_j(f, t) has the variance v_j(f, t). The filters W = A⁻¹ (see
:mod:`debleed.dsp.rtf`) are those under which the microphones are most likely, found in rounds. Each round

1. filters the microphones with what is known so far, exactly, in the time domain: y = A⁻¹ x;
2. looks in the short-time spectra of y for what bleed is left: one sweep of iterative projection (Ono, WASPAA 2011) a
   bin, from y as it is;
3. fits to it, over all bins at once, a causal filter a path, each bin weighted by its reliability, each tap shrunk by a
   prior that is learnt from the taps themselves (empirical Bayes: taps no larger than chance vanish);
4. adds the correction H to the paths, A ← A (I + H), scales down what removes less than it subtracts, and drops what
   two sources share without delay.

Since step 1 is exact and step 2 sees only what is left, the errors of short-time spectra (in which a convolution is no
product) vanish as the bleed does: the result is not bound to the ceiling of narrow-band demixing. Rounds start with
short windows and go on with longer ones, as far as the sound is long enough, and farther where the filters found do
not yet cover the room.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from debleed.dsp.overlap_save import OverlapSave
from debleed.dsp.parallel import chunks, in_parallel
from debleed.dsp.projection import projected
from debleed.dsp.rtf import Response, Taps, circular, response, taps_of, unmixing, whiten_diagonal
from debleed.methods.demix.excerpt import Bins, Powers, power, spectra
from debleed.methods.demix.filters import Filters
from debleed.methods.demix.fitting import fitted_taps
from debleed.methods.demix.gain_calibration import balanced, unequal
from debleed.methods.demix.safeguards import FAINT, scaled_by_effect, trusted
from debleed.methods.instantaneous import one_matrix
from debleed.progress import Progress, quiet, within

FIRST_WINDOW, LONGEST_WINDOW = 0.09, 1.5
"""Seconds of the first and of the longest short-time window."""

WINDOWS_NEEDED, WINDOWS_A_MICROPHONE = 40, 5
"""The sound must last this many windows (the larger of the two), or its statistics are poor for filters of half a
window. Measured on 45 s in a room of RT60 0.4 s at 44.1 kHz: with half as many the filters come out 3.5 dB worse."""

WINDOWS_AT_LEAST, WINDOWS_A_MICROPHONE_AT_LEAST = 12, 3
"""The same where filters so short do not cover the room, which costs more than poor statistics do."""

REACHING, DYING_AWAY = 0.014, 0.25
"""Paths reach beyond the filters where, in the median, the second half of these has more than the first share (-18.5
dB) of the energy of the first half, and they go on dying away within it: an exponential decay falls by the square root
of that ratio from the third quarter to the last, chance hardly falls, and this exponent stands between. Measured on
songs of 10 s: where both hold, filters twice as long came out 2 to 9 dB better; else up to 5 dB worse."""

AHEAD = 0.0116
"""Seconds that a path may reach ahead of lag 0: sound that has 4 m less to go to the other microphone."""

ROUNDS = 5
"""Rounds with each window; the mean of the last two goes on, since what one puts on too much the next takes off."""

FLOOR = 1e-2
"""The variance of a source is at least this share of its microphone's power: where a source has nothing, its row would
otherwise learn noise and spoil A⁻¹ for the others."""

GRAIN = 21.5
"""Hz over which variances are smoothed where windows are long; short windows smooth over three frames instead."""

QUIET = 0.35
"""Exponent by which moments count more in which a source is quiet against the others. 0 is maximum likelihood, which
fails where two sources depend on each other (a doubled melody): the moments in which one of them pauses decide."""

SHARED, SHARED_WITHIN = 4.0, 0.002
"""A tap at lag 0 stands out above this multiple (6 dB) of the mean square of the taps within so many seconds."""


def window_length(seconds: float, rate: int) -> int:
    """Return the power of two nearest to so many seconds, in samples."""
    length: int = 1 << round(np.log2(seconds * rate))
    return length


def windows(
    length: int,
    rate: int,
    mics: int,
    at_least: bool = False,
    shortest: float = FIRST_WINDOW,
    longest: float = LONGEST_WINDOW,
) -> list[int]:
    """Return the window lengths of the stages, each twice the one before, as far as ``length`` samples can carry them.

    With ``at_least``, as far as they can carry them at all. ``shortest`` and ``longest`` are in seconds.
    """
    first = window_length(shortest, rate)
    needed = max(WINDOWS_NEEDED, WINDOWS_A_MICROPHONE * mics)
    if at_least:
        needed = max(WINDOWS_AT_LEAST, WINDOWS_A_MICROPHONE_AT_LEAST * mics)
    stages = [first]
    while 2 * stages[-1] <= longest * rate and 2 * stages[-1] * needed <= length:
        stages.append(2 * stages[-1])
    return stages


def estimate_filters(
    samples: NDArray[np.float32],
    rate: int,
    allowed: NDArray[np.bool_],
    progress: Progress = quiet,
    begun: Taps | None = None,
    shortest: float = FIRST_WINDOW,
    longest: float = LONGEST_WINDOW,
) -> Filters:
    """Estimate the filters.

    Parameters
    ----------
    samples
        ``(mics, samples)``; no microphone silent throughout; RMS about 1.
    rate
        Samples per second.
    allowed
        ``(mics, mics)``: where bleed can be, see :meth:`debleed.Recording.can_bleed`.
    begun
        What the first stage finds, where that is known (see :func:`estimate_gains`).
    shortest, longest
        Seconds of the first and of the longest short-time window.
    """
    mics, length = samples.shape
    ahead = round(AHEAD * rate)
    matrix = one_matrix(samples, rate, allowed)
    if matrix is not None:
        return Filters((matrix - np.eye(mics)).astype(np.float32)[:, :, None], 0, np.ones((mics, 2), np.float32))
    taps = np.zeros((mics, mics, ahead + 1), np.float32)
    well = windows(length, rate, mics, False, shortest, longest)
    stages = windows(length, rate, mics, True, shortest, longest)
    for k, nfft in enumerate(stages):
        if k >= len(well) and not reach_beyond(taps[allowed], ahead):
            break
        if k == 0 and begun is not None:
            taps = begun
        else:
            taps = searched(
                samples, taps, nfft, rate, allowed, within(progress, k / (len(stages) + 1), (k + 1) / (len(stages) + 1))
            )
    save = OverlapSave.of(samples, 8 * (taps.shape[-1] - ahead))
    sources = save.filtered(unmixing(taps, ahead, save.nfft))
    trust = trusted(spectra(samples, stages[0]), spectra(sources, stages[0]), rate)
    return Filters(taps, ahead, trust)


def estimate_gains(
    samples: NDArray[np.float32], rate: int, allowed: NDArray[np.bool_], shortest: float = FIRST_WINDOW
) -> tuple[NDArray[np.float32], Taps | None]:
    """Tell the gains of microphones from short paths, see :mod:`debleed.methods.demix.gain_calibration`.

    They are 1 unless microphones are plainly turned up unequally.

    Parameters
    ----------
    samples
        ``(mics, samples)``; no microphone silent throughout.
    rate
        Samples per second.
    allowed
        ``(mics, mics)``: where bleed can be.

    Returns
    -------
    gains
        ``(mics,)``.
    begun
        What the first stage finds in the microphones without these gains; none where it has not been searched.
    """
    ahead, window = round(AHEAD * rate), window_length(shortest, rate)
    nothing = np.zeros((*allowed.shape, 1), np.float32)
    taps = searched(samples, nothing, window, rate, allowed)
    if not unequal(np.square(taps).sum(axis=-1)):
        return np.ones(len(samples), np.float32), taps
    level = np.sqrt(np.mean(np.square(samples), axis=1))
    even = samples / level[:, None]
    taps = searched(even, nothing, window, rate, allowed)
    save = OverlapSave.of(even, 8 * window)
    own = np.mean(np.square(save.filtered(unmixing(taps, ahead, save.nfft))), axis=1)
    gains: NDArray[np.float32] = level * balanced(np.square(taps).sum(axis=-1), own, allowed)
    return gains, None


def searched(
    samples: NDArray[np.float32],
    known: Taps,
    nfft: int,
    rate: int,
    allowed: NDArray[np.bool_],
    progress: Progress = quiet,
) -> Taps:
    """One stage: search with windows of ``nfft`` samples for filters of half a window, from shorter ones on."""
    ahead = round(AHEAD * rate)
    taps = np.zeros((*allowed.shape, ahead + nfft // 2), np.float32)
    kept = min(taps.shape[-1], known.shape[-1])
    taps[..., :kept] = known[..., :kept]
    save = OverlapSave.of(samples, 4 * nfft)
    floor = variance_floor(spectra(samples, nfft))
    for turn in range(ROUNDS):
        progress("demix", turn / ROUNDS)
        before = taps
        taps = next_taps(taps, ahead, save, floor, rate, allowed)
    mean: Taps = np.float32(0.5) * (before + taps)
    return mean


def reach_beyond(paths: NDArray[np.float32], ahead: int) -> bool:
    """Whether paths, ``(paths, taps)``, die away, but not within their length."""
    energy = np.square(paths[:, ahead:], dtype=np.float64)
    half, quarter = energy.shape[1] // 2, energy.shape[1] // 4
    parts = np.split(energy, [half, half + quarter], axis=1)
    early, late, last = (part.sum(axis=1)[:, None] for part in parts)
    sounding = np.all(np.hstack([early, late, last]) > 0, axis=1)
    if not sounding.any():
        return False
    early, late, last = early[sounding], late[sounding], last[sounding]
    ratio = np.median((late + last) / early)
    return bool(ratio > REACHING and np.median(last / late) < ratio**DYING_AWAY)


def smoothed(powers: Powers) -> Powers:
    """Mean over three frames."""
    smooth: Powers = uniform_filter1d(powers, 3, axis=-1)
    return smooth


def next_taps(
    taps: Taps,
    ahead: int,
    save: OverlapSave,
    floor: Powers,
    rate: int,
    allowed: NDArray[np.bool_],
) -> Taps:
    """One round; the window of the stage is a quarter of the overlap-save block."""
    nfft = save.nfft // 4
    sources = spectra(save.filtered(unmixing(taps, ahead, save.nfft)), nfft)
    left, reliability, cross = bleed_left(sources, floor, nfft, rate, allowed)
    known = circular(taps, ahead, nfft)
    correction = fitted_taps(left, reliability, known, taps.shape[-1] - ahead, ahead, rate, allowed)
    mixing = whiten_diagonal(response(taps, ahead, save.nfft) @ response(correction, ahead, save.nfft))
    mixing = scaled_by_effect(mixing, cross, rate)
    return without_shared(taps_of(mixing, taps.shape[-1] - ahead, ahead) * allowed[:, :, None], ahead, rate)


def without_shared(taps: Taps, ahead: int, rate: int) -> Taps:
    """Drop a tap at lag 0 that stands out from those around it.

    Sound takes time from one microphone to the next, and its reflections more: no path peaks at lag 0. What two sources
    share there was shared before the air (a doubled synthesiser, a sample in two stems) and belongs to both.
    """
    near, wide = round(SHARED_WITHIN * rate), round(rate / 32000)  # a peak is as wide as its band is narrow
    around = np.square(taps[..., ahead - near : ahead + near + 1]).mean(axis=-1)
    shared = np.square(taps[..., ahead]) > SHARED * around
    at_once = np.abs(np.arange(taps.shape[-1]) - ahead) <= wide
    return np.where(shared[..., None] & at_once, np.float32(0), taps)


def variance_floor(microphones: Bins) -> Powers:
    """Least variance of each source: a share of its microphone's power, smoothed over nine frames."""
    smooth: Powers = uniform_filter1d(power(microphones), 9, axis=-1)
    floor: Powers = FLOOR * smooth + FAINT * smooth.mean(axis=(0, 2), keepdims=True)
    return floor


def bleed_left(
    sources: Bins, floor: Powers, nfft: int, rate: int, allowed: NDArray[np.bool_]
) -> tuple[Response, NDArray[np.float32], Response]:
    """Find what bleed is left in the sources found so far, bin by bin.

    Returns
    -------
    left
        ``(bins, mics, mics)``: the path of source j into source i that is still to be removed.
    reliability
        Of the same shape: how well that is known, the power of source j against the variance of source i, as far as
        microphone j is source j.
    cross
        Cross-spectra of the sources, ``(bins, mics, mics)``.
    """
    bins, mics, frames = sources.shape
    left = np.zeros((bins, mics, mics), np.complex64)
    reliability = np.zeros((bins, mics, mics), np.float32)
    cross = np.zeros((bins, mics, mics), np.complex64)
    grain = max(1, round(GRAIN * nfft / rate))
    share = floor.mean(axis=-1) / FLOOR

    def work(part: slice) -> None:
        wide = slice(max(0, part.start - grain), min(bins, part.stop + grain))
        variance = power(sources[wide])
        variance = uniform_filter1d(variance, grain, axis=0) if grain > 3 else smoothed(variance)
        variance = variance[part.start - wide.start :][: part.stop - part.start] + floor[part]
        here = sources[part]
        relative = variance / variance.mean(axis=-1, keepdims=True)
        weights = (relative.sum(axis=1, keepdims=True) / relative) ** QUIET / variance
        covariance = weighted_covariances(here, weights)
        cross[part] = here @ here.conj().swapaxes(1, 2)
        paths = unit_paths(projected(covariance, allowed))
        left[part] = np.where(allowed, paths, 0) / np.maximum(np.abs(paths), 1)
        known = np.clip(power(here).mean(axis=-1) / np.maximum(share[part], np.finfo(np.float32).tiny), 1e-3, 1)
        seen = np.einsum("fijj->fij", covariance).real
        reliability[part] = np.minimum(seen, 1e3) * known[:, None, :]

    in_parallel(work, chunks(bins, mics * frames))
    return left, reliability, cross


def weighted_covariances(sources: Bins, weights: Powers) -> NDArray[np.complex128]:
    """U_i = mean over t of w_i y yᴴ for every source i, U_i[i, i] scaled to 1: ``(bins, sources, mics, mics)``."""
    conjugate = sources.conj().swapaxes(1, 2)
    mics = sources.shape[1]
    covariance = np.empty((len(sources), mics, mics, mics), np.complex128)
    for i in range(mics):
        covariance[:, i] = (sources * weights[:, i : i + 1]) @ conjugate
        own = covariance[:, i, i, i].real
        covariance[:, i] /= np.where(own > 0, own, 1)[:, None, None]
        # relative loading, or bins in which two sources are alike have no inverse
        covariance[:, i] += 1e-7 * np.trace(covariance[:, i], axis1=1, axis2=2).real[:, None, None] * np.eye(mics)
        covariance[:, i] += np.where(own > 0, 0, 1)[:, None, None] * np.eye(mics)
    return covariance


def unit_paths(rows: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Off-diagonal part of the unit-diagonal mixing that the filters ``rows`` undo."""
    mixing = whiten_diagonal(np.linalg.inv(rows)) - np.eye(rows.shape[-1])
    return mixing.astype(np.complex128)
