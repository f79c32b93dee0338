"""The main job from folder to folder, from Python; tests/test_cli_remove.py has the command line's."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bands import RATE
from debleed import InputError, Recording, Stage, clean_folder, learn
from debleed import job as jobs
from debleed.cli import run as command_line
from debleed.intake import samples_of
from debleed.io.carried import append
from folders import NAMES
from odd_tracks import FINDINGS, odd_gig


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def heard(folder: Path) -> np.ndarray:
    return np.stack([soundfile.read(folder / f"{name}.wav", dtype="float32")[0] for name in NAMES])


def test_python_and_the_command_line_give_the_same_bytes(gig: Path, tmp_path: Path) -> None:
    result = clean_folder(gig, tmp_path / "python", removed=tmp_path / "gone")
    assert command_line(["remove", str(gig), "-o", str(tmp_path / "command")]) == 0
    assert contents(tmp_path / "python") == contents(tmp_path / "command")
    assert [path.name for path in result.files] == [f"{name}.wav" for name in NAMES]
    assert all(path.exists() for path in (*result.files, *result.removed))


def test_what_was_done_is_told(gig: Path, tmp_path: Path, band: np.ndarray) -> None:
    (gig / "session.toml").write_text("room = ['drums']\n[reductions]\n"[:17])
    result = clean_folder(str(gig), str(tmp_path / "clean"))
    done = {mic.name: mic for mic in result.microphones}
    assert [done[name].role for name in NAMES] == ["source", "room", "source"]
    assert done["drums"].unchanged
    assert done["drums"].reason == "as you said"
    clean = heard(tmp_path / "clean")
    for i, name in enumerate(NAMES):
        change = np.sum((band[i] - clean[i]) ** 2, dtype=np.float64) / np.sum(band[i] ** 2, dtype=np.float64)
        if name != "drums":
            assert done[name].removed_db == pytest.approx(10 * math.log10(change), abs=0.1)
    assert result.stage is not None
    assert result.stage.names == NAMES


def test_a_stage_knows_its_references(gig: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (gig / "bass.wav").rename(gig / "click.wav")
    stage = tmp_path / "stage.debleed"
    assert command_line(["learn", str(gig), "-o", str(stage)]) == 0
    assert Stage.load(stage).references == {"click"}
    assert command_line(["show", str(stage)]) == 0
    assert "references, unchanged: click" in capsys.readouterr().out
    assert command_line(["show", str(stage), "--json"]) == 0
    assert [mic["reference"] for mic in json.loads(capsys.readouterr().out)["microphones"]] == [True, False, False]
    (gig / "session.toml").write_text("reference = []")  # what was learnt counts
    result = clean_folder(gig, tmp_path / "clean", stage=Stage.load(stage))
    assert [mic.role for mic in result.microphones] == ["reference", "source", "source"]
    assert result.microphones[0].unchanged
    assert (gig / "click.wav").read_bytes() == (tmp_path / "clean" / "click.wav").read_bytes()
    assert command_line(["remove", str(gig), "-o", str(tmp_path / "b"), "--reference", "vox", "--method", "kamir"]) == 0
    assert (gig / "vox.wav").read_bytes() == (tmp_path / "b" / "vox.wav").read_bytes()


def test_warnings_are_returned(gig: Path, tmp_path: Path) -> None:
    soundfile.write(gig / "silent.wav", np.zeros(12 * RATE), RATE, "PCM_24")
    result = clean_folder(gig, tmp_path / "clean", method="unprocessed")
    assert result.warnings == ("silent from end to end: silent",)


def test_learn_then_apply_is_remove(gig: Path, tmp_path: Path) -> None:
    stage = tmp_path / "stage.debleed"
    assert command_line(["learn", str(gig), "-o", str(stage), "--date", "2026-11-25"]) == 0
    assert command_line(["apply", str(stage), str(gig), "-o", str(tmp_path / "a")]) == 0
    assert command_line(["remove", str(gig), "-o", str(tmp_path / "b")]) == 0
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert Stage.load(stage).recorded is not None


def test_apply_takes_who_is_who_from_the_stage(gig: Path, tmp_path: Path, band: np.ndarray) -> None:
    recording = Recording.from_array(band, RATE, NAMES, ["rhythm", "rhythm", "vox"])
    learn(recording).save(tmp_path / "s.debleed")
    result = clean_folder(gig, tmp_path / "clean", stage=Stage.load(tmp_path / "s.debleed"))
    assert [mic.source for mic in result.microphones] == ["rhythm", "rhythm", "vox"]
    assert {mic.reason for mic in result.microphones} == {"as in the stage"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda gig: (gig / "vox.wav").rename(gig / "singer.wav"), "lacks: vox"),
        (lambda gig: soundfile.write(gig / "keys.wav", np.zeros(100), RATE), "the stage lacks: keys"),
        (lambda gig: soundfile.write(gig / "vox.wav", np.zeros(100), 2 * RATE), "learnt at 8000 Hz"),
    ],
)
def test_another_folder_is_refused(gig: Path, tmp_path: Path, capsys: object, change: object, said: str) -> None:
    stage = tmp_path / "stage.debleed"
    assert command_line(["learn", str(gig), "-o", str(stage), "--method", "unprocessed"]) == 0
    change(gig)  # type: ignore[operator]
    assert command_line(["apply", str(stage), str(gig), "-o", str(tmp_path / "clean")]) == 2
    assert said in capsys.readouterr().err  # type: ignore[attr-defined]
    assert not (tmp_path / "clean").exists()


def test_learn_refuses_before_the_work_what_it_could_not_save(gig: Path, tmp_path: Path, capsys: object) -> None:
    stage = tmp_path / "stage.debleed"
    assert command_line(["learn", str(gig), "-o", str(stage), "--method", "oracle-linear"]) == 2
    assert "cannot be saved" in capsys.readouterr().err  # type: ignore[attr-defined]
    assert command_line(["learn", str(gig), "-o", str(tmp_path)]) == 2
    stage.write_text("mine")
    assert command_line(["learn", str(gig), "-o", str(stage)]) == 2
    assert stage.read_text() == "mine"
    assert command_line(["learn", str(gig), "-o", str(stage), "--force"]) == 2
    assert "is not a saved stage" in capsys.readouterr().err.splitlines()[-1]  # type: ignore[attr-defined]
    assert stage.read_text() == "mine"
    before = contents(gig)
    assert command_line(["learn", str(gig), "-o", str(gig / "vox.wav"), "--force"]) == 2
    assert contents(gig) == before


def test_a_stage_that_appears_while_another_is_learnt_stays(gig: Path, tmp_path: Path, capsys: object) -> None:
    stage, mine = tmp_path / "stage.debleed", tmp_path / "mine.debleed"
    asked = ["learn", str(gig), "--method", "unprocessed", "-o"]
    assert command_line([*asked, str(mine)]) == 0
    original = jobs.learnt

    def appear(*arguments: object) -> object:
        mine.rename(stage)
        return original(*arguments)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(jobs, "learnt", appear)
        before = mine.read_bytes()
        assert command_line([*asked, str(stage), "--date", "2026-11-25"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]  # type: ignore[attr-defined]
    assert f"the stage is in '{stage}.unfinished'" in said
    assert stage.read_bytes() == before
    assert Stage.load(f"{stage}.unfinished").recorded is not None
    assert command_line([*asked, str(stage), "--force"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gig", "stage.debleed"]


def test_show(gig: Path, tmp_path: Path, capsys: object) -> None:
    stage = tmp_path / "stage.debleed"
    assert command_line(["learn", str(gig), "-o", str(stage)]) == 0
    capsys.readouterr()  # type: ignore[attr-defined]
    picture = tmp_path / "matrix.png"
    assert command_line(["show", str(stage), "--json", "--plot", str(picture)]) == 0
    told = json.loads(capsys.readouterr().out)  # type: ignore[attr-defined]
    assert {path["microphone"] for path in told["paths"]} == set(NAMES)
    assert len(told["paths"]) == 6
    levels = [path["level_db"] for path in told["paths"]]
    assert levels == sorted(levels, reverse=True)
    assert all(20 / RATE <= path["delay_ms"] / 1000 <= 500 / RATE for path in told["paths"])
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert command_line(["show", str(stage)]) == 0
    out = capsys.readouterr().out  # type: ignore[attr-defined]
    assert all(word in out for word in (*NAMES, "demix", "ms", "dB"))
    assert command_line(["show", str(gig / "vox.wav")]) == 2
    assert command_line(["show", str(tmp_path / "nowhere")]) == 2


def test_a_region_changes_nothing_around_it(gig: Path, tmp_path: Path, band: np.ndarray) -> None:
    clean_folder(gig, tmp_path / "region", region=(3.0, 9.0))
    before, after = heard(gig), heard(tmp_path / "region")
    a, b = 3 * RATE, 9 * RATE
    assert np.array_equal(after[:, :a], before[:, :a])
    assert np.array_equal(after[:, b:], before[:, b:])
    inner = slice(a + RATE // 50, b - RATE // 50)
    alone = learn(Recording.from_array(before[:, a:b], RATE, NAMES)).apply(
        Recording.from_array(before[:, a:b], RATE, NAMES)
    )
    difference = after[:, inner] - alone.read()[:, RATE // 50 : -RATE // 50]
    assert np.abs(difference).max() < 2**-21  # rounded to 24 bits, after float32 in another order
    assert command_line(["remove", str(gig), "-o", str(tmp_path / "b"), "--region", "0:03-9"]) == 0
    assert contents(tmp_path / "region") == contents(tmp_path / "b")


@pytest.mark.parametrize("region", [(-1.0, 3.0), (3.0, 3.0), (5.0, 2.0), (12.0, 13.0), (math.nan, 3.0)])
def test_regions_that_are_none_are_refused(band: np.ndarray, region: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="region"):
        samples_of(region, Recording.from_array(band, RATE))


def test_keep_and_reduction_by_microphone(gig: Path, tmp_path: Path) -> None:
    (gig / "session.toml").write_text("[keep]\nvox = ['bass', 'drums']\n[source_reduction]\nbass = 0\n")
    result = clean_folder(gig, tmp_path / "clean")
    before, after = heard(gig), heard(tmp_path / "clean")
    assert np.array_equal(after[0], before[0])
    assert np.abs(after[2] - before[2]).max() < 1e-4 * np.abs(before).max()
    assert not np.array_equal(after[1], before[1])
    assert result.microphones[0].unchanged


def test_no_result_is_written_where_the_work_is_stopped(gig: Path, tmp_path: Path) -> None:
    def stop(stage: str, share: float) -> None:
        if stage == "write":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        clean_folder(gig, tmp_path / "clean", method="unprocessed", progress=stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clean.unfinished", "gig"]


def test_old_options_are_accepted_with_a_warning(gig: Path, tmp_path: Path, capsys: object) -> None:
    asked = ["remove", str(gig), "-o", str(tmp_path / "a"), "--method", "linear", "--voice", "rhythm=bass,drums"]
    assert command_line(asked) == 0
    said = capsys.readouterr().err  # type: ignore[attr-defined]
    assert "'linear' is called 'instantaneous' now" in said
    assert "'--voice' is called '--source' now" in said
    assert "2 sources: rhythm, vox" in said


@pytest.mark.parametrize(("text", "day"), [(b"2026-11-25", "2026-11-25"), (b"2026:11:25", "2026-11-25"), (b"", None)])
def test_the_day_of_the_recording_is_read_from_the_files(gig: Path, text: bytes, day: str | None) -> None:
    append(gig / "bass.wav", [(b"bext", bytes(320) + text.ljust(10, b"\0") + bytes(272))])
    stage = gig.parent / "stage.debleed"
    assert command_line(["learn", str(gig), "-o", str(stage), "--method", "unprocessed"]) == 0
    recorded = Stage.load(stage).recorded
    assert (recorded and recorded.isoformat()) == day


def test_a_stage_of_a_method_of_your_own_needs_its_name(
    gig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: object
) -> None:
    module = "from debleed.methods.baseline import Unprocessed\nclass Mine(Unprocessed):\n    pass\n"
    (tmp_path / "mine.py").write_text(module)
    monkeypatch.syspath_prepend(tmp_path)
    stage, out = str(tmp_path / "s.debleed"), str(tmp_path / "out")
    assert command_line(["learn", str(gig), "-o", stage, "--method", "mine:Mine"]) == 0
    assert command_line(["apply", stage, str(gig), "-o", out]) == 2
    assert "if you trust it, pass it as the method" in capsys.readouterr().err  # type: ignore[attr-defined]
    assert command_line(["apply", stage, str(gig), "-o", out, "--method", "mine:Mine"]) == 0
    assert command_line(["methods", "mine:Mine"]) == 0
    assert "mine:Mine: a class of your own" in capsys.readouterr().out  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with odd tracks, and the stage that was learnt from them beside it."""
    gig = odd_gig(tmp_path_factory.mktemp("odd") / "gig")
    (gig / "session.toml").write_text("room = []")  # the mix is found by its sound, not by its name
    assert command_line(["learn", str(gig), "-o", str(gig.parent / "stage.debleed")]) == 0
    return gig


