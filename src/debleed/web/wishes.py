"""What a run is asked for beside its method: how much to remove, which bleed to keep, and which part to clean."""

from __future__ import annotations

import math
from collections.abc import Mapping

from debleed.intake import samples_of
from debleed.io.session import Session, reduction_db
from debleed.recording import InputError, Recording
from debleed.remove import kept_shares
from debleed.stage import kept_pairs
from debleed.web.layouts import Json
from debleed.web.limits import Refusal
from debleed.web.roles import named, silent

Limits = dict[str, float | None]
"""Source or microphone → the most bleed to remove in dB; ``None`` for no limit, where its source has one."""


def reduction(mics: Recording, wanted: object) -> Limits:
    """Check reductions by source or microphone; those that limit nothing are left out.

    Parameters
    ----------
    mics
        The microphones, for their names; see :func:`debleed.web.roles.silent`.
    wanted
        What the request says.

    Raises
    ------
    InputError
        For an unknown name, and for what is not a number of decibels.
    """
    if not isinstance(wanted, dict):
        raise Refusal("reductions must be an object of sources or microphones and decibels")
    found = {
        name: None if value is None else finite(reduction_db(f"the reduction of '{name}'", value))
        for name, value in wanted.items()
    }
    kept_shares(mics, infinite(found))
    return least(mics, found)


def obey(meta: Json, told: Session) -> None:
    """Apply the reductions and the bleed to keep of a ``session.toml`` to a session whose sources it has set.

    Raises
    ------
    InputError
        For unknown names.
    """
    mics = silent(meta)
    everywhere = {} if told.reduction is None else dict.fromkeys(filter(None, mics.sources), told.reduction)
    meta["reduction"] = reduction(mics, {**everywhere, **told.source_reduction})
    meta["keep"] = keep(mics, {place: list(names) for place, names in told.keep.items()})


def finite(value: float) -> float | None:
    """Return a limit, ``None`` for one without end, which JSON cannot say."""
    return None if math.isinf(value) else value


def infinite(limits: Mapping[str, float | None]) -> dict[str, float]:
    """Return limits as the library takes them."""
    return {name: math.inf if value is None else value for name, value in limits.items()}


def least(mics: Recording, limits: Mapping[str, float | None]) -> Limits:
    """Leave out what limits nothing: no limit is said only of a microphone whose source has one."""
    source_of = dict(zip(mics.names, mics.sources, strict=True))
    return {
        name: value
        for name, value in limits.items()
        if value is not None or limits.get(source_of.get(name) or name) is not None
    }


def usual(mics: Recording, limits: Mapping[str, float | None]) -> Limits:
    """Return the limits of a session for those that a run cleans."""
    return least(mics, {name: value for name, value in limits.items() if name in (*mics.names, *mics.sources)})


def keep(mics: Recording, wanted: object) -> dict[str, list[str]]:
    """Check which bleed is kept: microphone or source → the sources that stay in it.

    Raises
    ------
    InputError
        For unknown names, room microphones, and a microphone's own source.
    """
    if not isinstance(wanted, dict) or not all(
        isinstance(names, list) and all(isinstance(name, str) for name in names) for names in wanted.values()
    ):
        raise Refusal("what is kept must be an object of microphones and lists of sources")
    found = {mic: list(dict.fromkeys(names)) for mic, names in wanted.items() if names}
    kept_pairs(mics, {mic: tuple(names) for mic, names in found.items()})
    return found


def usual_keep(mics: Recording, kept: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return what of a session is kept in a run, as far as its present grouping still has it."""
    found: dict[str, list[str]] = {}
    for place, names in kept.items():
        for name in names:
            try:
                kept_pairs(mics, {place: (name,)})
            except InputError:  # said of a grouping that is no more
                continue
            found.setdefault(place, []).append(name)
    return found


def region(mics: Recording, wanted: object) -> list[float] | None:
    """Check the part to clean, start and stop in seconds; ``None`` is the whole recording.

    Raises
    ------
    InputError
        If it is not inside the recording.
    """
    if wanted is None:
        return None
    ends = [round(float(value), 3) for value in wanted if finite_number(value)] if isinstance(wanted, list) else []
    if len(ends) != 2:
        raise Refusal("a region must be a start and a stop in seconds")
    samples_of((ends[0], ends[1]), mics)
    return ends


def finite_number(value: object) -> bool:
    """Whether a value of JSON is a number that can be a time."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def of_run(run: Json) -> Recording:
    """Return the microphones of a run for their names; runs of version 0.3 know only their sources."""
    names = run.get("names") or list(run["session"]["sources"])
    return named(names, run.get("sources") or names)
