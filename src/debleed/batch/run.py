"""The whole batch: look at every recording, clean what is left, and keep the tables up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from debleed.batch.plan import Batch, Planned, planned, refuse_full_disk
from debleed.batch.recordings import Listed, recordings, refuse_inside
from debleed.batch.tables import refuse_other_batch, write_tables
from debleed.batch.work import Outcome, known, worked_off
from debleed.io.staging import writable_ancestor
from debleed.methods import create
from debleed.progress import Progress, quiet


def found(batch: Batch) -> tuple[Listed, ...]:
    """Find the recordings of a batch, and refuse what concerns all of them; nothing is written.

    Raises
    ------
    InputError
        If there is no recording, if the method or a setting does not exist, or if the folder for the results cannot be
        used.
    """
    create(batch.method, **batch.settings)
    listed = recordings(batch.given)
    refuse_inside(batch.output, batch.given, listed)
    writable_ancestor(batch.output)
    refuse_other_batch(batch)
    return listed


def looked_at(batch: Batch, listed: Sequence[Listed], progress: Progress = quiet) -> tuple[Planned, ...]:
    """Say what will be done with each recording; nothing is written, and what is wrong with one is its own failure.

    Parameters
    ----------
    batch
        What is asked.
    listed
        Its recordings, of :func:`found`.
    progress
        Called with the stage "look".

    Raises
    ------
    OSError
        If the results do not fit on the disk.
    """
    plans = []
    for done, one in enumerate(listed, start=1):
        plans.append(planned(batch, one))
        progress("look", done / len(listed))
    refuse_full_disk(plans, batch.output)
    return tuple(plans)


def run(
    batch: Batch,
    plans: Sequence[Planned],
    workers: int = 1,
    scheduler: str | None = None,
    heard: Callable[[Planned, tuple[str, float]], None] = lambda plan, told: None,
) -> Iterator[Outcome]:
    """Clean what is left of a batch and yield what became of each recording, finished ones of earlier runs first.

    The tables are written when the work begins and after each recording. The caller holds the lock of the folder for
    the results, see :func:`debleed.batch.work.alone`.

    Parameters
    ----------
    batch
        What is asked.
    plans
        Its recordings, of :func:`looked_at`.
    workers, scheduler, heard
        As for :func:`debleed.batch.work.worked_off`.

    Raises
    ------
    InputError, OSError
        As :func:`debleed.batch.work.worked_off`.
    """
    outcomes = known(plans)
    write_tables(batch, outcomes.values())
    yield from (one for one in outcomes.values() if one.state != "open")
    for outcome in worked_off(plans, workers, scheduler, heard):
        outcomes[outcome.plan.name] = outcome
        write_tables(batch, outcomes.values())
        yield outcome
