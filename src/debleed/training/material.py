"""Training data: excerpts of songs, recombined and mixed in randomly drawn scenes.

Every example depends only on its key and uses the same code as corpora. A cache folder holds the songs in mono at the
network's sampling rate, and the impulse responses of scenes that are expensive to compute.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from debleed.decibels import amplitude
from debleed.io.documents import replacing, write_text
from debleed.progress import Progress, quiet
from debleed.scenes.onstage.feed import Feed
from debleed.scenes.rendering import mono_stems
from debleed.scenes.scene import KINDS, PRESETS, Instantaneous, OnStage, draw_scene, from_json, preset
from debleed.scenes.tracks import Track
from debleed.seeding import generator

Floats = NDArray[np.float32]

GAIN_DB = 6.0
"""The gain of each stem is drawn from ± this range."""

SPEEDS = ((4, 5), (7, 8), (1, 1), (8, 7), (5, 4))
"""Playback speeds of stems, which also change the pitch: from four semitones down to four up."""

QUIET = 0.01
"""An excerpt with less than this share of its stem's mean power is drawn again, up to :data:`TRIES` times: many stems
have long pauses."""

TRIES, TRIES_TOGETHER = 4, 40
"""Attempts for one stem, and for all stems of a song at one position."""


@dataclass(frozen=True)
class Song:
    """Dry stems of one track, ``(sources, samples)``, and their mean power, ``(sources,)``."""

    id: str
    samples: NDArray[np.float16]
    power: NDArray[np.float64]


def load_songs(
    tracks: Sequence[Track], stems: Sequence[str], rate: int, cache: Path, progress: Progress = quiet
) -> list[Song]:
    """Load tracks as songs, mono at a sampling rate, and add them to the cache.

    Raises
    ------
    InputError
        For missing or damaged stems.
    """
    songs = []
    for done, track in enumerate(tracks, start=1):
        key = hashlib.sha256(f"{track.folder.resolve()} {rate} {','.join(stems)}".encode()).hexdigest()[:12]
        path = cache / "songs" / f"{track.name}-{key}.npy"
        if not path.exists():
            take = track.take(stems, rate)
            try:
                keep(path, mono_stems(take).astype(np.float16))
            finally:
                take.close()
        samples = np.load(path, mmap_mode="r")
        songs.append(Song(track.id, samples, np.array([np.mean(np.square(row, dtype=np.float64)) for row in samples])))
        progress("songs", done / len(tracks))
    return songs


def keep(path: Path, values: NDArray[Any]) -> None:
    """Write an array into the cache, completely or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        np.save(file, values)


@dataclass(frozen=True)
class Scenes:
    """A numbered set of scenes.

    Parameters
    ----------
    names
        Presets or kinds of scenes (:mod:`debleed.scenes.scene`).
    sources, rate, seed
        Of the scenes.
    count
        Number of scenes per name.
    cache
        Folder for their impulse responses.
    """

    names: tuple[str, ...]
    sources: tuple[str, ...]
    rate: int
    seed: str
    count: int
    cache: Path

    def prepared(self, name: str, number: int) -> tuple[OnStage | None, Floats]:
        """Return the impulse responses of a scene, ``(mics, sources, taps)``; one tap for instantaneous bleed.

        A scene on a stage comes as well: more happens to its sound, and further rows and columns are those of
        :meth:`debleed.scenes.onstage.scene.OnStage.paths`.
        """
        return _prepared(self, name, number)


@lru_cache(maxsize=256)
def _prepared(scenes: Scenes, name: str, number: int) -> tuple[OnStage | None, Floats]:
    seed = f"{scenes.seed}/{name}/{number}"
    kind = PRESETS.get(name, {"kind": name})["kind"]
    key = hashlib.sha256(f"{seed} {scenes.rate} {scenes.sources}".encode()).hexdigest()[:16]
    path = scenes.cache / "scenes" / f"{key}.npy"
    described = path.with_suffix(".json")
    if kind == Instantaneous.kind or not path.exists():
        scene = (draw_scene if name in KINDS else preset)(name, scenes.sources, scenes.rate, seed)
        paths = _padded(scene.paths() if isinstance(scene, OnStage) else scene.responses())
        if kind == Instantaneous.kind:
            return None, paths
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(described, scene.to_json())
        keep(path, paths)
    found: Floats = np.load(path)
    staged = from_json(described.read_text(encoding="utf-8")) if kind == OnStage.kind else None
    return staged if isinstance(staged, OnStage) else None, found


def _padded(rows: Sequence[Sequence[NDArray[np.float64]]]) -> Floats:
    paths = np.zeros((len(rows), len(rows[0]), max(len(h) for row in rows for h in row)), np.float32)
    for i, row in enumerate(rows):
        for j, h in enumerate(row):
            paths[i, j, : len(h)] = h
    return paths


