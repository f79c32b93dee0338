"""The tables of a benchmark: overview, goals, the WASPAA 2023 table and our measures; as Markdown and CSV."""

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
"""Measures with tables of their own, since they must not be compared with SDR."""

Table = tuple[list[str], list[list[str]]]
"""Header and rows."""


def grouped(lines: Sequence[Line], name: str) -> dict[str, list[Line]]:
    """Group lines by one of their entries, in the order of first appearance."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(line[name], []).append(line)
    return groups


def by_method(lines: Sequence[Line]) -> dict[str, list[Line]]:
    """Group lines by method: the floor first, methods of debleed, other programs, and the ceilings last."""
    groups = grouped(lines, "method")
    known = [name for name in registered() if name not in (FLOOR, *CEILINGS)]
    order = [FLOOR, *known[::-1], *(name for name in groups if name not in registered()), *CEILINGS]
    return {name: groups[name] for name in order if name in groups}


def common(lines: Sequence[Line]) -> list[Line]:
    """Select the items for which every method has scores, so that the rows are comparable.

    Methods without any score do not count.
    """
    lines = scored(lines)
    methods = grouped(lines, "method").values()
    items = set.intersection(*({line["sound"] for line in group} for group in methods)) if lines else set()
    return [line for line in lines if line["sound"] in items]


def cost(lines: Sequence[Line]) -> tuple[str, str]:
    """Format the speed of a method relative to real time, and its peak memory in MiB, both over all items."""
    if any(line.get("took") is None for line in lines):
        return "–", "–"
    seconds, took = (sum(line[name] for line in lines) for name in ("seconds", "took"))
    speed = seconds / took if took > 0 else math.inf
    memory = [line["memory"] for line in lines if line["memory"] is not None]
    times = "> 1000" if speed > 1000 else f"{speed:.0f}" if speed >= 10 else f"{speed:.1f}"
    return times, (str(max(memory)) if memory else "–")


def waspaa2023(lines: Sequence[Line]) -> Table:
    """Make the table of WASPAA 2023 SDRs for one kind of bleed: medians over items for each source and overall."""
    names: dict[str, None] = dict.fromkeys(source["name"] for line in lines for source in line["scores"]["sources"])
    sources = [name for name in WASPAA2023_COLUMNS if name in names] + [n for n in names if n not in WASPAA2023_COLUMNS]
    rows = []
    for method, measured in by_method(lines).items():
        scores = scores_of(measured)
        medians = [scores.of(source).median("waspaa2023_sdr") for source in sources]
        rows.append([method, *map(shown, medians), shown(scores.overall("waspaa2023_sdr")), *cost(measured)])
    return ["method", *(WASPAA2023_COLUMNS.get(v, v) for v in sources), "Overall", "× real time", "MiB"], rows


def quartiles(values: Sequence[float]) -> str:
    """Format the median and quartiles, including infinite values but not NaN."""
    kept = sorted(value for value in values if not math.isnan(value))
    if not kept:
        return "–"
    low, high = (float(np.quantile(kept, q, method="nearest")) for q in (0.25, 0.75))  # infinities do not interpolate
    return f"{shown(median(kept))} ({shown(low)} … {shown(high)})"


def ours(lines: Sequence[Line]) -> Table:
    """Make the table of medians over all sources of all items against the image, with quartiles and the least SDRi."""
    rows = []
    for method, measured in by_method(lines).items():
        scores = scores_of(measured)
        cells = [quartiles(scores[m]) if m in ("sdr", "sdri") else shown(of(scores, m)) for m in OURS]
        least, where = least_sdri(measured)
        rows.append([method, *cells, shown(least, sign=True), where, *cost(measured)])
    return ["method", *(MEASURES[m].title for m in OURS), "least SDRi", "where", "× real time", "MiB"], rows


def least_sdri(lines: Sequence[Line]) -> tuple[float, str]:
    """Return the least SDRi of any source, and the item and source that has it."""
    every = [
        (sdri, f"{line['item']}, {name}")
        for line in lines
        for scores in [Scores.from_json(line["scores"])]
        for name, sdri in zip(scores.names, scores["sdri"], strict=True)
        if not math.isnan(sdri)
    ]
    return min(every, default=(math.nan, "–"))


def of(scores: Scores, measure: str) -> float:
    """Return the median of a measure; NaN if it was not measured."""
    return scores.median(measure) if measure in scores else math.nan


def apart(lines: Sequence[Line], measures: Sequence[str]) -> Table:
    """Make a table of medians of measures that must not be compared with SDR."""
    rows = [[name, *(shown(of(scores_of(group), m)) for m in measures)] for name, group in by_method(lines).items()]
    return ["method", *(MEASURES[m].title for m in measures)], rows


def overview(lines: Sequence[Line], abouts: Mapping[str, About]) -> Table:
    """Make the table of the median SDR of every method in every scene set, and of the SDRi of demix.

    If a method lacks items, the cell also shows the number of its items in parentheses.
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
    """Make the table of goals, measured values and numbers of items."""
    rows = []
    for v in verdicts(lines, abouts):
        aim = math.nan if v.goal.aim is None else v.goal.aim
        figures = [shown(v.goal.must), shown(aim), shown(v.measured)]
        rows.append([abouts[v.bleed].title, str(v.goal), *figures, str(v.items), v.reached])
    return ["scene set", "figure", "must", "aim", "measured", "items", "reached"], rows


