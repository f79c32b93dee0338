"""The Kalman filter of :mod:`debleed.methods.demix.kalman`, forwards alone and one frame at a time.

The filter that runs back from the future has no place in a stream. A prediction has not heard the frame that it
predicts, nor one that overlaps with it, so what a frame teaches may be learnt while the next one arrives: a stream
spreads this work over its blocks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
        self._level = np.zeros((lags, entries), np.float32)

    def predict(self, heard: Values) -> tuple[Values, Powers]:
        """Predict the bleed of the next frame.

        Parameters
        ----------
        heard
            y of each entry's reference, ``(lags, entries)``, the newest frame first.

        Returns
        -------
        bleed, uncertainty
            ``(entries,)`` each; the second is the variance of the first.
        """
        self._state *= self.paths.memory
        self._variance *= self._fading
        self._variance += self._driven
        slot = self._first + self._frame % self.paths.gap
        self._frame += 1
        older = self._earlier[:, slot]
        self._earlier[:, slot] = self._state
        self._level = power(heard)
        bleed = (older * heard).sum(axis=0) * self._kept
        doubt = (self._variance * self._level).sum(axis=0)
        unknown = (self.paths.variance * self._level).sum(axis=0)
        return bleed, self._known * doubt + (1 - self._known) * unknown

    def learn(self, heard: Values, observed: Values, noise: Powers) -> None:
        """Learn from the frame that was predicted last.

        Parameters
        ----------
        heard
            As in :meth:`predict`.
        observed
            y of each bin of a microphone, ``(observed,)``.
        noise
            Variance of the own source, ``(observed,)``.
        """
        expected = self._variance * self._level
        innovation = observed - np.add.reduceat((self._state * heard).sum(axis=0), self.starts)
        certainty = 1 / (np.add.reduceat(expected.sum(axis=0), self.starts) + noise)
        self._state += self._variance * heard.conj() * (innovation * certainty)[self._of]
        expected *= certainty[self._of]
        self._variance -= self._variance * expected