def test_the_result_and_the_report_say_what_was_found(odd: Path, tmp_path: Path) -> None:
    stage, page = Stage.load(odd.parent / "stage.debleed"), tmp_path / "report.html"
    result = clean_folder(odd, tmp_path / "clean", stage=stage, report=page)
    assert {mic.name: mic.finding for mic in result.microphones if mic.finding} == FINDINGS
    assert {mic.name for mic in result.microphones if mic.unchanged} == {"LR", "bass"}
    text = page.read_text("utf-8")
    assert all(f"{finding}.<".replace("alone: ", "alone, since ") in text for finding in FINDINGS.values())
    assert all(f"<strong>{mic.name}:</strong> {mic.sentence}<" in text for mic in result.microphones)


def test_each_finding_is_said_once(odd: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["remove", str(odd), "-o", str(tmp_path / "clean"), "--set", "narrowband=false"]
    assert command_line(asked) == 0
    said = capsys.readouterr().err.splitlines()
    for line in (
        "vox safety is a copy of vox at −12.0 dB, inverted, cleaned like it",
        "LR is a mix of the other tracks, left unchanged",
        "LR: a mix of the other tracks, left unchanged.",
        "bass: left alone, since its source never pauses, so bleed cannot be told from its own sound.",
    ):
        assert said.count(line) == 1
    assert [line for line in said if line.startswith("vox safety: ") and "a copy of vox" in line]


def test_apply_says_what_the_stage_leaves_alone(odd: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line(["apply", str(odd.parent / "stage.debleed"), str(odd), "-o", str(tmp_path / "clean")]) == 0
    said = capsys.readouterr().err.splitlines()
    assert "LR: a mix of the other tracks, left unchanged." in said
    assert "vox safety: some bleed removed; a copy of vox at −12.0 dB, inverted, cleaned like it." in said
    assert "bass: left alone, since its source never pauses, so bleed cannot be told from its own sound." in said


def test_show_lists_the_findings(odd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stage = str(odd.parent / "stage.debleed")
    assert command_line(["show", stage]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line for line in said if ": " in line][-3:] == [f"{name}: {why}" for name, why in FINDINGS.items()]
    assert not [line for line in said if "room microphones" in line]
    assert command_line(["show", stage, "--json"]) == 0
    microphones = json.loads(capsys.readouterr().out)["microphones"]
    assert {mic["name"]: mic["finding"] for mic in microphones if mic["finding"]} == FINDINGS
