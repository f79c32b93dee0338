"""Run methods on the items of corpora and score what they make of them: one line for each item and method."""

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
    """One item to be cleaned by one method.

    Parameters
    ----------
    bleed
        Name of the kind of bleed, for the tables.
    item
        The item.
    method
        Name of a method, or what the outputs of another program are called.
    outputs
        Folder of those outputs: ``<split>/<track>/<source>.wav``.
    soundcheck
        Whether the method learns from the item's soundcheck, the same microphones during another stretch of sound,
        instead of the microphones that it cleans.
    """

    bleed: str
    item: Item
    method: str
    outputs: Path | None = None
    soundcheck: bool = False

    @property
    def name(self) -> str:
        """What the tables call it."""
        return self.method + SOUNDCHECK * self.soundcheck

    def line(self) -> Line:
        """Describe the measurement before it is made."""
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
    """List all that is to be measured, item by item.

    Raises
    ------
    InputError
        Where a folder is no corpus, a method is unknown or there is nothing to do.
    """
    if clash := sorted(set(registered()) & set(externals)):
        raise InputError(f"{', '.join(clash)} is a method of this program; call the outputs by another name")
    for method in methods:
        create(method)
    for name, folder in externals.items():
        if not folder.is_dir():
            raise InputError(f"there is no folder '{folder}' of outputs of {name}")
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
    """Tell whether an item has a soundcheck, and a method learns anything of a stage that can be kept."""
    learns = outputs is None and method != "unprocessed" and isinstance(create(method), PortableMethod)
    return learns and item.has("soundcheck")


def digest(outputs: Path, item: Item) -> str:
    """Tell what another program made of an item from what it made another time."""
    folder = outputs / item.id
    return hashlib.sha256(json_line(checksums(folder) if folder.is_dir() else {}).encode()).hexdigest()[:16]


def measure(task: Task) -> Line:
    """Clean an item and score the result, against the image and the dry stem, and on the item without its bleed.

    Everything is computed in one thread, so the figures are the same to the last bit wherever they are measured on such
    a machine, and the times do not depend on how many workers share it.

    Returns
    -------
    The line: what :meth:`Task.line` says, ``scores`` (:class:`debleed.scoring.scores.Scores`), and for methods of ours
    ``took`` (seconds for learning and cleaning) and ``memory`` (MiB that this took beyond what was held before; null
    where the system does not tell). Where the method cannot run on the item, ``refused`` says why instead.

    Raises
    ------
    InputError
        Where the item is damaged, and where outputs of another program are missing or do not fit.
    """
    if damage := task.item.damage():
        raise InputError(f"{damage}; run the same 'debleed corpus' command again, it mends what is damaged")
    with limited(1), silence():
        mics, own = in_memory(microphones(task.item)), in_memory(images(task.item))
        dry = in_memory(stems(task.item)) if task.item.has("stems") else None
        if task.outputs is not None:
            clean = in_memory(outputs(task.outputs, task.item, mics))
            return {**task.line(), "scores": score(own, clean, mics, dry, AGAINST_IMAGE).to_json()}
        try:
            held = forget_peak()
            began = time.perf_counter()
            clean = in_memory(cleaned(task, mics, own))
            took, peak = time.perf_counter() - began, peak_memory()
            scores = score(own, clean, mics, dry, AGAINST_IMAGE)
            if not task.soundcheck:  # what was learnt of a stage that bleeds has no meaning for one that does not
                bleeds = not np.array_equal(mics.read(), own.read())
                scores = scores.beside(harm(own, in_memory(cleaned(task, own, own)) if bleeds else clean))
        except InputError as refusal:
            return {**task.line(), "refused": str(refusal)}
        memory = None if held is None or peak is None else max(0, round(peak - held))
        return {**task.line(), "took": round(took, 3), "memory": memory, "scores": scores.to_json()}


def cleaned(task: Task, mics: Recording, own: Recording) -> Recording:
    """Let the method of a task clean some microphones, with all side information that there is."""
    if task.soundcheck:
        return learn(in_memory(task.item.take("soundcheck").recording()), task.method).apply(mics)
    mixture = Recording.from_array(own.read().sum(axis=0, keepdims=True), own.rate, ["mixture"])
    return remove(mics, task.method, side=Side(mixture=mixture, truth=own))


@contextmanager
def silence() -> Iterator[None]:
    """Keep what :func:`remove` has to say about a recording to itself: nobody is there who could mend it."""
    talker = logging.getLogger("debleed.remove")
    level = talker.level
    talker.setLevel(logging.ERROR)
    try:
        yield
    finally:
        talker.setLevel(level)


def microphones(item: Item) -> Recording:
    """Open what the microphones of an item heard."""
    return item.take("mics").recording()


def images(item: Item) -> Recording:
    """Open the truth of an item."""
    return item.take("images").recording()


def stems(item: Item) -> Recording:
    """Open the dry stem of each microphone of an item: the sum, where its source has several."""
    dry, scene, names = item.take("stems").recording(), item.scene, images(item).names
    owner = dict(zip(scene.stems, scene.owners, strict=True))
    members = [[k for k, stem in enumerate(dry.names) if owner[stem] == name] for name in names]

    def read(start: int, stop: int) -> Any:
        samples = dry.read(start, stop)
        return np.stack([samples[rows].sum(axis=0) for rows in members])

    return Recording(dry.rate, dry.length, names, names, read)


def outputs(folder: Path, item: Item, mics: Recording) -> Recording:
    """Open what another program made of an item.

    Raises
    ------
    InputError
        Where files are missing, or of another rate or length than the microphones.
    """
    files = {path.stem: path for path in audio_files(folder / item.id)}
    if missing := [name for name in mics.names if name not in files]:
        raise InputError(
            f"'{folder / item.id}' lacks {', '.join(missing)}; the outputs are named as the microphones are"
        )
    take = Take.open([files[name] for name in mics.names])
    if any(file.channels != 1 for file in take.files):
        raise InputError(f"'{folder / item.id}' holds stereo files; the microphones are mono")
    for file in take.files:
        if (file.rate, file.frames) != (mics.rate, mics.length):
            raise InputError(
                f"'{file.path}' has {file.frames} samples at {file.rate} Hz where {mics.length} at "
                f"{mics.rate} Hz are needed; outputs are compared sample by sample"
            )
    return take.recording()


def in_memory(recording: Recording) -> Recording:
    """Read a recording once and for all."""
    return Recording.from_array(recording.read(), recording.rate, recording.names)
