"""``debleed learn IN -o STAGE``: learn how the sources bleed into the microphones, and save it."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from debleed import feedback
from debleed.cli.job_options import INPUT, METHOD, PATH, PROGRESS, REGION, gather, options, region
from debleed.methods.settings import settings
from debleed.recording import InputError

if TYPE_CHECKING:
    from debleed.stage import Stage

log = logging.getLogger(__name__)


@click.command(
    help="""Learn how the sources of a recording bleed into the microphones, and save it as a stage file.

    IN is a folder or file as in 'debleed remove', for example a sound check in which everybody plays. The stage is
    valid as long as the microphones stay where they are; people may move as they do in IN. 'debleed apply' cleans other
    recordings of the same microphones with it, and 'debleed show' prints what it contains."""
)
@options(INPUT, METHOD, REGION)
@click.option("-o", "--output", metavar="STAGE.debleed", type=PATH, required=True, help="File for the stage.")
@click.option(
    "--date",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Date of the recording, saved in the stage.  [default: that of the broadcast WAV files]",
)
@options(PROGRESS)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def command(
    given: Path,
    method: str,
    pairs: tuple[str, ...],
    region_: str | None,
    output: Path,
    date: datetime | None,
    progress: str,
    force: bool,
    **said: Any,
) -> None:
    """Open the recording, learn from it and save the stage."""
    from contextlib import closing
    from dataclasses import replace

    from debleed.intake import prepared
    from debleed.io.identity import Witness
    from debleed.io.staging import writable_ancestor
    from debleed.job import Job, learnt
    from debleed.methods import PortableMethod, create
    from debleed.resuming import inputs

    with feedback.messages():
        if output.is_dir():
            raise InputError(f"'{output}' is a folder; name a file for the stage, such as {output / 'stage.debleed'}")
        refuse_existing(output, force)
        writable_ancestor(output.absolute().parent)
        chosen = settings(method, pairs)
        if not isinstance(create(method, **chosen), PortableMethod):
            raise InputError(
                f"a stage of '{method}' cannot be saved because it depends on side information or on local files; "
                "use 'debleed remove'"
            )
        session = gather(given, **said)
        job = Job(given, output.parent, session, method, chosen, region=region(region_))
        with closing(prepared(job)) as ready, feedback.progress(progress) as told:
            witness = Witness.of(inputs(ready))
            stage, _ = learnt(ready, told)
            witness.refuse_changes()
        if date is not None:
            stage = replace(stage, recorded=date.date())
        save(stage, output, force)
        stage.announce()
        log.info("wrote %s", output)
        if progress == "json":
            feedback.line(stage="done", share=1.0, files=[str(output)])


def refuse_existing(output: Path, force: bool) -> None:
    """Refuse to overwrite a stage, unless forced, and anything else in any case: it could be a recording."""
    from debleed.io.audio import is_audio
    from debleed.io.stage_file import is_stage

    if is_audio(output):
        raise InputError(f"'{output}' is the name of an audio file; name the stage {output.stem}.debleed")
    if output.exists() and not is_stage(output):
        raise InputError(f"'{output}' exists and is not a saved stage, so it is not overwritten; choose another name")
    if output.exists() and not force:
        raise InputError(f"'{output}' exists already; choose another name, or overwrite it with --force")


def save(stage: Stage, output: Path, force: bool) -> None:
    """Write a stage; if something has appeared in its place meanwhile, say where the stage is instead."""
    from debleed.io.documents import unfinished_name
    from debleed.io.placing import Move, place_all

    kept = output.with_name(unfinished_name(output.name))
    stage.save(kept)
    try:
        place_all([Move(kept, output)], force)
    except InputError as refusal:
        refusal.add_note(f"the stage is in '{kept}'")
        raise
