"""Convolution of a stream with a matrix of long filters, block by block, without latency beyond the block.

The filters are cut into partitions as long as a block. The spectra of the last blocks wait in a delay line, so that
each block costs one transform of every input and output and one product with all partitions (uniformly partitioned
overlap-save: W. Gardner, J. Audio Eng. Soc. 43, 1995; F. Wefers, Partitioned convolution algorithms for real-time
auralization, 2015). Of long filters, this holds for the beginning. The rest has partitions of several blocks: there are
fewer of these, and what they give is not needed before another such partition has passed, so that the work is spread
over its blocks.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Block = NDArray[np.float32]
"""One block of several microphones, ``(mics, block)``."""

LONG = 16
"""Partitions from which on the rest of the filters has longer ones: with fewer, there is nothing to gain."""


class Convolution:
    """Filters that remember the blocks that they have heard.

    Parameters
    ----------
    taps
        ``(outputs, inputs, length)``, from lag 0 on.
    block
        Samples of a block.
    """

    def __init__(self, taps: NDArray[np.float32], block: int) -> None:
        parts = -(-taps.shape[-1] // block)
        # a rest of partitions of r blocks costs parts / r a block and leaves 2 r to the head, so the least is at
        ratio = round(math.sqrt(parts / 2))
        head = 2 * ratio * block if parts >= LONG else taps.shape[-1]
        self._block = block
        self._head = Partitions(taps[..., :head], block)
        self._rest = Rest(taps[..., head:], block, ratio) if parts >= LONG else None
        self._heard = np.zeros((taps.shape[1], 2 * block), np.float32)

    def process(self, block: Block) -> Block:
        """Take the next block, ``(inputs, block)``, and return that of the output, ``(outputs, block)``."""
        size = self._block
        self._heard[:, :size] = self._heard[:, size:]
        self._heard[:, size:] = block
        self._head.push(self._heard)
        out: Block = scipy.fft.irfft(self._head.product(slice(None)).T, 2 * size, axis=-1)[:, size:]
        return out if self._rest is None else out + self._rest.process(block)


class Partitions:
    """Filters in partitions of one length, and the spectra that they are multiplied with.

    Parameters
    ----------
    taps
        ``(outputs, inputs, length)``.
    size
        Samples of a partition.
    """

    def __init__(self, taps: NDArray[np.float32], size: int) -> None:
        outputs, inputs, length = taps.shape
        self._parts = max(1, -(-length // size))
        padded = np.zeros((outputs, inputs, self._parts * size), np.float32)
        padded[..., :length] = taps
        spectra = scipy.fft.rfft(padded.reshape(outputs, inputs, self._parts, size), 2 * size, axis=-1)
        # a window of the delay line runs from the oldest block to the newest, and so do the partitions
        ordered = np.moveaxis(spectra[:, :, ::-1], (3, 0, 2, 1), (0, 1, 2, 3))
        self._filters = np.ascontiguousarray(ordered).reshape(size + 1, outputs, self._parts * inputs)
        # every spectrum is written twice, a window apart, so that each window is one piece
        self._line = np.zeros((size + 1, 2 * self._parts, inputs), np.complex64)
        self._newest = 0

    def push(self, heard: Block) -> None:
        """Take the last two partitions of the input, ``(inputs, 2 * size)``."""
        spectrum = scipy.fft.rfft(heard, axis=-1).T
        self._line[:, self._newest] = self._line[:, self._newest + self._parts] = spectrum
        self._newest = (self._newest + 1) % self._parts

    def product(self, bins: slice) -> NDArray[np.complex64]:
        """Return the spectrum of the output in some bins, ``(bins, outputs)``."""
        window = self._line[bins, self._newest : self._newest + self._parts]
        product: NDArray[np.complex64] = (self._filters[bins] @ window.reshape(len(window), -1, 1))[..., 0]
        return product


class Rest:
    """The rest of long filters, in partitions of several blocks.

    A partition of the input that has passed is worked on while the next one passes, a share in each block, and is heard
    in the one after it: two partitions after it began, which is the lag of the first tap.

    Parameters
    ----------
    taps
        ``(outputs, inputs, length)``, from the lag of two partitions on.
    block
        Samples of a block.
    ratio
        Blocks of a partition.
    """

    def __init__(self, taps: NDArray[np.float32], block: int, ratio: int) -> None:
        outputs, inputs, _ = taps.shape
        size = ratio * block
        self._block, self._size, self._ratio = block, size, ratio
        self._filters = Partitions(taps, size)
        self._shares = [slice((size + 1) * k // ratio, (size + 1) * (k + 1) // ratio) for k in range(ratio)]
        self._heard = np.zeros((inputs, 3 * size), np.float32)  # two that have passed, and the one that passes
        self._spectrum = np.zeros((size + 1, outputs), np.complex64)
        self._out = np.zeros((outputs, size), np.float32)
        self._passed = 0

    def process(self, block: Block) -> Block:
        """Take the next block, ``(inputs, block)``, and return that of the output, ``(outputs, block)``."""
        size, k = self._size, self._passed
        here = slice(k * self._block, (k + 1) * self._block)
        out = self._out[:, here]
        if k == 0:
            self._filters.push(self._heard[:, : 2 * size])
        self._spectrum[self._shares[k]] = self._filters.product(self._shares[k])
        self._heard[:, 2 * size :][:, here] = block
        self._passed = (k + 1) % self._ratio
        if self._passed == 0:
            self._out = scipy.fft.irfft(self._spectrum.T, 2 * size, axis=-1)[:, size:]
            self._heard[:, :-size] = self._heard[:, size:]
        return out


class Delay:
    """A delay of whole samples.

    Parameters
    ----------
    mics
        Number of microphones.
    samples
        The delay, 0 or more.
    """

    def __init__(self, mics: int, samples: int) -> None:
        self._held = np.zeros((mics, samples), np.float32)

    def process(self, block: Block) -> Block:
        """Take the next block and return the delayed one, of the same shape, as a new array."""
        both = np.concatenate([self._held, block], axis=1)
        self._held = both[:, block.shape[1] :]
        return both[:, : block.shape[1]].copy()
