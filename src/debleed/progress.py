"""How long work reports what it has done."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, float], None]
"""Called with the name of a stage and the share of it that is done, 0 to 1. May raise to stop the work."""


def quiet(stage: str, share: float) -> None:
    """Report progress to nobody."""
