"""``debleed corpus make``: write scene sets as corpora; and the check of the material that they are made of."""

from __future__ import annotations

from pathlib import Path

import click

from debleed import feedback
from debleed.recording import InputError

PATH = click.Path(readable=False, path_type=Path)  # checked later, with our own sentences

data_option = click.option(
    "--data", type=PATH, envvar="DEBLEED_DATA", help="Folder of the material; SETS names one. Also DEBLEED_DATA."
)


@click.command(name="make")
@click.argument("sets", metavar="SETS", type=PATH)
@click.option("-o", "--output", type=PATH, required=True, help="Folder of the corpora, one for each set.")
@click.option("--sets", "chosen", metavar="A,B", help="Only these sets, separated by commas.")
@data_option
@click.option("--force", is_flag=True, help="Replace a corpus that was made otherwise.")
def make(sets: Path, output: Path, chosen: str | None, data: Path | None, force: bool) -> int:
    """Make the corpora that SETS describes, such as benchmarks/corpora.toml in the repository.

    Goes on where it was stopped: what is there and undamaged is kept.
    """
    from debleed.io.staging import writable_ancestor
    from debleed.scenes.making import make_set
    from debleed.scenes.set_file import read_sets

    book = read_sets(sets, data)
    names = list(book.sets) if chosen is None else [name.strip() for name in chosen.split(",") if name.strip()]
    if unknown := [name for name in names if name not in book.sets]:
        raise InputError(f"'{sets}' describes no set '{unknown[0]}'; it has {', '.join(book.sets)}")
    writable_ancestor(output)
    for name in names:
        made, total = 0, len(book.sets[name].items())
        with feedback.progress("bar") as progress:
            for done, (_, fresh) in enumerate(make_set(book.sets[name], output, force), start=1):
                made += fresh
                progress(name, done / total)
        click.echo(f"{name}: {total} items ({made} made, {total - made} were there) -> {output / name}")
    return 0


def check_material(sets: Path, data: Path | None) -> int:
    """Say what is there of the material of SETS, and whether it is what our figures were measured on."""
    from debleed.scenes.material_check import examine
    from debleed.scenes.set_file import read_sets

    lacking = 0
    for found in examine(read_sets(sets, data), sets.with_suffix(".sha256")):
        source = found.source
        for path in found.missing:
            click.echo(f"'{path}' is missing")
        if found.missing:
            lacking += len(found.missing)
            click.echo(f"{found.name}: {source.title} ({source.licence}), see {source.where}")
        elif found.other:
            click.echo(
                f"{found.name}: {found.files} files are there, {len(found.other)} of them (such as '{found.other[0]}') "
                "are not those that the published figures were measured on; yours will differ a little"
            )
        else:
            click.echo(f"{found.name}: {found.files} files, all of them those of the published figures")
    return 1 if lacking else 0
