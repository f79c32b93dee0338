"""The tables of a benchmark: the WASPAA 2023 one, ours, box plots; as markdown, CSV and a page."""

from __future__ import annotations

import csv
import html
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from string import Template

import numpy as np

from debleed import __version__
from debleed.bench.run import Line, scores_of
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
    """Keep the items that every method has a score for, so that rows are compared on equal terms."""
    methods = grouped(lines, "method").values()
    items = set.intersection(*({line["sound"] for line in group} for group in methods))
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
    """Medians over all sources of all items against the image, with quartiles of SDR and gain, and the least gain."""
    rows = []
    for method, measured in by_method(lines).items():
        scores = scores_of(measured)
        cells = [quartiles(scores[m]) if m in ("sdr", "sdri") else shown(of(scores, m)) for m in OURS]
        least = min((gain for gain in scores["sdri"] if not math.isnan(gain)), default=math.nan)
        rows.append([method, *cells, shown(least, sign=True), *cost(measured)])
    return ["method", *(MEASURES[m].title for m in OURS), "least SDRi", "× real time", "MiB"], rows


def of(scores: Scores, measure: str) -> float:
    """Median of a measure, NaN where it was not taken."""
    return scores.median(measure) if measure in scores else math.nan


def apart(lines: Sequence[Line], measures: Sequence[str]) -> Table:
    """Medians of measures that must not stand beside SDR."""
    rows = [[name, *(shown(of(scores_of(group), m)) for m in measures)] for name, group in by_method(lines).items()]
    return ["method", *(MEASURES[m].title for m in measures)], rows


def sections(lines: Sequence[Line]) -> Iterator[tuple[str, str, list[tuple[str, Table]], list[Line]]]:
    """Yield, for each kind of bleed, its name, a sentence on its items, its tables with titles and its lines."""
    for bleed, all_lines in grouped(lines, "bleed").items():
        measured = common(all_lines)
        if not measured:
            continue
        items = {line["sound"]: line for line in measured}
        tracks = {(line["split"], line["track"]) for line in items.values()}
        minutes = sum(line["seconds"] for line in items.values()) / 60
        rates = ", ".join(f"{rate:g}" for rate in sorted({line["rate"] / 1000 for line in items.values()}))
        about = f"{len(items)} items of {len(tracks)} tracks, {minutes:.1f} minutes, {rates} kHz."
        every = len({line["sound"] for line in all_lines})
        if every > len(items):
            lacking = [name for name, group in by_method(all_lines).items() if len(group) < every]
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
            *((f"{MEASURES[m[0]].table}; medians over sources and items", apart(measured, m)) for m in APART),
        ]
        yield bleed, about, tables, measured


FOOT = (
    f"{POLICY} Overall is the mean of the sources of an item. The oracles know the truth: oracle-wiener is the ceiling "
    "of every mask on one microphone, oracle-linear that of fixed filters, fitted on the very item. Left in silence: "
    "level of the output over that of the microphone where the source is silent. Harm: what the method does to a "
    "recording without bleed, as SDR of output against input. Times and memory are those of the machine that measured."
)


def markdown(lines: Sequence[Line]) -> str:
    """Write all tables as markdown."""
    out = [
        "# Bleed removed: the WASPAA 2023 table, and ours",
        "",
        f"Written by `debleed benchmark`, version {__version__}.",
    ]
    for bleed, about, tables, _ in sections(lines):
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
    for line in lines:
        scores = Scores.from_json(line["scores"])
        for measure in scores.measures:
            for source, value in zip(scores.names, scores[measure], strict=True):
                told = "" if math.isnan(value) else f"{value:.4f}"
                where = [line[name] for name in ("bleed", "item", "split", "track", "method", "version")]
                writer.writerow([*where, source, measure, told])
    return out.getvalue()


# -------------------------------------------------------------------------------------------------------- the page

ROW, LEFT, WIDTH = 30, 150, 760
"""Pixels: height of a box plot's row, room for the names, width of the whole."""


