"""Memory and time of cleaning a recording of any length, without files: made up as it is read, and counted.

    python benchmarks/memory.py [--hours 3] [--mics 32] [--rate 48000] [--method demix] [--limit 4]

Nothing is stored: three hours of 32 microphones would take 100 GB. Each block of the recording depends on its place
alone, so that it can be read any number of times in any order. Sources come and go; each is heard in its own microphone
and the two on either side, by three paths each. The result is read once from end to end, and its energy is counted.

One row a part: seconds without those of making the recording up, and the most memory in use during it (Linux; elsewhere
the most so far). The last line compares the most with the limit in GiB, and the exit code is 1 beyond it.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import sys
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from debleed import Recording, __version__
from debleed.remove import learn_in_step

CELL = 5
"""Seconds that are made up at a time."""

REACH = 0.17
"""Seconds of the longest path: 58 m."""

NEIGHBOURS = 2
"""Microphones on either side that hear a source."""


class Concert:
    """Microphones that are made up as they are read."""

    def __init__(self, mics: int, rate: int) -> None:
        self.rate, self.mics, self.seconds = rate, mics, 0.0
        self._size, self._reach = CELL * rate, round(REACH * rate)
        rng = np.random.default_rng(0)
        self._paths = [
            (i, j, int(delay), np.float32(gain))
            for i in range(mics)
            for j in range(max(0, i - NEIGHBOURS), min(mics, i + NEIGHBOURS + 1))
            for delay, gain in self._drawn(abs(i - j), rng)
        ]
        self._sources = lru_cache(maxsize=2)(self._sources_of)
        self._cell = lru_cache(maxsize=5)(self._cell_of)  # 20 s, which is read at a time, and the one behind

    def _drawn(self, apart: int, rng: np.random.Generator) -> list[tuple[float, float]]:
        """Draw a direct sound and two reflections: delay in samples, and gain."""
        direct = (0.5 + apart) * self.rate / 343
        delays = [direct, *rng.uniform(direct + 50, self._reach, 2)]
        return list(zip(delays, [0.05 / (0.5 + apart), *rng.uniform(-0.02, 0.02, 2) / (1.5 + apart)], strict=True))

    def _sources_of(self, number: int) -> NDArray[np.float32]:
        """Make up a cell of the sources, of falling spectra."""
        if number < 0:
            return np.zeros((self.mics, self._size), np.float32)
        rng = np.random.default_rng((1, number))
        noise = rng.standard_normal((self.mics, self._size + 7), np.float32)
        smooth = sum(noise[:, k : k + self._size] for k in range(8)) * np.float32(0.35)
        levels = rng.uniform(0.05, 1.0, (self.mics, 11)) * (rng.random((self.mics, 11)) < 0.6)
        levels[:, [0, -1]] = 0.05  # so that cells go on without a step
        times = np.linspace(0, 10, self._size)
        return smooth * np.stack([np.interp(times, range(11), row) for row in levels]).astype(np.float32)

    def _cell_of(self, number: int) -> NDArray[np.float32]:
        """Make up a cell of the microphones."""
        heard = np.concatenate([self._sources(number - 1)[:, -self._reach :], self._sources(number)], axis=1)
        out = np.zeros((self.mics, self._size), np.float32)
        for i, j, delay, gain in self._paths:
            out[i] += gain * heard[j, self._reach - delay : self._reach - delay + self._size]
        return out

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return the samples ``(mics, stop - start)``, and count the time that this takes."""
        began = time.perf_counter()
        out = np.empty((self.mics, stop - start), np.float32)
        for number in range(start // self._size, -(-stop // self._size)):
            first = number * self._size
            a, b = max(start, first), min(stop, first + self._size)
            out[:, a - start : b - start] = self._cell(number)[:, a - first : b - first]
        self.seconds += time.perf_counter() - began
        return out

    def recording(self, hours: float) -> Recording:
        """Return so much of it."""
        names = tuple(f"mic{i + 1:02d}" for i in range(self.mics))
        return Recording(self.rate, round(hours * 3600 * self.rate), names, names, self.read)


def peak(again: bool = False) -> float:
    """Return the most memory in GiB since the last call with ``again``, or since the process began."""
    status = Path("/proc/self/status")
    if not status.exists():
        scale = 2**30 if sys.platform == "darwin" else 2**20
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale
    most = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    if again:
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
    return int(most.split()[1]) / 2**20


class Parts:
    """Prints a row for each part as it ends."""

    def __init__(self, concert: Concert, seconds: float) -> None:
        self._concert, self._length = concert, seconds
        self._name, self._began, self._made, self.most, self.total = "start", time.perf_counter(), 0.0, 0.0, 0.0
        print("| part | seconds | of making the recording up | times real time | peak GiB |\n|---|---|---|---|---|")

    def __call__(self, name: str, share: float = 0.0) -> None:
        """Begin a part, unless it is under way."""
        if name == self._name:
            return
        now, made, most = time.perf_counter(), self._concert.seconds, peak(again=True)
        seconds = now - self._began - (made - self._made)
        if self._name != "start":
            self.total += seconds
            print(
                f"| {self._name} | {seconds:.1f} | {made - self._made:.1f} | {self._length / max(seconds, 1e-3):.1f} "
                f"| {most:.2f} |",
                flush=True,
            )
        self.most = max(self.most, most)
        self._name, self._began, self._made = name, now, made


def main() -> int:
    """Learn, apply, count, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=3)
    parser.add_argument("--mics", type=int, default=32)
    parser.add_argument("--rate", type=int, default=48000)
    parser.add_argument("--method", default="demix")
    parser.add_argument("--limit", type=float, default=4)
    args = parser.parse_args()

    concert = Concert(args.mics, args.rate)
    recording = concert.recording(args.hours)
    print(
        f"debleed {__version__}, {args.method}, {args.hours:g} h x {args.mics} microphones x {args.rate} Hz, "
        f"{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()} cores, "
        f"{platform.machine()}\n"
    )
    part = Parts(concert, recording.seconds)
    stage, alignment = learn_in_step(recording, args.method, progress=part)
    stage.changes(recording, alignment, part)
    part("apply")
    clean = stage.applied(recording, alignment=alignment)
    counted, before, after = 0, 0.0, 0.0
    for start, stop in clean.blocks():
        x, y = recording.read(start, stop), clean.read(start, stop)
        counted += y.size
        before += float(np.vdot(x, x))
        after += float(np.vdot(y, y))
    part("end")
    assert counted == recording.length * args.mics
    print(
        f"\n{counted:,} samples, {10 * np.log10(after / before):+.2f} dB; {part.total:.0f} s, "
        f"{recording.seconds / part.total:.2f} times real time; at most {part.most:.2f} GiB, "
        f"{'within' if part.most <= args.limit else 'BEYOND'} {args.limit:g} GiB"
    )
    return int(part.most > args.limit)


if __name__ == "__main__":
    sys.exit(main())
