"""A corpus with bleed on disk: made from dry stems track by track, verified and listed.

::

    corpus.json                      the recipe, all items and the checksums of their files
    <split>/<track>/                 one item: a whole track
    <split>/<track>/<number>/        or one of its blocks
        mics/<source>.wav             the microphones
        images/<source>.wav           the truth: each source alone in its own microphone
        stems/<stem>.wav             the dry stems
        scene.json                   the scene
    <split>/<track>/track.json       the entries of the track's items

All audio is 24-bit PCM with one scale per item, a power of two. A scene depends only on the seed and the name of the
track, so workers may render tracks in any order; a track appears as a whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from debleed import __version__
from debleed.io.audio import Take, length_at
from debleed.io.documents import Place, json_line, json_text, write_text
from debleed.io.writing import write_mics
from debleed.recording import InputError, Recording, Samples
from debleed.scenes.rendering import mono_stems, render_own
from debleed.scenes.scene import Scene, draw_scene, from_json, preset
from debleed.scenes.tracks import Track

FORMAT = 1
"""Version of the corpus format; others are refused."""

MANIFEST = "corpus.json"
ENTRIES = "track.json"

ACTIVE = ("vocals", "bass", "drums")
ACTIVE_POWER = 0.9**2 / 220500
"""Rule of WASPAA 2023: keep a block if the L2 norms of vocals, bass and drums exceed 0.9 in 10 s at 22.05 kHz. As a
mean power, the rule applies to any rate and length."""

LIKE_ANOTHER = 0.01
"""Fraction by which the stems of one track may differ in length; shorter ones are padded with silence."""


@dataclass(frozen=True)
class Recipe:
    """The recipe of a corpus.

    Parameters
    ----------
    stems
        Names of the stems that every track must have.
    draw
        The arguments of :func:`debleed.scenes.scene.draw_scene` other than sources, rate and seed; or
        ``{"preset": name}`` and further settings, as for :func:`debleed.scenes.scene.preset`.
    seed
        Number or name; with the track's id, it determines the scene of a track.
    rate
        Samples per second; by default that of the track.
    seconds
        Length of the blocks to cut tracks into; by default, tracks stay whole.
    """

    stems: tuple[str, ...]
    draw: Mapping[str, Any]
    seed: str = "0"
    rate: int | None = None
    seconds: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Describe the recipe; equal recipes have equal descriptions."""
        described: dict[str, Any] = {"draw": dict(self.draw), "stems": self.stems, "seed": self.seed}
        described |= {"rate": self.rate, "seconds": self.seconds, "format": FORMAT, "version": __version__}
        plain: dict[str, Any] = json.loads(json.dumps(described, default=named_contents, allow_nan=False))
        return plain

    def scene(self, track_id: str, rate: int) -> Scene:
        """Draw the scene of a track."""
        settings, seed = dict(self.draw), f"{self.seed}/{track_id}"
        if "preset" in settings:
            return preset(settings.pop("preset"), self.stems, rate, seed, **settings)
        return draw_scene(sources=self.stems, rate=rate, seed=seed, **settings)


@dataclass(frozen=True)
class Item:
    """One recording of a corpus, with its ground truth.

    Parameters
    ----------
    id
        ``<split>/<track>`` or ``<split>/<track>/<number>``: also its folder.
    folder
        The path of its folder.
    entry
        Its entry in the manifest: ``split``, ``track``, ``start`` (seconds), ``seconds``, ``rate``, ``scale``, the
        SHA-256 of each file, and its ``folder`` in the corpus if that is not its id.
    """

    id: str
    folder: Path
    entry: Mapping[str, Any] = field(repr=False)

    @property
    def scene(self) -> Scene:
        """The scene, as drawn."""
        return from_json((self.folder / "scene.json").read_text(encoding="utf-8"))

    def take(self, what: str) -> Take:
        """Open its ``mics``, ``images``, ``stems`` or ``soundcheck``; the last two are optional."""
        names = sorted(Path(name).name for name in self.entry["files"] if name.startswith(f"{what}/"))
        return Take.open([self.folder / what / name for name in names])

    def has(self, what: str) -> bool:
        """Return whether the item has such files."""
        return any(name.startswith(f"{what}/") for name in self.entry["files"])

    def damage(self) -> str | None:
        """Return a sentence on the first missing or damaged file, if any."""
        return damage(self.folder, self.entry)


@dataclass(frozen=True)
class Job:
    """The job of making one track.

    Parameters
    ----------
    recipe
        The recipe of the corpus.
    track
        The track.
    output
        Folder of the corpus.
    """

    recipe: Recipe
    track: Track
    output: Path

    @property
    def folder(self) -> Path:
        """The folder of the track."""
        return self.output / self.track.split / self.track.name

    @property
    def part(self) -> Path:
        """Its folder until it is complete; named after the track, so that the next run replaces a stale one."""
        return self.folder.with_name(f".{self.track.name}.part")


