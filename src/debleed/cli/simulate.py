"""``debleed simulate``: simulate a recording with bleed from dry stems, and write the truth with the microphones."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from debleed import feedback
from debleed.cli.scene_options import bleed_option, scene_options
from debleed.recording import InputError


def refuse_existing(folder: Path, names: Iterable[str], force: bool) -> None:
    """Refuse a folder that is not writable or, unless forced, already contains results with these names."""
    from debleed.io.staging import writable_ancestor

    writable_ancestor(folder)
    for name in names:
        if (folder / name).exists() and not force:
            raise InputError(f"'{folder / name}' exists already; choose another folder, or overwrite it with --force")


@click.command(name="simulate")
@click.argument("stems", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
@bleed_option(required=True)
@click.option(
    "--seed", default="0", show_default=True, metavar="N", help="Random seed of the scene, a number or a name."
)
@scene_options
@click.option(
    "--rate", type=click.IntRange(min=1000), metavar="HZ", help="Sample rate.  [default: the highest of the stems]"
)
@click.option("--force", is_flag=True, help="Overwrite existing results.")
def command(
    stems: Path,
    output: Path,
    bleed: str,
    seed: str,
    rate: int | None,
    force: bool,
    settings: dict[str, Any],
) -> None:
    """Simulate a recording with bleed from the dry stems in the folder STEMS.

    Every audio file is a source with its own microphone, unless --group or --without-mic change that; stereo files are
    mixed to mono. Writes mics/SOURCE.wav (the microphones), images/SOURCE.wav (the truth: each source alone in its own
    microphone) and scene.json.
    """
    from debleed.io.audio import Take, audio_files
    from debleed.io.staging import Staging
    from debleed.scenes.rendering import mono_stems, render_own, stage_item
    from debleed.scenes.scene import draw_scene

    refuse_existing(output, ("mics", "images", "scene.json"), force)
    take = Take.open(audio_files(stems), rate=rate)
    scene = draw_scene(bleed, take.units, take.rate, seed, **settings)
    with feedback.progress("bar") as progress, Staging(output, force) as staging:
        stage_item(staging, scene, *render_own(scene, mono_stems(take), progress))
        staging.commit()
    click.echo(f"{len(take.units)} sources, {take.length / take.rate:.1f} s at {take.rate} Hz -> {output}")
