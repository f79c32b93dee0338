"""Which microphones are in step: when each file begins, how fast its clock runs, where its delay jumps.

The sound that leaks tells. For two microphones, the cross-spectrum of a short stretch, with each bin weighted by its
coherence (GCC-PHAT; C. Knapp, G. Carter, IEEE Trans. Acoust. Speech Signal Process. 24, 1976), is the product of the
paths of what sounds there and of e^(-iω (θ_i - θ_j)). Stretches of a pair are compared with each other, not with a
model: the peak of the correlation of two of them is how far θ_i - θ_j has moved between them, whatever the paths are,
because the paths stay. All pairs together give θ for each microphone and stretch.

One stretch may be wrong, where another source leads than before. A microphone is therefore only moved if that makes its
cross-spectra agree better over the whole recording, and each jump has to pay for itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from debleed.methods.demix.excerpt import power, spectra
from debleed.recording import Recording
from debleed.soundcheck.alignment import Alignment
from debleed.soundcheck.offsets import constant_lags
from debleed.soundcheck.time_line import Stretch, TimeLine

SECONDS, WINDOW = 2.0, 0.185
"""Seconds of a stretch, and of its STFT windows."""

MOST_STRETCHES = 60
"""Most stretches that are compared, evenly over the recording."""

PARTNERS = 4
"""Most other microphones that a microphone is compared with: those that share most sound with it."""

FASTEST = 300e-6
"""Largest difference of clocks: ten times what quartz allows."""

JUMP = 0.006
"""Seconds that a delay may jump between two stretches."""

WEAK = 1e-5
"""Power relative to a microphone's loudest bin (-50 dB) below which a bin has little weight: there the side lobes of
loud bins are coherent at lag 0."""

CLEAR = 8.0
"""A peak counts if it is this many standard deviations high."""

SAME = 0.35
"""Samples that a lag must move in the recording to be followed. Where nothing moves, it is measured to 0.1 samples."""

FAR = 15
"""Movements beyond so many times SAME count alike when the microphones that keep step are chosen."""

SPLIT, FEWEST = 0.5, 3
"""A line is split in two if the sum of its errors falls below this share, and if each part has so many stretches."""

PAYS = 1.02
"""A time line is believed if it raises the energy of the mean cross-spectra of its microphone by this factor."""

REFINEMENTS = 2
"""Times that the lags are measured again in the recording that is in step as far as they are known."""


@dataclass(frozen=True)
class Pairs:
    """Cross-spectra of pairs of microphones in stretches.

    Parameters
    ----------
    first, second
        Microphones of each pair, ``(pairs,)``.
    starts
        First sample of each stretch.
    cross
        Complex coherence, ``(stretches, pairs, bins)``.
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    starts: NDArray[np.intp]
    cross: NDArray[np.complex64]

    @property
    def window(self) -> int:
        """Length of the STFT window in samples."""
        return 2 * (self.cross.shape[-1] - 1)


