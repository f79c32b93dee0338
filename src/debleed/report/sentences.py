"""One sentence a microphone: what was done to its bleed, as far as the knowledge goes.

How much less bleed there is comes from the estimated SDR alone (:mod:`debleed.scoring.prediction`), which ranks methods
and microphones as the truth does; the level of what was removed does not, since a method that removes the source with
the bleed removes most. Where the estimate is unknown, the sentence says that some bleed was removed, and no number.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from debleed.clock import clock
from debleed.decibels import amplitude, decibels, shown
from debleed.methods import Described
from debleed.methods.demix.safeguards import LEFT_ALONE, NO_BLEED
from debleed.stage import Kept, Stage

CEILING = 35.0
"""dB; the estimated SDR levels off from here on, so what lies above is only known to be at least this."""

NOTICEABLE = 1.5
"""dB; smaller changes of the estimated SDR are within its error, whose median is 0.2 to 2 dB."""

HARDLY = -40.0
"""dB; what was removed is hardly anything if its level in the microphone is lower."""

MOST, MOST_OF_TWO = 0.55, 0.75
"""Shares of the bleed from which on one source is "mostly" it, and two are. In the band of the demo the estimated
shares differ from the true ones by up to 0.06."""

CERTAIN = 1.0
"""Largest standard error of a level, relative to the gain (6 dB), with which its source is named."""

MOST_TIMES = 3
"""Number of times that a sentence lists."""

HARDLY_ANY = "left alone, hardly any bleed"

Levels = Mapping[str, Mapping[str, float]]
"""Microphone → microphone of a source → power of that source's bleed, relative to its power in its own microphone."""

UNKNOWN = (math.nan, math.nan)


@dataclass(frozen=True)
class Knowledge:
    """What a stage knows of its microphones, as far as sentences need it; all of it can be written as JSON.

    Parameters
    ----------
    findings
        Those of the stage by name, see :meth:`debleed.Stage.findings` and :func:`with_changes`.
    levels
        The bleed in each microphone, where it is known.
    """

    findings: Mapping[str, str] = field(default_factory=dict)
    levels: Levels = field(default_factory=dict)

    @classmethod
    def of(
        cls, stage: Stage, changes: Mapping[str, Sequence[int]] | None = None, keep: Kept | None = None
    ) -> Knowledge:
        """Collect what a stage knows.

        Parameters
        ----------
        stage
            The stage.
        changes
            Those of :meth:`debleed.Stage.changes`.
        keep
            Sources whose bleed is kept, by microphone or source: it is no part of what was removed.
        """
        return cls(with_changes(stage.findings(), changes or {}), bleed_levels(stage, keep or {}))


def bleed_levels(stage: Stage, keep: Kept) -> dict[str, dict[str, float]]:
    """Return the levels of the bleed that is removed from the microphones of a stage; ``keep`` says which is not.

    Microphones with a path of unknown level are missing, and so are all if the method does not estimate levels.
    """
    if not isinstance(stage.learned, Described):
        return {}
    paths, names = stage.paths(), [stage.names[i] for i in stage.with_source]
    place = dict(zip(stage.names, stage.sources, strict=True))
    stays = {name: {*keep.get(name, ()), *keep.get(str(place[name]), ())} for name in names}
    certain = np.all((paths.power <= 0) | (paths.error < CERTAIN), axis=1)
    return {
        name: {
            other: float(paths.power[i, j])
            for j, other in enumerate(names)
            if paths.power[i, j] > 0 and place[other] not in stays[name]
        }
        for i, name in enumerate(names)
        if certain[i] and paths.power[i].any()
    }


def with_changes(findings: Mapping[str, str], changes: Mapping[str, Sequence[int]]) -> dict[str, str]:
    """Add to findings when the bleed of a microphone changed suddenly.

    Parameters
    ----------
    findings
        Findings by the name of the microphone.
    changes
        Seconds from the beginning, in order, by the name of the microphone.

    Examples
    --------
    >>> with_changes({"oboe": "sounds like the same source as flute"}, {"oboe": [842], "horn": [5, 3723]})["oboe"]
    'sounds like the same source as flute; the paths of its bleed changed at 14:02'
    """
    found = dict(findings)
    for name, seconds in changes.items():
        if seconds:
            what = f"the paths of its bleed changed at {times(seconds)}"
            found[name] = f"{found[name]}; {what}" if found.get(name) else what
    return found


def times(seconds: Sequence[int]) -> str:
    """List times in words.

    Examples
    --------
    >>> times([5]), times([5, 842]), times([5, 6, 7, 8, 3723])
    ('0:05', '0:05 and 14:02', '0:05, 0:06, 0:07 and 2 more times')
    """
    said = [clock(second) for second in seconds[:MOST_TIMES]]
    more = len(seconds) - len(said)
    if more:
        return f"{', '.join(said)} and {more} more {'time' if more == 1 else 'times'}"
    return " and ".join(filter(None, (", ".join(said[:-1]), said[-1])))


