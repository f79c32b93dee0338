"""Model card of a trained network: what it is, what it was trained on, and how well it validates."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from debleed import __version__
from debleed.decibels import shown
from debleed.io.documents import read_number
from debleed.training.by_kind import table

ROWS = 12
"""Rows of the learning curve in a card."""


def commit() -> str:
    """Return the commit of this program, or its version outside a repository."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return f"version {__version__}"
    return found.stdout.strip()


def card(description: Mapping[str, Any], log: Path) -> str:
    """Write the model card.

    Parameters
    ----------
    description
        Content of the JSON file beside the weights.
    log
        CSV log of the run.
    """
    plan = description["plan"]
    gain = read_number(description["validation_gain_db"], description.get("validation_gain_db_reason"))
    name = f"{description['net']}, variant {description['variant']}"
    facts = {
        "source": plan["source"] or "all",
        "scenes": f"{', '.join(plan['scenes'])}; {plan['rooms']} of each drawn from seed {plan['seed']}",
        "trained on": ", ".join(description["tracks"]),
        "validated on": _validation(plan, "kinds" in description),
        "steps": f"{description['steps']} (best so far) of {plan['steps']}, {plan['batch']} examples of "
        f"{plan['seconds']:g} s each",
        "time": f"{description['hours']:g} h on {description['device']}, "
        f"{description['examples_per_second']:g} examples per second",
        "parameters": f"{description['parameters']:,}",
        "SDR improvement in validation": f"{shown(gain, 2)} dB (median)",
        "made by": f"debleed {__version__}, commit {description['commit']}",
    }
    lines = [f"# {name}", "", *(f"- {key}: {value}" for key, value in facts.items()), ""]
    if "kinds" in description:
        lines += ["## By kind of music", "", *table(description["kinds"]), ""]
    with log.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    stride = max(1, -(-len(rows) // ROWS))
    kept = rows[stride - 1 :: stride]
    lines += ["## Learning curve", "", "| step | loss | SDR improvement in validation, dB |", "| --- | --- | --- |"]
    lines += [f"| {row['step']} | {row['loss']} | {shown(float(row['gain_db']), 2)} |" for row in kept]
    return "\n".join(lines) + "\n"


def _validation(plan: Mapping[str, Any], generated: bool) -> str:
    return "other bands of the same kinds" if generated else ", ".join(plan["validation"]) or "every seventh track"
