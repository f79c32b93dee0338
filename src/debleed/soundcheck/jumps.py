"""Find where delays jump, and place the jumps. Each jump has to pay for itself."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from debleed.methods.demix.broadband import window_length
from debleed.methods.demix.excerpt import power, spectra
from debleed.recording import Recording
from debleed.soundcheck.agreement import agreement, coherent, common_share, moved_together, pays
from debleed.soundcheck.alignment import Alignment
from debleed.soundcheck.cross_spectra import SECONDS, Pairs, peak
from debleed.soundcheck.following import JUMP
from debleed.soundcheck.lines import FEWEST
from debleed.soundcheck.time_line import Stretch, TimeLine, combined

SHORT = 0.046
"""Seconds of the windows in which a jump is placed."""

MOST_JUMPS, SHORTEST = 6, 0.0003
"""Most jumps of all delays together, and the shortest one in seconds."""

STAYS = 0.1
"""A delay jumps from one value to another: before and after, more than this share of the cross-spectra is common to all
stretches. Measured: 0.4 on either side of a link that jumps; on one side at most 0.05 where a singer walks."""


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
                if (
                    gain > most
                    and pays(after, now)
                    and coherent(pairs, mic, after)
                    and stays(pairs, times, found, mic, jump)
                ):
                    best, most = (mic, line), gain
        if best is None:
            break
        found[best[0]] = best[1]
    return found


def stays(pairs: Pairs, times: NDArray[np.float64], found: dict[int, TimeLine], mic: int, jump: TimeLine) -> bool:
    """Whether a microphone's paths stay as they are before a jump, and after it; see :data:`STAYS`."""
    k = int(np.searchsorted(times, jump.stretches[1].start))
    return all(common_share(pairs, times, found, mic, part) > STAYS for part in (slice(k), slice(k, None)))


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
