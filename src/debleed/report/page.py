"""One HTML file that shows a recording before and after: figures, spectrograms and players; it needs nothing else."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from string import Template

import numpy as np
from numpy.typing import NDArray

from debleed import __version__
from debleed.decibels import decibels, shown
from debleed.dsp.parallel import in_parallel
from debleed.io.documents import Place, write_text
from debleed.progress import Progress, quiet
from debleed.recording import Recording, Samples, refuse_unlike
from debleed.report.excerpts import SECONDS, mp3, plan, start_of_excerpt, survey
from debleed.report.pictures import ROWS, columns, height_of, highest, png, shades, spectrogram
from debleed.scoring.blind import blind_bleed_matrix, inter_microphone_coherence, level_changes
from debleed.scoring.evaluate import score
from debleed.scoring.prediction import estimated_sdr
from debleed.scoring.scores import Scores, median

LARGEST = 20_000_000
"""Maximum size of a report in bytes, for any recording."""
MOST_PLAYERS = 32
"""Maximum number of microphones with pictures and players; the page shows those from which most was removed."""
LAYERS = ("Before", "After", "Removed")
LONGEST_HEAD = 8
"""Number of letters of a microphone's name that fit above a column of the bleed matrix."""
COLDEST = -40.0
"""Level in dB at which the bleed matrix has no colour."""


@dataclass(frozen=True)
class Figures:
    """The figures of the page.

    Parameters
    ----------
    seconds
        ``(3, mics, seconds)``: energy before, after, removed.
    coherence
        The inter-microphone coherence before, 0 to 1.
    bleed
        The bleed matrix before, ``(mics, mics)`` in dB.
    estimated
        The SDR before and after in dB, estimated without the truth, each ``(mics,)``; NaN where it is unknown.
    change
        ``(mics,)``: level change in dB where the microphone's own source is dominant.
    scores
        Scores against the truth, if it is known.
    """

    seconds: NDArray[np.float64]
    coherence: float
    bleed: NDArray[np.float64]
    estimated: tuple[NDArray[np.float64], NDArray[np.float64]]
    change: NDArray[np.float64]
    scores: Scores | None


def write(
    path: Place,
    before: Recording,
    after: Recording,
    *,
    title: str,
    truth: Recording | None = None,
    findings: Mapping[str, str] | None = None,
    progress: Progress = quiet,
) -> None:
    """Write the report on a recording before and after cleaning.

    Parameters
    ----------
    path
        The HTML file, written atomically; never larger than 20 MB.
    before, after
        Same microphones, rate and length; both are read in blocks.
    title
        The heading.
    truth
        The image of its own source in each microphone, if it is known; adds the SDR.
    findings
        What is shown beside microphones, by name, see :meth:`debleed.Stage.findings`.
    progress
        Called with the stage "report".

    Raises
    ------
    InputError
        If the recordings do not belong together.
    """
    refuse_unlike(before, after, "recording before", "recording after")
    progress("report", 0)
    page = compose(before, after, title, measure(before, after, truth), findings or {}, progress)
    write_text(path, page)


def measure(before: Recording, after: Recording, truth: Recording | None) -> Figures:
    """Compute the figures of both, block by block."""
    return Figures(
        seconds=survey(before, after),
        coherence=inter_microphone_coherence(before),
        bleed=blind_bleed_matrix(before),
        estimated=estimated_sdr(before, after),
        change=level_changes(before, after),
        scores=score(truth, after, before) if truth is not None else None,
    )


def compose(
    before: Recording,
    after: Recording,
    title: str,
    found: Figures,
    findings: Mapping[str, str],
    progress: Progress = quiet,
) -> str:
    """Compose the page."""
    energy = found.seconds.sum(axis=2)
    removed = np.nan_to_num(decibels(energy[2], energy[0]), nan=-np.inf)
    shown = sorted(np.argsort(-removed, kind="stable")[:MOST_PLAYERS].tolist())
    minutes, seconds = divmod(round(before.seconds), 60)
    values = {
        "title": html.escape(title),
        "about": f"{len(before)} microphones, {minutes}:{seconds:02d} min, {before.rate} Hz",
        "figures": summary(found),
        "levels": level_table(before, energy, found, findings),
        "scores": " SDR is measured against the true image of the source; higher is better." if found.scores else "",
        "matrix": heat_map(before.names, found.bleed),
        "style": _asset("report.css"),
        "script": _asset("report.js"),
        "version": __version__,
    }
    template = Template(_asset("report.html"))
    room = LARGEST - len(template.safe_substitute(values).encode("utf-8", "backslashreplace")) - 100_000
    values["cards"], length = cards(before, after, found, shown, room, progress)
    left_out = f" Only the {len(shown)} microphones with most removed are shown." if len(shown) < len(before) else ""
    values["listen"] = f"{length} s of each microphone, where most was removed while its source plays.{left_out}"
    return template.substitute(values)


