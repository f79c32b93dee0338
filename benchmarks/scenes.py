"""The scenes of the benchmarks: songs that are made to bleed, takes of a drum kit, and what is to be reached on them.

An item is drawn from its own id, so nobody chose it; the room of an item is the same at every rate.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from debleed.io.audio import Take, audio_files, load_like
from debleed.recording import Recording, Samples
from debleed.scenes.rendering import render_own
from debleed.scenes.scene import draw_scene
from debleed.scoring.scores import Scores

SHARED = Path(__file__).resolve().parents[2] / "shared"
"""Third-party audio, beside the repository; its README tells the starts."""

STARTS = {"Caesium": 165, "Francium": 50, "Hydrogen": 185, "Rubidium": 190, "Sodium": 140}
"""Seconds from which on all four stems play for a minute."""

HEARD = ("Caesium", "Francium", "Hydrogen")
"""Songs that the guide of demix learnt from, like the drum kit's hits of odd numbers."""

RMS = 0.1
"""Level that every stem is brought to."""

DRUM_RATE, DRUM_SECONDS, DRUM_SEEDS = 44100, 40, range(5)


@dataclass(frozen=True)
class Goal:
    """What a method is to reach in a scene.

    Parameters
    ----------
    what
        The figure, a key of :data:`FIGURES`.
    must, aim
        In dB; ``aim`` may be missing.
    method
        The method meant.
    """

    what: str
    must: float
    aim: float | None = None
    method: str = "demix"


FIGURES: dict[str, Callable[[Scores], float]] = {
    "median SDR": lambda scores: scores.median("sdr"),
    "least SDR": lambda scores: float(np.nanmin(scores["sdr"])),
    "median SDRi": lambda scores: scores.median("sdri"),
    "least SDRi": lambda scores: float(np.nanmin(scores["sdri"])),
}
"""What can be asked of the scores of all sources of all items of a scene; silent sources are left out."""


@dataclass(frozen=True)
class Group:
    """One row of the table: a kind of scene.

    Parameters
    ----------
    title
        For people.
    goals
        What is to be reached.
    draw
        Arguments of :func:`draw_scene`; if none, nothing bleeds.
    songs
        Songs that play at once.
    bleed_db, hits
        For the drum kit: how much the bleed is raised; which hits, all or those of odd or even numbers.
    """

    title: str
    goals: tuple[Goal, ...]
    draw: dict[str, Any] | None = None
    songs: int = 1
    bleed_db: float | None = None
    hits: str = "all"


KAMIR_SDRI = Goal("median SDRi", 6, method="kamir")
HARMLESS = Goal("least SDRi", -0.1)

GROUPS: dict[str, Group] = {
    "linear": Group("linear, WASPAA 2023 matrix", (Goal("median SDR", 70, 90),), {"kind": "linear"}),
    "room-0.35": Group(
        "room, RT60 0.35 s, microphones at 0.5 m",
        (Goal("median SDR", 29, 35), Goal("least SDRi", 8), KAMIR_SDRI),
        {"kind": "room", "rt60": 0.35},
    ),
    "room-0.6": Group("room, RT60 0.6 s", (Goal("median SDR", 22, 28),), {"kind": "room", "rt60": 0.6}),
    "room-0.8": Group("room, RT60 0.8 s", (Goal("median SDR", 18, 24),), {"kind": "room", "rt60": 0.8}),
    "noise": Group(
        "room, RT60 0.35 s, noise at −40 dB",
        (Goal("median SDR", 26, 32),),
        {"kind": "room", "rt60": 0.35, "noise_db": -40.0},
    ),
    "far": Group(
        "room, RT60 0.35 s, microphones at 1.5 m",
        (Goal("median SDRi", 13, 20),),
        {"kind": "room", "rt60": 0.35, "distance": 1.5},
    ),
    "eight": Group(
        "room, RT60 0.35 s, 8 sources (two songs at once)",
        (Goal("median SDR", 20, 27),),
        {"kind": "room", "rt60": 0.35},
        songs=2,
    ),
    "dry": Group("no bleed at all (output against input)", (Goal("least SDR", 60, np.inf),)),
    "drums-0": Group("real drum kit, bleed as recorded", (HARMLESS, Goal("median SDRi", 0, 3)), bleed_db=0.0),
    "drums-12": Group("real drum kit, bleed +12 dB", (HARMLESS, Goal("median SDRi", 4, 7)), bleed_db=12.0),
    "drums-even": Group(
        "real drum kit, bleed +12 dB, hits of even numbers",
        (HARMLESS, Goal("median SDRi", 4, 7)),
        bleed_db=12.0,
        hits="even",
    ),
}


