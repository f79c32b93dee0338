"""Short-time Fourier transform with square-root Hann windows for analysis and synthesis, and perfect reconstruction."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from debleed.recording import Recording, Samples

Spectra = NDArray[np.complexfloating]
"""Short-time spectra of several microphones, shape ``(mics, bins, frames)``."""


def window(nfft: int, hop: int) -> NDArray[np.float64]:
    """Return a periodic square-root Hann window whose square overlap-adds to 1 at ``hop``.

    Raises
    ------
    ValueError
        Unless ``nfft`` is a multiple of ``hop`` and windows overlap by at least half; otherwise they do not add up to
        1.
    """
    if nfft % hop or nfft // hop < 2:
        raise ValueError(f"hop must divide nfft at least twice, got nfft {nfft} and hop {hop}")
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(nfft) / nfft)
    return np.sqrt(hann * (2 * hop / nfft))


def frame_count(length: int, nfft: int, hop: int) -> int:
    """Return the number of frames of :func:`stft`; each of the ``length`` samples lies in ``nfft / hop`` frames."""
    return -(-length // hop) + nfft // hop - 1


def stft(samples: Samples, nfft: int, hop: int) -> Spectra:
    """Short-time Fourier transform.

    Frame t covers the samples ``t * hop - (nfft - hop)`` to ``t * hop + hop``. Outside the signal there is silence;
    frames are not centred any further.

    Parameters
    ----------
    samples
        ``(..., samples)``; float32 gives complex64, float64 gives complex128.
    nfft, hop
        Window length and hop in samples.

    Returns
    -------
    ``(..., bins, frames)`` with ``nfft // 2 + 1`` bins, contiguous along frames.
    """
    length = samples.shape[-1]
    frames = frame_count(length, nfft, hop)
    padded = np.zeros((*samples.shape[:-1], (frames - 1) * hop + nfft), samples.dtype)
    padded[..., nfft - hop : nfft - hop + length] = samples
    framed = np.lib.stride_tricks.sliding_window_view(padded, nfft, axis=-1)[..., ::hop, :]
    spectra = scipy.fft.rfft(framed * window(nfft, hop).astype(samples.dtype), axis=-1)
    return np.ascontiguousarray(np.swapaxes(spectra, -1, -2))


def istft(spectra: Spectra, length: int, nfft: int, hop: int) -> Samples:
    """Invert :func:`stft`: ``(..., bins, frames)`` to ``(..., length)`` samples, exact if the spectra are unchanged."""
    frames = spectra.shape[-1]
    pieces = scipy.fft.irfft(np.swapaxes(spectra, -1, -2), nfft, axis=-1)
    pieces *= window(nfft, hop).astype(pieces.dtype)
    overlap = nfft // hop
    out = np.zeros((*spectra.shape[:-2], frames + overlap - 1, hop), pieces.dtype)
    for k in range(overlap):
        out[..., k : k + frames, :] += pieces[..., k * hop : (k + 1) * hop]
    flat = out.reshape(*spectra.shape[:-2], -1)
    return flat[..., nfft - hop : nfft - hop + length]


def nfft_at(rate: int, nfft: int) -> int:
    """Return the power of two that lasts about as long at ``rate`` as ``nfft`` samples at 44.1 kHz; at least 16.

    Examples
    --------
    >>> nfft_at(48000, 4096), nfft_at(22050, 4096)
    (4096, 2048)
    """
    return max(16, 1 << round(math.log2(nfft * rate / 44100)))


def filtered(
    gain: Callable[..., Spectra], sources: Sequence[Recording], start: int, stop: int, nfft: int, hop: int
) -> Samples:
    """Filter an excerpt of a recording frame by frame, consistently with the whole recording.

    Parameters
    ----------
    gain
        Maps the spectra of all sources, each ``(mics, bins, frames)``, to the spectra of the result. A frame of the
        result may depend only on the same frame of the sources.
    sources
        Recordings of equal length.
    start, stop
        The excerpt in samples.
    nfft, hop
        Window length and hop in samples.

    Returns
    -------
    ``(mics, stop - start)``; equal to that part of the whole result up to rounding.
    """
    first = start // hop * hop - nfft  # on the frame grid of the whole recording; incomplete frames are dropped
    pieces = [stft(source.read(first, stop + nfft), nfft, hop) for source in sources]
    return istft(gain(*pieces), stop + nfft - first, nfft, hop)[..., start - first : stop - first]
