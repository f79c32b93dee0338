"""How good every method is on every scene: one line of JSON for each item and method, and a table of all of them.

    python benchmarks/accuracy.py [--scenes linear far ...] [--methods demix ...] [--songs Sodium ...] [--rate 44100]

Goes on where it was stopped: what stands in accuracy.jsonl with the same settings and version of the package is not
measured again (unless --fresh). The tables, ACCURACY.md, are written anew after every item.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import subprocess
import time
from collections.abc import Sequence
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

from debleed import Recording, __version__
from debleed.methods import METHODS, Method, Side, create
from debleed.remove import remove
from debleed.scoring.evaluate import score
from debleed.scoring.scores import Scores, median
from peers import PEERS
from scenes import DRUM_SECONDS, FIGURES, GROUPS, HEARD, STARTS, Item, items, refuse_absence

HERE = Path(__file__).resolve().parent
ORDER = (
    "unprocessed",
    "kamir-published",
    "kamir",
    "optimisation",
    "linear",
    "demix",
    "auxiva",
    "ilrma",
    "oracle-wiener",
    "oracle-linear",
)
DEFAULT = tuple(name for name in ORDER if name in METHODS)
ROOMS = ("room-0.35", "room-0.6", "room-0.8", "noise", "far")
OVER_ILRMA = 3.0
"""dB by which demix must be better than ILRMA in rooms."""

Line = dict[str, Any]


def make(name: str) -> Method:
    """Make a method of the package or a peer, with its default settings."""
    return PEERS[name] if name in PEERS else create(name)


def key(line: Line) -> tuple[object, ...]:
    """Tell what makes a measurement another one."""
    settings = json.dumps(line["settings"], sort_keys=True)
    return (*(line[k] for k in ("item", "rate", "seconds", "method", "version")), settings)


def planned(item: Item, name: str) -> Line:
    """Describe a measurement before it is made."""
    return {
        "item": item.id,
        "rate": item.rate,
        "seconds": item.seconds,
        "method": name,
        "version": __version__,
        "settings": dataclasses.asdict(make(name)),
    }


def measure(line: Line, mics: Recording, own: Recording, commit: str) -> Line:
    """Run a method on an item and add its scores to the description."""
    began = time.perf_counter()
    mixture = own.select([0]).with_reader(lambda start, stop: own.read(start, stop).sum(axis=0, keepdims=True))
    clean = remove(mics, make(line["method"]), side=Side(mixture=mixture, truth=own))
    samples = clean.read()
    took = time.perf_counter() - began
    scores = score(own, Recording.from_array(samples, mics.rate, mics.names), mics)
    return {**line, "commit": commit, "took": round(took, 2), "scores": scores.to_json()}


def scores_of(lines: Sequence[Line]) -> Scores:
    """Join the scores of some lines."""
    return reduce(add, (Scores.from_json(line["scores"]) for line in lines))


def read_lines(path: Path) -> dict[tuple[object, ...], Line]:
    """Read what was measured; of two lines of one key the later counts."""
    if not path.exists():
        return {}
    lines = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]
    return {key(line): line for line in lines}


def commit_name() -> str:
    """Name the state of the code."""
    command = ["git", "-C", str(HERE), "describe", "--always", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


# ------------------------------------------------------------------------------------------------------- the tables


def shown(value: float | None, sign: bool = False) -> str:
    """Write a figure in dB."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "exact" if value > 0 else "−∞"
    return f"{value:{'+' if sign else ''}.1f}".replace("-", "−")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


class Measured:
    """All lines of the present settings and version, found by scene, rate and method."""

    def __init__(self, lines: Sequence[Line], seconds: float | None) -> None:
        self.found: dict[tuple[str, int, str], dict[str, Line]] = {}
        now = {name: dataclasses.asdict(make(name)) for name in {line["method"] for line in lines}}
        for line in lines:
            group, name = line["item"].split("/")
            usual = seconds or (DRUM_SECONDS if GROUPS[group].bleed_db is not None else 60)
            if (line["seconds"], line["version"]) == (usual, __version__) and line["settings"] == now[line["method"]]:
                self.found.setdefault((group, line["rate"], line["method"]), {})[name] = line
        present = {(group, rate) for group, rate, _ in self.found}
        self.rows = sorted(present, key=lambda row: (list(GROUPS).index(row[0]), row[1]))
        self.methods = [name for name in ORDER if any(name == method for _, _, method in self.found)]

    def scores(self, group: str, rate: int, method: str, names: Sequence[str] | None = None) -> Scores | None:
        """Scores of all sources of all items (or those named); None where something is missing."""
        lines = self.found.get((group, rate, method), {})
        chosen = [lines[name] for name in (names or lines) if name in lines]
        return scores_of(chosen) if chosen and len(chosen) >= len(names or ()) else None


