"""Moments that answer the bleed matrix: when a source is heard in a microphone whose own source rests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from debleed.decibels import decibels
from debleed.web.peaks import ZOOMS, load

STEP = 0.1
"""Seconds of a cell."""

ZOOM = 1
"""The zoom level of the waveforms that is looked at: 43 ms at 48 kHz."""

SECONDS = 3.0
"""Length of a moment."""

SOUNDS = 0.1
"""A source is heard where its power is more than this share of its mean (-10 dB)."""

OTHERS = 0.1
"""Weight of a third source against the microphone's own, which is the one that has to rest."""

HAIR = 1e-4
"""Power relative to the mean (-40 dB) under which one rest is as good as another."""

Powers = NDArray[np.float64]
"""``(mics, cells)``: power in cells of :data:`STEP` seconds, relative to the mean of each microphone."""


def powers(folder: Path, parts: Sequence[tuple[str, int]], rate: int, count: int) -> Powers:
    """Read the course of the power from waveforms, those of parts that follow one another as one.

    Parameters
    ----------
    folder
        The folder of the waveforms.
    parts
        Name and first sample of each part.
    rate
        Its sampling rate in Hz.
    count
        Number of cells; those after its end are silent.
    """
    squares, times = [], []
    for name, start in parts:
        squares.append(np.square(np.abs(load(folder, name, ZOOM).astype(np.float64)).max(axis=2)))
        times.append((start + (np.arange(squares[-1].shape[1]) + 0.5) * ZOOMS[ZOOM]) / rate)
    square, time = np.concatenate(squares, axis=1), np.concatenate(times)
    cells = np.minimum((time / STEP).astype(int), count - 1)
    each = np.maximum(1, np.bincount(cells, minlength=count))
    mean = square.mean(axis=1)
    mean[mean == 0] = 1
    return np.stack([np.bincount(cells, row, count) / each for row in square / mean[:, None]])


def moments(own: Powers, sources: Sequence[str | None]) -> list[dict[str, list[float]]]:
    """Find for each microphone and each other source when that source sounds and the microphone's own rests.

    Parameters
    ----------
    own
        The power of each microphone's own sound: after cleaning, or before, when it is not known better.
    sources
        The source of each microphone.

    Returns
    -------
    For each microphone, source → beginning and end in seconds, and the level in dB, relative to its mean, at which the
    microphone's own source is heard there. Sources that never sound are missing, and so are room microphones' moments.
    """
    width = max(1, min(round(SECONDS / STEP), own.shape[1]))
    sums = np.cumsum(np.pad(own, ((0, 0), (1, 0))), axis=1)
    heard = (sums[:, width:] - sums[:, :-width]) / width  # (mics, starts)
    names = list(dict.fromkeys(source for source in sources if source is not None))
    of = {name: heard[[k for k, source in enumerate(sources) if source == name]].max(axis=0) for name in names}
    total = sum(of.values(), np.zeros(heard.shape[1]))
    found = []
    for source in sources:
        row: dict[str, list[float]] = {}
        for name in names if source is not None else ():
            if name == source or not (of[name] > SOUNDS).any():
                continue
            rest = of[str(source)]
            score = of[name] / (rest + OTHERS * (total - of[name] - rest) + HAIR)
            score[of[name] <= SOUNDS] = 0
            k = int(np.argmax(score))
            level = float(decibels(max(float(rest[k]), HAIR)))
            row[name] = [round(k * STEP, 2), round((k + width) * STEP, 2), round(level, 1)]
        found.append(row)
    return found
