"""What blind methods listen to: an excerpt of bounded length, and its short-time spectra."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from debleed.dsp.parallel import in_parallel
from debleed.recording import Recording, Samples

Bins = NDArray[np.complex64]
"""Short-time spectra with bins first, ``(bins, mics, frames)``."""

Powers = NDArray[np.float32]
"""Squared magnitudes of the same shape."""

VALUES = 24_000_000
"""Most samples, over all microphones, that are listened to at once: about 1.5 GB of memory with all temporaries."""

SILENCE = 1e-9
"""What peaks 180 dB below the loudest microphone is silence: the noise by which plug-ins guard against denormals."""

PIECES = 4
"""An excerpt is taken in so many pieces, spread over the recording."""


def sounding_excerpt(recording: Recording, seconds: float) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Read at most ``seconds`` of the microphones that sound.

    Returns
    -------
    sounding
        Indices of the microphones that are not silent.
    heard
        ``(sounding, samples)``, scaled to RMS 1 over all microphones, the silent ones counted.
    """
    count = min(round(seconds * recording.rate), VALUES // max(1, len(recording)))
    heard = excerpt(recording, count)
    peak = np.max(np.abs(heard), axis=-1, initial=0)
    sounding = np.flatnonzero(peak > SILENCE * peak.max(initial=0))
    level = np.sqrt(np.mean(np.square(heard, dtype=np.float64)))
    return sounding, (heard[sounding] / (level or 1)).astype(np.float32)


def excerpt(recording: Recording, count: int) -> Samples:
    """Read at most ``count`` samples: the whole, or pieces spread evenly, faded so that the joints do not click."""
    if recording.length <= count:
        return recording.read()
    size = count // PIECES
    starts = np.linspace(0, recording.length - size, PIECES).astype(int)
    fade = np.minimum(1, np.arange(1, size + 1) / (0.01 * recording.rate)).astype(np.float32)
    return np.concatenate([recording.read(s, s + size) * fade * fade[::-1] for s in starts], axis=-1)


def spectra(samples: NDArray[np.float32], nfft: int) -> Bins:
    """Short-time spectra for statistics alone: square-root Hann window, half overlapping, bins first."""
    window = np.sin(np.pi * (np.arange(nfft) + 0.5) / nfft).astype(np.float32)
    frames = samples.shape[1] // (nfft // 2) + 2
    out = np.empty((nfft // 2 + 1, len(samples), frames), np.complex64)

    def transform(mic: int) -> None:
        padded = np.zeros((frames + 1) * (nfft // 2), np.float32)
        padded[nfft // 2 : nfft // 2 + samples.shape[1]] = samples[mic]
        framed = np.lib.stride_tricks.sliding_window_view(padded, nfft)[:: nfft // 2]
        out[:, mic] = scipy.fft.rfft(framed * window, axis=-1).T

    in_parallel(transform, range(len(samples)))
    return out


def power(values: Bins) -> Powers:
    """Squared magnitude."""
    return np.square(values.real) + np.square(values.imag)
