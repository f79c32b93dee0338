"""Mishaps of the folder: further files beside the microphones, and microphones exported as stereo files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from debleed.decibels import amplitude
from debleed.scenes.base import Channel
from debleed.scenes.onstage.feed import Air, Feed, changed, named, rms
from debleed.scenes.onstage.mishap import Mishap, Where, chosen
from debleed.seeding import generator

BASSES = ("bass",)
"""Words in the names of sources that usually have a direct box."""


@dataclass(frozen=True, kw_only=True)
class Direct(Mishap):
    """A source also has a direct box, ``<source>_di``: the dry sound, before every microphone and without any bleed.

    Its truth is itself. It is a second track of its source, or a reference if the source has no microphone.

    Parameters
    ----------
    source
        The source.
    level_db
        Its level against the dry sound.
    """

    kind: ClassVar[str] = "direct"
    summary: ClassVar[str] = "a source also has a direct box, at X dB"
    strength: ClassVar[str | None] = "level_db"

    source: str
    level_db: float = -3.0

    @classmethod
    def draw(cls, where: Where, rng: np.random.Generator) -> Self:
        """Draw the source: a bass, if there is one."""
        return cls(source=chosen(list(where.sources), rng, BASSES))

    def apply(self, feeds: tuple[Feed, ...], air: Air) -> tuple[Feed, ...]:
        """Add the direct box."""
        mine = np.array([owner == self.source for owner in air.owners])
        if not mine.any():
            raise self.refusal(f"a source '{self.source}'")
        images = (amplitude(self.level_db) * air.stems * mine[:, None]).astype(air.stems.dtype)
        alone = all(feed.channel.source != self.source for feed in feeds)
        name = f"{self.source}_di"
        channel = Channel(name, name, self.source, reference=alone)
        return (*feeds, Feed(channel, images, images.sum(axis=0), np.zeros_like(images[0])))


@dataclass(frozen=True, kw_only=True)
class Safety(Mishap):
    """The recorder writes a second track of a microphone at a lower level, such as ``<track>_D12``.

    Parameters
    ----------
    track
        The microphone.
    level_db
        Level of the second track against the first.
    noise_db
        Noise of the second converter against the second track.
    """

    kind: ClassVar[str] = "safety"
    summary: ClassVar[str] = "a microphone has a safety track at X dB"
    strength: ClassVar[str | None] = "level_db"

    track: str
    level_db: float = -12.0
    noise_db: float = -68.0

    @classmethod
    def draw(cls, where: Where, rng: np.random.Generator) -> Self:
        """Draw the microphone."""
        return cls(track=chosen(list(where.microphones), rng))

    def apply(self, feeds: tuple[Feed, ...], air: Air) -> tuple[Feed, ...]:
        """Add the second track."""
        first = named(feeds, self.track)
        quieter = first.through(lambda rows: amplitude(self.level_db) * rows)
        white = generator(air.id, "safety", self.track).standard_normal(len(quieter.rest))
        noisy = quieter.plus(amplitude(self.noise_db) * rms(quieter.sound) * white, wanted=False)
        name = f"{self.track}_D{-self.level_db:g}"
        return (*feeds, replace(noisy, channel=replace(first.channel, name=name, file=name)))


@dataclass(frozen=True, kw_only=True)
class Mix(Mishap):
    """The recorder's own stereo mix of all tracks lies beside them. It has no source and no truth.

    Parameters
    ----------
    tracks
        What is in it.
    pans
        Share of each track in the right channel; the rest is in the left one.
    file
        Name of the file.
    """

    kind: ClassVar[str] = "mix"
    summary: ClassVar[str] = "the recorder's own stereo mix lies beside the tracks"

    tracks: tuple[str, ...]
    pans: tuple[float, ...]
    file: str = "ZOOM0001_LR"

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.pans) != len(self.tracks) or not all(0 <= pan <= 1 for pan in self.pans):
            raise self.refusal("a share from 0 to 1 for each of its tracks")

    @classmethod
    def draw(cls, where: Where, rng: np.random.Generator) -> Self:
        """Mix all microphones, from left to right."""
        tracks = tuple(where.microphones)
        return cls(tracks=tracks, pans=tuple(np.linspace(0.3, 0.7, len(tracks)).round(3).tolist()))

    def apply(self, feeds: tuple[Feed, ...], air: Air) -> tuple[Feed, ...]:
        """Add the mix, at half the level of the sum."""
        parts = [named(feeds, track) for track in self.tracks]
        mixed = []
        for side, right in (("L", False), ("R", True)):
            gains = [0.5 * (pan if right else 1 - pan) for pan in self.pans]
            images, rest = (
                np.sum([gain * getattr(part, what) for gain, part in zip(gains, parts, strict=True)], axis=0)
                for what in ("images", "rest")
            )
            channel = Channel(f"{self.file}.{side}", self.file, None, scored=False)
            mixed.append(Feed(channel, images.astype(air.stems.dtype), rest, rest))
        return (*feeds, *mixed)


@dataclass(frozen=True, kw_only=True)
class Dual(Mishap):
    """Microphones are exported as stereo files, the same in both channels.

    Parameters
    ----------
    tracks
        The microphones.
    level_db
        Level of the right channel against the left one, as of a track that is panned softly.
    """

    kind: ClassVar[str] = "dual"
    summary: ClassVar[str] = "every microphone is exported as stereo, the right channel at X dB against the left"
    strength: ClassVar[str | None] = "level_db"

    tracks: tuple[str, ...]
    level_db: float = 0.0

    @classmethod
    def draw(cls, where: Where, rng: np.random.Generator) -> Self:
        """Take all microphones."""
        return cls(tracks=tuple(where.microphones))

    def apply(self, feeds: tuple[Feed, ...], air: Air) -> tuple[Feed, ...]:
        """Put two channels in the place of each microphone."""
        right = amplitude(self.level_db)
        copies = changed(feeds, self.tracks, lambda feed: feed.through(lambda rows: right * rows))
        out: list[Feed] = []
        for feed, copy in zip(feeds, copies, strict=True):
            if copy is feed:
                out.append(feed)
                continue
            for side, sound in (("L", feed), ("R", copy)):
                out.append(replace(sound, channel=replace(feed.channel, name=f"{feed.channel.name}.{side}")))
        return tuple(out)
