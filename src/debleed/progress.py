"""Progress callbacks for long work."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, float], None]
"""Called with the name of a stage and the share of it that is done, 0 to 1. An exception stops the work."""


def quiet(stage: str, share: float) -> None:
    """Ignore progress."""


def counted(progress: Progress, stage: str, total: int) -> Callable[[], None]:
    """Return a callback for each of ``total`` equal parts of a stage that ends, in any order and from any thread.

    Examples
    --------
    >>> one = counted(lambda stage, share: print(stage, share), "learn", 2)
    >>> one(), one()
    learn 0.5
    learn 1.0
    (None, None)
    """
    ended: list[None] = []  # appending is safe from threads

    def one() -> None:
        ended.append(None)
        progress(stage, min(1.0, len(ended) / total))

    return one


def within(progress: Progress, first: float, last: float) -> Progress:
    """Return a callback for part of the work: its 0 to 1 is ``first`` to ``last`` of the whole.

    Examples
    --------
    >>> within(lambda stage, share: print(stage, share), 0.5, 1.0)("learn", 0.5)
    learn 0.75
    """
    return lambda stage, share: progress(stage, first + (last - first) * share)
