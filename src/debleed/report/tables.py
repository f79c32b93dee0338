"""Tables of a report: sentences, levels, the bleed matrix, and what was set."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from debleed.decibels import decibels, shown
from debleed.recording import Recording
from debleed.scoring.scores import Scores

LONGEST_HEAD = 8
"""Number of letters of a microphone's name that fit above a column of the bleed matrix."""
COLDEST = -40.0
"""Level in dB at which the bleed matrix has no colour."""


def sentence_list(sentences: Mapping[str, str]) -> str:
    """Write the sentences, by name."""
    return "".join(
        f"<li><strong>{html.escape(name)}:</strong> {html.escape(said)}</li>" for name, said in sentences.items()
    )


def definitions(rows: Mapping[str, str]) -> str:
    """Write names and what they are."""
    return "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in rows.items())


def level_table(
    recording: Recording, energy: NDArray[np.float64], change: NDArray[np.float64], scores: Scores | None
) -> str:
    """Write the levels of each microphone, and the SDR where the truth is known.

    Parameters
    ----------
    recording
        The microphones.
    energy
        ``(3, mics)``: before, after, removed.
    change
        ``(mics,)``: level change in dB where the microphone's own source is dominant.
    scores
        Scores against the truth.
    """
    level = decibels(energy[:2], np.full(len(recording), float(max(recording.length, 1))))
    columns: dict[str, Sequence[float] | NDArray[np.float64]] = {
        "Level before": level[0],
        "Level after": level[1],
        "Removed, relative to before": decibels(energy[2], energy[0]),
        "Change of its own source": change,
    }
    if scores:
        columns |= {"SDR before": scores["input_sdr"], "SDR after": scores["sdr"]}
    rows = "".join(
        f"<tr><th scope='row'>{html.escape(name)}{of_source(name, source)}</th>"
        + "".join(f"<td>{shown(column[i])}</td>" for column in columns.values())
        + "</tr>"
        for i, (name, source) in enumerate(zip(recording.names, recording.sources, strict=True))
    )
    head = "".join(f"<th scope='col'>{name}</th>" for name in ("Microphone", *columns))
    return f"<table class='levels'><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def of_source(name: str, source: str | None) -> str:
    """Name the source of a microphone if its own name does not."""
    return "" if source == name else f" <span class='soft'>({html.escape(source or 'room')})</span>"


def heat_map(names: Sequence[str], sources: Sequence[str | None], bleed: NDArray[np.float64]) -> str:
    """Write a bleed matrix in dB, ``(mics, mics)``, as a table with coloured cells; without room microphones."""
    kept = [i for i, source in enumerate(sources) if source is not None]
    head = "".join(f"<th scope='col' title='{html.escape(names[i])}'>{html.escape(names[i])}</th>" for i in kept)
    rows = []
    for i in kept:
        cells = "".join(
            "<td class='own'>·</td>"
            if i == j or np.isnan(bleed[i, j])
            else f"<td style='--v:{np.clip(1 - bleed[i, j] / COLDEST, 0, 1):.2f}'>{shown(bleed[i, j], 0)}</td>"
            for j in kept
        )
        name = html.escape(names[i])
        rows.append(f"<tr><th scope='row' title='{name}'>{name}</th>{cells}</tr>")
    tall = " tall" if max(map(len, names)) > LONGEST_HEAD else ""  # names stand upright over narrow columns
    return f"<table class='heat{tall}'><thead><tr><td></td>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
