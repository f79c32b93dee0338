"""Mishaps in the room: a second microphone of a source, a monitor loudspeaker, an audience, a click track."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from debleed.decibels import amplitude
from debleed.recording import Samples
from debleed.scenes.acoustics import Point
from debleed.scenes.base import Channel
from debleed.scenes.onstage.feed import Air, Feed, band, changed, convolved, delayed, gain_to, named, rms
from debleed.scenes.onstage.mishap import Ear, Mishap, Where, chosen
from debleed.scenes.places import point
from debleed.seeding import generator

SINGERS = ("vocal", "vox", "sing")
"""Words in the names of sources that monitor loudspeakers usually play."""

FROM_WALLS = 0.3
"""Least metres of a loudspeaker or a listener from the walls."""


@dataclass(frozen=True, kw_only=True)
class Pair(Mishap):
    """A source has a stereo pair instead of its microphone, and only the names say so: ``<name>_L`` and ``<name>_R``.

    Parameters
    ----------
    track
        The microphone that the pair replaces.
    positions
        Places of the two microphones in metres; both look at the source.
    """

    kind: ClassVar[str] = "pair"
    summary: ClassVar[str] = "two microphones before one source"

    track: str
    positions: tuple[Point, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.positions) != 2:
            raise self.refusal(f"two positions, got {len(self.positions)}")

    @classmethod
    def draw(cls, where: Where, rng: np.random.Generator) -> Self:
        """Draw the source; the microphones are 1 m apart, half a metre before it."""
        track = chosen(list(where.microphones), rng)
        middle = np.array(where.sources[where.microphones[track]])
        sides = [middle + offset for offset in ((-0.5, -0.5, 0.1), (0.5, -0.5, 0.1))]
        return cls(track=track, positions=tuple(point(np.round(side, 3)) for side in sides))

    def placed(self, ears: tuple[Ear, ...]) -> tuple[Ear, ...]:
        """Replace the microphone by the left one; the right one comes last."""
        old = next((ear for ear in ears if ear.name == self.track), None)
        if old is None:
            raise self.refusal(f"a microphone '{self.track}'")
        left, right = (
            replace(old, name=self.track + side, position=place)
            for side, place in zip(("_L", "_R"), self.positions, strict=True)
        )
        return (*(left if ear is old else ear for ear in ears), right)

    def apply(self, feeds: tuple[Feed, ...], air: Air) -> tuple[Feed, ...]:
        """Leave the tracks as they are: the pair is a matter of places."""
        return feeds


@dataclass(frozen=True, kw_only=True)
class Wedge(Mishap):
    """A source also comes out of a monitor loudspeaker in front of another one.

    What comes out belongs to the source: its image in its own microphone contains it.

    Parameters
    ----------
    source
        Whom the loudspeaker plays.
    listener
        The source in front of which it stands.
    position
        Place of the loudspeaker in metres.
    level_db
        Its level in the listener's microphone against the listener's own image there.
    delay
        Seconds that the way through the desk takes.
    """

    kind: ClassVar[str] = "wedge"
    summary: ClassVar[str] = "a source also comes out of a monitor, X dB against who listens to it"
    strength: ClassVar[str | None] = "level_db"

    source: str
    listener: str
    position: Point
    level_db: float = -6.0
    delay: float = 0.004

    @classmethod
    def draw(cls, where: Where, rng: np.random.Generator) -> Self:
        """Draw whom it plays (a singer, if there is one) and to whom; it lies 1.3 m before the listener."""
        sources = list(dict.fromkeys(where.microphones.values()))
        if len(sources) < 2:
            raise cls.refusal("two sources with microphones")
        source = chosen(sources, rng, SINGERS)
        listener = chosen([name for name in sources if name != source], rng)
        size = np.array(where.room)
        floor = np.clip(np.add(where.sources[listener], [0.6, -1.2, -0.8]), FROM_WALLS, size - FROM_WALLS)
        return cls(source=source, listener=listener, position=point(floor.round(3)))

    @property
    def spots(self) -> tuple[Point, ...]:
        """The place of the loudspeaker."""
        return (self.position,)

    def apply(self, feeds: tuple[Feed, ...], air: Air) -> tuple[Feed, ...]:
        """Add the loudspeaker to the images of the source."""
        plays = np.array([owner == self.source for owner in air.owners])
        judge = next((k for k, feed in enumerate(feeds) if feed.channel.source == self.listener), None)
        if judge is None or not plays.any():
            raise self.refusal(f"a source '{self.source}' and a microphone of the listener '{self.listener}'")
        played = delayed(band(air.stems * plays[:, None], 120, 9000, air.rate), self.delay, air.rate)
        added = [np.stack([convolved(row, path) for row in played]) for (path,) in air.paths]
        gain = gain_to(self.level_db, feeds[judge].own, added[judge].sum(axis=0))
        out = list(feeds)
        for k, (feed, sound) in enumerate(zip(feeds, added, strict=False)):
            louder = (gain * sound).astype(feed.images.dtype)
            mine = feed.channel.source == self.source
            out[k] = replace(feed, images=feed.images + louder, own=feed.own + louder.sum(axis=0) if mine else feed.own)
        return tuple(out)


@dataclass(frozen=True, kw_only=True)
class Crowd(Mishap):
    """An audience to which no microphone belongs. It belongs to the truth: nobody can know that it is unwanted.

    Parameters
    ----------
    positions
        Places of the listeners in metres. Each claps and shouts on its own: bursts of 1/8 s, 300 to 5000 Hz.
    level_db
        RMS of the audience against that of the microphones without it, both as means over the microphones.
    """

    kind: ClassVar[str] = "crowd"
    summary: ClassVar[str] = "an audience, X dB against the microphones"
    strength: ClassVar[str | None] = "level_db"

    positions: tuple[Point, ...]
    level_db: float = -15.0

    @classmethod
    def draw(cls, where: Where, rng: np.random.Generator) -> Self:
        """Draw twelve listeners along the wall that the microphones have in their backs."""
        length, _, height = where.room
        low = [FROM_WALLS, FROM_WALLS, 1.0]
        high = [length - FROM_WALLS, 1.2, min(2.0, height - FROM_WALLS)]
        return cls(positions=tuple(point(place) for place in rng.uniform(low, high, (12, 3)).round(3)))

    @property
    def spots(self) -> tuple[Point, ...]:
        """The places of the listeners."""
        return self.positions

    def apply(self, feeds: tuple[Feed, ...], air: Air) -> tuple[Feed, ...]:
        """Add the audience to every microphone."""
        length, count = air.stems.shape[1], len(air.paths)
        noise = np.zeros((count, length))
        for k in range(len(self.positions)):
            shouts = self._bursts(generator(air.id, "crowd", k), length, air.rate)
            for row, paths in zip(noise, air.paths, strict=True):
                row += convolved(shouts, paths[k])
        level = np.mean([rms(feed.sound) for feed in feeds[:count]])
        now = np.mean([rms(row) for row in noise])
        gain = amplitude(self.level_db) * level / now if now else 0.0
        return (*(feed.plus(gain * row, wanted=True) for feed, row in zip(feeds, noise, strict=False)), *feeds[count:])

    @staticmethod
    def _bursts(rng: np.random.Generator, length: int, rate: int) -> Samples:
        """Make noise whose level changes eight times a second, mostly low and sometimes high (a gamma distribution)."""
        step = max(1, rate // 8)
        levels = np.repeat(rng.gamma(0.3, 1.0, length // step + 1), step)[:length]
        return band(rng.standard_normal(length) * levels, 300, 5000, rate)


@dataclass(frozen=True, kw_only=True)
class Click(Mishap):
    """A click track, whose file is there, leaks from headphones into a microphone. The file is a reference.

    Parameters
    ----------
    microphone
        Into which it leaks.
    level_db
        RMS of the leak against that of the microphone's own image.
    file_db
        RMS of the file against that of the leak. Headphones and preamplifiers amplify, so the path from the file to the
        microphone has a gain above 1, other than that from one microphone to another.
    bpm
        Clicks per minute.
    track
        Name of the file.
    """

    kind: ClassVar[str] = "click"
    summary: ClassVar[str] = "a click track leaks into a microphone, X dB against its source"
    strength: ClassVar[str | None] = "level_db"

    microphone: str
    level_db: float = -20.0
    file_db: float = -12.0
    bpm: float = 104.0
    track: str = "click"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bpm <= 0:
            raise self.refusal(f"a positive bpm, got {self.bpm:g}")

    @classmethod
    def draw(cls, where: Where, rng: np.random.Generator) -> Self:
        """Draw the microphone."""
        return cls(microphone=chosen(list(where.microphones), rng))

    def apply(self, feeds: tuple[Feed, ...], air: Air) -> tuple[Feed, ...]:
        """Add the leak to the microphone, and the file."""
        like = named(feeds, self.microphone)
        ticks = self._ticks(len(like.rest), air.rate)
        # headphones lack bass and brilliance, and their sound needs a millisecond to a microphone 0.3 m away
        leak = delayed(band(ticks, 900, 6000, air.rate), 0.001, air.rate)
        leak = leak * gain_to(self.level_db, like.own, leak)
        file = (ticks * gain_to(self.file_db, leak, ticks)).astype(like.rest.dtype)
        channel = Channel(self.track, self.track, self.track, reference=True, scored=False)
        leaked = changed(feeds, (self.microphone,), lambda feed: feed.plus(leak, wanted=False))
        return (*leaked, Feed(channel, np.zeros_like(like.images), file, file))

    def _ticks(self, length: int, rate: int) -> Samples:
        """Make the clicks: tones of 1500 Hz that last 14 ms."""
        time = np.arange(round(0.014 * rate)) / rate
        tick = np.sin(2 * np.pi * 1500 * time) * np.exp(-time / 0.0023)
        train = np.zeros(length)
        starts = np.round(np.arange(0, length, 60 * rate / self.bpm)).astype(int)
        train[starts[starts < length]] = 1
        return np.convolve(train, tick)[:length]
