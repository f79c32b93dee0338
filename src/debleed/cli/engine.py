"""What the commands share that work on many items: where the work is done, how it is told."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import click

from debleed import feedback
from debleed.recording import InputError

Job = TypeVar("Job")
Outcome = TypeVar("Outcome")


def engine_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say where the work is done."""
    workers = click.option(
        "--workers",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        help="Processes of a local cluster; more than one needs debleed[batch].",
    )
    scheduler = click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="A dask scheduler to use instead; its workers must see the same folders.",
    )
    return workers(scheduler(function))


def outcomes(
    work: Callable[[Job], Outcome], jobs: Sequence[Job], workers: int, scheduler: str | None
) -> Iterator[tuple[Job, Outcome | Exception]]:
    """Do all jobs under a progress bar and yield how each ended; a full disk ends everything."""
    from debleed.bench.batch import each

    with feedback.progress("bar") as progress:
        for done, (job, outcome) in enumerate(each(work, jobs, workers, scheduler), start=1):
            if isinstance(outcome, OSError) and outcome.errno in (errno.ENOSPC, errno.EDQUOT):
                raise outcome
            progress("items", done / len(jobs))
            yield job, outcome


def explained(error: Exception) -> str:
    """Say in a sentence what an item ended with."""
    return str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
