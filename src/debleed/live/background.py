"""Give back to a stream what the fixed filters carried of the background."""

from __future__ import annotations

import numpy as np

from debleed.dsp.stft import nfft_at
from debleed.live.convolution import Block, Convolution, Delay
from debleed.live.fixed import impulses, looked_ahead, within
from debleed.live.frames import Frames, Smoothing, Spectrum
from debleed.methods.demix.background import NFFT, Background, audible_share
from debleed.methods.demix.excerpt import power
from debleed.methods.demix.filters import Filters


class BackgroundKept:
    """The causal form of what :meth:`debleed.methods.demix.demixed.Demixed.filtered` gives back.

    Whether a source stands out is asked of this frame and the two before it, not of those around it.

    Parameters
    ----------
    background
        The background.
    filters
        The filters that carry it.
    most_ahead
        Samples that they may look ahead; ``None`` for as many as they reach.
    rate
        Sampling rate in Hz.
    block
        Samples of a block.
    """

    def __init__(self, background: Background, filters: Filters, most_ahead: int | None, rate: int, block: int) -> None:
        mics = len(filters.taps)
        nfft = nfft_at(rate, NFFT)
        self._level = background.level
        self._frames = Frames(mics, mics, nfft, nfft // 2, block)
        self._smoothing = Smoothing(mics, nfft // 2 + 1)
        taps = impulses(filters.carried())
        ahead = looked_ahead(taps, most_ahead)
        self._filters = Convolution(within(taps, ahead), block)
        self.latency = self._frames.latency + ahead
        self._delay = Delay(mics, self.latency)

    def process(self, block: Block) -> Block:
        """Take the next block, ``(mics, block)``, and return it with the background, ``latency`` samples late."""
        carried = self._filters.process(self._frames.process(block, self._inaudible))
        out: Block = self._delay.process(block) + carried
        return out

    def _inaudible(self, spectrum: Spectrum) -> Spectrum:
        """Return the part of a frame that does not stand out."""
        share = audible_share(self._smoothing.process(power(spectrum)), self._level)
        rest: Spectrum = spectrum * (np.float32(1) - share)
        return rest
