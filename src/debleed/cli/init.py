"""``debleed init IN``: a session file to edit."""

from __future__ import annotations

import errno
from pathlib import Path

import click

from debleed.recording import InputError


@click.command(help="Write a commented session.toml into the folder IN, or next to IN if it is a file.")
@click.argument("given", metavar="IN", type=click.Path(readable=False, path_type=Path))
@click.option("--force", is_flag=True, help="Overwrite an existing session.toml.")
def command(given: Path, force: bool) -> None:
    """Write the session file."""
    from debleed.assignment import template
    from debleed.daw.take import is_project, units_of
    from debleed.io import audio, session
    from debleed.io.documents import write_text
    from debleed.io.recorder.take import RecorderTake, open_folder
    from debleed.io.recorder.template import recorder_template
    from debleed.io.staging import writable_ancestor

    target = session.session_path(given)
    take = None
    if not is_project(given):
        take = audio.open_take(given) if given.is_file() else open_folder(given, session.Session())
    if session.has_session(given) and not target.is_file():  # to write into a pipe would wait for who reads it
        raise InputError(f"'{target}' is not a file; rename it")
    if session.has_session(given) and not force:
        raise InputError(f"'{target}' exists already; overwrite it with --force")
    units = take.units if take else units_of(given)
    if strange := next((unit for unit in units if not session.sayable(unit)), None):
        raise InputError(f"the name {strange!r} is not in UTF-8, so session.toml cannot hold it; rename the file")
    writable_ancestor(target.parent)
    recorder = recorder_template(take.layout) if isinstance(take, RecorderTake) else ""
    try:
        write_text(target, template(units, take.labels if take else ()) + recorder)
    except OSError as failure:
        if failure.errno != errno.ENAMETOOLONG:
            raise
        raise InputError(f"the name of '{given}' is too long for a session file beside it; shorten it") from None
    click.echo(f"wrote {target}")
