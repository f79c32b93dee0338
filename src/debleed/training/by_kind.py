"""What a trained network does to each kind of music: those that it learnt from, and those that it never heard."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from debleed.decibels import shown
from debleed.io.documents import json_numbers
from debleed.methods import create
from debleed.progress import Progress, quiet
from debleed.recording import Recording
from debleed.scoring.evaluate import sdr
from debleed.training.material import Floats, Material, Song

SECONDS, EXAMPLES = 10.0, 4
"""Length of an example, and examples of a kind."""

AUDIBLE = 1e-3
"""Mean power of an image, relative to its microphone over whole songs, above which it is evaluated: −30 dB."""


def improvements(mics: Floats, images: Floats, cleaned: Floats) -> Floats:
    """Return the SDR improvements in dB of the microphones in which there is something to hear, and bleed to remove."""
    sounding = np.mean(images**2, axis=1) > AUDIBLE
    before, after = (sdr(images[sounding], heard[sounding]) for heard in (mics, cleaned))
    bleeding = np.isfinite(before)
    found: Floats = (after[bleeding] - before[bleeding]).astype(np.float32)
    return found[np.isfinite(found)]


def by_kind(
    kinds: Mapping[str, Sequence[Song]],
    learnt: Sequence[str],
    drawn: Material,
    net: str,
    source: str | None,
    folder: Path,
    progress: Progress = quiet,
) -> dict[str, dict[str, Any]]:
    """Measure a network as the method that users run.

    Parameters
    ----------
    kinds
        Kind → its songs.
    learnt
        The kinds that the network learnt from.
    drawn
        How examples are drawn, apart from songs and length.
    net, source, folder
        The network, the only source that it processes if there is such, and the folder with its ONNX file.

    Returns
    -------
    Kind → whether it was learnt from, number of microphones, and median and least SDR improvement in dB.
    """
    method, rows = create(net, folder=str(folder)), {}
    rate = drawn.scenes.rate
    for done, (kind, songs) in enumerate(kinds.items(), start=1):
        material = dataclasses.replace(drawn, songs=songs, samples=round(SECONDS * rate), remix=0, shuffle=False)
        found = []
        for number in range(EXAMPLES):
            mics, images = material.example("kind", kind, number)
            recording = Recording.from_array(mics, rate, [source] if source else drawn.scenes.sources)
            found.append(improvements(mics, images, method.learn(recording).apply(recording).read()))
        every = np.concatenate(found)
        rows[kind] = {
            "learnt": kind in learnt,
            "microphones": len(every),
            **json_numbers("median_db", round(float(np.median(every)), 2) if len(every) else float("nan")),
            **json_numbers("least_db", round(float(np.min(every)), 2) if len(every) else float("nan")),
        }
        progress("kinds", done / len(kinds))
    return rows


def table(rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Write the lines of the table of kinds for a model card."""
    lines = [
        "| kind | learnt from | microphones | SDR improvement, dB (median) | least |",
        "| --- | --- | --- | --- | --- |",
    ]
    for kind, row in sorted(rows.items(), key=lambda item: (item[1]["learnt"], item[0])):
        figures = (float("nan") if row[key] is None else row[key] for key in ("median_db", "least_db"))
        median, least = (shown(figure, 1, sign=True) for figure in figures)
        lines.append(f"| {kind} | {'yes' if row['learnt'] else 'no'} | {row['microphones']} | {median} | {least} |")
    return lines
