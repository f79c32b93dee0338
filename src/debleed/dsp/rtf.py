"""Relative transfer functions (RTFs): the filters from each source's own microphone to the other microphones.

The model is x = A y. Microphone i picks up its own source y_i and, through the relative transfer function a_ij, the
source of microphone j. A has a unit diagonal, so y_i is the image of source i in its own microphone and there is no
scale ambiguity. An RTF is stored as the taps of a causal filter, plus a few taps ahead of lag 0 for sound that reaches
the other microphone first.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from debleed.dsp.parallel import threads

Taps = NDArray[np.float32]
"""Taps of all RTFs, ``(mics, mics, ahead + length)``; the tap of lag 0 has the index ``ahead``; zero on the
diagonal."""

Response = NDArray[np.complexfloating]
"""Frequency response of a filter matrix, ``(bins, mics, mics)``."""

MOST_WORKERS = 2
"""Threads per Fourier transform; more do not help, because the transforms are limited by memory bandwidth."""


def circular(taps: Taps, ahead: int, nfft: int) -> Taps:
    """Arrange taps for a transform of ``nfft`` points: lag 0 first, the taps ahead of it at the end."""
    laid = np.zeros((*taps.shape[:-1], nfft), np.float32)
    laid[..., : taps.shape[-1] - ahead] = taps[..., ahead:]
    laid[..., nfft - ahead :] = taps[..., :ahead]
    return laid


def response(taps: Taps, ahead: int, nfft: int) -> Response:
    """Return the frequency response of the mixing matrix A, including its unit diagonal, as complex64."""
    mixing = response_of(taps, ahead, nfft)
    mixing += np.eye(len(taps), dtype=np.complex64)
    return mixing


def response_of(taps: Taps, ahead: int, nfft: int) -> Response:
    """Return the frequency response of filters, ``(bins, mics, mics)``, as complex64."""
    spectra = scipy.fft.rfft(circular(taps, ahead, nfft), axis=-1, workers=min(MOST_WORKERS, threads()))
    return np.ascontiguousarray(np.moveaxis(spectra, -1, 0))


def taps_of(mixing: Response, length: int, ahead: int) -> Taps:
    """Return the taps ``-ahead`` to ``length`` of a frequency response; the inverse of :func:`response`."""
    whole = scipy.fft.irfft(np.moveaxis(mixing, 0, -1), axis=-1, workers=min(MOST_WORKERS, threads()))
    cut = np.concatenate([whole[..., whole.shape[-1] - ahead :], whole[..., :length]], axis=-1).astype(np.float32)
    mics = np.arange(len(cut))
    cut[mics, mics] = 0
    return cut


def unmixing(taps: Taps, ahead: int, nfft: int) -> Response:
    """Return the frequency response of the demixing filters W = A⁻¹, as complex64."""
    # double precision: for two nearly identical microphone signals, A is too ill-conditioned for float32
    return np.linalg.inv(response(taps, ahead, nfft).astype(np.complex128)).astype(np.complex64)


def unit_diagonal(mixing: Response) -> Response:
    """Rescale the sources so that the mixing matrix has a unit diagonal."""
    scaled: Response = mixing / np.einsum("fii->fi", mixing)[:, None, :]
    return scaled


def on_grid(responses: Response, bins: int) -> NDArray[np.complex128]:
    """Interpolate a response ``(bins, mics, mics)`` linearly onto another number of bins."""
    at = np.linspace(0, len(responses) - 1, bins)
    low = np.minimum(at.astype(int), len(responses) - 2)
    part = (at - low)[:, None, None]
    between: NDArray[np.complex128] = (1 - part) * responses[low] + part * responses[low + 1]
    return between


def peak_delays(mixing: Response, rate: int) -> NDArray[np.float64]:
    """Return the lag of each RTF's largest tap in seconds, ``(mics, mics)``; NaN where the RTF is zero.

    If the direct sound dominates, this is its delay relative to the source's own microphone.
    """
    lags = scipy.fft.irfft(
        np.moveaxis(mixing - np.eye(mixing.shape[-1]), 0, -1), axis=-1, workers=min(MOST_WORKERS, threads())
    )
    size = np.abs(lags)
    at = np.argmax(size, axis=-1)
    at = np.where(at > lags.shape[-1] // 2, at - lags.shape[-1], at)
    delays: NDArray[np.float64] = np.where(size.max(axis=-1) > 0, at / rate, np.nan)
    return delays
