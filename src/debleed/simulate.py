"""Make bleed whose truth is known: draw a scene from an id, describe it as JSON, render it.

A scene holds everything that its sound depends on, and what is too long for JSON (noise, reverberant tails) comes from
a hash of its id, so any machine renders the same item again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from debleed.acoustics import SPEED_OF_SOUND, Point, Response, box_paths, generated_path, reverberation_time
from debleed.recording import InputError, Samples

KINDS = ("linear", "convolutive", "room")
WALL = 1.5
"""Nobody stands nearer to a wall than so many metres, and no microphone either."""
Matrix = tuple[tuple[float, ...], ...]

FOUNDING_SOURCES: tuple[Point, ...] = ((3.0, 5.0, 1.0), (5.5, 5.5, 1.0), (8.0, 5.5, 1.0), (10.5, 5.0, 1.0))
PRESETS: dict[str, dict[str, Any]] = {
    "founding-linear": {"kind": "linear"},
    "founding-room-0.25": {"kind": "room", "rt60": 0.25, "room": (13.5, 7.0, 7.0), "sources": FOUNDING_SOURCES},
    "founding-room-0.35": {"kind": "room", "rt60": 0.35, "heights": (7.0, 10.0), "sources": FOUNDING_SOURCES},
}
"""The set-ups of the founding work, as settings of :meth:`Scene.draw`."""


def generator(*key: object) -> np.random.Generator:
    """Random numbers that depend on nothing but the key, the same on every machine."""
    digest = hashlib.sha256("/".join(map(str, key)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


@dataclass(frozen=True)
class Rendered:
    """What a scene sounds like.

    Parameters
    ----------
    mics
        ``(mics, samples)``: all voices and the noise.
    images
        ``(mics, voices, samples)``: voice j alone in microphone i.
    own
        ``(mics, samples)``: the image of its own voice in each microphone, the answer that a method is to find.
    noise
        ``(mics, samples)``; zero where the scene has none.
    """

    mics: Samples
    images: Samples
    own: Samples
    noise: Samples


@dataclass(frozen=True)
class Scene:
    """Voices, one close microphone each, and how every voice reaches every microphone.

    Parameters
    ----------
    id
        Names the item; noise and reverberant tails are drawn from its hash.
    kind
        ``linear`` (gains alone), ``convolutive`` (each path its own delay, gain and generated response) or ``room``
        (image sources in a box of one absorption).
    rate
        Samples per second.
    voices
        Names, in the order of the stems; microphone i is that of voice i.
    gains
        ``(mics, voices)``, linear and convolutive: the gain of each path's direct sound.
    delays
        ``(mics, voices)`` in seconds, convolutive: arrival of the direct sound.
    tail_db
        Convolutive: power of the reverberation against the direct sound at gain 1.
    rt60, measured_rt60
        Seconds: the reverberation time that was asked for and the one that the longest path of the scene has.
    room, sources, microphones
        Metres: size of the box, places in it.
    noise_db
        Power of each microphone's white noise against the power of its voices.
    """

    id: str
    kind: str
    rate: int
    voices: tuple[str, ...]
    gains: Matrix | None = None
    delays: Matrix | None = None
    tail_db: float | None = None
    rt60: float | None = None
    measured_rt60: float | None = None
    room: Point | None = None
    sources: tuple[Point, ...] | None = None
    microphones: tuple[Point, ...] | None = None
    noise_db: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"there is no bleed '{self.kind}'; it is one of {', '.join(KINDS)}")
        if not self.voices or len(set(self.voices)) != len(self.voices):
            raise InputError("a scene needs at least one voice, and voices of different names")
        if self.rate <= 0:
            raise InputError(f"the rate must be positive, got {self.rate} Hz")

    @classmethod
    def draw(
        cls,
        kind: str,
        voices: Sequence[str],
        rate: int,
        seed: int | str,
        *,
        rt60: float = 0.35,
        room: Point | None = None,
        distance: float = 0.5,
        noise_db: float | None = None,
        heights: tuple[float, float] = (4.0, 7.0),
        sources: tuple[Point, ...] | None = None,
    ) -> Scene:
        """Draw a scene from a seed; the id of an item does as a seed.

        Parameters
        ----------
        rt60
            Reverberation time in seconds (convolutive, room).
        room
            Length, width and height in metres; drawn where not given: 13..16 × 7..10 × ``heights``.
        distance
            Metres from each voice to its own microphone.
        noise_db
            Level of white microphone noise against each microphone's RMS; none where not given.
        sources
            Places in metres; where not given, a row along the room (its length) with a small jitter.

        Raises
        ------
        InputError
            For an unknown kind, voices that do not fit, and a reverberation time that the room cannot have.
        """
        for name, value in (("reverberation time", rt60), ("distance", distance)):
            if not 0 < value < np.inf:
                raise InputError(f"the {name} must be positive, got {value}")
        scene = cls(str(seed), kind, rate, tuple(voices), noise_db=noise_db)
        rng = generator(scene.id, kind)
        if kind == "linear":
            return replace(scene, gains=_matrix(_draw_gains(len(scene.voices), rng)))
        drawn = (rng.uniform(13, 16), rng.uniform(7, 10), rng.uniform(*heights))
        size = room or _point(np.round(drawn, 2))
        if kind == "convolutive":
            distances = _draw_distances(len(scene.voices), distance, rng)
            # the direct sound falls with the distance, the reverberation does not: equal at the critical distance
            critical = 0.057 * float(np.sqrt(np.prod(size) / rt60))
            scene = replace(
                scene,
                gains=_matrix((distance / distances * 10 ** (rng.uniform(-2, 2, distances.shape) / 20)).round(4)),
                delays=_matrix((distances / SPEED_OF_SOUND).round(6)),
                tail_db=round(20 * float(np.log10(distance / critical)), 2),
                rt60=rt60,
            )
        else:
            places = np.asarray(sources) if sources else _draw_row(len(scene.voices), size, distance, rng)
            if len(places) != len(scene.voices):
                raise InputError(f"these places are for {len(places)} voices, not for {len(scene.voices)}")
            scene = replace(
                scene,
                rt60=rt60,
                room=size,
                sources=_matrix(places.round(3)),
                microphones=_matrix((places - [0, distance, 0]).round(3)),
            )
        longest = scene.responses([0])[0][-1]
        return replace(scene, measured_rt60=round(reverberation_time(longest, rate), 2))

    @classmethod
    def preset(
        cls, name: str, voices: Sequence[str], rate: int, seed: int | str, *, noise_db: float | None = None
    ) -> Scene:
        """Draw a scene of the founding work; the names are the keys of :data:`PRESETS`."""
        if name not in PRESETS:
            raise InputError(f"there is no preset '{name}'; the presets are {', '.join(PRESETS)}")
        return cls.draw(voices=voices, rate=rate, seed=seed, noise_db=noise_db, **PRESETS[name])

    def to_json(self) -> str:
        """Describe the scene; what does not apply to its kind is left out."""
        return json.dumps({key: value for key, value in asdict(self).items() if value is not None}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Scene:
        """Read a description; unknown keys are refused."""
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise InputError(f"the description of a scene is not JSON: {error}") from None
        known = {field.name: field.default is MISSING for field in fields(cls)}
        if not isinstance(values, dict) or not {name for name, needed in known.items() if needed} <= set(values):
            raise InputError("the description of a scene must name its id, kind, rate and voices")
        if unknown := sorted(set(values) - set(known)):
            raise InputError(f"a scene has no {', '.join(unknown)}")
        return cls(**{key: _frozen(value) for key, value in values.items()})

    def responses(self, mics: Sequence[int] | None = None) -> list[list[Response]]:
        """Impulse responses, microphone by microphone: the path of each voice, gain 1 meaning as loud as its stem.

        In a room the direct sound of a voice has gain 1 in its own microphone.

        Parameters
        ----------
        mics
            Indices of the microphones; all where not given.
        """
        chosen = range(len(self.voices)) if mics is None else mics
        if self.kind != "room":
            return [[self._path(i, j) for j in range(len(self.voices))] for i in chosen]
        assert self.room is not None and self.rt60 is not None  # noqa: PT018
        assert self.sources is not None and self.microphones is not None  # noqa: PT018
        near = [float(np.hypot.reduce(np.subtract(*pair))) for pair in zip(self.sources, self.microphones, strict=True)]
        rows = box_paths(self.room, self.rt60, self.sources, [self.microphones[i] for i in chosen], self.rate)
        return [[path * scale for path, scale in zip(row, near, strict=True)] for row in rows]

    def _path(self, mic: int, voice: int) -> Response:
        assert self.gains is not None
        gain = self.gains[mic][voice]
        if self.kind == "linear":
            return np.array([gain])
        assert self.delays is not None and self.tail_db is not None and self.rt60 is not None  # noqa: PT018
        rng = generator(self.id, "path", mic, voice)
        return generated_path(self.delays[mic][voice], gain, self.tail_db, self.rt60, self.rate, rng)

    def render(self, stems: Samples, mics: Sequence[int] | None = None) -> Rendered:
        """Let the voices sound in the scene.

        Parameters
        ----------
        stems
            ``(voices, samples)`` at the scene's rate; the result has their type and length, later echoes are cut.
        mics
            Indices of the microphones to render; all where not given. One at a time saves memory and gives the same.
        """
        from scipy.signal import oaconvolve

        if stems.ndim != 2 or len(stems) != len(self.voices):
            raise InputError(f"the scene has {len(self.voices)} voices, got stems of shape {stems.shape}")
        chosen = list(range(len(self.voices)) if mics is None else mics)
        length = stems.shape[1]
        images = np.zeros((len(chosen), *stems.shape), stems.dtype)
        for row, paths in zip(images, self.responses(chosen), strict=True):
            for image, stem, response in zip(row, stems, paths, strict=True):
                gain = len(response) == 1  # exact, where a convolution would round
                image[:] = stem * response[0] if gain else oaconvolve(stem, response.astype(stem.dtype))[:length]
        voices = images.sum(1)
        noise = np.stack([self._noise(i, voice) for i, voice in zip(chosen, voices, strict=True)])
        own = np.stack([images[k, i] for k, i in enumerate(chosen)])
        return Rendered(voices + noise, images, own, noise)

    def _noise(self, mic: int, voices: Samples) -> Samples:
        if self.noise_db is None or not voices.size:
            return np.zeros_like(voices)
        level = np.sqrt(np.mean(np.square(voices, dtype=np.float64))) * 10 ** (self.noise_db / 20)
        white = generator(self.id, "noise", mic).standard_normal(len(voices))
        noise: Samples = (level * white).astype(voices.dtype)
        return noise


def _draw_gains(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw the founding matrix: diagonal U(0.6, 1), the rest U(0.05, 0.31), two decimals."""
    gains = rng.uniform(0.05, 0.31, (count, count))
    gains[np.diag_indices(count)] = rng.uniform(0.6, 1.0, count)
    return gains.round(2)


