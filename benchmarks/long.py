"""Time and memory of ``debleed remove`` on a long recording, made up on the spot.

    python benchmarks/long.py SCRATCH [--minutes 60] [--mics 16] [--method demix]

Writes SCRATCH/mics (24 bit, 48 kHz; 8.3 GB for 16 microphones and an hour, and as much again for the result), unless
it is there already, runs the command in a process of its own and prints one line of a table.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

RATE = 48000
BLOCK = 10 * RATE
REACH = 8192  # samples of the longest path: 58 m


def sources(count: int, rng: np.random.Generator) -> Iterator[NDArray[np.float32]]:
    """Yield blocks of sources that come and go, of falling spectra, shape ``(sources, BLOCK)``."""
    times = np.linspace(0, 20, BLOCK)
    last = np.zeros((count, 21))
    while True:
        levels = rng.uniform(0.05, 1.0, (count, 21)) * (rng.random((count, 21)) < 0.6)
        levels[:, 0] = last[:, -1]  # envelopes go on without a step
        last = levels
        noise = rng.standard_normal((count, BLOCK + 15), np.float32)
        smooth = sum(noise[:, k : k + BLOCK] for k in range(16)) * np.float32(0.25)
        yield smooth * np.stack([np.interp(times, range(21), row) for row in levels]).astype(np.float32)


def paths(count: int, rng: np.random.Generator) -> list[list[list[tuple[int, float]]]]:
    """Draw a direct sound and two reflections for every microphone and source: (delay in samples, gain)."""
    every = []
    for i in range(count):
        row = []
        for j in range(count):
            distance = 0.5 + abs(i - j)
            delays = [distance * RATE / 343, *rng.uniform(distance * RATE / 343 + 50, REACH, 2)]
            gains = [0.05 / distance, *rng.uniform(-0.02, 0.02, 2) / (1 + distance)]
            row.append([(int(delay), gain) for delay, gain in zip(delays, gains, strict=True)])
        every.append(row)
    return every


def generate(folder: Path, mics: int, minutes: float) -> None:
    """Write the microphones, block by block."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    drawn = paths(mics, rng)
    files = [sf.SoundFile(folder / f"source{i + 1:02d}.wav", "w", RATE, 1, "PCM_24") for i in range(mics)]
    past = np.zeros((mics, REACH), np.float32)
    left = round(minutes * 60 * RATE)
    for block in sources(mics, rng):
        heard = np.concatenate([past, block], axis=1)
        for file, row in zip(files, drawn, strict=True):
            sound = np.zeros(BLOCK, np.float32)
            for source, taps in zip(heard, row, strict=True):
                for delay, gain in taps:
                    sound += np.float32(gain) * source[REACH - delay : REACH - delay + BLOCK]
            file.write(sound[:left])
        past = block[:, -REACH:]
        left -= BLOCK
        if left <= 0:
            break
    for file in files:
        file.close()


def size(folder: Path) -> float:
    """Gigabytes of the files in a folder."""
    return sum(path.stat().st_size for path in folder.iterdir()) / 1e9


def main() -> None:
    """Generate, run, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--mics", type=int, default=16)
    parser.add_argument("--method", default="demix")
    args = parser.parse_args()

    folder = args.scratch / f"mics-{args.mics}x{args.minutes:g}"
    clean = args.scratch / "clean"
    if not folder.exists():
        half = folder.with_suffix(".half")
        shutil.rmtree(half, ignore_errors=True)
        generate(half, args.mics, args.minutes)
        half.rename(folder)
    shutil.rmtree(clean, ignore_errors=True)
    command = [sys.executable, "-c", "from debleed.cli import main; main()", "remove", folder, "-o", clean]
    began = time.perf_counter()
    subprocess.run([*map(str, command), "--method", args.method], check=True)
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)  # a peak, in KiB on Linux

    print("| method | mics | minutes | wall s | times real time | CPU s | cores | peak GiB | disk in + out GB |")
    print("|---|---|---|---|---|---|---|---|---|")
    print(
        f"| {args.method} | {args.mics} | {args.minutes:g} | {seconds:.1f} | {args.minutes * 60 / seconds:.1f} "
        f"| {used.ru_utime + used.ru_stime:.1f} | {os.cpu_count()} | {used.ru_maxrss / 2**20:.2f} "
        f"| {size(folder):.2f} + {size(clean):.2f} |"
    )


if __name__ == "__main__":
    main()
