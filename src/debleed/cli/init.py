"""``debleed init IN``: a session file to edit."""

from __future__ import annotations

from pathlib import Path

import click

from debleed.recording import InputError


@click.command(help="Write a commented session.toml into the folder IN (for a single file: beside it).")
@click.argument("given", metavar="IN", type=click.Path(readable=False, path_type=Path))
@click.option("--force", is_flag=True, help="Write over a session.toml that is there.")
def command(given: Path, force: bool) -> None:
    """Write the session file."""
    from debleed.assignment import template
    from debleed.io import audio, session
    from debleed.io.documents import write_text
    from debleed.io.staging import writable_ancestor

    target = session.session_path(given)
    units = audio.open_take(given).units
    if target.exists() and not force:
        raise InputError(f"'{target}' is there already; --force writes over it")
    writable_ancestor(target.parent)
    write_text(target, template(units))
    click.echo(f"wrote {target}")
