"""The tables of a benchmark: the overview, goals, the WASPAA 2023 table and ours; as markdown and CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from debleed import __version__
from debleed.bench.goals import DEFAULT_METHOD, About, verdicts
from debleed.bench.results import Line, scored, scores_of
from debleed.decibels import shown
from debleed.methods import registered
from debleed.scoring.scores import MEASURES, POLICY, Scores, median

WASPAA2023_COLUMNS = {"vocals": "Vocals", "bass": "Bass", "drums": "Drums", "other": "Others"}
FLOOR, CEILINGS = "unprocessed", ("oracle-wiener", "oracle-linear")

OURS = ("sdr", "sdri", "sir", "sar", "isr", "silence", "harm")
APART = ("si_sdr",), ("challenge_sdr",), ("dry_sdr", "dry_waspaa2023", "dry_fitted")
"""Measures that stand in tables of their own, never beside SDR."""

Table = tuple[list[str], list[list[str]]]
"""Head and rows."""


def grouped(lines: Sequence[Line], name: str) -> dict[str, list[Line]]:
    """Group lines by one of their entries, in the order of their first appearance."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(line[name], []).append(line)
    return groups


def by_method(lines: Sequence[Line]) -> dict[str, list[Line]]:
    """Group lines by method: floor first, ceilings last, what is no method of ours between."""
    groups = grouped(lines, "method")
    known = [name for name in registered() if name not in (FLOOR, *CEILINGS)]
    order = [FLOOR, *known[::-1], *(name for name in groups if name not in registered()), *CEILINGS]
    return {name: groups[name] for name in order if name in groups}


def common(lines: Sequence[Line]) -> list[Line]:
    """Keep the items that every method has a score for, so that rows are compared on equal terms.

    Methods that have no score at all take no part.
    """
    lines = scored(lines)
    methods = grouped(lines, "method").values()
    items = set.intersection(*({line["sound"] for line in group} for group in methods)) if lines else set()
    return [line for line in lines if line["sound"] in items]


def cost(lines: Sequence[Line]) -> tuple[str, str]:
    """Say how fast a method is against real time, and the most memory it took in MiB; both over all items."""
    if any(line.get("took") is None for line in lines):
        return "–", "–"
    seconds, took = (sum(line[name] for line in lines) for name in ("seconds", "took"))
    speed = seconds / took if took > 0 else math.inf
    memory = [line["memory"] for line in lines if line["memory"] is not None]
    told = "> 1000" if speed > 1000 else f"{speed:.0f}" if speed >= 10 else f"{speed:.1f}"
    return told, (str(max(memory)) if memory else "–")


def waspaa2023(lines: Sequence[Line]) -> Table:
    """Medians over the items of the WASPAA 2023 SDR, source by source and overall, for one kind of bleed."""
    names: dict[str, None] = dict.fromkeys(source["name"] for line in lines for source in line["scores"]["sources"])
    sources = [name for name in WASPAA2023_COLUMNS if name in names] + [n for n in names if n not in WASPAA2023_COLUMNS]
    rows = []
    for method, measured in by_method(lines).items():
        scores = scores_of(measured)
        medians = [scores.of(source).median("waspaa2023_sdr") for source in sources]
        rows.append([method, *map(shown, medians), shown(scores.overall("waspaa2023_sdr")), *cost(measured)])
    return ["method", *(WASPAA2023_COLUMNS.get(v, v) for v in sources), "Overall", "× real time", "MiB"], rows


def quartiles(values: Sequence[float]) -> str:
    """Write the median with the lower and upper quartile behind; infinities have a place in them, NaN has none."""
    kept = sorted(value for value in values if not math.isnan(value))
    if not kept:
        return "–"
    low, high = (float(np.quantile(kept, q, method="nearest")) for q in (0.25, 0.75))  # infinities do not interpolate
    return f"{shown(median(kept))} ({shown(low)} … {shown(high)})"


def ours(lines: Sequence[Line]) -> Table:
    """Medians over all sources of all items against the image, with quartiles of SDR and SDRi, and the least SDRi."""
    rows = []
    for method, measured in by_method(lines).items():
        scores = scores_of(measured)
        cells = [quartiles(scores[m]) if m in ("sdr", "sdri") else shown(of(scores, m)) for m in OURS]
        least, where = least_sdri(measured)
        rows.append([method, *cells, shown(least, sign=True), where, *cost(measured)])
    return ["method", *(MEASURES[m].title for m in OURS), "least SDRi", "where", "× real time", "MiB"], rows


