"""The sentences of a run, one a microphone, with the reductions that are set at the moment."""

from __future__ import annotations

import math
from collections.abc import Mapping

from debleed.decibels import amplitude
from debleed.report.sentences import UNKNOWN, Evidence, limited, sentences
from debleed.web.roles import Json


def evidence_of(figures: Json) -> Evidence:
    """Return what the stage of a run knows; runs of version 0.2 have no findings, and those of 0.3 no levels."""
    return Evidence(figures.get("findings", {}), figures.get("levels", {}))


def said(figures: Json, reductions: Mapping[str, float]) -> dict[str, str]:
    """Return what was done to each microphone of a run, by name.

    Parameters
    ----------
    figures
        The figures of the run, which describe its result without a limit. While the SDR is still being estimated, the
        sentences have no numbers.
    reductions
        The most bleed to remove in dB, by source or microphone.
    """
    names, sources = figures["names"], figures["sources"]
    limits = [
        reductions.get(name, reductions.get(source, math.inf)) for name, source in zip(names, sources, strict=True)
    ]
    removed = []
    for limit, (before, after, product) in zip(limits, zip(*figures["energies"], strict=True), strict=True):
        change = 0.0 if before == after == product else max(before - 2 * product + after, 0.0)
        removed.append(float(1 - amplitude(-limit)) ** 2 * change)
    known = [figures.get(key) or [None] * len(names) for key in ("sdr_before", "sdr_after")]
    sdr = [
        UNKNOWN if None in pair else limited(pair, limit)
        for pair, limit in zip(zip(*known, strict=True), limits, strict=True)
    ]
    estimated = [pair[0] for pair in sdr], [pair[1] for pair in sdr]
    references = figures.get("references", [])
    return sentences(names, sources, references, figures["energies"][0], removed, evidence_of(figures), estimated)
