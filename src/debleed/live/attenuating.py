"""The postfilter of a stage, applied to a stream."""

from __future__ import annotations

import numpy as np

from debleed.dsp.stft import nfft_at
from debleed.live.convolution import Block, Delay
from debleed.live.frames import Frames, Power, Smoothing, Spectrum
from debleed.methods.demix.excerpt import power
from debleed.methods.demix.features import HOPS, NFFT, decay
from debleed.methods.demix.postfilter import DECAY_TIMES, Postfilter, gain_of


class Attenuating:
    """The causal form of :class:`debleed.methods.demix.postfilter.Postfilter`.

    The power of a microphone is smoothed over this frame and the two before it, not over those around it. Microphones
    without estimated leakage come back to the bit, ``latency`` samples late.

    Parameters
    ----------
    postfilter
        The postfilter.
    rate
        Sampling rate in Hz.
    block
        Samples of a block.
    """

    def __init__(self, postfilter: Postfilter, rate: int, block: int) -> None:
        mics = postfilter.leakage.shape[1]
        nfft = nfft_at(rate, NFFT)
        bins = nfft // 2 + 1
        self._changed = np.flatnonzero(postfilter.leakage.any(axis=(0, 2, 3)))
        shares = postfilter.over_bins(bins)[:, self._changed]
        # (bins, changed, decays · mics): one product per bin for all decay times
        self._shares = np.ascontiguousarray(np.moveaxis(shares, (3, 1, 0, 2), (0, 1, 2, 3))).reshape(
            bins, len(self._changed), -1
        )
        self._decay = np.array([decay(rate, seconds) for seconds in DECAY_TIMES], np.float32)[:, None, None]
        self._reverberated = np.zeros((len(DECAY_TIMES), mics, bins), np.float32)
        self._smoothing = Smoothing(len(self._changed), bins)
        self._frames = Frames(mics, len(self._changed), nfft, nfft // HOPS, block)
        self.latency = self._frames.latency
        self._delay = Delay(mics, self.latency)

    def process(self, block: Block) -> Block:
        """Take the next block, ``(mics, block)``, and return the attenuated one, ``latency`` samples late."""
        out = self._delay.process(block)
        out[self._changed] = self._frames.process(block, self._attenuated)
        return out

    def _attenuated(self, spectrum: Spectrum) -> Spectrum:
        """Return a frame of the changed microphones with the gain applied."""
        powers = power(spectrum)
        attenuated: Spectrum = spectrum[self._changed] * self._gain(powers)
        return attenuated

    def _gain(self, powers: Power) -> Power:
        """Return the gain of the next frame, from the powers of all microphones."""
        self._reverberated *= self._decay
        self._reverberated += (1 - self._decay) * powers
        sources = self._reverberated.reshape(-1, powers.shape[1]).T[:, :, None]
        residual = (self._shares @ sources)[..., 0].T
        gain: Power = gain_of(residual, self._smoothing.process(powers[self._changed]))
        return gain