def cards(
    before: Recording, after: Recording, found: Figures, shown: Sequence[int], room: int, progress: Progress
) -> tuple[str, int]:
    """Write pictures and players of some microphones in ``room`` bytes; return them and the length of an excerpt."""
    # a pixel of 64 shades takes at most 6 bits, which base64 writes as one byte
    per_player = ROWS * columns(SECONDS * before.rate, before.rate) + 3000
    kbps, length = plan(3 * len(shown), 0.97 * 3 / 4 * (room - 3 * len(shown) * per_player))
    parts = []
    for done, i in enumerate(shown):
        progress("report", (1 + done) / (1 + len(shown)))
        start, samples = excerpt(before, after, found, i, length)
        parts.append(card(before, i, start, samples, kbps, found.scores))
    progress("report", 1)
    return "\n".join(parts), length


def excerpt(before: Recording, after: Recording, found: Figures, mic: int, length: int) -> tuple[int, Samples]:
    """Read the excerpt of a microphone: the second at which it starts and ``(3, samples)``, before, after, removed."""
    start = start_of_excerpt(found.seconds[1, mic], found.seconds[2, mic], length)
    stop = min((start + length) * before.rate, before.length)
    x, y = (recording.read(start * before.rate, stop)[mic].astype(np.float32) for recording in (before, after))
    return start, np.stack([x, y, x - y])


def paint(samples: Samples, rate: int) -> list[NDArray[np.uint8]]:
    """Draw the spectrograms of one microphone on one colour scale."""
    pictures = [spectrogram(row, rate) for row in samples]
    heard = pictures[0][np.isfinite(pictures[0])]
    brightest = float(np.percentile(heard, 99.8)) if heard.size else 0.0
    return [shades(picture, brightest) for picture in pictures]


def card(recording: Recording, mic: int, start: int, samples: Samples, kbps: int, scores: Scores | None) -> str:
    """Write one microphone's pictures and players; ``samples`` is ``(3, samples)``, the layers."""
    name, rate = html.escape(recording.names[mic]), recording.rate
    loudest = float(np.max(np.abs(samples), initial=0.0))
    gain = 0.7 / loudest if loudest > 0 else 1.0  # one for all three, so that they compare
    pictures = [_data("image/png", png(picture)) for picture in paint(samples, rate)]
    # coding takes most of a report's time, and works outside the interpreter
    sounds = [_data("audio/mpeg", coded) for coded in in_parallel(lambda row: mp3(gain * row, rate, kbps), samples)]
    ticks = "".join(
        f"<span class='tick' aria-hidden='true' style='bottom:{100 * height_of(f, rate):.1f}%'>{label}</span>"
        for f, label in ((100, "100 Hz"), (1000, "1 kHz"), (5000, "5 kHz"))
        if f < 0.9 * highest(rate)
    )
    begin, end = (f"{int(t) // 60}:{int(t) % 60:02d}" for t in (start, start + samples.shape[1] / rate))
    figures = "".join(
        f"<figure><figcaption>{layer}</figcaption>"
        f"<button type='button' class='picture' aria-label='Play {name}, {layer.lower()}'>"
        f"<img alt='Spectrogram of {name}, {layer.lower()}' src='{picture}'>{ticks}<span class='head'></span></button>"
        f"<div class='time' aria-hidden='true'><span>{begin}</span><span>{end}</span></div>"
        f"<audio controls preload='none' aria-label='{name}, {layer.lower()}' src='{sound}'></audio></figure>\n"
        for layer, picture, sound in zip(LAYERS, pictures, sounds, strict=True)
    )
    choices = "".join(
        f"<label><input type='radio' name='layer{mic}'{' checked' if i == 0 else ''}>{layer}</label>"
        for i, layer in enumerate(LAYERS)
    )
    sdr = f"SDR {_change(scores['input_sdr'][mic], scores['sdr'][mic])} dB. " if scores else ""
    return (
        f"<article class='mic'><header><h3>{name}</h3><span class='soft'>{sdr}{begin} to {end}, "
        f"played at {shown(float(decibels(gain**2)), 0, sign=True)} dB.</span></header>"
        f"<div class='transport'><button type='button' class='play' aria-label='Play or pause {name}'>Play</button>"
        f"<fieldset><legend class='hidden'>Signal to play from {name}</legend>{choices}</fieldset>"
        f"<input class='seek' type='range' min='0' max='1' step='0.001' value='0' aria-label='Position in {name}'>"
        "</div>"
        f"<div class='shots'>{figures}</div></article>"
    )