def _draw_distances(count: int, distance: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Voices in a loose row 2 to 3 m apart: metres from each voice to each microphone."""
    along = np.cumsum(rng.uniform(2, 3, count))
    spread = (along[:, None] - along) * rng.uniform(0.9, 1.1, (count, count))
    return np.hypot(distance, spread)


def _draw_row(count: int, room: Point, distance: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Voices side by side along the room, shape ``(voices, 3)``; they and their microphones keep off the walls."""
    jitter, depth, height = 0.3, 0.1, 1.2
    length, width, top = room
    if length < 2 * (WALL + jitter) or width < 2 * (WALL + depth) + distance or top < height + 0.5:
        raise InputError(
            f"a room of {length:g} × {width:g} × {top:g} m is too small for microphones {distance:g} m in front of "
            f"voices that stand {WALL} m from the walls"
        )
    x = np.linspace(WALL + jitter, length - WALL - jitter, count) if count > 1 else np.array([length / 2])
    spacing = np.min(np.diff(x), initial=1.0)
    x += rng.uniform(-1, 1, count) * min(jitter, 0.25 * spacing)
    y = rng.uniform(WALL + depth + distance, width - WALL - depth) + rng.uniform(-depth, depth, count)
    return np.stack([x, y, np.full(count, height)], axis=1)


def _matrix(values: NDArray[np.float64]) -> tuple[Any, ...]:
    return tuple(tuple(row) for row in values.tolist())


def _point(values: NDArray[np.float64]) -> Point:
    x, y, z = values.tolist()
    return (x, y, z)


def _frozen(value: Any) -> Any:
    """Turn lists, as JSON has them, into tuples."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
