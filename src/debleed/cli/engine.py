"""Shared by commands that process many items: options for workers, the progress bar, error messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import click

from debleed import feedback
from debleed.io.failures import is_full_disk

Job = TypeVar("Job")
Outcome = TypeVar("Outcome")


def engine_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that select the workers."""
    workers = click.option(
        "--workers",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        help="Number of local worker processes; more than one requires debleed[batch].",
    )
    scheduler = click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="Use this dask scheduler instead; its workers need access to the same folders.",
    )
    return workers(scheduler(function))


def outcomes(
    work: Callable[[Job], Outcome], jobs: Sequence[Job], workers: int, scheduler: str | None
) -> Iterator[tuple[Job, Outcome | Exception]]:
    """Run all jobs with a progress bar and yield the outcome of each; a full disk stops everything."""
    from debleed.workers import each

    with feedback.progress("bar") as progress:
        for done, (job, outcome) in enumerate(each(work, jobs, workers, scheduler), start=1):
            if isinstance(outcome, OSError) and is_full_disk(outcome):
                raise outcome
            progress("items", done / len(jobs))
            yield job, outcome