@dataclass(frozen=True)
class Item:
    """One recording whose truth is known.

    Parameters
    ----------
    group
        Key of :data:`GROUPS`.
    name
        The song, the songs joined by ``+``, or the seed of a take.
    rate, seconds
        Samples per second; length.
    """

    group: str
    name: str
    rate: int
    seconds: float
    id: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", f"{self.group}/{self.name}")

    def render(self) -> tuple[Recording, Recording]:
        """Make the microphones and the images of their own sources, in memory."""
        group = GROUPS[self.group]
        if group.bleed_db is not None:
            return drum_take(int(self.name), group.bleed_db, self.rate, self.seconds, group.hits)
        songs = self.name.split("+")
        stems = [song_stems(song, self.rate, self.seconds) for song in songs]
        names = [
            f"{song}.{source}" if len(songs) > 1 else source
            for song, part in zip(songs, stems, strict=True)
            for source in part
        ]
        samples = np.stack([row for part in stems for row in part.values()])
        if group.draw is None:
            recording = Recording.from_array(samples, self.rate, names)
            return recording, recording
        return render_own(draw_scene(sources=names, rate=self.rate, seed=self.id, **group.draw), samples)


def song_stems(song: str, rate: int, seconds: float, start: float | None = None) -> dict[str, Samples]:
    """Read an excerpt of each stem of a song: mono, at the rate, all of one RMS."""
    paths = audio_files(SHARED / "data" / "songs" / song)
    take = Take.open(paths, rate=rate)
    first = round((STARTS[song] if start is None else start) * rate)
    stems = {}
    for path, file in zip(paths, take.files, strict=True):
        recording = Take((file,), False, rate, take.length).recording()
        mono = recording.read(first, first + round(seconds * rate)).mean(axis=0)
        level = np.sqrt(np.mean(np.square(mono, dtype=np.float64)))
        stems[path.stem] = mono * np.float32(RMS / level if level else 1)  # a silent one stays silent
    take.close()
    return stems


def drum_take(
    seed: int, bleed_db: float, rate: int, seconds: float, hits: str = "all", bpm: float = 110.0
) -> tuple[Recording, Recording]:
    """Sequence a take of the real kit, with the truth; ``hits`` are all, or those of odd or even numbers."""
    with tempfile.TemporaryDirectory() as temporary:
        script, folder = SHARED / "bin" / "drum_take.py", Path(temporary) / "take"
        if hits != "all":  # the script takes its hits from beside it
            script = some_hits(Path(temporary), script, odd=hits == "odd")
        options = ["--seconds", seconds, "--seed", seed, "--bleed-db", bleed_db, "--bpm", bpm]
        subprocess.run([sys.executable, script, folder, *map(str, options)], check=True)
        take = Take.open(audio_files(folder), rate=rate)
        mics = take.recording()
        truth = load_like(folder / "truth", take)
        held = tuple(Recording.from_array(z.read(), rate, z.names) for z in (mics, truth))
        take.close()
    return held[0], held[1]


def some_hits(folder: Path, script: Path, odd: bool) -> Path:
    """Lay the script out beside the hits of odd or of even numbers alone."""
    for hit in (SHARED / "data" / "drumkit").glob("*/*.flac"):
        if ".room" not in hit.name and int(hit.stem) % 2 == odd:
            linked = folder / "data" / "drumkit" / hit.parent.name / hit.name
            linked.parent.mkdir(parents=True, exist_ok=True)
            linked.symlink_to(hit)
    copied = folder / "bin" / script.name
    copied.parent.mkdir()
    shutil.copyfile(script, copied)
    return copied


def items(
    groups: Sequence[str], songs: Sequence[str], rate: int | None = None, seconds: float | None = None
) -> Iterator[Item]:
    """Yield the items of some scenes: the first of each, then the second of each, so that a part covers them all.

    Songs are at 22.05 kHz and 60 s long, takes of the kit at 44.1 kHz and 40 s, unless said otherwise. Two songs at
    once: each song with the next, in a ring.
    """

    def of(key: str) -> list[Item]:
        if GROUPS[key].bleed_db is not None:
            return [Item(key, str(seed), rate or DRUM_RATE, seconds or DRUM_SECONDS) for seed in DRUM_SEEDS]
        rings = [[*songs, *songs][i : i + GROUPS[key].songs] for i in range(len(songs))]
        names = dict.fromkeys("+".join(ring) for ring in rings if len(set(ring)) == len(ring))
        return [Item(key, name, rate or 22050, seconds or 60) for name in names]

    for row in zip_longest(*map(of, groups)):
        yield from (item for item in row if item)


def refuse_absence() -> None:
    """End with a sentence where the audio is not there."""
    if not (SHARED / "data" / "songs").is_dir():
        print(
            "the benchmarks need the audio in ../shared/data, beside the repository, and it is not there",
            file=sys.stderr,
        )
        sys.exit(2)
