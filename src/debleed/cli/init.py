"""``debleed init IN``: a session file to edit."""

from __future__ import annotations

from pathlib import Path

import click

from debleed.recording import InputError


@click.command(help="Write a commented session.toml into the folder IN, or next to IN if it is a file.")
@click.argument("given", metavar="IN", type=click.Path(readable=False, path_type=Path))
@click.option("--force", is_flag=True, help="Overwrite an existing session.toml.")
def command(given: Path, force: bool) -> None:
    """Write the session file."""
    from debleed.assignment import template
    from debleed.io import audio, session
    from debleed.io.documents import write_text
    from debleed.io.recorder.take import RecorderTake, open_folder
    from debleed.io.recorder.template import recorder_template
    from debleed.io.staging import writable_ancestor

    target = session.session_path(given)
    take = audio.open_take(given) if given.is_file() else open_folder(given, session.Session())
    if target.exists() and not force:
        raise InputError(f"'{target}' exists already; overwrite it with --force")
    writable_ancestor(target.parent)
    recorder = recorder_template(take.layout) if isinstance(take, RecorderTake) else ""
    write_text(target, template(take.units, take.labels) + recorder)
    click.echo(f"wrote {target}")
