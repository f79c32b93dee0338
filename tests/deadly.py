"""A method that dies: it logs what it learns, and kills its process, as by kill -9, once for each file named."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from debleed import Recording
from debleed.methods import Side
from debleed.progress import quiet


@dataclass(frozen=True)
class Deadly:
    """Subtract half of every other microphone; ``folder`` has the log, ``learn`` and ``apply`` say whom to kill."""

    folder: str = field(default=".", metadata={"help": "folder of the log"})
    learning: int = field(default=0, metadata={"help": "length of the recording that kills while it is learnt from"})
    applying: int = field(default=0, metadata={"help": "length of the recording that kills while it is written"})
    error: int = field(default=0, metadata={"help": "length of the recording that fails twice"})

    needs: ClassVar[frozenset[str]] = frozenset()
    source_count: ClassVar[int | None] = None

    def learn(self, recording: Recording, side: Side = Side(), progress: Any = quiet) -> Subtracts:  # noqa: B008
        """Log the length of the recording, which says which one it is."""
        done(self.folder, "learn", recording.length)
        if recording.length == self.learning:
            kill_once(self.folder, "learning")
        if recording.length == self.error and len(lines(self.folder, "error")) < 2:
            done(self.folder, "error", recording.length)
            raise OSError("the network is down")
        progress("subtract", 1.0)
        return Subtracts(np.full((len(recording), 1), 0.5), self)

    def restore(self, arrays: dict[str, np.ndarray], mics: int) -> Subtracts:
        """Rebuild what was learnt."""
        return Subtracts(arrays["gains"], self)


@dataclass(frozen=True)
class Subtracts:
    """What was learnt."""

    gains: np.ndarray
    method: Deadly

    def apply(self, recording: Recording) -> Recording:
        """Log when the last block is read."""

        def read(start: int, stop: int) -> np.ndarray:
            samples = recording.read(start, stop)
            if stop == recording.length:
                if recording.length == self.method.applying:
                    kill_once(self.method.folder, "applying")
                done(self.method.folder, "apply", recording.length)
            return samples * self.gains.astype(samples.dtype)

        return recording.with_reader(read)

    def arrays(self) -> dict[str, np.ndarray]:
        """Name what a saved stage has to hold."""
        return {"gains": self.gains}


def done(folder: str, what: str, length: int) -> None:
    """Add a line to a log, which several processes may do at once."""
    with Path(folder, f"{what}.log").open("a") as file:
        file.write(f"{length}\n")


def lines(folder: str | Path, what: str) -> list[int]:
    """Read a log."""
    path = Path(folder, f"{what}.log")
    return sorted(map(int, path.read_text().split())) if path.exists() else []


def kill_once(folder: str, when: str) -> None:
    """Kill this process, if that was not done before."""
    mark = Path(folder, f"{when}.killed")
    if not mark.exists():
        mark.touch()
        sys.stderr.flush()
        os.kill(os.getpid(), signal.SIGKILL)
