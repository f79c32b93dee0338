"""Parallel work on chunks small enough for a core's cache, with one limit on the number of threads."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TypeVar

from threadpoolctl import ThreadpoolController, threadpool_limits

Part = TypeVar("Part")
Result = TypeVar("Result")

CGROUPS = Path("/sys/fs/cgroup")
"""Root of the Linux control groups (version 2), with which containers and batch systems limit processors."""

_limit: ContextVar[int | None] = ContextVar("_limit", default=None)


def threads() -> int:
    """Return the number of threads to use; at least 1.

    It is the least of four limits: the processors available to this process, the quota of its control group, the
    environment variable ``OMP_NUM_THREADS`` (which also limits linear algebra, and which dask sets to 1 in its
    workers), and :func:`limited`. Results do not depend on it.
    """
    limits = [_processors(), _quota(CGROUPS, Path("/proc/self/cgroup")), _declared(), _limit.get()]
    return max(1, min(limit for limit in limits if limit is not None))


@contextmanager
def limited(count: int) -> Iterator[None]:
    """Use at most ``count`` threads inside this context, also in linear algebra."""
    before = _limit.get()
    token = _limit.set(count if before is None else min(count, before))
    try:
        with threadpool_limits(count):
            yield
    finally:
        _limit.reset(token)


def in_parallel(work: Callable[[Part], Result], parts: Iterable[Part]) -> list[Result]:
    """Run ``work`` on all parts in :func:`threads` threads; NumPy releases the interpreter lock while it computes.

    Meanwhile linear algebra has one thread: those of its own would wait for each other, at full load, for the many
    small products between which ours change. That took as much time again.

    Returns
    -------
    The results of ``work``, in the order of the parts.
    """
    count = threads()
    if count == 1:
        return [work(part) for part in parts]
    with _linear_algebra().limit(limits=1), ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, parts))


def chunks(bins: int, values: int) -> Iterator[slice]:
    """Split the bins into slices of about half a million values each, which fit into a core's cache."""
    step = max(1, 500_000 // max(1, values))
    return (slice(first, min(first + step, bins)) for first in range(0, bins, step))


@cache  # looking for the libraries takes milliseconds
def _linear_algebra() -> ThreadpoolController:
    import scipy.linalg  # noqa: F401 -- SciPy brings a library of its own

    return ThreadpoolController().select(user_api="blas")


def _processors() -> int:
    """Return the number of processors available to this process, or of all if the system does not report it."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def _declared() -> int | None:
    """Read ``OMP_NUM_THREADS``: a number, or one per level of nesting, of which the first is used here."""
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(first) if first.isascii() and first.isdigit() and int(first) > 0 else None


@cache  # a process stays in its group, and this is asked for a thousand times
def _quota(groups: Path, membership: Path) -> int | None:
    """Return how many processors a control group and its parents allow, rounded up; ``None`` if unlimited.

    Parameters
    ----------
    groups
        Root of the control groups.
    membership
        File that names the group of this process: ``0::/outer/inner``.
    """
    try:
        lines = membership.read_text("ascii").splitlines()
        own = next(line.removeprefix("0::/") for line in lines if line.startswith("0::/"))
    except (OSError, ValueError, StopIteration):
        return None
    found = []
    for place in (own, *map(str, Path(own).parents)):
        try:
            quota, period = (groups / place / "cpu.max").read_text("ascii").split()
            found.append(math.ceil(int(quota) / int(period)))  # half a processor still needs one thread
        except (OSError, ValueError, ZeroDivisionError):  # "max", or no such file
            continue
    return min(found, default=None)
