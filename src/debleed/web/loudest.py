"""The part of a session in which most microphones are loud: what a preview is made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from debleed.web.moments import STEP, powers
from debleed.web.roles import Json

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
    longest = max(file["frames"] / file["rate"] for file in meta["files"])
    if longest <= seconds:
        return 0.0, longest
    count = int(np.ceil(longest / STEP))
    courses = [powers(place / "peaks", str(file["id"]), file["rate"], count).sum(axis=0) for file in meta["files"]]
    total = np.sum(courses, axis=0)
    width = round(seconds / STEP)
    sums = np.cumsum(np.concatenate([[0.0], total]))
    start = STEP * int(np.argmax(sums[width:] - sums[:-width]))
    start = round(max(0.0, min(start, longest - seconds)), 2)
    return start, start + seconds
