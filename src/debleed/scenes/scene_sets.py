"""Scene sets: recordings with ground truth, rendered in memory.

A set is one row of the published benchmarks: songs with simulated bleed (:class:`SongSet`), or takes of a drum kit
(:class:`TakeSet`). An item's id, ``<set>/<name>``, is the seed of its scene, so its room is the same at every rate.
:mod:`debleed.scenes.set_file` reads the descriptions, :mod:`debleed.scenes.making` writes the sets to disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from debleed.io.audio import Take, audio_files
from debleed.recording import InputError, Recording, Samples
from debleed.scenes.rendering import render_own
from debleed.scenes.scene import Scene, draw_scene
from debleed.scenes.takes import CHOICES, Kit, take


@dataclass(frozen=True)
class Sound:
    """One rendered item.

    Parameters
    ----------
    mics, own
        The microphones, and the image of its own source in each.
    stems
        The dry stems, if there are any.
    soundcheck
        The same microphones in the same scene during another part of the song, for methods to learn from.
    scene
        The scene; ``None`` for takes of a kit, and if nothing bleeds.
    """

    mics: Recording
    own: Recording
    stems: Recording | None = None
    soundcheck: Recording | None = None
    scene: Scene | None = None


@dataclass(frozen=True)
class Songs:
    """Songs as stems: ``<folder>/<song>/<stem>.<suffix>``.

    Parameters
    ----------
    title, licence, where
        Description, licence and source.
    folder
        Their folder.
    rate, seconds
        Samples per second and length of the excerpts, unless a set overrides them.
    rms
        RMS level to which every stem is normalized.
    starts
        Second at which the excerpt of each song begins.
    """

    title: str
    licence: str
    where: str
    folder: Path
    rate: int
    seconds: float
    rms: float
    starts: Mapping[str, float]

    def stems(self, song: str, rate: int, seconds: float, start: float | None = None) -> dict[str, Samples]:
        """Read an excerpt of each stem of a song, in mono and with equal RMS; silent stems stay silent.

        Raises
        ------
        InputError
            If there is no folder for the song.
        """
        folder = self.folder / song
        if not folder.is_dir():
            raise InputError(f"there is no folder '{folder}'; get {self.title} ({self.licence}) from {self.where}")
        paths = audio_files(folder)
        opened = Take.open(paths, rate=rate)
        first = round((self.starts[song] if start is None else start) * rate)
        stems = {}
        for path, file in zip(paths, opened.files, strict=True):
            recording = Take((file,), False, rate, opened.length).recording()
            mono = recording.read(first, first + round(seconds * rate)).mean(axis=0)
            level = np.sqrt(np.mean(np.square(mono, dtype=np.float64)))
            stems[path.stem] = mono * np.float32(self.rms / level if level else 1)
        opened.close()
        return stems


@dataclass(frozen=True)
class SongSet:
    """A set of songs in scenes, as described by a table of the file.

    Parameters
    ----------
    name
        Name of the set.
    source
        The songs.
    title
        Title for tables.
    draw
        Settings of :func:`debleed.scenes.scene.draw_scene`; without them, nothing bleeds.
    scene
        The set whose scenes to use; by default this one.
    songs
        The songs in the set; by default all.
    at_once
        How many songs play at the same time: each with its successors, cyclically.
    rate, seconds
        Override those of the songs.
    soundcheck
        Song → second at which another part of it begins. Each of the two parts is an item with the other as its
        soundcheck, so that differences in difficulty cancel.
    goals
        Tables of :class:`debleed.bench.goals.Goal`.
    """

    name: str
    source: Songs = field(repr=False)
    title: str
    draw: Mapping[str, Any] | None = None
    scene: str | None = None
    songs: tuple[str, ...] = ()
    at_once: int = 1
    rate: int = 0
    seconds: float = 0
    soundcheck: Mapping[str, float] = field(default_factory=dict)
    goals: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "scene", self.scene or self.name)
        object.__setattr__(self, "songs", self.songs or tuple(self.source.starts))
        object.__setattr__(self, "rate", self.rate or self.source.rate)
        object.__setattr__(self, "seconds", self.seconds or self.source.seconds)
        if strangers := sorted({*self.songs, *self.soundcheck} - set(self.source.starts)):
            raise InputError(f"set '{self.name}': the song '{strangers[0]}' is not in [songs.starts]")
        if self.soundcheck and (self.at_once > 1 or set(self.soundcheck) != set(self.songs)):
            raise InputError(
                f"set '{self.name}': 'soundcheck' must list every song of the set, and 'at_once' must be 1"
            )

    def items(self) -> list[str]:
        """List the items: a song, songs joined by ``+``, or another part of a song, ``<song>@<start>``."""
        rings = [[*self.songs, *self.songs][i : i + self.at_once] for i in range(len(self.songs))]
        names = dict.fromkeys("+".join(ring) for ring in rings if len(set(ring)) == len(ring))
        others = [f"{song}@{self.soundcheck[song]:g}" for song in self.songs if song in self.soundcheck]
        return [*names, *others]

    def render(self, item: str) -> Sound:
        """Render one item in memory; equal on every machine up to rounding."""
        song, other, _ = item.partition("@")
        own, elsewhere = self.source.starts.get(song), self.soundcheck.get(song)
        stems = self._stems(song, elsewhere if other else None)
        names, samples = list(stems), np.stack(list(stems.values()))
        if self.draw is None:
            recording = Recording.from_array(samples, self.rate, names)
            return Sound(recording, recording)
        scene = draw_scene(sources=names, rate=self.rate, seed=f"{self.scene}/{song}", **self.draw)
        mics, images = render_own(scene, samples)
        soundcheck = None
        if self.soundcheck:
            before = self._stems(song, own if other else elsewhere)
            soundcheck, _ = render_own(scene, np.stack([before[name] for name in names]))
        return Sound(mics, images, Recording.from_array(samples, self.rate, names), soundcheck, scene)

    def _stems(self, joined: str, start: float | None) -> dict[str, Samples]:
        songs = joined.split("+")
        parts = [self.source.stems(song, self.rate, self.seconds, start) for song in songs]
        return {
            f"{song}.{stem}" if len(songs) > 1 else stem: row
            for song, part in zip(songs, parts, strict=True)
            for stem, row in part.items()
        }

    def start(self, item: str) -> float:
        """Return the second of the (first) song at which an item begins."""
        song, other, start = item.partition("@")
        return float(start if other else self.source.starts[song.split("+")[0]])

    def recipe(self) -> dict[str, Any]:
        """Return everything that determines the items, apart from the files."""
        return {
            **{"draw": self.draw, "songs": self.songs, "at_once": self.at_once, "soundcheck": self.soundcheck},
            **{"starts": {song: self.source.starts[song] for song in self.songs}, "rms": self.source.rms},
        }


@dataclass(frozen=True)
class Sampled:
    """A sampled drum kit: a :class:`Kit` with its description and the defaults for takes.

    Parameters
    ----------
    title, licence, where, folder, rate, microphones, hits
        As for :class:`Songs` and :class:`Kit`.
    seconds, takes
        Length of a take and number of takes, with the seeds 0, 1, 2, ...
    """

    title: str
    licence: str
    where: str
    folder: Path
    rate: int
    seconds: float
    takes: int
    microphones: tuple[str, ...]
    hits: Mapping[str, tuple[str, ...]]

    @property
    def kit(self) -> Kit:
        """The kit."""
        return Kit(self.folder, self.rate, self.microphones, {drum: tuple(them) for drum, them in self.hits.items()})


@dataclass(frozen=True)
class TakeSet:
    """A set of takes of a drum kit, as described by a table of the file.

    Parameters
    ----------
    name, source, title, goals
        As for :class:`SongSet`.
    bleed_db, hits
        Gain of the bleed, and choice of the hits; see :func:`debleed.scenes.takes.take`.
    """

    name: str
    source: Sampled = field(repr=False)
    title: str
    bleed_db: float = 0.0
    hits: str = "all"
    goals: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        if self.hits not in CHOICES:
            raise InputError(f"set '{self.name}': 'hits' must be one of {', '.join(CHOICES)}, got '{self.hits}'")

    @property
    def scene(self) -> str:
        """Prefix of the ids of its items."""
        return self.name

    @property
    def rate(self) -> int:
        """Samples per second."""
        return self.source.rate

    @property
    def seconds(self) -> float:
        """Length of a take."""
        return self.source.seconds

    def items(self) -> list[str]:
        """List the items: the seeds."""
        return [str(seed) for seed in range(self.source.takes)]

    def render(self, item: str) -> Sound:
        """Render one item in memory; equal on every machine."""
        mics, own = take(self.source.kit, int(item), self.seconds, bleed_db=self.bleed_db, choice=self.hits)
        return Sound(mics, own)

    def start(self, item: str) -> float:
        """Return 0: a take is not an excerpt."""
        return 0.0

    def recipe(self) -> dict[str, Any]:
        """Return everything that determines the items, apart from the files."""
        kit = self.source.kit
        return {"bleed_db": self.bleed_db, "choice": self.hits, "microphones": kit.microphones, "hits": kit.hits}


SceneSet = SongSet | TakeSet
