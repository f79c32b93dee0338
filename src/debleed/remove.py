"""The main job: a recording in, the same recording without the bleed out."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from debleed.methods import Method, Side, create
from debleed.progress import Progress, quiet
from debleed.recording import InputError, Recording, Samples

log = logging.getLogger(__name__)

CLIP_BAND = 4e-5
"""A sample this near to full scale counts as clipped; the largest 16-bit integer is 3e-5 below. Floats that go beyond
full scale pass the band too rarely to be taken for clipped."""

CLIPPED_SHARE = 1e-4
"""Share of clipped samples from which a microphone is told of: 4 a second at 44.1 kHz, more than a few true peaks."""

OFFSET_SHARE = 0.1
"""Mean against RMS from which an offset is told of; sound of any length has a mean far below."""


@dataclass(frozen=True)
class Inspection:
    """What one pass over a recording finds, each of shape ``(mics,)``: sum, energy, peak, clipped samples."""

    total: NDArray[np.float64]
    energy: NDArray[np.float64]
    peak: NDArray[np.float64]
    clipped: NDArray[np.int64]


def inspect(recording: Recording, progress: Progress = quiet) -> Inspection:
    """Read a recording once from end to end and refuse what is no sound.

    Raises
    ------
    InputError
        Where a sample is NaN or infinite, naming the microphone, or where there are no samples.
    """
    if not recording.length or not len(recording):
        raise InputError("the recording holds no samples")
    found = np.zeros((3, len(recording)))
    clipped = np.zeros(len(recording), np.int64)
    for start, stop in recording.blocks():
        samples = recording.read(start, stop)
        for i, row in enumerate(samples):  # row by row: no temporary as large as the block
            peak = float(np.max(np.abs(row)))
            if not math.isfinite(peak):
                at = start + int(np.flatnonzero(~np.isfinite(row))[0])
                raise InputError(
                    f"microphone '{recording.names[i]}' holds a sample that is no number (NaN or infinite) "
                    f"at {at / recording.rate:.3f} s; repair the file or leave it out"
                )
            wide = row.astype(np.float64)
            found[:, i] += wide.sum(), wide @ wide, 0.0
            found[2, i] = max(found[2, i], peak)
            clipped[i] += np.count_nonzero(np.abs(np.abs(row) - 1) < CLIP_BAND)
        progress("check", stop / recording.length)
    return Inspection(found[0], found[1], found[2], clipped)


def concerns(recording: Recording, found: Inspection) -> list[str]:
    """Put into sentences what is no reason to refuse a recording, but good to know."""
    names, said = recording.names, []
    silent = [name for name, peak in zip(names, found.peak, strict=True) if peak == 0]
    if silent:
        said.append(f"silent from end to end: {', '.join(silent)}")
    marks = list(zip(found.peak, found.energy, np.abs(found.total), strict=True))
    for i, mark in enumerate(marks):
        if found.peak[i] and mark in marks[:i]:
            said.append(f"{names[marks.index(mark)]} and {names[i]} are the same sound; is one a copy of the other?")
    share = found.clipped / recording.length
    clipped = [name for name, many in zip(names, share > CLIPPED_SHARE, strict=True) if many]
    if clipped:
        said.append(f"clipped, so bleed is removed less well: {', '.join(clipped)}")
    offset = np.abs(found.total) > OFFSET_SHARE * np.sqrt(found.energy * recording.length)
    shifted = [name for name, much in zip(names, offset, strict=True) if much]
    if shifted:
        said.append(f"a constant offset in {', '.join(shifted)}")
    return said


def remove(
    recording: Recording,
    method: str | Method = "demix",
    *,
    settings: Mapping[str, Any] | None = None,
    side: Side = Side(),  # noqa: B008 - frozen
    reduction: float | Mapping[str, float] | None = None,
    progress: Progress = quiet,
) -> Recording:
    """Remove the bleed from a recording.

    Parameters
    ----------
    recording
        Microphones that were recorded together; room microphones (source ``None``) come back as they are.
    method
        The name of a method, or a method.
    settings
        Settings of the named method that differ from its defaults.
    side
        What methods that are not blind need.
    reduction
        The most bleed to remove, in dB, for all sources or source by source; ``None`` and sources not named: all of it.
    progress
        Told of the stages "check" and those of the method; may raise to stop.

    Returns
    -------
    The same microphones at the same rate, length and alignment; computed when read, in any order.

    Raises
    ------
    InputError
        For samples that are no numbers, unknown methods, settings and sources, and what the method refuses.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> mics = Recording.from_array(rng.standard_normal((2, 8000)), rate=8000, names=["vox", "bass"])
    >>> remove(mics, "unprocessed").names
    ('vox', 'bass')
    """
    chosen = create(method, **settings or {}) if isinstance(method, str) else method
    kept_shares(recording, reduction)  # refuses before the work
    for concern in concerns(recording, inspect(recording, progress)):
        log.warning("%s", concern)
    spoken = [i for i, source in enumerate(recording.sources) if source is not None]
    if len({recording.sources[i] for i in spoken}) < 2:
        log.warning("there are fewer than two sources, so nothing can bleed: everything comes back as it is")
        return recording
    sources = recording if len(spoken) == len(recording) else recording.select(spoken)
    cleaned = chosen.fit(sources, side=_for_sources(side, sources), progress=progress).apply(sources)
    if sources is not recording:
        spread = cleaned
        cleaned = recording.with_reader(lambda start, stop: _beside_rooms(recording, spread, spoken, start, stop))
    return reduced(recording, cleaned, reduction)


def _for_sources(side: Side, sources: Recording) -> Side:
    """Keep the truth of the source microphones, in their order."""
    if side.truth is None:
        return side
    missing = [name for name in sources.names if name not in side.truth.names]
    if missing:
        raise InputError(f"the truth lacks the microphones {', '.join(missing)}")
    if side.truth.rate != sources.rate or side.truth.length != sources.length:
        raise InputError(
            f"the truth has {side.truth.length} samples at {side.truth.rate} Hz, "
            f"the recording {sources.length} at {sources.rate} Hz"
        )
    return replace(side, truth=side.truth.select([side.truth.names.index(name) for name in sources.names]))


def kept_shares(recording: Recording, reduction: float | Mapping[str, float] | None) -> NDArray[np.float64]:
    """Turn a reduction in dB into the share of the bleed's amplitude that stays in each microphone, shape ``(mics,)``.

    Raises
    ------
    InputError
        For a source that does not exist, and for a reduction that is negative or no number.
    """
    by_source = reduction if isinstance(reduction, Mapping) else dict.fromkeys(recording.sources, reduction)
    for source, decibels in by_source.items():
        if source not in recording.sources:
            known = ", ".join(dict.fromkeys(v for v in recording.sources if v is not None))
            raise InputError(f"there is no source '{source}' to reduce; the sources are {known}")
        if decibels is not None and not decibels >= 0:
            raise InputError(f"a reduction is a number of decibels, 0 or more, got {decibels}")
    limits = [by_source.get(source) if source is not None else None for source in recording.sources]
    return np.array([0.0 if limit is None else 10 ** (-limit / 20) for limit in limits])


def reduced(recording: Recording, cleaned: Recording, reduction: float | Mapping[str, float] | None) -> Recording:
    """Put back so much of what was removed that no more than ``reduction`` dB of the bleed are gone.

    Parameters
    ----------
    recording
        The microphones as they were.
    cleaned
        What a method made of them, from :func:`remove` without a reduction.
    reduction
        As in :func:`remove`, which gives the same samples with it.
    """
    kept = kept_shares(recording, reduction)
    if not kept.any():
        return cleaned
    return recording.with_reader(lambda start, stop: _blend(recording, cleaned, kept, start, stop))


def _blend(recording: Recording, cleaned: Recording, kept: NDArray[np.float64], start: int, stop: int) -> Samples:
    """Put a share of the bleed back."""
    out = recording.read(start, stop).copy()
    for i, clean in enumerate(cleaned.read(start, stop)):
        if kept[i] == 0:
            out[i] = clean
        elif kept[i] < 1:  # at 1 nothing was removed, to the bit
            out[i] = clean + kept[i] * (out[i] - clean)
    return out


def _beside_rooms(recording: Recording, cleaned: Recording, spoken: list[int], start: int, stop: int) -> Samples:
    """Put the cleaned microphones beside those of the room."""
    out = recording.read(start, stop).copy()
    out[spoken] = cleaned.read(start, stop)
    return out
