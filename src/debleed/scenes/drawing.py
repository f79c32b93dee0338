"""What a scene is drawn from: who plays, settings that go together, distances, gains and the level of reverberation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from debleed.recording import InputError
from debleed.scenes.acoustics import Point

LAYOUTS = ("row", "drawn")


def cast(
    stems: Sequence[str], groups: Mapping[str, Sequence[str]], without_mic: Sequence[str]
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Say who plays and who has a microphone: sources, ``(stem, source)`` of each stem, sources with a microphone."""
    if len(set(stems)) != len(stems):
        raise InputError(f"stems must have different names, got {', '.join(stems)}")
    owner: dict[str, str] = {}
    for source, names in groups.items():
        if source in stems and source not in names:
            raise InputError(
                f"the source '{source}' would have the name of a stem that is not part of it; call it otherwise"
            )
        for name in names:
            if name not in stems:
                raise InputError(
                    f"there is no stem '{name}' for the source '{source}'; the stems are {', '.join(stems)}"
                )
            if name in owner:
                raise InputError(f"the stem '{name}' is part of two sources, '{owner[name]}' and '{source}'")
            owner[name] = source
    members = tuple((stem, owner.get(stem, stem)) for stem in stems)
    sources = tuple(dict.fromkeys(source for _, source in members))
    if strangers := [name for name in without_mic if name not in sources]:
        raise InputError(
            f"there is no source '{strangers[0]}' to be without a microphone; there are {', '.join(sources)}"
        )
    mics = tuple(source for source in sources if source not in without_mic)
    return sources, members, mics


def refuse_misfits(
    kind: str,
    layout: str,
    rt60: float | None,
    source_positions: Sequence[Point] | None,
    responses: Path | None,
    directed: bool,
) -> None:
    """Refuse settings that make no sense, or that the kind of bleed has not."""
    if rt60 is not None and not 0 < rt60 < np.inf:
        raise InputError(f"the reverberation time must be positive, got {rt60}")
    if layout not in LAYOUTS:
        raise InputError(f"there is no layout '{layout}'; it is one of {', '.join(LAYOUTS)}")
    if layout == "drawn" and kind == "linear":
        raise InputError("linear bleed has no places to be drawn; leave the layout away, or choose room or convolutive")
    if layout == "drawn" and source_positions is not None:
        raise InputError("the places are given, so they cannot be drawn; leave the layout away")
    if directed and kind != "room":
        raise InputError(f"{kind} bleed has no directions; leave the patterns away, or choose room")
    if responses is not None and kind != "convolutive":
        raise InputError(f"{kind} bleed has no measured responses; leave them away, or choose convolutive")
    if responses is not None and rt60 is not None:
        raise InputError("measured responses have their own reverberation time; leave away one of the two")


def draw_near(count: int, distance: float | tuple[float, float], rng: np.random.Generator) -> NDArray[np.float64]:
    """Metres from each source to its own microphone."""
    low, high = distance if isinstance(distance, tuple) else (distance, distance)
    if not 0 < low <= high < np.inf:
        asked = f"{low}" if low == high else f"{low} to {high}"
        raise InputError(f"the distance must be positive, and a range rise, got {asked}")
    return np.full(count, low) if low == high else rng.uniform(low, high, count).round(3)


def draw_gains(count: int, owners: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw the WASPAA 2023 matrix, ``(sources, stems)``: a source's own stems U(0.6, 1), the rest U(0.05, 0.31)."""
    gains = rng.uniform(0.05, 0.31, (count, len(owners)))
    gains[owners, np.arange(len(owners))] = rng.uniform(0.6, 1.0, len(owners))
    return gains.round(2)


def tail_db(room: Point, distance: float, rt60: float) -> float | None:
    """Power of the reverberation against the direct sound; unknown where nothing reverberates."""
    if not rt60:
        return None
    # the direct sound falls with the distance, the reverberation does not: equal at the critical distance
    critical = 0.057 * float(np.sqrt(np.prod(room) / rt60))
    return round(20 * float(np.log10(distance / critical)), 2)
