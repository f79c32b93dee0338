"""Copies: another track at another level, such as a safety track or the second channel of a mono file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK = 0.05
"""Seconds of the blocks that are compared. A copy differs from its original where one of them clips, so most blocks
must agree, not all."""

DIFFERENT = 1e-3
"""Least difference (-30 dB) that two tracks have in the median block if they are not copies: converters and
preamplifiers differ by less, two microphones by more. Measured: 0.06 for two microphones half a metre apart."""

SOUNDING = 1e-2
"""Blocks below this share (-20 dB) of a track's mean power are not compared: there the noise of a copy's own converter
may be louder than that of the original."""

NEAR_PEAK, CLIPPED = 0.995, 1e-4
"""A track is clipped if more than the second share of its samples reaches the first share of its peak."""


@dataclass(frozen=True)
class Copy:
    """A track that is a copy.

    Parameters
    ----------
    track, original
        Indices of the copy and of the track to learn from in its place.
    gain
        Gain of the copy over the original; negative if its polarity is inverted.
    """

    track: int
    original: int
    gain: float


def find_copies(samples: NDArray[np.float32], rate: int) -> tuple[Copy, ...]:
    """Find the copies among tracks.

    Track j is a copy of track i if x_j = g x_i in most blocks, for one gain g: the residual 1 - ρ² of the regression in
    the median block is below :data:`DIFFERENT`.

    Parameters
    ----------
    samples
        ``(tracks, samples)``; no silent track.
    rate
        Sampling rate in Hz.

    Returns
    -------
    One entry per copy. The original of several copies is the loudest that does not clip.
    """
    products = block_products(samples, max(1, round(BLOCK * rate)))
    power = np.einsum("bii->bi", products)
    sounding = power > SOUNDING * power.mean(axis=0)
    clipped = np.array([clips(row) for row in samples])
    level = power.mean(axis=0)
    # a tie between bit-identical tracks goes to the first
    order = sorted(range(len(samples)), key=lambda i: (bool(clipped[i]), -float(level[i]), i))
    found: dict[int, Copy] = {}
    for rank, i in enumerate(order):
        if i in found:
            continue
        for j in order[rank + 1 :]:
            if j not in found and (gain := copied(products, power, sounding[:, i] & sounding[:, j], i, j)) is not None:
                exact = np.array_equal(samples[j], np.sign(gain) * samples[i])
                found[j] = Copy(j, i, float(np.sign(gain)) if exact else gain)
    return tuple(found[j] for j in sorted(found))


def block_products(samples: NDArray[np.float32], size: int) -> NDArray[np.float64]:
    """Return the inner products of all tracks in each block of ``size`` samples, ``(blocks, tracks, tracks)``."""
    count = max(1, samples.shape[1] // size)
    blocks = samples[:, : count * size].reshape(len(samples), count, -1).transpose(1, 0, 2)
    products: NDArray[np.float64] = np.matmul(blocks, blocks.swapaxes(1, 2)).astype(np.float64)
    return products


def copied(
    products: NDArray[np.float64], power: NDArray[np.float64], both: NDArray[np.bool_], i: int, j: int
) -> float | None:
    """Return the gain of track j over track i if it is a copy, from the blocks in which both sound."""
    if not both.any():
        return None
    cross, own, other = products[both, i, j], power[both, i], power[both, j]
    gain = float(np.median(cross / own))
    residual = other - 2 * gain * cross + gain**2 * own
    return gain if np.median(residual / other) < DIFFERENT else None


def clips(track: NDArray[np.float32]) -> bool:
    """Whether a track reaches its own peak too often for music."""
    size = np.abs(track)
    return bool(np.mean(size > NEAR_PEAK * size.max()) > CLIPPED)
