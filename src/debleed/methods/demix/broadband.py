"""Blind demixing: estimate the relative transfer functions (RTFs) of the bleed from the microphones alone.

Model the sources as time-varying Gaussians: y_j(f, t) has the variance v_j(f, t). The demixing filters W = A⁻¹ (see
:mod:`debleed.dsp.rtf`) maximise the likelihood of the microphone signals. They are estimated in rounds. Each round

1. applies the current filters to the microphones, exactly, in the time domain: y = A⁻¹ x;
2. estimates the residual bleed in the STFT of y: one sweep of iterative projection (Ono, WASPAA 2011) per bin, starting
   from y as it is (:mod:`debleed.methods.demix.residual`);
3. fits one causal filter per RTF to it, over all bins at once. Each bin is weighted by its reliability, and each tap is
   shrunk by a prior that is estimated from the taps themselves (empirical Bayes: taps no larger than chance vanish);
4. updates the RTFs with this correction H, A ← A (I + H), scales down RTFs that remove less power than they subtract,
   and drops sound that two sources share without delay.

Step 1 is exact and step 2 only sees the residual, so the error of the STFT (in which a convolution is not exactly a
product) vanishes together with the bleed. The result is therefore not limited like narrowband demixing. Rounds start
with short windows and continue with longer ones as long as the recording is long enough, and beyond that if the current
filters are still shorter than the reverberation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from debleed.dsp.overlap_save import OverlapSave
from debleed.dsp.rtf import Taps, circular, on_grid, response, taps_of, unit_diagonal, unmixing
from debleed.methods.demix.background import has_background
from debleed.methods.demix.excerpt import Powers, spectra
from debleed.methods.demix.filters import Filters
from debleed.methods.demix.fitting import fitted_taps
from debleed.methods.demix.gain_calibration import ABOVE_ALL, balancing_gains, gains_differ
from debleed.methods.demix.residual import residual_bleed, variance_floor
from debleed.methods.demix.safeguards import OWN_SHARE, Verdicts, estimate_trust, own_share, quieting, scaled_by_effect
from debleed.methods.instantaneous import one_matrix
from debleed.progress import Progress, quiet, within

FIRST_WINDOW, LONGEST_WINDOW = 0.09, 1.5
"""Seconds of the first and of the longest STFT window."""

WINDOWS_NEEDED, WINDOWS_PER_MICROPHONE = 40, 5
"""The recording must be at least this many windows long (the larger of the two numbers counts); otherwise the
statistics are too poor for filters of half a window. Measured on 45 s in a room with RT60 0.4 s at 44.1 kHz: filters
estimated from half as many windows are 3.5 dB worse."""

WINDOWS_AT_LEAST, WINDOWS_PER_MICROPHONE_AT_LEAST = 12, 3
"""The same if the current filters are shorter than the reverberation, which costs more than poor statistics."""

LATE_ENERGY, DECAY_EXPONENT = 0.014, 0.25
"""The RTFs are longer than the filters if two conditions hold in the median: the second half of the filter has more
than the first share (-18.5 dB) of the energy of the first half, and the energy still decays within it. From the third
quarter to the last, an exponential decay falls by the square root of that ratio and noise hardly falls; this exponent
lies in between. Measured on songs of 10 s: if both hold, filters twice as long are 2 to 9 dB better, otherwise up to 5
dB worse."""

AHEAD = 0.0116
"""Seconds that an RTF may extend ahead of lag 0, for a source that is up to 4 m closer to the other microphone."""


@dataclass(frozen=True)
class Search:
    """How far the filters are searched for.

    Parameters
    ----------
    rounds
        Rounds with each window. The result is the mean of the last two, because they over- and undershoot alternately.
    floor
        Least variance of a source as a share of its microphone's power. Otherwise the row of a source that is silent in
        a bin would fit noise and corrupt A⁻¹ for the other sources.
    background
        Whether something is in all microphones all the time, from which sources have to stand out.
    """

    rounds: int
    floor: float
    background: bool = False


SHORT, LONG = Search(5, 1e-2), Search(10, 1e-4)
"""The search that suffices nearly always, and a longer one that follows where it does not. That one converges where a
source is as loud in another microphone as that microphone's own. Measured on kick and snare of five takes, without the
postfilter: the kick loses 1 to 5 dB after the short search, at most 0.1 after the long one, and the snare gains 3 to 4
dB instead of 1 to 2. On a kit of eight microphones the long one is 0.2 to 1.4 dB worse, in songs it is equal."""

SHARED, SHARED_WITHIN, AT_ONCE = 4.0, 0.002, 0.00015
"""A tap at lag 0 stands out if its square exceeds the first number times (6 dB) the mean square of the taps within the
second number of seconds. Lag 0 is as wide as the third one: sound needs longer for 10 cm, and a peak in a band of a few
kHz is that wide."""

BROAD, BROAD_WITHIN, BEFORE = 0.92, 0.006, 0.25
"""All taps are dropped if more than the first share of their energy lies within so many seconds of lag 0, and more than
the third share before it: a peak of low frequencies is that broad. Measured: 0.92 to 0.99 and 0.3 to 0.6 where a
sequencer plays kick and bass together; paths on a real kit begin before lag 0 as well, but at most 0.69 is so close."""


def window_length(seconds: float, rate: int) -> int:
    """Return the power of two that is nearest to ``seconds``, in samples."""
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
    """Return the window lengths of all stages, each twice the previous one, that ``length`` samples support.

    ``at_least`` selects the lower requirement of :data:`WINDOWS_AT_LEAST`. ``shortest`` and ``longest`` are in seconds.
    """
    first = window_length(shortest, rate)
    needed = max(WINDOWS_NEEDED, WINDOWS_PER_MICROPHONE * mics)
    if at_least:
        needed = max(WINDOWS_AT_LEAST, WINDOWS_PER_MICROPHONE_AT_LEAST * mics)
    stages = [first]
    while 2 * stages[-1] <= longest * rate and 2 * stages[-1] * needed <= length:
        stages.append(2 * stages[-1])
    return stages


def estimate_filters(
    samples: NDArray[np.float32],
    rate: int,
    allowed: NDArray[np.bool_],
    progress: Progress = quiet,
    initial_taps: Taps | None = None,
    shortest: float = FIRST_WINDOW,
    longest: float = LONGEST_WINDOW,
) -> tuple[Filters, Verdicts]:
    """Estimate the filters.

    Parameters
    ----------
    samples
        ``(mics, samples)``; no silent microphone; RMS about 1.
    rate
        Sampling rate in Hz.
    allowed
        ``(mics, mics)``: where bleed is possible, see :meth:`debleed.Recording.can_bleed`.
    initial_taps
        Result of the first stage if it was computed already, see :func:`estimate_gains`.
    shortest, longest
        Seconds of the first and of the longest STFT window.

    Returns
    -------
    The filters, and why microphones are left alone, see :func:`debleed.methods.demix.safeguards.estimate_trust`.
    """
    if (matrix := instantaneous(samples, rate, allowed)) is not None:
        return matrix, np.zeros(len(samples), np.int64)
    found, doubt, noisy = searched(
        samples, rate, allowed, SHORT, within(progress, 0, 0.8), initial_taps, shortest, longest
    )
    if noisy:
        search = replace(SHORT, background=True)
        again, less, noisy = searched(
            samples, rate, allowed, search, within(progress, 0.8, 0.9), None, shortest, longest
        )
        # a background that is gone once sources have to stand out from it was the sound of one that hardly pauses
        found, doubt = (again, less) if noisy else (found, doubt)
    if doubt > OWN_SHARE:
        search = replace(LONG, background=noisy)
        again, less, _ = searched(samples, rate, allowed, search, within(progress, 0.9, 1), None, shortest, longest)
        found = again if less < doubt else found
    return found


def searched(
    samples: NDArray[np.float32],
    rate: int,
    allowed: NDArray[np.bool_],
    search: Search,
    progress: Progress,
    initial_taps: Taps | None,
    shortest: float,
    longest: float,
) -> tuple[tuple[Filters, Verdicts], float, bool]:
    """Search for the filters, stage by stage; the parameters are those of :func:`estimate_filters`.

    Returns
    -------
    The filters with the verdicts; the largest share of what they remove from a microphone that follows that
    microphone's own sound; and whether something is left in all microphones all the time.
    """
    mics, length = samples.shape
    ahead = round(AHEAD * rate)
    taps = np.zeros((mics, mics, ahead + 1), np.float32)
    well_supported = windows(length, rate, mics, False, shortest, longest)
    stages = windows(length, rate, mics, True, shortest, longest)
    for k, nfft in enumerate(stages):
        if k >= len(well_supported) and not exceed_filters(taps[allowed], ahead):
            break
        if k == 0 and initial_taps is not None:
            taps = initial_taps
        else:
            taps = estimate_taps(
                samples, taps, nfft, rate, allowed, within(progress, k / len(stages), (k + 1) / len(stages)), search
            )
    save = OverlapSave.of(samples, 8 * (taps.shape[-1] - ahead))
    sources = save.filtered(unmixing(taps, ahead, save.nfft))
    before, after = spectra(samples, stages[0]), spectra(sources, stages[0])
    follows = own_share(before, after, rate)
    trust, verdicts = estimate_trust(before, after, rate, follows)
    doubt = float(follows[np.any(allowed, axis=1)].max())  # references are not treated
    bleeding = quieting(on_grid(response(taps, ahead, save.nfft), len(after)), after, rate)
    filters = Filters(taps * bleeding[:, :, None], ahead, trust)
    return (filters, verdicts), doubt, has_background(before, after, allowed)


def instantaneous(samples: NDArray[np.float32], rate: int, allowed: NDArray[np.bool_]) -> Filters | None:
    """Return the filters of an instantaneous mixture, or ``None`` if the mixture is not instantaneous."""
    matrix = one_matrix(samples, rate, allowed)
    if matrix is None:
        return None
    mics = len(samples)
    return Filters((matrix - np.eye(mics)).astype(np.float32)[:, :, None], 0, np.ones((mics, 2), np.float32))


def estimate_gains(
    samples: NDArray[np.float32], rate: int, allowed: NDArray[np.bool_], shortest: float = FIRST_WINDOW
) -> tuple[NDArray[np.float32], Taps | None]:
    """Estimate the microphone gains from short RTFs, see :mod:`debleed.methods.demix.gain_calibration`.

    They are 1 unless the gains clearly differ.

    Parameters
    ----------
    samples
        ``(mics, samples)``; no silent microphone.
    rate
        Sampling rate in Hz.
    allowed
        ``(mics, mics)``: where bleed is possible.

    Returns
    -------
    gains
        ``(mics,)``.
    taps
        Result of the first stage for the microphones divided by these gains; ``None`` if it was not computed.
    """
    ahead, window = round(AHEAD * rate), window_length(shortest, rate)
    nothing = np.zeros((*allowed.shape, 1), np.float32)
    taps = estimate_taps(samples, nothing, window, rate, allowed)
    if not gains_differ(np.square(taps).sum(axis=-1)):
        return np.ones(len(samples), np.float32), taps
    level = np.sqrt(np.mean(np.square(samples), axis=1))
    level /= np.where(references(allowed), ABOVE_ALL, 1)
    even = samples / level[:, None]
    taps = estimate_taps(even, nothing, window, rate, allowed)
    save = OverlapSave.of(even, 8 * window)
    own = np.mean(np.square(save.filtered(unmixing(taps, ahead, save.nfft))), axis=1)
    gains: NDArray[np.float32] = level * balancing_gains(np.square(taps).sum(axis=-1), own, allowed)
    return gains, None


def estimate_taps(
    samples: NDArray[np.float32],
    previous: Taps,
    nfft: int,
    rate: int,
    allowed: NDArray[np.bool_],
    progress: Progress = quiet,
    search: Search = SHORT,
) -> Taps:
    """Run one stage: extend the previous filters to half a window of ``nfft`` samples and re-estimate them."""
    ahead = round(AHEAD * rate)
    taps = np.zeros((*allowed.shape, ahead + nfft // 2), np.float32)
    kept = min(taps.shape[-1], previous.shape[-1])
    taps[..., :kept] = previous[..., :kept]
    save = OverlapSave.of(samples, 4 * nfft)
    floor = variance_floor(spectra(samples, nfft), search.floor)
    for turn in range(search.rounds):
        progress("demix", turn / search.rounds)
        before = taps
        taps = update_taps(taps, ahead, save, floor, search, rate, allowed)
    mean: Taps = np.float32(0.5) * (before + taps)
    return mean


def exceed_filters(rtfs: NDArray[np.float32], ahead: int) -> bool:
    """Whether RTFs, ``(pairs, taps)``, decay but are longer than the filters."""
    energy = np.square(rtfs[:, ahead:], dtype=np.float64)
    half, quarter = energy.shape[1] // 2, energy.shape[1] // 4
    parts = np.split(energy, [half, half + quarter], axis=1)
    early, late, last = (part.sum(axis=1)[:, None] for part in parts)
    sounding = np.all(np.hstack([early, late, last]) > 0, axis=1)
    if not sounding.any():
        return False
    early, late, last = early[sounding], late[sounding], last[sounding]
    ratio = np.median((late + last) / early)
    return bool(ratio > LATE_ENERGY and np.median(last / late) < ratio**DECAY_EXPONENT)


def update_taps(
    taps: Taps,
    ahead: int,
    save: OverlapSave,
    floor: Powers,
    search: Search,
    rate: int,
    allowed: NDArray[np.bool_],
) -> Taps:
    """Run one round; the STFT window is a quarter of the overlap-save block, and ``floor`` the least variances."""
    nfft = save.nfft // 4
    sources = spectra(save.filtered(unmixing(taps, ahead, save.nfft)), nfft)
    residual, reliability, cross, together = residual_bleed(
        sources, floor, floor.mean(axis=-1) / search.floor, nfft, rate, allowed, search.background
    )
    current = circular(taps, ahead, nfft)
    correction = fitted_taps(residual, reliability, current, taps.shape[-1] - ahead, ahead, rate, allowed)
    mixing = unit_diagonal(response(taps, ahead, save.nfft) @ response(correction, ahead, save.nfft))
    mixing = scaled_by_effect(mixing, cross, together, rate)
    updated = taps_of(mixing, taps.shape[-1] - ahead, ahead) * allowed[:, :, None]
    # sound of a reference may arrive at lag 0: it never travelled to a microphone of its own
    return np.where(references(allowed)[:, None], updated, without_shared(updated, ahead, rate))


def references(allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which tracks bleed but pick up nobody, ``(mics,)``: signals, not microphones."""
    found: NDArray[np.bool_] = np.any(allowed, axis=0) & ~np.any(allowed, axis=1)
    return found


