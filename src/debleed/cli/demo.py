"""``debleed demo``: everything debleed does, on a synthesized band that needs no files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from debleed import feedback
from debleed.cli.simulate import refuse_existing
from debleed.decibels import shown
from debleed.progress import Progress
from debleed.recording import Recording

if TYPE_CHECKING:
    from debleed.report.sentences import Knowledge
    from debleed.scenes.base import Scene
    from debleed.scoring.scores import Scores


@click.command(name="demo")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("debleed-demo"),
    show_default=True,
    help="Folder to write to.",
)
@click.option(
    "--seconds",
    type=click.IntRange(10, 600),
    default=45,  # introduction, verse and chorus
    show_default=True,
    help="Length of the song.",
)
@click.option("--method", default="demix", show_default=True, help="See 'debleed methods'.")
@click.option("--force", is_flag=True, help="Overwrite existing results.")
def command(output: Path, seconds: int, method: str, force: bool) -> None:
    """Synthesize a band, simulate its bleed in a room, remove the bleed and show the result.

    Writes mics/ (the microphones), clean/ (the result), images/ (the truth), scene.json and report.html, a page with
    players for all of them.
    """
    from debleed.methods import create
    from debleed.scenes.demo import RT60, SOURCES, perform

    chosen = create(method)
    refuse_existing(output, ("mics", "clean", "images", "scene.json", "report.html"), force)
    sources = f"{', '.join(SOURCES[:-1])} and {SOURCES[-1]}"
    click.echo(
        f"A band ({sources}) plays for {seconds} s in a simulated room with an RT60 of {RT60} s. Each source has"
    )
    click.echo(f"its own microphone, and every microphone picks up all sources. '{method}' gets only the microphones.")
    click.echo(f"Results go to {output}.")
    with feedback.messages(), feedback.progress("bar") as progress:
        from debleed.remove import learn_in_step
        from debleed.report.sentences import Knowledge

        scene, mics, own = perform(seconds, progress)
        stage, alignment = learn_in_step(mics, chosen, progress=progress)
        clean = stage.applied(mics, alignment=alignment)
        clean = Recording.from_array(clean.read(), clean.rate, clean.names, clean.sources)
        scores = publish(output, force, scene, mics, own, clean, Knowledge.of(stage), progress)
    show(scores)
    click.echo(f"To listen and compare, open {output / 'report.html'} in a browser.")


def publish(
    output: Path,
    force: bool,
    scene: Scene,
    mics: Recording,
    own: Recording,
    clean: Recording,
    knowledge: Knowledge,
    progress: Progress,
) -> Scores:
    """Write all results at once and return the scores against the truth."""
    from debleed.io.staging import Staging
    from debleed.io.writing import write_mics
    from debleed.report import page as report
    from debleed.scenes.rendering import stage_item
    from debleed.scoring.evaluate import score

    with Staging(output, force) as staging:
        stage_item(staging, scene, mics, own)
        write_mics(staging.folder("clean"), clean)
        page = staging.folder() / "report.html"
        report.write(page, mics, clean, title="debleed demo", truth=own, knowledge=knowledge, progress=progress)
        staging.commit()
    return score(own, clean, mics)


def show(scores: Scores) -> None:
    """Print the SDR of each source and the median."""
    from rich.console import Console
    from rich.table import Table

    table = Table("SDR in dB")
    for head in ("microphone", "cleaned", "SDRi"):
        table.add_column(head, justify="right")
    for name, row in scores.rows():
        if name == "median":
            table.add_section()
        table.add_row(name, shown(row["input_sdr"]), shown(row["sdr"]), shown(row["sdri"], sign=True))
    Console().print(table)
