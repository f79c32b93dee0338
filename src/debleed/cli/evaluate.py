"""``debleed evaluate``: score a cleaned recording, with the truth or without."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import click

from debleed.recording import InputError, Recording

PATH = click.Path(readable=False, path_type=Path)  # checked later, with our own sentences


@click.command(
    help="""Score a cleaned recording.

    REFERENCE holds the true sound of each voice in its microphone, ESTIMATE what a method made of the microphones:
    folders of files that are paired by their names, or files with a microphone a channel. With --blind nothing true is
    needed: the first is the recording before, the second after."""
)
@click.argument("reference", metavar="REFERENCE|MICS", type=PATH)
@click.argument("estimate", metavar="ESTIMATE|CLEAN", type=PATH)
@click.option("--mics", metavar="MICS", type=PATH, help="The recording before: also show what was gained.")
@click.option("--blind", is_flag=True, help="Without truth: predictable share and levels, before and after.")
@click.option("--json", "written", metavar="FILE", type=PATH, help="Also write the figures as JSON.")
def command(reference: Path, estimate: Path, mics: Path | None, blind: bool, written: Path | None) -> None:
    """Read both, compare, show."""
    from debleed.cli import feedback

    if blind and mics is not None:
        raise InputError("with --blind the first folder is the microphones already; leave --mics out")
    with feedback.messages():
        first = load(reference)
        second = paired(first, load(estimate), estimate)
        before = None if mics is None else paired(first, load(mics), mics)
        figures = show_blind(first, second) if blind else show_scores(first, second, before)
    if written is not None:
        written.write_text(json.dumps(figures, indent=2, allow_nan=False) + "\n", "utf-8")


def load(path: Path) -> Recording:
    """Open a folder or file as a recording whose voices follow its session file, or else the names."""
    from debleed.audio import open_take
    from debleed.session import Session, assign, left_out, load_session, session_path

    said = session_path(path)
    session = load_session(said) if said.exists() else Session()
    if path.is_dir() and session.leave_out:
        from debleed.audio import Take, audio_files

        files = audio_files(path)
        dropped = left_out(session, files)
        take = Take.open([file for file in files if not {file.name, file.stem} & set(dropped)])
    else:
        take = open_take(path)
    return take.recording(assign(session, take.units))


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
    return replace(chosen, voices=reference.voices)


def number(value: float) -> str:
    """Write a score for people."""
    return "–" if math.isnan(value) else f"{value:.1f}" if math.isfinite(value) else ("∞" if value > 0 else "−∞")


def show_scores(reference: Recording, estimate: Recording, before: Recording | None) -> dict[str, object]:
    """Print the table of SDR and return the figures for JSON."""
    from rich.console import Console
    from rich.table import Table

    from debleed.evaluate import score

    scores = score(reference, estimate, before)
    titles = {"input_sdr": "SDR before", "sdr": "SDR", "gain": "gain"}
    rows = list(scores.rows())
    table = Table("voice", title="dB against the truth")
    for key in rows[-1][1]:
        table.add_column(titles[key], justify="right")
    for name, row in rows:
        table.add_row(name, *map(number, row.values()), style="bold" if name is rows[-1][0] else "")
    Console().print(table)
    return scores.to_json()


def show_blind(before: Recording, after: Recording) -> dict[str, object]:
    """Print what can be said without the truth and return the figures for JSON."""
    from rich.console import Console
    from rich.table import Table

    from debleed.evaluate import described, level_changes, predictable_share

    shares = {"before": predictable_share(before), "after": predictable_share(after)}
    changes = level_changes(before, after)
    table = Table("microphone", title="level where it leads, change in dB")
    table.add_column("change", justify="right")
    for name, change in zip(before.names, changes, strict=True):
        table.add_row(name, number(change))
    console = Console()
    console.print(f"predictable share: {shares['before']:.3f} before, {shares['after']:.3f} after")
    console.print(table)
    return {
        "predictable_share": described(shares),
        "level_change_db": described(dict(zip(before.names, changes.tolist(), strict=True))),
    }
