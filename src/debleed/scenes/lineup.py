"""The lineup of a scene: its sources, the stems that each consists of, and which sources have a microphone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from debleed.recording import InputError


@dataclass(frozen=True, kw_only=True)
class Lineup:
    """What a scene of any kind consists of before anything about its sound is drawn.

    Usually a source is one stem and has a microphone; ``members`` and ``mics`` describe the exceptions.

    Parameters
    ----------
    id
        Name of the item. All that is random in a scene is drawn from a hash of it.
    rate
        Samples per second.
    sources
        Names, in the order of the stems.
    noise_db
        Power of the white noise in each microphone against the power of the sources there; None for no noise.
    members
        ``(stem, source)`` for every stem, where a source consists of several; otherwise each source is one stem.
    mics
        The sources that have a microphone, in the order of the microphones, where some have none. A source without a
        microphone bleeds into all of them and has no image of its own.

    Raises
    ------
    InputError
        For names that do not fit together, a rate that is not positive, or a level that is not a number.
    """

    id: str
    rate: int
    sources: tuple[str, ...]
    noise_db: float | None = None
    members: tuple[tuple[str, str], ...] | None = None
    mics: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if not self.sources or len(set(self.sources)) != len(self.sources):
            raise InputError("a scene needs at least one source, and sources of different names")
        if self.noise_db is not None and not math.isfinite(self.noise_db):
            raise InputError(f"the level of the noise must be a number of dB, got {self.noise_db}")
        if self.rate <= 0:
            raise InputError(f"the rate must be positive, got {self.rate} Hz")
        if set(self.owners) != set(self.sources) or len(set(self.stems)) != len(self.stems):
            raise InputError("every source of a scene needs a stem, every stem a source and a name of its own")
        if not self.miked or len(set(self.miked)) != len(self.miked):
            raise InputError("a scene needs at least one microphone, and no source has more than one")
        if strangers := [name for name in self.miked if name not in self.sources]:
            raise InputError(f"there is no source '{strangers[0]}'; the sources are {', '.join(self.sources)}")

    @property
    def stems(self) -> tuple[str, ...]:
        """Names of the stems."""
        return self.sources if self.members is None else tuple(stem for stem, _ in self.members)

    @property
    def owners(self) -> tuple[str, ...]:
        """The source of each stem."""
        return self.sources if self.members is None else tuple(source for _, source in self.members)

    @property
    def miked(self) -> tuple[str, ...]:
        """The source of each microphone."""
        return self.sources if self.mics is None else self.mics

    @property
    def owner_indices(self) -> NDArray[np.intp]:
        """Index of the source of each stem, shape ``(stems,)``."""
        return np.array([self.sources.index(source) for source in self.owners])

    @property
    def mic_indices(self) -> list[int]:
        """Index of the source of each microphone.

        What is drawn for a microphone depends on this index and not on the index of the microphone, so leaving out one
        microphone does not change what is drawn for the others.
        """
        return [self.sources.index(source) for source in self.miked]


def assemble(
    id: str,
    rate: int,
    stems: Sequence[str],
    groups: Mapping[str, Sequence[str]] | None = None,
    without_mic: Sequence[str] = (),
    noise_db: float | None = None,
) -> Lineup:
    """Make a lineup of stems, some of which may form one source and some of which may have no microphone.

    Raises
    ------
    InputError
        For names that occur twice or do not exist.

    Examples
    --------
    >>> assemble("take 1", 48000, ("kick", "snare", "bass"), {"drums": ("kick", "snare")}).sources
    ('drums', 'bass')
    """
    if len(set(stems)) != len(stems):
        raise InputError(f"stems must have different names, got {', '.join(stems)}")
    owner: dict[str, str] = {}
    for source, names in (groups or {}).items():
        if source in stems and source not in names:
            raise InputError(
                f"the source '{source}' would have the name of a stem that is not part of it; choose another name"
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
            f"there is no source '{strangers[0]}' to leave without a microphone; the sources are {', '.join(sources)}"
        )
    return Lineup(
        id=id,
        rate=rate,
        sources=sources,
        noise_db=noise_db,
        members=members if groups else None,
        mics=tuple(source for source in sources if source not in without_mic) if without_mic else None,
    )
