"""Impulse responses: generated paths, image sources in a box, and the measurement of reverberation times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from debleed.decibels import amplitude, decibels
from debleed.recording import InputError

ImpulseResponse = NDArray[np.float64]
"""Impulse response of one path, shape ``(taps,)``."""
Point = tuple[float, float, float]

Beam = tuple[str, Point]
"""A directivity, one of :data:`PATTERNS`, and a vector of any length in the direction in which it points."""

PATTERNS = {"subcardioid": 0.75, "cardioid": 0.5, "hypercardioid": 0.25, "figure-eight": 0.0}
"""First-order directivities p + (1 − p) cos(angle), by their p."""
SPEED_OF_SOUND = 343.0
"""Metres per second, in air of 20 °C."""
LARGEST_ORDER = 60
"""Order of the last reflections in a box. The rest is 40 dB and more below the direct sound at RT60s up to 0.8 s."""


def impulse(time: NDArray[np.float64], rate: int) -> ImpulseResponse:
    """Sample an impulse at time 0, which may lie between two samples: a sinc under a Hann window of 41 samples.

    Parameters
    ----------
    time
        Seconds of each sample, ``(samples,)``.
    """
    near = np.abs(time * rate) < 20.5
    return np.where(near, np.sinc(time * rate) * (0.5 + 0.5 * np.cos(np.pi * time * rate / 20.5)), 0)


def generated_path(
    delay: float, gain: float, tail_db: float, rt60: float, rate: int, rng: np.random.Generator
) -> ImpulseResponse:
    """Generate a path: direct sound, twelve early reflections and exponentially decaying noise.

    Parameters
    ----------
    delay, gain
        Arrival of the direct sound in seconds, and its gain.
    tail_db
        Power of everything after the direct sound, against a direct sound of gain 1, in dB.
    rt60
        Seconds in which the tail falls by 60 dB.

    Returns
    -------
    The response until 1.2 RT60 after the direct sound, where the tail has fallen by 72 dB.
    """
    time = np.arange(round((delay + 1.2 * rt60) * rate)) / rate - delay
    decay = np.where(time > 0, 10 ** (-3 * time / rt60), 0)
    # the diffuse field builds up from the reflections within about 30 ms
    tail = rng.standard_normal(len(time)) * decay * np.clip(time / 0.03, 0, 1)
    for after in rng.uniform(0.002, 0.04, 12):
        strength = rng.uniform(0.5, 1.5) * rng.choice([-1, 1]) * 10 ** (-3 * after / rt60)
        # a reflection has the energy that the tail has in 1/400 s, at any rate
        tail += 0.05 * np.sqrt(rate) * strength * impulse(time - after, rate)
    tail *= amplitude(tail_db) / np.sqrt(np.sum(tail**2))
    return gain * impulse(time, rate) + tail


def box_paths(
    room: Point,
    rt60: float,
    sources: Sequence[Point],
    microphones: Sequence[Point],
    rate: int,
    *,
    source_beams: Sequence[Beam | None] | None = None,
    microphone_beams: Sequence[Beam | None] | None = None,
) -> list[list[ImpulseResponse]]:
    """Compute the paths in a box with walls of equal absorption by image sources (Allen and Berkley 1979).

    The direct sound has gain 1 at a distance of 1 m on the axes, and arrives after distance / 343 s. The sound of each
    image source leaves and arrives at its own angle, so the directivities act on reflections too. pyroomacoustics does
    the work.

    Parameters
    ----------
    room
        Length, width and height in metres.
    rt60
        Seconds; the absorption follows from it by Sabine's formula.
    sources, microphones
        Places in metres.
    rate
        Samples per second.
    source_beams, microphone_beams
        A directivity for each; those that have none, or all if not given, are omnidirectional.

    Returns
    -------
    ``paths[microphone][source]``.

    Raises
    ------
    InputError
        For places outside the box, and a reverberation time that the box cannot have.
    """
    import pyroomacoustics

    for place in (*sources, *microphones):
        if not all(0 < x < size for x, size in zip(place, room, strict=True)):
            raise InputError(f"the place {_metres(place)} lies outside the room of {_metres(room)}")
    try:
        absorption, order = pyroomacoustics.inverse_sabine(rt60, room)
    except ValueError:
        raise InputError(
            f"a room of {_metres(room)} cannot have an RT60 as short as {rt60:g} s; choose a longer one"
        ) from None
    material = pyroomacoustics.Material(absorption)
    box = pyroomacoustics.ShoeBox(room, fs=rate, materials=material, max_order=min(order, LARGEST_ORDER))
    for source, directivity in zip(sources, _directivities(source_beams, len(sources)), strict=True):
        box.add_source(source, directivity=directivity)
    box.add_microphone_array(np.transpose(microphones), directivity=_directivities(microphone_beams, len(microphones)))
    with _one_thread():
        box.compute_rir()
    early = pyroomacoustics.constants.get("frac_delay_length") // 2  # its filters start this many samples before time 0
    return [[np.asarray(path, np.float64)[early:] for path in row] for row in box.rir]


@contextmanager
def _one_thread() -> Iterator[None]:
    """Make pyroomacoustics add up images in a fixed order: with several threads, the last bits would differ."""
    from pyroomacoustics import constants

    threads = constants.get("num_threads")
    constants.set("num_threads", 1)
    try:
        yield
    finally:
        constants.set("num_threads", threads)


def _directivities(beams: Sequence[Beam | None] | None, count: int) -> list[Any]:
    from pyroomacoustics.directivities import CardioidFamily

    if beams is None:
        return [None] * count
    return [beam and CardioidFamily(np.array(beam[1]), PATTERNS[beam[0]]) for beam in beams]


def reverberation_time(response: ImpulseResponse, rate: int) -> float:
    """Measure RT60 in seconds by backward integration, from the decay between −5 and −35 dB (ISO 3382-1's T30).

    Measure it on a long path: near the source, the direct sound masks the beginning of the decay.
    """
    energy = np.cumsum(response[::-1] ** 2)[::-1]
    decay = decibels(energy[energy > 0] / energy[0])
    first, last = np.searchsorted(-decay, [5, 35])
    if last - first < 2:
        return 0.0
    slope = np.polyfit(np.arange(first, last) / rate, decay[first:last], 1)[0]
    return float(-60 / slope)


def _metres(place: Sequence[float]) -> str:
    return " × ".join(f"{x:g}" for x in place) + " m"
