"""Work in parts: threads on stretches small enough for a core's cache, and one limit on how many threads there are."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TypeVar

Part = TypeVar("Part")
Result = TypeVar("Result")

CGROUPS = Path("/sys/fs/cgroup")
"""Where Linux shows the control groups (version 2) with which containers and batch systems share out processors."""

_limit: ContextVar[int | None] = ContextVar("_limit", default=None)


def threads() -> int:
    """Return how many threads may compute at a time; at least 1.

    The least of the processors that this process may run on, the processors its control group may use, the environment
    variable ``OMP_NUM_THREADS`` (which also limits linear algebra and which dask sets to 1 in its workers), and
    :func:`limited`. Results do not depend on it.
    """
    limits = [_processors(), _quota(CGROUPS, Path("/proc/self/cgroup")), _declared(), _limit.get()]
    return max(1, min(limit for limit in limits if limit is not None))


@contextmanager
def limited(count: int) -> Iterator[None]:
    """Compute in at most so many threads inside this context, those of linear algebra included."""
    from threadpoolctl import threadpool_limits

    before = _limit.get()
    token = _limit.set(count if before is None else min(count, before))
    try:
        with threadpool_limits(count):
            yield
    finally:
        _limit.reset(token)


def in_parallel(work: Callable[[Part], Result], parts: Iterable[Part]) -> list[Result]:
    """Do work on all parts in as many threads as :func:`threads` allows; NumPy releases the lock while it computes.

    Returns
    -------
    What ``work`` returned, in the order of the parts.
    """
    count = threads()
    if count == 1:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, parts))


def chunks(bins: int, values: int) -> Iterator[slice]:
    """Cut the bins into stretches of about half a million values, which stay in a core's cache."""
    step = max(1, 500_000 // max(1, values))
    return (slice(first, min(first + step, bins)) for first in range(0, bins, step))


def _processors() -> int:
    """Count the processors that this process may run on, where the system tells, else all."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def _declared() -> int | None:
    """Read ``OMP_NUM_THREADS``: a number, or one for each level of nesting, of which the first counts here."""
    first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(first) if first.isascii() and first.isdigit() and int(first) > 0 else None


def _quota(groups: Path, membership: Path) -> int | None:
    """Read how many processors' time a control group and those above it allow; ``None`` without a limit.

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
            found.append(math.ceil(int(quota) / int(period)))  # half a processor is used by one thread
        except (OSError, ValueError, ZeroDivisionError):  # "max", or no such file
            continue
    return min(found, default=None)
