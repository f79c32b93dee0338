"""Mixes: tracks that are a sum of the other tracks, such as the stereo mix that a recorder keeps beside them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEFT_OVER = 3e-3
"""Most power (-25 dB) that a mix has beside the tracks that it sums. Each microphone has more that is its own."""

CANCELLED = 1.5
"""A mix is as loud as its parts together (1). A track that is computed back from a mix is what is left when they
cancel."""

PARTS, PART = 2, 0.03
"""A mix has at least this many parts, each with at least this share (-15 dB) of its power."""


def find_mixes(samples: NDArray[np.float32]) -> tuple[int, ...]:
    """Find the tracks that are sums of others.

    Each track is regressed on all others, by least squares with the least norm, x_m = Σ g_k x_k with all tracks at the
    same power. Where a mix is present, every track that it contains can be computed from it and the others. The mix is
    the one whose parts do not cancel: Σ g_k² is about 1. Mixes are removed one by one, until no track is a sum.

    Parameters
    ----------
    samples
        ``(tracks, samples)``; no silent track and no copies.

    Returns
    -------
    Indices of the mixes. None if the tracks that remain are still sums of each other: there are fewer sources than
    microphones, and that makes no mix.
    """
    level = np.sqrt(np.mean(np.square(samples, dtype=np.float64), axis=1))
    products = (samples @ samples.T).astype(np.float64) / samples.shape[1] / np.outer(level, level)
    remaining = list(range(len(samples)))
    mixes: list[int] = []
    while len(remaining) > PARTS:
        sums = {m: gains for m in remaining if (gains := sum_of(products, m, remaining)) is not None}
        if not sums:
            return tuple(sorted(mixes))
        mix = min(sums, key=lambda m: float(np.sum(np.square(sums[m]))))
        parts = np.square(sums[mix])
        if parts.sum() > CANCELLED or np.sum(parts > PART * parts.sum()) < PARTS:
            return ()
        mixes.append(mix)
        remaining.remove(mix)
    return tuple(sorted(mixes))


def sum_of(products: NDArray[np.float64], track: int, tracks: list[int]) -> NDArray[np.float64] | None:
    """Return the gains with which the other tracks add up to one track, or ``None`` if they do not."""
    others = [k for k in tracks if k != track]
    # the cutoff keeps rounding out of the directions that several mixes leave empty
    inverse = np.linalg.pinv(products[np.ix_(others, others)], rcond=LEFT_OVER / 10, hermitian=True)
    gains: NDArray[np.float64] = inverse @ products[others, track]
    left = 1 - 2 * gains @ products[others, track] + gains @ products[np.ix_(others, others)] @ gains
    return gains if left < LEFT_OVER else None
