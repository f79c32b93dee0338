"""Many recordings: each is cleaned once, whoever is killed, and one that is bad stops nobody."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from deadly import lines
from debleed import InputError, clean_folder, cli
from debleed.batch import plan, work
from debleed.io.staging import Unfinished
from debleed.record import Record

RATE = 8000
LENGTHS = {"a": 4000, "b": 5000, "c/one": 6000, "c/two": 7000}
METHOD = ("--method", "deadly:Deadly")


@pytest.fixture
def gigs(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name, length in LENGTHS.items():
        for mic in ("bass", "vox"):
            path = tmp_path / "gigs" / name / f"{mic}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, rng.uniform(-0.5, 0.5, length), RATE, "PCM_16")
    return tmp_path / "gigs"


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]))
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def batch(given: Path, out: Path, *options: object) -> int:
    return cli.run(["batch", str(given), "-o", str(out), *map(str, options)])


def deadly(gigs: Path, out: Path, logs: Path, *options: object) -> int:
    return batch(gigs, out, *METHOD, "--set", f"folder={logs}", *options)


def sound(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.wav"))}


def states(out: Path) -> dict[str, str]:
    return {one["name"]: one["state"] for one in json.loads((out / "batch.json").read_text())["recordings"]}


def left_over(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.suffix in (".unfinished", ".lock")]


def test_each_recording_is_cleaned_as_alone(gigs: Path, out: Path, logs: Path, tmp_path: Path) -> None:
    (gigs / "b" / "session.toml").write_text("room = ['vox']\n")
    options = ("--reduction", "6", "--keep-removed", "--report")
    assert deadly(gigs, out, logs, *options) == 0
    assert states(out) == dict.fromkeys(LENGTHS, "finished")
    for name in LENGTHS:
        alone = tmp_path / "alone" / name
        method = {"method": "deadly:Deadly", "settings": {"folder": str(logs)}}
        session = None
        if name != "b":  # whose session says something else
            from debleed.io.session import Session

            session = Session(reduction=6.0)
        result = clean_folder(gigs / name, alone, session=session, removed=alone / "removed", **method)
        if name != "b":
            assert sound(out / name) == sound(alone)
            record = Record.read(out / name / "cleaned.json")
            assert record.microphones == result.microphones
            assert record.files == ("bass.wav", "vox.wav", "removed/bass.wav", "removed/vox.wav", "report.html")
            assert all((out / name / file).exists() for file in record.files)
    assert (out / "b" / "vox.wav").read_bytes() == (gigs / "b" / "vox.wav").read_bytes()
    assert not left_over(out)


def test_what_is_finished_is_not_done_again(
    gigs: Path, out: Path, logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deadly(gigs, out, logs) == 0
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.wav")}
    said = capsys.readouterr().err
    assert "4 of 4 recordings to clean, 0:00:03 of sound" in said
    assert f"method deadly:Deadly, results to {out}" in said
    for force in ([], ["--force"]):
        assert deadly(gigs, out, logs, *force) == 0
        assert "0 of 4 recordings to clean" in capsys.readouterr().err
        assert states(out) == dict.fromkeys(LENGTHS, "before")
        assert {path: path.stat().st_mtime_ns for path in out.rglob("*.wav")} == before
    assert lines(logs, "learn") == sorted(LENGTHS.values())
    # what is new, or whose results were taken away, is cleaned
    shutil.rmtree(out / "b")
    shutil.copytree(gigs / "a", gigs / "d")
    assert deadly(gigs, out, logs) == 0
    assert states(out) == {"a": "before", "b": "finished", "c/one": "before", "c/two": "before", "d": "finished"}


def test_results_of_something_else_are_kept(
    gigs: Path, out: Path, logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deadly(gigs, out, logs) == 0
    before = sound(out)
    soundfile.write(gigs / "a" / "vox.wav", np.zeros(4000), RATE, "PCM_16")
    (gigs / "b" / "session.toml").write_text("reduction = 3\n")
    (out / "c" / "two" / "vox.wav").unlink()
    capsys.readouterr()
    assert deadly(gigs, out, logs) == 1
    said = capsys.readouterr().err
    assert states(out) == {"a": "failed", "b": "failed", "c/one": "before", "c/two": "failed"}
    assert f"a failed: '{out}/a' has results of another job (it differs in: files); move '{out}/a' away" in said
    assert "(it differs in: reductions)" in said
    assert f"'{out}/c/two/vox.wav' was written, but is gone" in said
    assert sound(out) == {name: data for name, data in before.items() if name != "c/two/vox.wav"}
    assert deadly(gigs, out, logs, "--force") == 0
    assert states(out) == {"a": "finished", "b": "finished", "c/one": "before", "c/two": "finished"}
    assert sound(out)["c/two/vox.wav"] == before["c/two/vox.wav"]
    assert sound(out)["a/vox.wav"] != before["a/vox.wav"]
    assert batch(gigs, out, "--method", "unprocessed") == 1
    assert "(it differs in: method, settings)" in capsys.readouterr().err


def test_a_bad_recording_stops_nobody(gigs: Path, out: Path, logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (gigs / "b" / "vox.wav").write_text("la la la")
    (gigs / "c" / "one" / "session.toml").write_text("rooms = []")
    assert deadly(gigs, out, logs, "--set", "error=7000") == 0 + 1  # which fails twice and then comes through
    assert states(out) == {"a": "finished", "b": "failed", "c/one": "failed", "c/two": "finished"}
    assert lines(logs, "error") == [7000, 7000]
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "b failed: " in said
    assert "vox.wav' cannot be read as audio" in said
    assert "2 cleaned, 2 failed; run the same command again to try them again" in said
    rows = list(csv.DictReader((out / "batch.csv").read_text("utf-8").splitlines()))
    assert [(row["recording"], row["microphone"], row["removed_db"]) for row in rows] == [
        ("a", "bass", "-6.02"),
        ("a", "vox", "-6.02"),
        ("b", "", ""),
        ("c/one", "", ""),
        ("c/two", "bass", "-6.02"),
        ("c/two", "vox", "-6.02"),
    ]
    assert "cannot be read as audio" in rows[2]["failure"]
    readable = (out / "batch.md").read_text("utf-8")
    assert "## Failed\n\n- **b**: '" in readable
    assert "unknown key 'rooms'" in readable
    assert "| bass | bass | −6.0 |" in readable
    shutil.copy(gigs / "a" / "vox.wav", gigs / "b" / "vox.wav")
    (gigs / "c" / "one" / "session.toml").unlink()
    assert deadly(gigs, out, logs, "--set", "error=7000") == 0
    assert states(out) == {"a": "before", "b": "finished", "c/one": "finished", "c/two": "before"}


@pytest.mark.parametrize("when", ["learning", "applying"])
def test_two_workers_one_of_them_killed(gigs: Path, out: Path, logs: Path, tmp_path: Path, when: str) -> None:
    pytest.importorskip("distributed", reason="the extra 'batch' is not installed")
    assert deadly(gigs, tmp_path / "whole", logs) == 0
    for log in logs.iterdir():
        log.unlink()
    assert deadly(gigs, out, logs, "--set", f"{when}=6000", "--workers", 2) == 0
    assert (logs / f"{when}.killed").exists()
    assert states(out) == dict.fromkeys(LENGTHS, "finished")
    assert sound(out) == sound(tmp_path / "whole")
    assert not left_over(out)
    assert lines(logs, "apply") == sorted(LENGTHS.values())  # each was written once
    again = [6000] if when == "learning" else []  # what was learnt before the kill is not learnt again
    assert lines(logs, "learn") == sorted([*LENGTHS.values(), *again])


def test_a_killed_batch_goes_on(gigs: Path, out: Path, logs: Path, tmp_path: Path) -> None:
    assert deadly(gigs, tmp_path / "whole", logs) == 0
    for log in logs.iterdir():
        log.unlink()
    settings = ["--set", f"folder={logs}", "--set", "applying=6000"]
    arguments = ["batch", str(gigs), "-o", str(out), *METHOD, *settings]
    code = f"from debleed.cli import main; main({arguments!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert states(out) == {"a": "open", "b": "open", "c/one": "open", "c/two": "finished"}  # the longest comes first
    assert (out / "c" / "one.unfinished").exists()
    assert cli.run(arguments) == 0
    assert states(out) == {"a": "finished", "b": "finished", "c/one": "finished", "c/two": "before"}
    assert sound(out) == sound(tmp_path / "whole")
    assert lines(logs, "learn") == sorted(LENGTHS.values())
    assert not left_over(out)


def killed(count: int, seed: int, gigs: Path, place: Path) -> dict[str, object]:
    command = [sys.executable, str(Path(__file__).with_name("killing.py")), str(count), str(seed), str(gigs)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*command, str(place)], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_kills_at_any_change_on_the_disk(gigs: Path, tmp_path: Path) -> None:
    shutil.rmtree(gigs / "c")
    found = killed(8, 2, gigs, tmp_path / "place")
    assert (found["kills"], found["wrong"]) == (8, [])


@pytest.mark.slow
def test_fifty_kills(gigs: Path, tmp_path: Path) -> None:
    shutil.rmtree(gigs / "c")
    found = killed(50, 3, gigs, tmp_path / "place")
    assert (found["kills"], found["wrong"]) == (50, [])


def test_an_interruption_says_what_is_done(
    gigs: Path, out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cleaned = work.clean

    def interrupted(one: plan.Planned, tell: object) -> Record:
        if one.name == "a":
            raise KeyboardInterrupt
        return cleaned(one, tell)

    monkeypatch.setattr(work, "clean", interrupted)
    assert batch(gigs, out, "--method", "unprocessed") == 130
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == "debleed: interrupted; 3 of 4 recordings are clean, and the same command goes on with the rest"
    assert states(out) == {"a": "open", "b": "finished", "c/one": "finished", "c/two": "finished"}
    assert not left_over(out)


def test_a_full_disk_ends_everything(
    gigs: Path, out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = shutil.disk_usage(gigs)
    monkeypatch.setattr(plan.shutil, "disk_usage", lambda _: usage._replace(free=50_000))
    assert batch(gigs, out, "--method", "unprocessed", "--keep-removed") == 1
    said = capsys.readouterr().err
    assert f"the results need about 171.9 KiB, but the disk of '{out}' has 48.8 KiB free; free some space" in said
    assert not out.exists()


def test_one_batch_at_a_time(gigs: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with work.alone(out):
        assert batch(gigs, out, "--method", "unprocessed") == 2
        assert "another batch is writing to" in capsys.readouterr().err
        assert [path.name for path in out.iterdir()] == [work.LOCK]
    assert not out.exists()


def test_a_recording_on_which_another_run_works_is_waited_for(
    gigs: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Unfinished(out / "a")
    other.__enter__()
    waits = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            other.__exit__(None, None, None)
            clean_folder(gigs / "a", out / "a", method="unprocessed", record=out / "a" / "cleaned.json")

    monkeypatch.setattr(work.time, "sleep", sleep)
    assert batch(gigs, out, "--method", "unprocessed") == 0
    assert len(waits) == 2
    assert states(out) == dict.fromkeys(LENGTHS, "finished")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--method", "magic"], "no method 'magic'"),
        (["--set", "depth=3"], "no setting 'depth'"),
        (["-o", "{gigs}/clean"], "would be inside"),
        (["-o", "{gigs}/a/bass.wav"], "would be inside"),
    ],
)
def test_what_concerns_all_is_refused_at_once(
    gigs: Path, out: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    before = sorted(gigs.rglob("*"))
    assert batch(gigs, out, *(option.format(gigs=gigs) for option in options)) == 2
    refused = [line for line in capsys.readouterr().err.splitlines() if line]
    assert len(refused) == 1
    assert said in refused[0]
    assert sorted(gigs.rglob("*")) == before
    assert not out.exists()


@pytest.mark.parametrize("name", ["batch.json", "batch.csv", "batch.md"])
def test_files_of_others_are_not_replaced(gigs: Path, out: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    out.mkdir()
    (out / name).write_text("{}")
    assert batch(gigs, out, "--method", "unprocessed", "--force") == 2
    assert f"debleed did not make '{out}/{name}'" in capsys.readouterr().err
    assert (out / name).read_text() == "{}"


def test_tables_of_other_recordings_are_not_replaced(gigs: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert batch(gigs / "c", out, "--method", "unprocessed") == 0
    assert batch(gigs, out, "--method", "unprocessed") == 2
    assert f"has the results of the recordings in '{gigs}/c'" in capsys.readouterr().err
    assert batch(gigs, out, "--method", "unprocessed", "--force") == 0
    assert states(out) == dict.fromkeys(LENGTHS, "finished")


def test_json_lines_tell_of_all(gigs: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (gigs / "b" / "vox.wav").write_text("la la la")
    assert batch(gigs, out, "--method", "unprocessed", "--progress", "json") == 1
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    ends = {line["recording"]: line["stage"] for line in told if "recording" in line}
    assert ends == {"a": "finished", "b": "failed", "c/one": "finished", "c/two": "finished"}
    assert {"recording": "a", "stage": "write", "share": 0.9} in told
    assert told[-1] == {
        "stage": "done",
        "share": 1.0,
        "clean": 3,
        "failed": 1,
        "files": [str(out / name) for name in ("batch.json", "batch.csv", "batch.md")],
    }


def test_no_name_is_too_odd(tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ("[bold]", "a|b", "x" * 200, "two\nlines")
    for name in names:
        for mic in ("bass", "vox"):
            path = tmp_path / "gigs" / name / f"{mic}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, np.zeros(400), RATE, "PCM_16")
    assert batch(tmp_path / "gigs", out, "--method", "unprocessed") == 0
    assert states(out) == dict.fromkeys(names, "finished")
    assert "a\\|b" in (out / "batch.md").read_text("utf-8")
    assert batch(tmp_path / "gigs", out, "--method", "unprocessed") == 0
    assert states(out) == dict.fromkeys(names, "before")
    assert "[bold]" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="names there are Unicode")
def test_a_name_that_is_not_unicode_stops_nobody(gigs: Path, out: Path) -> None:
    odd = os.fsdecode(b"caf\xe9")
    (gigs / "b").rename(gigs / odd)
    batch(gigs, out, "--method", "unprocessed")
    found = states(out)
    assert found.pop(odd) != "open"
    assert found == dict.fromkeys(("a", "c/one", "c/two"), "finished")


def test_a_missing_recording_is_its_own_failure(gigs: Path, out: Path) -> None:
    path = gigs.parent / "list.txt"
    path.write_text("gigs/a\ngigs/nowhere\n")
    assert batch(path, out, "--method", "unprocessed") == 1
    assert states(out) == {"gigs/a": "finished", "gigs/nowhere": "failed"}
    with pytest.raises(InputError, match="record that debleed can read"):
        Record.read(gigs / "a" / "vox.wav")
