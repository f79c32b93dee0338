"""Sudden changes: a stand that is knocked, a microphone that is moved, plugged in again or handed on.

What the filters leave of source j in microphone i travels a path d_ij, one number for each bin. Before and after a
sudden change this path differs. In each of the two stretches it is the regression

    d = Σ_t y_i(t) y_j(t)* / v_i(t) / p,    p = Σ_t |y_j(t)|² / v_i(t),

with the variance v_i of the own source as noise, so d has the variance 1 / p. If nothing changes,

    |d_before - d_after|² p_before p_after / (p_before + p_after)

has the mean 1 (likelihood ratio; S. Kay, Fundamentals of Statistical Signal Processing II, ch. 12). It is averaged over
the bins and over all paths from and to a microphone. People who walk and compressors raise it all the time, so it has
to rise above what is usual in this recording.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from debleed.dsp.stft import nfft_at, stft
from debleed.methods.demix.background import NFFT, Background
from debleed.methods.demix.excerpt import power
from debleed.methods.demix.safeguards import FINE_BANDS, band_edges
from debleed.methods.demix.speeds import judged_bins
from debleed.methods.demix.tracking import FAINT, LAGS, Kind, Tracking, over_bins, own_variance, references
from debleed.progress import Progress, quiet
from debleed.recording import Recording

LASTING = 8
"""Seconds before and after a change that are compared, one number a second."""

STRETCH = 4
"""Seconds that are read at a time."""

CLEARLY = 4.0
"""A change rises so many times above the lower quartile over time, and above 1. Measured: 5 to 18 times 1 for a
microphone that is moved by 10 to 40 cm; at most 1.7 where nothing changes, 3.3 with compressors, 4.1 with an audience
(2.7 times the quartile)."""


def sudden_changes(
    sources: Recording, tracking: Tracking, background: Background, progress: Progress = quiet
) -> list[tuple[int, int]]:
    """Find sudden changes of the paths from and to a microphone: second and microphone, in the order of time.

    Parameters
    ----------
    sources
        The microphones after the fixed filters; read once, in blocks.
    tracking, background
        Which bleed is possible, and from what sources have to stand out.
    progress
        Called with the stage "changes".
    """
    possible: NDArray[np.bool_] = np.any(tracking.leakage, axis=-1)
    mics = np.flatnonzero(possible.any(axis=0) | possible.any(axis=1))
    if sources.seconds < 2 * LASTING or len(mics) < 2:
        return []
    pairs = np.ix_(mics, mics)
    level = background if background.silent else Background(background.level[mics])
    ratios = likelihood_ratios(sources.select(mics.tolist()), tracking.leakage[pairs], level, progress)
    return [(second, int(mics[mic])) for second, mic in told(ratios, possible[pairs])]


def statistics(
    sources: Recording, leakage: NDArray[np.float32], background: Background
) -> Iterator[tuple[NDArray[np.complex64], NDArray[np.float32]]]:
    """Yield Σ y_i y_j* / v_i and Σ |y_j|² / v_i of each second, ``(mics, mics, bins)``."""
    rate = sources.rate
    hop = nfft_at(rate, NFFT) // 2
    some = judged_bins(band_edges(hop + 1, rate, FINE_BANDS))
    frames, lead = round(rate / hop), LAGS - 1
    usual = np.zeros((len(sources), len(some), 1), np.float32)
    spread = over_bins(leakage, hop + 1, rate)
    for second in range(0, int(sources.seconds), STRETCH):
        begin = round(second * rate / hop)  # a second is no whole number of frames
        samples = sources.read((begin - lead - 1) * hop, (begin + STRETCH * frames + 1) * hop).astype(np.float32)
        spectra = stft(samples, 2 * hop, hop)[..., 1:-1]  # complete frames
        powers = power(spectra)
        heard = references(spectra, powers, background, spread, rate)[:, some, lead:]
        observed, levels = spectra[:, some, lead:], powers[:, some, lead:]
        usual += (levels.mean(axis=-1, keepdims=True) - usual) * np.float32(STRETCH / (second + STRETCH))
        noise = own_variance(levels, np.zeros((1, 1, 1), np.float32)) + np.float32(FAINT) * usual
        certainty = np.where(levels > 0, 1 / noise, 0)
        for one in range(min(STRETCH, int(sources.seconds) - second)):
            part = slice(one * frames, (one + 1) * frames)
            yield (
                products(observed[..., part] * certainty[..., part], heard[..., part].conj()),
                products(certainty[..., part], power(heard[..., part])),
            )


def products(left: NDArray[Kind], right: NDArray[Kind]) -> NDArray[Kind]:
    """Return the sums over frames of all products of ``(mics, bins, frames)``, ``(mics, mics, bins)``."""
    return np.moveaxis(np.moveaxis(left, 1, 0) @ np.moveaxis(right, 0, -1), 0, -1)


def likelihood_ratios(
    sources: Recording, leakage: NDArray[np.float32], background: Background, progress: Progress = quiet
) -> NDArray[np.float32]:
    """Return the likelihood ratio of a change of each path at each second, ``(seconds, mics, mics)``."""
    ratios = np.zeros((int(sources.seconds), len(sources), len(sources)), np.float32)
    memory: deque[tuple[NDArray[np.complex64], NDArray[np.float32]]] = deque(maxlen=2 * LASTING)
    for second, one in enumerate(statistics(sources, leakage, background)):
        memory.append(one)
        progress("changes", (second + 1) / len(ratios))
        if len(memory) < 2 * LASTING:
            continue
        halves = list(memory)[:LASTING], list(memory)[LASTING:]
        (cross, level), (later, later_level) = (tuple(map(sum, zip(*half, strict=True))) for half in halves)
        heard = np.minimum(level, later_level) > 0
        share = np.where(heard, level * later_level / np.where(heard, level + later_level, 1), 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            change = np.where(heard, cross / level - later / later_level, 0)
        ratios[second - LASTING + 1] = (power(change) * share).mean(axis=-1)
    return ratios


def told(ratios: NDArray[np.float32], possible: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Tell which seconds and microphones changed, in the order of time.

    The microphone with the largest ratio is told first. Its pairs no longer count for the others around that time: they
    have heard it move.

    Parameters
    ----------
    ratios
        ``(seconds, mics, mics)``.
    possible
        Where bleed is possible, ``(mics, mics)``.
    """
    counted = np.broadcast_to(possible, ratios.shape).copy()
    first, last = LASTING, len(ratios) - LASTING + 1
    found: list[tuple[int, int]] = []
    while True:
        sums = [(ratios * counted).sum(axis=axis) for axis in (1, 2)]
        count = np.maximum(counted.sum(axis=1) + counted.sum(axis=2), 1)
        ratio = ((sums[0] + sums[1]) / count)[first:last]
        clear = ratio > CLEARLY * np.maximum(np.quantile(ratio, 0.25, axis=0), 1)
        if not clear.any():
            return sorted(found)
        at, mic = np.unravel_index((ratio * clear).argmax(), ratio.shape)
        second = first + int(at)
        found.append((second, int(mic)))
        around = slice(max(0, second - LASTING), second + LASTING)
        counted[around, mic] = counted[around, :, mic] = False
