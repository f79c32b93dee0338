"""Scores as a value: which measures there are, how sources are joined, which averages are lawful, how JSON holds them.

Numbers that are no numbers follow one policy. Where a measure has nothing to measure (a silent reference: muting must
not be rewarded) it is NaN; without error it is +inf, with nothing of the reference left −inf. Medians and means leave
NaN out and keep infinities. JSON knows neither, so it holds null and the reason beside it.
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
    "– stands where a measure has nothing to measure, such as a silent reference, and is left out of every average; "
    "∞ is without error and counts."
)
"""For the foot of a table."""

TRUTH = "dB against the truth"
JOINT = "BSS Eval v4 over all sources, median over frames of 1 s, dB"
WASPAA2023 = "WASPAA 2023 protocol: each source alone, mean over frames of 1 s, dB"
DRY = "dB against the dry stem"


@dataclass(frozen=True)
class Measure:
    """What a column holds.

    Parameters
    ----------
    title
        Head of the column.
    table
        Title of the table it may stand in: measures that must not be compared have different ones.
    undefined
        Why it is NaN where it is.
    unbounded
        Why it is +inf where it is.
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
"""Every column that scores may have, in the order of tables. Columns of one name are always made in one way, so that
SDR, SI-SDR and SDR after filters never come together; SDR after 512 taps (BSS Eval "sources") is not offered at all."""

OTHER = Measure("", "", "there is nothing to measure", "nothing stands against it")
"""Reasons for numbers that are no scores."""


