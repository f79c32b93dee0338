"""``debleed evaluate``: score a cleaned recording, with the truth or without."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from debleed.decibels import shown
from debleed.io.documents import json_text, write_text
from debleed.recording import InputError, Recording

if TYPE_CHECKING:
    from debleed.scoring.scores import Scores

PATH = click.Path(readable=False, path_type=Path)  # checked later, with our own sentences


@click.command(
    help="""Score a cleaned recording.

    REFERENCE holds the true sound of each source in its microphone, ESTIMATE what a method made of the microphones:
    folders of files that are paired by their names, or files with a microphone a channel. With --target dry, REFERENCE
    holds the dry stems. With --blind nothing true is needed: the first is the recording before, the second after."""
)
@click.argument("reference", metavar="REFERENCE|MICS", type=PATH)
@click.argument("estimate", metavar="ESTIMATE|CLEAN", type=PATH)
@click.option("--mics", metavar="MICS", type=PATH, help="The recording before: also show what was gained.")
@click.option(
    "--measures",
    type=click.Choice(["sdr", "all"]),
    default="sdr",
    show_default=True,
    help="'all': also BSS Eval v4 (SIR, SAR, ISR), the WASPAA 2023 protocol, SI-SDR, the challenges' SDR and, with "
    "--mics, what is left where the source is silent.",
)
@click.option(
    "--target",
    type=click.Choice(["image", "dry"]),
    default="image",
    show_default=True,
    help="What REFERENCE is: each source as its microphone heard it, or the dry stem; against that, SDR as it is, by "
    "the WASPAA 2023 protocol, and after the best gain and delay.",
)
@click.option("--blind", is_flag=True, help="Without truth: inter-microphone coherence and levels, before and after.")
@click.option("--json", "written", metavar="FILE", type=PATH, help="Also write the figures as JSON.")
def command(
    reference: Path,
    estimate: Path,
    mics: Path | None,
    measures: str,
    target: str,
    blind: bool,
    written: Path | None,
) -> None:
    """Read both, compare, show."""
    from debleed import feedback

    if blind and mics is not None:
        raise InputError("with --blind the first folder is the microphones already; leave --mics out")
    if blind and (measures, target) != ("sdr", "image"):
        raise InputError("with --blind there is no truth to measure against; leave --measures and --target out")
    if target == "dry" and (mics is not None or measures == "all"):
        raise InputError(
            "against dry stems there is one set of measures: leave --mics and --measures out, and to compare give the "
            "microphones as ESTIMATE"
        )
    with feedback.messages():
        first = load(reference)
        second = paired(first, load(estimate), estimate)
        before = None if mics is None else paired(first, load(mics), mics)
        figures = show_blind(first, second) if blind else scored(first, second, before, target, measures)
    if written is not None:
        write_text(written, json_text(figures))


def load(path: Path) -> Recording:
    """Open a folder or file as a recording whose sources follow its session file, or else the names."""
    from debleed.assignment import sources_of
    from debleed.intake import open_input, session_of

    take, microphones = open_input(path, session_of(path), alone=True)
    return take.recording(sources_of(microphones))


def paired(reference: Recording, other: Recording, path: Path) -> Recording:
    """Put the microphones of another recording into the reference's order, by name; more than those may be there.

    Raises
    ------
    InputError
        For missing microphones, and for another rate or length.
    """
    if missing := [name for name in reference.names if name not in other.names]:
        raise InputError(f"'{path}' lacks {', '.join(missing)}; it has {', '.join(other.names)}")
    if (other.rate, other.length) != (reference.rate, reference.length):
        raise InputError(
            f"'{path}' has {other.length} samples at {other.rate} Hz where {reference.length} at {reference.rate} Hz "
            "are needed; files are compared sample by sample"
        )
    chosen = other.select([other.names.index(name) for name in reference.names])
    return replace(chosen, sources=reference.sources)


def scored(
    reference: Recording, estimate: Recording, before: Recording | None, target: str, measures: str
) -> dict[str, object]:
    """Score, print the tables and return the figures for JSON."""
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
    """Print what can be said without the truth and return the figures for JSON."""
    from rich.console import Console
    from rich.table import Table

    from debleed.scoring.blind import inter_microphone_coherence, level_changes
    from debleed.scoring.scores import described

    shares = {"before": inter_microphone_coherence(before), "after": inter_microphone_coherence(after)}
    changes = level_changes(before, after)
    table = Table("microphone", title="level where it leads, change in dB")
    table.add_column("change", justify="right")
    for name, change in zip(before.names, changes, strict=True):
        table.add_row(name, shown(change))
    console = Console()
    console.print(f"inter-microphone coherence: {shares['before']:.3f} before, {shares['after']:.3f} after")
    console.print(table)
    return {
        "inter_microphone_coherence": described(shares),
        "level_change_db": described(dict(zip(before.names, changes.tolist(), strict=True))),
    }
