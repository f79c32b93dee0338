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
    """Read an excerpt of at most ``seconds``, without silent microphones, the quietest first.

    What follows depends on the order a little, so it may not be the order of the files.

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
    powers = np.mean(np.square(samples, dtype=np.float64), axis=-1)
    order = np.argsort(powers, kind="stable")
    peak = np.max(np.abs(samples), axis=-1, initial=0)[order]
    sounding = order[peak > SILENCE * peak.max(initial=0)]
    level = np.float32(np.sqrt(np.mean(powers[order]))) or np.float32(1)
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
    """Return an STFT for statistics only: square-root Hann windows, half overlapping, bins first."""
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
    """Return squared magnitudes."""
    return np.square(values.real) + np.square(values.imag)