# ------------------------------------------------------------------------------------------------------ one track


def bleed_track(job: Job) -> dict[str, Any]:
    """Make the items of one track, unless they exist and are undamaged.

    Returns
    -------
    The contents of ``track.json``: ``recipe``, ``items`` (id → entry) and ``dropped``, the number of blocks in which a
    source is silent; and ``made``, whether anything was written.

    Raises
    ------
    InputError
        If stems are missing, damaged or of different lengths.
    OSError
        If the disk is full; incomplete files are deleted.
    """
    refuse_foreign(job)
    there = finished(job)
    if there is not None:
        return {**there, "made": False}
    take = job.track.take(job.recipe.stems, job.recipe.rate)
    try:
        refuse_unlike_lengths(job.track, take)
        stems = mono_stems(take)
    finally:
        take.close()
    part = job.part
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        record = {"recipe": job.recipe.to_json(), **_write_items(job, stems, take.rate, part)}
        (part / ENTRIES).write_text(json_text(record), encoding="utf-8")
        shutil.rmtree(job.folder, ignore_errors=True)
        part.replace(job.folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return {**record, "made": True}


def _write_items(job: Job, stems: Samples, rate: int, part: Path) -> dict[str, Any]:
    scene = job.recipe.scene(job.track.id, rate)
    items: dict[str, Any] = {}
    mics, own = render_own(scene, stems)
    dry = Recording.from_array(stems, rate, job.recipe.stems)
    dropped = 0
    for number, (start, stop) in enumerate(blocks(stems.shape[1], rate, job.recipe.seconds)):
        if job.recipe.seconds is not None and not active(stems[:, start:stop], job.recipe.stems):
            dropped += 1
            continue
        name = "" if job.recipe.seconds is None else f"{number:03d}"
        folder = part / name
        sounds = {"mics": mics, "images": own, "stems": dry}
        sounds = {what: sound.stretch(start, stop) for what, sound in sounds.items()}
        scale = common_scale(*(sound.read() for sound in sounds.values()))
        for what, sound in sounds.items():
            write_mics(folder / what, scaled(sound, scale))
        (folder / "scene.json").write_text(scene.to_json() + "\n", encoding="utf-8")
        items["/".join(filter(None, (job.track.id, name)))] = {
            "split": job.track.split,
            "track": job.track.name,
            "start": start / rate,
            "seconds": (stop - start) / rate,
            "rate": rate,
            "scale": float(scale),
            "files": checksums(folder),
        }
    return {"items": items, "dropped": dropped}


def scaled(recording: Recording, factor: float) -> Recording:
    """Multiply a recording by a factor."""
    return recording.with_reader(lambda start, stop: recording.read(start, stop) * factor) if factor != 1 else recording


def named_contents(folder: Path) -> str:
    """Describe a folder by its name and contents, independent of its location."""
    sums = checksums(folder)
    return f"{folder.resolve().name} ({hashlib.sha256(json_line(sums).encode()).hexdigest()[:8]})"


def sweep(jobs: Sequence[Job]) -> None:
    """Delete incomplete tracks of interrupted workers."""
    for job in jobs:
        shutil.rmtree(job.part, ignore_errors=True)


def refuse_foreign(job: Job) -> None:
    """Refuse to replace a folder that is not part of a corpus.

    Raises
    ------
    InputError
        If the folder exists and is not a track of a corpus.
    """
    if job.folder.exists() and not (job.folder / ENTRIES).is_file():
        raise InputError(f"'{job.folder}' exists already and is not a track of a corpus; choose another folder")


def refuse_unlike_lengths(track: Track, take: Take) -> None:
    """Refuse stems whose lengths differ too much for one track."""
    lengths = [length_at(file, take.rate) / take.rate for file in take.files]
    if min(lengths) < (1 - LIKE_ANOTHER) * max(lengths):
        listed = ", ".join(f"{file.path.name} {s:.1f} s" for file, s in zip(take.files, lengths, strict=True))
        raise InputError(f"the stems in '{track.folder}' differ in length ({listed}); do they belong to one track?")


def blocks(length: int, rate: int, seconds: float | None) -> Iterator[tuple[int, int]]:
    """Yield start and stop of each block, without an incomplete block at the end."""
    size = length if seconds is None else round(seconds * rate)
    for start in range(0, length - size + 1, max(1, size)):
        yield start, start + size


def active(block: Samples, names: Sequence[str]) -> bool:
    """Return whether no stem is silent: the WASPAA 2023 rule, for those of its stems that exist."""
    power = np.mean(np.square(block, dtype=np.float64), axis=1)
    return all(p > ACTIVE_POWER for p, name in zip(power, names, strict=True) if name in ACTIVE)


def common_scale(*sounds: Samples) -> float:
    """Return the power of two, at most 1, that scales all audio of an item to full scale or less without rounding."""
    peak = max(float(np.max(np.abs(sound), initial=0)) for sound in sounds)
    loudest = 1 - 2.0**-23  # the largest 24-bit sample
    return 2.0 ** -max(0, math.ceil(math.log2(peak / loudest))) if peak > loudest else 1.0


# ---------------------------------------------------------------------------------------------- existing tracks


def finished(job: Job) -> dict[str, Any] | None:
    """Return the entries of a track if it exists, is undamaged and was made with the same recipe; else ``None``."""
    path = job.folder / ENTRIES
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        entries = record["items"].items()
        same = record["recipe"] == job.recipe.to_json()
        whole = same and not any(damage(job.output / item, entry) for item, entry in entries)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return record if whole else None


def checksums(folder: Place) -> dict[str, str]:
    """Return the SHA-256 of every file below a folder, by its relative path with slashes."""
    folder = Path(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): checksum(path) for path in files}


