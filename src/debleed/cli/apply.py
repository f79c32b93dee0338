"""``debleed apply STAGE IN -o OUT``: clean a recording with a saved stage."""

from __future__ import annotations

from pathlib import Path

import click

from debleed import feedback
from debleed.cli.job_options import INPUT, RESULT, STAGE, gather, options, region
from debleed.cli.remove import do


@click.command(
    help="""Clean a recording with a stage that 'debleed learn' saved.

    STAGE is the file that 'debleed learn' wrote. IN is a folder or file with the same microphones, the same names and
    the same sample rate. Everything else works as in 'debleed remove', except that nothing is learnt from IN."""
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
    """Load the stage, make a job from the options and run it."""
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
