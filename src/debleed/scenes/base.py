"""What all kinds of scenes share: drawing from a seed, the description as JSON, rendering.

A kind of scene is a subclass of :class:`Scene` in a module of its own, registered in :mod:`debleed.scenes.scene`. What
is too long for JSON (noise, reverberant tails) is drawn again from a hash of the scene's id whenever it is needed, so
every machine renders the same sound from the same description.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from debleed.decibels import amplitude
from debleed.recording import InputError, Samples
from debleed.scenes.acoustics import ImpulseResponse
from debleed.scenes.lineup import Lineup, assemble
from debleed.scenes.settings import Settings, frozen
from debleed.seeding import generator

Matrix = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Channel:
    """One track of the recording that a scene renders to.

    Parameters
    ----------
    name
        Its name: that of its file, with ``.L`` or ``.R`` in a stereo file.
    file
        Name of its file.
    source
        Whose sound it should come back as; ``None`` for a mix, which belongs to nobody.
    reference
        Whether it is a signal and no microphone, so that nothing bleeds into it.
    scored
        Whether it has a truth. Mixes have none, and what should become of a reference is no question.
    """

    name: str
    file: str
    source: str | None
    reference: bool = False
    scored: bool = True


@dataclass(frozen=True)
class Rendered:
    """The sound of a scene.

    Parameters
    ----------
    mics
        ``(mics, samples)``: all sources and the noise.
    images
        ``(mics, stems, samples)``: stem j alone in microphone i.
    own
        ``(mics, samples)``: the image of its own source (all its stems) in each microphone, which is what a method
        should recover; NaN in a track without truth (see :class:`Channel`).
    noise
        ``(mics, samples)``; zero where the scene has none.
    """

    mics: Samples
    images: Samples
    own: Samples
    noise: Samples


@dataclass(frozen=True, kw_only=True)
class Scene(Lineup, ABC):
    """Sources, a close microphone for each, and the paths from every source to every microphone.

    A kind of scene adds the fields that its sound depends on, a class of settings, ``_drawn`` and
    :meth:`responses`. For the other parameters see :class:`debleed.scenes.lineup.Lineup`. Fields that are excluded from
    comparisons are not part of the description.
    """

    kind: ClassVar[str]
    """Name of the kind of scene on the command line and in descriptions."""
    summary: ClassVar[str]
    """The kind in a few words, for the command line."""
    settings: ClassVar[type[Settings]]
    """The settings that :meth:`draw` takes."""
    described_last: ClassVar[tuple[str, ...]] = ()
    """Fields that descriptions name after all others; version 0.1 had them there, and a scene keeps its text."""

    @classmethod
    def draw(cls, sources: Sequence[str], rate: int, seed: int | str, **settings: Any) -> Self:
        """Draw a scene from a seed, which may be the id of an item.

        Parameters
        ----------
        sources
            Names of the stems; each is a source, unless ``groups`` joins several into one.
        rate
            Samples per second. What is drawn does not depend on it.
        settings
            Fields of :attr:`settings`.

        Raises
        ------
        InputError
            For settings that this kind does not have or that contradict each other, and sources that do not fit.
        """
        asked = cls.settings.of(cls.kind, settings)
        lineup = assemble(str(seed), rate, sources, asked.groups, asked.without_mic, asked.noise_db)
        return cls._drawn(lineup, asked)

    @classmethod
    @abstractmethod
    def _drawn(cls, lineup: Lineup, asked: Any) -> Self:
        """Draw what this kind adds to a lineup; ``asked`` is of the type :attr:`settings`."""

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The tracks of the recording, in the order of their rows."""
        return tuple(Channel(source, source, source) for source in self.miked)

    @abstractmethod
    def responses(self, mics: Sequence[int] | None = None) -> list[list[ImpulseResponse]]:
        """Compute the impulse responses, microphone by microphone: one path for each stem.

        Gain 1 means that the stem is as loud in the microphone as in its file.

        Parameters
        ----------
        mics
            Indices of the microphones; all if not given.
        """

    def to_json(self) -> str:
        """Describe the scene; fields without a value are left out."""
        common = {each.name for each in fields(Lineup)}
        own = [each.name for each in fields(self) if each.compare and each.name not in common]
        first = [name for name in own if name not in self.described_last]
        order = ("id", "kind", "rate", "sources", *first, "noise_db", "members", "mics", *self.described_last)
        values = {name: getattr(self, name) for name in order}
        return json.dumps(
            {name: value for name, value in values.items() if value is not None},
            indent=1,
            allow_nan=False,
            default=lambda value: value.to_json(),
        )

    @classmethod
    def from_values(cls, values: Mapping[str, Any], folder: Path | None = None) -> Self:
        """Build a scene from the values of its description, without the kind.

        Parameters
        ----------
        folder
            Where the files lie that the scene refers to; ignored by kinds that refer to none.

        Raises
        ------
        InputError
            For a missing or unknown key.
        """
        known = {each.name: each.default is MISSING for each in fields(cls) if each.compare}
        if unknown := sorted(set(values) - set(known)):
            raise InputError(f"a {cls.kind} scene has no {', '.join(unknown)}")
        if missing := [name for name, needed in known.items() if needed and name not in values]:
            raise InputError(f"the description of a {cls.kind} scene must name its {', '.join(missing)}")
        place: dict[str, Any] = {"folder": folder} if "folder" in {each.name for each in fields(cls)} else {}
        return cls(**{name: frozen(value) for name, value in values.items()}, **place)

    def render(self, stems: Samples, mics: Sequence[int] | None = None) -> Rendered:
        """Compute what the microphones pick up when the stems play.

        Parameters
        ----------
        stems
            ``(stems, samples)`` at the scene's rate. The result has their type and length; later echoes are cut off.
        mics
            Indices of the microphones to render; all if not given. One at a time saves memory and gives the same.

        Raises
        ------
        InputError
            For another number of stems than the scene has.
        """
        from scipy.signal import oaconvolve

        self._refuse_stems(stems)
        chosen = list(range(len(self.miked)) if mics is None else mics)
        length = stems.shape[1]
        images = np.zeros((len(chosen), *stems.shape), stems.dtype)
        for row, paths in zip(images, self.responses(chosen), strict=True):
            for image, stem, response in zip(row, stems, paths, strict=True):
                gain = len(response) == 1  # exact, where a convolution would round
                image[:] = stem * response[0] if gain else oaconvolve(stem, response.astype(stem.dtype))[:length]
        sources = images.sum(1)
        keys = [self.mic_indices[i] for i in chosen]
        noise = np.stack([self._noise(key, source) for key, source in zip(keys, sources, strict=True)])
        owners = np.array(self.owners)
        own = np.stack([row[owners == self.miked[i]].sum(0) for row, i in zip(images, chosen, strict=True)])
        return Rendered(sources + noise, images, own, noise)

    def pieces(self, stems: Samples) -> Iterator[Rendered]:
        """Render one track after the other, with as little memory and work as that allows; see :meth:`render`."""
        for i in range(len(self.channels)):
            yield self.render(stems, mics=[i])

    def _noise(self, key: int | str, sources: Samples) -> Samples:
        if self.noise_db is None or not sources.size:
            return np.zeros_like(sources)
        level = np.sqrt(np.mean(np.square(sources, dtype=np.float64))) * amplitude(self.noise_db)
        white = generator(self.id, "noise", key).standard_normal(len(sources))
        noise: Samples = (level * white).astype(sources.dtype)
        return noise

    def _refuse_stems(self, stems: Samples) -> None:
        """Refuse stems of another number than the scene has."""
        if stems.ndim != 2 or len(stems) != len(self.stems):
            raise InputError(f"the scene has {len(self.stems)} stems, got stems of shape {stems.shape}")

    def _refuse_shape(self, name: str, rows: int, columns: int) -> None:
        """Refuse a matrix that does not have a row for each microphone, for example, and a column for each stem."""
        matrix = getattr(self, name)
        if not isinstance(matrix, tuple) or [len(row) for row in matrix] != [columns] * rows:
            raise InputError(f"the {name.replace('_', ' ')} of this scene must be {rows} rows of {columns} values")


def matrix(values: NDArray[np.float64]) -> tuple[Any, ...]:
    """Turn an array of two axes into tuples, as JSON can hold them."""
    return tuple(tuple(row) for row in values.tolist())
