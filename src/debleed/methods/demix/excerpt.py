"""The excerpt of bounded length that blind methods learn from, and its STFT."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from debleed.dsp.parallel import in_parallel
from debleed.recording import Recording, Samples

Bins = NDArray[np.complex64]
"""STFT with bins first, ``(bins, mics, frames)``."""

Powers = NDArray[np.float32]
"""Squared magnitudes of the same shape."""

MOST_VALUES = 24_000_000
"""Most samples in an excerpt, over all microphones: about 1.5 GB of memory including temporary arrays."""

SILENCE = 1e-9
"""A microphone that peaks 180 dB below the loudest one is silent: plug-ins add noise at this level to avoid
denormals."""

PIECES = 4
"""Number of pieces in an excerpt, spread evenly over the recording."""


def sounding_excerpt(recording: Recording, seconds: float) -> tuple[NDArray[np.intp], NDArray[np.float32], np.float32]:
    """Read an excerpt of at most ``seconds``, without silent microphones.

    Returns
    -------
    sounding
        Indices of the microphones that are not silent.
    samples
        ``(sounding, samples)``, scaled to an RMS of 1 over all microphones, including silent ones.
    level
        The RMS that they were divided by.
    """
    count = min(round(seconds * recording.rate), MOST_VALUES // max(1, len(recording)))
    samples = excerpt(recording, count)
    peak = np.max(np.abs(samples), axis=-1, initial=0)
    sounding = np.flatnonzero(peak > SILENCE * peak.max(initial=0))
    level = np.float32(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) or np.float32(1)
    return sounding, (samples[sounding] / level).astype(np.float32), level


def excerpt(recording: Recording, count: int) -> Samples:
    """Read at most ``count`` samples: the whole recording, or evenly spread pieces with fades that avoid clicks."""
    if recording.length <= count:
        return recording.read()
    size = count // PIECES
    starts = np.linspace(0, recording.length - size, PIECES).astype(int)
    fade = np.minimum(1, np.arange(1, size + 1) / (0.01 * recording.rate)).astype(np.float32)
    return np.concatenate([recording.read(s, s + size) * fade * fade[::-1] for s in starts], axis=-1)


def spectra(samples: NDArray[np.float32], nfft: int) -> Bins:
    """Return an STFT for statistics only: square-root Hann windows, half overlapping, bins first.

    No frame reaches beyond the samples. Where these are cut off, all microphones would end in a click, which they share
    at lag 0; where nothing else sounds (above 8 kHz in speech) it would be taken for bleed. Only samples shorter than a
    frame are padded.
    """
    window = np.sin(np.pi * (np.arange(nfft) + 0.5) / nfft).astype(np.float32)
    if samples.shape[1] < nfft:
        samples = np.pad(samples, ((0, 0), (0, nfft - samples.shape[1])))
    framed = np.lib.stride_tricks.sliding_window_view(samples, nfft, axis=1)[:, :: nfft // 2]
    out = np.empty((nfft // 2 + 1, *framed.shape[:2]), np.complex64)

    def transform(mic: int) -> None:
        out[:, mic] = scipy.fft.rfft(framed[mic] * window, axis=-1).T

    in_parallel(transform, range(len(samples)))
    return out


def power(values: Bins) -> Powers:
    """Return squared magnitudes."""
    return np.square(values.real) + np.square(values.imag)
