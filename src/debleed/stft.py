"""The one short-time Fourier transform pair: square-root Hann windows on both sides, perfect reconstruction."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from debleed.recording import Samples

Spectra = NDArray[np.complexfloating]
"""Short-time spectra of several microphones, shape ``(mics, bins, frames)``."""


def window(nfft: int, hop: int) -> NDArray[np.float64]:
    """Periodic square-root Hann window of ``nfft`` samples, scaled so that its square overlap-adds to 1 at ``hop``.

    Raises
    ------
    ValueError
        Unless ``nfft`` is a multiple of ``hop`` with at least half a window of overlap (else it does not add up to 1).
    """
    if nfft % hop or nfft // hop < 2:
        raise ValueError(f"hop must divide nfft at least twice, got nfft {nfft} and hop {hop}")
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(nfft) / nfft)
    return np.sqrt(hann * (2 * hop / nfft))


def frame_count(length: int, nfft: int, hop: int) -> int:
    """Frames that :func:`stft` gives for ``length`` samples: every sample lies in ``nfft / hop`` frames."""
    return -(-length // hop) + nfft // hop - 1


def stft(samples: Samples, nfft: int, hop: int) -> Spectra:
    """Short-time Fourier transform.

    Frame t holds samples ``t * hop - (nfft - hop)`` to ``t * hop + hop``, silence outside; no centring beyond that.

    Parameters
    ----------
    samples
        ``(..., samples)``; float32 gives complex64, float64 complex128.
    nfft, hop
        Window length and step in samples.

    Returns
    -------
    ``(..., bins, frames)`` with ``nfft // 2 + 1`` bins, frames contiguous.
    """
    length = samples.shape[-1]
    frames = frame_count(length, nfft, hop)
    padded = np.zeros((*samples.shape[:-1], (frames - 1) * hop + nfft), samples.dtype)
    padded[..., nfft - hop : nfft - hop + length] = samples
    framed = np.lib.stride_tricks.sliding_window_view(padded, nfft, axis=-1)[..., ::hop, :]
    spectra = scipy.fft.rfft(framed * window(nfft, hop).astype(samples.dtype), axis=-1)
    return np.ascontiguousarray(np.swapaxes(spectra, -1, -2))


def istft(spectra: Spectra, length: int, nfft: int, hop: int) -> Samples:
    """Inverse of :func:`stft`: ``(..., bins, frames)`` to ``(..., length)`` samples, exact for unchanged spectra."""
    frames = spectra.shape[-1]
    pieces = scipy.fft.irfft(np.swapaxes(spectra, -1, -2), nfft, axis=-1)
    pieces *= window(nfft, hop).astype(pieces.dtype)
    overlap = nfft // hop
    out = np.zeros((*spectra.shape[:-2], frames + overlap - 1, hop), pieces.dtype)
    for k in range(overlap):
        out[..., k : k + frames, :] += pieces[..., k * hop : (k + 1) * hop]
    flat = out.reshape(*spectra.shape[:-2], -1)
    return flat[..., nfft - hop : nfft - hop + length]
