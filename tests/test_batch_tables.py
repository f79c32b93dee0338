"""The tables of a batch say everything of every recording."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

from debleed.batch.plan import Batch, Planned
from debleed.batch.tables import counted, csv_text, described, markdown, overview, write_tables
from debleed.batch.work import Outcome
from debleed.intake import Job
from debleed.record import Record, Treated

MICS = (
    Treated("bass|di", "source", "bass", "", "", -8.25),
    Treated("oh", "room", None, "its name", "", -math.inf),
    Treated("vox", "source", "vox", "", "no bleed\nwas found in it", -math.inf),
)
BATCH = Batch(Path("/gigs"), Path("/out"))


def outcomes() -> list[Outcome]:
    job = Job(Path("/gigs/a"), Path("/out/a"))
    whole = Record({}, ("bass|di.wav",), 3600.0, 61.4, MICS, ("bass clips",))
    return [
        Outcome(Planned("a", job, "new", 3, 2, 3600.0, warnings=("an old key",)), "finished", whole),
        Outcome(Planned("b", job, "finished", 3, 2, 3600.0), "before", whole),
        Outcome(Planned("c", None, "failed"), "failed", failure="'vox.wav' is\ntruncated"),
        Outcome(Planned("d", job, "new", 3, 2, 90.0), "open"),
    ]


def test_the_overview_counts() -> None:
    assert overview(outcomes())[1] == [
        ["a", "cleaned", "1 of 3", "−8.2", "1:00:00", "0:01:01", "2"],
        ["b", "cleaned before", "1 of 3", "−8.2", "1:00:00", "0:01:01", "1"],
        ["c", "failed", "", "", "", "", ""],
        ["d", "not yet", "", "", "0:01:30", "", ""],
    ]
    assert counted(outcomes()) == "1 cleaned, 1 cleaned before, 1 failed, 1 not yet"
    assert counted([]) == "no recordings"


def test_json_has_everything() -> None:
    found = json.loads(json.dumps(described(BATCH, outcomes()), allow_nan=False))
    first, _, third, fourth = found["recordings"]
    assert found["method"] == "demix"
    assert first["output"] == "/out/a"
    assert (first["length"], first["seconds"], first["state"]) == (3600.0, 61.4, "finished")
    assert first["warnings"] == ["an old key", "bass clips"]
    assert [mic["removed_db"] for mic in first["microphones"]] == [-8.25, None, None]
    assert first["microphones"][1]["removed_db_reason"] == "nothing was removed (-inf)"
    assert (third["failure"], third["output"], third["microphones"]) == ("'vox.wav' is\ntruncated", None, [])
    assert (fourth["state"], fourth["seconds"], fourth["failure"]) == ("open", None, None)


def test_csv_has_a_line_for_each_microphone() -> None:
    rows = list(csv.DictReader(csv_text(outcomes()).splitlines(keepends=True)))
    assert [(row["recording"], row["microphone"]) for row in rows] == [
        *(("a", mic.name) for mic in MICS),
        *(("b", mic.name) for mic in MICS),
        ("c", ""),
        ("d", ""),
    ]
    assert [row["removed_db"] for row in rows[:3]] == ["-8.25", "", ""]
    assert rows[2]["finding"] == "no bleed\nwas found in it"
    assert rows[6]["failure"] == "'vox.wav' is\ntruncated"
    assert rows[0]["warnings"] == "an old key; bass clips"


def test_what_is_read_has_one_line_a_row_and_failures_apart() -> None:
    text = markdown(BATCH, outcomes())
    assert "## Failed\n\n- **c**: 'vox.wav' is truncated\n" in text
    assert "## a\n\n- warning: an old key\n- warning: bass clips\n\n| microphone |" in text
    assert "| bass\\|di | bass | −8.2 |  |\n| oh | room | unchanged |  |\n" in text
    assert "| vox | vox | unchanged | no bleed was found in it |" in text
    assert "## d" not in text


def test_names_that_are_not_unicode_are_written(tmp_path: Path) -> None:
    odd = [Outcome(Planned("caf\udce9", None, "failed"), "failed", failure="no")]
    write_tables(Batch(Path("/gigs"), tmp_path), odd)
    assert json.loads((tmp_path / "batch.json").read_text("utf-8"))["recordings"][0]["name"] == "caf\udce9"
    assert "caf�" in (tmp_path / "batch.csv").read_text("utf-8")
    assert "caf�" in (tmp_path / "batch.md").read_text("utf-8")
