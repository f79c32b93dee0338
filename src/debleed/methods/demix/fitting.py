"""Fit causal filters to what bleed is left: over all bins at once, the most probable taps."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from debleed.dsp.parallel import chunks, in_parallel
from debleed.dsp.rtf import Response, Taps

SOLVER_STEPS, MUSIC = 24, 22050.0
"""Steps of conjugate gradients at rates up to the second figure, at higher ones down to half of them; what they leave
is made up for by the next round. Measured: half as many are 3 to 6 dB better on songs of a minute at 44.1 kHz, where
what stands above the music, mostly nothing, is met last; on songs of 10 s at 22.05 kHz they differ by 0.6 dB at most,
either way."""


def fitted_taps(
    left: Response,
    reliability: NDArray[np.float32],
    known: Taps,
    length: int,
    ahead: int,
    rate: int,
    allowed: NDArray[np.bool_],
) -> Taps:
    """Fit causal filters to what bleed is left: the most probable taps.

    For each path, minimise over the taps d the sum over bins of κ |H - D|² plus, over lags, (h + d)² λ: κ is the
    reliability, h the taps known so far and λ = mean κ · σ² / p. σ² is the variance that chance gives a tap, measured
    where no bleed can be (long before it was played); p is the variance of the taps around each lag, less σ².

    Parameters
    ----------
    left, reliability
        H and κ, ``(bins, mics, mics)``, see :func:`debleed.methods.demix.broadband.bleed_left`.
    known
        h, ``(mics, mics, nfft)``, lag 0 first.
    length, ahead
        Taps from lag 0 on, and before it.
    rate
        Samples per second.
    allowed
        ``(mics, mics)``: where bleed can be.

    Returns
    -------
    ``(mics, mics, ahead + length)``.
    """
    nfft = known.shape[-1]
    steps = round(SOLVER_STEPS * np.clip(MUSIC / rate, 0.5, 1))
    pairs = np.argwhere(allowed)
    taps = np.zeros((len(known), len(known), ahead + length), np.float32)

    def work(part: slice) -> None:
        i, j = pairs[part].T
        weight = np.ascontiguousarray(reliability[:, i, j].T)
        mean = weight.mean(axis=-1, keepdims=True)
        mean = np.where(mean > 0, mean, 1)
        score = scipy.fft.irfft(weight * left[:, i, j].T, nfft, axis=-1).astype(np.float32)
        so_far = known[i, j]
        before = score[:, nfft // 2 : nfft - max(ahead, nfft // 8)] / mean
        noise = np.mean(np.square(before), axis=-1, keepdims=True)
        noise = np.maximum(noise, np.finfo(np.float32).tiny)
        spread = np.maximum(around_each_lag(np.square(so_far + score / mean)) - noise, 1e-3 * noise)
        shrinkage = (mean * noise / spread).astype(np.float32)
        inside = np.zeros(nfft, np.float32)
        inside[:length] = inside[nfft - ahead :] = 1
        aim = (score - shrinkage * so_far) * inside
        found = conjugate_gradients(weight, shrinkage, aim, inside, mean, steps)
        taps[i, j, ahead:] = found[:, :length]
        taps[i, j, :ahead] = found[:, nfft - ahead :]

    in_parallel(work, chunks(len(pairs), 4 * nfft))
    return taps


def around_each_lag(squares: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean over neighbouring lags, ``(paths, nfft)`` in circular order, wider the later: a quarter of the lag."""
    half = squares.shape[-1] // 2
    lags = np.arange(half)
    reach = np.maximum(32, lags // 4)
    first, last = np.maximum(lags - reach, 0), np.minimum(lags + reach + 1, half)

    def smooth(side: NDArray[np.float32]) -> NDArray[np.float64]:
        total = np.concatenate([np.zeros_like(side[:, :1], np.float64), np.cumsum(side, -1, np.float64)], axis=-1)
        mean: NDArray[np.float64] = (total[:, last] - total[:, first]) / (last - first)
        return mean

    early, late = smooth(squares[:, half:][:, ::-1])[:, ::-1], smooth(squares[:, :half])
    return np.concatenate([late, early], axis=-1).astype(np.float32)


def conjugate_gradients(
    weight: NDArray[np.float32],
    shrinkage: NDArray[np.float32],
    score: NDArray[np.float32],
    inside: NDArray[np.float32],
    mean: NDArray[np.float32],
    steps: int,
) -> NDArray[np.float32]:
    """Solve (C + λ) d = score for the taps inside the support, where C convolves with the weight's transform."""
    nfft = score.shape[-1]
    scale = inside / (mean + shrinkage)
    solution, rest = np.zeros_like(score), score.copy()
    step = scale * rest
    old = np.sum(rest * step, axis=-1, keepdims=True)
    tiny = np.finfo(np.float32).tiny
    for _ in range(steps):
        moved = scipy.fft.irfft(weight * scipy.fft.rfft(step, axis=-1), nfft, axis=-1).astype(np.float32)
        moved = (moved + shrinkage * step) * inside
        stride = old / np.maximum(np.sum(step * moved, axis=-1, keepdims=True), tiny)
        solution += stride * step
        rest -= stride * moved
        ready = scale * rest
        new = np.sum(rest * ready, axis=-1, keepdims=True)
        step = ready + new / np.maximum(old, tiny) * step
        old = new
    return solution