def without_shared(taps: Taps, ahead: int, rate: int) -> Taps:
    """Drop a tap at lag 0 that stands out from its neighbours, and paths that lie around lag 0 as a whole.

    Sound needs time to travel from one microphone to the next, and its reflections need longer, so no RTF has its peak
    at lag 0, and none begins before its peak as slowly as it ends. Sound that two sources share at lag 0 was shared
    before it became acoustic (a doubled synthesiser, one sample in two stems, a kick and a bass from one sequencer) and
    belongs to both.
    """
    near, wide = round(SHARED_WITHIN * rate), round(AT_ONCE * rate)
    around = np.square(taps[..., ahead - near : ahead + near + 1]).mean(axis=-1)
    shared = np.square(taps[..., ahead - wide : ahead + wide + 1]).max(axis=-1) > SHARED * around
    lags = np.arange(taps.shape[-1]) - ahead
    energy = np.square(taps)
    total = energy.sum(axis=-1)
    broad = energy[..., np.abs(lags) <= BROAD_WITHIN * rate].sum(axis=-1) > BROAD * total
    broad &= energy[..., lags < -wide].sum(axis=-1) > BEFORE * total
    return np.where(broad[..., None] | shared[..., None] & (np.abs(lags) <= wide), np.float32(0), taps)
