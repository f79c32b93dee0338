"""What there is to see of the bleed that filters leave: figures for each pair of sources, band by band.

Each says something about λ_ij, the share of source j's power that is left in microphone i, and none says all. When
source j leads and source i pauses, what is heard in i is at most λ_ij of j (unless i rings on). When j sets in, what is
left of it rises with it. A loud path leaves more than a soft one, and its late part, which filters know least, more
than its early one. All but a few are ratios in dB, the rest is scaled to their size; none depends on the recording's
level, but some on how far microphones are turned up against each other (see
:mod:`debleed.methods.demix.gain_calibration`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.ndimage
import scipy.signal
from numpy.typing import NDArray

from debleed.dsp.rtf import Response, Taps, response
from debleed.dsp.stft import nfft_at, stft
from debleed.recording import Samples

Floats = NDArray[np.floating]

Compared = tuple[Floats, Floats, Floats, Floats]

NFFT, HOPS = 1024, 4
"""Window length at 44.1 kHz, 23 ms, and window length over hop: twice as long smears the onsets of drums."""

BANDS = 16
"""Bands up to 22 kHz, of equal width in octaves above the lowest; recordings of lower rates have fewer."""

RINGING = 0.3
"""Seconds in which the power of a source, as others hear it, falls by 60 dB."""

SMOOTHING, RISE = 5, 5
"""Frames over which powers are smoothed, and between which they are compared."""

LEADS = 0.5
"""A source leads where it has more than this share of the power of all the sources that bleed into a microphone."""

ONSET, FEW = 0.5, 5
"""An onset: a source that leads rises within RISE frames by more than this share of what it becomes. Fewer onsets tell
nothing."""

QUIET_SHARES, RISE_SHARES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5), (0.1, 0.2, 0.3, 0.5)
"""Which quantiles of the ratios are told."""

LATE = 0.05
"""Seconds after which a path is late."""

LEAST, MOST = -90.0, 60.0
"""dB; what lies outside tells no more."""


def feature_bands(bins: int) -> NDArray[np.intp]:
    """First bin of each band, and the end of the last; bins are about 43 Hz wide at every rate."""
    full = NFFT // 2 + 1
    below = np.unique(np.r_[0, np.geomspace(3, full, BANDS).astype(int)])
    below = below[below < bins]
    if len(below) > 1 and bins - below[-1] < 2:  # no band of a single bin
        below = below[:-1]
    edges: NDArray[np.intp] = np.r_[below, bins]
    return edges


def ringing(power: Floats, rate: int, seconds: float) -> Floats:
    """Let powers ring on over frames: an exponential decay by 60 dB in so many seconds."""
    hop = nfft_at(rate, NFFT) // HOPS
    decay = 10 ** (-6 * hop / rate / seconds)
    rung: Floats = scipy.signal.lfilter([1 - decay], [1, -decay], power, axis=-1).astype(power.dtype)
    return rung


def decibels(ratio: Floats) -> Floats:
    """Express ratios of powers in dB, held between LEAST and MOST."""
    told: Floats = np.clip(10 * np.log10(np.maximum(ratio, 1e-30)), LEAST, MOST)
    return told


def features(
    microphones: Samples,
    sources: Samples,
    taps: Taps,
    ahead: int,
    trust: NDArray[np.float32],
    rate: int,
    allowed: NDArray[np.bool_],
) -> dict[str, NDArray[np.float32]]:
    """Gather all features.

    Parameters
    ----------
    microphones, sources
        ``(mics, samples)`` before and after the filters.
    taps, ahead, trust
        The filters, see :class:`debleed.methods.demix.filters.Filters`.
    rate
        Samples per second.
    allowed
        ``(mics, mics)``: where bleed can be.

    Returns
    -------
    By name, ``(mics, mics, bands)`` each; zero where no bleed can be.
    """
    mics = len(sources)
    nfft = nfft_at(rate, NFFT)
    edges = feature_bands(nfft // 2 + 1)
    bands = len(edges) - 1
    heard = scipy.ndimage.uniform_filter1d(band_powers(sources, nfft, edges), SMOOTHING, axis=-1)
    heard = np.maximum(heard, 0)  # running sums leave negative crumbs in silence
    level, before = heard.mean(axis=-1), band_powers(microphones, nfft, edges).mean(axis=-1)
    sent = ringing(heard, rate, RINGING)
    tiny = 1e-12 * float(level.max()) + 1e-30
    whole, late = (path_powers(part, ahead, edges) * allowed[:, :, None] for part in parts(taps, ahead, rate))
    quiet, rise, moments, onsets = compared(heard, sent, allowed, tiny)

    def each(values: Floats) -> Floats:
        return np.broadcast_to(values, (mics, mics, bands))

    def swapped(values: Floats) -> Floats:
        return values.swapaxes(0, 1)

    told, told_late = whole * level, late * level
    middles = (edges[:-1] + edges[1:] - 1) / 2 * (trust.shape[1] - 1) / (edges[-1] - 1)
    trusted = np.stack([np.interp(middles, np.arange(trust.shape[1]), row) for row in trust])
    shares = [f"quiet {share:g}" for share in QUIET_SHARES]
    rising = [f"rise {share:g}" for share in RISE_SHARES]
    found = {
        **dict(zip(shares, np.moveaxis(quiet, -1, 0), strict=True)),
        **dict(zip(rising, np.moveaxis(rise, -1, 0), strict=True)),
        "quiet 0.1, other way": swapped(quiet[..., 2]),
        "quiet 0.35, other way": swapped(quiet[..., 4]),
        "rise 0.3, other way": swapped(rise[..., 2]),
        "path": decibels(whole),
        "late path": decibels(late),
        "path, other way": decibels(swapped(whole)),
        "late path, other way": decibels(swapped(late)),
        "level": decibels(level[:, None] / (level + tiny)),
        "removed": each(decibels(before / (level + tiny))[:, None]),
        "removed from the other": each(decibels(before / (level + tiny))),
        "predicted, of all predicted": decibels(told / (told.sum(axis=1, keepdims=True) + tiny)),
        "all predicted": each(decibels(told.sum(axis=1) / (level + tiny))[:, None]),
        "late predicted": decibels(told_late / (level[:, None] + tiny)),
        "all late predicted": each(decibels(told_late.sum(axis=1) / (level + tiny))[:, None]),
        "correlation": 30 * correlation(np.log(heard + tiny), np.log(sent + tiny), centred=True),
        "correlation of rises": 30 * correlation(rises(heard), np.maximum(rises(sent), 0), centred=False),
        "moments": 10 * np.log10(1 + moments),
        "onsets": 10 * np.log10(1 + onsets),
        "frames": each(np.array(10 * np.log10(heard.shape[-1] / 1000))),
        "microphones": each(np.array(10 * np.log10(mics))),
        "band": each(np.linspace(-20, 20, BANDS)[np.minimum(np.arange(bands), BANDS - 1)]),
        "trust": each(20 * trusted[:, None]),
    }
    return {name: (values * allowed[:, :, None]).astype(np.float32) for name, values in found.items()}


def stacked(found: dict[str, NDArray[np.float32]], names: Sequence[str]) -> NDArray[np.float32]:
    """Lay features out in the order of their names, ``(mics, mics, bands, names)``."""
    return np.stack([found[name] for name in names], axis=-1)


def band_powers(samples: Samples, nfft: int, edges: NDArray[np.intp]) -> Floats:
    """Power in each band over time, ``(mics, bands, frames)``."""
    rows = []
    for row in samples:
        spectra = stft(row, nfft, nfft // HOPS)
        rows.append(np.add.reduceat(np.square(spectra.real) + np.square(spectra.imag), edges[:-1], axis=0))
    return np.stack(rows)


def parts(taps: Taps, ahead: int, rate: int) -> tuple[Taps, Taps]:
    """Paths as they are, and what of them is late."""
    late = taps.copy()
    late[..., : ahead + round(LATE * rate)] = 0
    return taps, late


def path_powers(taps: Taps, ahead: int, edges: NDArray[np.intp]) -> Floats:
    """Mean power gain of each path in each band, ``(mics, mics, bands)``."""
    nfft = max(2 * (edges[-1] - 1), 1 << int(np.ceil(np.log2(2 * taps.shape[-1]))))
    paths: Response = response(taps, ahead, nfft)
    fine = edges * (nfft // 2) // (edges[-1] - 1)
    power = np.add.reduceat(np.square(np.abs(paths)), fine[:-1], axis=0)
    mean: Floats = np.moveaxis(power / np.diff(np.r_[fine[:-1], len(paths)])[:, None, None], 0, -1)
    return mean


def rises(power: Floats) -> Floats:
    """Change of powers over RISE frames."""
    return power[..., RISE:] - power[..., :-RISE]


def correlation(heard: Floats, sent: Floats, centred: bool) -> Floats:
    """Correlation over time of what every microphone hears with what every source sends, ``(mics, mics, bands)``."""
    if centred:
        heard = heard - heard.mean(axis=-1, keepdims=True)
        sent = sent - sent.mean(axis=-1, keepdims=True)
    product = np.einsum("ibt,jbt->ijb", heard, sent, dtype=np.float64)
    own, other = (np.sqrt(np.square(values, dtype=np.float64).sum(axis=-1)) for values in (heard, sent))
    size = own[:, None] * other
    found: Floats = np.clip(np.divide(product, size, out=np.zeros_like(product), where=size > 0), -1, 1)
    return found


def compared(heard: Floats, sent: Floats, allowed: NDArray[np.bool_], tiny: float) -> Compared:
    """Compare what microphones hear with what sources send, at the moments that tell.

    Returns
    -------
    quiet
        ``(mics, mics, bands, quantiles)``: heard over sent, dB, where source j leads, by low quantiles weighted by what
        is sent. Where it never leads, as of all that is heard and sent.
    rise
        The same of rises over rises at onsets of source j.
    moments, onsets
        In how many frames it leads, and how many onsets there are, ``(mics, mics, bands)``.
    """
    mics, bands, frames = heard.shape
    whole = decibels(heard.mean(axis=-1)[:, None] / (sent.mean(axis=-1) + tiny))
    quiet = np.repeat(whole[..., None], len(QUIET_SHARES), axis=-1)
    rise = np.repeat(whole[..., None], len(RISE_SHARES), axis=-1)
    moments, onsets = np.zeros((2, mics, mics, bands))
    if frames <= RISE:
        return quiet, rise, moments, onsets
    heard_rise, sent_rise = rises(heard), np.maximum(rises(sent), 0)
    for i in range(mics):
        others = np.flatnonzero(allowed[i])
        for band in range(bands) if len(others) else ():
            for j in others:
                rivals = others[allowed[j, others] | (others == j)]  # not the other microphones of the same source
                total, rising = sent[rivals, band].sum(axis=0), sent_rise[rivals, band].sum(axis=0)
                level, up = sent[j, band], sent_rise[j, band]
                leads = level > LEADS * total + tiny
                moments[i, j, band] = np.count_nonzero(leads)
                if leads.any():
                    share = heard[i, band, leads] / level[leads]
                    quiet[i, j, band] = decibels(quantiles(share, level[leads], QUIET_SHARES))
                sets_in = (up > ONSET * level[RISE:] + tiny) & (up > LEADS * rising)
                onsets[i, j, band] = np.count_nonzero(sets_in)
                if onsets[i, j, band] >= FEW:
                    share = heard_rise[i, band, sets_in] / up[sets_in]
                    rise[i, j, band] = decibels(quantiles(share, up[sets_in], RISE_SHARES))
    return quiet, rise, moments, onsets


def quantiles(values: Floats, weights: Floats, shares: tuple[float, ...]) -> Floats:
    """Weighted quantiles.

    Examples
    --------
    >>> quantiles(np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 2.0]), (0.2, 0.5))
    array([1., 2.])
    """
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    at = np.searchsorted(reached, np.array(shares) * reached[-1])
    found: Floats = values[order][np.minimum(at, len(order) - 1)]
    return found
