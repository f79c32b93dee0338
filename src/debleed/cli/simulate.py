"""``debleed simulate``: put dry stems into a scene in which they bleed, and write the truth beside the microphones."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from debleed import feedback
from debleed.cli.scene_options import bleed_option, scene_options
from debleed.recording import InputError


def refuse_existing(folder: Path, names: Iterable[str], force: bool) -> None:
    """Refuse a folder that cannot be written to or, unless forced, already holds results of these names."""
    from debleed.io.staging import writable_ancestor

    writable_ancestor(folder)
    for name in names:
        if (folder / name).exists() and not force:
            raise InputError(f"'{folder / name}' is there already; choose another folder, or --force to write over it")


@click.command(name="simulate")
@click.argument("stems", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
@bleed_option(required=True)
@click.option(
    "--seed", default="0", show_default=True, metavar="N", help="Number or name that the scene is drawn from."
)
@scene_options
@click.option(
    "--rate", type=click.IntRange(min=1000), metavar="HZ", help="Sample rate; the highest of the stems' if not given."
)
@click.option("--force", is_flag=True, help="Write over what is there.")
def command(
    stems: Path,
    output: Path,
    bleed: str,
    seed: str,
    rate: int | None,
    force: bool,
    settings: dict[str, Any],
) -> None:
    """Put the dry stems in the folder STEMS into a scene in which they bleed into each other's microphones.

    Every audio file is a source with a microphone of its own, unless --group or --without-mic say otherwise; stereo is
    mixed to mono. Writes mics/SOURCE.wav (what the microphones pick up), images/SOURCE.wav (the truth: each source
    alone in its own microphone) and scene.json.
    """
    from debleed.io.audio import Take, audio_files
    from debleed.io.staging import Staging
    from debleed.scenes.rendering import mono_stems, render_own, stage_item
    from debleed.scenes.scene import draw_scene

    refuse_existing(output, ("mics", "images", "scene.json"), force)
    take = Take.open(audio_files(stems), rate=rate)
    scene = draw_scene(bleed, take.units, take.rate, seed, **settings)
    with feedback.progress("bar") as progress, Staging() as staging:
        stage_item(staging, output, scene, *render_own(scene, mono_stems(take), progress))
        staging.commit()
    click.echo(f"{len(take.units)} sources, {take.length / take.rate:.1f} s at {take.rate} Hz -> {output}")
