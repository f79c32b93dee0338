"""A Kalman filter that follows paths which change, bin by bin in the STFT, forwards and backwards in time.

What fixed filters leave of source j in microphone i travels a path w_ij that deviates from the fixed one:

    y_i(t) = s_i(t) + Σ_jl w_ijl(t) y_j(t - l),    w(t) = a w(t - 1) + n(t),

with the frame t, the lag l in frames, and the own source s_i as noise of known variance. The deviation is pulled to 0,
so that it has the stationary variance P; its memory a is e^(-hop / τ), and a = 1 is a path that stays. The covariance
of the state is kept diagonal (G. Enzner, P. Vary, Signal Processing 86, 2006; F. Kuech, E. Mabande, G. Enzner, ICASSP
2014), which makes every bin cheap and never divides by anything but the variance of the innovation.

Two filters run over the same frames, one from the past and one from the future. Their predictions of a frame are
averaged, weighted by their certainty (D. Fraser, J. Potter, IEEE Trans. Automatic Control 14, 1969). Neither has heard
the frame that it predicts, nor a frame that overlaps with it, so what the prediction removes is not fitted to the
frame: how well it predicts is an honest judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from debleed.methods.demix.excerpt import power

Values = NDArray[np.complex64]
Powers = NDArray[np.float32]


@dataclass(frozen=True)
class Followed:
    """Paths that are followed: an entry for each bin of a microphone and each of its references, in this order.

    Parameters
    ----------
    mics, bins, references
        Indices, ``(entries,)`` each.
    variance
        Stationary variance P, ``(lags, entries)``.
    memory
        a of each entry, ``(entries,)``, 0 to 1.
    gap
        Frames on either side that a prediction has not heard, ``(entries,)``, at least 1.
    """

    mics: NDArray[np.intp]
    bins: NDArray[np.intp]
    references: NDArray[np.intp]
    variance: Powers
    memory: Powers
    gap: NDArray[np.intp]

    @classmethod
    def of(cls, variance: Powers, memory: Powers, fading: Powers, gap: NDArray[np.intp]) -> Followed:
        """Follow the paths whose variance is not 0.

        Parameters
        ----------
        variance
            At the first lag, ``(mics, references, bins)``.
        memory
            Of the same shape.
        fading
            Share of the variance at each lag, ``(lags,)``.
        gap
            Of each bin, ``(bins,)``.
        """
        mics, bins, references = np.nonzero(np.swapaxes(variance, 1, 2))
        at = mics, references, bins
        return cls(mics, bins, references, fading[:, None] * variance[at], memory[at], gap[bins])

    @property
    def starts(self) -> NDArray[np.intp]:
        """First entry of each bin of a microphone, ``(observed,)``."""
        new = (np.diff(self.mics, prepend=-1) != 0) | (np.diff(self.bins, prepend=-1) != 0)
        return np.flatnonzero(new)

    def parts(self, entries: int) -> list[Followed]:
        """Split into parts of about so many entries, each with whole bins."""
        if not len(self.mics):
            return []
        starts = self.starts
        firsts = starts[np.unique(np.searchsorted(starts, np.arange(0, len(self.mics), entries), side="right") - 1)]
        return [self.part(slice(a, b)) for a, b in pairwise([*firsts.tolist(), len(self.mics)])]

    def part(self, part: slice) -> Followed:
        """Return some entries."""
        return Followed(
            self.mics[part],
            self.bins[part],
            self.references[part],
            self.variance[:, part],
            self.memory[part],
            self.gap[part],
        )


def predicted(observed: Values, heard: Values, noise: Powers, paths: Followed, wanted: range) -> tuple[Values, Powers]:
    """Predict the bleed in some frames from all others.

    Parameters
    ----------
    observed
        y of each bin of a microphone, ``(frames, observed)``.
    heard
        y of each entry's reference, ``(lags - 1 + frames, entries)``: the first frames precede those of ``observed``.
    noise
        Variance of the own source, ``(frames, observed)``.
    paths
        The paths.
    wanted
        The frames to predict. The filters begin at the first and at the last frame of ``observed``.

    Returns
    -------
    bleed
        ``(wanted, entries)``.
    uncertainty
        Its variance, of the same shape.
    """
    frames = len(observed)
    observed, heard, noise = np.ascontiguousarray(observed), np.ascontiguousarray(heard), np.ascontiguousarray(noise)
    ahead, doubt, _ = run(observed, heard, noise, paths, range(wanted.stop), wanted)
    back, doubt_back, _ = run(observed, heard, noise, paths, range(frames - 1, wanted.start - 1, -1), wanted)
    total = np.maximum(doubt + doubt_back, np.finfo(np.float32).tiny)
    share = doubt_back / total
    ahead *= share
    back *= 1 - share
    ahead += back
    doubt *= share
    return ahead, doubt


def run(
    observed: Values, heard: Values, noise: Powers, paths: Followed, order: range, wanted: range
) -> tuple[Values, Powers, Values]:
    """Run the filter over the frames in one direction; see :func:`predicted`. Also return its last state."""
    lags, entries = paths.variance.shape
    memory, fading = paths.memory, np.square(paths.memory)
    driven = (1 - fading) * paths.variance
    starts = paths.starts
    of = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, entries)))
    bleed, uncertainty = np.zeros((len(wanted), entries), np.complex64), np.zeros((len(wanted), entries), np.float32)
    state = np.zeros((lags, entries), np.complex64)
    gap, every = paths.gap, np.arange(entries)
    earlier = np.zeros((int(gap.max()) + 1, lags, entries), np.complex64)
    kept = memory**gap
    spread = 1 - np.square(kept)
    variance = paths.variance.copy()
    for step, t in enumerate(order):
        rows = heard[t : t + lags][::-1]
        state = state * memory
        variance *= fading
        variance += driven
        level = power(rows)
        expected = variance * level
        doubt = expected.sum(axis=0)
        if t in wanted:
            older = earlier[(step - gap) % len(earlier), :, every].T
            bleed[t - wanted.start] = (older * rows).sum(axis=0) * kept
            uncertainty[t - wanted.start] = (1 - spread) * doubt + spread * (paths.variance * level).sum(axis=0)
        innovation = observed[t] - np.add.reduceat((state * rows).sum(axis=0), starts)
        certainty = 1 / (np.add.reduceat(doubt, starts) + noise[t])
        earlier[step % len(earlier)] = state
        state = state + variance * rows.conj() * (innovation * certainty)[of]
        expected *= certainty[of]
        variance -= variance * expected
    return bleed, uncertainty, state
