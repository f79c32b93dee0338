"""Gain calibration: estimate the preamplifier gains of the microphones from the bleed alone.

The prior on bleed (no source is louder in another microphone than in its own) assumes equal gains, and the gains of a
recording are unknown. With equal gains, bleed is about equal in both directions, because the guitar's microphone is
about as far from the singer as the singer's microphone is from the guitarist. If one microphone picks up 20 dB more of
the other source than the other way round, its gain is 10 dB too high and that of the other 10 dB too low. Measured on
songs in simulated rooms with equal gains: the estimates are within 3 dB, although the levels of the sources differ by
up to 17 dB.

A few sources that seem louder in another microphone than in their own may simply be silent (toms that are never hit).
Their microphones are soft, and only their low level shows that what they pick up belongs to other sources. Gains are
therefore left alone unless the levels contradict the prior for many sources.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MUTUAL = 0.03
"""Product of the bleed in both directions (-15 dB in the mean). Gains do not change it, so a larger product is not
explained by gain differences."""

FAINT = 1e-3
"""Geometric mean of the bleed in both directions that has half weight (-30 dB). Weaker bleed may be chance."""

SILENT = 1e-2
"""A source with this share (-20 dB) of its own microphone's power has half weight: the RTFs of a silent source are
unknown."""

ABOVE_ALL = 10.0
"""A reference is brought to this level (20 dB) over the loudest microphone."""

PAUSE, PAUSES = 0.05, 0.1
"""A track pauses in digital silence if more than the second share of its blocks, each this many seconds long, contain
nothing but zeros."""

LEVEL_WEIGHT = 0.05
"""Weight of the prior that gains equalise the levels of the microphones, relative to the weight of one RTF."""


def presumed_gains(samples: NDArray[np.float32], rate: int, references: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return gains to divide out of tracks whose level says nothing, so that the prior on bleed does not bind them.

    The level of a reference is arbitrary, and it picks up nobody: it is raised far above every microphone. A track that
    pauses in digital silence may be a reference too, or a microphone behind a noise gate: it is raised to the level of
    the loudest microphone, measured while it sounds.

    Parameters
    ----------
    samples
        ``(mics, samples)``; no silent track.
    rate
        Sampling rate in Hz.
    references
        ``(mics,)``: tracks that are signals, not microphones.

    Returns
    -------
    ``(mics,)``; 1 for all other microphones.
    """
    level = np.sqrt(np.mean(np.square(samples), axis=1))
    loudest = level[~references].max(initial=0) or 1
    gains = np.ones(len(samples), np.float32)
    for i, track in enumerate(samples):
        if references[i]:
            gains[i] = level[i] / (ABOVE_ALL * loudest)
        elif (sounding := sounding_share(track, rate)) < 1 - PAUSES:
            gains[i] = min(1, level[i] / np.sqrt(sounding) / loudest)
    return gains


def sounding_share(track: NDArray[np.float32], rate: int) -> float:
    """Return the share of blocks between a track's first and last sound that are not digitally silent."""
    size = max(1, round(PAUSE * rate))
    blocks = np.any(track[: len(track) // size * size].reshape(-1, size), axis=1)
    sounding = np.flatnonzero(blocks)
    return float(np.mean(blocks[sounding[0] : sounding[-1] + 1])) if len(sounding) else 1.0


def gains_differ(bleed: NDArray[np.floating]) -> bool:
    """Whether at least half of the sources are louder in another microphone whose source bleeds little into theirs.

    ``bleed`` is as for :func:`balancing_gains`, of the microphones with their actual gains.
    """
    elsewhere = np.any((bleed > 1) & (bleed * bleed.T < MUTUAL), axis=0)
    return bool(elsewhere.sum() >= max(2, len(bleed) / 2))


def balancing_gains(
    bleed: NDArray[np.floating], own: NDArray[np.floating], allowed: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Estimate the gains that, when divided out, make the bleed equal in both directions.

    Weighted least squares over log g and c: w_ij (½ log e_ij - log g_i + log g_j - c)² for every pair, and LEVEL (log
    g_i)². The weight w_ij depends on √(e_ij e_ji), which no gain changes, and on how well source j is known. If most
    calibrated bleed is faint, all gains are 1: bleed in one direction only is sound that two sources share.

    Parameters
    ----------
    bleed
        e, ``(mics, mics)``: power of source j in microphone i over its power in its own, for microphones of equal
        level.
    own
        ``(mics,)``: power of each source over that of its microphone.
    allowed
        ``(mics, mics)``: where bleed is possible.

    Returns
    -------
    g, ``(mics,)``.
    """
    mics = len(bleed)
    clipped = np.clip(bleed, 1e-12, 1e3)
    product, reliability = np.sqrt(clipped * clipped.T), own**2 / (own**2 + SILENT**2)
    mutual_weight = 1 - reliability[:, None] * FAINT / (product + FAINT)
    weight = np.where(allowed, reliability * mutual_weight, 0)
    i, j = np.nonzero(allowed)
    design = np.zeros((len(i), mics + 1))
    design[np.arange(len(i)), i], design[np.arange(len(i)), j], design[:, mics] = 1, -1, 1
    root = np.sqrt(weight[i, j])
    system = np.vstack([root[:, None] * design, np.sqrt(LEVEL_WEIGHT) * np.eye(mics, mics + 1)])
    observed = np.r_[root * np.log(clipped[i, j]) / 2, np.zeros(mics)]
    gains = np.exp(np.linalg.lstsq(system, observed)[0][:mics])
    calibrated = (clipped / np.square(gains[:, None] / gains))[allowed & (reliability > 0.5)]
    mutual = len(calibrated) > 0 and np.median(calibrated) > FAINT
    return (gains if mutual else np.ones(mics)).astype(np.float32)
