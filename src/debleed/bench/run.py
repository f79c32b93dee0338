"""Run methods on the items of bled corpora and keep every score: one line of JSON for each item and method.

What was measured is never measured again: a line belongs to its item (by the checksums of its files), its method, its
settings and the version of the package.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from debleed import __version__
from debleed.dsp.parallel import limited
from debleed.io.audio import Take, audio_files
from debleed.io.documents import json_line
from debleed.methods import Side, create, registered
from debleed.recording import InputError, Recording
from debleed.remove import remove
from debleed.scenes.corpus import Item, checksums, items_of, read_manifest
from debleed.scoring.evaluate import AGAINST_IMAGE, harm, score
from debleed.scoring.scores import Scores

LINES = "scores.jsonl"

Line = dict[str, Any]


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
    """

    bleed: str
    item: Item
    method: str
    outputs: Path | None = None

    def line(self) -> Line:
        """Describe the measurement before it is made."""
        return {
            "bleed": self.bleed,
            "item": self.item.id,
            "split": self.item.entry["split"],
            "track": self.item.entry["track"],
            "method": self.method,
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
                tasks[bleed, item.id, sound_of(item), name] = Task(bleed, item, name, outputs_folder)
    if not tasks:
        raise InputError("there is nothing to measure: the corpora have no items, or no method was chosen")
    return list(tasks.values())


def bleed_names(corpora: Sequence[Path]) -> dict[Path, str]:
    """Name the bleed of each corpus; where two would be called the same, by what else they were made with."""
    recipes = {corpus: read_manifest(corpus)["recipe"] for corpus in corpora}
    names = {corpus: bleed_name(recipe) for corpus, recipe in recipes.items()}
    for key in ("rate", "seconds", "seed"):
        alike = Counter(names.values())
        told = {corpus: recipe[key] for corpus, recipe in recipes.items() if alike[names[corpus]] > 1}
        if len(set(told.values())) > 1:
            names |= {corpus: f"{names[corpus]}, {key} {value}" for corpus, value in told.items()}
    return names


def bleed_name(recipe: Mapping[str, Any]) -> str:
    """Name the bleed of a corpus: its preset, or its kind and what is set otherwise.

    Examples
    --------
    >>> bleed_name({"draw": {"kind": "room", "rt60": 0.5}})
    'room, rt60 0.5'
    """
    settings = dict(recipe["draw"])
    kind = settings.pop("preset", None) or settings.pop("kind")
    told = [f"{key.replace('_', ' ')} {plainly(value)}" for key, value in settings.items()]
    return ", ".join([kind, *told])


def settings_of(method: str) -> dict[str, Any]:
    """Return the settings that a method is run with: its own."""
    described: dict[str, Any] = dataclasses.asdict(create(method))  # type: ignore[call-overload]
    return described


def sound_of(item: Item) -> str:
    """Tell an item from every other by the checksums of its files."""
    return hashlib.sha256(json_line(sorted(item.entry["files"].items())).encode()).hexdigest()[:16]


def digest(outputs: Path, item: Item) -> str:
    """Tell what another program made of an item from what it made another time."""
    folder = outputs / item.id
    return hashlib.sha256(json_line(checksums(folder) if folder.is_dir() else {}).encode()).hexdigest()[:16]


def plainly(value: Any) -> str:
    """Write a setting without the marks of JSON."""
    if isinstance(value, list):
        return " × ".join(map(plainly, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def measure(task: Task) -> Line:
    """Clean an item and score the result, against the image and the dry stem, and on the item without its bleed.

    Everything is computed in one thread, so the figures are the same to the last bit wherever they are measured on such
    a machine, and the times do not depend on how many workers share it.

    Returns
    -------
    The line: what :meth:`Task.line` says, ``scores`` (:class:`Scores`), and for methods of ours ``took`` (seconds for
    learning and cleaning) and ``memory`` (MiB that this took beyond what was held before; null where the system does
    not tell).

    Raises
    ------
    InputError
        Where the item is damaged, and where outputs of another program are missing or do not fit.
    """
    if damage := task.item.damage():
        raise InputError(f"{damage}; run the same 'debleed corpus bleed' again, it mends what is damaged")
    with limited(1), silence():
        mics, own, dry = (in_memory(z) for z in (microphones(task.item), images(task.item), stems(task.item)))
        if task.outputs is not None:
            clean = in_memory(outputs(task.outputs, task.item, mics))
            return {**task.line(), "scores": score(own, clean, mics, dry, AGAINST_IMAGE).to_json()}
        mixture = Recording.from_array(own.read().sum(axis=0, keepdims=True), own.rate, ["mixture"])
        side = Side(mixture=mixture, truth=own)
        held = forget_peak()
        began = time.perf_counter()
        clean = in_memory(remove(mics, task.method, side=side))
        took, peak = time.perf_counter() - began, peak_memory()
        memory = None if held is None or peak is None else max(0, round(peak - held))
        unharmed = in_memory(remove(own, task.method, side=side))
        scores = score(own, clean, mics, dry, AGAINST_IMAGE).beside(harm(own, unharmed))
        return {**task.line(), "took": round(took, 3), "memory": memory, "scores": scores.to_json()}


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


# ------------------------------------------------------------------------------------------------------ the memory

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_memory() -> float | None:
    """Most memory that this process has held since :func:`forget_peak`, in MiB; nothing where there is no /proc."""
    try:
        lines = STATUS.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return None


def forget_peak() -> float | None:
    """Begin anew with the peak, and return what is held now in MiB."""
    try:
        RESET.write_text("5", encoding="ascii")
    except OSError:
        return None
    return peak_memory()


# ------------------------------------------------------------------------------------------------------- the lines


def key(line: Mapping[str, Any]) -> str:
    """Tell what makes a measurement another one."""
    return json.dumps(
        [line[name] for name in ("sound", "item", "method", "settings", "version")], sort_keys=True, allow_nan=False
    )


def read_lines(folder: Path) -> list[Line]:
    """Read what was measured; a line that a killed run left half-written is passed over.

    Raises
    ------
    InputError
        Where there are no results.
    """
    path = folder / LINES
    if not path.is_file():
        raise InputError(f"'{folder}' holds no results, since it has no {LINES}; make some with 'debleed benchmark'")
    lines = {}
    for text in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            line = json.loads(text)
        except ValueError:
            continue
        lines[key(line)] = line
    return list(lines.values())


def append(folder: Path, line: Line) -> None:
    """Add a line in one stroke; what a killed run left half-written before is closed first."""
    path = folder / LINES
    with path.open("ab+") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        whole = file.read(1) in (b"", b"\n")
        file.write((("" if whole else "\n") + json_line(line) + "\n").encode())


def shown_lines(lines: Iterable[Line], corpora: Sequence[Path]) -> list[Line]:
    """Keep what the tables show: all that was measured of these corpora, with this version and the present settings.

    Of several results of one name (another program's, measured again) the last counts.
    """
    bleeds: dict[str, list[tuple[str, str]]] = {}
    for corpus, bleed in bleed_names(corpora).items():
        for item in items_of(corpus):
            bleeds.setdefault(sound_of(item), []).append((bleed, item.id))
    shown: dict[tuple[str, str, str], Line] = {}
    for line in lines:
        method = line["method"]
        if line["version"] == __version__ and (method not in registered() or line["settings"] == settings_of(method)):
            for bleed, item_id in bleeds.get(line["sound"], []):
                shown[bleed, item_id, method] = {**line, "bleed": bleed, "item": item_id}
    order = [bleed for pairs in bleeds.values() for bleed, _ in pairs]
    return sorted(shown.values(), key=lambda line: (order.index(line["bleed"]), line["item"]))


def scores_of(lines: Iterable[Mapping[str, Any]]) -> Scores:
    """Join the scores of some lines, an item being a recording."""
    first, *rest = (Scores.from_json(line["scores"]) for line in lines)
    for other in rest:
        first = first + other
    return first
