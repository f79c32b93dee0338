"""The page of a benchmark: all tables and box plots in one self-contained HTML file."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from importlib.resources import files
from string import Template
from types import MappingProxyType

import numpy as np

from debleed import __version__
from debleed.bench.goals import About
from debleed.bench.results import Line
from debleed.bench.tables import FOOT, OVERVIEW, by_method, csv_text, markdown, overview, sections
from debleed.decibels import shown
from debleed.scoring.scores import Scores

ROW, LEFT, WIDTH = 30, 150, 760
"""Pixels: height of a row, space for the names, and total width of a box plot."""


def page(lines: Sequence[Line], abouts: Mapping[str, About] = MappingProxyType({})) -> str:
    """Format all tables and box plots as one self-contained HTML file."""
    body = []
    if abouts:
        table = html_rows(*overview(lines, abouts))
        body.append(
            f"<section><h2>Overview</h2><p>{OVERVIEW}</p><div class='scroll'><table>{table}</table></div></section>"
        )
    for bleed, about, tables, measured in sections(lines, abouts):
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
    """Format the rows of a table; the first cell of a row is its header."""
    top = "".join(f"<th scope='col'>{html.escape(cell)}</th>" for cell in head)
    out = [f"<thead><tr>{top}</tr></thead><tbody>"]
    for first, *rest in rows:
        cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in rest)
        out.append(f"<tr><th scope='row'>{html.escape(first)}</th>{cells}</tr>")
    return "".join(out) + "</tbody>"


def item_medians(lines: Sequence[Line]) -> list[float]:
    """Return the SDR of each item: the median over its sources."""
    return [Scores.from_json(line["scores"]).median("sdr") for line in lines]


def box_plot(values: Mapping[str, Sequence[float]]) -> str:
    """Draw the SDR of the items as a box plot in SVG: median, quartiles, whiskers to the extremes, a dot per item."""
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


def text_files(lines: Sequence[Line], abouts: Mapping[str, About] = MappingProxyType({})) -> dict[str, str]:
    """Return the contents of the text files of a results folder, by name."""
    return {
        "founding.md": markdown(lines, abouts),
        "scores.csv": csv_text(lines),
        "report.html": page(lines, abouts),
    }