def least_sdri(lines: Sequence[Line]) -> tuple[float, str]:
    """Return the least SDRi of any source, and which source of which item that is."""
    every = [
        (sdri, f"{line['item']}, {name}")
        for line in lines
        for scores in [Scores.from_json(line["scores"])]
        for name, sdri in zip(scores.names, scores["sdri"], strict=True)
        if not math.isnan(sdri)
    ]
    return min(every, default=(math.nan, "–"))


def of(scores: Scores, measure: str) -> float:
    """Median of a measure, NaN where it was not taken."""
    return scores.median(measure) if measure in scores else math.nan


def apart(lines: Sequence[Line], measures: Sequence[str]) -> Table:
    """Medians of measures that must not stand beside SDR."""
    rows = [[name, *(shown(of(scores_of(group), m)) for m in measures)] for name, group in by_method(lines).items()]
    return ["method", *(MEASURES[m].title for m in measures)], rows


def overview(lines: Sequence[Line], abouts: Mapping[str, About]) -> Table:
    """Median SDR of every method in every scene set, and the SDRi of demix: each over the items that it has.

    Where a method lacks items, the number of those it has stands behind in brackets.
    """
    lines = [line for line in lines if line["bleed"] in abouts]
    methods, rows = list(by_method(scored(lines))), []
    for bleed, measured in grouped(lines, "bleed").items():
        count = len({line["item"] for line in measured})
        of_method = by_method(scored(measured))
        cells = [_median_cell(of_method.get(method, ()), count) for method in methods]
        ours = of_method.get(DEFAULT_METHOD, [])
        least, where = least_sdri(ours)
        middle = scores_of(ours).median("sdri") if ours else math.nan
        ends = [shown(middle, sign=True), shown(least, sign=True), where]
        rows.append([abouts[bleed].title, f"{measured[0]['rate'] / 1000:g}", str(count), *cells, *ends])
    head = ["scene set", "kHz", "items", *methods, f"{DEFAULT_METHOD}: median SDRi", "least SDRi", "where"]
    return head, rows


def _median_cell(lines: Sequence[Line], count: int) -> str:
    if not lines:
        return "–"
    return shown(scores_of(lines).median("sdr")) + f" ({len(lines)})" * (len(lines) < count)


def goals(lines: Sequence[Line], abouts: Mapping[str, About]) -> Table:
    """Every goal beside what was measured, on so many items."""
    rows = []
    for v in verdicts(lines, abouts):
        aim = math.nan if v.goal.aim is None else v.goal.aim
        figures = [shown(v.goal.must), shown(aim), shown(v.measured)]
        rows.append([abouts[v.bleed].title, str(v.goal), *figures, str(v.items), v.reached])
    return ["scene set", "figure", "must", "aim", "measured", "items", "reached"], rows


def unable(lines: Sequence[Line]) -> Table:
    """Methods that could not run on some items, with their reasons."""
    counts: dict[tuple[str, str], int] = {}
    for line in lines:
        if "refused" in line:
            counts[line["method"], line["refused"]] = counts.get((line["method"], line["refused"]), 0) + 1
    rows = [[method, str(count), reason] for (method, reason), count in counts.items()]
    return ["method", "items", "why it did not run"], rows


Section = tuple[str, str, list[tuple[str, Table]], list[Line]]
"""Name of the bleed, a sentence on its items, tables with their titles, and the lines that they show."""


def sections(lines: Sequence[Line], abouts: Mapping[str, About] = MappingProxyType({})) -> Iterator[Section]:
    """Yield what is to be said of each kind of bleed; ``abouts`` holds the titles and goals of scene sets."""
    for bleed, all_lines in grouped(lines, "bleed").items():
        measured = common(all_lines)
        known = {bleed: abouts[bleed]} if bleed in abouts else {}
        extra = [("Goals", goals(lines, known)), ("Methods that did not run", unable(all_lines))]
        extra = [(title, table) for title, table in extra if table[1]]
        if not measured:
            yield bleed, "No item has scores of every method.", extra, []
            continue
        items = {line["sound"]: line for line in measured}
        tracks = {(line["split"], line["track"]) for line in items.values()}
        minutes = sum(line["seconds"] for line in items.values()) / 60
        rates = ", ".join(f"{rate:g}" for rate in sorted({line["rate"] / 1000 for line in items.values()}))
        about = f"{abouts[bleed].title}: " if bleed in abouts else ""
        about += f"{len(items)} items of {len(tracks)} tracks, {minutes:.1f} minutes, {rates} kHz."
        every = len({line["sound"] for line in all_lines})
        if every > len(items):
            lacking = [name for name, group in by_method(scored(all_lines)).items() if len(group) < every]
            about += f" {every - len(items)} items, which {', '.join(lacking)} lack, are left out."
        tables = [
            (
                "WASPAA 2023 protocol: SDR of each source alone, mean over frames of 1 s; medians over items",
                waspaa2023(measured),
            ),
            (
                "Against the image of each source in its own microphone; medians (quartiles) over sources and items",
                ours(measured),
            ),
            *(
                (f"{MEASURES[m[0]].table}; medians over sources and items", apart(measured, m))
                for m in APART
                if all(any(name in scores_of([line]) for name in m) for line in measured)
            ),
            *extra,
        ]
        yield bleed, about, tables, measured


