"""What every step of a stream does: a block in, a block out."""

from __future__ import annotations

from typing import Protocol

from debleed.live.convolution import Block


class Step(Protocol):
    """One step of a stream."""

    latency: int
    """Samples by which the result is late."""

    def process(self, block: Block) -> Block:
        """Take the next block, ``(mics, block)``, and return that of the result."""
        ...  # pragma: no cover - a protocol