@dataclass(frozen=True)
class Material:
    """Songs and scenes, and how examples are drawn from them.

    Parameters
    ----------
    songs, scenes
        The songs and scenes to draw from.
    samples
        Length of an example.
    level
        ``each`` microphone scaled to its level, or all by one ``common`` factor (see :data:`debleed.nets.NETS`).
    source
        Index of the only source whose microphone is returned; ``None`` returns all microphones.
    remix
        Share of examples that combine stems of different songs and positions; in the others, stems are as in the song,
        where one source is often far louder than another.
    shuffle
        Whether to permute the microphones, together with their targets.
    noise_db
        Range of the noise of the microphones relative to their level in dB; ``None`` for none.
    """

    songs: Sequence[Song]
    scenes: Scenes
    samples: int
    level: str
    source: int | None = None
    remix: float = 0.5
    shuffle: bool = True
    noise_db: tuple[float, float] | None = None

    def example(self, *key: object) -> tuple[Floats, Floats]:
        """Draw microphones and the images of their sources, each ``(mics, samples)``, from a key.

        Gains, polarities and speeds of the stems are random too. An example is scaled by the level that its microphones
        have over whole songs, so excerpts in which a source is silent are not amplified.
        """
        rng = generator(self.scenes.seed, *key)
        scene, paths = self.scenes.prepared(
            self.scenes.names[int(rng.integers(len(self.scenes.names)))], int(rng.integers(self.scenes.count))
        )
        stems, power = self._stems(rng, self.samples + paths.shape[2] - 1)
        mics, images = mix(stems, paths, self.samples) if scene is None else staged(scene, stems, paths, self.samples)
        close = paths[: len(stems), : len(stems)]
        level = np.sqrt(np.einsum("ijt,ijt,j->i", close, close, power))
        if self.level == "common":
            level[:] = np.sqrt(np.mean(level**2))
        level = np.where(level > 0, level, 1)[:, None].astype(np.float32)
        if self.noise_db is not None:
            strength = level * np.float32(amplitude(rng.uniform(*self.noise_db)))
            mics = mics + strength * rng.standard_normal(mics.shape, np.float32)
        order = rng.permutation(len(mics)) if self.shuffle else np.arange(len(mics))
        if self.source is not None:
            order = np.array([self.source])
        return (mics / level)[order], (images / level)[order]

    def batch(self, size: int, *key: object) -> tuple[Floats, Floats]:
        """Draw several examples, ``(batch, mics, samples)`` each."""
        mics, images = zip(*(self.example(*key, number) for number in range(size)), strict=True)
        return np.stack(mics), np.stack(images)

    def _stems(self, rng: np.random.Generator, length: int) -> tuple[Floats, NDArray[np.float64]]:
        count = len(self.scenes.sources)
        stems, power = np.zeros((count, length), np.float32), np.zeros(count)
        together = rng.random() >= self.remix
        if together:
            speeds = [SPEEDS[int(rng.integers(len(SPEEDS)))]] * count
            places = [self._place(rng, played(length, speeds[0]), range(count), TRIES_TOGETHER)] * count
        else:
            speeds = [SPEEDS[k] for k in rng.integers(len(SPEEDS), size=count)]
            places = [self._place(rng, played(length, speeds[source]), (source,)) for source in range(count)]
        for source, ((song, start), speed) in enumerate(zip(places, speeds, strict=True)):
            row = song.samples[source, start : start + played(length, speed)].astype(np.float32)
            row = resample_poly(row, speed[1], speed[0])[:length]
            gain = amplitude(rng.uniform(-GAIN_DB, GAIN_DB)) * rng.choice([-1, 1])
            stems[source, : len(row)] = np.float32(gain) * row
            power[source] = gain**2 * song.power[source]
        return stems, power

    def _place(
        self, rng: np.random.Generator, length: int, sources: Sequence[int], tries: int = TRIES
    ) -> tuple[Song, int]:
        """Draw a song and a position, if possible one at which these sources are active."""
        for _ in range(tries):
            song = self.songs[int(rng.integers(len(self.songs)))]
            start = int(rng.integers(max(1, song.samples.shape[1] - length + 1)))
            stretch = song.samples[list(sources), start : start + length].astype(np.float32)
            if np.all(np.mean(stretch**2, axis=1) > QUIET * song.power[list(sources)]):
                break
        return song, start


def played(length: int, speed: tuple[int, int]) -> int:
    """Return the number of samples of a stem in ``length`` samples at a playback speed."""
    return -(-length * speed[0] // speed[1])


def mix(stems: Floats, paths: Floats, samples: int) -> tuple[Floats, Floats]:
    """Mix stems through impulse responses ``(mics, sources, taps)``.

    Returns
    -------
    The last ``samples`` of the microphones, and of the images of their own sources.
    """
    if paths.shape[2] == 1:
        gains = paths[:, :, 0]
        return gains @ stems, np.diag(gains)[:, None] * stems
    import scipy.fft

    size = scipy.fft.next_fast_len(stems.shape[1], real=True)  # circular wrap-around only affects discarded samples
    spectra, responses = scipy.fft.rfft(stems, size), scipy.fft.rfft(paths, size)
    microphones = np.einsum("ijf,jf->if", responses, spectra)
    own = np.einsum("iif,if->if", responses, spectra)
    kept = slice(paths.shape[2] - 1, paths.shape[2] - 1 + samples)
    both = scipy.fft.irfft(np.stack([microphones, own]), size)[:, :, kept].astype(np.float32)
    return both[0], both[1]


def staged(scene: OnStage, stems: Floats, paths: Floats, samples: int) -> tuple[Floats, Floats]:
    """Let stems play on a stage; networks have one seat a source, so each gets the first track of its source.

    Returns
    -------
    The last ``samples`` of these tracks, and of their truth.
    """
    tracks: dict[str | None, Feed] = {}
    for feed in scene.perform(stems, [list(row) for row in paths]):
        tracks.setdefault(feed.channel.source, feed)
    seats = [tracks[source] for source in scene.sources]
    kept = slice(stems.shape[1] - samples, None)
    return np.stack([feed.sound[kept] for feed in seats]), np.stack([feed.own[kept] for feed in seats])
