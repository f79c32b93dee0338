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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from debleed.methods.demix.broadband import window_length
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

SHORT = 0.046
"""Seconds of the windows in which a jump is placed."""

MOST_JUMPS, SHORTEST = 6, 0.0003
"""Most jumps of all delays together, and the shortest one in seconds."""

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

NEARBY = 3.0
"""Samples that a lag may be wrong before it is refined."""

FAR = 15
"""Movements beyond so many times SAME count alike when the microphones that keep step are chosen."""

SPLIT, FEWEST = 0.5, 3
"""A line is split in two if the sum of its errors falls below this share, and if each part has so many stretches."""

PAYS = 1.02
"""A time line is believed if it raises the energy of the mean cross-spectra of its microphone by this factor."""

COHERENT = 2.0
"""Least energy of the mean cross-spectra over that of unrelated sound."""

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
        return 2 * (int(self.cross.shape[-1]) - 1)

    @property
    def frequency(self) -> NDArray[np.float64]:
        """Angular frequency of the bins in radians per sample."""
        frequency: NDArray[np.float64] = 2 * np.pi * np.arange(self.cross.shape[-1]) / self.window
        return frequency

    def of(self, mic: int) -> NDArray[np.intp]:
        """Return the indices of a microphone's pairs."""
        return np.flatnonzero((self.first == mic) | (self.second == mic))


