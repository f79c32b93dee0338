"""``debleed benchmark``: run methods on corpora with bleed, keep every score, write the tables."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from debleed import feedback
from debleed.cli.engine import engine_options, outcomes
from debleed.recording import InputError
from debleed.workers import explained

if TYPE_CHECKING:
    from debleed.bench.goals import About

log = logging.getLogger("debleed.bench.run")

PATH = click.Path(readable=False, path_type=Path)  # checked later, with our own sentences


def named_folders(texts: Sequence[str]) -> dict[str, Path]:
    """Parse repeated ``NAME=DIR``."""
    folders: dict[str, Path] = {}
    for text in texts:
        name, equals, folder = text.partition("=")
        if not (name and equals and folder):
            raise click.BadParameter(f"expected NAME=DIR, such as editor=outputs/, got '{text}'")
        if name in folders:
            raise click.BadParameter(f"'{name}' is used twice; give each set of outputs its own name")
        folders[name] = Path(folder)
    return folders


@click.command(name="benchmark")
@click.argument("corpora", metavar="[CORPUS]...", type=PATH, nargs=-1)
@click.option("-o", "--output", type=PATH, help="Folder for the results; new scores are added to existing ones.")
@click.option("--methods", default="all", show_default=True, metavar="A,B", help="Comma-separated methods.")
@click.option(
    "--external",
    multiple=True,
    metavar="NAME=DIR",
    callback=lambda ctx, option, texts: named_folders(texts),
    help="Also score the outputs of another program: DIR/<split>/<track>/<microphone>.wav.",
)
@click.option("--compare", nargs=2, type=PATH, metavar="A B", help="Compare two folders of results instead.")
@engine_options
def command(
    corpora: tuple[Path, ...],
    output: Path | None,
    methods: str,
    external: dict[str, Path],
    compare: tuple[Path, Path] | None,
    workers: int,
    scheduler: str | None,
) -> int:
    """Run methods on every item of corpora made by 'debleed corpus bleed' or 'debleed corpus make'; write the tables.

    Writes scores.jsonl (one line per item and method), founding.md, scores.csv and report.html to the results folder.
    Existing scores are not measured again, so an interrupted benchmark resumes where it stopped.
    """
    if compare:
        show_comparison(*compare)
        return 0
    if not corpora or output is None:
        raise click.UsageError("specify at least one CORPUS and -o FOLDER, or --compare A B")
    from debleed.bench.goals import abouts_of
    from debleed.bench.page import text_files
    from debleed.bench.results import LINES, append, key, read_lines, scored, shown_lines
    from debleed.bench.run import measure, tasks_of
    from debleed.io.documents import write_text
    from debleed.io.staging import writable_ancestor
    from debleed.methods import registered

    chosen = list(registered()) if methods == "all" else [name.strip() for name in methods.split(",") if name.strip()]
    corpora, output = (
        tuple(corpus.resolve() for corpus in corpora),
        output.resolve(),
    )  # workers may run in another folder
    tasks = tasks_of(corpora, chosen, {name: folder.resolve() for name, folder in external.items()})
    writable_ancestor(output)
    output.mkdir(parents=True, exist_ok=True)
    lines = read_lines(output) if (output / LINES).exists() else []
    # methods that could not run are tried again: the reason may be gone
    written, done = set(map(repr, lines)), set(map(key, scored(lines)))
    missing = {name: task for task in tasks if (name := key(task.line())) not in done}
    left = list(missing.values())
    click.echo(f"{len(tasks)} measurements, {len(tasks) - len(left)} already done -> {output}")
    failed: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    shown: list[dict[str, Any]] = []
    try:
        with feedback.messages():
            for task, outcome in outcomes(measure, left, workers, scheduler):
                if isinstance(outcome, Exception):
                    failed[task.name] += 1
                    log.warning("%s by %s failed: %s", task.item.id, task.name, explained(outcome))
                else:
                    refused[task.name] += "refused" in outcome
                    if repr(outcome) not in written:
                        append(output, outcome)
                    lines.append(outcome)
    finally:
        shown = shown_lines(lines, corpora)
        if shown:
            for name, text in text_files(shown, abouts_of(corpora)).items():
                write_text(output / name, text)
    show_tables(shown, abouts_of(corpora))
    ready = f" -> {output / 'founding.md'}" if shown else ""
    measured = len(left) - failed.total() - refused.total()
    click.echo(f"{measured} measured, {len(tasks) - len(left)} already done{ready}")
    if refused := +refused:
        listed = ", ".join(f"{method} {count}" for method, count in refused.items())
        click.echo(f"{refused.total()} could not be measured ({listed}); see the tables for the reasons")
    if failed:
        listed = ", ".join(f"{method} {count}" for method, count in failed.items())
        click.echo(f"{failed.total()} failed ({listed}); run the same command again to retry them", err=True)
    return 1 if failed else 0


def show_tables(lines: list[dict[str, Any]], abouts: Mapping[str, About]) -> None:
    """Print the first table of each kind of bleed, the goals, and which methods did not run."""
    from debleed.bench.tables import goals, overview, sections, unable

    for bleed, about, tables, measured in sections(lines, abouts):
        if measured:
            show(f"{bleed}: {about}", *tables[0][1])
    for title, table in (
        ("Median SDR over all sources of all items, dB", overview(lines, abouts)),
        ("Goals", goals(lines, abouts)),
        ("Methods that did not run", unable(lines)),
    ):
        if table[1]:
            show(title, *table)


def show_comparison(a: Path, b: Path) -> None:
    """Print the differences between the scores of two folders."""
    from debleed.bench.results import read_lines
    from debleed.bench.tables import compared

    head, rows = compared(read_lines(a), read_lines(b))
    if not rows:
        raise InputError(f"'{a}' and '{b}' have no item and method in common")
    show(f"a = {a}, b = {b}; dB", head, rows)


def show(title: str, head: list[str], rows: list[list[str]]) -> None:
    """Print a table; long cells wrap instead of being cut off."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for k, cell in enumerate(head):
        figures = bool(rows) and k > 0 and rows[0][k][:1] in "+−–∞0123456789"
        table.add_column(cell, justify="right" if figures else "left", overflow="fold", no_wrap=figures or k == 0)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
