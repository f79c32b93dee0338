"""Write the measured tables into README.md and the pages of the docs, between their markers.

    python docs/readme_tables.py [RESULTS]

The accuracy table comes from ``benchmarks/results``, the WASPAA 2023 tables from RESULTS; both are folders that
``debleed benchmark`` wrote. Without RESULTS the latter stay as they are.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

from accuracy import published  # noqa: E402
from debleed.bench.goals import FIGURES  # noqa: E402
from debleed.bench.results import Line, read_lines, scored, scores_of  # noqa: E402
from debleed.bench.tables import grouped, markdown, markdown_rows, sections, waspaa2023  # noqa: E402
from debleed.decibels import shown  # noqa: E402

PUBLISHED = {  # median SDR against the dry stems, as their page gives it: vocals, bass, drums, others, overall
    "Reference (unprocessed)": (1.86, 4.44, 6.78, 5.96, 5.82),
    "KAMIR": (13.84, 6.75, 6.83, 5.61, 7.00),
    "DI-CAE": (1.89, 5.81, 6.18, 4.48, 6.92),
    "Optimisation (linear mixtures only)": (39.25, 42.90, 44.22, 42.11, 42.12),
    "t-UNet": (8.05, 9.05, 8.255, 6.69, 8.83),
    "f-UNet": (6.50, 9.84, 10.85, 10.32, 9.38),
    "df-UNet": (6.50, 9.84, 10.85, 10.32, 11.54),
}
SHOWN = ("waspaa2023-linear", "waspaa2023-room-0.35")


def accuracy_table() -> str:
    """Return the table of demix in every scene set at its usual rate."""
    lines, abouts = published()
    rows = []
    for bleed, measured in grouped(scored(lines), "bleed").items():
        demix = [line for line in measured if line["method"] == "demix"]
        if not demix or bleed.endswith("-44100") or bleed == "soundcheck":
            continue
        scores = scores_of(demix)
        cells = [
            shown(scores.median("input_sdr")),
            shown(scores.median("sdr")),
            shown(scores.median("sdri"), sign=True),
        ]
        rows.append([abouts[bleed].title, str(len(demix)), *cells, shown(FIGURES["least SDRi"](scores), sign=True)])
    head = ["scene", "items", "microphones, dB", "`demix`, dB", "median SDRi", "least SDRi of any source"]
    return "\n".join(markdown_rows(head, rows))


def waspaa2023_tables(lines: list[Line]) -> str:
    """Return two of the WASPAA 2023 tables, with the published one."""
    parts = []
    for bleed, about, _, measured in sections(lines):
        if bleed in SHOWN:
            parts += [f"**{bleed}**: {about}", "\n".join(markdown_rows(*waspaa2023(measured)))]
    head = ["published, on MUSDB18-HQ against the dry stems", "Vocals", "Bass", "Drums", "Others", "Overall"]
    parts.append("\n".join(markdown_rows(head, [[name, *map(shown, row)] for name, row in PUBLISHED.items()])))
    return "\n\n".join(parts)


def put(path: Path, name: str, text: str) -> None:
    """Replace what stands between the markers of a name."""
    before = path.read_text(encoding="utf-8")
    after, count = re.subn(
        f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", lambda m: f"{m[1]}{text}\n{m[2]}", before, flags=re.DOTALL
    )
    if count != 1:
        raise SystemExit(f"{path} has no place for '{name}'")
    path.write_text(after, encoding="utf-8")


def main() -> None:
    """Write all tables that can be made."""
    put(ROOT / "README.md", "results", accuracy_table())
    if len(sys.argv) > 1:
        lines = read_lines(Path(sys.argv[1]))
        put(ROOT / "docs" / "benchmarks.md", "waspaa2023", waspaa2023_tables(lines))
        tables = re.sub(r"^# .*\n", "", markdown(lines)).strip().replace("\n## ", "\n### ")
        put(ROOT / "docs" / "waspaa2023-table.md", "tables", tables)


if __name__ == "__main__":
    main()