def median(values: Sequence[float] | Floats) -> float:
    """Median without the NaN; NaN if nothing is left."""
    kept = [value for value in values if not math.isnan(value)]
    if not kept:
        return math.nan
    kept.sort()
    low, high = kept[(len(kept) - 1) // 2], kept[len(kept) // 2]
    return low if low == high else (low + high) / 2  # two infinities have no mean


def mean(values: Sequence[float] | Floats) -> float:
    """Mean without the NaN; NaN if nothing is left, and where infinities of both signs meet."""
    kept = [value for value in values if not math.isnan(value)]
    if {math.inf, -math.inf} <= set(kept) or not kept:
        return math.nan
    return float(sum(kept) / len(kept))


def described(row: Mapping[str, float]) -> dict[str, Any]:
    """Describe named numbers for JSON: what is not finite is null, and ``<name>_reason`` says why."""
    out: dict[str, Any] = {}
    for key, value in row.items():
        measure = MEASURES.get(key, OTHER)
        out |= json_numbers(key, value, measure.undefined, measure.unbounded)
    return out


def _number(row: Mapping[str, Any], key: str) -> float:
    """Read a number that :func:`described` wrote, its reason included where it needs one."""
    return read_number(row[key], row[f"{key}_reason"] if row[key] is None else None)


@dataclass(frozen=True)
class Scores:
    """Scores of single sources in dB. Adding joins them; averages are taken over all sources, once, at the end.

    So the median over several recordings is ``(a + b + c).median("sdr")``, and a median of medians is not to be had.
    A mean exists where the WASPAA 2023 protocol defines one: :meth:`overall`.

    Parameters
    ----------
    names
        Of the sources (or microphones).
    columns
        By names out of :data:`MEASURES`, a score for each source. ``sdri`` (SDR improvement) is not given but follows
        from ``sdr`` and ``input_sdr``.
    recordings
        How many of the sources belong to each recording, in order; by default all are of one.

    Raises
    ------
    ValueError
        For columns of another length, or of unknown name.

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
        object.__setattr__(self, "columns", dict(self.columns))  # nobody else's to change
        if not self.recordings:
            object.__setattr__(self, "recordings", (len(self.names),))
        if unknown := set(self.columns) - set(MEASURES) | {"sdri"} & set(self.columns):
            raise ValueError(f"{', '.join(sorted(unknown))} cannot be given; known are {', '.join(MEASURES)}")
        if any(len(values) != len(self.names) for values in self.columns.values()):
            raise ValueError("one score a source")
        if sum(self.recordings) != len(self.names):
            raise ValueError(f"recordings of {self.recordings} sources do not make {len(self.names)}")

    def __add__(self, other: Scores) -> Scores:
        if set(self.columns) != set(other.columns):
            raise ValueError(
                f"scores of {', '.join(self.columns)} cannot be joined with those of {', '.join(other.columns)}"
            )
        columns = {key: values + other.columns[key] for key, values in self.columns.items()}
        return Scores(self.names + other.names, columns, self.recordings + other.recordings)

    def __getitem__(self, column: str) -> tuple[float, ...]:
        """Return a column; ``sdri`` is SDR less input SDR, 0 where both are perfect."""
        if column != "sdri":
            return self.columns[column]
        pairs = zip(self.columns["sdr"], self.columns["input_sdr"], strict=True)
        return tuple(0.0 if after == before else after - before for after, before in pairs)

    def __contains__(self, column: str) -> bool:
        """Tell whether there is such a column."""
        return column in self.columns or (column == "sdri" and {"sdr", "input_sdr"} <= set(self.columns))

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of the columns, the SDR improvement among them, in the order of tables."""
        return tuple(key for key in MEASURES if key in self)

    def of(self, *names: str) -> Scores:
        """Keep the sources of these names, of every recording."""
        kept = [i for i, name in enumerate(self.names) if name in names]
        ends = np.cumsum(self.recordings)
        sizes = np.bincount(np.searchsorted(ends, kept, side="right"), minlength=len(ends))
        columns = {key: tuple(values[i] for i in kept) for key, values in self.columns.items()}
        return Scores(tuple(self.names[i] for i in kept), columns, tuple(sizes.tolist()))

    def beside(self, other: Scores) -> Scores:
        """Put other columns of the same sources beside these."""
        if (self.names, self.recordings) != (other.names, other.recordings) or set(self.columns) & set(other.columns):
            raise ValueError("only other columns of the same sources can stand beside these")
        return Scores(self.names, {**self.columns, **other.columns}, self.recordings)

    def median(self, column: str) -> float:
        """Median over all sources of all recordings; that of the SDRi is not the difference of the medians."""
        return median(self[column])

    def means(self, column: str) -> tuple[float, ...]:
        """Mean over the sources of each recording: the "overall" of the WASPAA 2023 protocol, for its measures alone.

        Raises
        ------
        ValueError
            For every other column.
        """
        if not MEASURES[column].mean:
            raise ValueError(f"{column} has no mean, take the median; a mean have {', '.join(MEANS)}")
        parts = np.split(np.array(self[column]), np.cumsum(self.recordings)[:-1])
        return tuple(mean(part) for part in parts)

    def overall(self, column: str) -> float:
        """Median of :meth:`means` over the recordings: "Overall" in the WASPAA 2023 table."""
        return median(self.means(column))

    def rows(self) -> Iterator[tuple[str, dict[str, float]]]:
        """Yield each source and its scores by name, the median last."""
        given = {key: self[key] for key in self.measures}
        for i, name in enumerate(self.names):
            yield name, {key: values[i] for key, values in given.items()}
        yield "median", {key: median(values) for key, values in given.items()}

    def to_json(self) -> dict[str, Any]:
        """Describe the scores for JSON: what is no number is null, with the reason beside it."""
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
        """Read what :meth:`to_json` described.

        Raises
        ------
        InputError
            Where something is missing, or of an unknown measure.
        """
        try:
            keys = [key for key in said["median"] if not key.endswith("_reason") and key != "sdri"]
            columns = {key: tuple(_number(source, key) for source in said["sources"]) for key in keys}
            names = tuple(str(source["name"]) for source in said["sources"])
            return cls(names, columns, tuple(said.get("recordings", ())))
        except (KeyError, TypeError, ValueError) as wrong:
            raise InputError(f"these are no scores that this version wrote ({wrong}); measure them again") from wrong


MEANS = tuple(key for key, measure in MEASURES.items() if measure.mean)
"""Measures that have a mean over sources."""
