"""``debleed methods``: list the methods."""

from __future__ import annotations

import dataclasses

import click

from debleed.methods import create, registered, usable
from debleed.methods.settings import field_types, kind_name


@click.command(help="List the methods and the settings that --set changes.")
@click.argument("names", metavar="[METHOD]...", nargs=-1)
def command(names: tuple[str, ...]) -> None:
    """Print all methods, or the named ones."""
    chosen = {name: create(name) for name in names} if names else usable()
    for name, method in chosen.items():
        needs = f" [needs {', '.join(sorted(method.needs))}]" if method.needs else ""
        text = registered()[name][1] if name in registered() else "a class of your own"
        click.echo(f"{click.style(name, bold=True)}: {text}{needs}")
        kinds = field_types(method)
        for field in dataclasses.fields(method):  # type: ignore[arg-type]
            setting = f"{field.name}={getattr(method, field.name)}"
            click.echo(
                f"    {setting:<28} {kind_name(kinds[field.name])}; {field.metadata.get('help', '')}".rstrip("; ")
            )