def sentences(
    names: Sequence[str],
    sources: Sequence[str | None],
    references: Collection[str],
    before: ArrayLike,
    removed: ArrayLike,
    knowledge: Knowledge,
    estimated: tuple[ArrayLike, ArrayLike] | None = None,
) -> dict[str, str]:
    """Say what was done to each microphone, by name; the name itself is not repeated.

    Parameters
    ----------
    names, sources, references
        The microphones, as in a :class:`debleed.Recording`.
    before, removed
        Energy of each microphone, and of what was removed from it, ``(mics,)`` in any unit.
    knowledge
        What the stage knows.
    estimated
        The estimated SDR before and after in dB, each ``(mics,)``; NaN where it is unknown.

    Returns
    -------
    Sentences that end with a period, such as "10 dB less bleed, mostly snare."
    """
    energy, change = np.asarray(before, np.float64), np.asarray(removed, np.float64)
    own = dict(zip(names, np.maximum(energy - change, 0).tolist(), strict=True))
    place = dict(zip(names, sources, strict=True))
    sdr = (
        zip(*(np.asarray(values).tolist() for values in estimated), strict=True)
        if estimated
        else len(names) * [UNKNOWN]
    )
    found = {}
    for name, loss, had, known in zip(names, change, energy, sdr, strict=True):
        finding = knowledge.findings.get(name, "").replace(f"left alone: {LEFT_ALONE[NO_BLEED]}", HARDLY_ANY)
        finding = finding.replace("left alone: ", "left alone, since ")
        if not loss > 0:
            said = unchanged(place[name] is None, name in references, finding)
        else:
            level = float(decibels(loss, had)) if had > 0 else math.inf
            from_where = origin(shares(knowledge.levels.get(name, {}), own, place))
            said = "; ".join(filter(None, (f"{reduction(known, level)}{from_where}", finding)))
        found[name] = f"{said}."
    return found


def unchanged(room: bool, reference: bool, finding: str) -> str:
    """Say why a microphone is unchanged."""
    left = any(part.startswith("left alone") or part.endswith("left unchanged") for part in finding.split("; "))
    usual = "" if left else "a room microphone, unchanged" if room else "unchanged"
    return "; ".join(filter(None, ("a reference, unchanged" if reference else usual, finding)))


def reduction(sdr: tuple[float, float], removed_db: float) -> str:
    """Say how much less bleed there is.

    Parameters
    ----------
    sdr
        The estimated SDR before and after in dB; NaN if it is unknown.
    removed_db
        Level of what was removed, relative to the microphone.

    Examples
    --------
    >>> reduction((8.0, 18.2), -9.0), reduction((20.0, 37.0), -20.0), reduction((math.nan, math.nan), -9.0)
    ('10 dB less bleed', 'at least 15 dB less bleed', 'some bleed removed')
    """
    before, after = (float(value) for value in sdr)
    if math.isnan(before) or math.isnan(after):
        return "some bleed removed" if removed_db > HARDLY else "hardly anything removed"
    if before >= CEILING and after >= CEILING:
        return "hardly any bleed, before and after"
    gain = min(after, CEILING) - before
    if gain >= NOTICEABLE:
        return f"{'at least ' if after > CEILING else ''}{shown(gain, 0)} dB less bleed"
    if after - before > -NOTICEABLE:
        return "about as much bleed as before"
    return "may be worse than before, so compare it with the original"


def limited(sdr: tuple[float, float], removed: float, reduction_db: float) -> tuple[float, float]:
    """Return the SDR before and after if the bleed is reduced by at most ``reduction_db``.

    The part k = 1 - 10^(-reduction / 20) of what was removed is then taken away. With the energy D₀ of the bleed
    before, D₁ of bleed and damage after, and R of what was removed, the energy of bleed and damage is
    (1 - k) D₀ + k D₁ - k (1 - k) R. R is taken to lie between what it is if all of D₁ is bleed that is left, and if
    all is damage.

    Parameters
    ----------
    sdr
        Before and after in dB, without a limit.
    removed
        Energy of what was removed, relative to that of the microphone.
    reduction_db
        The limit.

    Examples
    --------
    >>> [round(value, 1) for value in limited((10.0, 30.0), 0.09, 6.0)], limited((10.0, 30.0), 0.09, 0.0)
    ([10.0, 15.9], (10.0, 10.0))
    """
    before, after = sdr
    k = 1 - amplitude(-reduction_db)
    left = 10 ** ((before - after) / 10)  # relative to the bleed before, as is all below
    taken = min(max(removed * (1 + 10 ** (before / 10)), (1 - math.sqrt(left)) ** 2), 1 + left)
    return before, before - float(decibels((1 - k) + k * left - k * (1 - k) * taken))


def shares(levels: Mapping[str, float], own: Mapping[str, float], place: Mapping[str, str | None]) -> dict[str, float]:
    """Return which share of the bleed in a microphone comes from each source, largest first; empty if unknown.

    Parameters
    ----------
    levels
        Power of the bleed from each microphone's source, relative to that microphone's own sound.
    own
        Energy of each microphone's own sound, by name.
    place
        The source of each microphone.
    """
    energy: dict[str, float] = {}
    for name, level in levels.items():
        source = place.get(name)
        if source is not None:  # the microphones of a source hear the same sound: it counts once
            energy[source] = max(energy.get(source, 0.0), level * own[name])
    total = sum(energy.values())
    return {source: energy[source] / total for source in sorted(energy, key=lambda s: -energy[s])} if total > 0 else {}


def origin(share: Mapping[str, float]) -> str:
    """Say where most of the bleed comes from, if one source or two make most of it.

    Examples
    --------
    >>> origin({"snare": 0.8, "kick": 0.2}), origin({"snare": 0.45, "kick": 0.4, "bass": 0.15}), origin({})
    (', mostly snare', ', mostly snare and kick', '')
    """
    (one, first), (two, second) = ([*share.items(), ("", 0.0), ("", 0.0)])[:2]
    if len(share) < 2:
        return f", from {one}" if one else ""
    if first >= MOST:
        return f", mostly {one}"
    return f", mostly {one} and {two}" if len(share) > 2 and first + second >= MOST_OF_TWO else ""
