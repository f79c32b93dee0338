"""Waveforms as shapes of SVG, which follow the colours of a page."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from debleed.recording import Samples

COLUMNS = 400
"""Number of steps of a waveform from left to right."""

HALF = 100
"""Units from the middle to the highest peak."""


def peaks(samples: Samples, columns: int = COLUMNS) -> NDArray[np.float64]:
    """Return the highest and lowest sample in each column.

    Parameters
    ----------
    samples
        ``(samples,)``, one microphone.
    columns
        Their number; fewer if there are fewer samples.

    Returns
    -------
    ``(2, columns)``: highest, lowest.
    """
    edges = np.linspace(0, len(samples), min(columns, len(samples)), endpoint=False).astype(int)
    return np.stack([edge.reduceat(samples, edges) for edge in (np.maximum, np.minimum)]).astype(np.float64)


def outline(found: NDArray[np.float64], loudest: float) -> str:
    """Return the path of a waveform, ``HALF`` units high above and below the middle for a peak of ``loudest``.

    Parameters
    ----------
    found
        The result of :func:`peaks`.
    """
    high, low = np.rint(-found / (loudest if loudest > 0 else 1.0) * HALF).astype(int)
    high, low = np.minimum(high, -1), np.maximum(low, 1)  # silence is a line
    there = [f"{x} {y}" for x, y in enumerate(high.tolist())]
    back = [f"{x} {y}" for x, y in reversed(list(enumerate(low.tolist())))]
    return f"M{'L'.join(there + back)}Z"


def svg(layers: dict[str, Samples], label: str) -> str:
    """Draw waveforms on one scale, one behind the other; each is a path whose class is its name.

    Parameters
    ----------
    layers
        Name → ``(samples,)``, all of one length.
    label
        What the picture shows, in words.
    """
    found = {name: peaks(samples) for name, samples in layers.items()}
    loudest = max((float(np.abs(peak).max(initial=0.0)) for peak in found.values()), default=0.0)
    width = max((peak.shape[1] for peak in found.values()), default=1)
    paths = "".join(f"<path class='{name}' d='{outline(peak, loudest)}'/>" for name, peak in found.items())
    box = f"0 {-HALF} {max(1, width - 1)} {2 * HALF}"
    return f"<svg class='wave' role='img' aria-label='{label}' viewBox='{box}' preserveAspectRatio='none'>{paths}</svg>"
