"""Draw ``docs/picture.png``: the band of ``debleed demo`` before and after, one microphone and the bleed matrix.

    python docs/picture.py [-o docs/picture.png]

The scene is the demo's, so the truth is known: the matrices are measured by sending every source alone through the room
and through the filters that were found from the mixed microphones, without the truth.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from debleed import Recording
from debleed.methods import create
from debleed.report.pictures import LOWEST, RANGE_DB, highest, spectrogram
from debleed.scenes.demo import RATE, RT60, SOURCES, play
from debleed.scenes.scene import draw_scene
from debleed.scoring.evaluate import bleed_matrix_db, score

SECONDS = 45
SHOWN = "singer"
FROM, TO = 15, 40
"""Seconds of the song that are shown."""
COLDEST = -40.0
"""dB at which the bleed matrix has no colour left, as in the report."""
COLOURS = 128
"""Of the PNG's palette."""


def measure() -> tuple[Recording, Recording, NDArray[np.float64], NDArray[np.float64], tuple[float, float]]:
    """Play, bleed, clean: microphones, result, bleed matrix before and after, SDR of the shown source in and out."""
    scene = draw_scene("room", SOURCES, RATE, "demo", rt60=RT60)
    rendered = scene.render(play(SECONDS, RATE))
    mics = Recording.from_array(rendered.mics, RATE, SOURCES)
    learned = create("demix").learn(mics)
    clean = Recording.from_array(learned.apply(mics).read(), RATE, SOURCES)
    alone = [Recording.from_array(rendered.images[:, source], RATE, SOURCES) for source in range(len(SOURCES))]
    after = np.stack([learned.apply(source).read() for source in alone], axis=1)
    scores = score(Recording.from_array(rendered.own, RATE, SOURCES), clean, mics)
    at = SOURCES.index(SHOWN)
    matrices = bleed_matrix_db(rendered.images), bleed_matrix_db(after)
    return mics, clean, *matrices, (scores["input_sdr"][at], scores["sdr"][at])


def draw_spectrogram(axes: Axes, recording: Recording, brightest: float | None, title: str) -> float:
    """Draw one microphone; returns the level of its brightest colour."""
    samples = recording.read(FROM * RATE, TO * RATE)[recording.names.index(SHOWN)]
    picture = spectrogram(samples, RATE)
    top = float(np.percentile(picture[np.isfinite(picture)], 99.8)) if brightest is None else brightest
    edges = np.geomspace(LOWEST, highest(RATE), len(picture) + 1)
    times = np.linspace(FROM, TO, picture.shape[1] + 1)
    axes.pcolormesh(times, edges, np.maximum(picture, top - RANGE_DB), vmin=top - RANGE_DB, vmax=top, rasterized=True)
    axes.set_yscale("log")
    axes.set_yticks([100, 1000, 10000], labels=["100 Hz", "1 kHz", "10 kHz"])
    axes.minorticks_off()
    axes.set_xticks(range(FROM, TO + 1, 5), labels=[f"{second} s" for second in range(FROM, TO + 1, 5)])
    axes.set_title(title, loc="left")
    return top


def draw_matrix(axes: Axes, bleed: NDArray[np.float64], title: str) -> None:
    """Draw a bleed matrix with its numbers."""
    own = np.eye(len(bleed), dtype=bool)
    colours = matplotlib.colors.LinearSegmentedColormap.from_list("hot", ["#ffffff", "#ef7d3b"])
    axes.imshow(np.where(own, COLDEST, bleed), vmin=COLDEST, vmax=0, cmap=colours)
    for i, j in np.ndindex(*bleed.shape):
        text = "·" if i == j else f"{bleed[i, j]:.0f}".replace("-", "−")
        axes.text(j, i, text, ha="center", va="center", color="#5a6468" if i == j else "#1d2326", fontsize=11)
    axes.set_xticks(range(len(SOURCES)), labels=SOURCES)
    axes.set_yticks(range(len(SOURCES)), labels=[f"{source} mic" for source in SOURCES])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(title, loc="left")


def draw() -> Figure:
    """Draw all four panels."""
    mics, clean, before, after, (sdr_in, sdr_out) = measure()
    matplotlib.rcParams |= {
        "font.size": 10.5,
        "axes.titlesize": 12,
        "axes.edgecolor": "#dedbd3",
        "text.color": "#1d2326",
    }
    figure = Figure(figsize=(11, 6.4), layout="constrained", facecolor="white")
    grid = figure.subplots(2, 2, width_ratios=[2.3, 1])
    top = draw_spectrogram(grid[0, 0], mics, None, f"The {SHOWN}'s microphone  (SDR {sdr_in:.0f} dB)")
    draw_spectrogram(grid[1, 0], clean, top, f"The same, cleaned blindly  (SDR {sdr_out:.0f} dB)")
    draw_matrix(grid[0, 1], before, "Bleed before, in dB")
    draw_matrix(grid[1, 1], after, "Bleed after, in dB")
    return figure


def main() -> None:
    """Write the picture with a palette, which makes it small."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_name("picture.png"))
    output = parser.parse_args().output
    buffer = io.BytesIO()
    draw().savefig(buffer, dpi=100, format="png")
    picture = Image.open(buffer).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    picture.save(output, optimize=True)
    print(f"{output}: {output.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
