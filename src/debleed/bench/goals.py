"""Goals: the scores that a method must reach on a corpus, and whether it does.

``debleed corpus make`` writes goals to the manifest of a corpus (``about``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from debleed.bench.results import Line, bleed_names, scored, scores_of
from debleed.recording import InputError
from debleed.scenes.corpus import read_manifest
from debleed.scoring.scores import Scores

DEFAULT_METHOD = "demix"


def least(values: Sequence[float]) -> float:
    """Return the smallest value, ignoring NaN (silent sources); NaN if there is no other value."""
    return min((value for value in values if not math.isnan(value)), default=math.nan)


FIGURES: Mapping[str, Callable[[Scores], float]] = {
    "median SDR": lambda scores: scores.median("sdr"),
    "least SDR": lambda scores: least(scores["sdr"]),
    "median SDRi": lambda scores: scores.median("sdri"),
    "least SDRi": lambda scores: least(scores["sdri"]),
}
"""Statistics over all sources of all items, without silent sources."""


@dataclass(frozen=True)
class Goal:
    """A figure that a method must reach.

    Parameters
    ----------
    figure
        A key of :data:`FIGURES`.
    must, aim
        The required and the desired value in dB; ``aim`` is optional, and "exact" means a result without any error.
    method
        The method.
    over
        Another method; subtract its figure on the same items.
    than
        Another corpus; subtract the method's figure on the items of the same names there. In each item, only tracks of
        the same name count, so that a further track changes nothing (all count if no name is the same, as where mono
        tracks became stereo files).
    """

    figure: str
    must: float
    aim: float | None = None
    method: str = DEFAULT_METHOD
    over: str | None = None
    than: str | None = None

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Goal:
        """Make a goal from a table of TOML or JSON.

        Raises
        ------
        InputError
            If a key or figure is unknown, or ``figure`` or ``must`` is missing.
        """
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(table) - set(known)):
            raise InputError(f"a goal has an unknown key '{unknown[0]}'; the keys are {', '.join(known)}")
        if not {"figure", "must"} <= set(table) or table["figure"] not in FIGURES:
            raise InputError(f"a goal needs 'must' and a 'figure' (one of {', '.join(FIGURES)}), got {dict(table)}")
        exact = table.get("aim") == "exact"
        return cls(**{**table, "aim": math.inf} if exact else table)

    def __str__(self) -> str:
        against = f" over {self.over}" * (self.over is not None) + f" against {self.than}" * (self.than is not None)
        return f"{self.method}: {self.figure}{against}"


@dataclass(frozen=True)
class About:
    """The title of a corpus, and its goals."""

    title: str
    goals: tuple[Goal, ...] = ()

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> About:
        """Read ``title`` and ``goals`` from a table of ``corpus.json`` or of a file of scene sets."""
        return cls(table["title"], tuple(map(Goal.from_table, table.get("goals", ()))))


def abouts_of(corpora: Sequence[Path]) -> dict[str, About]:
    """Read the titles and goals of corpora that have them, by the name of the bleed."""
    named = ((name, read_manifest(corpus).get("about")) for corpus, name in bleed_names(corpora).items())
    return {name: About.from_table(table) for name, table in named if table}


@dataclass(frozen=True)
class Verdict:
    """A goal, the measured value in dB (NaN if not measured), and the number of items."""

    bleed: str
    goal: Goal
    measured: float
    items: int

    @property
    def reached(self) -> str:
        """The verdict in words."""
        if math.isnan(self.measured):
            return "not measured"
        if self.measured < self.goal.must:
            return "no"
        return "yes" if self.goal.aim is None or self.measured < self.goal.aim else "yes, the aim too"


def verdicts(lines: Sequence[Line], abouts: Mapping[str, About]) -> list[Verdict]:
    """Compare every goal with the measured value."""
    found: dict[tuple[str, str], dict[str, Line]] = {}
    for line in scored(lines):
        found.setdefault((line["bleed"], line["method"]), {})[line["item"]] = line
    present = {bleed for bleed, _ in found}
    return [_verdict(bleed, goal, found) for bleed in abouts if bleed in present for goal in abouts[bleed].goals]


def _verdict(bleed: str, goal: Goal, found: Mapping[tuple[str, str], Mapping[str, Line]]) -> Verdict:
    mine = found.get((bleed, goal.method), {})
    against = goal.over is not None or goal.than is not None
    theirs = found.get((goal.than or bleed, goal.over or goal.method), {}) if against else mine
    shared = [item for item in mine if item in theirs]
    if not shared:
        return Verdict(bleed, goal, math.nan, 0)
    figure = FIGURES[goal.figure]
    measured = figure(_joined(mine, theirs, shared))
    if against:
        other = figure(_joined(theirs, mine, shared))
        measured = 0.0 if measured == other else measured - other
    return Verdict(bleed, goal, measured, len(shared))


def _joined(mine: Mapping[str, Line], theirs: Mapping[str, Line], items: Sequence[str]) -> Scores:
    """Join the scores of items, in each the tracks that the others have as well, or all if they have none of them."""
    parts = []
    for item in items:
        scores, other = (scores_of([lines[item]]) for lines in (mine, theirs))
        same = set(scores.names) & set(other.names)
        parts.append(scores.of(*same) if same else scores)
    first, *rest = parts
    for part in rest:
        first = first + part
    return first