def stretch_starts(length: int, rate: int) -> tuple[NDArray[np.intp], int]:
    """Return the first samples of the stretches, and their length."""
    size = min(length, round(SECONDS * rate))
    count = min(MOST_STRETCHES, length // max(1, size))
    return np.linspace(0, length - size, max(1, count)).astype(int), size


def cross_spectra(
    recording: Recording, first: NDArray[np.intp], second: NDArray[np.intp], starts: NDArray[np.intp], size: int
) -> Pairs:
    """Measure the cross-spectra of pairs in stretches of ``size`` samples."""
    nfft = window_length(WINDOW, recording.rate)
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
    theta: NDArray[np.float64] = np.zeros(mics)
    for _ in range(20):
        theta = np.asarray(np.linalg.lstsq(design * weights[:, None], moved * weights, rcond=1e-9)[0], np.float64)
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
        template += pairs.cross[k] * np.exp(1j * pairs.frequency * lag[:, None])
    relative: NDArray[np.float64] = theta - np.median(theta, axis=1, keepdims=True)
    return relative


def heard(pairs: Pairs, weight: NDArray[np.float64], mics: int) -> NDArray[np.bool_]:
    """Return which microphones have a clear peak with another one."""
    found = np.zeros(mics, bool)
    found[pairs.first[weight > 0]] = found[pairs.second[weight > 0]] = True
    return found


def predicted(theta: NDArray[np.float64], starts: NDArray[np.intp]) -> NDArray[np.float64]:
    """Continue θ to the last of ``starts``: the median slope of the recent stretches, from the last value."""
    recent, last = slice(-8, None), theta[-1]
    expected: NDArray[np.float64] = last.copy()
    if len(theta) < 4:
        return expected
    times = starts[:-1]
    slopes = np.median(np.diff(theta, axis=0)[recent] / np.diff(times)[recent, None], axis=0)
    expected += slopes * (starts[-1] - times[-1])
    return expected


def alignment_of(recording: Recording) -> Alignment:
    """Find the time line of each microphone that has a source; room microphones are left as they are."""
    with_source = [i for i, source in enumerate(recording.sources) if source is not None]
    lines = dict(zip(with_source, time_lines(recording.select(with_source)), strict=True))
    return Alignment.of([lines.get(i, TimeLine()) for i in range(len(recording))])


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
    moving: set[int] = set()
    pairs, times = measured(recording, lines, first, second)
    for _ in range(REFINEMENTS):
        found = believed(fitted(times, followed(pairs, mics, rate)), pairs, times)
        if not found:
            break
        lines = added(lines, found)
        moving |= set(found)
        pairs, times = measured(recording, lines, first, second)
    jumps = find_jumps(pairs, times, rate)
    lines = added(lines, jumps)
    moving |= set(jumps)
    for mic in [i for i in sorted(moving) if len(lines[i].stretches) > 1]:
        pairs, _ = measured(recording, lines, first, second)
        lines = (*lines[:mic], placed(recording, lines, pairs, mic), *lines[mic + 1 :])
    for _ in range(REFINEMENTS if moving else 0):
        pairs, times = measured(recording, lines, first, second)
        more: dict[int, TimeLine] = {}
        for mic in sorted(moving):
            more[mic] = refined(lines[mic], pairs, times, more, mic)
        lines = added(lines, more)
    return lines


def find_jumps(pairs: Pairs, times: NDArray[np.float64], rate: int) -> dict[int, TimeLine]:
    """Find the microphones whose delay jumps.

    Before and after a jump, all pairs of a microphone differ by the same lag. The mean cross-spectra of the two parts
    are correlated with each other, and the correlations of all pairs are added. The jump after which most energy agrees
    is taken first: the partner that shares most sound with a microphone that jumps seems to jump too, but in one pair.
    """
    found: dict[int, TimeLine] = {}
    for _ in range(MOST_JUMPS):
        best, most = None, 0.0
        for mic in range(int(max(pairs.second)) + 1):
            now = agreement(pairs, times, found, mic)
            for jump in possible_jumps(pairs, times, found, mic, rate):
                line = combined(found.get(mic, TimeLine()), jump)
                after = agreement(pairs, times, {**found, mic: line}, mic)
                gain = float(after.sum() - now.sum())
                if gain > most and pays(after, now) and coherent(pairs, mic, after):
                    best, most = (mic, line), gain
        if best is None:
            break
        found[best[0]] = best[1]
    return found


def possible_jumps(
    pairs: Pairs, times: NDArray[np.float64], found: dict[int, TimeLine], mic: int, rate: int
) -> list[TimeLine]:
    """Return the jump that the pairs of a microphone suggest between any two stretches, if there is one."""
    mine = pairs.of(mic)
    if not len(mine):
        return []
    cross = np.stack([moved_together(pairs, times, found, int(p)) for p in mine])
    cross = np.where((pairs.first[mine] == mic)[:, None, None], cross, cross.conj())
    until = np.cumsum(cross, axis=1)
    jumps = []
    for k in range(FEWEST, len(times) - FEWEST + 1):
        change = (until[:, -1] - until[:, k - 1]) * until[:, k - 1].conj()
        change /= np.linalg.norm(change, axis=-1, keepdims=True) + np.finfo(float).tiny
        lag, _ = peak(change.sum(axis=0), pairs.window, 0.0, JUMP * rate)
        if abs(lag) > SHORTEST * rate:
            jumps.append(TimeLine((Stretch(0.0, 0.0), Stretch(float(times[k - 1] + times[k]) / 2, lag))))
    return jumps


def placed(recording: Recording, lines: tuple[TimeLine, ...], pairs: Pairs, mic: int) -> TimeLine:
    """Place each jump of a microphone's time line more exactly, by short windows.

    Around the jump, the microphone is read with the delay before it and with the delay after it. Each short window
    agrees better with the mean cross-spectra of the whole recording in one of the two readings.

    Parameters
    ----------
    recording
        The files as they are.
    lines
        All time lines.
    pairs
        What is measured with them compensated.
    mic
        The microphone.
    """
    line, rate = lines[mic], recording.rate
    mine = pairs.of(mic)
    nfft = window_length(SHORT, rate)
    reach = round(SECONDS * rate)
    partners_of = [int(pairs.second[p] if pairs.first[p] == mic else pairs.first[p]) for p in mine]
    means = [pairs.cross[:, p].sum(axis=0) for p in mine]
    means = [mean if pairs.first[p] == mic else mean.conj() for mean, p in zip(means, mine, strict=True)]
    templates = np.stack([shortened(mean, nfft) for mean in means])
    for k in range(1, len(line.stretches)):
        middle = round(line.stretches[k].start)
        scores = []
        for one in line.stretches[k - 1 : k + 1]:
            tried = tuple(TimeLine((one,)) if i == mic else other for i, other in enumerate(lines))
            rows = [mic, *partners_of]
            heard_now = Alignment(tuple(tried[i] for i in rows)).aligned(recording.select(rows))
            samples = heard_now.read(middle - reach, middle + reach).astype(np.float32)
            values = spectra(np.diff(samples, axis=1), nfft)
            cross = values[:, :1] * values[:, 1:].conj()
            cross /= np.sqrt(power(values[:, :1]) * power(values[:, 1:])) + np.finfo(np.float32).tiny
            scores.append(np.einsum("fpt,pf->t", cross, templates.conj()).real)
        gain = np.cumsum(np.r_[0, scores[0] - scores[1]])  # of ending the first stretch before window n
        start = middle - reach + int(np.argmax(gain)) * nfft // 2 - nfft // 4
        before, after = line.stretches[k - 1 : k + 1]
        lag = after.lag + after.slope * (start - after.start)
        if start > before.start:
            after = Stretch(float(start), lag, after.slope)
        line = TimeLine((*line.stretches[:k], after, *line.stretches[k + 1 :]))
    return line


def shortened(spectrum: NDArray[np.complexfloating], nfft: int) -> NDArray[np.complexfloating]:
    """Return a cross-spectrum on the bins of a shorter window, with the lags that fit into it."""
    lags = scipy.fft.irfft(spectrum)
    short: NDArray[np.complexfloating] = scipy.fft.rfft(np.r_[lags[: nfft // 2], lags[-nfft // 2 :]])
    whitened: NDArray[np.complexfloating] = short / (np.abs(short) + np.finfo(np.float32).tiny)
    return whitened


def combined(line: TimeLine, more: TimeLine) -> TimeLine:
    """Return a time line with the lags of another one added."""
    starts = sorted({stretch.start for stretch in (*line.stretches, *more.stretches)})
    return TimeLine(tuple(Stretch(t, line.lag(t) + more.lag(t), line.slope(t) + more.slope(t)) for t in starts))


def added(lines: tuple[TimeLine, ...], more: Mapping[int, TimeLine]) -> tuple[TimeLine, ...]:
    """Return all time lines, with more added to those of some microphones."""
    return tuple(combined(line, more[i]) if i in more else line for i, line in enumerate(lines))


def measured(
    recording: Recording, lines: tuple[TimeLine, ...], first: NDArray[np.intp], second: NDArray[np.intp]
) -> tuple[Pairs, NDArray[np.float64]]:
    """Measure cross-spectra with the time lines compensated; also return the middle of each stretch in samples.

    The times are on the common time line of ``lines``, which begins where the recording begins.
    """
    alignment = Alignment.of(lines)
    begins = alignment.lines[0].stretches[0].start - lines[0].stretches[0].start
    now = alignment.aligned(recording)
    starts, size = stretch_starts(now.length, now.rate)
    pairs = cross_spectra(now, first, second, starts, size)
    times: NDArray[np.float64] = np.asarray(starts, np.float64) + size / 2 - begins
    return pairs, times


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


def fitted(times: NDArray[np.float64], theta: NDArray[np.float64]) -> dict[int, TimeLine]:
    """Fit lines to θ, ``(stretches, mics)``, relative to the largest set of microphones that keep step.

    Returns
    -------
    The time line of each microphone that does not keep step with them.
    """
    mics = theta.shape[1]
    moves = np.array([[movement(theta[:, i] - theta[:, r]) for i in range(mics)] for r in range(mics)])
    best = int(np.argmin(np.minimum(moves, FAR * SAME).sum(axis=1)))
    together = moves[best] < SAME
    reference: NDArray[np.float64] = np.median(theta[:, together], axis=1)
    return {int(i): from_zero(split(times, theta[:, i] - reference)) for i in np.flatnonzero(~together)}


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


def merged(line: TimeLine, k: int, times: NDArray[np.float64]) -> TimeLine:
    """Return a time line without the bend before its stretch k: the longer of the two stretches continues."""
    stretches = line.stretches
    ends = [*(stretch.start for stretch in stretches[1:]), float(times[-1])]
    one, other = stretches[k - 1], stretches[k]
    longer = one if ends[k - 1] - one.start > ends[k] - other.start else other
    joined = replace(longer, start=one.start, lag=longer.lag + longer.slope * (one.start - longer.start))
    return from_zero((*stretches[: k - 1], joined, *stretches[k + 1 :]))


def from_zero(stretches: Sequence[Stretch]) -> TimeLine:
    """Return a time line that begins with lag 0: a constant lag cannot be told from the way that sound travels."""
    first = stretches[0].lag - stretches[0].slope * stretches[0].start
    moved = [replace(stretch, lag=stretch.lag - first) for stretch in stretches]
    return TimeLine((Stretch(0.0, 0.0, moved[0].slope), *moved[1:]))


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
