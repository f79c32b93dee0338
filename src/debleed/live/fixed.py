"""The fixed filters of a stage, applied to a stream.

What is subtracted from a microphone, T ((A - I) A⁻¹) x, is a filter of every other microphone that reaches to both
sides of lag 0: A has taps ahead of it where sound arrives before it reaches the source's own microphone, and the
inverse of A repeats them. What lies ahead costs latency, so a stream looks ahead as far as it is allowed to, and what
lies further ahead is cut off.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from debleed.dsp.rtf import Response
from debleed.live.convolution import Block, Convolution, Delay
from debleed.methods.demix.filters import Filters

NEGLIGIBLE, WEAKEST = 1e-11, 1e-3
"""What lies beyond the reach of a filter has less than the first share of its energy (-110 dB). Then what is streamed
agrees with what :meth:`debleed.methods.demix.filters.Filters.apply` gives to -100 dB, also where low notes are much
louder than the rest. Filters with less energy than the second number (-30 dB) count as if they had as much; otherwise
the rounding of a path that is hardly there would decide."""


def impulses(response: Response) -> NDArray[np.float32]:
    """Return the taps of a frequency response ``(bins, outputs, inputs)``: ``(outputs, inputs, nfft)``, lag 0 first.

    Negative lags are at the end.
    """
    nfft = 2 * (len(response) - 1)
    taps: NDArray[np.float32] = scipy.fft.irfft(np.moveaxis(response, 0, -1), nfft, axis=-1).astype(np.float32)
    return taps


def reach(taps: NDArray[np.float32]) -> tuple[int, int]:
    """Return how many taps before lag 0, and from lag 0 on, are not :data:`NEGLIGIBLE` in any filter.

    Parameters
    ----------
    taps
        As from :func:`impulses`.
    """
    half = taps.shape[-1] // 2
    ahead = behind = 0
    for row in taps:
        energy = np.square(row, dtype=np.float64)
        limit = NEGLIGIBLE * np.maximum(energy.sum(axis=-1), WEAKEST)[:, None]
        later = np.cumsum(energy[:, half - 1 :: -1], axis=-1)  # [:, k]: the last k + 1 taps of the causal half
        sooner = np.cumsum(energy[:, half:], axis=-1)  # [:, k]: the k + 1 taps that are furthest ahead
        behind = max(behind, half - int(np.all(later <= limit, axis=0).sum()))
        ahead = max(ahead, half - int(np.all(sooner <= limit, axis=0).sum()))
    return ahead, behind


def within(taps: NDArray[np.float32], ahead: int) -> NDArray[np.float32]:
    """Return the taps from ``ahead`` samples before lag 0 to the end of the reach: ``(outputs, inputs, length)``."""
    behind = max(1, reach(taps)[1])
    return np.concatenate([taps[..., taps.shape[-1] - ahead :], taps[..., :behind]], axis=-1)


def looked_ahead(taps: NDArray[np.float32], most: int | None) -> int:
    """Return how many samples a stream looks ahead: as far as the filters reach, but at most so many."""
    ahead, _ = reach(taps)
    return ahead if most is None else min(ahead, most)


class Fixed:
    """The fixed filters; microphones that they leave unchanged come back to the bit, ``latency`` samples late.

    Parameters
    ----------
    filters
        The filters.
    most_ahead
        Samples that they may look ahead; ``None`` for as many as they reach.
    block
        Samples of a block.
    """

    def __init__(self, filters: Filters, most_ahead: int | None, block: int) -> None:
        unit = np.eye(len(filters.taps), dtype=np.complex64)
        taps = impulses(filters.response() - unit)
        self.latency = looked_ahead(taps, most_ahead)
        self._changed = np.flatnonzero(taps.any(axis=(1, 2)))
        self._heard = np.flatnonzero(taps.any(axis=(0, 2)))
        chosen = taps[np.ix_(self._changed, self._heard)]
        self._filters = Convolution(within(chosen, self.latency), block)
        self._delay = Delay(len(taps), self.latency)

    def process(self, block: Block) -> Block:
        """Take the next block, ``(mics, block)``, and return the cleaned one, ``latency`` samples late."""
        out = self._delay.process(block)
        out[self._changed] += self._filters.process(block[self._heard])
        return out
