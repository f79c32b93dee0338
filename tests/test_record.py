"""The record of a job: what it was asked and what it has done."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile

from debleed import InputError, clean_folder
from debleed import job as jobs
from debleed.record import Record, Treated, differing

RATE = 8000


@pytest.fixture
def gig(tmp_path: Path) -> Path:
    (tmp_path / "gig").mkdir()
    for seed, name in enumerate(("bass", "vox")):
        samples = np.random.default_rng(seed).uniform(-0.5, 0.5, 4000)
        soundfile.write(tmp_path / "gig" / f"{name}.wav", samples, RATE, "PCM_16")
    return tmp_path / "gig"


def test_a_record_says_what_the_result_says(gig: Path, tmp_path: Path) -> None:
    soundfile.write(gig / "silent.wav", np.zeros(4000), RATE, "PCM_16")
    place = tmp_path / "clean"
    result = clean_folder(gig, place, method="unprocessed", removed=tmp_path / "gone", record=str(place / "r.json"))
    record = Record.read(place / "r.json")
    assert record.microphones == result.microphones
    assert record.warnings == result.warnings == ("silent from end to end: silent",)
    assert record.files == ("bass.wav", "silent.wav", "vox.wav", *(str(path) for path in result.removed))
    assert record.missing(place) == []
    assert record.length == 0.5
    assert 0 < record.seconds < 600
    assert record.asked["method"] == "unprocessed"
    assert record.asked["files"]["bass.wav"][0] == (gig / "bass.wav").stat().st_size
    (place / "vox.wav").unlink()
    assert record.missing(place) == [place / "vox.wav"]


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    mics = (
        Treated("\udce9", "source", "vox", "as you said", "", -math.inf),
        Treated("room", "room", None, "", "left alone", -12.25),
    )
    record = Record({"reductions": {"vox": "inf"}}, ("a.wav",), 1.5, 2.25, mics, ("a doubt",))
    record.write(tmp_path / "r.json")
    assert Record.read(tmp_path / "r.json") == record


def test_what_differs_is_named(gig: Path, tmp_path: Path) -> None:
    found = {}
    for name, options in {
        "plain": {},
        "other": {"method": "instantaneous", "settings": {"seconds": 5.0}},
        "again": {},
    }.items():
        path = tmp_path / name / "r.json"
        clean_folder(gig, tmp_path / name, record=path, **{"method": "unprocessed", **options})
        found[name] = Record.read(path).asked
    assert differing(found["plain"], found["again"]) == []
    assert differing(found["plain"], found["other"]) == ["method", "settings"]
    (gig / "session.toml").write_text("# a comment changes nothing\nreduction = inf\n[sources]\nbass = ['bass']\n")
    clean_folder(gig, tmp_path / "more", record=tmp_path / "more" / "r.json", method="unprocessed")
    assert differing(found["plain"], Record.read(tmp_path / "more" / "r.json").asked) == ["reductions", "settled"]


def test_a_record_is_placed_last(gig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    placed = []
    place_all = jobs.Work.place.__globals__["place_all"]

    def watched(moves, force, again):
        placed.extend(move.target.name for move in moves)
        place_all(moves, force, again)

    monkeypatch.setitem(jobs.Work.place.__globals__, "place_all", watched)
    clean_folder(gig, tmp_path / "clean", method="unprocessed", record=tmp_path / "clean" / "r.json")
    assert placed == ["bass.wav", "vox.wav", "r.json"]


@pytest.mark.parametrize(
    "content", ["", "{}", "[1]", '{"kind": "stage"}', '{"kind": "record of debleed"}', "[" * 100_000, "\xff"]
)
def test_no_other_file_is_replaced(gig: Path, tmp_path: Path, content: str) -> None:
    path = tmp_path / "clean" / "notes.json"
    path.parent.mkdir()
    path.write_text(content, "latin-1")
    with pytest.raises(InputError, match=r"notes\.json' is not a record"):
        clean_folder(gig, tmp_path / "clean", method="unprocessed", record=path, force=True)
    assert path.read_text("latin-1") == content
    assert [path.name for path in tmp_path.rglob("*.wav")] == ["bass.wav", "vox.wav"]


def test_records_of_earlier_jobs_are_kept_unless_forced(gig: Path, tmp_path: Path) -> None:
    path = tmp_path / "records" / "r.json"
    clean_folder(gig, tmp_path / "clean", method="unprocessed", record=path)
    assert json.loads(path.read_text())["files"][0] == str(tmp_path / "clean" / "bass.wav")
    with pytest.raises(InputError, match=r"r\.json' exists already"):
        clean_folder(gig, tmp_path / "other", method="unprocessed", record=path)
    clean_folder(gig, tmp_path / "other", method="unprocessed", record=path, force=True)
    assert json.loads(path.read_text())["files"][0] == str(tmp_path / "other" / "bass.wav")


def test_a_folder_in_its_place(gig: Path, tmp_path: Path) -> None:
    (tmp_path / "r.json").mkdir()
    with pytest.raises(InputError, match=r"r\.json' cannot be read"):
        clean_folder(gig, tmp_path / "clean", method="unprocessed", record=tmp_path / "r.json")