FOOT = (
    f"{POLICY} Overall is the mean of the sources of an item. The oracles know the truth: oracle-wiener is the ceiling "
    "of every mask on one microphone, oracle-linear that of fixed filters, fitted on the very item. Left in silence: "
    "level of the output over that of the microphone where the source is silent. Harm: what the method does to a "
    "recording without bleed, as SDR of output against input. Times and memory are those of the machine that measured."
)


OVERVIEW = (
    "Median SDR in dB over all sources of all items; where a method has fewer items, their number stands in brackets."
)
"""What the overview shows."""


def markdown(lines: Sequence[Line], abouts: Mapping[str, About] = MappingProxyType({})) -> str:
    """Write all tables as markdown."""
    out = [
        "# Bleed removed: the WASPAA 2023 table, and ours",
        "",
        f"Written by `debleed benchmark`, version {__version__}.",
    ]
    if abouts:
        out += ["", "## Overview", "", OVERVIEW, "", *markdown_rows(*overview(lines, abouts))]
    for bleed, about, tables, _ in sections(lines, abouts):
        out += ["", f"## {bleed}", "", about]
        for title, (head, rows) in tables:
            out += ["", f"**{title}**", "", *markdown_rows(head, rows)]
    return "\n".join([*out, "", FOOT, ""])


def markdown_rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Write one table as markdown."""
    marks = ["---"] + ["---:"] * (len(head) - 1)
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in (head, marks, *rows)]


def csv_text(lines: Sequence[Line]) -> str:
    """Write every score on a line of its own: bleed, item, method, source, measure, dB; empty where it is no number."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["bleed", "item", "split", "track", "method", "version", "source", "measure", "db"])
    for line in scored(lines):
        scores = Scores.from_json(line["scores"])
        for measure in scores.measures:
            for source, value in zip(scores.names, scores[measure], strict=True):
                told = "" if math.isnan(value) else f"{value:.4f}"
                where = [line[name] for name in ("bleed", "item", "split", "track", "method", "version")]
                writer.writerow([*where, source, measure, told])
    return out.getvalue()


def compared(a: Sequence[Line], b: Sequence[Line]) -> Table:
    """Set two results side by side, on the sources of the items that both have: SDR, and the change of each source.

    Items are the same if their sound is: a corpus that was made anew with another seed has others.
    """
    first, second = ({(z["bleed"], z["method"], z["item"], z["sound"]): z for z in scored(lines)} for lines in (a, b))
    rows = []
    for bleed, method in dict.fromkeys(key[:2] for key in second if key in first):
        shared = [key for key in second if key[:2] == (bleed, method) and key in first]
        before, after = (scores_of(lines[key] for key in shared) for lines in (first, second))
        pairs = list(zip(before["sdr"], after["sdr"], strict=True))
        changes = [0.0 if p == q else q - p for p, q in pairs if not math.isnan(p) and not math.isnan(q)]
        better, worse = sum(c > 0.05 for c in changes), sum(c < -0.05 for c in changes)
        middle = float(np.median(changes)) if changes else math.nan
        ends = [shown(f(changes), sign=True) if changes else "–" for f in (min, max)]
        rows.append(
            [bleed, method, str(len(shared)), shown(before.median("sdr")), shown(after.median("sdr")),
             shown(middle, sign=True), *ends, str(better), str(worse)]
        )  # fmt: skip
    head = ["bleed", "method", "items", "SDR a", "b", "change", "least", "most", "better", "worse"]
    return head, rows
