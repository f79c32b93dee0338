"""The tracking of a stage, applied to a stream."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
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

ENTRIES = 4000
"""Entries that are followed together: few enough for the work of a frame to be spread over blocks, many enough for a
call to be worth it."""

TINY = np.finfo(np.float32).tiny


class Following:
    """The causal form of :class:`debleed.methods.demix.tracking.Tracking`.

    The paths are followed from the past alone, powers are smoothed over this frame and the two before it, and the mean
    power of a microphone is that of the last seconds. Microphones without deviations come back to the bit,
    ``latency`` samples late.

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

        variance, seconds, weight, unfollowed = (
            over_bins(values[self._changed], bins, rate)
            for values in (tracking.variance, tracking.seconds, tracking.weight, tracking.unfollowed)
        )
        followed = Followed.of(variance * (weight > 0), memory(seconds, rate), fading(rate), gaps(bins, rate))
        self._parts = [Part(paths, weight) for paths in followed.parts(ENTRIES)]
        self._expected = by_bin(variance * weight)
        self._unfollowed = by_bin(unfollowed) if unfollowed.any() else None
        self._constant = Constant(tracking.constant[:, self._changed]) if tracking.constant.any() else None
        self._fading = fading(rate)
        self._heard = deque([np.zeros((mics, bins), np.float32)] * LAGS, maxlen=LAGS)
        self._levels, self._expectations, self._loud, self._doubt = (Smoothing(changed, bins) for _ in range(4))
        self._mean = Mean((changed, bins), round(CONTEXT * rate / hop))
        self._noise = np.zeros((changed, bins), np.float32)
        self._waiting: deque[Callable[[], None]] = deque()
        # the block that completes a frame has enough to do; those between two frames share what is to be learnt
        tasks = len(self._parts) + 1 + (self._constant is not None)
        self._per_block = -(-tasks // max(1, hop // block - 1))
        self._fresh = False

    def process(self, block: Block) -> Block:
        """Take the next block, ``(mics, block)``, and return the cleaned one, ``latency`` samples late."""
        out = self._delay.process(block)
        out[self._changed] -= self._frames.process(block, self._removed)
        self._learn(0 if self._fresh else self._per_block)
        self._fresh = False
        return out

    def _learn(self, most: int) -> None:
        """Do some of what waits to be learnt."""
        for _ in range(min(most, len(self._waiting))):
            self._waiting.popleft()()

    def _removed(self, spectrum: Spectrum) -> Spectrum:
        """Return what is removed from the changed microphones in the next frame, ``(changed, bins)``."""
        self._learn(len(self._waiting))
        self._fresh = True
        powers = power(spectrum)
        here = spectrum[self._changed]
        heard = self._references.process(spectrum, powers)
        bleed = np.zeros_like(here)
        if self._constant is not None:
            bleed += self._constant.predict(heard)
            self._waiting.append(self._constant.prepare)
        rest = here - bleed
        loudness = power(heard)
        doubt = np.zeros(here.shape, np.float32)
        if self._unfollowed is not None:
            doubt += through(self._unfollowed, faded(self._fading, [loudness, *self._heard][:LAGS]))
        self._waiting.append(partial(self._own_variance, powers[self._changed], loudness))
        for part in self._parts:
            part.predict(heard, bleed, doubt)
            self._waiting.append(partial(part.learn, rest, self._noise))
        clean = here - bleed
        loud = np.maximum(self._loud.process(power(clean)), TINY)
        share = np.minimum(self._doubt.process(doubt) / loud, np.float32(1 - FLOOR))
        change: Spectrum = bleed + share * clean
        return change

    def _own_variance(self, powers: Power, heard: Power) -> None:
        """Estimate the variance of the own source, see :func:`debleed.methods.demix.tracking.own_variance`."""
        self._heard.appendleft(heard)
        smooth = self._levels.process(powers)
        bleed = through(self._expected, faded(self._fading, self._heard))
        np.maximum(smooth - self._expectations.process(bleed), OWN_AT_LEAST * smooth, out=self._noise)
        self._noise += FAINT * self._mean.process(powers) + TINY


class References:
    """The part of the sources that is their own and stands out.

    The causal form of :func:`debleed.methods.demix.tracking.references`.

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
        self._fading = fading(rate)
        self._powers = deque([np.zeros((mics, bins), np.float32)] * LAGS, maxlen=LAGS)
        self._levels, self._left = Smoothing(mics, bins), Smoothing(mics, bins)

    def process(self, spectrum: Spectrum, powers: Power) -> Spectrum:
        """Take the next frame and its powers, ``(mics, bins)`` each, and return the references."""
        self._powers.appendleft(powers)
        left = self._left.process(through(self._leakage, faded(self._fading, self._powers)))
        level = self._levels.process(powers)
        share = np.divide(np.float32(UNDERRATED) * left, level, out=np.ones_like(level), where=level > 0)
        own: Spectrum = spectrum * np.maximum(1 - share, np.float32(INAUDIBLE))
        if self._background is not None:
            own *= audible_share(level, self._background)
        return own


class Part:
    """Some of the paths that are followed, and what of their predictions is removed.

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

    def predict(self, heard: Spectrum, bleed: Spectrum, doubt: Power) -> None:
        """Add what is predicted from the newest frame of the references to the bleed and to its doubt."""
        values, uncertainty = self._forward.predict(heard[self._from])
        starts = self._forward.starts
        bleed[self._to] += np.add.reduceat(values * self._share, starts)
        doubt[self._to] += np.add.reduceat(uncertainty * self._share, starts)

    def learn(self, rest: Spectrum, noise: Power) -> None:
        """Learn from the frame that was predicted last, ``(changed, bins)``."""
        self._forward.learn(rest[self._to], noise[self._to])


class Constant:
    """What the constant deviations of a :class:`debleed.methods.demix.tracking.Tracking` predict.

    Parameters
    ----------
    constant
        ``(lags, outputs, inputs, bins)``.
    """

    def __init__(self, constant: NDArray[np.complex64]) -> None:
        lags, outputs, inputs, bins = constant.shape
        ordered = np.ascontiguousarray(np.moveaxis(constant, (3, 1, 0, 2), (0, 1, 2, 3)))
        self._first = np.ascontiguousarray(ordered[:, :, 0])
        self._rest = ordered[:, :, 1:].reshape(bins, outputs, -1)
        self._heard = np.zeros((bins, lags, inputs), np.complex64)
        self._known = np.zeros((outputs, bins), np.complex64)

    def predict(self, heard: Spectrum) -> Spectrum:
        """Return what the newest frame of the references, ``(inputs, bins)``, and those before it predict."""
        self._heard[:, 0] = heard.T
        predicted: Spectrum = self._known + (self._first @ self._heard[:, 0, :, None])[..., 0].T
        return predicted

    def prepare(self) -> None:
        """Predict the next frame as far as the references are here."""
        self._heard[:, 1:] = self._heard[:, :-1].copy()
        earlier = self._heard[:, 1:].reshape(len(self._heard), -1, 1)
        self._known = np.ascontiguousarray((self._rest @ earlier)[..., 0].T)


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
    return np.ascontiguousarray((paths @ np.ascontiguousarray(powers.T)[:, :, None])[..., 0].T)


def faded(fading: NDArray[np.float32], powers: Sequence[Power]) -> Power:
    """Return the sum of the last frames' powers, the newest first, each with its share."""
    total: Power = fading[0] * powers[0]
    for share, earlier in zip(fading[1:], list(powers)[1:], strict=True):
        total += share * earlier
    return total