def stretch_starts(length: int, rate: int) -> tuple[NDArray[np.intp], int]:
    """Return the first samples of the stretches, and their length."""
    size = min(length, round(SECONDS * rate))
    count = min(MOST_STRETCHES, length // max(1, size))
    return np.linspace(0, length - size, max(1, count)).astype(int), size


def cross_spectra(
    recording: Recording, first: NDArray[np.intp], second: NDArray[np.intp], starts: NDArray[np.intp], size: int
) -> Pairs:
    """Measure the cross-spectra of pairs in stretches of ``size`` samples."""
    nfft = 1 << round(np.log2(WINDOW * recording.rate))
    cross = np.empty((len(starts), len(first), nfft // 2 + 1), np.complex64)
    for k, start in enumerate(starts):
        samples = recording.read(int(start), int(start) + size).astype(np.float32)
        values = spectra(np.diff(samples, axis=1), nfft)  # the difference whitens music coarsely
        own = power(values).sum(axis=-1)
        weight = own / (own + WEAK * own.max(axis=0) + np.finfo(np.float32).tiny)
        level = np.where(own > 0, own, 1)
        for p, (i, j) in enumerate(zip(first, second, strict=True)):
            product = np.sum(values[:, i] * values[:, j].conj(), axis=-1)
            cross[k, p] = weight[:, i] * weight[:, j] * product / np.sqrt(level[:, i] * level[:, j])
    return Pairs(first, second, starts, cross)


def peak(spectrum: NDArray[np.complexfloating], window: int, centre: float, reach: float) -> tuple[float, float]:
    """Return the lag of a correlation's peak near ``centre``, to a fraction of a sample, and how clear it is.

    The clarity is the height over the standard deviation of the whole correlation, from its median size.
    """
    lags = scipy.fft.irfft(spectrum, window)
    noise = np.median(np.abs(lags)) / 0.6745
    near = np.arange(int(np.floor(centre - reach)), int(np.ceil(centre + reach)) + 1)
    at = int(near[np.argmax(lags[near % window])])
    low, high, after = (float(lags[k % window]) for k in (at - 1, at, at + 1))
    curve = low - 2 * high + after
    return at + (0.5 * (low - after) / curve if curve < 0 else 0.0), high / noise if noise > 0 else 0.0


def solved(
    first: NDArray[np.intp],
    second: NDArray[np.intp],
    moved: NDArray[np.float64],
    weight: NDArray[np.float64],
    mics: int,
) -> NDArray[np.float64]:
    """Return θ from differences θ_i - θ_j: least absolute deviations, by reweighting, with the least norm."""
    design = np.zeros((len(first), mics))
    design[np.arange(len(first)), first], design[np.arange(len(first)), second] = 1, -1
    weights = weight.copy()
    theta = np.zeros(mics)
    for _ in range(20):
        theta = np.linalg.lstsq(design * weights[:, None], moved * weights, rcond=1e-9)[0]
        weights = weight / np.sqrt(np.maximum(np.abs(design @ theta - moved), 0.05))
    return theta


def followed(pairs: Pairs, mics: int, rate: int) -> NDArray[np.float64]:
    """Follow the lag of each microphone from stretch to stretch.

    Each stretch is compared with the mean of those before it, aligned by what was found.

    Returns
    -------
    θ, ``(stretches, mics)``, relative to the first stretch; continued where it is unknown.
    """
    count = len(pairs.starts)
    theta = np.zeros((count, mics))
    frequency = 2 * np.pi * np.arange(pairs.cross.shape[-1]) / pairs.window
    template = pairs.cross[0].astype(np.complex128)
    for k in range(1, count):
        gap = pairs.starts[k] - pairs.starts[k - 1]
        reach = JUMP * rate + FASTEST * gap
        expected = predicted(theta[:k], pairs.starts[: k + 1])
        difference = expected[pairs.first] - expected[pairs.second]
        found = [
            peak(pairs.cross[k, p] * template[p].conj(), pairs.window, difference[p], reach)
            for p in range(len(pairs.first))
        ]
        moved, clear = np.array(found).T
        weight = np.where(clear > CLEAR, np.minimum(clear, 100), 0)
        theta[k] = solved(pairs.first, pairs.second, moved, weight, mics)
        unknown = ~heard(pairs, weight, mics)
        theta[k, unknown] = expected[unknown]
        lag = theta[k, pairs.first] - theta[k, pairs.second]
        template += pairs.cross[k] * np.exp(1j * frequency * lag[:, None])
    return theta - np.median(theta, axis=1, keepdims=True)


def heard(pairs: Pairs, weight: NDArray[np.float64], mics: int) -> NDArray[np.bool_]:
    """Return which microphones have a clear peak with another one."""
    found = np.zeros(mics, bool)
    found[pairs.first[weight > 0]] = found[pairs.second[weight > 0]] = True
    return found


def predicted(theta: NDArray[np.float64], starts: NDArray[np.intp]) -> NDArray[np.float64]:
    """Continue θ to the last of ``starts``: the median slope of the recent stretches, from the last value."""
    recent = slice(-8, None)
    if len(theta) < 4:
        return theta[-1]
    times = starts[:-1]
    slopes = np.median(np.diff(theta, axis=0)[recent] / np.diff(times)[recent, None], axis=0)
    expected: NDArray[np.float64] = theta[-1] + slopes * (starts[-1] - times[-1])
    return expected


def time_lines(recording: Recording) -> tuple[TimeLine, ...]:
    """Find the time line of each microphone from the sound that leaks.

    Returns
    -------
    One for each microphone; :attr:`TimeLine.in_step` for those in step, and for those of which nothing can be told.
    """
    mics, rate = len(recording), recording.rate
    if mics < 2 or recording.length < 2 * FEWEST * SECONDS * rate:
        return (TimeLine(),) * mics
    lines = tuple(TimeLine((Stretch(0.0, float(lag)),)) for lag in constant_lags(recording))
    first, second = partners(Alignment.of(lines).aligned(recording))
    if not len(first):
        return lines
    theta, pairs, times = measured(recording, lines, first, second)
    fits = believed(fitted(times, theta), pairs, times)
    lines = tuple(
        TimeLine(tuple(replace(stretch, lag=stretch.lag + line.stretches[0].lag) for stretch in fits[i]))
        if i in fits
        else line
        for i, line in enumerate(lines)
    )
    for _ in range(REFINEMENTS if fits else 0):
        theta, _, times = measured(recording, lines, first, second)
        theta = theta - np.median(theta[:, [i for i in range(mics) if i not in fits] or [0]], axis=1, keepdims=True)
        lines = tuple(refined(line, times, theta[:, i]) if i in fits else line for i, line in enumerate(lines))
    return lines


def measured(
    recording: Recording, lines: tuple[TimeLine, ...], first: NDArray[np.intp], second: NDArray[np.intp]
) -> tuple[NDArray[np.float64], Pairs, NDArray[np.float64]]:
    """Return θ beyond the time lines, ``(stretches, mics)``, what it was measured from, and the times in samples.

    The times are on the common time line of ``lines``, which begins where the recording begins.
    """
    alignment = Alignment.of(lines)
    begins = alignment.lines[0].stretches[0].start - lines[0].stretches[0].start
    now = alignment.aligned(recording)
    starts, size = stretch_starts(now.length, now.rate)
    pairs = cross_spectra(now, first, second, starts, size)
    return followed(pairs, len(recording), now.rate), pairs, starts + size / 2 - begins


def partners(recording: Recording) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Choose the pairs to compare: for each microphone, those that share most sound with it."""
    mics = len(recording)
    first, second = np.triu_indices(mics, 1)
    starts, size = stretch_starts(recording.length, recording.rate)
    pairs = cross_spectra(recording, first, second, starts[:: max(1, len(starts) // 6)], size)
    shared = np.square(np.abs(pairs.cross)).sum(axis=(0, 2))
    between = np.zeros((mics, mics))
    between[first, second] = between[second, first] = shared
    nearest = np.argsort(-between, axis=1)[:, :PARTNERS]
    chosen = [(between[i, j] > 0) and (j in nearest[i] or i in nearest[j]) for i, j in zip(first, second, strict=True)]
    return first[chosen], second[chosen]


def fitted(times: NDArray[np.float64], theta: NDArray[np.float64]) -> dict[int, tuple[Stretch, ...]]:
    """Fit lines to θ, ``(stretches, mics)``, relative to the largest set of microphones that keep step.

    Returns
    -------
    The stretches of each microphone that does not keep step with them.
    """
    mics = theta.shape[1]
    moves = np.array([[movement(theta[:, i] - theta[:, r]) for i in range(mics)] for r in range(mics)])
    best = int(np.argmin(np.minimum(moves, FAR * SAME).sum(axis=1)))
    together = moves[best] < SAME
    reference: NDArray[np.float64] = np.median(theta[:, together], axis=1)
    return {int(i): tuple(split(times, theta[:, i] - reference)) for i in np.flatnonzero(~together)}


def movement(lag: NDArray[np.float64]) -> float:
    """Return how far a lag moves: between the medians of the first and last thirds, or of two neighbouring parts."""
    third = max(1, len(lag) // 3)
    medians = [np.median(lag[k : k + third]) for k in range(0, len(lag) - third + 1, max(1, third // 2))]
    return float(np.ptp(medians))


def split(times: NDArray[np.float64], lag: NDArray[np.float64]) -> list[Stretch]:
    """Fit a line to a lag, or several lines where one does not do."""
    value, slope = line_through(times, lag)
    error = np.abs(lag - value - slope * (times - times[0]))
    best = None
    for k in range(FEWEST, len(lag) - FEWEST + 1):
        parts = [(times[:k], lag[:k]), (times[k:], lag[k:])]
        fits = [line_through(*part) for part in parts]
        errors = [np.abs(y - a - b * (t - t[0])).sum() for (t, y), (a, b) in zip(parts, fits, strict=True)]
        if best is None or sum(errors) < best[0]:
            best = sum(errors), k
    if best is None or best[0] > SPLIT * error.sum() or error.mean() < SAME:
        return [Stretch(float(times[0]), value, slope)]
    k = best[1]
    left, right = split(times[:k], lag[:k]), split(times[k:], lag[k:])
    meet = (times[k - 1] + times[k]) / 2
    right[0] = Stretch(float(meet), right[0].lag + right[0].slope * (meet - times[k]), right[0].slope)
    return left + right


def line_through(times: NDArray[np.float64], lag: NDArray[np.float64]) -> tuple[float, float]:
    """Return the value at the first time and the slope of a line: H. Theil's median of the slopes of all pairs.

    The slope is 0 where it moves the lag by less than :data:`SAME`.
    """
    i, j = np.triu_indices(len(times), 1)
    slope = float(np.median((lag[j] - lag[i]) / (times[j] - times[i]))) if len(i) else 0.0
    if abs(slope) * (times[-1] - times[0]) < SAME or abs(slope) > FASTEST:
        slope = 0.0
    return float(np.median(lag - slope * (times - times[0]))), slope


def believed(
    fits: dict[int, tuple[Stretch, ...]], pairs: Pairs, times: NDArray[np.float64]
) -> dict[int, tuple[Stretch, ...]]:
    """Keep of each fit what makes the cross-spectra agree better: first all of it, less each jump that does not pay."""
    fits = {i: tuple(replace(s, lag=s.lag - fit[0].lag) for s in fit) for i, fit in fits.items()}
    for mic in sorted(fits):
        while len(fits[mic]) > 1:
            simpler = [merged(fits[mic], k, times) for k in range(1, len(fits[mic]))]
            energies = [agreement(pairs, times, {**fits, mic: fit}, mic) for fit in simpler]
            best = int(np.argmax([energy.sum() for energy in energies]))
            if pays(agreement(pairs, times, fits, mic), energies[best]):
                break
            fits[mic] = simpler[best]
    for mic in sorted(fits):
        without = {i: fit for i, fit in fits.items() if i != mic}
        nothing = all(s.slope == 0 and abs(s.lag) < SAME for s in fits[mic])
        if nothing or not pays(agreement(pairs, times, fits, mic), agreement(pairs, times, without, mic)):
            fits = without
    return fits


def pays(after: NDArray[np.float64], before: NDArray[np.float64]) -> bool:
    """Whether most pairs agree better and none agrees clearly less, ``(pairs,)`` each.

    A clock or a link moves all pairs of a microphone. Where another source leads than before, some pairs seem to move.
    """
    ratio = after / np.where(before > 0, before, 1)
    return bool(np.median(ratio) > PAYS and ratio.min() > 1 / PAYS)


def merged(fit: tuple[Stretch, ...], k: int, times: NDArray[np.float64]) -> tuple[Stretch, ...]:
    """Return a fit without the jump before its stretch k: the longer of the two stretches continues."""
    ends = [*(stretch.start for stretch in fit[1:]), float(times[-1])]
    one, other = fit[k - 1], fit[k]
    longer = one if ends[k - 1] - one.start > ends[k] - other.start else other
    joined = replace(longer, start=one.start, lag=longer.lag + longer.slope * (one.start - longer.start))
    whole = (*fit[: k - 1], joined, *fit[k + 1 :])
    return tuple(replace(stretch, lag=stretch.lag - whole[0].lag) for stretch in whole)


def agreement(
    pairs: Pairs, times: NDArray[np.float64], fits: dict[int, tuple[Stretch, ...]], mic: int
) -> NDArray[np.float64]:
    """Return the energy of the mean cross-spectrum of each pair of a microphone, with all moved as in ``fits``."""
    frequency = 2 * np.pi * np.arange(pairs.cross.shape[-1]) / pairs.window
    lags = {i: np.array([TimeLine(fit).lag(t) for t in times]) for i, fit in fits.items()}
    none, energies = np.zeros(len(times)), []
    for p in np.flatnonzero((pairs.first == mic) | (pairs.second == mic)):
        lag = lags.get(int(pairs.first[p]), none) - lags.get(int(pairs.second[p]), none)
        together = np.sum(pairs.cross[:, p] * np.exp(1j * frequency * lag[:, None]), axis=0)
        energies.append(float(np.sum(np.square(np.abs(together)))))
    return np.array(energies)


def refined(line: TimeLine, times: NDArray[np.float64], rest: NDArray[np.float64]) -> TimeLine:
    """Add to each stretch of a time line what was measured beyond it."""
    ends = [*(stretch.start for stretch in line.stretches[1:]), np.inf]
    stretches = []
    for k, (stretch, end) in enumerate(zip(line.stretches, ends, strict=True)):
        inside = (times < end) & (times >= (stretch.start if k else -np.inf))
        if np.sum(inside) < FEWEST:
            stretches.append(stretch)
            continue
        at, more = times[inside], rest[inside]
        slope = 0.0
        if stretch.slope:
            i, j = np.triu_indices(len(at), 1)
            slope = float(np.median((more[j] - more[i]) / (at[j] - at[i])))
        value = float(np.median(more - slope * (at - stretch.start)))
        stretches.append(Stretch(stretch.start, stretch.lag + value, stretch.slope + slope))
    return TimeLine(tuple(stretches))
