"""The smallest method that passes the contract: subtract from each microphone what predicts it without delay.

Check it with ``PYTHONPATH=examples python -m debleed.contract subtract:Subtract``, use it with
``debleed remove gig/ -o clean/ --method subtract:Subtract --set share=0.5``. It shows the interface and removes little.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from debleed import InputError, Recording
from debleed.methods import Arrays, Side
from debleed.methods.arrays import checked
from debleed.progress import Progress, quiet
from debleed.recording import Samples


@dataclass(frozen=True)
class Subtract:
    """The fields are the settings; ``help`` is what ``debleed methods`` prints."""

    share: float = field(default=0.3, metadata={"help": "share of what is predicted that is subtracted, 0 to 1"})

    needs: ClassVar[frozenset[str]] = frozenset()  # no side information
    source_count: ClassVar[int | None] = None  # any number of sources

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise InputError(f"share is a number from 0 to 1, got {self.share}")

    def learn(self, recording: Recording, side: Side = Side(), progress: Progress = quiet) -> Subtracted:  # noqa: B008
        """Sum squares and products block by block, so that an hour takes no more memory than a minute."""
        products = np.zeros((len(recording), len(recording)))
        for start, stop in recording.blocks():
            samples = recording.read(start, stop).astype(np.float64)
            products += samples @ samples.T
            progress("subtract", stop / recording.length)
        level = np.diag(products)
        gains = np.divide(products, level, out=np.zeros_like(products), where=level > 0)
        gains[~recording.can_bleed()] = 0  # microphones of one source are not cleaned of each other
        return Subtracted(self.share * np.clip(gains, -1, 1) / len(recording))

    def restore(self, arrays: Arrays, mics: int) -> Subtracted:
        """Rebuild what was learnt from a saved stage; ``checked`` refuses arrays that are not such."""
        return Subtracted(checked(arrays, "gains", np.float64, (mics, mics)))


@dataclass(frozen=True)
class Subtracted:
    """What was learnt: ``(mics, mics)``, the gain with which microphone j is subtracted from microphone i."""

    gains: NDArray[np.float64]

    def apply(self, recording: Recording) -> Recording:
        """Return a recording that computes its samples when they are read; the input is not changed."""

        def read(start: int, stop: int) -> Samples:
            samples = recording.read(start, stop)
            return samples - (self.gains @ samples).astype(samples.dtype)

        return recording.with_reader(read)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Name what a saved stage has to hold."""
        return {"gains": self.gains}
