"""The preamplifiers: how far each microphone was turned up, told from the bleed alone.

What is known of bleed beforehand (no source is louder in another microphone than in its own) holds where all
microphones are turned up alike, and nobody says how they were. But where they are, bleed is about as much to as fro:
the guitar's microphone is about as far from the singer as the singer's is from the guitarist. Where one hears 20 dB
more of the other than is heard of it, it is turned up by 10 dB and the other down. Measured on songs in simulated
rooms, where all gains are equal: told within 3 dB, though the sources' levels differ by up to 17.

A few sources that seem louder elsewhere than at home may as well rest (toms that are never hit): their microphones are
soft, and nothing but that says that the sources which they hear belong to others. So as long as the levels make sense
as they are, they stand.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BOTH_WAYS = 0.03
"""Bleed to and fro, multiplied (-15 dB in the mean), of which no more comes from turning microphones up and down."""

FAINT = 1e-3
"""Bleed to and fro of -30 dB, in the mean of both ways, counts half; what is less may be chance."""

RESTING = 1e-2
"""A source of -20 dB in its own microphone counts half: the paths of one that rests are not known."""

LEVEL = 0.05
"""Weight of the guess, against that of a path, that gains are such that all microphones are equally loud."""


def unequal(bleed: NDArray[np.floating]) -> bool:
    """Say whether half of the sources are louder in other microphones than in their own, which hear little of others.

    ``bleed`` is as for :func:`balanced`, of microphones as they are.
    """
    elsewhere = np.any((bleed > 1) & (bleed * bleed.T < BOTH_WAYS), axis=0)
    return bool(elsewhere.sum() >= max(2, len(bleed) / 2))


def balanced(bleed: NDArray[np.floating], own: NDArray[np.floating], allowed: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Tell the gains without which all bleed is about alike.

    Least squares over log g and c: w_ij (½ log e_ij - log g_i + log g_j - c)² for every path, and LEVEL (log g_i)².
    The weight w_ij is told by √(e_ij e_ji), which no gain changes, and by how well source j is known. Where most paths
    come out as faint nothing is told: what goes one way alone is a sound that two sources share.

    Parameters
    ----------
    bleed
        e, ``(mics, mics)``: the power of source j in microphone i against that in its own, where all microphones are
        equally loud.
    own
        ``(mics,)``: the power of each source against that of its microphone.
    allowed
        ``(mics, mics)``: where bleed can be.

    Returns
    -------
    g, ``(mics,)``.
    """
    mics = len(bleed)
    held = np.clip(bleed, 1e-12, 1e3)
    product, known = np.sqrt(held * held.T), own**2 / (own**2 + RESTING**2)
    both_ways = 1 - known[:, None] * FAINT / (product + FAINT)
    weight = np.where(allowed, known * both_ways, 0)
    i, j = np.nonzero(allowed)
    paths = np.zeros((len(i), mics + 1))
    paths[np.arange(len(i)), i], paths[np.arange(len(i)), j], paths[:, mics] = 1, -1, 1
    root = np.sqrt(weight[i, j])
    system = np.vstack([root[:, None] * paths, np.sqrt(LEVEL) * np.eye(mics, mics + 1)])
    told = np.r_[root * np.log(held[i, j]) / 2, np.zeros(mics)]
    gains = np.exp(np.linalg.lstsq(system, told)[0][:mics])
    even = (held / np.square(gains[:, None] / gains))[allowed & (known > 0.5)]
    mutual = len(even) > 0 and np.median(even) > FAINT
    return (gains if mutual else np.ones(mics)).astype(np.float32)
