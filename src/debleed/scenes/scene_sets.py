"""Scene sets: recordings whose truth is known, rendered in memory.

A set is one row of the published benchmarks: songs that bleed into each other's microphones (:class:`SongSet`), or
takes of a drum kit (:class:`TakeSet`). Items are called ``<set>/<name>``, and their scenes are drawn from that, so the
room of an item is the same at every rate. :mod:`debleed.scenes.set_file` reads the descriptions,
:mod:`debleed.scenes.making` writes the sets to disk.
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
        The dry stems, where there are any.
    soundcheck
        The same microphones in the same scene during another stretch of the song, for methods to learn from.
    scene
        How the stems bled; none for takes of a kit, and where nothing bleeds.
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
        What they are, and where they can be had.
    folder
        Where they are.
    rate, seconds
        Samples per second and length of the excerpts, where a set does not say otherwise.
    rms
        Level that every stem is brought to.
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
        """Read an excerpt of each stem of a song: mono, all of one RMS; a silent one stays silent.

        Raises
        ------
        InputError
            Where the song is not there.
        """
        folder = self.folder / song
        if not folder.is_dir():
            raise InputError(f"there is no folder '{folder}': {self.title} ({self.licence}), see {self.where}")
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
    """Songs in scenes, as a table of the file describes them.

    Parameters
    ----------
    name, source
        Of the set; the songs.
    title
        For people.
    draw
        Settings of :func:`debleed.scenes.scene.draw_scene`; without any nothing bleeds.
    scene
        The set whose scenes these are, its own where not given.
    songs
        Those that take part; all where not given.
    at_once
        How many play at once: each with those that follow it, in a ring.
    rate, seconds
        Where they differ from those of the songs.
    soundcheck
        Second at which another stretch begins, by song. Each of the two is an item, and the other is the soundcheck
        that methods may learn from, so that it cancels if one of them is easier to learn from.
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
            raise InputError(f"set '{self.name}': [songs.starts] does not know the song '{strangers[0]}'")
        if self.soundcheck and (self.at_once > 1 or set(self.soundcheck) != set(self.songs)):
            raise InputError(f"set '{self.name}': every song needs a stretch for the soundcheck, and plays alone")

    def items(self) -> list[str]:
        """Names of the items: the song, or songs joined by ``+``; another stretch is called ``<song>@<start>``."""
        rings = [[*self.songs, *self.songs][i : i + self.at_once] for i in range(len(self.songs))]
        names = dict.fromkeys("+".join(ring) for ring in rings if len(set(ring)) == len(ring))
        others = [f"{song}@{self.soundcheck[song]:g}" for song in self.songs if song in self.soundcheck]
        return [*names, *others]

    def render(self, item: str) -> Sound:
        """Make one item in memory; the same on every machine, up to rounding."""
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
        """Second of the (first) song at which an item begins."""
        song, other, start = item.partition("@")
        return float(start if other else self.source.starts[song.split("+")[0]])

    def recipe(self) -> dict[str, Any]:
        """Say what the items depend on, apart from the files."""
        return {
            **{"draw": self.draw, "songs": self.songs, "at_once": self.at_once, "soundcheck": self.soundcheck},
            **{"starts": {song: self.source.starts[song] for song in self.songs}, "rms": self.source.rms},
        }


@dataclass(frozen=True)
class Sampled:
    """A kit that takes are made of: a :class:`Kit`, what it is, and how takes are played where a set does not say.

    Parameters
    ----------
    title, licence, where, folder, rate, microphones, hits
        As for :class:`Songs` and :class:`Kit`.
    seconds, takes
        Length of a take; how many there are, from the seeds 0, 1, 2, ...
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
        """The kit itself."""
        return Kit(self.folder, self.rate, self.microphones, {drum: tuple(them) for drum, them in self.hits.items()})


@dataclass(frozen=True)
class TakeSet:
    """Takes of a drum kit, as a table of the file describes them.

    Parameters
    ----------
    name, source, title, goals
        As for :class:`SongSet`.
    bleed_db, hits
        By how much the bleed is raised; which hits are played, see :func:`debleed.scenes.takes.take`.
    """

    name: str
    source: Sampled = field(repr=False)
    title: str
    bleed_db: float = 0.0
    hits: str = "all"
    goals: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        if self.hits not in CHOICES:
            raise InputError(f"set '{self.name}': hits are one of {', '.join(CHOICES)}, not '{self.hits}'")

    @property
    def scene(self) -> str:
        """The name under which its items go."""
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
        """Names of the items: the seeds."""
        return [str(seed) for seed in range(self.source.takes)]

    def render(self, item: str) -> Sound:
        """Make one item in memory; the same on every machine."""
        mics, own = take(self.source.kit, int(item), self.seconds, bleed_db=self.bleed_db, choice=self.hits)
        return Sound(mics, own)

    def start(self, item: str) -> float:
        """Return 0: a take has no song to begin in."""
        return 0.0

    def recipe(self) -> dict[str, Any]:
        """Say what the items depend on, apart from the files."""
        kit = self.source.kit
        return {"bleed_db": self.bleed_db, "choice": self.hits, "microphones": kit.microphones, "hits": kit.hits}


SceneSet = SongSet | TakeSet
