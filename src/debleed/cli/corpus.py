"""``debleed corpus``: bleed a folder of dry stems in the shape of MUSDB18-HQ; make scene sets; check either."""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from debleed import feedback
from debleed.cli.engine import engine_options, explained, outcomes
from debleed.cli.scene_options import bleed_option, scene_options
from debleed.cli.scene_sets import check_material, data_option, make
from debleed.recording import InputError

if TYPE_CHECKING:
    from debleed.scenes.tracks import Track

log = logging.getLogger("debleed.scenes.corpus")

PATH = click.Path(readable=False, path_type=Path)  # checked later, with our own sentences


@click.group(name="corpus")
def command() -> None:
    """Make corpora that bleed out of dry stems, and check them."""


command.add_command(make)


@command.command(name="bleed")
@click.argument("musdb", metavar="MUSDB", type=PATH)
@click.option("-o", "--output", type=PATH, required=True, help="Folder of the corpus.")
@bleed_option(required=False, otherwise=" Or give --presets.")
@click.option(
    "--presets",
    metavar="NAME",
    help="A set-up of Rajesh and Padmanabhan (WASPAA 2023) instead, such as waspaa2023-room-0.35.",
)
@click.option("--split", metavar="NAME", help="Only this split, such as test.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.1),
    metavar="S",
    help="Cut into blocks, 10 for the WASPAA 2023 protocol; blocks with silent vocals, bass or drums are dropped.",
)
@click.option("--seed", default="0", show_default=True, metavar="N", help="Number or name that scenes are drawn from.")
@click.option(
    "--rate", type=click.IntRange(min=1000), metavar="HZ", help="Sample rate; that of the stems if not given."
)
@scene_options
@engine_options
@click.option("--force", is_flag=True, help="Replace a corpus that was made otherwise.")
def bleed(
    musdb: Path,
    output: Path,
    bleed: str | None,
    presets: str | None,
    split: str | None,
    seconds: float | None,
    seed: str,
    rate: int | None,
    workers: int,
    scheduler: str | None,
    force: bool,
    settings: dict[str, Any],
) -> int:
    """Let the stems of every track in MUSDB bleed into each other's microphones.

    MUSDB is MUSDB18-HQ or any folder of <split>/<track>/<stem>.wav; stereo is mixed to mono, mixture.wav is not used.
    Writes mics, images (the truth), stems and scene.json for every track or block, and corpus.json, the list of all
    with their checksums. Goes on where it was stopped: what is there and undamaged is kept.
    """
    from debleed.io.staging import writable_ancestor
    from debleed.scenes.corpus import (
        Job,
        Recipe,
        bleed_track,
        refuse_foreign,
        refuse_other_corpus,
        sweep,
        write_manifest,
    )
    from debleed.scenes.tracks import common_stems, find_tracks

    if (bleed is None) == (presets is None):
        raise click.UsageError("say either --bleed or --presets")
    musdb, output = musdb.resolve(), output.resolve()  # workers may stand elsewhere
    if "responses" in settings:
        settings["responses"] = settings["responses"].resolve()
    draw = {"kind": bleed, **settings} if bleed else {"preset": presets, **settings}
    tracks = find_tracks(musdb)
    recipe = Recipe(common_stems(tracks), draw, seed, rate, seconds)
    chosen = [track for track in tracks if split in (None, track.split)]
    if not chosen:
        raise InputError(f"'{musdb}' has no split '{split}'; it has {', '.join(sorted({t.split for t in tracks}))}")
    recipe.scene(chosen[0].id, rate or 22050)  # settings that no track could have are refused before any is read
    refuse_inside(musdb, output)
    writable_ancestor(output)
    refuse_other_corpus(output, recipe, force)
    jobs = [Job(recipe, track, output) for track in chosen]
    for job in jobs:
        refuse_foreign(job)
    output.mkdir(parents=True, exist_ok=True)
    write_manifest(output, recipe, {}, {})
    for line in left_out(chosen, recipe.stems):
        click.echo(line)
    click.echo(
        f"{len(jobs)} tracks with the stems {', '.join(recipe.stems)} -> {output}; "
        f"{shutil.disk_usage(output).free / 2**30:.0f} GiB are free"
    )
    records: dict[str, dict[str, Any]] = {}
    failed: dict[str, str] = {}
    try:
        with feedback.messages():
            for job, outcome in outcomes(bleed_track, jobs, workers, scheduler):
                if isinstance(outcome, Exception):
                    failed[job.track.id] = explained(outcome)
                    log.warning("%s failed: %s", job.track.id, failed[job.track.id])
                else:
                    records[job.track.id] = outcome
    finally:
        sweep(jobs)
        write_manifest(output, recipe, records, failed)
    made = sum(record["made"] for record in records.values())
    items = sum(len(record["items"]) for record in records.values())
    dropped = sum(record["dropped"] for record in records.values())
    short = sum(not record["items"] and not record["dropped"] for record in records.values())
    click.echo(
        f"{items} items of {len(records)} tracks ({made} made, {len(records) - made} were there)"
        + (f"; {dropped} blocks dropped, since a source is silent" if dropped else "")
        + (f"; {short} tracks are shorter than a block" if short else "")
        + (f"; {len(failed)} tracks failed" if failed else "")
    )
    return 1 if failed else 0


def left_out(tracks: Sequence[Track], stems: Sequence[str]) -> list[str]:
    """Say which stems are not used, since fewer than half of the tracks have them."""
    extra = Counter(stem for track in tracks for stem in track.names() if stem not in stems)
    return [f"left out: the stem '{stem}', which only {count} tracks have" for stem, count in sorted(extra.items())]


def refuse_inside(source: Path, output: Path) -> None:
    """Refuse to write into the folder that is read."""
    if output.resolve().is_relative_to(source.resolve()):
        raise InputError(f"the output '{output}' lies in the input '{source}'; choose another folder")


@command.command(name="check")
@click.argument("corpus", metavar="FOLDER", type=PATH)
@data_option
def check(corpus: Path, data: Path | None) -> int:
    """Say what is missing or damaged in MUSDB18-HQ, in a corpus, or in the material of scene sets.

    Of MUSDB18-HQ the files are counted and their headers read; a corpus is compared with its checksums. For a file of
    scene sets, such as benchmarks/corpora.toml, the songs and kits that they need are looked for and compared with
    those that the published figures were measured on.

    Exit code 0: whole; 1: something is missing or damaged.
    """
    from debleed.scenes.corpus import MANIFEST, items_of, read_manifest
    from debleed.scenes.tracks import MUSDB_SOURCE, musdb_complaints

    if corpus.suffix == ".toml":
        return check_material(corpus, data)
    if not corpus.is_dir():
        raise InputError(f"there is no folder '{corpus}'. {MUSDB_SOURCE}")
    if (corpus / MANIFEST).exists():
        items = items_of(corpus)
        with feedback.progress("bar") as progress:
            complaints = [f"{track}: {why}" for track, why in read_manifest(corpus)["failed"].items()]
            for done, item in enumerate(items, start=1):
                complaints += [found for found in [item.damage()] if found]
                progress("items", done / len(items))
        what, advice = (
            f"{len(items)} items",
            "Run the same 'debleed corpus' command again; it makes what is missing anew.",
        )
    else:
        complaints, what, advice = musdb_complaints(corpus), "MUSDB18-HQ", MUSDB_SOURCE
    for complaint in complaints:
        click.echo(complaint)
    click.echo(
        f"{len(complaints)} complaints. {advice}" if complaints else f"{what}: nothing is missing, nothing damaged"
    )
    return 1 if complaints else 0
