"""How fast demix is: side by side with pyroomacoustics in one run, and over microphones, length and rate.

    python benchmarks/speed.py [--iterations 60] [--seconds 60] [--no-growth] [-o benchmarks]

Writes SPEED.md. Of the peers only the iterations are timed, of demix everything: learning and filtering, from samples
to samples. Fewer iterations are scaled up, which the file says. ``compare_commits.py`` compares two states of the code.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from pathlib import Path

import numpy as np

from debleed import Recording, __version__
from debleed.bench.tables import markdown_rows
from debleed.decibels import shown
from debleed.methods import Side, create
from debleed.scenes.rendering import render_own
from debleed.scenes.scene import draw_scene
from debleed.scoring.evaluate import score
from debleed.scoring.scores import Scores
from debleed.training.modelcard import commit
from material import HERE, SONGS, refuse_absence, rendered
from peers import Auxiva, Ilrma

FULL = 60
"""Iterations that the peers are given."""

ASKED = 6.0
"""How many times faster than ILRMA demix must be."""


def timed(mics: Recording, own: Recording, method: str = "demix") -> tuple[float, Scores]:
    """Clean a recording; all of it counts."""
    began = time.perf_counter()
    clean = create(method).learn(mics).apply(mics).read()
    seconds = time.perf_counter() - began
    return seconds, score(own, Recording.from_array(clean, mics.rate, mics.names), mics)


def side_by_side(rate: int, seconds: float, iterations: int, method: str) -> str:
    """Compare on one room; demix runs before and after, since machines are not always as fast."""
    mics, own = rendered("room-0.35", "Hydrogen", rate, seconds)
    first, scores = timed(mics, own, method)
    print(f"{method}: {first:.1f} s, {shown(scores.median('sdr'))} dB", flush=True)
    peers = []
    for algorithm, peer in (("ILRMA", Ilrma), ("AuxIVA", Auxiva)):
        found = peer(iterations=iterations).learn(mics, Side(truth=own))
        took = found.seconds * FULL / iterations
        theirs = score(own, found.apply(mics), mics)
        peers.append((algorithm, took, theirs, found.precision))
        print(f"{algorithm}: {took:.1f} s, {shown(theirs.median('sdr'))} dB, {found.precision}", flush=True)
    second, _ = timed(mics, own, method)
    print(f"{method} again: {second:.1f} s", flush=True)
    ours = (first + second) / 2
    rows = [[f"{method} (twice: {first:.1f} and {second:.1f} s)", f"{ours:.1f}", "1", *described(scores)]]
    for algorithm, took, theirs, precision in peers:
        rows.append(
            [f"{algorithm}, {FULL} iterations, {precision}", f"{took:.1f}", f"{took / ours:.1f}", *described(theirs)]
        )
    ratio = peers[0][1] / ours
    scaled = (
        "" if iterations == FULL else f" The peers had {iterations} iterations; their time is scaled, not their scores."
    )
    return (
        f"Hydrogen in a room of RT60 0.35 s, {len(mics)} microphones × {seconds:g} s × {rate / 1000:g} kHz.{scaled}\n\n"
        + table(["method", "seconds", f"times {method}", "median SDR", "SDR of each source"], rows)
        + f"\n{method} is {ratio:.1f} times faster than ILRMA; {ASKED:g} are asked.\n"
    )


def table(head: list[str], rows: list[list[str]]) -> str:
    """Write a markdown table."""
    return "\n".join(markdown_rows(head, rows)) + "\n"


def described(scores: Scores) -> list[str]:
    """Median and sources for a row."""
    return [shown(scores.median("sdr")), ", ".join(map(shown, scores["sdr"]))]


def band(mics: int, rate: int, seconds: float) -> tuple[Recording, Recording]:
    """Put as many sources as asked into a room: one song after the other, all at once."""
    stems: dict[str, np.ndarray] = {}
    for song, at in SONGS.starts.items():
        start = max(0, min(at, 230 - seconds))  # the shortest song lasts 236 s
        stems |= {f"{song}.{source}": row for source, row in SONGS.stems(song, rate, seconds, start).items()}
        if len(stems) >= mics:
            break
    names = list(stems)[:mics]
    scene = draw_scene("room", names, rate, f"speed/{mics}", rt60=0.35)
    return render_own(scene, np.stack([stems[name] for name in names]))


def growth(method: str, seconds: float) -> str:
    """Time over each of microphones, length and rate, the others held."""
    cases = {
        "microphones": [(mics, 44100, seconds) for mics in (2, 4, 8, 16)],
        "length": [(4, 44100, seconds * times) for times in (0.5, 1, 2, 4)],
        "rate": [(4, rate, seconds) for rate in (22050, 44100, 96000)],
    }
    known: dict[tuple[int, int, float], float] = {}
    rows = []
    for over, settings in cases.items():
        for case in settings:
            mics, rate, length = case
            if case not in known:
                known[case] = timed(*band(*case), method)[0]
            took = known[case]
            real, each = length / took, 1000 * took / length / mics
            rows.append(
                [over, str(mics), f"{length:g}", f"{rate / 1000:g}", f"{took:.1f}", f"{real:.1f}", f"{each:.0f}"]
            )
            print(f"{over}: {mics} microphones, {length:g} s, {rate} Hz: {took:.1f} s", flush=True)
    head = ["over", "microphones", "length, s", "rate, kHz", "seconds", "times real time", "ms a microphone and second"]
    return table(head, rows)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iterations", type=int, default=FULL, help="of the peers, for trying")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=int, default=44100)
    parser.add_argument("--method", default="demix")
    parser.add_argument("--no-growth", action="store_true", help="only the comparison")
    parser.add_argument("-o", "--out", type=Path, default=HERE, help="folder of SPEED.md")
    args = parser.parse_args()
    refuse_absence()
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    text = f"""# Speed

Written by `python benchmarks/speed.py`; not by hand. debleed {__version__} at {commit()}, numpy {np.__version__},
Python {platform.python_version()}, {os.cpu_count()} cores ({platform.machine()}), BLAS threads: {threads}.
Everything in one process, one after the other.

## Side by side

pyroomacoustics with nfft 8192, hop 2048, 8 components, best permutation, projected back to each source's own
microphone; only its iterations are timed. Of {args.method} everything is: from samples to samples.

{side_by_side(args.rate, args.seconds, args.iterations, args.method)}"""
    if not args.no_growth:
        text += f"\n## How time grows\n\n{growth(args.method, args.seconds / 2)}"
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "SPEED.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
