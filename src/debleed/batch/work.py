"""Clean the recordings of a batch: each once, by whichever worker comes to it."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from debleed import job as jobs
from debleed.batch.plan import RECORD, Planned, finished_record
from debleed.intake import Job, prepared
from debleed.io.failures import is_full_disk
from debleed.io.lock import Busy, acquired
from debleed.io.staging import sweep
from debleed.record import Record
from debleed.recording import InputError
from debleed.workers import each, explained

LOCK = "batch.lock"
"""File in the folder for the results that a running batch has locked."""

PAUSE = 5.0
"""Seconds between two looks at a recording on which another process works."""

TOLD = 1.0
"""Least seconds between two messages about one stage of a recording."""


@dataclass(frozen=True)
class Outcome:
    """What became of a recording.

    Parameters
    ----------
    plan
        What was to be done with it.
    state
        ``finished`` by this run or ``before``, ``failed``, or still ``open`` because the run ended earlier.
    record
        What was done, if it is finished.
    failure
        Why not, in a sentence.
    """

    plan: Planned
    state: Literal["finished", "before", "failed", "open"]
    record: Record | None = None
    failure: str = ""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is good to know about it."""
        return self.plan.warnings + (self.record.warnings if self.record else ())


@contextmanager
def alone(output: Path) -> Iterator[None]:
    """Hold the lock of a folder for results, which is created if needed, and deleted again if it stays empty.

    Raises
    ------
    InputError
        If another batch holds it.
    """
    made = [path for path in (output, *output.parents) if not path.exists()]
    output.mkdir(parents=True, exist_ok=True)
    lock = acquired(output / LOCK)
    if lock is None:
        raise InputError(f"another batch is writing to '{output}'; wait until it ends, or choose another folder")
    try:
        yield
    finally:
        if sys.platform == "win32":  # which deletes no open file
            lock.close()
        (output / LOCK).unlink(missing_ok=True)
        lock.close()
        with suppress(OSError):  # results are in it
            for folder in made:
                folder.rmdir()


def known(plans: Sequence[Planned]) -> dict[str, Outcome]:
    """Return the outcome of each recording as it is when the work begins, by name; sweep what killed runs left."""
    return {plan.name: _known(plan) for plan in plans}


def worked_off(
    plans: Sequence[Planned],
    workers: int = 1,
    scheduler: str | None = None,
    heard: Callable[[Planned, tuple[str, float]], None] = lambda plan, told: None,
) -> Iterator[Outcome]:
    """Clean the recordings that are neither finished nor failed, the longest first, and yield what became of each.

    Parameters
    ----------
    plans
        The recordings of the batch.
    workers, scheduler
        Who works, see :func:`debleed.workers.each`.
    heard
        Called with a recording and with the stage of its work and its share, 0 to 1; by workers in another thread.

    Raises
    ------
    OSError
        If the disk is full, which ends everything.
    InputError
        If there are no workers.
    """
    left = {plan.name: plan for plan in plans if plan.state in ("new", "begun")}
    order = sorted(left.values(), key=lambda plan: -plan.length)  # so that no worker is left with a long one at the end

    def passed(plan: Planned, said: list[Any]) -> None:
        heard(plan, (said[0], said[1]))

    for plan, outcome in each(clean, order, workers, scheduler, passed):
        if isinstance(outcome, OSError) and is_full_disk(outcome):
            raise outcome
        if isinstance(outcome, Exception):
            yield Outcome(plan, "failed", failure=explained(outcome))
        else:
            yield Outcome(plan, "finished", outcome)


def clean(plan: Planned, tell: Callable[[list[Any]], None]) -> Record:
    """Clean a recording, in whatever process; if that has been done, return the record of it.

    Raises
    ------
    InputError, OSError
        As :func:`debleed.job.run`.
    """
    if plan.job is None:
        raise InputError(plan.failure)
    job = replace(plan.job, record=plan.job.record or plan.job.output / RECORD)
    while True:
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return _done_before(job) or _done_now(job, tell)
        except Busy:  # a worker that was believed dead is still at it; what it finishes is not done again
            tell(["waiting for another run", 0.0])
            time.sleep(PAUSE)


def _done_before(job: Job) -> Record | None:
    with jobs.collected(), closing(prepared(job)) as ready:
        record = finished_record(ready)
    if record:
        with suppress(InputError):
            sweep(job.output)
    return record


def _done_now(job: Job, tell: Callable[[list[Any]], None]) -> Record:
    try:
        result = jobs.run(job, _seldom(tell))
    except Busy:
        raise
    except InputError:  # has another run finished it in this moment?
        if record := _done_before(job):
            return record
        raise
    return replace(Record.read(job.record or job.output / RECORD), warnings=result.warnings)


def _seldom(tell: Callable[[list[Any]], None]) -> Callable[[str, float], None]:
    """Return a progress callback that passes on each stage when it begins, and then now and again."""
    last: dict[str, float] = {}

    def told(stage: str, share: float) -> None:
        now = time.monotonic()
        if stage not in last or now - last[stage] >= TOLD:
            last[stage] = now
            tell([stage, share])

    return told


def _known(plan: Planned) -> Outcome:
    if plan.state == "failed":
        return Outcome(plan, "failed", failure=plan.failure)
    if plan.state == "finished":
        if plan.job:
            with suppress(InputError):  # of somebody else, or another run is at its very end
                sweep(plan.job.output)
        return Outcome(plan, "before", plan.record)
    return Outcome(plan, "open")