def unable(lines: Sequence[Line]) -> Table:
    """Make the table of methods that could not run on some items, with the reasons."""
    counts: dict[tuple[str, str], int] = {}
    for line in lines:
        if "refused" in line:
            counts[line["method"], line["refused"]] = counts.get((line["method"], line["refused"]), 0) + 1
    rows = [[method, str(count), reason] for (method, reason), count in counts.items()]
    return ["method", "items", "why it did not run"], rows


Section = tuple[str, str, list[tuple[str, Table]], list[Line]]
"""Name of the bleed, a sentence about its items, tables with titles, and the lines in the tables."""


def sections(lines: Sequence[Line], abouts: Mapping[str, About] = MappingProxyType({})) -> Iterator[Section]:
    """Yield a section for each kind of bleed; ``abouts`` has the titles and goals of scene sets."""
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
            about += f" {every - len(items)} items without scores of {', '.join(lacking)} are left out."
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
    f"{POLICY} Overall: mean over the sources of an item. The oracles use the truth: oracle-wiener is the upper bound "
    "for masks on one microphone, oracle-linear that for fixed filters, fitted to the item itself. Left in silence: "
    "level of the output relative to the microphone where the source is silent. Harm: SDR of the output against the "
    "input for a recording without bleed. Times and memory depend on the machine."
)


OVERVIEW = (
    "Median SDR in dB over all sources of all items; if a method has fewer items, their number is in parentheses."
)
"""Caption of the overview."""


def markdown(lines: Sequence[Line], abouts: Mapping[str, About] = MappingProxyType({})) -> str:
    """Format all tables as Markdown."""
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
    """Format one table as Markdown."""
    marks = ["---"] + ["---:"] * (len(head) - 1)
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in (head, marks, *rows)]


def csv_text(lines: Sequence[Line]) -> str:
    """Format one score per line: bleed, item, method, source, measure, dB; empty for NaN."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["bleed", "item", "split", "track", "method", "version", "source", "measure", "db"])
    for line in scored(lines):
        scores = Scores.from_json(line["scores"])
        for measure in scores.measures:
            for source, value in zip(scores.names, scores[measure], strict=True):
                level = "" if math.isnan(value) else f"{value:.4f}"
                where = [line[name] for name in ("bleed", "item", "split", "track", "method", "version")]
                writer.writerow([*where, source, measure, level])
    return out.getvalue()


def compared(a: Sequence[Line], b: Sequence[Line]) -> Table:
    """Compare the SDR of two results on the sources of their common items.

    Items are the same if their audio is: a corpus made with another seed has different items.
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
