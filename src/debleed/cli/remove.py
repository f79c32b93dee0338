"""``debleed remove IN -o OUT``: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from debleed import feedback
from debleed.cli.job_options import INPUT, METHOD, PATH, RESULT, job_of, options
from debleed.methods.settings import settings

if TYPE_CHECKING:
    from debleed.job import Job


@click.command(
    help="""Remove the bleed from a recording.

    IN is a folder of audio files, each with one microphone or a stereo pair; or one file with one microphone per
    channel; or the folder of a recorder, whose files may be cut or polyphonic; or a REAPER project (.rpp) or DAWproject
    (.dawproject), of which OUT gets a copy with the results. The results in OUT have the same names, rates, lengths and
    sample formats. From the folder of a recorder, each microphone gets one whole file, unless --split says otherwise.
    The names of the files determine which microphones belong to one source; IN/session.toml (see 'debleed init') and
    the options below override this."""
)
@options(INPUT, METHOD, RESULT)
@click.option("--mixture", metavar="FILE", type=PATH, help="The clean mixture, for methods that need it.")
@click.option("--truth", metavar="DIR", type=PATH, help="The true images, for the oracle methods.")
def command(
    method: str,
    pairs: tuple[str, ...],
    mixture: Path | None,
    truth: Path | None,
    progress: str,
    **options: Any,
) -> None:
    """Make a job from the options and run it."""
    with feedback.messages():
        chosen = settings(method, pairs)
        do(job_of(**options, method=method, settings=chosen, mixture=mixture, truth=truth), progress)


def do(job: Job, progress: str) -> None:
    """Run a job with a progress bar or JSON lines, and report what was done and written."""
    from debleed.job import run

    with feedback.progress(progress) as told:
        result = run(job, told)
    feedback.treated(result)
    if progress == "json":
        written = [*result.files, *result.removed, *filter(None, [result.project])]
        feedback.line(stage="done", share=1.0, files=[str(path) for path in written])