def overview(measured: Measured) -> str:
    """Median SDR of every method in every scene; gains for the kit, whose microphones differ too much."""
    rows, drums = [], []
    for group, rate in measured.rows:
        every = {name: measured.scores(group, rate, name) for name in measured.methods}
        items = max(len(measured.found.get((group, rate, name), {})) for name in measured.methods)
        start = [GROUPS[group].title, f"{rate / 1000:g}", str(items)]
        if GROUPS[group].bleed_db is not None:
            cells = [
                f"{shown(s.median('gain'), True)} / {shown(FIGURES['least SDRi'](s), True)}" if s else "–"
                for s in every.values()
            ]
            drums.append(start + cells)
            continue
        cells = [shown(s.median("sdr")) if s else "–" for s in every.values()]
        demix = every.get("demix")
        spread = [shown(demix.median("sdri"), True), shown(FIGURES["least SDRi"](demix), True)] if demix else ["–", "–"]
        names = [n for n in measured.found.get((group, rate, "demix"), {}) if not set(n.split("+")) & set(HEARD)]
        unheard = measured.scores(group, rate, "demix", names) if names else None
        spread.append(shown(unheard.median("sdr")) if unheard else "–")
        must = next(g for g in GROUPS[group].goals if g.method == "demix")
        rows.append([*start, *cells, *spread, f"{must.what} {shown(must.must)}", shown(must.aim)])
    head = ["scene", "kHz", "items", *measured.methods]
    parts = ["Median SDR in dB over all sources of all items.\n"]
    parts += [table([*head, "demix: median SDRi", "least SDRi", "unheard songs", "must", "aim"], rows)] if rows else []
    if drums:
        parts += [
            "Real drum kit: median SDRi / worst change of any microphone of any take, in dB.\n",
            table(head, drums),
        ]
    return "\n".join(parts)


def checks(measured: Measured) -> list[list[str]]:
    """Every goal beside what was measured."""
    rows = []

    def add(scene: str, rate: int, what: str, must: float, aim: float | None, found: float) -> None:
        verdict = "no" if not found >= must else "yes" if aim is None or found < aim else "yes, the aim too"
        rows.append([scene, f"{rate / 1000:g}", what, shown(must), shown(aim), shown(found), verdict])

    for group, rate in measured.rows:
        title = GROUPS[group].title
        goals = GROUPS[group].goals
        for goal in goals:
            if scores := measured.scores(group, rate, goal.method):
                add(title, rate, f"{goal.method}: {goal.what}", goal.must, goal.aim, FIGURES[goal.what](scores))
        tuned, published = (measured.scores(group, rate, name) for name in ("kamir", "kamir-published"))
        if tuned and published and group != "dry" and len(tuned["sdr"]) == len(published["sdr"]):
            add(title, rate, "kamir tuned over published", 0, None, tuned.median("sdr") - published.median("sdr"))
        peer = list(measured.found.get((group, rate, "ilrma"), {}))
        demix = measured.scores(group, rate, "demix", peer)
        if group in ROOMS and peer and demix and (theirs := measured.scores(group, rate, "ilrma", peer)):
            what = f"demix over ILRMA ({', '.join(peer)})"
            add(title, rate, what, OVER_ILRMA, None, demix.median("sdr") - theirs.median("sdr"))
        low = list(measured.found.get((group, 22050, "demix"), {}))
        if rate == 44100 and low and GROUPS[group].bleed_db is None:
            both = [n for n in low if n in measured.found.get((group, rate, "demix"), {})]
            pair = [measured.scores(group, r, "demix", both) for r in (22050, rate)]
            if both and pair[0] and pair[1] and math.isfinite(change := pair[1].median("sdr") - pair[0].median("sdr")):
                add(title, rate, "demix: change from 22.05 kHz", -1, None, change)
    return rows


