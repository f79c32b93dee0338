"""The Kalman filter of :mod:`debleed.methods.demix.kalman`, forwards alone and one frame at a time.

The filter that runs back from the future has no place in a stream. A prediction has not heard the frame that it
predicts, nor one that overlaps with it, so what a frame teaches may be learnt while the next one arrives: a stream
spreads this work, and the share of the next prediction that is known already, over its blocks.
"""

from __future__ import annotations

import numpy as np

from debleed.methods.demix.excerpt import power
from debleed.methods.demix.kalman import Followed, Powers, Values


class Forward:
    """One filter, from the past to the future; equal to :func:`debleed.methods.demix.kalman.run` in that direction.

    Parameters
    ----------
    paths
        The paths to follow.
    """

    def __init__(self, paths: Followed) -> None:
        lags, entries = paths.variance.shape
        self.paths = paths
        self.starts = paths.starts
        self._of = np.repeat(np.arange(len(self.starts)), np.diff(np.append(self.starts, entries)))
        self._fading = np.square(paths.memory)
        self._driven = (1 - self._fading) * paths.variance
        self._kept = (paths.memory**paths.gap).astype(np.float32)
        self._known = np.square(self._kept)
        self._state = np.zeros((lags, entries), np.complex64)
        self._variance = paths.variance.copy()
        # each entry remembers as many states as its prediction may not have heard frames, one after the other
        self._first = np.cumsum(paths.gap) - paths.gap
        self._earlier = np.zeros((lags, int(paths.gap.sum())), np.complex64)
        self._frame = 0
        self._heard = np.zeros((lags, entries), np.complex64)
        self._level = np.zeros((lags, entries), np.float32)
        self._prepare()

    def _prepare(self) -> None:
        """Advance to the next frame, and predict it as far as the references are here: all lags but the first."""
        self._state *= self.paths.memory
        self._variance *= self._fading
        self._variance += self._driven
        slot = self._first + self._frame % self.paths.gap
        self._frame += 1
        older = self._earlier[:, slot]
        self._earlier[:, slot] = self._state
        self._heard[1:] = self._heard[:-1]
        self._level[1:] = self._level[:-1]
        level = self._level[1:]
        self._older = older[0]
        self._bleed = (older[1:] * self._heard[1:]).sum(axis=0)
        self._doubt = (self._variance[1:] * level).sum(axis=0)
        self._unknown = (self.paths.variance[1:] * level).sum(axis=0)

    def predict(self, heard: Values) -> tuple[Values, Powers]:
        """Predict the bleed of the next frame.

        Parameters
        ----------
        heard
            y of each entry's reference, ``(entries,)``.

        Returns
        -------
        bleed, uncertainty
            ``(entries,)`` each; the second is the variance of the first.
        """
        self._heard[0] = heard
        self._level[0] = level = power(heard)
        bleed = (self._bleed + self._older * heard) * self._kept
        self._doubt += self._variance[0] * level
        unknown = self._unknown + self.paths.variance[0] * level
        return bleed, unknown + self._known * (self._doubt - unknown)

    def learn(self, observed: Values, noise: Powers) -> None:
        """Learn from the frame that was predicted last, and prepare the next prediction.

        Parameters
        ----------
        observed
            y of each bin of a microphone, ``(observed,)``.
        noise
            Variance of the own source, ``(observed,)``.
        """
        innovation = observed - np.add.reduceat((self._state * self._heard).sum(axis=0), self.starts)
        certainty = 1 / (np.add.reduceat(self._doubt, self.starts) + noise)
        self._state += self._variance * self._heard.conj() * (innovation * certainty)[self._of]
        expected = self._variance * self._level
        expected *= certainty[self._of]
        self._variance -= self._variance * expected
        self._prepare()
