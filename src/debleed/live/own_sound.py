"""Give back to a stream what the fixed filters took of each microphone's own sound."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from debleed.dsp.stft import nfft_at
from debleed.live.convolution import Block, Delay
from debleed.live.frames import Frames, Smoothing, Spectrum
from debleed.live.step import Step
from debleed.live.tracking import faded
from debleed.methods.demix.background import NFFT
from debleed.methods.demix.excerpt import power
from debleed.methods.demix.own_sound import OwnSound
from debleed.methods.demix.tracking import LAGS, fading


class OwnSoundKept:
    """The causal form of :meth:`debleed.methods.demix.own_sound.OwnSound.given_back`.

    Powers are smoothed over this frame and the two before it, not over those around it. Microphones to which nothing is
    given back come back as the filters leave them, to the bit, ``latency`` samples late.

    Parameters
    ----------
    own_sound
        What the filters take.
    filters
        The steps that take it, in order.
    rate
        Sampling rate in Hz.
    block
        Samples of a block.
    """

    def __init__(self, own_sound: OwnSound, filters: Sequence[Step], rate: int, block: int) -> None:
        mics, nfft = len(own_sound.carried), nfft_at(rate, NFFT)
        bins = nfft // 2 + 1
        filtered = sum(step.latency for step in filters)
        self._own_sound, self._steps = own_sound.over_bins(bins, rate), filters
        self._changed = np.flatnonzero(own_sound.changed_mics)
        changed = len(self._changed)
        self._unfiltered = Delay(mics, filtered)
        self._frames = Frames(mics + changed, changed, nfft, nfft // 2, block)
        self._fading = fading(rate)
        self._powers = deque([np.zeros((mics, bins), np.float32)] * LAGS, maxlen=LAGS)
        self._own, self._sources, self._removed = (Smoothing(count, bins) for count in (mics, mics, changed))
        self._delay = Delay(mics, self._frames.latency)
        self.latency = filtered + self._frames.latency

    def process(self, block: Block) -> Block:
        """Take the next block, ``(mics, block)``, and return the filtered one, ``latency`` samples late."""
        before, after = self._unfiltered.process(block), block
        for step in self._steps:
            after = step.process(after)
        removed = (before - after)[self._changed]
        out = self._delay.process(after)
        out[self._changed] += self._frames.process(np.concatenate([after, removed]), self._back)
        return out

    def _back(self, spectrum: Spectrum) -> Spectrum:
        """Return what is given back in a frame, ``(changed, bins)``."""
        sources, removed = np.split(spectrum, [len(spectrum) - len(self._changed)])
        powers = power(sources)
        self._powers.appendleft(powers)
        own = self._own.process(faded(self._fading, self._powers))
        level, loud = self._sources.process(powers), self._removed.process(power(removed))
        share = self._own_sound.share(own[..., None], level[..., None], loud[..., None])[..., 0]
        back: Spectrum = removed * share
        return back
