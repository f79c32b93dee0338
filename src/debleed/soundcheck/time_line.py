"""Time lines: read a file on the common time line, and put what was done there back on its own.

A microphone lags by θ(t) samples: what happens at time t on the common time line is at sample t + θ(t) of its file. θ
is linear in stretches, with jumps between them: a file that begins late has a constant lag, a recorder whose clock runs
fast has a slope, a wireless link that reconnects has a jump.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Read = Callable[[int, int], NDArray[np.floating]]
"""``read(start, stop)`` returns the samples ``(stop - start,)`` of one microphone, zeros outside it."""

REACH, PHASES, KAISER = 32, 512, 10.0
"""Half width of the interpolation filter in samples, its tabulated phases, and the parameter of its window: errors stay
below -90 dB up to 90 % of the band."""

FADE = 0.005
"""Seconds over which two stretches are crossfaded where they meet."""

BLOCK = 2**15
"""Samples that are interpolated at a time, to bound the memory."""


@dataclass(frozen=True)
class Stretch:
    """A stretch in which the lag changes linearly.

    Parameters
    ----------
    start
        First sample of the stretch on the common time line.
    lag
        θ at ``start``, in samples.
    slope
        Change of θ per sample.
    """

    start: float
    lag: float
    slope: float = 0.0

    @property
    def whole(self) -> bool:
        """Whether the stretch is only moved, by whole samples."""
        return self.slope == 0 and self.lag == round(self.lag)

    def in_file(self, time: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where in the file something stands that happens at ``time``."""
        return time + self.lag + self.slope * (time - self.start)

    def read(self, read: Read, time: NDArray[np.float64]) -> NDArray[np.floating]:
        """Read the samples at consecutive whole times from a file."""
        if self.whole:
            return read(int(time[0] + self.lag), int(time[-1] + self.lag) + 1)
        return interpolated(read, self.in_file(time))

    def inverse(self, start: float) -> Stretch:
        """Return the stretch that leads back to the common time line, from sample ``start`` of the file on."""
        time = self.start + (start - self.start - self.lag) / (1 + self.slope)
        return Stretch(start, time - start, -self.slope / (1 + self.slope))


@dataclass(frozen=True)
class TimeLine:
    """The lag of a microphone over time; the first stretch also holds before it.

    Parameters
    ----------
    stretches
        In order of time.
    """

    stretches: tuple[Stretch, ...] = (Stretch(0.0, 0.0),)

    @property
    def straight(self) -> bool:
        """Whether the microphone is only moved, by whole samples, so that nothing has to be interpolated."""
        return len(self.stretches) == 1 and self.stretches[0].whole

    @property
    def in_step(self) -> bool:
        """Whether nothing has to be done."""
        return self.straight and self.stretches[0].lag == 0

    def lag(self, time: float) -> float:
        """Return θ at a time in samples."""
        now = self.at(time)
        return now.lag + now.slope * (time - now.start)

    def slope(self, time: float) -> float:
        """Return the change of θ per sample at a time."""
        return self.at(time).slope

    def at(self, time: float) -> Stretch:
        """Return the stretch that holds at a time."""
        return ([stretch for stretch in self.stretches if stretch.start <= time] or [self.stretches[0]])[-1]

    def inverse(self) -> TimeLine:
        """Return the time line that leads back.

        A stretch ends in the file where it ends on the common time line. If the delay grows there, the file repeats
        what it held before.
        """
        first = self.stretches[0]
        before = [first, *self.stretches[:-1]]
        ends = [old.in_file(np.array(new.start)).item() for old, new in zip(before, self.stretches, strict=True)]
        return TimeLine(tuple(new.inverse(end) for new, end in zip(self.stretches, ends, strict=True)))

    def read(self, read: Read, start: int, stop: int, rate: int) -> NDArray[np.floating]:
        """Read samples ``start`` to ``stop`` of the common time line from a file."""
        if self.straight:
            lag = round(self.stretches[0].lag)
            return read(start + lag, stop + lag)
        ends = [*(stretch.start for stretch in self.stretches[1:]), np.inf]
        begins = [-np.inf, *ends[:-1]]
        fade = max(1, round(FADE * rate))
        out = np.zeros(stop - start)
        for stretch, begin, end in zip(self.stretches, begins, ends, strict=True):
            first, last = max(start, begin - fade), min(stop, end + fade)
            for a in range(int(np.floor(first)), int(np.ceil(last)), BLOCK) if first < last else ():
                b = min(a + BLOCK, int(np.ceil(last)))
                time = np.arange(max(a, start), min(b, stop), dtype=np.float64)
                rise = np.clip((time - begin) / fade / 2 + 0.5, 0, 1) if np.isfinite(begin) else 1.0
                fall = np.clip((end - time) / fade / 2 + 0.5, 0, 1) if np.isfinite(end) else 1.0
                if len(time):
                    place = slice(int(time[0]) - start, int(time[-1]) + 1 - start)
                    out[place] += rise * fall * stretch.read(read, time)
        return out


def combined(line: TimeLine, more: TimeLine) -> TimeLine:
    """Return a time line with the lags of another one added."""
    starts = sorted({stretch.start for stretch in (*line.stretches, *more.stretches)})
    return TimeLine(tuple(Stretch(t, line.lag(t) + more.lag(t), line.slope(t) + more.slope(t)) for t in starts))


def interpolated(read: Read, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the band-limited signal at increasing fractional places, by a windowed sinc.

    The filter is tabulated at ``PHASES`` phases and interpolated linearly between them.
    """
    if not len(places):
        return np.zeros(0)
    whole = np.floor(places).astype(int)
    first = int(whole[0]) - REACH + 1
    samples = np.asarray(read(first, int(whole[-1]) + REACH + 1), np.float64)
    windows = np.lib.stride_tricks.sliding_window_view(samples, 2 * REACH)[whole - whole[0]]
    phase = (places - whole) * PHASES
    low = np.minimum(phase.astype(int), PHASES - 1)
    part = (phase - low)[:, None]
    table = sinc_table()
    taps = table[low] * (1 - part) + table[low + 1] * part
    values: NDArray[np.float64] = np.einsum("nt,nt->n", windows, taps)
    return values


@lru_cache(maxsize=1)
def sinc_table() -> NDArray[np.float64]:
    """Return the interpolation filter at phases 0 to 1, ``(PHASES + 1, 2 REACH)``."""
    at = np.arange(-REACH + 1, REACH + 1) - np.linspace(0, 1, PHASES + 1)[:, None]
    window = np.i0(KAISER * np.sqrt(np.clip(1 - (at / REACH) ** 2, 0, None))) / np.i0(KAISER)
    table: NDArray[np.float64] = np.sinc(at) * window
    return table
