"""Paths of bleed: how each source, as its own microphone hears it, reaches the other microphones.

The model is x = A y: microphone i hears its own source y_i and, through the path a_ij, the source of microphone j.
A has a unit diagonal, so that y_i is the image of source i in its own microphone and no scale is left to resolve.
A path is kept as the taps of a causal filter, with a few taps ahead of lag 0 for what arrives early.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from debleed.dsp.parallel import threads

Taps = NDArray[np.float32]
"""Taps of all paths, ``(mics, mics, ahead + length)``, the tap of lag 0 at index ``ahead``; zero on the diagonal."""

Response = NDArray[np.complexfloating]
"""Frequency response of all paths, ``(bins, mics, mics)``."""

MOST_WORKERS = 2
"""Threads of one Fourier transform; more gain nothing here, the transforms wait for memory."""


def circular(taps: Taps, ahead: int, nfft: int) -> Taps:
    """Lay taps out for a transform of ``nfft`` points: lag 0 first, the taps ahead of it at the end."""
    laid = np.zeros((*taps.shape[:-1], nfft), np.float32)
    laid[..., : taps.shape[-1] - ahead] = taps[..., ahead:]
    laid[..., nfft - ahead :] = taps[..., :ahead]
    return laid


def response(taps: Taps, ahead: int, nfft: int) -> Response:
    """Frequency response A of the mixing that the paths describe, unit diagonal included, complex64."""
    spectra = scipy.fft.rfft(circular(taps, ahead, nfft), axis=-1, workers=min(MOST_WORKERS, threads()))
    mixing = np.ascontiguousarray(np.moveaxis(spectra, -1, 0))
    mixing += np.eye(len(taps), dtype=np.complex64)
    return mixing


def taps_of(mixing: Response, length: int, ahead: int) -> Taps:
    """Cut the taps ``-ahead`` to ``length`` out of a frequency response; the inverse of :func:`response`."""
    whole = scipy.fft.irfft(np.moveaxis(mixing, 0, -1), axis=-1, workers=min(MOST_WORKERS, threads()))
    cut = np.concatenate([whole[..., whole.shape[-1] - ahead :], whole[..., :length]], axis=-1).astype(np.float32)
    mics = np.arange(len(cut))
    cut[mics, mics] = 0
    return cut


def unmixing(taps: Taps, ahead: int, nfft: int) -> Response:
    """Frequency response of the filters W = A⁻¹ that give the sources from the microphones, complex64."""
    # double precision: where two microphones hear nearly the same, float32 loses what tells them apart
    return np.linalg.inv(response(taps, ahead, nfft).astype(np.complex128)).astype(np.complex64)


def whiten_diagonal(mixing: Response) -> Response:
    """Scale the sources so that each reaches its own microphone unchanged: unit diagonal."""
    scaled: Response = mixing / np.einsum("fii->fi", mixing)[:, None, :]
    return scaled


def on_grid(responses: Response, bins: int) -> NDArray[np.complex128]:
    """Interpolate a response ``(bins, mics, mics)`` linearly to another number of bins."""
    at = np.linspace(0, len(responses) - 1, bins)
    low = np.minimum(at.astype(int), len(responses) - 2)
    part = (at - low)[:, None, None]
    between: NDArray[np.complex128] = (1 - part) * responses[low] + part * responses[low + 1]
    return between


def peak_delays(mixing: Response, rate: int) -> NDArray[np.float64]:
    """Return when each path is loudest, in seconds after lag 0, ``(mics, mics)``; NaN where there is no path.

    Where the direct sound reaches a microphone, that is its delay against the source's own microphone.
    """
    lags = scipy.fft.irfft(
        np.moveaxis(mixing - np.eye(mixing.shape[-1]), 0, -1), axis=-1, workers=min(MOST_WORKERS, threads())
    )
    size = np.abs(lags)
    at = np.argmax(size, axis=-1)
    at = np.where(at > lags.shape[-1] // 2, at - lags.shape[-1], at)
    delays: NDArray[np.float64] = np.where(size.max(axis=-1) > 0, at / rate, np.nan)
    return delays
