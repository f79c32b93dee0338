"""Convolution of a stream with a matrix of long filters, block by block, without latency beyond the block.

The filters are cut into partitions as long as a block. The spectra of the last blocks wait in a delay line, so that
each block costs one transform of every input and output and one product with all partitions (uniformly partitioned
overlap-save: W. Gardner, J. Audio Eng. Soc. 43, 1995; F. Wefers, Partitioned convolution algorithms for real-time
auralization, 2015).
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Block = NDArray[np.float32]
"""One block of several microphones, ``(mics, block)``."""


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
        outputs, inputs, length = taps.shape
        self._block = block
        self._parts = max(1, -(-length // block))
        padded = np.zeros((outputs, inputs, self._parts * block), np.float32)
        padded[..., :length] = taps
        spectra = scipy.fft.rfft(padded.reshape(outputs, inputs, self._parts, block), 2 * block, axis=-1)
        # a window of the delay line runs from the oldest block to the newest, and so do the partitions
        ordered = np.moveaxis(spectra[:, :, ::-1], (3, 0, 2, 1), (0, 1, 2, 3))
        self._filters = np.ascontiguousarray(ordered).reshape(block + 1, outputs, self._parts * inputs)
        # every spectrum is written twice, a window apart, so that each window is one piece
        self._line = np.zeros((block + 1, 2 * self._parts, inputs), np.complex64)
        self._newest = 0
        self._heard = np.zeros((inputs, 2 * block), np.float32)

    def process(self, block: Block) -> Block:
        """Take the next block, ``(inputs, block)``, and return that of the output, ``(outputs, block)``."""
        size, parts = self._block, self._parts
        self._heard[:, :size] = self._heard[:, size:]
        self._heard[:, size:] = block
        spectrum = scipy.fft.rfft(self._heard, axis=-1).T
        self._line[:, self._newest] = self._line[:, self._newest + parts] = spectrum
        self._newest = (self._newest + 1) % parts
        window = self._line[:, self._newest : self._newest + parts].reshape(size + 1, -1, 1)
        product = (self._filters @ window)[..., 0]
        out: Block = scipy.fft.irfft(product.T, 2 * size, axis=-1)[:, size:]
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
