"""The table of what a folder holds, shown before anything runs."""

from __future__ import annotations

from collections.abc import Sequence

from debleed.clock import hours
from debleed.io.recorder.layout import Layout, Strand

MOST = 2
"""Names of a row that are shown in full; of more, the first and the last."""

HEADS = ("microphones", "files, one after another", "begin at", "length", "why")


def table(layout: Layout) -> tuple[str, ...]:
    """Return the lines of a table: microphones, their files, where each begins, how long they are, and why.

    A file that is one microphone or a stereo pair and has no other parts has a row too, without a reason.
    """
    rows = cells(layout)
    widths = [max(len(line[k]) for line in rows) for k in range(len(HEADS))]
    return tuple(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in rows
    )


def cells(layout: Layout) -> list[tuple[str, ...]]:
    """Return the rows of the table, with that of its heads."""
    return [HEADS, *(row(strand) for strand in layout.strands)]


def row(strand: Strand) -> tuple[str, ...]:
    """Return the cells of one row."""
    chain = strand.chain
    rate = chain.first.rate
    why = [chain.reason] if chain.reason else []
    if strand.names:
        why.insert(0, "each channel is a microphone")
    return (
        shown(strand.units),
        shown([part.facts.path.name for part in chain.parts]),
        shown([hours(part.start / rate, 3) for part in chain.parts]),
        hours(chain.frames / rate, 3),
        "; ".join(why),
    )


def shown(names: Sequence[str]) -> str:
    """List names; of many, the first and the last, and how many there are.

    Examples
    --------
    >>> shown(["ch1", "ch2"]), shown(["ch1", "ch2", "ch3"])
    ('ch1, ch2', 'ch1 ... ch3 (3)')
    """
    return ", ".join(names) if len(names) <= MOST else f"{names[0]} ... {names[-1]} ({len(names)})"
