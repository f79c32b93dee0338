"""``debleed learn IN -o STAGE``: learn how the microphones hear each other, and keep it."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

import click

from debleed import feedback
from debleed.cli.job_options import INPUT, METHOD, PATH, REGION, gather, options, region
from debleed.methods.settings import settings
from debleed.recording import InputError

log = logging.getLogger(__name__)


@click.command(
    help="""Learn how the microphones of a recording hear each other, and keep it in a file.

    IN is a folder or file as for 'debleed remove', a soundcheck for example, in which everybody plays and nobody moves
    afterwards. 'debleed apply' cleans other recordings of the same microphones with it, 'debleed show' shows it."""
)
@options(INPUT, METHOD, REGION)
@click.option("-o", "--output", metavar="STAGE.debleed", type=PATH, required=True, help="File for what is learnt.")
@click.option(
    "--date",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Day of the recording, which STAGE keeps; read from broadcast WAV files if not given.",
)
@click.option("--progress", type=click.Choice(["bar", "json"]), default="bar", help="A bar, or lines for programs.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def command(
    given: Path,
    sources: tuple[str, ...],
    old_sources: tuple[str, ...],
    room: tuple[str, ...],
    leave_out: tuple[str, ...],
    method: str,
    pairs: tuple[str, ...],
    region_: str | None,
    output: Path,
    date: datetime | None,
    progress: str,
    force: bool,
) -> None:
    """Open the recording, learn from it and save the stage."""
    from contextlib import closing
    from dataclasses import replace

    from debleed.intake import prepared
    from debleed.io.staging import writable_ancestor
    from debleed.job import Job, learnt
    from debleed.methods import PortableMethod, create

    with feedback.messages():
        if output.is_dir():
            raise InputError(f"'{output}' is a folder; name a file for the stage, such as {output / 'stage.debleed'}")
        if output.exists() and not force:
            raise InputError(f"'{output}' is there already; choose another name, or --force to write over it")
        writable_ancestor(output.absolute().parent)
        chosen = settings(method, pairs)
        if not isinstance(create(method, **chosen), PortableMethod):
            raise InputError(
                f"what '{method}' learns cannot be saved: it needs side information or files of this machine"
            )
        session = gather(given, sources, old_sources, room, leave_out)
        job = Job(given, output.parent, session, method, chosen, region=region(region_))
        with closing(prepared(job)) as ready, feedback.progress(progress) as told:
            stage = learnt(ready, told)
        if date is not None:
            stage = replace(stage, recorded=date.date())
        stage.save(output)
        log.info("wrote %s", output)
        if progress == "json":
            feedback.line(stage="done", share=1.0, files=[str(output)])
