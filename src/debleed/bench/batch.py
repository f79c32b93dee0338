"""Many items on many processors: in this process, on a local cluster, or on a scheduler somewhere else.

The engine is dask.distributed (extra ``batch``); an item travels as its paths and settings, sound never does, so all
workers must see the same files. A worker that dies loses the item it was at, which goes to another worker.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from debleed.recording import InputError

Job = TypeVar("Job")
Outcome = TypeVar("Outcome")

RETRIES = 2
"""How often an item is tried again after an error or the death of its worker; what fails three times is its fault."""

PATIENCE = 60
"""Seconds in which a scheduler must have found a worker."""


def each(
    work: Callable[[Job], Outcome], jobs: Sequence[Job], workers: int = 1, scheduler: str | None = None
) -> Iterator[tuple[Job, Outcome | Exception]]:
    """Do all jobs and yield each with its outcome, or the error that it ended with, as they are done.

    Parameters
    ----------
    work
        A function that can be pickled; must leave nothing half-done behind if its process is killed.
    jobs
        What it is called with.
    workers
        Processes of a local cluster; 1 means this process, one job after the other.
    scheduler
        Address of a dask scheduler, such as ``tcp://10.0.0.5:8786``, to be used instead.

    Raises
    ------
    InputError
        Where the engine is not installed, or no scheduler answers.
    """
    if scheduler is None and workers <= 1:
        for job in jobs:
            try:
                yield job, work(job)
            except Exception as error:  # told to the caller, who knows which of them matter
                yield job, error
        return
    if not jobs:
        return
    with client(min(workers, len(jobs)), scheduler) as dask:
        from distributed import as_completed

        # an input that is refused would be refused again; anything else may be an accident
        waiting = {dask.submit(_told, work, job, pure=False, retries=RETRIES): job for job in jobs}
        for future in as_completed(waiting):
            if future.cancelled():
                raise InputError("the scheduler was lost; run the same command again, it goes on where it was")
            failure = future.exception()
            if type(failure).__name__ == "KilledWorker":
                failure = OSError(f"its worker died {RETRIES + 1} times; was there too little memory?")
            yield waiting.pop(future), future.result() if failure is None else failure
            future.release()


def _told(work: Callable[[Job], Outcome], job: Job) -> Outcome | InputError:
    try:
        return work(job)
    except InputError as refusal:
        return refusal


@contextmanager
def client(workers: int, scheduler: str | None) -> Iterator[Any]:
    """Give a client of a local cluster of so many processes, or of the scheduler at an address."""
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError:
        raise InputError(
            "several workers need the package 'distributed': pip install 'debleed[batch]', or use one worker"
        ) from None
    if scheduler is not None:
        try:
            remote = Client(scheduler, timeout="10s")
        except (OSError, ValueError) as error:
            raise InputError(f"no dask scheduler answers at '{scheduler}': {error}") from None
        with remote:
            try:
                remote.wait_for_workers(1, timeout=PATIENCE)
            except TimeoutError:
                raise InputError(
                    f"the dask scheduler at '{scheduler}' has no workers; start some with 'dask worker {scheduler}'"
                ) from None
            yield remote
        return
    settings = {
        "distributed.scheduler.allowed-failures": RETRIES,
        "distributed.scheduler.worker-saturation": 1.0,  # or the death of a worker is laid to what waits there too
    }
    with (
        dask.config.set(settings),
        LocalCluster(
            workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",
            memory_limit=0,
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as local,
    ):
        local.run(os.setpgrp)  # Ctrl-C is for this process, which then ends the others
        yield local
