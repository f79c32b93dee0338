"""Run methods on the items of corpora and score the results: one line for each item and method."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from debleed import __version__
from debleed.bench.memory import forget_peak, peak_memory
from debleed.bench.results import SOUNDCHECK, Line, bleed_names, settings_of, sound_of
from debleed.dsp.parallel import limited
from debleed.io.audio import Take, audio_files
from debleed.io.documents import json_line
from debleed.methods import PortableMethod, Side, create, registered
from debleed.recording import InputError, Recording
from debleed.remove import learn, remove
from debleed.scenes.corpus import Item, checksums, items_of
from debleed.scoring.evaluate import AGAINST_IMAGE, harm, score


@dataclass(frozen=True)
class Task:
    """One item to clean with one method.

    Parameters
    ----------
    bleed
        Name of the kind of bleed, for the tables.
    item
        The item.
    method
        Name of a method, or the name of another program's outputs.
    outputs
        Folder of those outputs: ``<split>/<track>/<source>.wav``.
    soundcheck
        Whether the method learns from the item's soundcheck, the same microphones during another part of the song,
        instead of the recording that it cleans.
    """

    bleed: str
    item: Item
    method: str
    outputs: Path | None = None
    soundcheck: bool = False

    @property
    def name(self) -> str:
        """The name in the tables."""
        return self.method + SOUNDCHECK * self.soundcheck

    def line(self) -> Line:
        """Describe the measurement, without its results."""
        return {
            "bleed": self.bleed,
            "item": self.item.id,
            "split": self.item.entry["split"],
            "track": self.item.entry["track"],
            "method": self.name,
            "settings": {"outputs": digest(self.outputs, self.item)} if self.outputs else settings_of(self.method),
            "version": __version__,
            "sound": sound_of(self.item),
            "rate": self.item.entry["rate"],
            "seconds": self.item.entry["seconds"],
        }


def tasks_of(corpora: Sequence[Path], methods: Sequence[str], externals: Mapping[str, Path]) -> list[Task]:
    """List all measurements, item by item.

    Raises
    ------
    InputError
        If a folder is not a corpus, a method is unknown or there is nothing to measure.
    """
    if clash := sorted(set(registered()) & set(externals)):
        raise InputError(f"{', '.join(clash)} is a method of debleed; choose another name for the outputs")
    for method in methods:
        create(method)
    for name, folder in externals.items():
        if not folder.is_dir():
            raise InputError(f"there is no folder '{folder}' with the outputs of {name}")
    chosen: dict[str, Path | None] = {**dict.fromkeys(methods), **externals}
    tasks = {}
    for corpus, bleed in bleed_names(corpora).items():
        for item in items_of(corpus):
            for name, outputs_folder in chosen.items():
                for soundcheck in (False, True) if _may_learn_elsewhere(item, name, outputs_folder) else (False,):
                    task = Task(bleed, item, name, outputs_folder, soundcheck)
                    tasks[bleed, item.id, sound_of(item), task.name] = task
    if not tasks:
        raise InputError("there is nothing to measure: the corpora have no items, or no method was chosen")
    return list(tasks.values())


def _may_learn_elsewhere(item: Item, method: str, outputs: Path | None) -> bool:
    """Return whether an item has a soundcheck and the method learns a stage that can be saved."""
    learns = outputs is None and method != "unprocessed" and isinstance(create(method), PortableMethod)
    return learns and item.has("soundcheck")


def digest(outputs: Path, item: Item) -> str:
    """Return an identifier of another program's outputs for an item."""
    folder = outputs / item.id
    return hashlib.sha256(json_line(checksums(folder) if folder.is_dir() else {}).encode()).hexdigest()[:16]


