"""Beats and seconds of a project whose tempo may change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

BISECTIONS = 80
"""Halvings of an interval until a beat is exact in double precision."""


@dataclass(frozen=True)
class TempoPoint:
    """The tempo from a beat on.

    Parameters
    ----------
    beat
        Where it begins.
    bpm
        Beats per minute.
    ramp
        Whether the tempo changes evenly, in beats, up to the next point; otherwise it stays.
    """

    beat: float
    bpm: float
    ramp: bool = False


class Tempo:
    """The map from beats to seconds; both begin with 0."""

    def __init__(self, points: Sequence[TempoPoint]) -> None:
        ordered = sorted(points, key=lambda point: point.beat)
        first = ordered[0]
        self._points = [TempoPoint(min(0.0, first.beat), first.bpm), *ordered]
        self._seconds = [0.0]
        for one, following in zip(self._points, self._points[1:], strict=False):
            self._seconds.append(self._seconds[-1] + _lasting(one, following, following.beat))
        self._zero = self._of(0.0)

    @property
    def constant(self) -> bool:
        """Whether the tempo never changes."""
        return len({point.bpm for point in self._points}) == 1

    def seconds(self, beats: float) -> float:
        """Return the second at which a beat falls."""
        return self._of(beats) - self._zero

    def beats(self, seconds: float) -> float:
        """Return the beat at a second."""
        low, high = -1.0, 1.0
        while self.seconds(low) > seconds:
            low *= 2
        while self.seconds(high) < seconds:
            high *= 2
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            low, high = (middle, high) if self.seconds(middle) < seconds else (low, middle)
        return high

    def _of(self, beats: float) -> float:
        k = max((k for k, point in enumerate(self._points) if point.beat <= beats), default=0)
        following = self._points[k + 1] if k + 1 < len(self._points) else None
        return self._seconds[k] + _lasting(self._points[k], following, beats)


def _lasting(point: TempoPoint, following: TempoPoint | None, beat: float) -> float:
    """Return the seconds from a point to a beat before the following one: the integral of 60 / bpm over beats.

    Along a ramp from b0 to b1 beats per minute that is 60 s log(b1 / b0) / (b1 - b0) for s beats.
    """
    span = beat - point.beat
    constant = 60 * span / point.bpm
    if following is None or not point.ramp or following.beat == point.beat:
        return constant
    growth = span / (following.beat - point.beat) * (following.bpm / point.bpm - 1)
    return constant * math.log1p(growth) / growth if growth else constant
