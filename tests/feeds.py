"""Feeds and the air between them, made up, for the tests of mishaps."""

import numpy as np

from debleed.scenes.base import Channel
from debleed.scenes.onstage.feed import Air, Feed
from debleed.scenes.onstage.mishap import Where

RATE = 8000
SOURCES = ("singer", "bass", "drums")


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(shape)


def feeds(samples: int = RATE) -> tuple[Feed, ...]:
    """Make three microphones in which every stem is heard, with a little noise."""
    stems = noise(3, samples, seed=1)
    gains = np.eye(3) + 0.1
    images = gains[:, :, None] * stems
    return tuple(
        Feed(Channel(name, name, name), images[k], images[k, k], 0.001 * noise(samples, seed=2 + k))
        for k, name in enumerate(SOURCES)
    )


def air(samples: int = RATE, paths: list[list[np.ndarray]] | None = None) -> Air:
    """Make the air in which the stems of :func:`feeds` sound."""
    return Air(RATE, "item", SOURCES, noise(3, samples, seed=1), paths or [[] for _ in SOURCES])


def where(*names: str) -> Where:
    """Make a stage on which these sources stand side by side and have a microphone each."""
    chosen = names or SOURCES
    places = {name: (2.5 + 2 * k, 4.0, 1.2) for k, name in enumerate(chosen)}
    ears = {name: (x, y - 0.3, z) for name, (x, y, z) in places.items()}
    return Where((14.0, 9.0, 5.0), places, tuple(Channel(name, name, name) for name in chosen), ears)


def bleed(feed: Feed) -> np.ndarray:
    """Return what is in a track and does not belong to its truth."""
    return feed.sound - feed.own
