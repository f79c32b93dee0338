"""Which microphones are in step: when each file begins, how fast its clock runs, where its delay jumps.

The sound that leaks tells. The lags of the microphones are followed from stretch to stretch, lines are fitted to them,
and each line and each jump is believed only if it makes the cross-spectra of its microphone agree better over the whole
recording.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from debleed.recording import Recording
from debleed.soundcheck.agreement import believed, refined, sharpened
from debleed.soundcheck.alignment import Alignment
from debleed.soundcheck.cross_spectra import SECONDS, measured, partners
from debleed.soundcheck.following import followed
from debleed.soundcheck.jumps import find_jumps, placed
from debleed.soundcheck.lines import FEWEST, fitted
from debleed.soundcheck.offsets import constant_lags
from debleed.soundcheck.time_line import Stretch, TimeLine, combined

REFINEMENTS = 2
"""Times that the lags are measured again in the recording that is in step as far as they are known."""


def compared(recording: Recording, mixes: Collection[str] = ()) -> list[int]:
    """Return the tracks that are compared: those that have a source, less mixes, which share sound with all at once."""
    named = enumerate(zip(recording.names, recording.sources, strict=True))
    return [i for i, (name, source) in named if source is not None and name not in mixes]


def alignment_of(recording: Recording, mixes: Collection[str] = ()) -> Alignment:
    """Find the time line of each microphone that has a source; room microphones and mixes are left as they are."""
    tracks = compared(recording, mixes)
    lines = dict(zip(tracks, time_lines(recording.select(tracks)), strict=True))
    return Alignment.of([lines.get(i, TimeLine()) for i in range(len(recording))])


def time_lines(recording: Recording) -> tuple[TimeLine, ...]:
    """Find the time line of each microphone from the sound that leaks.

    Returns
    -------
    One for each microphone; :attr:`TimeLine.in_step` for those in step, and for those of which nothing can be told.
    """
    mics, rate = len(recording), recording.rate
    if mics < 2 or recording.length < 2 * FEWEST * SECONDS * rate:
        return (TimeLine(),) * mics
    lines = tuple(TimeLine((Stretch(0.0, float(lag)),)) for lag in constant_lags(recording))
    first, second = partners(Alignment.of(lines).aligned(recording))
    if not len(first):
        return lines
    moving: set[int] = set()
    pairs, times = measured(recording, lines, first, second)
    for _ in range(REFINEMENTS):
        fits = sharpened(fitted(times, followed(pairs, mics, rate)), pairs, times)
        found = believed(fits, pairs, times)
        if not found:
            break
        lines = added(lines, found)
        moving |= set(found)
        pairs, times = measured(recording, lines, first, second)
    jumps = find_jumps(pairs, times, rate)
    lines = added(lines, jumps)
    moving |= set(jumps)
    for mic in [i for i in sorted(moving) if len(lines[i].stretches) > 1]:
        pairs, _ = measured(recording, lines, first, second)
        lines = (*lines[:mic], placed(recording, lines, pairs, mic), *lines[mic + 1 :])
    for _ in range(REFINEMENTS if moving else 0):
        pairs, times = measured(recording, lines, first, second)
        more: dict[int, TimeLine] = {}
        for mic in sorted(moving):
            more[mic] = refined(lines[mic], pairs, times, more, mic)
        lines = added(lines, more)
    return lines


def added(lines: tuple[TimeLine, ...], more: Mapping[int, TimeLine]) -> tuple[TimeLine, ...]:
    """Return all time lines, with more added to those of some microphones."""
    return tuple(combined(line, more[i]) if i in more else line for i, line in enumerate(lines))
