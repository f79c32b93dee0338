"""Learn from a recording, clean a recording, or both in one call."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from debleed.decibels import amplitude
from debleed.inspection import concerns, faint, inspect
from debleed.methods import Method, Side, create, name_of, settings_of
from debleed.progress import Progress, quiet, within
from debleed.recording import InputError, Recording, Samples
from debleed.soundcheck.alignment import Alignment
from debleed.soundcheck.filling import covered
from debleed.stage import Kept, Stage, kept_pairs, learnt_from

log = logging.getLogger(__name__)

SIDE = {
    "mixture": "the clean mixture, the sum of the sources as their own microphones pick them up",
    "truth": "the truth, the clean image of each microphone's source",
}
"""What the fields of :class:`debleed.methods.Side` are, for error messages."""

Reduction = float | Mapping[str, float] | None
"""The most bleed to remove in dB: for all microphones, or by microphone or source. ``None`` means no limit."""

SHORTEST = 0.1
"""Seconds of a recording from which anything is learnt; from 0.09 s of a song, microphones lost 4 dB of their power and
20 dB of SDR."""

WORTH = 0.02
"""Share of sound that has to be gained for learning twice."""


def learn(
    recording: Recording,
    method: str | Method = "demix",
    *,
    settings: Mapping[str, Any] | None = None,
    side: Side = Side(),  # noqa: B008 - frozen
    recorded: date | None = None,
    settled: Collection[str] = (),
    progress: Progress = quiet,
) -> Stage:
    """Learn from a recording how its microphones pick up each other's sources.

    Parameters
    ----------
    recording
        Microphones that were recorded together; those without a source (room microphones) are ignored.
    method
        The name of a method, ``package.module:Class``, or a method.
    settings
        Settings that differ from the method's own.
    side
        Side information for methods that are not blind.
    recorded
        Date of the recording, which is stored in the stage.
    settled
        Names of the microphones whose source you know. The soundcheck neither groups two of them nor takes one for a
        mix, whatever they sound like.
    progress
        Called with the stage "check" and those of the method; may raise an exception to stop the work.

    Returns
    -------
    A stage, which cleans this recording and any other of the same microphones.

    Raises
    ------
    InputError
        For invalid samples, unknown methods and settings, and whatever the method refuses.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> soundcheck, show = (Recording.from_array(rng.standard_normal((2, 8000)), rate=8000) for _ in range(2))
    >>> learn(soundcheck, "unprocessed").apply(show).names
    ('mic1', 'mic2')
    """
    stage, _ = learn_in_step(
        recording, method, settings=settings, side=side, recorded=recorded, settled=settled, progress=progress
    )
    stage.announce()
    return stage


def learn_in_step(
    recording: Recording,
    method: str | Method = "demix",
    *,
    settings: Mapping[str, Any] | None = None,
    side: Side = Side(),  # noqa: B008 - frozen
    recorded: date | None = None,
    settled: Collection[str] = (),
    progress: Progress = quiet,
) -> tuple[Stage, Alignment | None]:
    """Learn as :func:`learn` does, and also return the time lines that were found, for :meth:`Stage.applied`.

    The alignment is ``None`` for methods that do not put the microphones in step. It is left to the caller to say which
    microphones are left alone, see :meth:`debleed.Stage.announce`.
    """
    from debleed import __version__
    from debleed.soundcheck.check import soundcheck
    from debleed.soundcheck.findings import Soundcheck
    from debleed.soundcheck.fingerprint import Fingerprint
    from debleed.soundcheck.in_step import alignment_of, compared

    chosen = create(method, **settings or {})
    name = method if isinstance(method, str) else name_of(method)
    statistics = inspect(recording, progress)
    for concern in concerns(recording, statistics):
        log.warning("%s", concern)
    progress("compare", 0)
    nothing = Soundcheck(faint=faint(recording, statistics))
    found = replace(soundcheck(nothing.heard(recording), settled), faint=nothing.faint)
    progress("compare", 0.3)
    aligned, alignment, fingerprint = recording, None, None
    if settings_of(chosen).get("in_step"):
        alignment = alignment_of(recording, found.set_aside)
        progress("compare", 0.7)
        alignment.announce(recording)
        if not alignment.in_step:
            aligned = alignment.aligned(recording).stretch(*alignment.shared(recording))
            found = replace(soundcheck(nothing.heard(aligned), settled), faint=nothing.faint)
        fingerprint = Fingerprint.of(aligned, alignment, np.array(compared(recording, found.set_aside), np.intp))
    progress("compare", 1)
    found.announce()
    with_source = learnt_from(recording.names, recording.sources, found)
    sources = found.heard(aligned)
    if len(with_source) < len(recording):
        sources = sources.select(with_source)
    if reason := nothing_to_learn(sources):
        log.warning("%s, so nothing is changed", reason)
        chosen, name = create("unprocessed"), "unprocessed"
    refuse_misfit(chosen, name, sources, side)
    more = alignment is not None and worth_more(recording, alignment)
    first_time = within(progress, 0, 0.5) if more else progress
    needed = side.of(sources) if aligned is recording else side  # no method in step needs the truth
    learned = chosen.learn(sources, side=needed, progress=first_time)
    stage = Stage(
        method=name,
        settings=settings_of(chosen),
        rate=recording.rate,
        names=recording.names,
        sources=recording.sources,
        learned=learned,
        program=__version__,
        recorded=recorded,
        references=recording.references,
        soundcheck=found,
        fingerprint=fingerprint,
    )
    if alignment and more:
        stage = learnt_again(stage, chosen, recording, alignment, within(progress, 0.5, 1))
    return stage, alignment


def nothing_to_learn(sources: Recording) -> str:
    """Say why nothing can be learnt from the microphones that have a source; empty if something can."""
    if len(set(sources.sources)) < 2:
        return "there are fewer than two sources, so there is no bleed"
    if sources.seconds < SHORTEST:
        return f"{sources.seconds:.3f} s are too short to tell bleed from sound"
    return ""


def worth_more(recording: Recording, alignment: Alignment) -> bool:
    """Whether most files hold clearly more sound than all of them share."""
    (first, last), (begin, end) = alignment.shared(recording), covered(alignment.spans(recording))
    return end - begin > (1 + WORTH) * (last - first)


def learnt_again(stage: Stage, method: Method, recording: Recording, alignment: Alignment, progress: Progress) -> Stage:
    """Learn from all that most files hold, with the bleed filled in where a file lacks a part.

    Where the source of such a file does not rest there, it bleeds without a microphone of its own and bends the paths.
    So the stage is returned that separates the part better that all files share.

    Parameters
    ----------
    stage
        What was learnt from the shared part.
    method
        What learns.
    recording, alignment
        The files as they are, and their time lines.
    progress
        Called with the stages of the method.
    """
    from debleed.soundcheck.log_power import separated_better

    shared = alignment.aligned(recording).stretch(*alignment.shared(recording))
    whole = stage.filled(recording, alignment).stretch(*covered(alignment.spans(recording)))
    sources = stage.soundcheck.heard(whole).select(stage.with_source)
    again = replace(stage, learned=method.learn(sources, progress=progress))
    return again if separated_better(stage.separated(shared), again.separated(shared)) else stage


def remove(
    recording: Recording,
    method: str | Method = "demix",
    *,
    settings: Mapping[str, Any] | None = None,
    side: Side = Side(),  # noqa: B008 - frozen
    reduction: Reduction = None,
    keep: Kept | None = None,
    settled: Collection[str] = (),
    progress: Progress = quiet,
) -> Recording:
    """Remove the bleed from a recording: :func:`learn` from it and apply the stage to it.

    Parameters
    ----------
    recording, method, settings, side, settled, progress
        As in :func:`learn`.
    reduction
        The most bleed to remove in dB, for all microphones or by microphone or source. There is no limit for ``None``
        and for names that are missing.
    keep
        Sources whose bleed is kept, by microphone, as in :meth:`debleed.Stage.apply`.

    Returns
    -------
    The same microphones at the same rate, length and alignment; samples are computed when they are read.

    Raises
    ------
    InputError
        As in :func:`learn`, and for unknown names in ``reduction`` and ``keep``.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> mics = Recording.from_array(rng.standard_normal((2, 8000)), rate=8000, names=["vox", "bass"])
    >>> remove(mics, "unprocessed").names
    ('vox', 'bass')
    """
    kept_shares(recording, reduction)  # refuse invalid names before the work
    kept_pairs(recording, keep or {})
    stage, alignment = learn_in_step(
        recording, method, settings=settings, side=side, settled=settled, progress=progress
    )
    stage.announce()
    return reduced(recording, stage.applied(recording, keep, alignment), reduction)


def refuse_misfit(method: Method, name: str, recording: Recording, side: Side) -> None:
    """Refuse an unsupported number of sources, and missing side information."""
    count = len(set(recording.sources))
    if method.source_count not in (None, count):
        raise InputError(
            f"method '{name}' takes recordings of exactly {method.source_count} sources, this one has {count}; "
            "'demix' takes any number"
        )
    if missing := [need for need in sorted(method.needs) if getattr(side, need) is None]:
        raise InputError(f"method '{name}' needs {' and '.join(SIDE[need] for need in missing)}")


def kept_shares(recording: Recording, reduction: Reduction) -> NDArray[np.float64]:
    """Convert a reduction in dB into the share of the bleed's amplitude to keep in each microphone, ``(mics,)``.

    Raises
    ------
    InputError
        For a source or microphone that does not exist, and for a reduction that is negative or not a number.
    """
    if not isinstance(reduction, Mapping):
        reduction = {} if reduction is None else dict.fromkeys(filter(None, recording.sources), reduction)
    for name, decibels in reduction.items():
        if name not in recording.sources and name not in recording.names:
            known = ", ".join(dict.fromkeys(source for source in recording.sources if source is not None))
            raise InputError(f"there is no source '{name}' to reduce, and no such microphone; the sources are {known}")
        if decibels is not None and not decibels >= 0:
            raise InputError(f"a reduction must be a number of decibels, 0 or more, got {decibels}")
    # a microphone's own limit has precedence over that of its source; room microphones are unchanged anyway
    limits = [
        None if source is None else reduction.get(name, reduction.get(source))
        for name, source in zip(recording.names, recording.sources, strict=True)
    ]
    return np.array([0.0 if limit is None else float(amplitude(-limit)) for limit in limits])


def reduced(recording: Recording, cleaned: Recording, reduction: Reduction) -> Recording:
    """Add some of the removed signal back, so that the bleed is reduced by at most ``reduction`` dB.

    Parameters
    ----------
    recording
        The original microphones.
    cleaned
        The result of :func:`remove` without a reduction.
    reduction
        As in :func:`remove`, whose result with this reduction is the same.
    """
    kept = kept_shares(recording, reduction)
    if not kept.any():
        return cleaned
    return recording.with_reader(lambda start, stop: _blend(recording, cleaned, kept, start, stop))


def _blend(recording: Recording, cleaned: Recording, kept: NDArray[np.float64], start: int, stop: int) -> Samples:
    """Add a share of the removed signal back."""
    out = recording.read(start, stop).copy()
    for i, clean in enumerate(cleaned.read(start, stop)):
        if kept[i] == 0:
            out[i] = clean
        elif kept[i] < 1:  # at 1 the microphone stays unchanged, to the bit
            out[i] = clean + kept[i] * (out[i] - clean)
    return out
