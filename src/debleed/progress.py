"""Progress callbacks for long work."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, float], None]
"""Called with the name of a stage and the share of it that is done, 0 to 1. An exception stops the work."""


def quiet(stage: str, share: float) -> None:
    """Ignore progress."""


def within(progress: Progress, first: float, last: float) -> Progress:
    """Return a callback for part of the work: its 0 to 1 is ``first`` to ``last`` of the whole.

    Examples
    --------
    >>> within(lambda stage, share: print(stage, share), 0.5, 1.0)("learn", 0.5)
    learn 0.75
    """
    return lambda stage, share: progress(stage, first + (last - first) * share)
