"""Jobs that are interrupted, killed or disturbed: inputs and results are never lost, and the same call goes on."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bands import RATE, sources
from debleed import InputError, Stage, clean_folder, learn, recording
from debleed import job as jobs
from debleed.cli import run as command_line
from debleed.io.audio import load
from debleed.io.staging import Unfinished
from folders import NAMES


@pytest.fixture
def short_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording.Recording.blocks, "__defaults__", (2.5,))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Stops:
    """A progress callback that interrupts a job once, when a stage has come this far."""

    def __init__(self, stage: str, share: float) -> None:
        self.at: tuple[str, float] | None = (stage, share)
        self.seen: list[tuple[str, float]] = []

    def __call__(self, stage: str, share: float) -> None:
        self.seen.append((stage, share))
        if self.at and stage == self.at[0] and share >= self.at[1]:
            self.at = None
            raise KeyboardInterrupt


def test_what_was_learnt_and_written_is_gone_on_with(gig: Path, tmp_path: Path, short_blocks: None) -> None:
    soundfile.write(gig / "silent.wav", np.zeros(1000), 2 * RATE, "PCM_16")  # a warning, and another rate
    whole = clean_folder(gig, tmp_path / "whole" / "clean", removed=tmp_path / "whole" / "removed")
    for share in (0.3, 0.95):
        place = tmp_path / f"{share}"
        stops = Stops("write", share)
        with pytest.raises(KeyboardInterrupt) as caught:
            clean_folder(gig, place / "clean", removed=place / "removed", progress=stops)
        assert "clean.unfinished" in caught.value.__notes__[0]
        assert [path.name for path in place.iterdir()] == ["clean.unfinished"]
        stops.seen.clear()
        result = clean_folder(gig, place / "clean", removed=place / "removed", progress=stops)
        assert {stage for stage, _ in stops.seen} == {"write"}  # nothing was checked or learnt again
        assert stops.seen[0][1] > min(share, 0.9)
        assert contents(place) == contents(tmp_path / "whole")
        assert result.microphones == whole.microphones
        assert result.warnings == whole.warnings != ()


@pytest.mark.parametrize("method", ["oracle-linear", "kamir"])
def test_other_methods_come_to_the_same_bytes(gig: Path, tmp_path: Path, short_blocks: None, method: str) -> None:
    truth = gig if method.startswith("oracle") else None
    clean_folder(gig, tmp_path / "whole", method=method, truth=truth)
    with pytest.raises(KeyboardInterrupt):
        clean_folder(gig, tmp_path / "clean", method=method, truth=truth, progress=Stops("write", 0.5))
    clean_folder(gig, tmp_path / "clean", method=method, truth=truth)
    assert contents(tmp_path / "clean") == contents(tmp_path / "whole")


def test_files_out_of_step_come_to_the_same_bytes(gig: Path, tmp_path: Path, short_blocks: None) -> None:
    late = soundfile.read(gig / "vox.wav")[0][1234:]
    soundfile.write(gig / "vox.wav", late, RATE, "PCM_24")
    clean_folder(gig, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        clean_folder(gig, tmp_path / "clean", progress=Stops("write", 0.5))
    told = json.loads((tmp_path / "clean.unfinished" / "work" / "learnt.json").read_text())
    assert max(lag for ((_, lag, _),) in told["alignment"]) > min(lag for ((_, lag, _),) in told["alignment"])
    clean_folder(gig, tmp_path / "clean")
    assert contents(tmp_path / "clean") == contents(tmp_path / "whole")


def test_a_stage_that_is_applied_goes_on_and_another_does_not(gig: Path, tmp_path: Path, short_blocks: None) -> None:
    stage = learn(load(gig), "instantaneous")
    clean_folder(gig, tmp_path / "whole", stage=stage)
    with pytest.raises(KeyboardInterrupt):
        clean_folder(gig, tmp_path / "clean", stage=stage, progress=Stops("write", 0.5))
    with pytest.raises(InputError, match="unfinished work on other files"):
        clean_folder(gig, tmp_path / "clean", stage=learn(load(gig), "unprocessed"))
    stage.save(tmp_path / "stage.debleed")
    stops = Stops("write", 2)
    clean_folder(gig, tmp_path / "clean", stage=Stage.load(tmp_path / "stage.debleed"), progress=stops)
    assert next(share for stage_, share in stops.seen if stage_ == "write") > 0.5
    assert contents(tmp_path / "clean") == contents(tmp_path / "whole")


def interrupted(gig: Path, out: Path, **options: object) -> None:
    with pytest.raises(KeyboardInterrupt):
        clean_folder(gig, out, method="instantaneous", progress=Stops("write", 0.95), **options)


def test_other_settings_do_not_go_on_and_force_gives_up(gig: Path, tmp_path: Path) -> None:
    interrupted(gig, tmp_path / "clean")
    kept = contents(tmp_path / "clean.unfinished")
    with pytest.raises(InputError, match=r"clean\.unfinished' is unfinished work on other files"):
        clean_folder(gig, tmp_path / "clean", method="unprocessed")
    assert contents(tmp_path / "clean.unfinished") == kept
    clean_folder(gig, tmp_path / "clean", method="unprocessed", force=True)
    assert contents(tmp_path / "clean") == contents(gig)
    assert not (tmp_path / "clean.unfinished").exists()


def test_another_reduction_keeps_what_was_learnt(gig: Path, tmp_path: Path) -> None:
    interrupted(gig, tmp_path / "clean")
    (gig / "session.toml").write_text("reduction = 0\n")
    stops = Stops("write", 2)
    clean_folder(gig, tmp_path / "clean", method="instantaneous", progress=stops)
    assert {stage for stage, _ in stops.seen} == {"write"}
    sound = {name: data for name, data in contents(gig).items() if name != "session.toml"}
    assert contents(tmp_path / "clean") == sound


def test_harmed_blocks_are_computed_again(gig: Path, tmp_path: Path, short_blocks: None) -> None:
    clean_folder(gig, tmp_path / "whole", method="instantaneous")
    with pytest.raises(KeyboardInterrupt):
        clean_folder(gig, tmp_path / "clean", method="instantaneous", progress=Stops("write", 0.7))
    raw = tmp_path / "clean.unfinished" / "work" / "blocks" / "0001.int"
    with raw.open("r+b") as file:
        file.seek(3 * 3 * RATE)  # in the second block
        file.write(b"\x55" * 1000)
    clean_folder(gig, tmp_path / "clean", method="instantaneous")
    assert contents(tmp_path / "clean") == contents(tmp_path / "whole")


def test_a_damaged_stage_is_learnt_again(gig: Path, tmp_path: Path) -> None:
    clean_folder(gig, tmp_path / "whole", method="instantaneous")
    interrupted(gig, tmp_path / "clean")
    (tmp_path / "clean.unfinished" / "work" / "stage.debleed").write_bytes(b"")
    clean_folder(gig, tmp_path / "clean", method="instantaneous")
    assert contents(tmp_path / "clean") == contents(tmp_path / "whole")


def test_an_interruption_before_anything_is_learnt_leaves_nothing(gig: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt) as caught:
        clean_folder(gig, tmp_path / "a" / "clean", progress=Stops("check", 0.0))
    assert not hasattr(caught.value, "__notes__")
    assert [path.name for path in tmp_path.iterdir()] == ["gig"]


def test_the_job_of_a_killed_process_comes_to_the_same_bytes(tmp_path: Path) -> None:
    assert killed(6, 3, tmp_path)["wrong"] == []


@pytest.mark.slow
def test_fifty_kills(tmp_path: Path) -> None:
    found = killed(50, 1, tmp_path)
    assert (found["kills"], found["wrong"]) == (50, [])
    assert found["points"] > 100


def killed(count: int, seed: int, place: Path) -> dict:
    """Kill the runs of a job that is quick and changes every file."""
    (place / "gig").mkdir()
    mixed = (np.eye(3) + 0.2 * (1 - np.eye(3))) @ (0.5 * sources(3, seconds=12))
    for name, row in zip(NAMES, mixed, strict=True):
        soundfile.write(place / "gig" / f"{name}.wav", row, RATE, "PCM_24")
    command = [sys.executable, str(Path(__file__).with_name("killing.py")), str(count), str(seed), str(place / "gig")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*command, str(place / "killed")], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["changed"]
    assert found["kills"] == count
    return found


# ------------------------------------------------------------------------------------- inputs and results are sacred


@pytest.mark.parametrize("report", ["gig/bass.wav", "clean/bass.wav", "removed/vox.wav", "new.flac"])
def test_a_report_replaces_no_sound(gig: Path, tmp_path: Path, report: str) -> None:
    before = contents(tmp_path)
    with pytest.raises(InputError, match="the name of an audio file"):
        clean_folder(
            gig,
            tmp_path / "clean",
            removed=tmp_path / "removed",
            report=tmp_path / report,
            force=True,
            method="unprocessed",
        )
    assert contents(tmp_path) == before


def test_a_report_replaces_nothing_but_a_page(gig: Path, tmp_path: Path) -> None:
    (gig / "session.toml").write_text("room = []\n")
    with pytest.raises(InputError, match="is not a page"):
        clean_folder(gig, tmp_path / "clean", report=gig / "session.toml", force=True, method="unprocessed")
    assert (gig / "session.toml").read_text() == "room = []\n"


def test_the_truth_is_not_overwritten(gig: Path, tmp_path: Path) -> None:
    shutil.copytree(gig, tmp_path / "truth")
    before = contents(tmp_path)
    with pytest.raises(InputError, match="one of the files that are read"):
        clean_folder(gig, tmp_path / "truth", truth=tmp_path / "truth", method="oracle-linear", force=True)
    assert contents(tmp_path) == before


def test_the_input_by_another_path_is_not_overwritten(gig: Path, tmp_path: Path) -> None:
    """A bind mount, of which no path tells that it is the input."""
    other = tmp_path / "mounted"
    other.mkdir()
    mount = ["unshare", "-rm", "sh", "-c", 'mount --bind "$1" "$2" && shift 2 && exec "$@"', "sh", str(gig), str(other)]
    if not shutil.which("unshare") or subprocess.run([*mount, "true"], capture_output=True).returncode:
        pytest.skip("this system lets nobody but root bind folders")
    before = contents(gig)
    for out in (other, other / "clean"):
        code = f"from debleed.cli import main; main(['remove', {str(gig)!r}, '-o', {str(out)!r}, '--force'])"
        done = subprocess.run([*mount, sys.executable, "-c", code], capture_output=True, text=True)
        assert (done.returncode, "inside the input folder" in done.stderr) == (2, True), done.stderr
        assert contents(gig) == before


@pytest.mark.parametrize("name", ["vox.wav", "report.html"])
def test_what_appears_during_the_run_is_not_overwritten(gig: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / "clean"

    def appear(stage: str, share: float) -> None:
        if (stage, share) == ("write", 1.0):
            out.mkdir(exist_ok=True)
            (out / name).write_text("mine")

    options = {"method": "instantaneous", "report": out / "report.html"}
    with pytest.raises(InputError, match=f"{name}' exists already"):
        clean_folder(gig, out, progress=appear, **options)
    assert {path.name: path.read_text() for path in out.iterdir()} == {name: "mine"}
    (out / name).unlink()
    stops = Stops("write", 2)
    clean_folder(gig, out, progress=stops, **options)
    assert "instantaneous" not in {stage for stage, _ in stops.seen}
    assert sorted(path.name for path in out.iterdir()) == ["bass.wav", "drums.wav", "report.html", "vox.wav"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clean", "gig"]


def test_of_two_runs_into_one_folder_one_is_refused(gig: Path, tmp_path: Path) -> None:
    with Unfinished(tmp_path / "clean"), pytest.raises(InputError, match="another run of debleed is writing to"):
        clean_folder(gig, tmp_path / "clean", method="unprocessed")
    clean_folder(gig, tmp_path / "clean", method="unprocessed")


@pytest.mark.parametrize("stage", ["check", "write"])
def test_an_input_that_changes_while_it_is_read_is_noticed(gig: Path, tmp_path: Path, stage: str) -> None:
    def change(now: str, share: float) -> None:
        if (now, share) == (stage, 1.0):
            with (gig / "vox.wav").open("r+b") as file:
                file.seek(5000)
                file.write(b"\0" * 100)

    with pytest.raises(InputError, match=r"vox\.wav' changed while it was read"):
        clean_folder(gig, tmp_path / "clean", method="instantaneous", progress=change)
    assert [path.name for path in tmp_path.iterdir()] == ["gig"]


def test_a_result_taken_away_half_way_is_not_forgotten(
    gig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(jobs.Work, "place", fail)
        with pytest.raises(KeyboardInterrupt):
            clean_folder(gig, tmp_path / "clean", method="unprocessed")
    finished = tmp_path / "clean.unfinished" / "work" / "clean" / "vox.wav"
    finished.rename(tmp_path / "vox.wav")
    with pytest.raises(InputError, match="somebody moved it away"):
        clean_folder(gig, tmp_path / "clean", method="unprocessed")
    assert not (tmp_path / "clean").exists()
    (tmp_path / "vox.wav").rename(finished)
    clean_folder(gig, tmp_path / "clean", method="unprocessed")
    assert contents(tmp_path / "clean") == contents(gig)


def test_a_job_describes_itself_the_same_each_time(gig: Path, tmp_path: Path) -> None:
    assert command_line(["learn", str(gig), "-o", str(tmp_path / "s"), "--method", "instantaneous"]) == 0
    one, other = (Stage.load(tmp_path / "s") for _ in range(2))
    assert one.digest() == other.digest() == learn(load(gig), "instantaneous").digest()
    assert one.digest() != learn(load(gig), "unprocessed").digest()
