"""The part of a session in which most microphones are loud: what a preview is made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from debleed.web.layouts import Json, length, rate, starts
from debleed.web.peaks import ZOOMS, load

PREVIEW = 10
"""Length of a preview in seconds."""

STEP = 0.1
"""Seconds by which the part may be moved."""

ZOOM = 1
"""The zoom level of the waveforms that is looked at: 43 ms at 48 kHz."""


def loudest(meta: Json, place: Path, seconds: float = PREVIEW) -> tuple[float, float]:
    """Find the ``seconds`` of a session in which its microphones are loudest, each relative to its own level.

    Parameters
    ----------
    meta, place
        The session and its folder, which holds the waveforms of its files.
    seconds
        Length of the part.

    Returns
    -------
    Beginning and end in seconds; the whole session if it is shorter.
    """
    longest = length(meta) / rate(meta)
    begins = starts(meta)
    if longest <= seconds:
        return 0.0, longest
    total = np.zeros(int(np.ceil(longest / STEP)))
    for file in meta["files"]:
        found = load(place / "peaks", str(file["id"]), ZOOM)
        power = np.square(np.abs(found.astype(np.float64)).max(axis=2))  # (channels, intervals)
        times = (begins[file["id"]] + (np.arange(power.shape[1]) + 0.5) * ZOOMS[ZOOM]) / file["rate"]
        cells = np.minimum((times / STEP).astype(int), len(total) - 1)
        for row in power:
            if (mean := row.mean()) > 0:
                count = np.maximum(1, np.bincount(cells, minlength=len(total)))
                total += np.bincount(cells, row / mean, len(total)) / count
    width = round(seconds / STEP)
    sums = np.cumsum(np.concatenate([[0.0], total]))
    start = STEP * int(np.argmax(sums[width:] - sums[:-width]))
    start = round(max(0.0, min(start, longest - seconds)), 2)
    return start, start + seconds