def checksum(path: Place) -> str:
    """Return the SHA-256 of a file."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def damage(folder: Path, entry: Mapping[str, Any]) -> str | None:
    """Return a sentence on the first file of an item that is missing or changed, if any."""
    for name, expected in entry["files"].items():
        path = folder / name
        if not path.is_file():
            return f"'{path}' is missing"
        if checksum(path) != expected:
            return f"'{path}' is damaged: its checksum is wrong"
    return None


# ------------------------------------------------------------------------------------------------------ the manifest


def write_manifest(output: Path, recipe: Recipe, records: Mapping[str, Any], failed: Mapping[str, str]) -> None:
    """Write the manifest, sorted, so that it does not depend on the order of the work.

    Parameters
    ----------
    records
        Track id → result of :func:`bleed_track`. Tracks that an earlier run made with the same recipe stay listed.
    failed
        Track id → why it could not be made.
    """
    manifest: dict[str, Any] = {"recipe": recipe.to_json(), "dropped": {}, "failed": {}, "items": {}}
    before = readable_manifest(output)
    if before and before["recipe"] == manifest["recipe"]:
        manifest = before
    for name, record in records.items():
        manifest["items"] = {key: e for key, e in manifest["items"].items() if f"{e['split']}/{e['track']}" != name}
        manifest["items"] |= record["items"]
        manifest["dropped"][name] = record["dropped"]
        manifest["failed"].pop(name, None)
    manifest["failed"] |= failed
    for entry in ("dropped", "failed", "items"):
        manifest[entry] = dict(sorted(manifest[entry].items()))
    write_text(output / MANIFEST, json_text(manifest))


def refuse_other_corpus(output: Path, recipe: Recipe, force: bool) -> None:
    """Refuse a folder with a corpus of another recipe or version.

    Raises
    ------
    InputError
        If the recipes differ; with ``force``, the corpus is replaced track by track instead.
    """
    manifest = readable_manifest(output)
    if manifest is None or force:
        return  # a damaged manifest is no loss: every track has its own entries
    found, wanted = manifest["recipe"], recipe.to_json()
    if differing := sorted(key for key in {*found, *wanted} if found.get(key) != wanted.get(key)):
        listed = "; ".join(f"{key} is {found.get(key)} there, {wanted.get(key)} here" for key in differing)
        raise InputError(
            f"'{output}' contains a corpus made with other settings ({listed}); choose another folder, or overwrite it "
            "with --force"
        )


def read_manifest(corpus: Place) -> dict[str, Any]:
    """Read the manifest of a corpus.

    Raises
    ------
    InputError
        If the folder is not a corpus, or its format is not supported.
    """
    corpus = Path(corpus)
    if not (corpus / MANIFEST).is_file():
        raise InputError(
            f"'{corpus}' is not a corpus because it has no {MANIFEST}; make one with 'debleed corpus bleed'"
        )
    manifest = readable_manifest(corpus)
    if manifest is None:
        raise InputError(
            f"'{corpus / MANIFEST}' is damaged; run 'debleed corpus bleed' again, which keeps undamaged tracks"
        )
    if (form := manifest["recipe"]["format"]) != FORMAT:
        raise InputError(f"'{corpus}' has format {form}, but this version reads {FORMAT}; make the corpus again")
    return manifest


def readable_manifest(corpus: Path) -> dict[str, Any] | None:
    """Read the manifest of a corpus of any format; return ``None`` if it is missing or damaged."""
    try:
        manifest: dict[str, Any] = json.loads((corpus / MANIFEST).read_text(encoding="utf-8"))
        _ = manifest["recipe"]["format"], manifest["dropped"], manifest["failed"], manifest["items"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return manifest


def items_of(corpus: Place) -> list[Item]:
    """List the items of a corpus."""
    items = read_manifest(corpus)["items"].items()
    return [Item(name, Path(corpus) / entry.get("folder", name), entry) for name, entry in items]