def details(measured: Measured) -> str:
    """Every item: each source with demix, the median with the others."""
    rows = []
    others = [name for name in measured.methods if name != "demix"]
    for group, rate in measured.rows:
        names = dict.fromkeys(n for m in measured.methods for n in measured.found.get((group, rate, m), {}))
        for name in names:
            sources, took = "–", "–"
            if demix := measured.scores(group, rate, "demix", [name]):
                triples = zip(demix.names, demix["input_sdr"], demix["sdr"], strict=True)
                sources = ", ".join(f"{source} {shown(a)} → {shown(b)}" for source, a, b in triples)
                took = f"{measured.found[group, rate, 'demix'][name]['took']:.0f}"
            medians = [(s.median("sdr") if (s := measured.scores(group, rate, m, [name])) else None) for m in others]
            rows.append([group, name, f"{rate / 1000:g}", sources, took, *map(shown, medians)])
    head = ["scene", "item", "kHz", "demix, in → out", "s", *(f"{name}, median" for name in others)]
    return table(head, rows)


def report(lines: Sequence[Line], seconds: float | None) -> str:
    """Write all tables."""
    measured = Measured(lines, seconds)
    states = []
    for method in measured.methods:
        its = [line for (_, _, m), lines in measured.found.items() if m == method for line in lines.values()]
        commits = ", ".join(sorted({line["commit"] for line in its}))
        states.append(f"{method} at {commits} ({median([line['took'] for line in its]):.1f} s an item in the median)")
    length = f"Excerpts of {seconds:g} s" if seconds else "Excerpts of 60 s, takes of 40 s"
    head = ["scene", "kHz", "figure", "must", "aim", "measured", "reached"]
    return f"""# Accuracy

Written by `python benchmarks/accuracy.py`, from `accuracy.jsonl`; not by hand.

Truth: the image of each source in its own microphone. Blind, default settings, debleed {__version__}. {length} from
five songs (stems of equal RMS, mono) and a real drum kit of eight microphones; each scene drawn from its item's name.
The oracles know the truth: oracle-wiener is the ceiling of every mask, oracle-linear that of fixed filters (fitted on
the very excerpt). ILRMA and AuxIVA, where they stand, were given the best permutation. "exact" is to the bit. The guide
of demix (benchmarks/guide.py) learnt from {", ".join(HEARD)} and the drum kit's hits of odd numbers: "unheard songs" is
the median SDR of demix on the others.

{overview(measured)}
## What was to be reached

{table(head, checks(measured))}
## Every item

SDR in dB; s are the seconds that demix took.

{details(measured)}
Code: {"; ".join(states)}.
"""


# ------------------------------------------------------------------------------------------------------------- run


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", nargs="+", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--methods", nargs="+", choices=ORDER, default=list(DEFAULT))
    parser.add_argument("--songs", nargs="+", choices=STARTS, default=list(STARTS))
    parser.add_argument("--rate", type=int, help="of all items; default 22050, the drum kit 44100")
    parser.add_argument("--seconds", type=float, help="length of all items; default 60, the drum kit 40")
    parser.add_argument("-o", "--out", type=Path, default=HERE, help="folder of accuracy.jsonl and ACCURACY.md")
    parser.add_argument("--fresh", action="store_true", help="measure again what was measured")
    parser.add_argument("--table", action="store_true", help="measure nothing, write the tables")
    return parser.parse_args()


def main() -> None:
    """Measure what is missing, item by item, and write the tables."""
    args = parse()
    path, commit = args.out / "accuracy.jsonl", commit_name()
    args.out.mkdir(parents=True, exist_ok=True)
    known = read_lines(path)
    todo = [] if args.table else list(items(args.scenes, args.songs, args.rate, args.seconds))
    if todo:
        refuse_absence()
    for number, item in enumerate(todo, 1):
        lines = [planned(item, name) for name in args.methods]
        missing = [line for line in lines if args.fresh or key(line) not in known]
        if not missing:
            continue
        mics, own = item.render()
        said = []
        for line in missing:
            try:
                done = measure(line, mics, own, commit)
            except ArithmeticError as breakdown:  # a peer's, such as of ILRMA on a silent microphone
                said.append(str(breakdown))
                continue
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(done, ensure_ascii=False) + "\n")
            known[key(done)] = done
            scores = scores_of([done])
            said.append(
                f"{line['method']} {shown(scores.median('sdr'))} ({shown(scores.median('gain'), True)}, "
                f"least {shown(FIGURES['least SDRi'](scores), True)}, {done['took']:.1f} s)"
            )
        print(f"[{number}/{len(todo)}] {item.id} {item.rate} Hz: {'; '.join(said)}", flush=True)
        (args.out / "ACCURACY.md").write_text(report(list(known.values()), args.seconds), encoding="utf-8")
    (args.out / "ACCURACY.md").write_text(report(list(known.values()), args.seconds), encoding="utf-8")


if __name__ == "__main__":
    main()
