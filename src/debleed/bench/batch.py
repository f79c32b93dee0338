"""Process many items: in this process, on a local cluster, or on a remote scheduler.

The engine is dask.distributed (extra ``batch``). Workers receive paths and settings, never audio, so they all need
access to the same files. If a worker dies, another worker takes over its item.
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
"""How often to retry an item after an error or the death of its worker; after three failures, the item is at fault."""

PATIENCE = 60
"""Seconds to wait for a scheduler's first worker."""


def each(
    work: Callable[[Job], Outcome], jobs: Sequence[Job], workers: int = 1, scheduler: str | None = None
) -> Iterator[tuple[Job, Outcome | Exception]]:
    """Run all jobs and yield each with its outcome or error, as they finish.

    Parameters
    ----------
    work
        A function that can be pickled; it must leave nothing incomplete behind if its process is killed.
    jobs
        Its arguments.
    workers
        Processes of a local cluster; 1 runs the jobs in this process, one after the other.
    scheduler
        Address of a dask scheduler to use instead, such as ``tcp://10.0.0.5:8786``.

    Raises
    ------
    InputError
        If the engine is not installed, or no scheduler answers.
    """
    if scheduler is None and workers <= 1:
        for job in jobs:
            try:
                yield job, work(job)
            except Exception as error:  # the caller knows which errors matter
                yield job, error
        return
    if not jobs:
        return
    with client(min(workers, len(jobs)), scheduler) as dask:
        from distributed import as_completed

        # invalid input stays invalid; retries may help against any other error
        waiting = {dask.submit(_attempt, work, job, pure=False, retries=RETRIES): job for job in jobs}
        for future in as_completed(waiting):
            if future.cancelled():
                raise InputError("lost the connection to the scheduler; run the same command again to resume")
            failure = future.exception()
            if type(failure).__name__ == "KilledWorker":
                failure = OSError(f"its worker died {RETRIES + 1} times; it may have run out of memory")
            yield waiting.pop(future), future.result() if failure is None else failure
            future.release()


def _attempt(work: Callable[[Job], Outcome], job: Job) -> Outcome | InputError:
    try:
        return work(job)
    except InputError as refusal:
        return refusal


@contextmanager
def client(workers: int, scheduler: str | None) -> Iterator[Any]:
    """Provide a client of a local cluster with this many processes, or of the scheduler at an address."""
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError:
        raise InputError(
            "several workers require the package 'distributed'; run pip install 'debleed[batch]', or use one worker"
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
        "distributed.scheduler.worker-saturation": 1.0,  # otherwise items in a dead worker's queue are blamed too
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
        local.run(os.setpgrp)  # Ctrl-C reaches only this process, which then stops the others
        yield local
