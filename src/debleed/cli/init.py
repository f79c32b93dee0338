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
    from debleed.daw.take import is_project, units_of
    from debleed.io import audio, session
    from debleed.io.documents import write_text
    from debleed.io.staging import writable_ancestor

    target = session.session_path(given)
    take = None if is_project(given) else audio.open_take(given)
    if target.exists() and not force:
        raise InputError(f"'{target}' exists already; overwrite it with --force")
    writable_ancestor(target.parent)
    write_text(target, template(take.units, take.labels) if take else template(units_of(given)))
    click.echo(f"wrote {target}")
