"""The sentences of a run, one a microphone, with the reductions that are set at the moment."""

from __future__ import annotations

import math
from collections.abc import Mapping

from debleed.decibels import amplitude
from debleed.report.sentences import UNKNOWN, Knowledge, limited, sentences
from debleed.web.layouts import Json
from debleed.web.wishes import infinite


def evidence_of(figures: Json) -> Knowledge:
    """Return what the stage of a run knows; runs of version 0.2 have no findings, and those of 0.3 no levels."""
    return Knowledge(figures.get("findings", {}), figures.get("levels", {}))


def said(figures: Json, reductions: Mapping[str, float | None]) -> dict[str, str]:
    """Return what was done to each microphone of a run, by name.

    Parameters
    ----------
    figures
        The figures of the run, which describe its result without a limit. While the SDR is still being estimated, the
        sentences have no numbers.
    reductions
        The most bleed to remove in dB, by source or microphone; ``None`` for no limit.
    """
    names, sources, references = figures["names"], figures["sources"], figures.get("references", [])
    known = (figures.get(key) or len(names) * [None] for key in ("sdr_before", "sdr_after"))
    removed, was, became = [], [], []
    rows = zip(names, sources, *figures["energies"], *known, strict=True)
    for name, source, before, after, product, *sdr in rows:
        limit = infinite(reductions).get(name, infinite(reductions).get(source, math.inf))
        change = 0.0 if before == after == product else max(before - 2 * product + after, 0.0)
        unknown = None in sdr or before <= 0
        pair = UNKNOWN if unknown else limited((sdr[0], sdr[1]), change / before, limit)
        removed.append((1 - amplitude(-limit)) ** 2 * change)
        was.append(pair[0])
        became.append(pair[1])
    energy = figures["energies"][0]
    return sentences(names, sources, references, energy, removed, evidence_of(figures), (was, became))
