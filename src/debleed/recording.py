"""Recordings of several microphones, whose samples are read on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.floating]
"""Samples of several microphones, ``(mics, samples)``; full scale is ±1."""


class InputError(ValueError):
    """An input that cannot be used; the message is one sentence that says what is wrong and what to do."""


BLOCK_SECONDS = 20.0
"""Length of the blocks in which recordings are streamed; much longer than the context that filters need."""


@dataclass(frozen=True)
class Recording:
    """Microphones that were recorded together: same rate, same length, same first sample.

    Parameters
    ----------
    rate
        Sampling rate in Hz.
    length
        Samples per microphone.
    names
        One unique name per microphone.
    sources
        The source of each microphone; several microphones may share a source (a stereo pair). ``None`` marks a room
        microphone, which has no source.
    reader
        ``reader(start, stop)`` returns samples ``(mics, stop - start)`` for ``0 <= start <= stop <= length``. It may be
        called in any order and must not modify arrays that it returned earlier.
    references
        Names of the tracks that are signals, not microphones: a click track, a playback, a direct box. Others pick up
        their source, but they pick up nobody, so they are returned unchanged.
    """

    rate: int
    length: int
    names: tuple[str, ...]
    sources: tuple[str | None, ...]
    reader: Callable[[int, int], Samples]
    references: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if len(self.names) != len(self.sources):
            raise InputError(f"{len(self.names)} microphones but {len(self.sources)} sources")
        if len(set(self.names)) != len(self.names):
            raise InputError(f"microphone names must be unique, got {', '.join(self.names)}")
        if strange := self.references - {n for n, v in zip(self.names, self.sources, strict=True) if v is not None}:
            raise InputError(f"a reference must be a microphone with a source, got {', '.join(sorted(strange))}")
        if self.rate <= 0 or self.length < 0:
            raise InputError(f"rate must be positive and length not negative, got {self.rate} and {self.length}")

    @classmethod
    def from_array(
        cls,
        samples: Samples,
        rate: int,
        names: Sequence[str] | None = None,
        sources: Sequence[str | None] | None = None,
    ) -> Recording:
        """Wrap an array ``(mics, samples)``; by default, every microphone is a source of its own.

        Examples
        --------
        >>> Recording.from_array(np.zeros((2, 5)), rate=8000).names
        ('mic1', 'mic2')
        """
        samples = np.asarray(samples)
        if samples.ndim != 2 or not np.issubdtype(samples.dtype, np.floating):
            raise InputError(
                f"samples must be a real floating array of shape (mics, samples), got {samples.dtype} {samples.shape}"
            )
        names = tuple(names) if names is not None else tuple(f"mic{i + 1}" for i in range(len(samples)))
        if len(names) != len(samples):
            raise InputError(f"{len(samples)} microphones but {len(names)} names")
        return cls(
            rate=rate,
            length=samples.shape[1],
            names=names,
            sources=tuple(sources) if sources is not None else names,
            reader=lambda start, stop: samples[:, start:stop],
        )

    def __len__(self) -> int:
        """Return the number of microphones."""
        return len(self.names)

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return self.length / self.rate

    def read(self, start: int = 0, stop: int | None = None) -> Samples:
        """Read samples ``start`` to ``stop`` of all microphones; outside the recording there is silence.

        Returns
        -------
        Array ``(mics, stop - start)``, which must not be modified.
        """
        stop = self.length if stop is None else stop
        if stop < start:
            raise InputError(f"stop {stop} is before start {start}")
        first, last = min(max(start, 0), self.length), min(max(stop, 0), self.length)
        inside = self.reader(first, last)
        if inside.shape != (len(self), last - first):
            raise InputError(f"the reader returned the shape {inside.shape} instead of {(len(self), last - first)}")
        if (first, last) == (start, stop):
            return inside
        padded = np.zeros((len(self), stop - start), inside.dtype)
        padded[:, first - start : first - start + inside.shape[1]] = inside
        return padded

    def blocks(self, seconds: float = BLOCK_SECONDS) -> Iterator[tuple[int, int]]:
        """Yield ``(start, stop)`` of consecutive blocks that cover the recording."""
        step = max(1, round(seconds * self.rate))
        for start in range(0, self.length, step):
            yield start, min(start + step, self.length)

    def select(self, mics: Sequence[int]) -> Recording:
        """Return the microphones with these indices, in this order."""
        order = list(mics)
        return replace(
            self,
            names=tuple(self.names[i] for i in order),
            sources=tuple(self.sources[i] for i in order),
            reader=lambda start, stop: self.reader(start, stop)[order],
            references=self.references & {self.names[i] for i in order},
        )

    def stretch(self, start: int, stop: int) -> Recording:
        """Return the samples from ``start`` to ``stop`` as a recording.

        Raises
        ------
        InputError
            If they are not inside this recording.
        """
        if not 0 <= start <= stop <= self.length:
            raise InputError(f"samples {start} to {stop} are not inside a recording of {self.length} samples")
        return replace(self, length=stop - start, reader=lambda a, b: self.reader(start + a, start + b))

    def with_reader(self, reader: Callable[[int, int], Samples]) -> Recording:
        """Return a recording with the same description and other samples, such as the result of a method."""
        return replace(self, reader=reader)

    def can_bleed(self) -> NDArray[np.bool_]:
        """Return where bleed is possible, ``(mics, mics)``: from microphone j's source into microphone i at ``[i, j]``.

        It is impossible between microphones of the same source, into references, and into or from room microphones.
        """
        source = np.array([-1 if v is None else list(self.sources).index(v) for v in self.sources])
        allowed: NDArray[np.bool_] = (source[:, None] != source) & (source[:, None] >= 0) & (source >= 0)
        allowed[[name in self.references for name in self.names]] = False
        return allowed


def refuse_unlike(a: Recording, b: Recording, name_a: str, name_b: str) -> None:
    """Refuse two recordings that cannot be compared sample by sample, and say how they differ."""
    if a.names != b.names:
        raise InputError(f"the {name_a} has {', '.join(a.names)}, the {name_b} {', '.join(b.names)}")
    if a.rate != b.rate:
        raise InputError(f"the {name_a} is at {a.rate} Hz, the {name_b} at {b.rate} Hz")
    if a.length != b.length:
        raise InputError(f"the {name_a} has {a.length} samples, the {name_b} {b.length}")


def matched(reference: Samples | Recording, estimate: Samples | Recording) -> tuple[Recording, Recording]:
    """Return two recordings, or arrays ``(mics, samples)``, as recordings that can be compared sample by sample.

    Raises
    ------
    InputError
        If their shapes differ.
    """
    r, e = (z if isinstance(z, Recording) else Recording.from_array(z, rate=1) for z in (reference, estimate))
    if (len(r), r.length) != (len(e), e.length):
        raise InputError(
            f"reference and estimate differ: {len(r)} microphones of {r.length} samples, {len(e)} of {e.length}"
        )
    return r, e
