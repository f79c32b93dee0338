"""What arrives on one track while it passes through the mishaps of a stage, and how they change it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from debleed.decibels import amplitude
from debleed.recording import InputError, Samples
from debleed.scenes.base import Channel

Path = Samples | Callable[[Samples], Samples]
"""The way from a place to a microphone: its impulse response, or what it does to sound if somebody moves."""

HIGHEST = 0.45
"""Upper limit of every band relative to the sampling rate, so that a filter exists at any rate."""


@dataclass(frozen=True, eq=False)
class Feed:
    """The sound of one track, with its parts.

    Parameters
    ----------
    channel
        What the track is.
    images
        ``(stems, samples)``: each stem alone in it.
    own
        ``(samples,)``: what the track should come back as; meaningless if nobody knows (``channel.scored``).
    rest
        ``(samples,)``: what is not a stem, such as noise and the audience.
    """

    channel: Channel
    images: Samples
    own: Samples
    rest: Samples

    @property
    def sound(self) -> Samples:
        """All of it, ``(samples,)``."""
        total: Samples = self.images.sum(axis=0) + self.rest
        return total

    def through(self, system: Callable[[Samples], Samples]) -> Feed:
        """Send every part through a linear system, which takes and returns ``(rows, samples)``."""
        rows = system(np.vstack([self.images, self.own[None], self.rest[None]])).astype(self.rest.dtype)
        return replace(self, images=rows[:-2], own=rows[-2], rest=rows[-1])

    def plus(self, sound: Samples, *, wanted: bool) -> Feed:
        """Add sound that is not a stem; ``wanted`` says whether it belongs to what the track should come back as."""
        sound = sound.astype(self.rest.dtype)
        return replace(self, rest=self.rest + sound, own=self.own + sound if wanted else self.own)


@dataclass(frozen=True, eq=False)
class Air:
    """What a mishap can know about the performance.

    Parameters
    ----------
    rate
        Samples per second.
    id
        Id of the scene, from which all that is random is drawn.
    owners
        The source of each stem.
    stems
        ``(stems, samples)``: the dry stems.
    paths
        ``[microphone][spot]``: the ways from the mishap's own spots to the microphones, the first feeds.
    """

    rate: int
    id: str
    owners: tuple[str, ...]
    stems: Samples
    paths: Sequence[Sequence[Path]]


def changed(feeds: Sequence[Feed], names: Collection[str], change: Callable[[Feed], Feed]) -> tuple[Feed, ...]:
    """Change the feeds with these names.

    Raises
    ------
    InputError
        If there is no track of one of the names.
    """
    for name in names:
        named(feeds, name)
    return tuple(change(feed) if feed.channel.name in names else feed for feed in feeds)


def named(feeds: Sequence[Feed], name: str) -> Feed:
    """Return the feed with a name.

    Raises
    ------
    InputError
        If there is none.
    """
    for feed in feeds:
        if feed.channel.name == name:
            return feed
    listed = ", ".join(feed.channel.name for feed in feeds)
    raise InputError(f"there is no track '{name}' on this stage; the tracks are {listed}")


def rms(sound: Samples) -> float:
    """Return the root of the mean power; 0 for no samples."""
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64)))) if sound.size else 0.0


def gain_to(level_db: float, reference: Samples, sound: Samples) -> float:
    """Return the factor that puts a sound at a level in dB against a reference; 0 if the sound is silent."""
    now = rms(sound)
    return amplitude(level_db) * rms(reference) / now if now else 0.0


def band(sound: Samples, low: float, high: float, rate: int) -> Samples:
    """Limit sound ``(…, samples)`` to a band in Hz with a Butterworth filter of second order."""
    from scipy.signal import butter, sosfilt

    sections = butter(2, [low, min(high, HIGHEST * rate)], "bandpass", fs=rate, output="sos")
    limited: Samples = sosfilt(sections, sound)
    return limited


def delayed(sound: Samples, seconds: float, rate: int) -> Samples:
    """Delay sound ``(…, samples)`` by whole samples, or advance it if ``seconds`` is negative; the length stays."""
    shift, length = round(seconds * rate), sound.shape[-1]
    out = np.zeros_like(sound)
    if shift >= 0:
        out[..., shift:] = sound[..., : max(0, length - shift)]
    else:
        out[..., : max(0, length + shift)] = sound[..., -shift:]
    return out


def convolved(sound: Samples, path: Path) -> Samples:
    """Send sound ``(samples,)`` the way of a path; later echoes are cut off."""
    from scipy.signal import oaconvolve

    if not isinstance(path, np.ndarray):
        return path(sound)
    reached: Samples = oaconvolve(sound, path.astype(sound.dtype))[: sound.shape[-1]]
    return reached
