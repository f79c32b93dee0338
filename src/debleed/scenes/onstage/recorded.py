"""Mishaps on the way from a microphone to its track: compressors, clipping, clocks, wireless links, late starts.

The truth takes the same way: what a compressor does to a microphone, it does to the image of its source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from debleed.recording import Samples
from debleed.scenes.onstage.feed import Air, Feed, changed, delayed, rms
from debleed.scenes.onstage.mishap import Mishap, Where, chosen


@dataclass(frozen=True, kw_only=True)
class Compressor(Mishap):
    """Every channel has a compressor. Its gain moves, and moves source and bleed alike.

    Parameters
    ----------
    tracks
        The channels. The threshold of each is its own RMS.
    ratio
        Decibels above the threshold that become one.
    attack, release
        Time constants in seconds of the level that the compressor sees.
    """

    kind: ClassVar[str] = "compressor"
    summary: ClassVar[str] = "every channel is compressed X:1"
    strength: ClassVar[str | None] = "ratio"

    tracks: tuple[str, ...]
    ratio: float = 4.0
    attack: float = 0.005
    release: float = 0.08

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ratio < 1 or min(self.attack, self.release) <= 0:
            raise self.refusal("a ratio of at least 1 and positive times")

    @classmethod
    def draw(cls, where: Where, rng: np.random.Generator) -> Self:
        """Take all microphones."""
        return cls(tracks=tuple(where.microphones))

    def apply(self, feeds: tuple[Feed, ...], air: Air) -> tuple[Feed, ...]:
        """Multiply the channels by their gains."""

        def compressed(feed: Feed) -> Feed:
            gain = self.gain(feed.sound, air.rate)
            return feed.through(lambda rows: rows * gain)

        return changed(feeds, self.tracks, compressed)

    def gain(self, sound: Samples, rate: int) -> NDArray[np.float64]:
        """Compute the gain over time, ``(samples,)``: 1 below the threshold."""
        threshold = rms(sound)
        if not threshold:
            return np.ones(len(sound))
        rising, falling = (float(np.exp(-1 / (seconds * rate))) for seconds in (self.attack, self.release))
        level, levels = 0.0, np.empty(len(sound))
        for k, now in enumerate(np.abs(sound).tolist()):  # a recursion with a switch has no vector form
            keep = rising if now > level else falling
            level = keep * level + (1 - keep) * now
            levels[k] = level
        over: NDArray[np.float64] = np.maximum(levels / threshold, 1.0)
        return over ** (1 / self.ratio - 1)


@dataclass(frozen=True, kw_only=True)
class Clipping(Mishap):
    """A preamplifier is overdriven. What clipping adds belongs to the truth: no bleed is in it to be removed.

    Parameters
    ----------
    track
        The channel.
    percent
        Share of its samples that clip.
    """

    kind: ClassVar[str] = "clipping"
    summary: ClassVar[str] = "a channel clips X percent of its samples"
    strength: ClassVar[str | None] = "percent"

    track: str
    percent: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.percent < 100:
            raise self.refusal(f"a share from 0 to 100 percent, got {self.percent:g}")

    @classmethod
    def draw(cls, where: Where, rng: np.random.Generator) -> Self:
        """Draw the channel."""
        return cls(track=chosen(list(where.microphones), rng))

    def apply(self, feeds: tuple[Feed, ...], air: Air) -> tuple[Feed, ...]:
        """Clip the channel."""
        return changed(feeds, (self.track,), self._clipped)

    def _clipped(self, feed: Feed) -> Feed:
        sound = feed.sound
        if not sound.size:
            return feed
        ceiling = np.quantile(np.abs(sound), 1 - self.percent / 100)
        return feed.plus(np.clip(sound, -ceiling, ceiling) - sound, wanted=True)


@dataclass(frozen=True, kw_only=True)
class Clock(Mishap):
    """Some microphones are on another recorder, whose clock runs at another rate.

    Parameters
    ----------
    tracks
        The tracks of that recorder.
    ppm
        Millionths by which its clock is faster, so that its tracks are longer.
    """

    kind: ClassVar[str] = "clock"
    summary: ClassVar[str] = "half of the microphones are on a recorder that is X ppm faster"
    strength: ClassVar[str | None] = "ppm"

    tracks: tuple[str, ...]
    ppm: float = 25.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not abs(self.ppm) < 1e5:
            raise self.refusal(f"less than 100000 ppm, got {self.ppm:g}")

    @classmethod
    def draw(cls, where: Where, rng: np.random.Generator) -> Self:
        """Draw half of the microphones."""
        names = list(where.microphones)
        if len(names) < 2:
            raise cls.refusal("two microphones")
        drawn = set(rng.permutation(len(names))[: len(names) // 2].tolist())
        return cls(tracks=tuple(name for k, name in enumerate(names) if k in drawn))

    def apply(self, feeds: tuple[Feed, ...], air: Air) -> tuple[Feed, ...]:
        """Stretch the tracks."""
        from debleed.io.audio_file import resampled

        def stretched(rows: Samples) -> Samples:
            out = np.zeros_like(rows)
            for row, sound in zip(out, rows, strict=True):
                if sound.any():
                    longer = resampled(sound.astype(np.float64), air.rate, air.rate * (1 + self.ppm / 1e6))
                    kept = longer[: len(row)]
                    row[: len(kept)] = kept
            return out

        return changed(feeds, self.tracks, lambda feed: feed.through(stretched))


@dataclass(frozen=True, kw_only=True)
class Jump(Mishap):
    """The delay of a wireless link becomes longer in the middle of the recording.

    Parameters
    ----------
    track
        The track.
    delay
        Seconds by which it is late from then on; the old and the new sound are cross-faded over 5 ms.
    """

    kind: ClassVar[str] = "jump"
    summary: ClassVar[str] = "half way, a wireless link becomes X seconds later"
    strength: ClassVar[str | None] = "delay"

    track: str
    delay: float = 0.004

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.delay < 0:
            raise self.refusal(f"a delay of 0 or more seconds, got {self.delay:g}")

    @classmethod
    def draw(cls, where: Where, rng: np.random.Generator) -> Self:
        """Draw the track."""
        return cls(track=chosen(list(where.microphones), rng))

    def apply(self, feeds: tuple[Feed, ...], air: Air) -> tuple[Feed, ...]:
        """Cross-fade to the late sound."""

        def jumped(rows: Samples) -> Samples:
            length = rows.shape[1]
            late = np.clip((np.arange(length) - length // 2) / (0.005 * air.rate), 0, 1)
            faded: Samples = rows * (1 - late) + delayed(rows, self.delay, air.rate) * late
            return faded

        return changed(feeds, (self.track,), lambda feed: feed.through(jumped))


@dataclass(frozen=True, kw_only=True)
class Offset(Mishap):
    """A file begins later than the others, and its source rests until then.

    Parameters
    ----------
    track
        The file; the recording's last seconds, which it lacks, are silence.
    source
        Its source, which rests until 0.3 s after the file begins, so that it bleeds only while it is recorded.
    seconds
        What is missing at its beginning.
    """

    kind: ClassVar[str] = "offset"
    summary: ClassVar[str] = "a file begins X seconds later than the others"
    strength: ClassVar[str | None] = "seconds"

    track: str
    source: str
    seconds: float = 3.217

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.seconds < 0:
            raise self.refusal(f"0 or more seconds, got {self.seconds:g}")

    @classmethod
    def draw(cls, where: Where, rng: np.random.Generator) -> Self:
        """Draw the file."""
        track = chosen(list(where.microphones), rng)
        return cls(track=track, source=where.microphones[track])

    def rested(self, stems: Samples, owners: Sequence[str], rate: int) -> Samples:
        """Silence the source until its file begins."""
        out = stems.copy()
        out[[owner == self.source for owner in owners], : round((self.seconds + 0.3) * rate)] = 0
        return out

    def apply(self, feeds: tuple[Feed, ...], air: Air) -> tuple[Feed, ...]:
        """Cut off the beginning of the file."""
        return changed(
            feeds, (self.track,), lambda feed: feed.through(lambda rows: delayed(rows, -self.seconds, air.rate))
        )
