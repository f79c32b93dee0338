"""Groups: microphones of one source, such as a stereo pair, or an amplifier's microphone and a direct box.

Two microphones of one source pick it up at a constant ratio of levels, whatever it plays, and coherently. Two sources
change that ratio whenever one of them plays alone, even if each bleeds strongly into the other's microphone. Two steady
sources may keep it by chance, but are not coherent.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from debleed.dsp.parallel import in_parallel
from debleed.methods.demix.companions import coherent_share
from debleed.methods.demix.excerpt import Bins, Powers, power

EDGES = tuple(60 * 1.26**k for k in range(24))
"""Edges in Hz of the bands in which levels are compared, three per octave up to 12 kHz."""

TAIL = 0.1
"""Share of a microphone's energy that may lie beyond either end of the range of ratios: other sources' bleed."""

RANGE, COHERENT = 4.5, 0.6
"""Microphones of one source: the ratio of their levels ranges over less than this many dB, and more than this share of
the energy of one of them is coherent with the other. Measured: at most 3.2 dB and at least 0.76 for pairs and direct
boxes in rooms with RT60 up to 1.2 s; at least 5.2 dB for other microphones of a drum kit, 6.8 dB for songs in rooms,
also with microphones far from their sources."""

ITS_OWN = 0.25
"""A reference belongs to a microphone of whose energy it explains more than this share. Bleed 6 dB under a microphone's
own source explains a fifth."""

SILENT = 1e-7
"""Power relative to a microphone's mean (-70 dB) that is added to every point, so that digital silence has a ratio."""


def find_groups(spectra: Bins, rate: int) -> list[tuple[int, int]]:
    """Find the pairs of microphones that sound like one source.

    Parameters
    ----------
    spectra
        ``(bins, mics, frames)``, from windows that are long against the delays between microphones.
    rate
        Sampling rate in Hz.

    Returns
    -------
    Pairs of indices.
    """
    mics = spectra.shape[1]
    coherence = coherent_share(spectra)
    levels = band_levels(power(spectra), rate)
    pairs = [(i, j) for i, j in combinations(range(mics), 2) if max(coherence[i, j], coherence[j, i]) > COHERENT]
    ranges = dict.fromkeys(pairs, np.inf)

    def work(pair: tuple[int, int]) -> None:
        ranges[pair] = ratio_range(levels[pair[0]], levels[pair[1]])

    in_parallel(work, pairs)
    return [pair for pair in pairs if ranges[pair] < RANGE]


def find_boxes(coherence: NDArray[np.float64], boxes: list[int]) -> list[tuple[int, int]]:
    """Find the microphone that each reference belongs to: an amplifier's microphone, whatever its name.

    An amplifier distorts, so the sound of a direct box explains its microphone only in part, but far better than bleed
    would be explained.

    Parameters
    ----------
    coherence
        See :func:`debleed.methods.demix.companions.coherent_share`.
    boxes
        Indices of the references.

    Returns
    -------
    Pairs of a reference and its microphone.
    """
    mics = np.setdiff1d(np.arange(len(coherence)), boxes)
    best = [(box, int(mics[np.argmax(coherence[mics, box])])) for box in boxes if len(mics)]
    return [(box, mic) for box, mic in best if coherence[mic, box] > ITS_OWN]


def band_levels(powers: Powers, rate: int) -> NDArray[np.float64]:
    """Return the power in each band and frame relative to the microphone's mean, ``(mics, bands, frames)``."""
    edges = np.unique(np.round(np.array(EDGES) * 2 * (len(powers) - 1) / rate).astype(int))
    edges = edges[(edges > 0) & (edges < len(powers))]
    bands = np.add.reduceat(powers, edges)[:-1].swapaxes(0, 1).astype(np.float64)
    mean = bands.mean(axis=(1, 2), keepdims=True)
    levels: NDArray[np.float64] = bands / np.where(mean > 0, mean, 1) + SILENT
    return levels


def ratio_range(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Return the range of the ratio of two levels ``(bands, frames)`` in dB.

    In each band, it runs between the quantiles TAIL and 1 - TAIL, weighted by the energy of one microphone; the result
    is the mean over bands, weighted alike. The larger one counts: a source that pauses has a constant ratio where the
    other plays, but not where it plays itself.
    """
    ratio = 10 * np.log10(first / second)
    order = np.argsort(ratio, axis=-1)
    ratio = np.take_along_axis(ratio, order, axis=-1)
    widest = 0.0
    for weight in (first, second):
        passed = np.cumsum(np.take_along_axis(weight, order, axis=-1), axis=-1)
        low, high = (np.argmax(passed >= q * passed[:, -1:], axis=-1) for q in (TAIL, 1 - TAIL))
        rows = np.arange(len(ratio))
        widths = ratio[rows, high] - ratio[rows, low]
        widest = max(widest, float(np.average(widths, weights=weight.sum(axis=-1))))
    return widest


def joined(pairs: list[tuple[int, int]], count: int) -> list[tuple[int, ...]]:
    """Join pairs that share a microphone into groups; return the groups of two and more."""
    group = list(range(count))
    for i, j in pairs:
        low, high = sorted((group[i], group[j]))
        group = [low if g == high else g for g in group]
    members = (tuple(k for k in range(count) if group[k] == g) for g in sorted(set(group)))
    return [found for found in members if len(found) > 1]
