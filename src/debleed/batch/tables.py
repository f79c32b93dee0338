"""The tables of a batch: what was done to each microphone of each recording, as JSON, as CSV and to be read."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from debleed import __version__
from debleed.batch.plan import Batch
from debleed.batch.work import Outcome
from debleed.clock import hours
from debleed.decibels import shown
from debleed.io.documents import json_text, write_text
from debleed.recording import InputError

TABLES = ("batch.json", "batch.csv", "batch.md")
"""Files in the folder for the results: all there is, a line for each microphone, and the one to be read."""

KIND = "batch of debleed"
"""How the JSON begins, so that no other file is taken for it."""

SAID = {"finished": "cleaned", "before": "cleaned before", "failed": "failed", "open": "not yet"}
"""State → what the tables say."""

Table = tuple[Sequence[str], list[list[str]]]
"""The head of a table and its rows."""


def write_tables(batch: Batch, outcomes: Iterable[Outcome]) -> None:
    """Write all tables into the folder for the results."""
    found = tuple(outcomes)
    texts = json_text(described(batch, found)), _readable(csv_text(found)), _readable(markdown(batch, found))
    for name, text in zip(TABLES, texts, strict=True):
        write_text(batch.output / name, text)


def refuse_other_batch(batch: Batch) -> None:
    """Refuse a folder whose tables are those of other recordings, or not of debleed at all.

    Raises
    ------
    InputError
        That says so.
    """
    output = batch.output
    path = output / TABLES[0]
    there = [output / name for name in TABLES if (output / name).exists()]
    if not there:
        return
    try:
        told = json.loads(path.read_text("utf-8"))
        kind, before = told["kind"], told["given"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        kind = before = None
    if kind != KIND:
        raise InputError(f"debleed did not make '{there[0]}'; move it away, or choose another folder for the results")
    if before != str(batch.given) and not batch.force:
        raise InputError(
            f"'{output}' has the results of the recordings in '{before}'; choose another folder, or replace its tables "
            "with --force"
        )


def described(batch: Batch, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return everything for JSON."""
    return {
        "kind": KIND,
        "version": __version__,
        "given": str(batch.given),
        "method": batch.method,
        "recordings": [
            {
                "name": one.plan.name,
                "input": one.plan.job and str(one.plan.job.input),
                "output": one.plan.job and str(one.plan.job.output),
                "state": one.state,
                "failure": one.failure or None,
                "length": round(one.record.length if one.record else one.plan.length, 3),
                "seconds": one.record and round(one.record.seconds, 3),
                "microphones": [mic.described() for mic in one.record.microphones] if one.record else [],
                "warnings": list(one.warnings),
            }
            for one in outcomes
        ],
    }


def csv_text(outcomes: Sequence[Outcome]) -> str:
    """Format a line for each microphone, and one for each recording without a result; times in seconds.

    The level of what was removed is empty where nothing was.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    head = ["recording", "state", "length", "seconds", "warnings", "failure"]
    writer.writerow([*head, "microphone", "role", "source", "removed_db", "finding"])
    for one in outcomes:
        length = f"{one.record.length if one.record else one.plan.length:.3f}"
        seconds = f"{one.record.seconds:.3f}" if one.record else ""
        line = [one.plan.name, one.state, length, seconds, "; ".join(one.warnings), one.failure]
        for mic in one.record.microphones if one.record else ():
            level = "" if mic.unchanged else f"{mic.removed_db:.2f}"
            writer.writerow([*line, mic.name, mic.role, mic.source or "", level, mic.finding])
        if one.record is None:
            writer.writerow([*line, "", "", "", "", ""])
    return out.getvalue()


def overview(outcomes: Iterable[Outcome]) -> Table:
    """Return the table of recordings: with how many microphones were changed, and the strongest removed signal."""
    rows = []
    for one in outcomes:
        row = [one.plan.name, SAID[one.state]]
        if one.record:
            changed = [mic for mic in one.record.microphones if not mic.unchanged]
            cleaned = f"{len(changed)} of {len(one.record.microphones)}"
            row += [cleaned, _strongest(one), hours(one.record.length), hours(one.record.seconds)]
            row.append(str(len(one.warnings) or ""))
        else:
            row += ["", "", hours(one.plan.length) if one.plan.length else "", "", ""]
        rows.append(row)
    return ("recording", "state", "changed", "most removed, dB", "length", "took", "warnings"), rows


def microphones(one: Outcome) -> Table:
    """Return the table of the microphones of a recording."""
    rows = [
        [mic.name, mic.source or mic.role, "unchanged" if mic.unchanged else shown(mic.removed_db), mic.finding]
        for mic in (one.record.microphones if one.record else ())
    ]
    return ("microphone", "source", "removed, dB", "finding"), rows


def counted(outcomes: Iterable[Outcome]) -> str:
    """Count the recordings by what became of them."""
    count = Counter[str](one.state for one in outcomes)
    return ", ".join(f"{count[state]} {said}" for state, said in SAID.items() if count[state]) or "no recordings"


def markdown(batch: Batch, outcomes: Sequence[Outcome]) -> str:
    """Format everything to be read, as Markdown."""
    out = ["# Recordings cleaned", ""]
    out += [f"Written by `debleed batch`, version {__version__}, method {batch.method}.", ""]
    out += [f"From `{_plain(str(batch.given))}`: {counted(outcomes)}.", "", *rows(*overview(outcomes))]
    failed = [one for one in outcomes if one.state == "failed"]
    if failed:
        out += ["", "## Failed", ""]
        out += [f"- **{_plain(one.plan.name)}**: {_plain(one.failure)}" for one in failed]
    for one in outcomes:
        if one.record:
            out += ["", f"## {_plain(one.plan.name)}", ""]
            out += [f"- warning: {_plain(warning)}" for warning in one.warnings]
            out += [""] * bool(one.warnings) + rows(*microphones(one))
    out += ["", "The level of what was removed is relative to that of the microphone."]
    return "\n".join([*out, ""])


def rows(head: Sequence[str], lines: Iterable[Sequence[str]]) -> list[str]:
    """Format one table as Markdown."""
    marks = ["---"] * len(head)
    return [
        "| " + " | ".join(_plain(cell).replace("|", "\\|") for cell in line) + " |" for line in (head, marks, *lines)
    ]


def _strongest(one: Outcome) -> str:
    levels = [mic.removed_db for mic in (one.record.microphones if one.record else ()) if not mic.unchanged]
    return shown(max(levels, default=math.nan))


def _plain(text: str) -> str:
    """Return text on one line."""
    return " ".join(text.split())


def _readable(text: str) -> str:
    """Return text without what names of files may contain and UTF-8 cannot."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
