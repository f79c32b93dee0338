"""Features of the residual bleed that filters leave, for each pair of sources and each band.

Each feature carries information about λ_ij, the share of source j's power that is left in microphone i, and none is
sufficient. While source j dominates and source i pauses, the power in microphone i is at most λ_ij times that of j
(unless i is still reverberating). At an onset of j, its residual rises in proportion. A strong RTF leaves more than a
weak one, and the late part of an RTF, which the filters estimate least accurately, leaves more than the early part.
How much a path leaves relative to its strength is alike in all bands, so its least and its median over the bands
indicate what to expect where source i never pauses.

All but a few features are power ratios in dB; the others are scaled to a similar range. None depends on the level of
the recording, but some depend on gain differences between microphones (see
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

Comparison = tuple[Floats, Floats, Floats, Floats]

NFFT, HOPS = 1024, 4
"""Window length at 44.1 kHz (23 ms), and window length over hop. Windows twice as long smear the onsets of drums."""

BANDS = 16
"""Bands up to 22 kHz, equally wide in octaves above the lowest one. Lower sampling rates have fewer."""

DECAY_TIME = 0.3
"""Reverberation time of the features in seconds: the time in which the power of a source decays by 60 dB."""

SMOOTHING, RISE = 5, 5
"""Frames over which powers are smoothed, and frames between powers that are compared."""

DOMINANCE = 0.5
"""A source dominates if it has more than this share of the power of all sources that bleed into a microphone."""

ONSET, FEWEST_ONSETS = 0.5, 5
"""An onset is a rise of a dominant source within ``RISE`` frames by more than this share of its new power. Fewer than
``FEWEST_ONSETS`` are not evaluated."""

QUIET_SHARES, RISE_SHARES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5), (0.1, 0.2, 0.3, 0.5)
"""Quantiles of the power ratios that are used as features."""

LATE = 0.05
"""Seconds after which the late part of an RTF begins."""

LEAST, MOST = -90.0, 60.0
"""Limits in dB; ratios beyond them carry no further information."""


def feature_bands(bins: int) -> NDArray[np.intp]:
    """Return the first bin of each band and the end of the last; bins are about 43 Hz wide at every sampling rate."""
    full = NFFT // 2 + 1
    below = np.unique(np.r_[0, np.geomspace(3, full, BANDS).astype(int)])
    below = below[below < bins]
    if len(below) > 1 and bins - below[-1] < 2:  # avoid a band of a single bin
        below = below[:-1]
    edges: NDArray[np.intp] = np.r_[below, bins]
    return edges


def reverberate(power: Floats, rate: int, seconds: float) -> Floats:
    """Smear powers over time by an exponential decay of 60 dB in ``seconds``."""
    left = decay(rate, seconds)
    smeared: Floats = scipy.signal.lfilter([1 - left], [1, -left], power, axis=-1).astype(power.dtype)
    return smeared


def decay(rate: int, seconds: float) -> float:
    """Return the share of a power that is left one frame later if it decays by 60 dB in ``seconds``."""
    return float(10 ** (-6 * (nfft_at(rate, NFFT) // HOPS) / rate / seconds))


def decibels(ratio: Floats) -> Floats:
    """Express power ratios in dB, clipped to LEAST and MOST."""
    clipped: Floats = np.clip(10 * np.log10(np.maximum(ratio, 1e-30)), LEAST, MOST)
    return clipped


def features(
    microphones: Samples,
    sources: Samples,
    taps: Taps,
    ahead: int,
    trust: NDArray[np.float32],
    rate: int,
    allowed: NDArray[np.bool_],
) -> dict[str, NDArray[np.float32]]:
    """Compute all features.

    Parameters
    ----------
    microphones, sources
        ``(mics, samples)`` before and after the filters.
    taps, ahead, trust
        The filters, see :class:`debleed.methods.demix.filters.Filters`.
    rate
        Sampling rate in Hz.
    allowed
        ``(mics, mics)``: where bleed is possible.

    Returns
    -------
    Features by name, ``(mics, mics, bands)`` each; zero where bleed is impossible.
    """
    mics = len(sources)
    nfft = nfft_at(rate, NFFT)
    edges = feature_bands(nfft // 2 + 1)
    bands = len(edges) - 1
    power = scipy.ndimage.uniform_filter1d(band_powers(sources, nfft, edges), SMOOTHING, axis=-1)
    power = np.maximum(power, 0)  # rounding of running sums can leave small negative values
    level, before = power.mean(axis=-1), band_powers(microphones, nfft, edges).mean(axis=-1)
    reverberated = reverberate(power, rate, DECAY_TIME)
    tiny = 1e-12 * float(level.max()) + 1e-30
    whole, late = (rtf_powers(part, ahead, edges) * allowed[:, :, None] for part in whole_and_late(taps, ahead, rate))
    quiet, rise, moments, onsets = compare_powers(power, reverberated, allowed, tiny)

    def each(values: Floats) -> Floats:
        return np.broadcast_to(values, (mics, mics, bands))

    def swapped(values: Floats) -> Floats:
        return values.swapaxes(0, 1)

    predicted, predicted_late = whole * level, late * level
    middles = (edges[:-1] + edges[1:] - 1) / 2 * (trust.shape[1] - 1) / (edges[-1] - 1)
    trust_in_bands = np.stack([np.interp(middles, np.arange(trust.shape[1]), row) for row in trust])
    over = np.clip(quiet[..., QUIET_SHARES.index(0.1)] - decibels(whole), LEAST, MOST)
    shares = [f"quiet {share:g}" for share in QUIET_SHARES]
    rising = [f"rise {share:g}" for share in RISE_SHARES]
    by_name = {
        **dict(zip(shares, np.moveaxis(quiet, -1, 0), strict=True)),
        **dict(zip(rising, np.moveaxis(rise, -1, 0), strict=True)),
        "quiet 0.1, other way": swapped(quiet[..., 2]),
        "quiet 0.35, other way": swapped(quiet[..., 4]),
        "rise 0.3, other way": swapped(rise[..., 2]),
        "path": decibels(whole),
        "late path": decibels(late),
        "path, other way": decibels(swapped(whole)),
        "late path, other way": decibels(swapped(late)),
        "quiet over path": over,
        "quiet over path, least band": each(over.min(axis=-1, keepdims=True)),
        "quiet over path, median band": each(np.median(over, axis=-1, keepdims=True)),
        "level": decibels(level[:, None] / (level + tiny)),
        "removed": each(decibels(before / (level + tiny))[:, None]),
        "removed from the other": each(decibels(before / (level + tiny))),
        "predicted, of all predicted": decibels(predicted / (predicted.sum(axis=1, keepdims=True) + tiny)),
        "all predicted": each(decibels(predicted.sum(axis=1) / (level + tiny))[:, None]),
        "late predicted": decibels(predicted_late / (level[:, None] + tiny)),
        "all late predicted": each(decibels(predicted_late.sum(axis=1) / (level + tiny))[:, None]),
        "correlation": 30 * correlation(np.log(power + tiny), np.log(reverberated + tiny), centred=True),
        "correlation of rises": 30 * correlation(rises(power), np.maximum(rises(reverberated), 0), centred=False),
        "moments": 10 * np.log10(1 + moments),
        "onsets": 10 * np.log10(1 + onsets),
        "frames": each(np.array(10 * np.log10(power.shape[-1] / 1000))),
        "microphones": each(np.array(10 * np.log10(mics))),
        "band": each(np.linspace(-20, 20, BANDS)[np.minimum(np.arange(bands), BANDS - 1)]),
        "trust": each(20 * trust_in_bands[:, None]),
    }
    return {name: (values * allowed[:, :, None]).astype(np.float32) for name, values in by_name.items()}


def stacked(by_name: dict[str, NDArray[np.float32]], names: Sequence[str]) -> NDArray[np.float32]:
    """Stack the named features, ``(mics, mics, bands, names)``."""
    return np.stack([by_name[name] for name in names], axis=-1)


def band_powers(samples: Samples, nfft: int, edges: NDArray[np.intp]) -> Floats:
    """Return the power in each band over time, ``(mics, bands, frames)``."""
    rows = []
    for row in samples:
        spectra = stft(row, nfft, nfft // HOPS)
        rows.append(np.add.reduceat(np.square(spectra.real) + np.square(spectra.imag), edges[:-1], axis=0))
    return np.stack(rows)


def whole_and_late(taps: Taps, ahead: int, rate: int) -> tuple[Taps, Taps]:
    """Return the RTFs and their late part."""
    late = taps.copy()
    late[..., : ahead + round(LATE * rate)] = 0
    return taps, late


def rtf_powers(taps: Taps, ahead: int, edges: NDArray[np.intp]) -> Floats:
    """Return the mean power gain of each RTF in each band, ``(mics, mics, bands)``."""
    nfft = max(2 * (edges[-1] - 1), 1 << int(np.ceil(np.log2(2 * taps.shape[-1]))))
    responses: Response = response(taps, ahead, nfft)
    fine = edges * (nfft // 2) // (edges[-1] - 1)
    power = np.add.reduceat(np.square(np.abs(responses)), fine[:-1], axis=0)
    mean: Floats = np.moveaxis(power / np.diff(np.r_[fine[:-1], len(responses)])[:, None, None], 0, -1)
    return mean


def rises(power: Floats) -> Floats:
    """Return the change of powers over ``RISE`` frames."""
    return power[..., RISE:] - power[..., :-RISE]


def correlation(power: Floats, reverberated: Floats, centred: bool) -> Floats:
    """Correlate the power of every microphone with the reverberated power of every source, ``(mics, mics, bands)``."""
    if centred:
        power = power - power.mean(axis=-1, keepdims=True)
        reverberated = reverberated - reverberated.mean(axis=-1, keepdims=True)
    product = np.einsum("ibt,jbt->ijb", power, reverberated, dtype=np.float64)
    own, other = (np.sqrt(np.square(values, dtype=np.float64).sum(axis=-1)) for values in (power, reverberated))
    size = own[:, None] * other
    found: Floats = np.clip(np.divide(product, size, out=np.zeros_like(product), where=size > 0), -1, 1)
    return found


def compare_powers(power: Floats, reverberated: Floats, allowed: NDArray[np.bool_], tiny: float) -> Comparison:
    """Compare the power of microphones with the reverberated power of sources in frames where one source dominates.

    Returns
    -------
    quiet
        ``(mics, mics, bands, quantiles)``: ratio of the two powers in dB while source j dominates, as low quantiles
        weighted by the power of the source. If it never dominates, the ratio of the mean powers.
    rise
        The same for the rises of both powers at onsets of source j.
    moments, onsets
        Number of frames in which source j dominates and number of its onsets, ``(mics, mics, bands)``.
    """
    mics, bands, frames = power.shape
    whole = decibels(power.mean(axis=-1)[:, None] / (reverberated.mean(axis=-1) + tiny))
    quiet = np.repeat(whole[..., None], len(QUIET_SHARES), axis=-1)
    rise = np.repeat(whole[..., None], len(RISE_SHARES), axis=-1)
    moments, onsets = np.zeros((2, mics, mics, bands))
    if frames <= RISE:
        return quiet, rise, moments, onsets
    power_rise, reverberated_rise = rises(power), np.maximum(rises(reverberated), 0)
    for i in range(mics):
        others = np.flatnonzero(allowed[i])
        for band in range(bands) if len(others) else ():
            for j in others:
                competitors = others[allowed[j, others] | (others == j)]  # without other microphones of source j
                total = reverberated[competitors, band].sum(axis=0)
                rising = reverberated_rise[competitors, band].sum(axis=0)
                level, up = reverberated[j, band], reverberated_rise[j, band]
                dominant = level > DOMINANCE * total + tiny
                moments[i, j, band] = np.count_nonzero(dominant)
                if dominant.any():
                    share = power[i, band, dominant] / level[dominant]
                    quiet[i, j, band] = decibels(quantiles(share, level[dominant], QUIET_SHARES))
                onset = (up > ONSET * level[RISE:] + tiny) & (up > DOMINANCE * rising)
                onsets[i, j, band] = np.count_nonzero(onset)
                if onsets[i, j, band] >= FEWEST_ONSETS:
                    share = power_rise[i, band, onset] / up[onset]
                    rise[i, j, band] = decibels(quantiles(share, up[onset], RISE_SHARES))
    return quiet, rise, moments, onsets


def quantiles(values: Floats, weights: Floats, shares: tuple[float, ...]) -> Floats:
    """Return weighted quantiles.

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
