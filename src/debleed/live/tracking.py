"""The tracking of a stage, applied to a stream."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from debleed.dsp.stft import nfft_at
from debleed.live.convolution import Block, Delay
from debleed.live.following import Forward
from debleed.live.frames import Frames, Power, Smoothing, Spectrum
from debleed.methods.demix.background import INAUDIBLE, NFFT, Background, audible_share
from debleed.methods.demix.excerpt import power
from debleed.methods.demix.kalman import Followed
from debleed.methods.demix.postfilter import FLOOR
from debleed.methods.demix.tracking import (
    CLEARLY,
    CONTEXT,
    ENTRIES,
    FAINT,
    LAGS,
    OWN_AT_LEAST,
    UNDERRATED,
    Tracking,
    fading,
    gaps,
    memory,
    over_bins,
)

TINY = np.finfo(np.float32).tiny


class Following:
    """The causal form of :class:`debleed.methods.demix.tracking.Tracking`.

    The paths are followed from the past alone, powers are smoothed over this frame and the two before it, and the mean
    power of a microphone is that of the last seconds. Microphones without deviations come back to the bit,
    :attr:`latency` samples late.

    Parameters
    ----------
    tracking
        The tracking.
    background
        From which a source has to stand out.
    rate
        Sampling rate in Hz.
    block
        Samples of a block.
    """

    def __init__(self, tracking: Tracking, background: Background, rate: int, block: int) -> None:
        mics = len(tracking.variance)
        nfft = nfft_at(rate, NFFT)
        bins, hop = nfft // 2 + 1, nfft // 2
        self._changed = np.flatnonzero(tracking.changed_mics)
        changed = len(self._changed)
        self._frames = Frames(mics, changed, nfft, hop, block)
        self.latency = self._frames.latency
        self._delay = Delay(mics, self.latency)
        self._references = References(tracking.leakage, background, bins, rate)

        variance, seconds, weight = (
            over_bins(values[self._changed], bins, rate)
            for values in (tracking.variance, tracking.seconds, tracking.weight)
        )
        followed = Followed.of(
            variance * (weight > 0), memory(seconds, rate), fading(rate), gaps(bins, rate)
        )
        parts = followed.parts(ENTRIES) if len(followed.mics) else []
        self._parts = [Part(paths, weight) for paths in parts]
        self._expected = by_bin(variance * weight)
        self._constant = constants(tracking.constant[:, self._changed]) if tracking.constant.any() else None
        self._fading = fading(rate)[:, None, None]
        self._heard = deque([np.zeros((mics, bins), np.complex64)] * LAGS, maxlen=LAGS)
        self._levels, self._expectations, self._loud, self._doubt = (Smoothing(changed, bins) for _ in range(4))
        self._mean = Mean((changed, bins), round(CONTEXT * rate / hop))
        self._waiting: deque[Callable[[], None]] = deque()
        self._per_block = -(-len(self._parts) * block // hop)

    def process(self, block: Block) -> Block:
        """Take the next block, ``(mics, block)``, and return the cleaned one, :attr:`latency` samples late."""
        out = self._delay.process(block)
        out[self._changed] -= self._frames.process(block, self._removed)
        self._learn(self._per_block)
        return out

    def _learn(self, most: int) -> None:
        """Do some of what waits to be learnt."""
        for _ in range(min(most, len(self._waiting))):
            self._waiting.popleft()()

    def _removed(self, spectrum: Spectrum) -> Spectrum:
        """Return what is removed from the changed microphones in the next frame, ``(changed, bins)``."""
        self._learn(len(self._waiting))
        powers = power(spectrum)
        here = spectrum[self._changed]
        self._heard.appendleft(self._references.process(spectrum, powers))
        heard = np.stack(self._heard)
        bleed = self._always(heard)
        rest = here - bleed
        noise = self._own_variance(powers[self._changed], heard)
        doubt = np.zeros(here.shape, np.float32)
        for part in self._parts:
            part.predict(heard, bleed, doubt)
            self._waiting.append(partial(part.learn, rest, noise))
        clean = here - bleed
        loud = np.maximum(self._loud.process(power(clean)), TINY)
        share = np.minimum(self._doubt.process(doubt) / loud, np.float32(1 - FLOOR))
        change: Spectrum = bleed + share * clean
        return change

    def _always(self, heard: NDArray[np.complex64]) -> Spectrum:
        """Return what the constant deviations predict from the references, ``(lags, mics, bins)``."""
        if self._constant is None:
            return np.zeros((len(self._changed), heard.shape[-1]), np.complex64)
        sources = heard.reshape(-1, heard.shape[-1]).T[:, :, None]
        return np.ascontiguousarray((self._constant @ sources)[..., 0].T)

    def _own_variance(self, powers: Power, heard: NDArray[np.complex64]) -> Power:
        """Return the variance of the own source, see :func:`debleed.methods.demix.tracking.own_variance`."""
        smooth = self._levels.process(powers)
        bleed = through(self._expected, (self._fading * power(heard)).sum(axis=0))
        variance: Power = np.maximum(smooth - self._expectations.process(bleed), OWN_AT_LEAST * smooth)
        variance += FAINT * self._mean.process(powers) + TINY
        return variance


class References:
    """The part of the sources that is their own and stands out, see
    :func:`debleed.methods.demix.tracking.references`.

    Parameters
    ----------
    leakage
        See :class:`debleed.methods.demix.tracking.Tracking`.
    background
        From which a source has to stand out.
    bins
        Bins of a frame.
    rate
        Sampling rate in Hz.
    """

    def __init__(self, leakage: NDArray[np.float32], background: Background, bins: int, rate: int) -> None:
        mics = len(leakage)
        self._leakage = by_bin(over_bins(leakage, bins, rate))
        self._background = None if background.silent else background.above(CLEARLY).level
        self._fading = fading(rate)[:, None, None]
        self._powers = deque([np.zeros((mics, bins), np.float32)] * LAGS, maxlen=LAGS)
        self._levels, self._left = Smoothing(mics, bins), Smoothing(mics, bins)

    def process(self, spectrum: Spectrum, powers: Power) -> Spectrum:
        """Take the next frame and its powers, ``(mics, bins)`` each, and return the references."""
        self._powers.appendleft(powers)
        smeared = (self._fading * np.stack(self._powers)).sum(axis=0)
        left = self._left.process(through(self._leakage, smeared))
        level = self._levels.process(powers)
        share = np.divide(np.float32(UNDERRATED) * left, level, out=np.ones_like(level), where=level > 0)
        own: Spectrum = spectrum * np.maximum(1 - share, np.float32(INAUDIBLE))
        if self._background is not None:
            own *= audible_share(level, self._background)
        return own


class Part:
    """Some of the paths that are followed, of one microphone, and what of their predictions is removed.

    Parameters
    ----------
    paths
        The paths.
    weight
        ``(changed, mics, bins)``: share of the predictions that is removed.
    """

    def __init__(self, paths: Followed, weight: NDArray[np.float32]) -> None:
        self._forward = Forward(paths)
        self._share = weight[paths.mics, paths.references, paths.bins]
        self._from = paths.references, paths.bins
        starts = self._forward.starts
        self._to = paths.mics[starts], paths.bins[starts]
        self._heard = np.zeros(paths.variance.shape, np.complex64)

    def predict(self, heard: NDArray[np.complex64], bleed: Spectrum, doubt: Power) -> None:
        """Add what is predicted from the references ``(lags, mics, bins)`` to the bleed and to its doubt."""
        self._heard = heard[:, *self._from]
        values, uncertainty = self._forward.predict(self._heard)
        starts = self._forward.starts
        bleed[self._to] += np.add.reduceat(values * self._share, starts)
        doubt[self._to] += np.add.reduceat(uncertainty * self._share, starts)

    def learn(self, rest: Spectrum, noise: Power) -> None:
        """Learn from the frame that was predicted last, ``(changed, bins)``."""
        self._forward.learn(self._heard, rest[self._to], noise[self._to])


class Mean:
    """The mean over the last frames, each of which counts less the older it is.

    Parameters
    ----------
    shape
        Shape of a frame.
    frames
        In so many frames the weight falls by a factor of e.
    """

    def __init__(self, shape: tuple[int, int], frames: int) -> None:
        self._mean = np.zeros(shape, np.float32)
        self._count, self._most = 0, frames

    def process(self, values: Power) -> Power:
        """Take the next frame and return the mean."""
        self._count = min(self._count + 1, self._most)
        self._mean += (values - self._mean) * np.float32(1 / self._count)
        return self._mean


def by_bin(paths: NDArray[np.float32]) -> NDArray[np.float32]:
    """Arrange paths ``(outputs, inputs, bins)`` for :func:`through`: ``(bins, outputs, inputs)``."""
    return np.ascontiguousarray(np.moveaxis(paths, -1, 0))


def through(paths: NDArray[np.float32], powers: Power) -> Power:
    """Return the powers ``(outputs, bins)`` that paths from :func:`by_bin` make of ``(inputs, bins)``."""
    return np.ascontiguousarray((paths @ powers.T[:, :, None])[..., 0].T)


def constants(constant: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """Arrange deviations ``(lags, outputs, inputs, bins)`` as one matrix a bin, ``(bins, outputs, lags · inputs)``."""
    lags, outputs, inputs, bins = constant.shape
    return np.ascontiguousarray(np.moveaxis(constant, (3, 1, 0, 2), (0, 1, 2, 3))).reshape(bins, outputs, lags * inputs)