def measure(task: Task) -> Line:
    """Clean an item; score the result against the image and the dry stem, and the method on the item without bleed.

    A single thread does all computation, so that the scores are bit-identical on equal machines and the times do not
    depend on the number of workers.

    Returns
    -------
    The line: the entries of :meth:`Task.line`, ``scores`` (:class:`debleed.scoring.scores.Scores`), and for methods of
    debleed ``took`` (seconds for learning and cleaning) and ``memory`` (additional memory in MiB; null if the system
    does not report it). If the method cannot run on the item, ``refused`` has the reason instead.

    Raises
    ------
    InputError
        If the item is damaged, or outputs of another program are missing or do not match.
    """
    if damage := task.item.damage():
        raise InputError(f"{damage}; run the same 'debleed corpus' command again to repair it")
    with limited(1), silence():
        mics, own = in_memory(microphones(task.item)), in_memory(images(task.item))
        dry = in_memory(stems(task.item)) if task.item.has("stems") else None
        if task.outputs is not None:
            clean = in_memory(outputs(task.outputs, task.item, with_truth(mics, own)))
            return {**task.line(), "scores": score(own, clean, with_truth(mics, own), dry, AGAINST_IMAGE).to_json()}
        try:
            held = forget_peak()
            began = time.perf_counter()
            clean = with_truth(in_memory(cleaned(task, mics, own)), own)
            took, peak = time.perf_counter() - began, peak_memory()
            mics = with_truth(mics, own)
            scores = score(own, clean, mics, dry, AGAINST_IMAGE)
            if not task.soundcheck:  # a stage with bleed does not apply to a recording without
                bleeds = not np.array_equal(mics.read(), own.read())
                scores = scores.beside(harm(own, in_memory(cleaned(task, own, own)) if bleeds else clean))
        except InputError as refusal:
            return {**task.line(), "refused": str(refusal)}
        memory = None if held is None or peak is None else max(0, round(peak - held))
        return {**task.line(), "took": round(took, 3), "memory": memory, "scores": scores.to_json()}


def cleaned(task: Task, mics: Recording, own: Recording) -> Recording:
    """Clean microphones with the method of a task, with all side information."""
    if task.soundcheck:
        return learn(in_memory(task.item.take("soundcheck").recording()), task.method).apply(mics)
    mixture = Recording.from_array(own.read().sum(axis=0, keepdims=True), own.rate, ["mixture"])
    return remove(mics, task.method, side=Side(mixture=mixture, truth=completed(own, mics)))


def completed(own: Recording, mics: Recording) -> Recording:
    """Return the truth of all tracks; that of references and mixes, which have none of their own, is the track."""
    rows = dict(zip(mics.names, mics.read(), strict=True)) | dict(zip(own.names, own.read(), strict=True))
    return Recording.from_array(np.stack([rows[name] for name in mics.names]), mics.rate, mics.names, mics.sources)


def with_truth(recording: Recording, own: Recording) -> Recording:
    """Select the tracks that have a truth of their own, in its order: all but references and mixes."""
    return recording.select([recording.names.index(name) for name in own.names])


@contextmanager
def silence() -> Iterator[None]:
    """Suppress the warnings of :func:`remove` about a recording: nobody can fix it during a benchmark."""
    talker = logging.getLogger("debleed.remove")
    level = talker.level
    talker.setLevel(logging.ERROR)
    try:
        yield
    finally:
        talker.setLevel(level)


def microphones(item: Item) -> Recording:
    """Open the microphones of an item."""
    return item.take("mics").recording()


def images(item: Item) -> Recording:
    """Open the truth of an item."""
    return item.take("images").recording()


def stems(item: Item) -> Recording:
    """Open the dry stem of each track with a truth of an item: the sum if its source has several."""
    dry, scene, names = item.take("stems").recording(), item.scene, images(item).names
    owner = dict(zip(scene.stems, scene.owners, strict=True))
    source = {channel.name: channel.source for channel in scene.channels}
    members = [[k for k, stem in enumerate(dry.names) if owner[stem] == source[name]] for name in names]

    def read(start: int, stop: int) -> Any:
        samples = dry.read(start, stop)
        return np.stack([samples[rows].sum(axis=0) for rows in members])

    return Recording(dry.rate, dry.length, names, names, read)


def outputs(folder: Path, item: Item, mics: Recording) -> Recording:
    """Open the outputs of another program for an item.

    Raises
    ------
    InputError
        If files are missing, or their rate or length differs from the microphones.
    """
    files = {path.stem: path for path in audio_files(folder / item.id)}
    if missing := [name for name in mics.names if name not in files]:
        raise InputError(
            f"'{folder / item.id}' lacks {', '.join(missing)}; give the outputs the names of the microphones"
        )
    take = Take.open([files[name] for name in mics.names])
    if any(file.channels != 1 for file in take.files):
        raise InputError(f"'{folder / item.id}' contains stereo files; write mono files like the microphones")
    for file in take.files:
        if (file.rate, file.frames) != (mics.rate, mics.length):
            raise InputError(
                f"'{file.path}' has {file.frames} samples at {file.rate} Hz, but the microphones have {mics.length} at "
                f"{mics.rate} Hz; both must match because they are compared sample by sample"
            )
    return take.recording()


def in_memory(recording: Recording) -> Recording:
    """Read a whole recording into memory."""
    return Recording.from_array(recording.read(), recording.rate, recording.names, recording.sources)
