"""Measure how long a block of a stream takes, against the time that it lasts.

    python benchmarks/live.py [--seconds S] [--output benchmarks/LIVE.md]

The stage is made of random filters of 0.25 s with 12 ms ahead of lag 0, because the time does not depend on what the
filters hold; nothing has to be learnt. A tenth of the paths is followed: real stages have 3 % (nobody moves) to 13 %
(a singer sways, 4 microphones). Time is taken twice: on the wall, which is what a sound system asks for and which
counts whatever else the machine does, and of the thread alone, which is the work itself and what other programs in the
same caches cost it. The work repeats every few blocks, so the last column tells the heaviest block of this cycle on a
machine that does nothing else: the least time over all cycles of each
place in it, and of these the largest.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from debleed import Stage, __version__
from debleed.dsp.stft import nfft_at
from debleed.live import Stream
from debleed.live.watched import undisturbed
from debleed.methods.demix.demixed import Demixed
from debleed.methods.demix.features import NFFT as FEATURES
from debleed.methods.demix.features import feature_bands
from debleed.methods.demix.filters import Filters
from debleed.methods.demix.postfilter import DECAY_TIMES, Postfilter
from debleed.methods.demix.safeguards import FINE_BANDS, band_edges
from debleed.methods.demix.tracking import LAGS, NFFT, Tracking

RATE, BLOCK = 48000, 256
LENGTH, AHEAD = 0.25, 0.012
FOLLOWED = 0.1
CYCLE = 20
"""Blocks after which the work repeats: frames of 1 and 4 blocks, and 5 blocks in a long partition of the filters."""

STEPS = (
    ("filters", {"tracking": False, "postfilter": False}),
    ("filters, postfilter", {"tracking": False, "postfilter": True}),
    ("filters, tracking", {"tracking": True, "postfilter": False}),
    ("everything", {"tracking": True, "postfilter": True}),
)


def random_stage(mics: int) -> Stage:
    """Make a stage in which everybody hears everybody."""
    rng = np.random.default_rng(0)
    others = ~np.eye(mics, dtype=bool)
    ahead, length = round(AHEAD * RATE), round(LENGTH * RATE)
    lags = np.arange(-ahead, length)
    decay = np.exp(-np.abs(lags) / np.where(lags < 0, ahead / 8, length / 8))
    taps = 0.003 * rng.standard_normal((mics, mics, len(lags))) * decay * others[:, :, None]
    filters = Filters(taps.astype(np.float32), ahead, np.ones((mics, 2), np.float32))
    bins = nfft_at(RATE, NFFT) // 2 + 1
    fine = len(band_edges(bins, RATE, FINE_BANDS)) - 1
    followed = others[:, :, None] & (rng.random((mics, mics, fine)) < FOLLOWED)
    tracking = Tracking(
        (1e-3 * followed).astype(np.float32),
        (2 * followed).astype(np.float32),
        followed.astype(np.float32),
        np.tile(0.01 * others[:, :, None], (LAGS, 1, 1, bins)).astype(np.complex64),
        np.tile(1e-3 * others[:, :, None], fine).astype(np.float32),
    )
    bands = len(feature_bands(nfft_at(RATE, FEATURES) // 2 + 1)) - 1
    leakage = np.tile(1e-3 * others[:, :, None], (len(DECAY_TIMES), 1, 1, bands)).astype(np.float32)
    learned = replace(Demixed.none(mics), filters=filters, tracking=tracking, postfilter=Postfilter(leakage))
    names = tuple(f"mic{k}" for k in range(mics))
    return Stage("demix", {}, RATE, names, names, learned, __version__)


def timed(stream: Stream, blocks: int) -> np.ndarray:
    """Return the milliseconds of every block, ``(2, blocks)``: on the wall, and of the thread."""
    rng = np.random.default_rng(1)
    sound = (0.1 * rng.standard_normal((64, len(stream.stage.names), stream.block))).astype(np.float32)
    taken = np.zeros((2, blocks))
    with undisturbed():
        for k in range(-50, blocks):  # the first blocks fill caches, not concerts
            wall, thread = time.perf_counter(), time.thread_time()
            stream.process(sound[k % 64])
            if k >= 0:
                taken[:, k] = time.perf_counter() - wall, time.thread_time() - thread
    return 1000 * taken


def heaviest(taken: np.ndarray) -> float:
    """Return the least time that the heaviest block of the cycle took, from the times of every block, ``(blocks,)``."""
    cycles = taken[: len(taken) // CYCLE * CYCLE].reshape(-1, CYCLE)
    return float(cycles.min(axis=0).max())


def table(seconds: float) -> list[str]:
    """Measure everything; a line for each number of microphones and set of steps."""
    deadline = 1000 * BLOCK / RATE
    lines = [
        "| microphones | steps | latency, ms | clock | median, ms | 99.9 %, ms | worst, ms | worst of the deadline | "
        "heaviest of a cycle, undisturbed, ms | of the deadline |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for mics in (8, 16):
        stage = random_stage(mics)
        for name, options in STEPS:
            stream = Stream(stage, BLOCK, **options)
            taken = timed(stream, round(seconds * RATE / BLOCK))
            late = 1000 * stream.latency / RATE
            for clock, row in zip(("wall", "thread"), taken, strict=True):
                median, rare, worst, alone = np.median(row), np.quantile(row, 0.999), row.max(), heaviest(row)
                lines.append(
                    f"| {mics} | {name} | {late:.0f} | {clock} | {median:.2f} | {rare:.2f} | {worst:.2f} | "
                    f"{100 * worst / deadline:.0f} % | {alone:.2f} | {100 * alone / deadline:.0f} % |"
                )
            print(*lines[-2:], sep="\n", flush=True)
    return lines


def page(lines: list[str], seconds: float) -> str:
    """Write the page around the table."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return "\n".join(
        [
            "# Live",
            "",
            "Written by `python benchmarks/live.py`; not by hand. "
            f"debleed {__version__}, numpy {np.__version__}, Python {platform.python_version()}, "
            f"{os.cpu_count()} cores ({platform.machine()}), one thread.",
            f"Load of the machine over 1, 5 and 15 minutes at the end: {load}. On more than it has cores, the clock on "
            "the wall counts the others' work too.",
            "",
            f"Blocks of {BLOCK} samples at {RATE} Hz, {1000 * BLOCK / RATE:.2f} ms each; filters of {LENGTH} s; "
            f"{100 * FOLLOWED:.0f} % of the paths are followed; {seconds:.0f} s of noise.",
            "",
            *lines,
            "",
        ]
    )


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("LIVE.md"))
    chosen = parser.parse_args()
    lines = table(chosen.seconds)
    chosen.output.write_text(page(lines, chosen.seconds), encoding="utf-8")


if __name__ == "__main__":
    main()
