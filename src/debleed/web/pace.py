"""How far a run is in time, and how long it will still take.

A run reports which share of its steps is done, and some steps take minutes, others nothing. The course of the last run
of the same method on this machine tells how long each part takes. It is scaled to the microphones and seconds of the
present run, and the clock of the present run tells by how much that is wrong.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from debleed.io.documents import json_line, write_text
from debleed.web.jobs import Mark, overall

FILE = "pace.json"

STAGES = ("check", "compare", "", "changes", "result", "figures")
"""Stages of a run in their order; ``""`` stands for those of the method."""

LONGEST = {"compare": 120.0, "": 120.0, "figures": 30.0}
"""Seconds of a recording beyond which a stage takes no longer: it works on an excerpt."""

TRUSTED, UNTRIED = 0.2, 0.01
"""Share of a run that has to be over before its own clock counts as much as that of earlier runs on this machine, whose
speed is known; and as much as the speed of another machine."""

KNOWN = 0.1
"""Share of a run from which on the time left can be told. Before, the clock has seen little but the start."""

ALMOST = 0.98
"""Share of a part that can be over as long as its end was not reported."""

LATE = 0.15
"""What is left of a part is taken to be at least this share of the time that it has taken: it may be late."""

SAME = 0.005
"""Shares of the steps that differ by less are one mark: the courses of two runs, and rounded ones, differ by a hair."""

MOST_RUNS = 3
"""Earlier runs that count as much as the last one, together: what is played changes."""

APART = 0.004
"""Marks that follow sooner, as a share of the whole time, are not kept."""


@dataclass(frozen=True)
class Pace:
    """The course of a run.

    Parameters
    ----------
    steps, times
        Increasing: shares of the steps from 0 to 1, and the seconds at which they were done.
    mics, seconds
        The size of the recording.
    runs
        On this machine, of which this is the mean; 0 for what the program comes with.
    """

    steps: tuple[float, ...]
    times: tuple[float, ...]
    mics: int
    seconds: float
    runs: int = 1

    @property
    def total(self) -> float:
        """Seconds that the run took."""
        return self.times[-1]

    def at(self, step: float) -> float:
        """Return the time at which a share of the steps is done."""
        return float(np.interp(step, self.steps, self.times))

    def after(self, step: float) -> float:
        """Return the time at which the next step after ``step`` was reported."""
        later = [time for mark, time in zip(self.steps, self.times, strict=True) if mark > step + SAME]
        return later[0] if later else self.total

    def scaled(self, mics: int, seconds: float) -> Pace:
        """Return the course that a recording of another size would have taken."""
        middles = (np.array(self.steps[:-1]) + self.steps[1:]) / 2
        limits = [LONGEST.get(stage_at(step), math.inf) for step in middles]
        growth = [mics * min(seconds, limit) / (self.mics * min(self.seconds, limit)) for limit in limits]
        times = np.cumsum([0.0, *(np.diff(self.times) * growth)])
        return replace(self, times=tuple(times.tolist()), mics=mics, seconds=seconds)

    def blended(self, other: Pace) -> Pace:
        """Return the mean of this run and earlier ones: other programs slow down now this stage, now that one."""
        alike, runs = other.scaled(self.mics, self.seconds), min(other.runs, MOST_RUNS)
        steps = thinned(sorted({*self.steps, *other.steps}))
        times = tuple(round((self.at(step) + runs * alike.at(step)) / (1 + runs), 3) for step in steps)
        return Pace(steps, times, self.mics, self.seconds, 1 + runs)


def stage_at(step: float) -> str:
    """Return the stage in which a share of the steps lies.

    Examples
    --------
    >>> stage_at(0.0), stage_at(0.5), stage_at(0.99)
    ('check', '', 'figures')
    """
    return [stage for stage in STAGES if overall(STAGES, stage, 0) <= step][-1]


def thinned(steps: list[float]) -> tuple[float, ...]:
    """Leave out steps that differ from the one before by less than :data:`SAME`, but for the first and the last."""
    found = [steps[0]]
    for step in steps[1:-1]:
        if step - found[-1] > SAME and steps[-1] - step > SAME:
            found.append(step)
    return (*found, steps[-1])


UNKNOWN = Pace((0.0, 1.0), (0.0, 30.0), 1, 60.0, 0)
"""Nothing is known yet of a method: evenly, half as long as all microphones play together."""

DEMIX = Pace(
    (0.0, 0.062, 0.124, 0.243, 0.294, 0.345, 0.395, 0.436, 0.617, 0.632, 0.663, 0.684, 0.716, 0.896, 0.961, 0.977, 1.0),
    (0.0, 3.5, 6.6, 12.1, 14.5, 18.1, 23.3, 26.9, 30.9, 33.3, 43.9, 48.2, 51.4, 60.1, 63.1, 71.0, 75.0),
    8,
    20.0,
    0,
)
"""``demix`` before its first run on a machine: the mean of three on two slow processors, of a kit and of a song."""


def estimated(course: Pace, marks: list[Mark], elapsed: float) -> tuple[float, float | None]:
    """Estimate how far a run is.

    Parameters
    ----------
    course
        The course of the last run, scaled to this one.
    marks
        What the run reported so far, in order.
    elapsed
        Seconds since it began.

    Returns
    -------
    The share of the time that is over, below 1, and the seconds that are left; ``None`` as long as they cannot be told.
    """
    then, step = marks[-1] if marks else (0.0, 0.0)
    done, due = course.at(step), course.after(step)
    trust = (TRUSTED if course.runs else UNTRIED) * course.total
    slow = (then + trust) / (done + trust)  # times slower than the course, as far as that is known
    slow = max(slow, (elapsed + trust) / (due + trust))  # at least, if the next report has not come yet
    now = min(done + (elapsed - then) / slow, done + ALMOST * (due - done))
    share = min(now / course.total, 0.999)
    known = share >= KNOWN and course.steps != UNKNOWN.steps
    part = max(slow * (due - now), LATE * (elapsed - then))
    return share, slow * (course.total - due) + part if known else None


def learnt(marks: list[Mark], took: float, mics: int, seconds: float) -> Pace | None:
    """Describe the course of a run that ended after ``took`` seconds; ``None`` if it says nothing."""
    steps, times = [0.0], [0.0]
    for then, step in marks:
        if steps[-1] < step < 1 and times[-1] + APART * took < then < took:
            steps.append(round(step, 4))
            times.append(round(then, 3))
    if len(steps) < 3 or mics < 1 or seconds <= 0:
        return None
    return Pace((*steps, 1.0), (*times, round(took, 3)), mics, seconds)


def load(folder: Path, method: str) -> Pace:
    """Read the pace of a method from the data folder; what cannot be read is as good as nothing."""
    try:
        found: dict[str, Any] = json.loads((folder / FILE).read_text("utf-8"))[method]
        size = int(found["mics"]), float(found["seconds"])
        pace = Pace(tuple(found["steps"]), tuple(found["times"]), *size, int(found["runs"]))
        if len(pace.steps) == len(pace.times) >= 2 and min(pace.total, pace.mics, pace.seconds) > 0:
            return pace
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return DEMIX if method == "demix" else UNKNOWN


def keep(folder: Path, method: str, pace: Pace) -> None:
    """Store the pace of a method in the data folder, as the mean of it and what was known from earlier runs."""
    before = load(folder, method)
    if before.runs:
        pace = pace.blended(before)
    try:
        known: dict[str, Any] = json.loads((folder / FILE).read_text("utf-8"))
    except (OSError, ValueError):
        known = {}
    known[method] = asdict(pace)
    write_text(folder / FILE, json_line(known))
