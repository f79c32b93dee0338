"""``debleed corpus make``: write scene sets as corpora; and the check of their source material."""

from __future__ import annotations

from pathlib import Path

import click

from debleed import feedback
from debleed.recording import InputError

PATH = click.Path(readable=False, path_type=Path)  # checked later, with our own sentences

data_option = click.option(
    "--data",
    type=PATH,
    envvar="DEBLEED_DATA",
    help="Folder of the songs and kits, instead of the one in SETS; or set DEBLEED_DATA.",
)


@click.command(name="make")
@click.argument("sets", metavar="SETS", type=PATH)
@click.option("-o", "--output", type=PATH, required=True, help="Folder for the corpora, one per set.")
@click.option("--sets", "chosen", metavar="A,B", help="Only these sets, comma-separated.")
@data_option
@click.option("--force", is_flag=True, help="Replace a corpus made with other settings.")
def make(sets: Path, output: Path, chosen: str | None, data: Path | None, force: bool) -> int:
    """Make the corpora described in SETS, such as benchmarks/corpora.toml in the repository.

    An interrupted run resumes where it stopped: undamaged items are kept.
    """
    from debleed.io.staging import writable_ancestor
    from debleed.scenes.making import make_set
    from debleed.scenes.set_file import read_sets

    book = read_sets(sets, data)
    names = list(book.sets) if chosen is None else [name.strip() for name in chosen.split(",") if name.strip()]
    if unknown := [name for name in names if name not in book.sets]:
        raise InputError(f"'{sets}' has no set '{unknown[0]}'; it has {', '.join(book.sets)}")
    writable_ancestor(output)
    for name in names:
        made, total = 0, len(book.sets[name].items())
        with feedback.progress("bar") as progress:
            for done, (_, fresh) in enumerate(make_set(book.sets[name], output, force), start=1):
                made += fresh
                progress(name, done / total)
        click.echo(f"{name}: {total} items ({made} made, {total - made} already there) -> {output / name}")
    return 0


def check_material(sets: Path, data: Path | None) -> int:
    """Print which songs and kits of SETS are there, and whether they are those behind the published results."""
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
                f"{found.name}: {found.files} files, {len(found.other)} of which (such as '{found.other[0]}') differ "
                "from those behind the published results; expect slightly different scores"
            )
        else:
            click.echo(f"{found.name}: {found.files} files, all identical to those behind the published results")
    return 1 if lacking else 0
