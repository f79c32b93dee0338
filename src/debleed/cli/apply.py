"""``debleed apply STAGE IN -o OUT``: clean a recording with a saved stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from debleed import feedback
from debleed.cli.job_options import INPUT, RESULT, STAGE, job_of, options
from debleed.cli.remove import do


@click.command(
    help="""Clean a recording with a stage that 'debleed learn' saved.

    STAGE is the file that 'debleed learn' wrote. IN is a folder or file with the same microphones, the same names and
    the same sample rate. Everything else works as in 'debleed remove', except that nothing is learnt from IN."""
)
@options(STAGE, INPUT, RESULT)
def command(stage: Path, method: str | None, progress: str, **options: Any) -> None:
    """Load the stage, make a job from the options and run it."""
    from debleed.stage import Stage

    with feedback.messages():
        do(job_of(**options, stage=Stage.load(stage, method)), progress)
