"""``debleed apply STAGE IN -o OUT``: clean a recording with what was learnt before."""

from __future__ import annotations

from pathlib import Path

import click

from debleed import feedback
from debleed.cli.job_options import INPUT, RESULT, STAGE, gather, options, region
from debleed.cli.remove import do


@click.command(
    help="""Clean a recording with what 'debleed learn' has learnt of the same microphones.

    STAGE is the file that 'debleed learn' wrote. IN is a folder or file with the same microphones, under the same
    names, at the same rate. Everything else is as with 'debleed remove', but nothing is learnt."""
)
@options(STAGE, INPUT, RESULT)
def command(
    stage: Path,
    method: str | None,
    given: Path,
    sources: tuple[str, ...],
    old_sources: tuple[str, ...],
    room: tuple[str, ...],
    leave_out: tuple[str, ...],
    output: Path,
    reduction: tuple[str, ...],
    keep: tuple[str, ...],
    region_: str | None,
    keep_removed: Path | None,
    report: Path | None,
    progress: str,
    force: bool,
) -> None:
    """Load the stage, make a job of the options and do it."""
    from debleed.job import Job
    from debleed.stage import Stage

    with feedback.messages():
        job = Job(
            given,
            output,
            session=gather(given, sources, old_sources, room, leave_out, reduction, keep),
            stage=Stage.load(stage, method),
            region=region(region_),
            removed=keep_removed,
            report=report,
            force=force,
        )
        do(job, progress)
