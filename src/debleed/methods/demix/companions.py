"""Companions: further microphones of a source, such as the second of a stereo pair.

One microphone of each source leads. The filters are estimated between the leads alone, because two microphones of one
source cannot be separated from each other. The sources y that the leads give are then the references for a companion:

    x_b = y_b + Σ_k h_bk y_k

over all sources k, its own included. The path from its own lead is estimated, so that the others are not bent by what
the source itself explains, but it is never removed: what a companion picks up of its own source is its image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from debleed.dsp.overlap_save import OverlapSave
from debleed.dsp.rtf import Response, Taps, on_grid, unmixing
from debleed.methods.demix.broadband import FIRST_WINDOW, LONGEST_WINDOW, estimate_taps, windows, without_shared
from debleed.methods.demix.excerpt import Bins, power, spectra
from debleed.methods.demix.filters import Filters
from debleed.methods.demix.safeguards import Verdicts, estimate_trust, own_share
from debleed.progress import Progress, quiet, within
from debleed.recording import Recording

WINDOW = 4096
"""Samples of the STFT window in which coherence is compared."""


def leads_of(
    samples: NDArray[np.float32], sources: Sequence[str | None], references: NDArray[np.bool_]
) -> NDArray[np.intp]:
    """Return the lead of each microphone, ``(mics,)``: itself, unless it is a companion.

    A source is led by the microphone that explains most of what the microphones of other sources pick up, because bleed
    is the sound of an amplifier and not of its direct box. A reference leads only where its source has nothing else.
    """
    lead = np.arange(len(samples))
    groups = [np.flatnonzero([own == source for own in sources]) for source in dict.fromkeys(sources)]
    groups = [group for group in groups if len(group) > 1]
    if not groups:
        return lead
    share = coherent_share(spectra(samples, WINDOW))
    for group in groups:
        others = np.setdiff1d(lead, group)
        explained = share[np.ix_(others, group)].sum(axis=0) - len(samples) * references[group]
        lead[group] = group[np.argmax(explained)]
    return lead


def coherent_share(values: Bins) -> NDArray[np.float64]:
    """Return the share of microphone i's energy that is coherent with microphone j, ``(mics, mics)``.

    This is the mean over bins of the magnitude-squared coherence, weighted by the power of microphone i.
    """
    cross = np.square(np.abs(values @ values.conj().swapaxes(1, 2)), dtype=np.float64)
    own = power(values).sum(axis=-1, dtype=np.float64)
    floor = np.finfo(np.float64).tiny
    shared = (cross / np.maximum(own[:, None, :], floor)).sum(axis=0)
    share: NDArray[np.float64] = shared / np.maximum(own.sum(axis=0), floor)[:, None]
    return share


def with_companions(
    fitted: Filters,
    verdicts: Verdicts,
    samples: NDArray[np.float32],
    rate: int,
    lead: NDArray[np.intp],
    allowed: NDArray[np.bool_],
    progress: Progress = quiet,
    shortest: float = FIRST_WINDOW,
    longest: float = LONGEST_WINDOW,
) -> tuple[Filters, Verdicts]:
    """Extend filters of the leads to all microphones.

    Parameters
    ----------
    fitted, verdicts
        The filters of the leads, in their order, and why leads are left alone.
    samples
        ``(mics, samples)`` of all microphones.
    rate
        Sampling rate in Hz.
    lead
        See :func:`leads_of`.
    allowed
        ``(mics, mics)``: where bleed is possible.
    shortest, longest
        Seconds of the first and of the longest STFT window.

    Returns
    -------
    The same for all microphones. Companions bleed into nobody.
    """
    mics = len(samples)
    leads, companions = np.flatnonzero(lead == np.arange(mics)), np.flatnonzero(lead != np.arange(mics))
    if not len(companions):
        return fitted, verdicts
    save = OverlapSave.of(samples[leads], max(1024, 8 * fitted.taps.shape[-1]))
    inputs = samples.copy()
    inputs[leads] = save.filtered(unmixing(fitted.taps, fitted.ahead, save.nfft))
    own = np.zeros((mics, mics), bool)
    own[companions, lead[companions]] = True
    sought = own.copy()
    sought[np.ix_(companions, leads)] |= allowed[np.ix_(companions, leads)]
    sought &= np.any(allowed, axis=1)[:, None]  # references pick up nobody
    taps, ahead = np.zeros((mics, mics, 1), np.float32), 0
    stages = windows(samples.shape[1], rate, mics, True, shortest, longest)
    stages = [nfft for nfft in stages if nfft == stages[0] or nfft // 2 <= fitted.taps.shape[-1]]
    for k, nfft in enumerate(stages):
        part = within(progress, k / len(stages), (k + 1) / len(stages))
        taps = estimate_taps(inputs, taps, nfft, rate, sought, part)
        ahead = taps.shape[-1] - nfft // 2
    taps = np.where(own[:, :, None], taps, without_shared(taps, ahead, rate))
    length = max(taps.shape[-1] - ahead, fitted.taps.shape[-1] - fitted.ahead)
    ahead, taps = max(ahead, fitted.ahead), padded(taps, ahead, max(ahead, fitted.ahead), length)
    taps[np.ix_(leads, leads)] = padded(fitted.taps, fitted.ahead, ahead, length)
    trust = np.zeros((mics, stages[0] // 2 + 1), np.float32)
    trust[companions] = 1
    joined = Filters(taps, ahead, trust, own=own & sought)
    outputs = joined.apply(Recording.from_array(samples, rate)).read()
    all_verdicts = np.zeros(mics, np.int64)
    all_verdicts[leads] = verdicts
    before, after = (spectra(rows[companions], stages[0]) for rows in (samples, outputs))
    judged, all_verdicts[companions] = estimate_trust(before, after, rate, own_share(before, after, rate))
    trust = trust.copy()
    trust[companions] = judged
    trust[leads] = fitted.trust_on(trust.shape[1])
    return replace(joined, trust=trust), all_verdicts


def padded(taps: Taps, ahead: int, to_ahead: int, to_length: int) -> Taps:
    """Pad taps with zeros to ``to_ahead`` taps ahead of lag 0 and ``to_length`` from it on."""
    missing = to_ahead - ahead, to_length - (taps.shape[-1] - ahead)
    return np.pad(taps, ((0, 0), (0, 0), missing))


def with_companion_rows(matrices: Response, fitted: Filters, leads: NDArray[np.intp]) -> Response:
    """Extend the narrowband matrices of the leads by rows that remove what the broadband filters predict.

    Parameters
    ----------
    matrices
        W of the leads, ``(bins, leads, leads)``.
    fitted
        The broadband filters of all microphones.
    leads
        Indices of the leads.

    Returns
    -------
    ``(bins, mics, mics)``.
    """
    mics = len(fitted.taps)
    if len(leads) == mics:
        return matrices
    bleed = (on_grid(fitted.mixing(), len(matrices)) - np.eye(mics)) * ~fitted.own_paths
    trust = fitted.trust_on(len(matrices)).T
    rows = np.tile(np.eye(mics, dtype=np.complex64), (len(matrices), 1, 1))
    companions = np.setdiff1d(np.arange(mics), leads)
    removed = trust[:, companions, None] * bleed[:, companions][:, :, leads] @ matrices
    rows[np.ix_(np.arange(len(matrices)), companions, leads)] = -removed
    rows[np.ix_(np.arange(len(matrices)), leads, leads)] = matrices
    return rows