def summary(found: Figures) -> str:
    """Write the two or three summary figures."""
    estimated = [median(values) for values in found.estimated]
    known = f"{_change(*estimated)} dB" if np.isfinite(estimated).all() else shown(np.nan)
    items = [
        ("Median estimated SDR", known),
        ("Inter-microphone coherence before (share that another one predicts)", f"{shown(100 * found.coherence)} %"),
    ]
    if found.scores:
        items.insert(0, ("Median SDR", f"{_change(found.scores.median('input_sdr'), found.scores.median('sdr'))} dB"))
    return "\n".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in items)


def level_table(recording: Recording, energy: NDArray[np.float64], found: Figures, findings: Mapping[str, str]) -> str:
    """Write the levels of each microphone; ``energy`` is ``(3, mics)``, before, after, removed."""
    level = decibels(energy[:2], np.full(len(recording), float(max(recording.length, 1))))
    columns: dict[str, Sequence[float] | NDArray[np.float64]] = {
        "Before": level[0],
        "After": level[1],
        "Change where dominant": found.change,
        "Removed / before": decibels(energy[2], energy[0]),
        "Estimated SDR before": found.estimated[0],
        "Estimated SDR after": found.estimated[1],
    }
    if found.scores:
        columns |= {"SDR before": found.scores["input_sdr"], "SDR after": found.scores["sdr"]}
    rows = "".join(
        f"<tr><th scope='row'>{html.escape(name)}{_of_source(name, source)}{_finding(findings.get(name))}</th>"
        + "".join(f"<td>{shown(column[i])}</td>" for column in columns.values())
        + "</tr>"
        for i, (name, source) in enumerate(zip(recording.names, recording.sources, strict=True))
    )
    head = "".join(f"<th scope='col'>{name}</th>" for name in ("Microphone", *columns))
    return f"<table class='levels'><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _of_source(name: str, source: str | None) -> str:
    """Name the source of a microphone if its own name does not."""
    return "" if source == name else f" <span class='soft'>({html.escape(source or 'room')})</span>"


def _finding(finding: str | None) -> str:
    """Write what was found about a microphone under its name."""
    return f"<p class='finding'>{html.escape(finding)}</p>" if finding else ""


def heat_map(names: Sequence[str], bleed: NDArray[np.float64]) -> str:
    """Write a bleed matrix in dB as a table with coloured cells."""
    head = "".join(f"<th scope='col' title='{html.escape(n)}'>{html.escape(n)}</th>" for n in names)
    rows = []
    for i, name in enumerate(names):
        cells = "".join(
            "<td class='own'>·</td>"
            if i == j or np.isnan(value)
            else f"<td style='--v:{np.clip(1 - value / COLDEST, 0, 1):.2f}'>{shown(value, 0)}</td>"
            for j, value in enumerate(bleed[i])
        )
        rows.append(f"<tr><th scope='row' title='{html.escape(name)}'>{html.escape(name)}</th>{cells}</tr>")
    tall = " tall" if max(map(len, names)) > LONGEST_HEAD else ""  # names stand upright over narrow columns
    table = f"<table class='heat{tall}'><thead><tr><td></td>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f"<div class='wide' tabindex='0' role='region' aria-labelledby='matrix'>{table}</div>"


def _change(was: float, became: float) -> str:
    return f"{shown(was)}<span class='arrow'>→</span>{shown(became)}"


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _asset(name: str) -> str:
    return (files("debleed.report") / "assets" / name).read_text(encoding="utf-8")
