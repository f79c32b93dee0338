"""Spectrograms as small PNG files."""

from __future__ import annotations

import io
import math

import numpy as np
from numpy.typing import NDArray

from debleed.decibels import decibels
from debleed.dsp.stft import frame_count, stft
from debleed.recording import Samples

ROWS = 160
"""Height of a spectrogram in pixels."""
SHADES = 64
"""Number of colours of a spectrogram; more would only make the file larger."""
LOWEST, HIGHEST = 50.0, 16000.0
"""Ends of the frequency axis in Hz."""
RANGE_DB = 75.0
"""Range in dB from the darkest to the brightest colour."""

# Nine points of the colour map viridis (CC0, Smith and van der Walt 2015): even steps look even, in grey as well.
VIRIDIS = np.array(
    [
        (68, 1, 84), (72, 40, 120), (62, 73, 137), (49, 104, 142), (38, 130, 142),
        (31, 158, 137), (53, 183, 121), (110, 206, 88), (253, 231, 37),
    ]
)  # fmt: skip


def spectrogram(samples: Samples, rate: int) -> NDArray[np.float64]:
    """Power on a logarithmic frequency axis.

    Parameters
    ----------
    samples
        ``(samples,)``, one microphone.

    Returns
    -------
    ``(ROWS, columns)`` in dB, lowest frequency first; a column is about 46 ms.
    """
    nfft = _nfft(rate)
    power = np.abs(stft(samples, nfft, nfft // 2)) ** 2
    below = np.cumsum(np.pad(power, ((1, 0), (0, 0))), axis=0, dtype=np.float64)  # power below each bin's lower edge
    edges = np.geomspace(LOWEST, highest(rate), ROWS + 1) * nfft / rate + 0.5
    whole = edges.astype(int)
    total = below[whole] + (edges - whole)[:, None] * (below[whole + 1] - below[whole])
    return decibels(np.maximum(np.diff(total, axis=0), 0) / np.diff(edges)[:, None])


def columns(length: int, rate: int) -> int:
    """Width in pixels of the spectrogram of ``length`` samples."""
    return frame_count(length, _nfft(rate), _nfft(rate) // 2)


def _nfft(rate: int) -> int:
    """Window of about 93 ms: short enough for drums, long enough for a bass."""
    return 1 << round(math.log2(0.093 * rate))


def highest(rate: int) -> float:
    """Return the upper end of the frequency axis in Hz."""
    return min(HIGHEST, 0.48 * rate)


def height_of(frequency: float, rate: int) -> float:
    """Position of a frequency on the axis, from 0 at the bottom to 1 at the top."""
    return float(np.log(frequency / LOWEST) / np.log(highest(rate) / LOWEST))


def shades(decibel: NDArray[np.float64], brightest: float) -> NDArray[np.uint8]:
    """Convert dB to indices of the palette; ``brightest`` dB and above give the last one."""
    scaled = (decibel - brightest) / RANGE_DB + 1
    return np.clip(np.nan_to_num(scaled, neginf=0) * SHADES, 0, SHADES - 1).astype(np.uint8)


def palette() -> NDArray[np.uint8]:
    """Return the colours of the shades, ``(SHADES, 3)``, red, green and blue."""
    at = np.linspace(0, len(VIRIDIS) - 1, SHADES)
    channels = [np.interp(at, np.arange(len(VIRIDIS)), channel) for channel in VIRIDIS.T]
    return np.stack(channels, axis=1).round().astype(np.uint8)


def png(picture: NDArray[np.uint8]) -> bytes:
    """Encode shades of shape ``(rows, columns)``, bottom row first, as a PNG with the palette viridis."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(picture[::-1]), "P")
    image.putpalette(palette().tobytes())
    held = io.BytesIO()
    image.save(held, "PNG", optimize=True)
    return held.getvalue()
