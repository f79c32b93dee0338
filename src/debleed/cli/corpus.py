"""``debleed corpus``: make corpora with bleed from dry stems (MUSDB18-HQ) or from scene sets, and check them."""

from __future__ import annotations

import logging
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from debleed import feedback
from debleed.cli.engine import engine_options, outcomes
from debleed.cli.scene_options import bleed_option, scene_options
from debleed.cli.scene_sets import check_material, data_option, make
from debleed.recording import InputError
from debleed.workers import explained

if TYPE_CHECKING:
    from debleed.scenes.tracks import Track

log = logging.getLogger("debleed.scenes.corpus")

PATH = click.Path(readable=False, path_type=Path)  # checked later, with our own sentences


@click.group(name="corpus")
def command() -> None:
    """Make corpora with bleed from dry stems, and check them."""


command.add_command(make)


@command.command(name="bleed")
@click.argument("musdb", metavar="MUSDB", type=PATH)
@click.option("-o", "--output", type=PATH, required=True, help="Folder for the corpus.")
@bleed_option(required=False, otherwise=" Use either this or --presets.")
@click.option(
    "--presets",
    metavar="NAME",
    help="A setup of Rajesh and Padmanabhan (WASPAA 2023), such as waspaa2023-room-0.35; or drawn-room; or real-stage "
    "or moving-stage, which have mishaps drawn at random. Replaces --bleed.",
)
@click.option("--split", metavar="NAME", help="Only this split, such as test.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.1),
    metavar="S",
    help="Cut tracks into blocks of this length, 10 in the WASPAA 2023 protocol, and drop blocks in which vocals, bass "
    "or drums are silent.",
)
@click.option(
    "--seed", default="0", show_default=True, metavar="N", help="Random seed of the scenes, a number or a name."
)
@click.option("--rate", type=click.IntRange(min=1000), metavar="HZ", help="Sample rate.  [default: that of the stems]")
@scene_options
@engine_options
@click.option("--force", is_flag=True, help="Replace a corpus made with other settings.")
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
    """Simulate bleed between the stems of every track in MUSDB.

    MUSDB is MUSDB18-HQ or any folder of <split>/<track>/<stem>.wav; stereo stems are mixed to mono, and mixture.wav is
    ignored. Writes mics, images (the truth), stems and scene.json for every track or block, and corpus.json, which
    lists all items with checksums. An interrupted run resumes where it stopped: undamaged items are kept.
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
        raise click.UsageError("specify either --bleed or --presets")
    musdb, output = musdb.resolve(), output.resolve()  # workers may run in another folder
    if "responses" in settings:
        settings["responses"] = settings["responses"].resolve()
    draw = {"kind": bleed, **settings} if bleed else {"preset": presets, **settings}
    tracks = find_tracks(musdb)
    recipe = Recipe(common_stems(tracks), draw, seed, rate, seconds)
    chosen = [track for track in tracks if split in (None, track.split)]
    if not chosen:
        raise InputError(f"'{musdb}' has no split '{split}'; it has {', '.join(sorted({t.split for t in tracks}))}")
    recipe.scene(chosen[0].id, rate or 22050)  # refuse invalid settings before reading any track
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
        f"{shutil.disk_usage(output).free / 2**30:.0f} GiB free"
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
        f"{items} items of {len(records)} tracks ({made} made, {len(records) - made} already there)"
        + (f"; {dropped} blocks dropped because a source is silent" if dropped else "")
        + (f"; {short} tracks are shorter than a block" if short else "")
        + (f"; {len(failed)} tracks failed" if failed else "")
    )
    return 1 if failed else 0


def left_out(tracks: Sequence[Track], stems: Sequence[str]) -> list[str]:
    """Return a sentence for each stem that is not used because fewer than half of the tracks have it."""
    extra = Counter(stem for track in tracks for stem in track.names() if stem not in stems)
    return [
        f"the stem '{stem}' is not used because only {count} of the tracks have it"
        for stem, count in sorted(extra.items())
    ]


def refuse_inside(source: Path, output: Path) -> None:
    """Refuse an output inside the input folder."""
    if output.resolve().is_relative_to(source.resolve()):
        raise InputError(f"'{output}' is or lies inside the input folder '{source}'; choose another folder")


@command.command(name="check")
@click.argument("corpus", metavar="FOLDER", type=PATH)
@data_option
def check(corpus: Path, data: Path | None) -> int:
    """List what is missing or damaged in MUSDB18-HQ, in a corpus, or in the source material of scene sets.

    For MUSDB18-HQ, this command counts the files and reads their headers. For a corpus, it verifies the checksums. For
    a file of scene sets, such as benchmarks/corpora.toml, it compares the songs and kits that the sets need with those
    behind the published results.

    Exit code 0: complete and undamaged; 1: something is missing or damaged.
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
            "Run the same 'debleed corpus' command again to remake the items concerned.",
        )
    else:
        complaints, what, advice = musdb_complaints(corpus), "MUSDB18-HQ", MUSDB_SOURCE
    for complaint in complaints:
        click.echo(complaint)
    click.echo(f"{len(complaints)} complaints. {advice}" if complaints else f"{what}: nothing is missing or damaged")
    return 1 if complaints else 0
