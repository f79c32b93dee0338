"""Scores as a value: the measures, joining the sources of several recordings, valid averages, and JSON.

Values that are not finite follow one policy. A measure is NaN if it is undefined (for example if the reference is
silent: muting must not be rewarded), +inf without any error, and −inf if nothing of the reference is left. Medians and
means ignore NaN and include infinities. JSON has neither, so it contains null and the reason.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from debleed.io.documents import json_numbers, read_number
from debleed.recording import InputError

Floats = NDArray[np.float64]

POLICY = (
    "– means that a score is undefined, for example because the reference is silent; averages ignore it. ∞ means no "
    "error and counts in averages."
)
"""A note below tables."""

TRUTH = "dB against the truth"
JOINT = "BSS Eval v4 over all sources, median over frames of 1 s, dB"
WASPAA2023 = "WASPAA 2023 protocol: each source alone, mean over frames of 1 s, dB"
DRY = "dB against the dry stem"


@dataclass(frozen=True)
class Measure:
    """A measure: one column of a table.

    Parameters
    ----------
    title
        Header of the column.
    table
        Title of its table: measures that must not be compared are in different tables.
    undefined
        The reason for NaN.
    unbounded
        The reason for +inf.
    mean
        Whether the WASPAA 2023 protocol takes a mean over the sources of a recording.
    """

    title: str
    table: str
    undefined: str = "the reference is silent"
    unbounded: str = "perfect: no error is left"
    mean: bool = False


JOINTLY = "in every frame of 1 s a source or its estimate is silent"
ALONE = "in every frame of 1 s the reference or the estimate is silent"

MEASURES: Mapping[str, Measure] = {
    "input_sdr": Measure("SDR before", TRUTH),
    "sdr": Measure("SDR", TRUTH),
    "sdri": Measure("SDRi", TRUTH),
    "silence": Measure(
        "left in silence",
        TRUTH,
        "the reference is never silent, or microphone and estimate are silent with it",
        "the microphone is silent there, the estimate is not",
    ),
    "harm": Measure("harm", "SDR of the output against an input without bleed, dB", "the input is silent"),
    "sir": Measure("SIR", JOINT, JOINTLY),
    "sar": Measure("SAR", JOINT, JOINTLY),
    "isr": Measure("ISR", JOINT, JOINTLY),
    "input_waspaa2023_sdr": Measure("SDR before", WASPAA2023, ALONE, mean=True),
    "waspaa2023_sdr": Measure("SDR", WASPAA2023, ALONE, mean=True),
    "si_sdr": Measure("SI-SDR", "scale-invariant SDR, dB", "the reference or the estimate is silent"),
    "challenge_sdr": Measure("SDR", "SDR of the separation challenges, dB"),
    "dry_sdr": Measure("SDR", DRY),
    "dry_waspaa2023": Measure("WASPAA 2023 SDR", DRY, ALONE, mean=True),
    "dry_fitted": Measure("SDR, best gain and delay", DRY),
}
"""All columns of scores, in the order of tables. A name always means the same definition, so that SDR, SI-SDR and SDR
after filters are never mixed; SDR after 512 taps (BSS Eval "sources") is deliberately missing."""

OTHER = Measure("", "", "there is nothing to measure", "nothing stands against it")
"""Reasons for numbers that are not scores."""


def median(values: Sequence[float] | Floats) -> float:
    """Return the median, ignoring NaN; NaN if there is no other value."""
    kept = [value for value in values if not math.isnan(value)]
    if not kept:
        return math.nan
    kept.sort()
    low, high = kept[(len(kept) - 1) // 2], kept[len(kept) // 2]
    return low if low == high else (low + high) / 2  # two infinities have no mean


def mean(values: Sequence[float] | Floats) -> float:
    """Return the mean, ignoring NaN; NaN if there is no other value, or if there are infinities of both signs."""
    kept = [value for value in values if not math.isnan(value)]
    if {math.inf, -math.inf} <= set(kept) or not kept:
        return math.nan
    return float(sum(kept) / len(kept))


def described(row: Mapping[str, float]) -> dict[str, Any]:
    """Describe named numbers for JSON: values that are not finite are null, and ``<name>_reason`` says why."""
    out: dict[str, Any] = {}
    for key, value in row.items():
        measure = MEASURES.get(key, OTHER)
        out |= json_numbers(key, value, measure.undefined, measure.unbounded)
    return out


def _number(row: Mapping[str, Any], key: str) -> float:
    """Read a number written by :func:`described`, with its reason if it is null."""
    return read_number(row[key], row[f"{key}_reason"] if row[key] is None else None)


@dataclass(frozen=True)
class Scores:
    """Scores of individual sources in dB. Adding joins them; take averages once, over all sources, at the end.

    The median over several recordings is ``(a + b + c).median("sdr")``; a median of medians is not possible. A mean
    exists only if the WASPAA 2023 protocol defines one: :meth:`overall`.

    Parameters
    ----------
    names
        Names of the sources (or microphones).
    columns
        Name from :data:`MEASURES` → a score for each source. ``sdri`` (SDR improvement) is computed from ``sdr`` and
        ``input_sdr``.
    recordings
        Number of sources of each recording, in order; by default all belong to one.

    Raises
    ------
    ValueError
        If a column has the wrong length or an unknown name.

    Examples
    --------
    >>> a = Scores(("vocals", "bass"), {"input_sdr": (1.0, 2.0), "sdr": (9.0, 4.0)})
    >>> (a + a)["sdri"]
    (8.0, 2.0, 8.0, 2.0)
    >>> (a + a).of("bass").median("sdri")
    2.0
    """

    names: tuple[str, ...]
    columns: Mapping[str, tuple[float, ...]]
    recordings: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", dict(self.columns))  # a copy that nobody else can change
        if not self.recordings:
            object.__setattr__(self, "recordings", (len(self.names),))
        if unknown := set(self.columns) - set(MEASURES) | {"sdri"} & set(self.columns):
            raise ValueError(f"{', '.join(sorted(unknown))} cannot be a column; the columns are {', '.join(MEASURES)}")
        if any(len(values) != len(self.names) for values in self.columns.values()):
            raise ValueError("every column needs one score per source")
        if sum(self.recordings) != len(self.names):
            raise ValueError(f"recordings with {self.recordings} sources do not add up to {len(self.names)}")

    def __add__(self, other: Scores) -> Scores:
        if set(self.columns) != set(other.columns):
            raise ValueError(
                f"scores of {', '.join(self.columns)} cannot be joined with those of {', '.join(other.columns)}"
            )
        columns = {key: values + other.columns[key] for key, values in self.columns.items()}
        return Scores(self.names + other.names, columns, self.recordings + other.recordings)

    def __getitem__(self, column: str) -> tuple[float, ...]:
        """Return a column; ``sdri`` is SDR minus input SDR, 0 if both are perfect."""
        if column != "sdri":
            return self.columns[column]
        pairs = zip(self.columns["sdr"], self.columns["input_sdr"], strict=True)
        return tuple(0.0 if after == before else after - before for after, before in pairs)

    def __contains__(self, column: str) -> bool:
        """Return whether there is such a column."""
        return column in self.columns or (column == "sdri" and {"sdr", "input_sdr"} <= set(self.columns))

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of the columns, including the SDR improvement, in the order of tables."""
        return tuple(key for key in MEASURES if key in self)

    def of(self, *names: str) -> Scores:
        """Select the sources with these names from every recording."""
        kept = [i for i, name in enumerate(self.names) if name in names]
        ends = np.cumsum(self.recordings)
        sizes = np.bincount(np.searchsorted(ends, kept, side="right"), minlength=len(ends))
        columns = {key: tuple(values[i] for i in kept) for key, values in self.columns.items()}
        return Scores(tuple(self.names[i] for i in kept), columns, tuple(sizes.tolist()))

    def beside(self, other: Scores) -> Scores:
        """Add other columns for the same sources."""
        if (self.names, self.recordings) != (other.names, other.recordings) or set(self.columns) & set(other.columns):
            raise ValueError("only new columns for the same sources can be added")
        return Scores(self.names, {**self.columns, **other.columns}, self.recordings)

    def median(self, column: str) -> float:
        """Return the median over all sources of all recordings; for SDRi it is not the difference of the medians."""
        return median(self[column])

    def means(self, column: str) -> tuple[float, ...]:
        """Return the mean over the sources of each recording: "overall" in the WASPAA 2023 protocol, for its measures.

        Raises
        ------
        ValueError
            If the measure does not belong to that protocol.
        """
        if not MEASURES[column].mean:
            raise ValueError(f"{column} has no mean, use the median; only {', '.join(MEANS)} have a mean")
        parts = np.split(np.array(self[column]), np.cumsum(self.recordings)[:-1])
        return tuple(mean(part) for part in parts)

    def overall(self, column: str) -> float:
        """Return the median of :meth:`means` over the recordings: "Overall" in the WASPAA 2023 table."""
        return median(self.means(column))

    def rows(self) -> Iterator[tuple[str, dict[str, float]]]:
        """Yield the name and the scores of each source, and the median last."""
        given = {key: self[key] for key in self.measures}
        for i, name in enumerate(self.names):
            yield name, {key: values[i] for key, values in given.items()}
        yield "median", {key: median(values) for key, values in given.items()}

    def to_json(self) -> dict[str, Any]:
        """Describe the scores for JSON: values that are not finite are null, with a reason."""
        *sources, (_, medians) = ((name, described(row)) for name, row in self.rows())
        out: dict[str, Any] = {
            "unit": "dB",
            "sources": [{"name": name, **row} for name, row in sources],
            "median": medians,
        }
        if means := {key: self.overall(key) for key in self.measures if key in MEANS}:
            out["overall"] = described(means)
        if len(self.recordings) > 1:
            out["recordings"] = list(self.recordings)
        return out

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Scores:
        """Read scores written by :meth:`to_json`.

        Raises
        ------
        InputError
            If an entry is missing or a measure is unknown.
        """
        try:
            keys = [key for key in said["median"] if not key.endswith("_reason") and key != "sdri"]
            columns = {key: tuple(_number(source, key) for source in said["sources"]) for key in keys}
            names = tuple(str(source["name"]) for source in said["sources"])
            return cls(names, columns, tuple(said.get("recordings", ())))
        except (KeyError, TypeError, ValueError) as wrong:
            raise InputError(
                f"these scores are not from this version of debleed ({wrong}); measure them again"
            ) from wrong


MEANS = tuple(key for key, measure in MEASURES.items() if measure.mean)
"""Measures with a mean over sources."""
