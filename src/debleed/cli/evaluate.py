"""``debleed evaluate``: score a cleaned recording, with or without the truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from debleed.decibels import shown
from debleed.io.documents import json_text, write_text
from debleed.io.track_names import numbers_of_channels
from debleed.recording import InputError, Recording

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from debleed.scoring.scores import Scores

PATH = click.Path(readable=False, path_type=Path)  # checked later, with our own sentences


@click.command(
    help="""Score a cleaned recording.

    REFERENCE contains the true sound of each source in its own microphone, ESTIMATE the cleaned microphones. Both are
    folders whose files are matched by name, or files with one microphone per channel. With --target dry, REFERENCE
    contains the dry stems. With --blind, no truth is needed: compare the recording before (MICS) and after (CLEAN)."""
)
@click.argument("reference", metavar="REFERENCE|MICS", type=PATH)
@click.argument("estimate", metavar="ESTIMATE|CLEAN", type=PATH)
@click.option("--mics", metavar="MICS", type=PATH, help="The recording before cleaning; adds the SDR improvement.")
@click.option(
    "--measures",
    type=click.Choice(["sdr", "all"]),
    default="sdr",
    show_default=True,
    help="'all' adds BSS Eval v4 (SIR, SAR, ISR), the WASPAA 2023 protocol, SI-SDR, the SDR of the separation "
    "challenges and, with --mics, the level left where the source is silent.",
)
@click.option(
    "--target",
    type=click.Choice(["image", "dry"]),
    default="image",
    show_default=True,
    help="What REFERENCE contains: each source as its own microphone picked it up, or the dry stems. 'dry' shows the "
    "plain SDR, the SDR of the WASPAA 2023 protocol, and the SDR after the best gain and delay.",
)
@click.option("--blind", is_flag=True, help="Estimate the SDR and compare levels; needs no truth.")
@click.option("--json", "written", metavar="FILE", type=PATH, help="Also write the scores as JSON.")
def command(
    reference: Path,
    estimate: Path,
    mics: Path | None,
    measures: str,
    target: str,
    blind: bool,
    written: Path | None,
) -> None:
    """Read both recordings, compare them and print the scores."""
    from debleed import feedback

    if blind and mics is not None:
        raise InputError("with --blind, the first argument is already the microphones; omit --mics")
    if blind and (measures, target) != ("sdr", "image"):
        raise InputError("with --blind, there is no truth to measure against; omit --measures and --target")
    if target == "dry" and (mics is not None or measures == "all"):
        raise InputError(
            "--target dry has a fixed set of measures; omit --mics and --measures (to score the microphones "
            "themselves, pass them as ESTIMATE)"
        )
    with feedback.messages():
        first = load(reference)
        second = paired(first, load(estimate), estimate)
        before = None if mics is None else paired(first, load(mics), mics)
        figures = show_blind(first, second) if blind else scored(first, second, before, target, measures)
    if written is not None:
        write_text(written, json_text(figures))


def load(path: Path) -> Recording:
    """Open a folder or file as a recording; its sources come from the session file, or else from the names."""
    from debleed.assignment import references_of, sources_of
    from debleed.intake import open_input, session_of

    take, microphones = open_input(path, session_of(path), alone=True)
    return take.recording(sources_of(microphones), references_of(microphones))


def paired(reference: Recording, other: Recording, path: Path) -> Recording:
    """Select the reference's microphones from another recording, by name and in the reference's order.

    The channels of a file that does not name its tracks are those of one that does, in their order.

    Raises
    ------
    InputError
        If microphones are missing, or the rate or length differs.
    """
    if numbers_of_channels(len(reference)) in (reference.names, other.names) and len(other) == len(reference):
        other = replace(other, names=reference.names, references=frozenset())
    if missing := [name for name in reference.names if name not in other.names]:
        raise InputError(f"'{path}' lacks {', '.join(missing)}; it has {', '.join(other.names)}")
    if (other.rate, other.length) != (reference.rate, reference.length):
        raise InputError(
            f"'{path}' has {other.length} samples at {other.rate} Hz, but the reference has {reference.length} at "
            f"{reference.rate} Hz; both must match because they are compared sample by sample"
        )
    chosen = other.select([other.names.index(name) for name in reference.names])
    return replace(chosen, sources=reference.sources, references=reference.references)


def scored(
    reference: Recording, estimate: Recording, before: Recording | None, target: str, measures: str
) -> dict[str, object]:
    """Score, print the tables and return the scores for JSON."""
    from debleed.scoring.evaluate import AGAINST_IMAGE, score, score_dry

    if target == "dry":
        scores = score_dry(reference, estimate)
    else:
        every = [name for name in AGAINST_IMAGE if before is not None or name != "silence"]
        scores = score(reference, estimate, before, measures=every if measures == "all" else ("sdr",))
    show(scores)
    return scores.to_json()


def show(scores: Scores) -> None:
    """Print a table for each kind of measure, since those of different kinds must not be compared."""
    from rich.console import Console
    from rich.table import Table

    from debleed.scoring.scores import MEASURES, POLICY

    console = Console()
    for title in dict.fromkeys(MEASURES[key].table for key in scores.measures):
        measures = [key for key in scores.measures if MEASURES[key].table == title]
        table = Table("source", title=title)
        for key in measures:
            table.add_column(MEASURES[key].title, justify="right")
        *sources, (last, medians) = scores.rows()
        for name, row in sources:
            table.add_row(name, *(shown(row[key]) for key in measures))
        table.add_row(last, *(shown(medians[key]) for key in measures), style="bold")
        if any(MEASURES[key].mean for key in measures):
            means = [shown(scores.overall(key)) if MEASURES[key].mean else "" for key in measures]
            table.add_row("overall (mean)", *means, style="bold")
        console.print(table)
    console.print(POLICY)


def show_blind(before: Recording, after: Recording) -> dict[str, object]:
    """Print the measures that need no truth and return them for JSON."""
    from rich.console import Console
    from rich.table import Table

    from debleed.scoring.blind import inter_microphone_coherence, level_changes
    from debleed.scoring.prediction import estimated_sdr
    from debleed.scoring.scores import described

    coherence = inter_microphone_coherence(before)
    changes = level_changes(before, after)
    was, became = estimated_sdr(before, after)
    table = Table("microphone", title="in dB; a dash where the recording does not tell")
    columns = {"estimated SDR before": was, "after": became, "level change where dominant": changes}
    for title in columns:
        table.add_column(title, justify="right")
    for i, name in enumerate(before.names):
        table.add_row(name, *(shown(column[i]) for column in columns.values()))
    console = Console()
    console.print(f"inter-microphone coherence before: {shown(coherence, 3)}")
    console.print(table)

    def by_name(values: NDArray[np.float64]) -> dict[str, object]:
        return described(dict(zip(before.names, values.tolist(), strict=True)))

    return {
        "inter_microphone_coherence": described({"before": coherence}),
        "estimated_sdr_before_db": by_name(was),
        "estimated_sdr_db": by_name(became),
        "level_change_db": by_name(changes),
    }
