"""One HTML file on a recording before and after: sentences, sounds, pictures, figures; it needs nothing else."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from string import Template

import numpy as np
from numpy.typing import NDArray

from debleed import __version__
from debleed.clock import clock
from debleed.decibels import decibels
from debleed.io.documents import Place, write_text
from debleed.progress import Progress, quiet
from debleed.recording import Recording, refuse_unlike
from debleed.report.advice import next_steps
from debleed.report.excerpts import survey
from debleed.report.players import stretch
from debleed.report.sentences import Knowledge, sentences
from debleed.report.tables import definitions, heat_map, level_table, sentence_list
from debleed.scoring.blind import blind_bleed_matrix, level_changes
from debleed.scoring.evaluate import score
from debleed.scoring.prediction import estimated_sdr
from debleed.scoring.scores import Scores

LARGEST = 20_000_000
"""Maximum size of a report in bytes, for any recording."""
SMALL, EACH = 3_000_000, 750_000
"""A report is no larger than so many bytes for each microphone, unless even the first number is more: 6 MB for eight
microphones still go by mail."""
MOST_PLAYERS = 32
"""Maximum number of microphones with pictures and sounds; the page has those from which most was removed."""
NO_EVIDENCE = Knowledge()


@dataclass(frozen=True)
class Figures:
    """The figures of the page.

    Parameters
    ----------
    seconds
        ``(3, mics, seconds)``: energy before, after, removed.
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
    knowledge: Knowledge = NO_EVIDENCE,
    setup: Mapping[str, str] | None = None,
    progress: Progress = quiet,
) -> dict[str, str]:
    """Write the report on a recording before and after cleaning.

    Parameters
    ----------
    path
        The HTML file, written atomically; at most 6 MB for eight microphones, and 20 MB for any number.
    before, after
        Same microphones, rate and length; both are read in blocks.
    title
        The heading.
    truth
        The image of its own source in each microphone, if it is known; adds the SDR.
    knowledge
        What the stage knows, from which the sentences are built.
    setup
        What was set, in words.
    progress
        Called with the stage "report".

    Returns
    -------
    The sentences, by microphone.

    Raises
    ------
    InputError
        If the recordings do not belong together.
    """
    refuse_unlike(before, after, "recording before", "recording after")
    progress("report", 0)
    found = measure(before, after, truth)
    energy = found.seconds.sum(axis=2)
    said = sentences(
        *(before.names, before.sources, before.references, energy[0], energy[2], knowledge), estimated=found.estimated
    )
    write_text(path, compose(before, after, title, found, said, setup or {}, progress))
    return said


def measure(before: Recording, after: Recording, truth: Recording | None) -> Figures:
    """Compute the figures of both, block by block."""
    return Figures(
        seconds=survey(before, after),
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
    said: Mapping[str, str],
    setup: Mapping[str, str],
    progress: Progress = quiet,
) -> str:
    """Compose the page; ``said`` are the sentences."""
    energy = found.seconds.sum(axis=2)
    removed = np.nan_to_num(decibels(energy[2], energy[0]), nan=-np.inf)
    loudest = np.argsort(-removed, kind="stable")[:MOST_PLAYERS]
    chosen = sorted(loudest.tolist())
    values = {
        "title": html.escape(title),
        "about": f"{len(before)} microphones, {clock(before.seconds)}, {before.rate / 1000:g} kHz",
        "sentences": sentence_list(said),
        "setup": definitions({**setup, "Made with": f"debleed {__version__}"}),
        "next": "".join(f"<li>{html.escape(step)}</li>" for step in next_steps(said)),
        "levels": level_table(before, energy, found.change, found.scores),
        "scores": _asset("sdr.html") if found.scores else "",
        "matrix": heat_map(before.names, before.sources, found.bleed),
        "style": _asset("report.css"),
        "script": _asset("report.js"),
    }
    template = Template(_asset("report.html"))
    room = largest(len(before)) - len(template.safe_substitute(values).encode("utf-8", "backslashreplace")) - 100_000
    played = stretch((before, after), found.seconds, chosen, said, room, progress)
    values["cards"] = played.cards
    values["seconds"] = f"{played.seconds:.3f}"
    values["start"] = str(played.start)
    some = f" Only the {len(chosen)} microphones that lost most are shown." if len(chosen) < len(before) else ""
    values["listen"] = (
        f"From {clock(played.start)} to {clock(played.start + played.seconds)}: the same passage in all "
        f"microphones, in which most was removed while the sources play.{some}"
    )
    return template.substitute(values)


def largest(mics: int) -> int:
    """Return the maximum size of a report in bytes."""
    return min(LARGEST, max(SMALL, EACH * mics))


def _asset(name: str) -> str:
    return (files("debleed.report") / "assets" / name).read_text(encoding="utf-8")
