"""How far a run is in time: its stages, weighed by how long they took in the last run of the same method.

A method's own shares count its steps, of which some take minutes and others nothing. What the page shows is the share
of the time: the last run that ended tells at which share of its time each share of its steps was reached.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from debleed.io.documents import json_line, write_text

Mark = tuple[float, float]
"""Seconds since the job began, and the share of its steps that was done."""

FILE = "pace.json"

TRUSTED = 0.1
"""Share of the time from which on a run's own speed counts alone; before, the last run's counts as well."""

SAME = 0.005
"""Shares of the steps that differ by less are one mark: the courses of two runs, and rounded ones, differ by a hair."""

MOST_MARKS = 60
"""Marks of a run that are kept."""


@dataclass(frozen=True)
class Pace:
    """The course of an earlier run.

    Parameters
    ----------
    steps, times
        Increasing, both from 0 to 1: shares of the steps, and the shares of the time at which they were done.
    seconds
        How long it took, per second of each microphone.
    """

    steps: tuple[float, ...]
    times: tuple[float, ...]
    seconds: float

    def at(self, step: float) -> float:
        """Return the share of the time at which a share of the steps is done."""
        return float(np.interp(step, self.steps, self.times))

    def after(self, step: float) -> float:
        """Return the share of the time at which the next step after ``step`` was reported."""
        later = [time for mark, time in zip(self.steps, self.times, strict=True) if mark > step + SAME]
        return later[0] if later else 1.0

    def blended(self, other: Pace) -> Pace:
        """Return the mean course of two runs: other programs slow down now this stage, now that one."""
        steps = sorted({*self.steps, *other.steps})
        chosen = [*steps[:-1][:: -(-len(steps) // MOST_MARKS)], 1.0]
        times = tuple(round((self.at(step) + other.at(step)) / 2, 4) for step in chosen)
        return Pace(tuple(chosen), times, (self.seconds + other.seconds) / 2)


UNKNOWN = Pace((0.0, 1.0), (0.0, 1.0), 0.5)
"""Nothing is known yet: as many seconds as half of those of all microphones together, evenly."""

DEMIX = Pace(
    (0.0, 0.011, 0.066, 0.18, 0.31, 0.342, 0.374, 0.406, 0.438, 0.46, 0.727, 0.836, 0.956, 1.0),
    (0.0, 0.042, 0.049, 0.082, 0.197, 0.238, 0.293, 0.35, 0.414, 0.461, 0.766, 0.856, 0.881, 1.0),
    0.7,
)
"""``demix`` before its first run on a machine: the mean of two runs with the microphones of the demo."""


def estimated(pace: Pace, marks: list[Mark], elapsed: float, size: float) -> tuple[float, float]:
    """Estimate how far a run is.

    Parameters
    ----------
    pace
        The course of the last run.
    marks
        What the run reported so far, in order.
    elapsed
        Seconds since it began.
    size
        Seconds of all microphones together.

    Returns
    -------
    The share of the time that is over, below 1, and the seconds that are left.
    """
    then, step = marks[-1] if marks else (0.0, 0.0)
    done = pace.at(step)
    usual = max(1.0, pace.seconds * size)
    trust = min(1.0, done / TRUSTED)
    whole = trust * then / done + (1 - trust) * usual if done > 0 else usual
    ahead = max(done, 0.99 * pace.after(step))
    share = max(done, min(ahead, elapsed / whole))  # between reports it goes on as it should, up to the next one
    return min(share, 0.999), whole * (1 - share)


def learnt(marks: list[Mark], seconds: float, size: float) -> Pace | None:
    """Describe the course of a run that ended after ``seconds``; ``None`` if it says nothing."""
    useful = [(step, then / seconds) for then, step in marks if 0 < step < 1 and 0 < then < seconds]
    if len(useful) < 2 or size <= 0:
        return None
    chosen = useful[:: -(-len(useful) // MOST_MARKS)]
    steps, times = zip((0.0, 0.0), *chosen, (1.0, 1.0), strict=True)
    return Pace(tuple(round(step, 4) for step in steps), tuple(round(time, 4) for time in times), seconds / size)


def load(folder: Path, method: str) -> Pace:
    """Read the pace of a method from the data folder; what cannot be read is as good as nothing."""
    try:
        found: dict[str, Any] = json.loads((folder / FILE).read_text("utf-8"))[method]
        pace = Pace(tuple(found["steps"]), tuple(found["times"]), float(found["seconds"]))
        if len(pace.steps) == len(pace.times) >= 2 and pace.seconds > 0:
            return pace
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return DEMIX if method == "demix" else UNKNOWN


def keep(folder: Path, method: str, pace: Pace) -> None:
    """Store the pace of a method in the data folder."""
    try:
        known: dict[str, Any] = json.loads((folder / FILE).read_text("utf-8"))
    except (OSError, ValueError):
        known = {}
    known[method] = {"steps": pace.steps, "times": pace.times, "seconds": pace.seconds}
    write_text(folder / FILE, json_line(known))
