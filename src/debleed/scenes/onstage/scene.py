"""Scenes on a stage: a room as in :mod:`debleed.scenes.room`, with cardioid microphones and any number of mishaps.

The truth of a track is what its own microphone hears of its source, through the same compressor, converter and clock.
The audience belongs to it (nobody can know that it is unwanted), and so does what clipping adds. A direct box and a
safety track have the truth of their source; a click track and a mix have none.

Where a mishap moves somebody (:mod:`debleed.scenes.onstage.moving`), :meth:`OnStage.paths` are those of the first
moment, and :meth:`OnStage.perform` computes the others as it needs them. The truth of a source that moves takes the
same changing way to its own microphone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any, ClassVar, Self

import numpy as np

from debleed.recording import InputError, Samples
from debleed.scenes import places
from debleed.scenes.acoustics import ImpulseResponse, Point
from debleed.scenes.base import Channel, Rendered
from debleed.scenes.lineup import Lineup
from debleed.scenes.onstage.chain import MISHAPS, Asked, in_order, mishap_from
from debleed.scenes.onstage.feed import Air, Feed, Path, convolved
from debleed.scenes.onstage.mishap import Ear, Mishap, Move, Where
from debleed.scenes.onstage.ways import Box, Mouth, live, motions, refuse_outside
from debleed.scenes.room import Room, RoomSettings
from debleed.scenes.settings import Settings, about
from debleed.seeding import generator

Paths = Sequence[Sequence[Samples]]
"""``[microphone][spot]``: the stems first, then the spots of each mishap."""


@dataclass(frozen=True, kw_only=True)
class OnStageSettings(RoomSettings):
    """The settings of a draw of :class:`OnStage`; for the others see :class:`RoomSettings`.

    Parameters
    ----------
    distance, microphone_pattern
        As in a room, with the defaults of a stage.
    mishaps
        Texts that :meth:`debleed.scenes.onstage.chain.Asked.from_text` reads, such as ``crowd`` or ``clock=145``.
    chance
        The chance of each of them to happen.

    Raises
    ------
    InputError
        For a mishap that does not exist, and a chance that is none.
    """

    distance: float | tuple[float, float] = field(
        default=0.3, metadata=dict(RoomSettings.__dataclass_fields__["distance"].metadata)
    )
    microphone_pattern: str = field(
        default="cardioid", metadata=dict(RoomSettings.__dataclass_fields__["microphone_pattern"].metadata)
    )
    mishaps: Sequence[str] = field(
        default=(),
        metadata=about(
            "What happens, repeatable; a number after the name sets how strong, a range is drawn from: "
            + "; ".join(f"{name}: {each.summary}" for name, each in MISHAPS.items())
            + ".",
            option="--mishap",
            metavar="NAME[=X]",
        ),
    )
    chance: float = field(
        default=1.0, metadata=about("The chance of each mishap to happen, from 0 to 1; 1 if not given.", metavar="P")
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for text in self.mishaps:
            Asked.from_text(text)
        if not 0 <= self.chance <= 1:
            raise InputError(f"the chance of a mishap must be from 0 to 1, got {self.chance}")


@dataclass(frozen=True, kw_only=True)
class OnStage(Room):
    """A room with mishaps; for the other parameters see :class:`Room`.

    Parameters
    ----------
    mishaps
        What happens, in the order of :data:`debleed.scenes.onstage.chain.MISHAPS`.

    Raises
    ------
    InputError
        For mishaps in another order, on tracks or of sources that do not exist, movements that lead out of the room,
        and tracks of the same name.
    """

    kind: ClassVar[str] = "stage"
    summary: ClassVar[str] = "a simulated room with what happens on stages"
    settings: ClassVar[type[Settings]] = OnStageSettings
    described_last: ClassVar[tuple[str, ...]] = (*Room.described_last, "mishaps")

    mishaps: tuple[Mishap, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if in_order([type(mishap) for mishap in self.mishaps]) != list(range(len(self.mishaps))):
            raise InputError(f"the mishaps of a stage must be in the order {', '.join(MISHAPS)}")
        refuse_outside(self.moves, self.mouths, self.ears, self.room)
        names = [channel.name for channel in self.channels]
        if twice := sorted(name for name, count in Counter(names).items() if count > 1):
            raise InputError(f"two tracks of this stage would be called '{twice[0]}'; rename the source")

    @classmethod
    def _drawn(cls, lineup: Lineup, asked: Any) -> Self:
        scene = super()._drawn(lineup, asked)
        wanted = [Asked.from_text(text) for text in asked.mishaps]
        happens = generator(lineup.id, "chance").uniform(size=len(wanted)) < asked.chance
        seen: Counter[str] = Counter()
        for k in in_order([each.mishap for each in wanted]):
            kind = wanted[k].mishap.kind
            if happens[k]:
                rng = generator(lineup.id, "mishap", kind, seen[kind])
                scene = replace(scene, mishaps=(*scene.mishaps, wanted[k].draw(scene._where(), rng)))
            seen[kind] += 1
        return scene

    @classmethod
    def from_values(cls, values: Mapping[str, Any], folder: FilePath | None = None) -> Self:
        """Build a scene from the values of its description; see :meth:`Scene.from_values`."""
        described = values.get("mishaps", [])
        if not isinstance(described, list):
            raise InputError("the mishaps of a stage must be a list")
        return super().from_values({**values, "mishaps": [mishap_from(each) for each in described]}, folder)

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The tracks of the recording; which there are does not depend on the sound."""
        spots = len(self.stems) + sum(len(mishap.spots) for mishap in self.mishaps)
        silence = np.zeros((len(self.stems), 1))
        return tuple(feed.channel for feed in self._sent(silence, [[np.zeros(1)] * spots] * len(self.ears)))

    @property
    def ears(self) -> tuple[Ear, ...]:
        """The microphones: one for each source that has one, in that order, and then those that mishaps add."""
        middles = self._middles
        ears: tuple[Ear, ...] = tuple(
            Ear(source, source, place, middles[source])
            for source, place in zip(self.miked, self.microphone_positions, strict=True)
        )
        for mishap in self.mishaps:
            ears = mishap.placed(ears)
        return ears

    @property
    def mouths(self) -> tuple[Mouth, ...]:
        """The places from which sound comes: the stems first, then the spots of each mishap."""
        near, to_mic, _ = self._near_and_axes()
        middle, middles = np.array(self.microphone_positions).mean(axis=0), self._middles
        patterns = {move.source: move.pattern for move in self.moves if move.pattern}
        stems = (
            Mouth(place, axis, gain, patterns.get(source, self.source_pattern), source, middles[source])
            for place, axis, gain, source in zip(self.source_positions, to_mic, near, self.owners, strict=True)
        )
        spots = (
            Mouth(spot, places.point(middle - spot), 1.0, self.source_pattern, None, spot)
            for mishap in self.mishaps
            for spot in mishap.spots
        )
        return (*stems, *spots)

    @property
    def moves(self) -> tuple[Move, ...]:
        """Who moves, and how."""
        return tuple(move for mishap in self.mishaps for move in mishap.moves)

    def responses(self, mics: Sequence[int] | None = None) -> list[list[ImpulseResponse]]:
        """Compute the impulse responses from the stems to the :attr:`ears`; see :meth:`Room.responses`."""
        ears = self.ears
        chosen = ears if mics is None else [ears[i] for i in mics]
        return self._box.paths(self.mouths[: len(self.stems)], chosen)

    def paths(self) -> list[list[ImpulseResponse]]:
        """Compute the impulse responses to the :attr:`ears` from the stems and from the spots of the mishaps."""
        return self._box.paths(self.mouths, self.ears)

    def perform(self, stems: Samples, paths: Paths) -> tuple[Feed, ...]:
        """Let the stems play ``(stems, samples)``, and send what the microphones hear through the mishaps.

        Parameters
        ----------
        paths
            What :meth:`paths` returns.
        """
        moving = motions(self.moves, self.mouths, self.ears, stems.shape[1], self.rate)
        return self._sent(stems, live(paths, self.mouths, self.ears, moving, self._box))

    def _sent(self, stems: Samples, ways: Sequence[Sequence[Path]]) -> tuple[Feed, ...]:
        for mishap in self.mishaps:
            stems = mishap.rested(stems, self.owners, self.rate)
        feeds = tuple(self._feed(k, ear, stems, row) for k, (ear, row) in enumerate(zip(self.ears, ways, strict=True)))
        first = len(stems)
        for mishap in self.mishaps:
            last = first + len(mishap.spots)
            air = Air(self.rate, self.id, self.owners, stems, [row[first:last] for row in ways])
            feeds, first = mishap.apply(feeds, air), last
        return feeds

    def _feed(self, k: int, ear: Ear, stems: Samples, paths: Sequence[Path]) -> Feed:
        images = np.stack([convolved(stem, path) for stem, path in zip(stems, paths[: len(stems)], strict=True)])
        key = self.mic_indices[k] if k < len(self.miked) else ear.name
        own = images[np.array(self.owners) == ear.source].sum(axis=0)
        return Feed(Channel(ear.name, ear.name, ear.source), images, own, self._noise(key, images.sum(axis=0)))

    def render(self, stems: Samples, mics: Sequence[int] | None = None) -> Rendered:
        """Compute the tracks when the stems play; see :meth:`Scene.render`. ``mics`` are indices of tracks."""
        self._refuse_stems(stems)
        feeds = self.perform(stems, self.paths())
        return _stacked([feeds[k] for k in (range(len(feeds)) if mics is None else mics)])

    def pieces(self, stems: Samples) -> Iterator[Rendered]:
        """Render all tracks at once, since one may depend on all others, and yield them one after the other."""
        self._refuse_stems(stems)
        for feed in self.perform(stems, self.paths()):
            yield _stacked([feed])

    @property
    def _box(self) -> Box:
        return Box(self.room, self.rt60, self.microphone_pattern, self.rate)

    @property
    def _middles(self) -> dict[str, Point]:
        spots, owners = np.array(self.source_positions), np.array(self.owners)
        return {source: places.point(spots[owners == source].mean(axis=0)) for source in self.sources}

    def _where(self) -> Where:
        return Where(self.room, self._middles, self.channels, {ear.name: ear.position for ear in self.ears})


def _stacked(feeds: Sequence[Feed]) -> Rendered:
    return Rendered(
        mics=np.stack([feed.sound for feed in feeds]),
        images=np.stack([feed.images for feed in feeds]),
        own=np.stack([feed.own if feed.channel.scored else np.full_like(feed.own, np.nan) for feed in feeds]),
        noise=np.stack([feed.rest for feed in feeds]),
    )
