"""Whether one state of the code is as fast as another: both interleaved on one machine, and the median of the ratios.

    python benchmarks/compare_commits.py OLD/src NEW/src [--times 5] [--method demix]

OLD and NEW are two checkouts (``git worktree add``). Every run is a process of its own that draws ten seconds of eight
microphones of noise that comes and goes, cleans them once to warm up and once for the clock, so it
needs no material. A ratio is of two runs that follow each other, so that a machine that gets slower takes both along.
The rule of the project: a change may not cost more than 5 %, a ratio of 1.05. On a machine that does other work at the
same time the clock says little, so it is enough if the seconds of the processors keep the rule.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

ALLOWED = 1.05

WORK = """
import sys, time
import numpy as np
from debleed import Recording, remove

rng = np.random.default_rng(0)
mics, rate, seconds = 8, 22050, 10
levels = np.repeat(rng.random((mics, 8 * seconds)) ** 3, rate // 8, axis=1)
sources = levels * rng.standard_normal(levels.shape)
heard = sources.copy()
for i in range(mics):
    for j in range(mics):
        if i != j:
            delay = int(rng.integers(20, 200))
            heard[i, delay:] += 0.2 * sources[j, :-delay]
recording = Recording.from_array(heard.astype(np.float32), rate)
for _ in range(2):
    began = time.perf_counter(), time.process_time()
    remove(recording, sys.argv[1]).read()
print(time.perf_counter() - began[0], time.process_time() - began[1])
"""
"""What is timed, with nothing of the package but its oldest names, so that old checkouts run it as well."""


def timed(source: Path, method: str) -> tuple[float, float]:
    """Time one run: seconds on the clock, and seconds of the processors."""
    environment = {**os.environ, "PYTHONPATH": str(source)}
    command = [sys.executable, "-W", "ignore", "-c", WORK, method]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the code in '{source}' failed: {done.stderr.strip().splitlines()[-1]}")
    clock, processors = map(float, done.stdout.split())
    return clock, processors


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path, help="the src folder of the old checkout")
    parser.add_argument("new", type=Path, help="the src folder of the new one")
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--method", default="demix")
    args = parser.parse_args()
    for source in (args.old, args.new):
        if not (source / "debleed").is_dir():
            parser.error(f"'{source}' holds no package debleed")
    ratios = []
    for number in range(1, args.times + 1):
        sides = (args.old, args.new) if number % 2 else (args.new, args.old)  # which goes first alternates
        took = {source: timed(source, args.method) for source in sides}
        pairs = list(zip(took[args.old], took[args.new], strict=True))
        ratios.append([new / old for old, new in pairs])
        (old, new), (old_cpu, new_cpu) = pairs
        print(f"{number}: {old:.2f} -> {new:.2f} s, processors {old_cpu:.2f} -> {new_cpu:.2f} s", flush=True)
    clock, processors = (statistics.median(column) for column in zip(*ratios, strict=True))
    print(f"median ratio {clock:.3f} on the clock, {processors:.3f} on the processors; {ALLOWED:g} is allowed")
    sys.exit(min(clock, processors) > ALLOWED)


if __name__ == "__main__":
    main()
