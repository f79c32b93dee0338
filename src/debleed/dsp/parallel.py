"""Work in parts: all cores on stretches small enough for a core's cache."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Part = TypeVar("Part")


def in_parallel(work: Callable[[Part], None], parts: Iterable[Part]) -> None:
    """Do work on all parts, on all cores; NumPy leaves the interpreter's lock while it computes."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(work, parts):
            pass


def chunks(bins: int, values: int) -> Iterator[slice]:
    """Cut the bins into stretches of about half a million values, which stay in a core's cache."""
    step = max(1, 500_000 // max(1, values))
    return (slice(first, min(first + step, bins)) for first in range(0, bins, step))
