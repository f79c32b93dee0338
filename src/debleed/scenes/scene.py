"""Make bleed whose truth is known: draw a scene from an id, describe it as JSON, render it.

A scene holds everything that its sound depends on, and what is too long for JSON (noise, reverberant tails) comes from
a hash of its id, so any machine renders the same item again.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from debleed.recording import InputError, Samples
from debleed.scenes import drawing, measured, places
from debleed.scenes.acoustics import (
    PATTERNS,
    SPEED_OF_SOUND,
    Point,
    Response,
    box_paths,
    generated_path,
    reverberation_time,
)
from debleed.scenes.measured import Choice
from debleed.seeding import generator
from debleed.spelling import current

KINDS = ("linear", "convolutive", "room")
RT60 = 0.35
"""Seconds, where nothing else is asked."""
Matrix = tuple[tuple[float, ...], ...]

WASPAA2023_POSITIONS: tuple[Point, ...] = ((3.0, 5.0, 1.0), (5.5, 5.5, 1.0), (8.0, 5.5, 1.0), (10.5, 5.0, 1.0))
PRESETS: dict[str, dict[str, Any]] = {
    "waspaa2023-linear": {"kind": "linear"},
    "waspaa2023-room-0.25": {
        "kind": "room",
        "rt60": 0.25,
        "room": (13.5, 7.0, 7.0),
        "source_positions": WASPAA2023_POSITIONS,
    },
    "waspaa2023-room-0.35": {
        "kind": "room",
        "rt60": 0.35,
        "heights": (7.0, 10.0),
        "source_positions": WASPAA2023_POSITIONS,
    },
    "waspaa2023-hall-0.8": {
        **{"kind": "room", "rt60": 0.8, "room": (40.0, 35.0, 20.0)},
        **{"layout": "drawn", "distance": (1.0, 3.0)},
    },
}
"""The set-ups of Rajesh and Padmanabhan (WASPAA 2023), as settings of :meth:`Scene.draw`.