def page(lines: Sequence[Line]) -> str:
    """Write all tables and the box plots as one HTML file that needs nothing else."""
    body = []
    for bleed, about, tables, measured in sections(lines):
        body.append(f"<section><h2>{html.escape(bleed)}</h2><p>{html.escape(about)}</p>")
        body.append(box_plot({name: item_medians(group) for name, group in by_method(measured).items()}))
        for title, (head, rows) in tables:
            caption = f"<caption>{html.escape(title)}</caption>"
            body.append(f"<div class='scroll'><table>{caption}{html_rows(head, rows)}</table></div>")
        body.append("</section>")
    assets = files("debleed.report") / "assets"
    template = Template((assets / "benchmark.html").read_text(encoding="utf-8"))
    style = (assets / "report.css").read_text(encoding="utf-8")
    return template.substitute(style=style, body="\n".join(body), foot=html.escape(FOOT), version=__version__)


def html_rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write the inside of a table; the first cell of a row is its head."""
    top = "".join(f"<th scope='col'>{html.escape(cell)}</th>" for cell in head)
    out = [f"<thead><tr>{top}</tr></thead><tbody>"]
    for first, *rest in rows:
        cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in rest)
        out.append(f"<tr><th scope='row'>{html.escape(first)}</th>{cells}</tr>")
    return "".join(out) + "</tbody>"


def item_medians(lines: Sequence[Line]) -> list[float]:
    """SDR of each item: the median over its sources."""
    return [Scores.from_json(line["scores"]).median("sdr") for line in lines]


def box_plot(values: Mapping[str, Sequence[float]]) -> str:
    """Draw SDR over the items as boxes: quartiles and median, whiskers to the ends, a dot for each item; SVG."""
    kept = {name: sorted(v for v in row if math.isfinite(v)) for name, row in values.items()}
    every = [v for row in kept.values() for v in row]
    if not every:
        return ""
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 1000) if (max(every) - min(every)) / s <= 10)
    low, high = (
        step * math.floor(min(every) / step),
        step * max(math.ceil(max(every) / step), math.floor(min(every) / step) + 1),
    )

    def x(value: float) -> float:
        return round(LEFT + (value - low) / (high - low) * (WIDTH - LEFT - 20), 1)

    height = ROW * len(kept) + 40
    out = [f"<svg class='boxes' viewBox='0 0 {WIDTH} {height}' role='img' aria-label='SDR of each item, by method'>"]
    for tick in range(low, high + 1, step):
        out.append(f"<line class='grid' x1='{x(tick)}' x2='{x(tick)}' y1='0' y2='{height - 34}'/>")
        out.append(
            f"<text x='{x(tick)}' y='{height - 18}' text-anchor='middle'>{shown(tick).removesuffix('.0')}</text>"
        )
    out.append(
        f"<text x='{WIDTH - 20}' y='{height - 3}' text-anchor='end'>SDR in dB, median over an item's sources</text>"
    )
    for k, (name, row) in enumerate(kept.items()):
        y = ROW * k + ROW // 2
        beyond = len(values[name]) - len(row)
        label = html.escape(name) + (f" ({beyond} exact or silent)" if beyond else "")
        out.append(f"<text x='{LEFT - 10}' y='{y + 4}' text-anchor='end'>{label}</text>")
        if row:
            q1, q2, q3 = (x(float(q)) for q in np.quantile(row, (0.25, 0.5, 0.75)))
            out.append(f"<line class='whisker' x1='{x(row[0])}' x2='{x(row[-1])}' y1='{y}' y2='{y}'/>")
            out.append(f"<rect class='box' x='{q1}' y='{y - 8}' width='{round(max(q3 - q1, 1), 1)}' height='16'/>")
            out.append(f"<line class='middle' x1='{q2}' x2='{q2}' y1='{y - 8}' y2='{y + 8}'/>")
            out += [f"<circle cx='{x(v)}' cy='{y}' r='2'/>" for v in row]
    return "".join([*out, "</svg>"])


# ------------------------------------------------------------------------------------------------------ comparison


def compared(a: Sequence[Line], b: Sequence[Line]) -> Table:
    """Set two results side by side, on the sources of the items that both have: SDR, and the change of each source.

    Items are the same if their sound is: a corpus that was made anew with another seed has others.
    """
    first, second = ({(z["bleed"], z["method"], z["item"], z["sound"]): z for z in lines} for lines in (a, b))
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


def text_files(lines: Sequence[Line]) -> dict[str, str]:
    """Return what a results folder shows, by file name."""
    return {"founding.md": markdown(lines), "scores.csv": csv_text(lines), "report.html": page(lines)}
