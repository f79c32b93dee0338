"""Measure what a stream costs in quality: the SDR of streamed microphones beside that of the whole recording.

    debleed demo --method unprocessed --seconds 30 -o demo
    python benchmarks/live_sdr.py demo

FOLDER holds the microphones (mics/) and the truth (images/), as 'debleed demo' and 'debleed simulate' write them. The
stage is learnt from the same recording. The first second is not scored: a stream begins there without a past.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import soundfile as sf

from debleed import Recording, Stage, learn
from debleed.live import Stream
from debleed.live.stream import streamable
from debleed.scoring.evaluate import sdr

BLOCK = 256
LOOKAHEADS = (0.0, 0.001, 0.005, None)
NONE = {"background": False, "tracking": False, "postfilter": False}


def read(folder: Path) -> tuple[np.ndarray, int, list[str]]:
    """Read the files of a folder: ``(mics, samples)``, their rate and names."""
    paths = sorted(path for path in folder.iterdir() if path.suffix in (".wav", ".flac"))
    read_ = [sf.read(path, dtype="float32") for path in paths]
    return np.stack([samples for samples, _ in read_]), read_[0][1], [path.stem for path in paths]


def streamed(stream: Stream, mics: np.ndarray) -> np.ndarray:
    """Pass a recording through a stream and undo its latency."""
    late, size, length = stream.latency, stream.block, mics.shape[1]
    padded = np.pad(mics, ((0, 0), (0, late + size)))
    starts = range(0, length + late, size)
    out = np.concatenate([stream.process(padded[:, k : k + size]) for k in starts], axis=1)
    return out[:, late : late + length]


def rows(stage: Stage, mics: np.ndarray, truth: np.ndarray) -> list[str]:
    """Return the lines of the table."""
    rate, learned = stage.rate, streamable(stage)
    recording = Recording.from_array(mics, rate, stage.names)
    fixed = learned.filters.apply(recording).read()

    def row(what: str, latency: str, clean: np.ndarray) -> str:
        scores = sdr(truth[:, rate:], clean[:, rate:])
        return f"| {what} | {latency} | {np.median(scores):.1f} | {', '.join(f'{score:.1f}' for score in scores)} |"

    lines = [row("microphones", "", mics), row("whole recording, fixed filters", "", fixed)]
    for lookahead in LOOKAHEADS:
        stream = Stream(stage, BLOCK, lookahead=lookahead, **NONE)
        ahead = "all" if lookahead is None else f"{1000 * lookahead:.0f} ms"
        late = f"{1000 * stream.latency / rate:.1f}"
        lines.append(row(f"stream, fixed filters, lookahead {ahead}", late, streamed(stream, mics)))
    lines.append(row("whole recording, everything", "", stage.applied(recording).read()))
    for lookahead in (0.0, None):
        for name, left_out in (
            ("everything", ()),
            ("without tracking", ("tracking",)),
            ("without postfilter", ("postfilter",)),
        ):
            stream = Stream(stage, BLOCK, lookahead=lookahead, **dict.fromkeys(left_out, False))
            ahead = "all" if lookahead is None else f"{1000 * lookahead:.0f} ms"
            late = f"{1000 * stream.latency / rate:.1f}"
            lines.append(row(f"stream, {name}, lookahead {ahead}", late, streamed(stream, mics)))
    return lines


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", metavar="FOLDER", type=Path, nargs="+")
    parser.add_argument("--stage", type=Path, help="a stage that was learnt already")
    chosen = parser.parse_args()
    for folder in chosen.folders:
        mics, rate, names = read(folder / "mics")
        truth, _, _ = read(folder / "images")
        stage = Stage.load(chosen.stage) if chosen.stage else learn(Recording.from_array(mics, rate, names))
        print(f"{folder.name}: {', '.join(names)}\n")
        print("| | latency, ms | median SDR, dB | SDR, dB |\n|---|---:|---:|---|")
        print(*rows(stage, mics, truth), sep="\n")


if __name__ == "__main__":
    main()
