"""``debleed show STAGE``: print the contents of a stage."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from debleed.cli.job_options import PATH, STAGE, options
from debleed.decibels import shown
from debleed.io.documents import json_numbers, json_text, write_bytes
from debleed.recording import InputError

if TYPE_CHECKING:
    from debleed.report.matrix import Path as SoundPath
    from debleed.stage import Stage

KNOWN = 6.0
"""dB; a level with a larger standard error is shown as not known."""


@click.command(
    help="""Show the contents of a stage.

    STAGE is a file that 'debleed learn' wrote. For each bleed path, this command prints the level of the source
    relative to its own microphone, the delay, the extra distance that the sound travels, and the uncertainty of the
    level."""
)
@options(STAGE)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")
@click.option("--plot", metavar="FILE.png", type=PATH, help="Also plot the bleed matrix.")
def command(stage: Path, method: str | None, as_json: bool, plot: Path | None) -> None:
    """Load the stage and show it."""
    from debleed.report.matrix import listed, picture
    from debleed.stage import Stage

    loaded = Stage.load(stage, method)
    paths = listed(loaded)
    if plot is not None:
        if plot.is_dir():
            raise InputError(f"'{plot}' is a folder; name a file for the plot")
        drawn = picture(loaded)
        write_bytes(plot, drawn)
    if as_json:
        click.echo(json_text(described(loaded, paths)), nl=False)
    else:
        print_stage(stage, loaded, paths)


def described(stage: Stage, paths: list[SoundPath]) -> dict[str, Any]:
    """Return everything for JSON; unknown values are null, with the reason in a field of its own."""
    findings = stage.findings()

    def number(name: str, value: float) -> dict[str, Any]:
        return json_numbers(name, round(value, 6), undefined="not known", unbounded="not known")

    return {
        "method": stage.method,
        "settings": dict(stage.settings),
        "rate": stage.rate,
        "microphones": [
            {
                "name": name,
                "source": source,
                "reference": name in stage.references,
                "finding": findings.get(name),
            }
            for name, source in zip(stage.names, stage.sources, strict=True)
        ],
        "program": stage.program,
        "recorded": stage.recorded and stage.recorded.isoformat(),
        "paths": [
            {
                "microphone": path.microphone,
                "source": path.source,
                "source_microphone": path.source_microphone,
                **number("level_db", path.level_db),
                **number("delay_ms", 1000 * path.delay),
                **number("distance_m", path.distance),
                **number("error_db", path.error_db),
            }
            for path in paths
        ],
    }


def print_stage(file: Path, stage: Stage, paths: list[SoundPath]) -> None:
    """Print the stage as text."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    day = f", recorded on {stage.recorded}" if stage.recorded else ""
    console.print(f"{file.name}: {len(stage.names)} microphones at {stage.rate} Hz{day}", highlight=False)
    console.print(f"learnt with {stage.method} by debleed {stage.program}", highlight=False)
    matrix = Table(title="bleed in dB: source (column) in microphone (row), relative to the source's own microphone")
    matrix.add_column("")
    names = [stage.names[i] for i in stage.with_source]
    for name in names:
        matrix.add_column(name, justify="right")
    level = {(path.microphone, path.source_microphone): shown(path.level_db) for path in paths}
    for name in names:
        matrix.add_row(name, *("" if other == name else level.get((name, other), shown(math.nan)) for other in names))
    console.print(matrix)
    table = Table(title="paths, loudest first")
    for head in ("from", "to", "level, dB", "delay, ms", "distance, m", "known to, dB"):
        table.add_column(head, justify="left" if head in ("from", "to") else "right")
    for path in paths:
        known = f"± {shown(path.error_db)}" if path.error_db < KNOWN else "not known"
        place = shown(1000 * path.delay, 2), shown(path.distance, 2)
        table.add_row(path.source_microphone, path.microphone, shown(path.level_db), *place, known)
    console.print(table)
    if room := [name for name, source in zip(stage.names, stage.sources, strict=True) if source is None]:
        console.print(f"room microphones, unchanged: {', '.join(room)}", highlight=False)
    if signals := [name for name in stage.names if name in stage.references]:
        console.print(f"references, unchanged: {', '.join(signals)}", highlight=False)
    findings = stage.findings()
    for name in filter(findings.get, stage.names):
        console.print(f"{name}: {findings[name]}", highlight=False, markup=False, soft_wrap=True)
