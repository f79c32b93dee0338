"""Whether time lines make the cross-spectra of the stretches agree better, and which ones do so best.

One stretch may be wrong, where another source leads than before. A microphone is therefore only moved if that makes its
cross-spectra agree better over the whole recording.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from debleed.soundcheck.cross_spectra import Pairs
from debleed.soundcheck.lines import SAME, merged
from debleed.soundcheck.time_line import Stretch, TimeLine

PAYS = 1.02
"""A time line is believed if it raises the energy of the mean cross-spectra of its microphone by this factor."""

COHERENT = 2.0
"""Least energy of the mean cross-spectra over that of unrelated sound."""

NEARBY = 3.0
"""Samples that a lag may be wrong before it is refined."""

ROUGH, STEP = 12.0, 0.25
"""Samples that the lag at the end of a line that was fitted to single stretches may be wrong, and how finely it is
sought."""


def agreement(pairs: Pairs, times: NDArray[np.float64], lines: Mapping[int, TimeLine], mic: int) -> NDArray[np.float64]:
    """Return the energy of the mean cross-spectrum of each pair of a microphone, with the time lines compensated."""
    mine = pairs.of(mic)
    means = [moved_together(pairs, times, lines, int(p)).sum(axis=0) for p in mine]
    return np.array([np.sum(np.square(np.abs(mean))) for mean in means])


def moved_together(
    pairs: Pairs, times: NDArray[np.float64], lines: Mapping[int, TimeLine], pair: int
) -> NDArray[np.complexfloating]:
    """Return the cross-spectra of a pair with the time lines of its microphones compensated, ``(stretches, bins)``."""
    one, other = (lines.get(int(k[pair]), TimeLine()) for k in (pairs.first, pairs.second))
    lag = np.array([one.lag(t) - other.lag(t) for t in times])
    moved: NDArray[np.complexfloating] = pairs.cross[:, pair] * np.exp(1j * pairs.frequency * lag[:, None])
    return moved


def pays(after: NDArray[np.float64], before: NDArray[np.float64]) -> bool:
    """Whether most pairs agree better and none agrees clearly less, ``(pairs,)`` each.

    A clock or a link moves all pairs of a microphone. Where another source leads than before, some pairs seem to move.
    """
    ratio = after / np.where(before > 0, before, 1)
    return bool(np.median(ratio) > PAYS and ratio.min() > 1 / PAYS)


def coherent(pairs: Pairs, mic: int, energy: NDArray[np.float64]) -> bool:
    """Whether the mean cross-spectra of a microphone hold more than unrelated sound would leave in them.

    Unrelated sound adds up in power, common sound in amplitude. ``energy`` is as from :func:`agreement`.
    """
    return bool(energy.sum() > COHERENT * np.sum(np.square(np.abs(pairs.cross[:, pairs.of(mic)]))))


def common_share(
    pairs: Pairs, times: NDArray[np.float64], lines: Mapping[int, TimeLine], mic: int, part: slice
) -> float:
    """Return which share of a microphone's cross-spectra is common to some stretches: 0 for unrelated sound, at most 1.

    It is (c - 1) / (n - 1), with c the energy of the sum of n stretches over the sum of their energies.
    """
    moved = np.stack([moved_together(pairs, times, lines, int(p))[part] for p in pairs.of(mic)], axis=1)
    together = np.sum(np.square(np.abs(moved.sum(axis=0)))) / max(
        np.sum(np.square(np.abs(moved))), np.finfo(float).tiny
    )
    return float((together - 1) / max(len(moved) - 1, 1))


def sharpened(fits: dict[int, TimeLine], pairs: Pairs, times: NDArray[np.float64]) -> dict[int, TimeLine]:
    """Return the fits with the slopes nearby at which the cross-spectra agree best.

    A line through the lags of single stretches is rough: where a source plays now and then it may be wrong by samples,
    and then the cross-spectra agree too little for it to be believed.
    """
    sharp = dict(fits)
    for mic in sorted(fits):
        ends = [*(stretch.start for stretch in fits[mic].stretches[1:]), float(times[-1])]
        for k in [k for k, stretch in enumerate(fits[mic].stretches) if stretch.slope and ends[k] > stretch.start]:
            lines = [turned(sharp[mic], k, ends[k], lag) for lag in np.arange(-ROUGH, ROUGH + STEP, STEP)]
            sharp[mic] = max(lines, key=lambda line: float(agreement(pairs, times, {**sharp, mic: line}, mic).sum()))
    return sharp


def turned(line: TimeLine, k: int, end: float, lag: float) -> TimeLine:
    """Return a time line whose stretch k adds so much to the lag by its end, and what follows keeps it."""
    stretch = line.stretches[k]
    here = replace(stretch, slope=stretch.slope + lag / (end - stretch.start))
    later = [replace(after, lag=after.lag + lag) for after in line.stretches[k + 1 :]]
    return TimeLine((*line.stretches[:k], here, *later))


def believed(fits: dict[int, TimeLine], pairs: Pairs, times: NDArray[np.float64]) -> dict[int, TimeLine]:
    """Keep of each fit what makes the cross-spectra agree better: all of it, less each bend that does not pay."""
    for mic in sorted(fits):
        while len(fits[mic].stretches) > 1:
            simpler = [merged(fits[mic], k, times) for k in range(1, len(fits[mic].stretches))]
            energies = [agreement(pairs, times, {**fits, mic: fit}, mic) for fit in simpler]
            best = int(np.argmax([energy.sum() for energy in energies]))
            if pays(agreement(pairs, times, fits, mic), energies[best]):
                break
            fits = {**fits, mic: simpler[best]}
    doubted = True
    while doubted:  # what was believed beside a fit that is then given up has to pay without it
        doubted = False
        for mic in sorted(fits):
            without = {i: fit for i, fit in fits.items() if i != mic}
            nothing = all(s.slope == 0 and abs(s.lag) < SAME for s in fits[mic].stretches)
            after, now = (agreement(pairs, times, some, mic) for some in (fits, without))
            if nothing or not pays(after, now) or not coherent(pairs, mic, after):
                fits, doubted = without, True
    return fits


def refined(
    line: TimeLine, pairs: Pairs, times: NDArray[np.float64], lines: Mapping[int, TimeLine], mic: int
) -> TimeLine:
    """Return what to add to a microphone's time line so that its cross-spectra agree best.

    One by one, the slope of each stretch and the height of each jump are sought near zero.

    Parameters
    ----------
    line
        The time line, which gives the bends.
    pairs, times
        What is measured with the time lines compensated.
    lines
        What is added to the other time lines.
    mic
        The microphone.
    """
    starts = [stretch.start for stretch in line.stretches]
    lags, slopes = np.zeros(len(starts)), np.zeros(len(starts))
    ends = [*starts[1:], float(times[-1])]

    def addition() -> TimeLine:
        return TimeLine(tuple(Stretch(*values) for values in zip(starts, lags, slopes, strict=True)))

    def seek(values: NDArray[np.float64], k: int, reach: float) -> None:
        def loss(value: float) -> float:
            values[k] = value
            return -float(agreement(pairs, times, {**lines, mic: addition()}, mic).sum())

        values[k] = minimize_scalar(loss, bounds=(-reach, reach), method="bounded", options={"xatol": reach / 500}).x

    for k, stretch in enumerate(line.stretches):
        if k:
            seek(lags, k, NEARBY)
        if stretch.slope and ends[k] > starts[k]:
            seek(slopes, k, NEARBY / (ends[k] - starts[k]))
    return addition()
