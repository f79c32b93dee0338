"""A stream that plays to people: timed, and never silent."""

from __future__ import annotations

import gc
import math
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

import numpy as np

from debleed.dsp.parallel import limited
from debleed.live.convolution import Block
from debleed.live.stream import Stream
from debleed.recording import Samples


class Watched:
    """A stream between the inputs and the outputs of a sound system.

    If the stream fails, the microphones go through unchanged from then on: a concert is no place for silence.

    Parameters
    ----------
    stream
        The stream.
    """

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.blocks = 0
        self.late = 0
        """Blocks that took longer than they last."""
        self.slowest = 0.0
        """Seconds of the slowest block."""
        self.dropouts = 0
        """Times that the sound system itself reported a gap."""
        self.failure: str | None = None
        """Why the microphones go through unchanged; ``None`` while the stream works."""
        self.lost: str | None = None
        """Why nothing goes through any more: the sound system has ended."""

    @property
    def seconds(self) -> float:
        """Seconds that a block lasts: the deadline."""
        return self.stream.block / self.stream.stage.rate

    def process(self, samples: Samples) -> Block:
        """Clean a block, ``(mics, block)``, or return it unchanged; never raises."""
        if self.failure is not None:
            return np.asarray(samples, np.float32)
        begin = perf_counter()
        try:
            with np.errstate(all="ignore"):
                out = self.stream.process(samples)
        except Exception as failure:  # whatever it is, the sound must go on
            self.failure = f"the stream failed ({failure or type(failure).__name__})"
            return np.asarray(samples, np.float32)
        taken = perf_counter() - begin
        self.blocks += 1
        self.late += taken > self.seconds
        self.slowest = max(self.slowest, taken)
        return out

    def delay(self) -> str:
        """Say how late the result is."""
        stream = self.stream
        late = milliseconds(stream.latency / stream.stage.rate)
        return (
            f"{len(stream.stage.names)} microphones at {stream.stage.rate} Hz in blocks of {stream.block} samples "
            f"({milliseconds(self.seconds)}); the result is {late} late, beyond the block and the sound system"
        )

    def summary(self) -> str:
        """Say how it went."""
        gaps = f"; the sound system reported {self.dropouts} gaps" if self.dropouts else ""
        return (
            f"{self.blocks} blocks; the slowest took {milliseconds(self.slowest)} of {milliseconds(self.seconds)}, "
            f"{self.late} took too long{gaps}"
        )


def milliseconds(seconds: float) -> str:
    """Write a time in ms with three digits."""
    value = 1000 * seconds
    digits = 0 if value <= 0 else max(0, 2 - math.floor(math.log10(value)))
    return f"{value:.{min(digits, 2)}f} ms"


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep what would delay a block away: the garbage collector, and threads of linear algebra that wait for others."""
    gc.collect()
    gc.disable()
    try:
        with limited(1):
            yield
    finally:
        gc.enable()
