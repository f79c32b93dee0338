"""The part of a session in which most microphones are loud: what a preview is made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from debleed.web.layouts import Json, length, rate, starts, wholes
from debleed.web.moments import STEP, Powers, powers

PREVIEW = 10
"""Length of a preview in seconds."""


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
    if longest <= seconds:
        return 0.0, longest
    total = course(meta, place).sum(axis=0)
    width = round(seconds / STEP)
    sums = np.cumsum(np.concatenate([[0.0], total]))
    start = STEP * int(np.argmax(sums[width:] - sums[:-width]))
    start = round(max(0.0, min(start, longest - seconds)), 2)
    return start, start + seconds


def course(meta: Json, place: Path) -> Powers:
    """Return the course of the power of each microphone of a session, from the waveforms of its files."""
    count, begins = int(np.ceil(length(meta) / rate(meta) / STEP)), starts(meta)
    rows = []
    for whole in wholes(meta):
        parts = [(number, begins[int(number)]) for number in str(whole["id"]).split("-")]
        rows.append(powers(place / "peaks", parts, whole["rate"], count))
    return np.concatenate(rows)
