"""Process many items: in this process, on a local cluster, or on a remote scheduler.

The engine is dask.distributed (extra ``batch``). Workers receive paths and settings, never audio, so they all need
access to the same files. If a worker dies, another worker takes over its item.
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from debleed.io.failures import is_full_disk, sentence
from debleed.recording import InputError

Job = TypeVar("Job")
Outcome = TypeVar("Outcome")

RETRIES = 2
"""How often to retry an item after an error or the death of its worker; after three failures, the item is at fault."""

PATIENCE = 60
"""Seconds to wait for a scheduler's first worker."""


def each(
    work: Callable[..., Outcome],
    jobs: Sequence[Job],
    workers: int = 1,
    scheduler: str | None = None,
    heard: Callable[[Job, Any], None] | None = None,
) -> Iterator[tuple[Job, Outcome | Exception]]:
    """Run all jobs and yield each with its outcome or error, as they finish.

    Invalid input and a full disk are outcomes; after any other error a job is tried again.

    Parameters
    ----------
    work
        A function of a job that can be pickled; it must leave nothing incomplete behind if its process is killed.
    jobs
        Its arguments.
    workers
        Processes of a local cluster; 1 runs the jobs in this process, one after the other.
    scheduler
        Address of a dask scheduler to use instead, such as ``tcp://10.0.0.5:8786``.
    heard
        If it is given, ``work`` gets a function as its second argument, and ``heard`` is called with the job and with
        whatever JSON that function was called with: at once in this process, soon and in another thread from workers.

    Raises
    ------
    InputError
        If the engine is not installed, or no scheduler answers.
    """
    if scheduler is None and workers <= 1:
        for job in jobs:
            told = () if heard is None else (partial(heard, job),)
            yield job, _in_this_process(work, job, *told)
        return
    if not jobs:
        return
    with client(min(workers, len(jobs)), scheduler) as dask:
        from distributed import as_completed

        topic = None
        if heard is not None:
            topic = f"debleed-{uuid.uuid4().hex}"
            dask.subscribe_topic(topic, partial(_pass_on, heard, jobs))
        waiting = {
            dask.submit(_attempt, work, job, topic, number, pure=False, retries=RETRIES): job
            for number, job in enumerate(jobs)
        }
        for future in as_completed(waiting):
            if future.cancelled():
                raise InputError("lost the connection to the scheduler; run the same command again to resume")
            failure = future.exception()
            if type(failure).__name__ == "KilledWorker":
                failure = OSError(f"its worker died {RETRIES + 1} times; it may have run out of memory")
            yield waiting.pop(future), future.result() if failure is None else failure
            future.release()


def explained(error: Exception) -> str:
    """Describe the error of an item in one sentence, with what is kept of its work.

    Examples
    --------
    >>> explained(InputError("'a.wav' is empty")), explained(ZeroDivisionError("by nothing"))
    ("'a.wav' is empty", 'ZeroDivisionError: by nothing')
    """
    if isinstance(error, MemoryError):
        what = "there is not enough memory; use fewer workers or leave out microphones"
    elif isinstance(error, OSError):
        what = sentence(error)
    else:
        what = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
    return "; ".join([what, *getattr(error, "__notes__", [])])


def _in_this_process(work: Callable[..., Outcome], job: Job, *told: Callable[[Any], None]) -> Outcome | Exception:
    for _ in range(RETRIES):
        try:
            return _attempted(work, job, *told)
        except Exception:
            continue
    try:
        return _attempted(work, job, *told)
    except Exception as error:  # the caller knows which errors matter
        return error


def _attempt(work: Callable[..., Outcome], job: Job, topic: str | None, number: int) -> Outcome | Exception:
    """Run a job in a worker."""
    if topic is None:
        return _attempted(work, job)
    from distributed import get_worker

    worker = get_worker()

    def tell(said: Any) -> None:
        worker.log_event(topic, {"number": number, "said": said})

    return _attempted(work, job, tell)


def _attempted(work: Callable[..., Outcome], *arguments: Any) -> Outcome | Exception:
    """Run a job once; return errors that would come again."""
    try:
        return work(*arguments)
    except InputError as refusal:
        return refusal
    except OSError as failure:
        if is_full_disk(failure):
            return failure
        raise


def _pass_on(heard: Callable[[Job, Any], None], jobs: Sequence[Job], event: tuple[float, dict[str, Any]]) -> None:
    """Pass on what a worker has told."""
    _, told = event
    heard(jobs[told["number"]], told["said"])


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
