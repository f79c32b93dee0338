"""A first look at a session before any run: its bleed matrix, when to listen to it, and what its sound says."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from debleed.io.documents import json_line, json_numbers
from debleed.progress import Progress
from debleed.recording import Recording
from debleed.scoring.blind import blind_bleed_matrix
from debleed.soundcheck.check import soundcheck
from debleed.web import layouts, roles
from debleed.web.layouts import Json
from debleed.web.loudest import course, loudest
from debleed.web.moments import moments
from debleed.web.sessions import stored_take

FILE = "look.json"

SECONDS = 60.0
"""Length of the part that is looked at; four instruments of ten minutes take as long as of one."""


def key(meta: Json) -> str:
    """Return a checksum of what a look depends on: the files, how they belong together, and their grouping."""
    chosen = [[mic.name, mic.role, mic.source, mic.said] for mic in roles.assigned(meta)]
    seen = [[[whole["id"], whole["frames"]] for whole in layouts.wholes(meta)], chosen, sorted(meta["leave_out"])]
    return hashlib.sha256(json_line({"seen": seen}).encode()).hexdigest()


def look(meta: Json, place: Path, progress: Progress) -> Json:
    """Look at a session.

    Parameters
    ----------
    meta, place
        The session and its folder.
    progress
        Called with the stages "compare" and "figures".

    Returns
    -------
    ``names`` and ``sources`` of the microphones; ``bleed_before``, their bleed matrix; ``moments``, see
    :func:`debleed.web.moments.moments`; ``alike``, groups of files that sound like one source; ``reasons``, what else
    the sound says of files, by name; ``key``.
    """
    take = stored_take(meta, place)
    try:
        part = heard(meta, take.recording(), loudest(meta, place, SECONDS))
        progress("compare", 0)
        found = soundcheck(part, [mic.name for mic in roles.microphones(meta) if mic.said])
        progress("figures", 0)
        matrix = blind_bleed_matrix(part)
    finally:
        take.close()
    unit = roles.unit_of(meta)
    own = course(meta, place)[[list(unit).index(name) for name in part.names]]
    groups = [{unit[name] for name in group} for group in found.groups]
    alike = [[one for one in layouts.units(meta) if one in group] for group in groups]
    reasons = {name: reason for name, reason in found.reasons().items() if name in {*found.copies, *found.mixes}}
    return {
        "key": key(meta),
        "names": list(part.names),
        "sources": list(part.sources),
        "references": sorted(part.references),
        "moments": moments(own, part.sources),
        "alike": [group for group in alike if len(group) > 1],
        "reasons": {unit[name]: reason for name, reason in reasons.items()},
        **json_numbers("bleed_before", matrix),
    }


def heard(meta: Json, recording: Recording, part: tuple[float, float]) -> Recording:
    """Return a part of a session as a run would hear it: with its names and sources, without what is left out."""
    mics = roles.microphones(meta)
    kept = [k for k, mic in enumerate(mics) if mic.name in roles.silent(meta).names]
    signals = frozenset(mics[k].name for k in kept if mics[k].role == "reference")
    named = replace(recording, names=tuple(mic.name for mic in mics), sources=tuple(mic.source for mic in mics))
    start, stop = (round(second * recording.rate) for second in part)
    return replace(named.select(kept), references=signals).stretch(start, min(stop, recording.length))