Its hall had three sources at places that are not told: they are drawn, for any number of sources. By Sabine's formula
so large a hall is that dry only if its walls take 97 % of the sound, so the measured RT60 is shorter (0.2 to 0.6 s).
"""


@dataclass(frozen=True)
class Rendered:
    """What a scene sounds like.

    Parameters
    ----------
    mics
        ``(mics, samples)``: all sources and the noise.
    images
        ``(mics, stems, samples)``: stem j alone in microphone i.
    own
        ``(mics, samples)``: the image of its own source (all its stems) in each microphone, the answer that a method is
        to find.
    noise
        ``(mics, samples)``; zero where the scene has none.
    """

    mics: Samples
    images: Samples
    own: Samples
    noise: Samples


@dataclass(frozen=True)
class Scene:
    """Sources, one close microphone each, and how every source reaches every microphone.

    Mostly a source is one stem and has a microphone; ``members`` and ``mics`` tell where it is otherwise.

    Parameters
    ----------
    id
        Names the item; noise and reverberant tails are drawn from its hash.
    kind
        ``linear`` (gains alone), ``convolutive`` (each path its own delay, gain and generated or measured response) or
        ``room`` (image sources in a box of one absorption).
    rate
        Samples per second.
    sources
        Names, in the order of the stems.
    gains
        ``(mics, stems)``, linear and convolutive: the gain of each path's direct sound.
    delays
        ``(mics, stems)`` in seconds, convolutive: arrival of the direct sound.
    tail_db
        Convolutive: power of the reverberation against the direct sound at gain 1.
    rt60, measured_rt60
        Seconds: the reverberation time that was asked for and the one that the longest path of the scene has. The
        second is computed from samples, whose last bits differ between machines (measured: this moves it by 5e-9 s, a
        step is 0.01 s), so in one of a million scenes it may be rounded the other way.
    room, source_positions, microphone_positions
        Metres: size of the box, places of the stems and of the microphones.
    noise_db
        Power of each microphone's white noise against the power of its sources.
    members
        ``(stem, source)`` for every stem, where a source has several; else a stem has the name of its source.
    mics
        The sources that have a microphone, in the order of the microphones, where not all have one. The others bleed
        into every microphone and have no image of their own.
    microphone_pattern, source_pattern
        Room: directivities, omni where not given. A microphone points at the middle of its source, a source at the
        microphone of its source, or else at the middle of all microphones.
    measured
        ``(mics, stems)`` of file name and channel (from 0), convolutive: the measured response of each path.
    checksums
        Name and SHA-256 of every file in ``measured``.
    folder
        Where these files are on this machine; no part of the description.
    """

    id: str
    kind: str
    rate: int
    sources: tuple[str, ...]
    gains: Matrix | None = None
    delays: Matrix | None = None
    tail_db: float | None = None
    rt60: float | None = None
    measured_rt60: float | None = None
    room: Point | None = None
    source_positions: tuple[Point, ...] | None = None
    microphone_positions: tuple[Point, ...] | None = None
    noise_db: float | None = None
    members: tuple[tuple[str, str], ...] | None = None
    mics: tuple[str, ...] | None = None
    microphone_pattern: str | None = None
    source_pattern: str | None = None
    measured: tuple[tuple[Choice, ...], ...] | None = None
    checksums: tuple[tuple[str, str], ...] | None = None
    folder: Path | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"there is no bleed '{self.kind}'; it is one of {', '.join(KINDS)}")
        if not self.sources or len(set(self.sources)) != len(self.sources):
            raise InputError("a scene needs at least one source, and sources of different names")
        if self.noise_db is not None and not math.isfinite(self.noise_db):
            raise InputError(f"the level of the noise must be a number of dB, got {self.noise_db}")
        if self.rate <= 0:
            raise InputError(f"the rate must be positive, got {self.rate} Hz")
        if set(self.owners) != set(self.sources) or len(set(self.stems)) != len(self.stems):
            raise InputError("every source of a scene needs a stem, every stem a source and a name of its own")
        if not self.miked or len(set(self.miked)) != len(self.miked):
            raise InputError("a scene needs at least one microphone, and one source has no more than one")
        if strangers := [name for name in self.miked if name not in self.sources]:
            raise InputError(f"there is no source '{strangers[0]}'; the sources are {', '.join(self.sources)}")
        for pattern in (self.microphone_pattern, self.source_pattern):
            if pattern not in (None, *PATTERNS):
                raise InputError(f"there is no pattern '{pattern}'; it is omni, {', '.join(PATTERNS)}")

    @property
    def stems(self) -> tuple[str, ...]:
        """Names of the stems, in the order in which :meth:`render` takes them."""
        return self.sources if self.members is None else tuple(stem for stem, _ in self.members)

    @property
    def owners(self) -> tuple[str, ...]:
        """The source of each stem."""
        return self.sources if self.members is None else tuple(source for _, source in self.members)

    @property
    def miked(self) -> tuple[str, ...]:
        """The source of each microphone."""
        return self.sources if self.mics is None else self.mics

    @classmethod
    def draw(
        cls,
        kind: str,
        sources: Sequence[str],
        rate: int,
        seed: int | str,
        *,
        rt60: float | None = None,
        room: Point | None = None,
        distance: float | tuple[float, float] = 0.5,
        noise_db: float | None = None,
        heights: tuple[float, float] = (4.0, 7.0),
        source_positions: tuple[Point, ...] | None = None,
        layout: str = "row",
        microphone_pattern: str = "omni",
        source_pattern: str = "omni",
        responses: Path | None = None,
        groups: Mapping[str, Sequence[str]] | None = None,
        without_mic: Sequence[str] = (),
    ) -> Scene:
        """Draw a scene from a seed; the id of an item does as a seed.

        Parameters
        ----------
        sources
            Names of the stems; each is a source, unless ``groups`` makes one source of several.
        rt60
            Reverberation time in seconds (generated responses, room); 0.35 where not given.
        room
            Length, width and height in metres; drawn where not given: 13..16 × 7..10 × ``heights``.
        distance
            Metres from each source to its own microphone, or the range from which each source's is drawn.
        noise_db
            Level of white microphone noise against each microphone's RMS; none where not given.
        source_positions
            Places of the sources in metres, with microphones in front of them (y); the first of them serve where there
            are fewer sources.
        layout
            Where no places are given: ``row`` along the room (its length) with a small jitter, or ``drawn`` anywhere
            in the room, with microphones in any horizontal direction (convolutive, room).
        microphone_pattern, source_pattern
            Directivities (room): ``omni`` or one of :data:`debleed.scenes.acoustics.PATTERNS`.
        responses
            Folder of measured impulse responses (convolutive): each path draws one channel of one file, with
            replacement. The level of the reverberation follows from the size of the room and the median RT60 of what
            was drawn; see :func:`debleed.scenes.measured.measured_path`.
        groups
            Stems that are one source with one microphone, such as ``{"drums": ("kick", "snare")}``. They stand within
            half the microphone's distance of their middle, and each is as loud in it as in the mix.
        without_mic
            Sources that bleed and have no microphone; the rest of the scene is as it would be with it.

        Raises
        ------
        InputError
            For an unknown kind, sources that do not fit, settings that the kind has not, and a reverberation time that
            the room cannot have.
        """
        patterns = {"microphone_pattern": microphone_pattern, "source_pattern": source_pattern}
        asked: dict[str, Any] = {name: None if pattern == "omni" else pattern for name, pattern in patterns.items()}
        drawing.refuse_misfits(kind, layout, rt60, source_positions, responses, any(asked.values()))
        everybody, members, mics = drawing.cast(sources, groups or {}, without_mic)
        scene = cls(
            *(str(seed), kind, rate, everybody),
            noise_db=noise_db,
            members=members if groups else None,
            mics=mics if without_mic else None,
            **asked,
        )
        near = drawing.draw_near(len(scene.sources), distance, generator(scene.id, "distance"))
        rng = generator(scene.id, kind)
        owners = np.array([scene.sources.index(source) for source in scene.owners])
        heard = [scene.sources.index(source) for source in scene.miked]
        if kind == "linear":
            return replace(scene, gains=_matrix(drawing.draw_gains(len(near), owners, rng)[heard]))
        drawn = (rng.uniform(13, 16), rng.uniform(7, 10), rng.uniform(*heights))
        size = room or places.point(np.round(drawn, 2))
        offsets = places.draw_offsets(owners, near, generator(scene.id, "parts"))
        if kind == "convolutive" and layout == "row":
            distances = places.draw_loose_row(offsets, owners, near, rng)
        else:
            if layout == "drawn":
                middles, ears = places.draw_anywhere(size, near, places.reach(owners, near), rng)
            else:
                middles = (
                    places.draw_row(size, near, rng)
                    if source_positions is None
                    else places.given(source_positions, len(near))
                )
                ears = middles - near[:, None] * [0, 1, 0]
            spots = middles[owners] + offsets
            distances = np.linalg.norm(ears[:, None] - spots, axis=2)
        if kind == "room":
            scene = replace(
                scene,
                rt60=rt60 or RT60,
                room=size,
                source_positions=_matrix(spots.round(3)),
                microphone_positions=_matrix(ears[heard].round(3)),
            )
        else:
            if responses is None:
                decay = rt60 or RT60
                scene = replace(scene, rt60=decay)
            else:
                scene, decay = _draw_measured(scene, responses)
            own = distances[owners, np.arange(len(owners))]
            level = 10 ** (rng.uniform(-2, 2, distances.shape) / 20)
            scene = replace(
                scene,
                gains=_matrix((own / distances * level).round(4)[heard]),
                delays=_matrix((distances / SPEED_OF_SOUND).round(6)[heard]),
                tail_db=drawing.tail_db(size, float(np.median(near)), decay),
            )
        # in a row, with all microphones, the last source is the far one for the first microphone
        plain = layout == "row" and scene.members is None and scene.mics is None
        far = -1 if plain else int(np.argmax(distances[heard[0]]))
        return replace(scene, measured_rt60=round(reverberation_time(scene.responses([0])[0][far], rate), 2))

    @classmethod
    def preset(
        cls,
        name: str,
        sources: Sequence[str],
        rate: int,
        seed: int | str,
        *,
        noise_db: float | None = None,
        **settings: Any,
    ) -> Scene:
        """Draw a scene of Rajesh and Padmanabhan (WASPAA 2023); the names are the keys of :data:`PRESETS`.

        Further settings of :meth:`draw` may be given, where the preset does not fix them itself.
        """
        name = current("preset", name)
        if name not in PRESETS:
            raise InputError(f"there is no preset '{name}'; the presets are {', '.join(PRESETS)}")
        if fixed := sorted(set(PRESETS[name]) & set(settings)):
            raise InputError(f"the preset '{name}' fixes the {fixed[0]} itself; leave it away, or the preset")
        return cls.draw(sources=sources, rate=rate, seed=seed, noise_db=noise_db, **PRESETS[name], **settings)

    def to_json(self) -> str:
        """Describe the scene; what does not apply to its kind is left out, and so is where measured responses lie."""
        values = {key: value for key, value in asdict(self).items() if value is not None and key != "folder"}
        return json.dumps(values, indent=1)

    @classmethod
    def from_json(cls, text: str, folder: Path | None = None) -> Scene:
        """Read a description; unknown keys are refused.

        Parameters
        ----------
        folder
            Where the measured responses are, if the scene has such.
        """
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise InputError(f"the description of a scene is not JSON: {error}") from None
        known = {field.name: field.default is MISSING for field in fields(cls) if field.name != "folder"}
        if not isinstance(values, dict) or not {name for name, needed in known.items() if needed} <= set(values):
            raise InputError("the description of a scene must name its id, kind, rate and sources")
        if unknown := sorted(set(values) - set(known)):
            raise InputError(f"a scene has no {', '.join(unknown)}")
        return cls(**{key: _frozen(value) for key, value in values.items()}, folder=folder)

    def responses(self, mics: Sequence[int] | None = None) -> list[list[Response]]:
        """Impulse responses, microphone by microphone: the path of each stem, gain 1 meaning as loud as the stem.

        In a room the direct sound of a source has gain 1 in its own microphone, on the axes of their directivities; a
        source without one is as loud as if it had a microphone as far away as the others have theirs.

        Parameters
        ----------
        mics
            Indices of the microphones; all where not given.
        """
        chosen = range(len(self.miked)) if mics is None else mics
        if self.kind != "room":
            return [[self._path(i, j) for j in range(len(self.stems))] for i in chosen]
        assert self.room is not None and self.rt60 is not None  # noqa: PT018
        assert self.source_positions is not None and self.microphone_positions is not None  # noqa: PT018
        own = [self.miked.index(source) if source in self.miked else None for source in self.owners]
        near = places.to_own(self.source_positions, self.microphone_positions, own)
        to_mic, to_source = places.axes(self.source_positions, self.microphone_positions, own)
        source_beams = self.source_pattern and [(self.source_pattern, axis) for axis in to_mic]
        mic_beams = self.microphone_pattern and [(self.microphone_pattern, to_source[i]) for i in chosen]
        rows = box_paths(
            self.room,
            self.rt60,
            self.source_positions,
            [self.microphone_positions[i] for i in chosen],
            self.rate,
            source_beams=source_beams or None,
            microphone_beams=mic_beams or None,
        )
        return [[path * scale for path, scale in zip(row, near, strict=True)] for row in rows]

    def _place(self, mic: int) -> int:
        """Index of a microphone's source, so that a microphone less does not change what is drawn for the others."""
        return self.sources.index(self.miked[mic])

    def _path(self, mic: int, stem: int) -> Response:
        assert self.gains is not None
        gain = self.gains[mic][stem]
        if self.kind == "linear":
            return np.array([gain])
        assert self.delays is not None
        delay = self.delays[mic][stem]
        if self.measured is not None:
            choice = self.measured[mic][stem]
            heard, rate = measured.response(self.folder, choice, dict(self.checksums or ()).get(choice[0]))
            return measured.measured_path(heard, rate, delay, gain, self.tail_db, self.rate)
        assert self.tail_db is not None and self.rt60 is not None  # noqa: PT018
        rng = generator(self.id, "path", self._place(mic), stem)
        return generated_path(delay, gain, self.tail_db, self.rt60, self.rate, rng)

    def render(self, stems: Samples, mics: Sequence[int] | None = None) -> Rendered:
        """Let the sources sound in the scene.

        Parameters
        ----------
        stems
            ``(stems, samples)`` at the scene's rate; the result has their type and length, later echoes are cut.
        mics
            Indices of the microphones to render; all where not given. One at a time saves memory and gives the same.
        """
        from scipy.signal import oaconvolve

        if stems.ndim != 2 or len(stems) != len(self.stems):
            raise InputError(f"the scene has {len(self.stems)} stems, got stems of shape {stems.shape}")
        chosen = list(range(len(self.miked)) if mics is None else mics)
        length = stems.shape[1]
        images = np.zeros((len(chosen), *stems.shape), stems.dtype)
        for row, paths in zip(images, self.responses(chosen), strict=True):
            for image, stem, response in zip(row, stems, paths, strict=True):
                gain = len(response) == 1  # exact, where a convolution would round
                image[:] = stem * response[0] if gain else oaconvolve(stem, response.astype(stem.dtype))[:length]
        sources = images.sum(1)
        noise = np.stack([self._noise(i, source) for i, source in zip(chosen, sources, strict=True)])
        owners = np.array(self.owners)
        own = np.stack([row[owners == self.miked[i]].sum(0) for row, i in zip(images, chosen, strict=True)])
        return Rendered(sources + noise, images, own, noise)

    def _noise(self, mic: int, sources: Samples) -> Samples:
        if self.noise_db is None or not sources.size:
            return np.zeros_like(sources)
        level = np.sqrt(np.mean(np.square(sources, dtype=np.float64))) * 10 ** (self.noise_db / 20)
        white = generator(self.id, "noise", self._place(mic)).standard_normal(len(sources))
        noise: Samples = (level * white).astype(sources.dtype)
        return noise


def _draw_measured(scene: Scene, folder: Path) -> tuple[Scene, float]:
    """Draw a measured response for each path; returns their median RT60 in seconds beside the scene."""
    found = measured.found(folder)
    drawn = generator(scene.id, "responses").integers(len(found), size=(len(scene.sources), len(scene.stems)))
    choices = {source: tuple(found[k] for k in row) for source, row in zip(scene.sources, drawn, strict=True)}
    paths = tuple(choices[source] for source in scene.miked)
    files = sorted({name for row in paths for name, _ in row})
    checksums = tuple((name, measured.checksum(folder, name)) for name in files)
    decay = float(np.median([measured.decay(folder, choice) for row in choices.values() for choice in row]))
    return replace(scene, measured=paths, checksums=checksums, folder=folder), decay


def _matrix(values: NDArray[np.float64]) -> tuple[Any, ...]:
    return tuple(tuple(row) for row in values.tolist())


def _frozen(value: Any) -> Any:
    """Turn lists, as JSON has them, into tuples."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
