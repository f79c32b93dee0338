"""Write scene sets to disk: each becomes a corpus for ``debleed benchmark``, with its goals in the manifest.

::

    <output>/<set>/corpus.json            recipe, title, goals, all items and the checksums of their files
    <output>/<set>/<item>/mics/           the microphones
    <output>/<set>/<item>/images/         the truth
    <output>/<set>/<item>/stems/          the dry stems, if there are any
    <output>/<set>/<item>/soundcheck/     the microphones during another part of the song, if the set has one
    <output>/<set>/<item>/scene.json      the scene, if there is one

All audio is 32-bit float, so that the files contain exactly the rendered samples: 24 bits would limit instantaneous
mixtures, on which methods reach 130 dB.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from debleed import __version__
from debleed.io.documents import json_text, write_text
from debleed.io.writing import write_mics
from debleed.recording import InputError
from debleed.scenes.corpus import FORMAT, MANIFEST, checksums, damage, readable_manifest
from debleed.scenes.scene_sets import SceneSet, Sound


def recipe_of(scene_set: SceneSet) -> dict[str, Any]:
    """Describe everything that determines the items of a set, apart from the songs and kits, as JSON."""
    described = {
        **{"name": scene_set.name, "seed": scene_set.scene, "rate": scene_set.rate, "seconds": scene_set.seconds},
        **{"format": FORMAT, "version": __version__, **scene_set.recipe()},
    }
    plain: dict[str, Any] = json.loads(json.dumps(described, default=dict, allow_nan=False))
    return plain


def about(scene_set: SceneSet) -> dict[str, Any]:
    """Return title and goals of a set; an infinite ``aim`` becomes "exact", since JSON has no infinity."""
    goals = [{key: "exact" if value == math.inf else value for key, value in goal.items()} for goal in scene_set.goals]
    return {"title": scene_set.title, "goals": goals}


def make_set(scene_set: SceneSet, output: Path, force: bool = False) -> Iterator[tuple[str, bool]]:
    """Write the missing or damaged items of a set, and yield each item with whether it was made.

    Parameters
    ----------
    output
        Folder for the corpora, with one folder per set.
    force
        Replace a corpus made with other settings.

    Raises
    ------
    InputError
        If the folder contains something else, or songs or kits are missing.
    """
    folder, recipe = output / scene_set.name, recipe_of(scene_set)
    known = _kept(folder, recipe, force)
    folder.mkdir(parents=True, exist_ok=True)
    entries: dict[str, Any] = {}
    for item in scene_set.items():
        name = f"{scene_set.scene}/{item}"
        entry = known.get(name)
        fresh = entry is None or damage(folder / item, entry) is not None
        entries[name] = _write_item(scene_set, item, folder) if fresh else entry
        _write_manifest(folder, recipe, about(scene_set), {**known, **entries})
        yield name, fresh
    _write_manifest(folder, recipe, about(scene_set), entries)


def _kept(folder: Path, recipe: Mapping[str, Any], force: bool) -> dict[str, Any]:
    """Return the entries of an existing corpus with the same recipe."""
    manifest = readable_manifest(folder)
    if manifest is None:
        if folder.exists() and any(folder.iterdir()) and not force:
            raise InputError(
                f"'{folder}' exists already and is not a corpus; choose another folder, or overwrite it with --force"
            )
        return {}
    if manifest["recipe"] == recipe:
        return dict(manifest["items"])
    if force:
        return {}
    found = manifest["recipe"]
    differing = sorted(key for key in {*found, *recipe} if found.get(key) != recipe.get(key))
    raise InputError(
        f"'{folder}' contains a corpus made with other settings (see {', '.join(differing)} in {MANIFEST}); choose "
        "another folder, or overwrite it with --force"
    )


def _write_item(scene_set: SceneSet, item: str, folder: Path) -> dict[str, Any]:
    """Write one item atomically and return its entry in the manifest."""
    sound = scene_set.render(item)
    part = folder / f".{item}.part"
    shutil.rmtree(part, ignore_errors=True)
    try:
        _write_sound(sound, part)
        files = checksums(part)
        shutil.rmtree(folder / item, ignore_errors=True)
        part.replace(folder / item)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return {
        **{"folder": item, "split": scene_set.scene, "track": item, "start": scene_set.start(item)},
        **{"seconds": sound.mics.seconds, "rate": sound.mics.rate, "scale": 1.0, "files": files},
    }


def _write_sound(sound: Sound, folder: Path) -> None:
    parts = {"mics": sound.mics, "images": sound.own, "stems": sound.stems, "soundcheck": sound.soundcheck}
    for what, recording in parts.items():
        if recording is not None:
            write_mics(folder / what, recording, "FLOAT")
    if sound.scene is not None:
        (folder / "scene.json").write_text(sound.scene.to_json() + "\n", encoding="utf-8")


def _write_manifest(
    folder: Path, recipe: Mapping[str, Any], about: Mapping[str, Any], entries: Mapping[str, Any]
) -> None:
    manifest = {"recipe": recipe, "about": about, "dropped": {}, "failed": {}, "items": dict(sorted(entries.items()))}
    write_text(folder / MANIFEST, json_text(manifest))
