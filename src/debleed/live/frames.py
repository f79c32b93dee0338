"""The short-time Fourier transform of a stream: the frames of :mod:`debleed.dsp.stft`, one after the other."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from debleed.dsp.stft import window
from debleed.live.convolution import Block

Spectrum = NDArray[np.complex64]
"""One frame of several microphones, ``(mics, bins)``."""

Power = NDArray[np.float32]
"""One frame of powers or gains, ``(mics, bins)``."""


class Frames:
    """Cut a stream into overlapping frames, change each, and add them up again.

    A frame can be changed once its last sample is here, and a sample is complete after the last frame that holds it.
    So the result comes ``nfft - gcd(block, hop)`` samples late: ``latency``.

    Parameters
    ----------
    inputs, outputs
        Microphones before and after the change.
    nfft, hop
        Length of the window and distance of two frames in samples, as in :func:`debleed.dsp.stft.stft`.
    block
        Samples of a block.
    """

    def __init__(self, inputs: int, outputs: int, nfft: int, hop: int, block: int) -> None:
        waiting = hop - math.gcd(block, hop)
        self.latency = nfft - hop + waiting
        self._hop, self._nfft = hop, nfft
        self._window = window(nfft, hop).astype(np.float32)
        self._heard = np.zeros((inputs, nfft), np.float32)
        self._new = 0  # samples of the next frame's last hop that are here
        self._sum = np.zeros((outputs, nfft), np.float32)
        self._ready = np.zeros((outputs, waiting), np.float32)

    def process(self, block: Block, change: Callable[[Spectrum], Spectrum]) -> Block:
        """Take the next block, ``(inputs, block)``, and return the changed one, ``(outputs, block)``, late.

        Parameters
        ----------
        block
            The samples.
        change
            Maps the spectrum of a frame, ``(inputs, bins)``, to that of the result, ``(outputs, bins)``. It is called
            for every frame that the block completes, in order.
        """
        nfft, hop, size = self._nfft, self._hop, block.shape[1]
        finished = [self._ready]
        taken = 0
        while taken < size:
            count = min(hop - self._new, size - taken)
            first = nfft - hop + self._new
            self._heard[:, first : first + count] = block[:, taken : taken + count]
            taken += count
            self._new += count
            if self._new == hop:
                finished.append(self._finish(change))
        ready = np.concatenate(finished, axis=1)
        self._ready = ready[:, size:]
        return ready[:, :size]

    def _finish(self, change: Callable[[Spectrum], Spectrum]) -> Block:
        """Change the frame that has become complete, and return the hop that no later frame adds to."""
        hop = self._hop
        changed = change(scipy.fft.rfft(self._heard * self._window, axis=-1))
        self._sum += scipy.fft.irfft(changed, self._nfft, axis=-1) * self._window
        done: Block = self._sum[:, :hop].copy()
        self._sum[:, :-hop] = self._sum[:, hop:]
        self._sum[:, -hop:] = 0
        self._heard[:, :-hop] = self._heard[:, hop:]
        self._new = 0
        return done


class Smoothing:
    """The mean of powers over three bins and the last three frames.

    The method smooths over the frames before and after; a stream has no frame after.

    Parameters
    ----------
    mics, bins
        Shape of a frame.
    """

    def __init__(self, mics: int, bins: int) -> None:
        self._last = np.zeros((mics, bins), np.float32)
        self._earlier = self._last  # the sum of the last two

    def process(self, powers: Power) -> Power:
        """Take the next frame and return the mean."""
        wide = powers.copy()  # beyond the edges, the outermost bins go on
        wide[:, 1:] += powers[:, :-1]
        wide[:, :-1] += powers[:, 1:]
        wide[:, 0] += powers[:, 0]
        wide[:, -1] += powers[:, -1]
        wide *= np.float32(1 / 9)
        mean: Power = self._earlier + wide
        self._earlier = self._last + wide
        self._last = wide
        return mean
