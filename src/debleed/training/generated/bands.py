"""Songs of the generated corpus: bands of several kinds, rendered when they are needed and kept in the cache."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import overload

import numpy as np

from debleed.decibels import amplitude
from debleed.scenes.takes import Kit, take
from debleed.seeding import generator
from debleed.training.generated import render
from debleed.training.generated.kinds import Kind
from debleed.training.generated.score import ROLES, Score, draw_score
from debleed.training.material import Floats, Song, keep

SECONDS = 40.0
"""Length of a song."""

LEVEL, SPREAD_DB = 0.1, 3.0
"""RMS of each stem while it sounds, and the standard deviation of its level in dB."""

VERSION = 1
"""Of what is rendered; another one does not use the songs of this one in a cache."""

WORDS = (
    *("the river", "a small boat", "every window", "our neighbour", "the old clock", "seven letters", "nobody"),
    *("this morning", "the last train", "a loud crowd", "my sister", "the engineer", "one microphone", "the garden"),
)
VERBS = ("carries", "forgets", "opens", "follows", "paints", "repairs", "remembers", "waits for", "moves", "listens to")


@dataclass(frozen=True)
class Bands(Sequence[Song]):
    """Songs by bands of several kinds in turn.

    Parameters
    ----------
    kinds
        The kinds by name.
    each
        Songs of each kind.
    seed
        Of the songs.
    rate
        Samples per second.
    cache
        Folder in which rendered songs are kept.
    kits
        Recorded drum kits by name; only their hits of odd numbers are played.
    recorded
        Further kinds: songs that exist, by name. Each counts as often as the bands of a kind.
    """

    kinds: Mapping[str, Kind]
    each: int
    seed: str
    rate: int
    cache: Path
    kits: Mapping[str, Kit]
    recorded: Mapping[str, Song]

    def __len__(self) -> int:
        return self.each * (len(self.kinds) + len(self.recorded))

    @overload
    def __getitem__(self, index: int) -> Song: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Song]: ...
    def __getitem__(self, index: int | slice) -> Song | Sequence[Song]:
        """Return a song; render it if it is not in the cache."""
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        number, kind = divmod(index % len(self), len(self.kinds) + len(self.recorded))
        names = [*self.kinds, *self.recorded]
        if names[kind] in self.recorded:
            return self.recorded[names[kind]]
        return self._band(names[kind], number)

    def _band(self, name: str, number: int) -> Song:
        id_ = f"{self.seed}/{name}/{number}"
        key = hashlib.sha256(f"{VERSION} {id_} {self.rate} {SECONDS}".encode()).hexdigest()[:16]
        path = self.cache / "bands" / f"{name}-{key}.npy"
        if not path.exists():
            kind = self.kinds[name]
            keep(path, rendered(kind, id_, self.rate, self.kits.get(kind.kit or "")).astype(np.float16))
        return _kept(path, id_)


@lru_cache(maxsize=1024)
def _kept(path: Path, id_: str) -> Song:
    samples = np.load(path, mmap_mode="r")
    return Song(id_, samples, np.array([np.mean(np.square(row, dtype=np.float64)) for row in samples]))


def rendered(kind: Kind, id_: str, rate: int, kit: Kit | None = None) -> Floats:
    """Render the song of a band, ``(roles, samples)``.

    Raises
    ------
    InputError
        If FluidSynth, Flite, the sound font or the kit is missing.
    """
    score = draw_score(kind.genre, SECONDS, id_)
    rng = generator("band", id_)
    stems = [_stem(role, kind, score, rate, kit, rng) for role in ROLES]
    levels = [LEVEL * amplitude(rng.normal(0, SPREAD_DB)) for _ in ROLES]
    return np.stack([levelled(stem, level) for stem, level in zip(stems, levels, strict=True)])


def _stem(role: str, kind: Kind, score: Score, rate: int, kit: Kit | None, rng: np.random.Generator) -> Floats:
    if role == "vocals" and kind.speech:
        return speech(rng, rate)
    if role == "drums" and kit is not None:
        return kit_stem(kit, score.tempo, rate, int(rng.integers(2**31)))
    return render.play(score.parts[role], role == "drums", SECONDS, rate)


def kit_stem(kit: Kit, tempo: float, rate: int, seed: int) -> Floats:
    """Play a recorded kit: all of its microphones together."""
    mics, _ = take(kit, seed, SECONDS, choice="odd", bpm=tempo, rate=rate)
    return render.fitted(mics.read().mean(axis=0), SECONDS, rate)


def speech(rng: np.random.Generator, rate: int) -> Floats:
    """Let one speaker say sentences with pauses."""
    speaker, length, parts = str(rng.choice(render.SPEAKERS)), 0, []
    while length < SECONDS * rate:
        sentence = f"{rng.choice(WORDS)} {rng.choice(VERBS)} {rng.choice(WORDS)}, and {rng.choice(WORDS)}."
        pause = np.zeros(int(rng.uniform(0.2, 2) * rate), np.float32)
        parts += [render.say(sentence, speaker, rate), pause]
        length += len(parts[-1]) + len(parts[-2])
    return render.fitted(np.concatenate(parts), SECONDS, rate)


def levelled(stem: Floats, level: float) -> Floats:
    """Bring a stem to an RMS level over the tenths of a second in which it sounds; silence stays silent."""
    frames = np.array_split(stem.astype(np.float64), int(10 * SECONDS))
    power = np.array([np.mean(frame**2) for frame in frames])
    if not power.any():
        return stem
    loud = np.mean(power[power > 1e-3 * power.max()])
    return stem * np.float32(level / np.sqrt(loud))
