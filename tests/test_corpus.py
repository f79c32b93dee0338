from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from debleed.cli import run
from debleed.recording import InputError
from debleed.scenes import corpus as bled
from debleed.scenes.corpus import ACTIVE_POWER, Job, Recipe, active, bleed_track, blocks, common_scale, items_of
from debleed.scenes.scene import from_json
from debleed.scenes.tracks import find_tracks

RATE = 8000
STEMS = ("bass", "drums", "vocals")


def songs(
    root: Path, tracks: tuple[str, ...] = ("test/A", "train/B"), seconds: float = 1.0, level: float = 0.1
) -> Path:
    """Write tracks of stereo noise at 16 kHz."""
    for track in tracks:
        (root / track).mkdir(parents=True)
        for stem in STEMS:
            noise = np.random.default_rng(len(stem)).uniform(-level, level, (round(16000 * seconds), 2))
            soundfile.write(root / track / f"{stem}.wav", noise, 16000, "PCM_16")
    return root


def bleed(musdb: Path, out: Path, *options: str) -> int:
    given = () if {"--bleed", "--presets"} & set(options) else ("--bleed", "linear")
    return run(["corpus", "bleed", str(musdb), "-o", str(out), "--rate", str(RATE), *given, *options])


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def read(path: Path) -> np.ndarray:
    return soundfile.read(path)[0].T


def test_writes_what_the_scene_says(tmp_path: Path) -> None:
    assert bleed(songs(tmp_path / "in"), tmp_path / "out") == 0
    items = items_of(tmp_path / "out")
    assert [item.id for item in items] == ["test/A", "train/B"]
    for item in items:
        scene = item.scene
        assert scene.id == f"0/{item.id}"
        mics, own, dry = (
            np.stack([read(item.folder / what / f"{v}.wav") for v in STEMS]) for what in ("mics", "images", "stems")
        )
        assert soundfile.info(item.folder / "mics/bass.wav").subtype == "PCM_24"
        gains = np.array(scene.gains)
        step = 2.0**-23  # mics are rounded, and so are the stems they are compared with
        assert np.max(np.abs(mics - gains @ dry)) < 2 * step
        assert np.max(np.abs(own - np.diag(gains)[:, None] * dry)) < 2 * step
        assert item.entry["scale"] == 1
        assert item.damage() is None


def test_stereo_becomes_the_mean(tmp_path: Path) -> None:
    musdb = songs(tmp_path / "in", ("test/A",))
    assert run(["corpus", "bleed", str(musdb), "-o", str(tmp_path / "out"), "--bleed", "linear"]) == 0
    stereo = read(musdb / "test/A/bass.wav")
    assert np.max(np.abs(read(tmp_path / "out/test/A/stems/bass.wav") - stereo.mean(axis=0))) < 2.0**-23


@pytest.mark.parametrize("kind", ["linear", "convolutive", "room"])
def test_the_same_from_the_same_seed_with_any_number_of_workers(tmp_path: Path, kind: str) -> None:
    musdb = songs(tmp_path / "in")
    assert bleed(musdb, tmp_path / "a", "--bleed", kind, "--seed", "7") == 0
    pytest.importorskip("distributed", reason="the extra 'batch' is not installed")
    assert bleed(musdb, tmp_path / "b", "--bleed", kind, "--seed", "7", "--workers", "2") == 0
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert bleed(musdb, tmp_path / "c", "--bleed", kind, "--seed", "8") == 0
    assert contents(tmp_path / "a")["test/A/scene.json"] != contents(tmp_path / "c")["test/A/scene.json"]


def test_scenes_do_not_depend_on_the_other_tracks(tmp_path: Path) -> None:
    musdb = songs(tmp_path / "in")
    assert bleed(musdb, tmp_path / "all") == 0
    assert bleed(musdb, tmp_path / "one", "--split", "train") == 0
    whole = contents(tmp_path / "all")
    assert all(whole[name] == data for name, data in contents(tmp_path / "one").items() if name != "corpus.json")
    assert bleed(musdb, tmp_path / "one", "--split", "test") == 0
    assert contents(tmp_path / "one") == whole


def test_goes_on_where_it_was_stopped_and_mends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    musdb = songs(tmp_path / "in")
    out = tmp_path / "out"
    assert bleed(musdb, out) == 0
    first = contents(out)
    kept = (out / "train/B/mics/bass.wav").stat().st_mtime_ns
    shutil.rmtree(out / "test/A")  # as if never made
    (out / "test/.A.part/mics").mkdir(parents=True)  # as a killed run leaves it
    (out / "corpus.json").unlink()
    capsys.readouterr()
    assert bleed(musdb, out) == 0
    assert "1 made, 1 already there" in capsys.readouterr().out
    assert contents(out) == first
    assert (out / "train/B/mics/bass.wav").stat().st_mtime_ns == kept

    damaged = out / "train/B/images/drums.wav"
    damaged.write_bytes(damaged.read_bytes()[:-3] + b"abc")
    assert run(["corpus", "check", str(out)]) == 1
    assert "drums.wav' is damaged" in capsys.readouterr().out
    assert bleed(musdb, out) == 0
    assert contents(out) == first
    assert run(["corpus", "check", str(out)]) == 0


def test_blocks_follow_the_waspaa2023_rule(tmp_path: Path) -> None:
    musdb = songs(tmp_path / "in", ("test/A",), seconds=3.3)
    for name, quiet in (("drums", 1), ("extra", 2)):  # nobody asks whether 'extra' plays
        samples = np.random.default_rng(3).uniform(-0.1, 0.1, (52800, 2))
        samples[quiet * 16000 : (quiet + 1) * 16000] = 0
        soundfile.write(musdb / f"test/A/{name}.wav", samples, 16000, "PCM_16")
    assert bleed(musdb, tmp_path / "out", "--seconds", "1") == 0
    items = items_of(tmp_path / "out")
    assert [item.id for item in items] == ["test/A/000", "test/A/002"]
    assert [item.entry["start"] for item in items] == [0, 2]
    assert json.loads((tmp_path / "out/corpus.json").read_text())["dropped"] == {"test/A": 1}
    assert items[0].scene == items[1].scene  # one matrix a song
    assert items[1].take("mics").length == RATE


def test_the_rule_is_the_waspaa2023_one_at_22050_hz() -> None:
    assert list(blocks(500, 50, 2.5)) == [(0, 125), (125, 250), (250, 375), (375, 500)]
    assert list(blocks(499, 50, 2.5))[-1] == (250, 375)
    assert list(blocks(7, 50, None)) == [(0, 7)]
    for norm, counts in ((0.91, True), (0.89, False)):
        block = np.full((2, 220500), norm / np.sqrt(220500), np.float32)
        assert active(block, ("vocals", "bass")) == counts
        assert active(block, ("anything", "else"))
    assert pytest.approx(0.9**2) == ACTIVE_POWER * 220500


def test_one_scale_an_item_keeps_full_scale(tmp_path: Path) -> None:
    assert bleed(songs(tmp_path / "in", ("test/A",), level=0.99), tmp_path / "out") == 0
    (item,) = items_of(tmp_path / "out")
    assert item.entry["scale"] == 0.5
    assert soundfile.info(item.folder / "mics/vocals.wav").subtype == "PCM_24"
    dry = soundfile.read(tmp_path / "in/test/A/vocals.wav")[0]
    assert np.max(np.abs(read(item.folder / "stems/vocals.wav"))) == pytest.approx(
        0.5 * np.max(np.abs(dry.mean(1))), rel=0.1
    )


@pytest.mark.parametrize(("peak", "scale"), [(0.5, 1), (1 - 2**-23, 1), (1, 0.5), (1.5, 0.5), (2, 0.25), (0, 1)])
def test_common_scale(peak: float, scale: float) -> None:
    assert common_scale(np.array([[0, -peak]]), np.zeros((1, 2))) == scale


def test_sources_without_a_microphone_and_of_several_stems(tmp_path: Path) -> None:
    musdb = songs(tmp_path / "in", ("test/A",))
    options = (
        "--bleed",
        "room",
        "--rt60",
        "0.3",
        "--group",
        "rhythm=bass,drums",
        "--without-mic",
        "vocals",
        "--noise-db",
        "-40",
    )
    assert bleed(musdb, tmp_path / "out", *options) == 0
    (item,) = items_of(tmp_path / "out")
    assert item.take("mics").units == item.take("images").units == ("rhythm",)
    assert item.take("stems").units == STEMS


def test_a_stage_with_tracks_that_are_no_microphones(tmp_path: Path) -> None:
    what = ("--bleed", "stage", "--mishap", "pair", "--mishap", "click=-10", "--mishap", "mix", "--seconds", "0.5")
    assert bleed(songs(tmp_path / "in", ("test/A",), level=0.4), tmp_path / "out", *what) == 0
    first, _ = items_of(tmp_path / "out")
    scene = first.scene
    heard, true = first.take("mics").recording(), first.take("images").recording()
    assert set(heard.names) == {channel.name for channel in scene.channels}
    assert set(true.names) == {channel.name for channel in scene.channels if channel.scored}
    assert soundfile.info(first.folder / "mics/ZOOM0001_LR.wav").channels == 2
    assert not (first.folder / "images/click.wav").exists()
    left = [heard.names.index(name) for name in scene.mishaps[-1].tracks]
    gains = [0.5 * (1 - pan) for pan in scene.mishaps[-1].pans]
    mix = heard.read()[heard.names.index("ZOOM0001_LR.L")]
    assert mix == pytest.approx(gains @ heard.read()[left], abs=8 * 2.0**-23)
    assert bleed(tmp_path / "in", tmp_path / "drawn", "--presets", "real-stage") == 0
    assert [item.scene.kind for item in items_of(tmp_path / "drawn")] == ["stage"]


def test_measured_responses(tmp_path: Path) -> None:
    musdb = songs(tmp_path / "in", ("test/A",))
    (tmp_path / "rooms").mkdir()
    decay = np.random.default_rng(1).standard_normal((4000, 2)) * 10 ** (-3 * np.arange(4000) / 3000)[:, None]
    decay[0] = 4
    soundfile.write(tmp_path / "rooms/hall.wav", decay / 8, 16000, "PCM_24")
    assert bleed(musdb, tmp_path / "out", "--bleed", "convolutive", "--responses", str(tmp_path / "rooms")) == 0
    (item,) = items_of(tmp_path / "out")
    assert "hall.wav" in (item.folder / "scene.json").read_text()


def test_bad_tracks_are_named_and_the_others_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    musdb = songs(tmp_path / "in", ("test/A", "test/B", "test/C", "train/D", "train/E"))
    (musdb / "test/A/drums.wav").unlink()
    whole = (musdb / "test/B/bass.wav").read_bytes()
    (musdb / "test/B/bass.wav").write_bytes(whole[:-100])
    soundfile.write(musdb / "test/C/bass.wav", np.zeros((3000, 2)), 16000)
    soundfile.write(musdb / "train/D/bass.wav", np.full((8000, 2), 0.1), 8000)  # another rate is no fault
    assert bleed(musdb, tmp_path / "out") == 1
    said = capsys.readouterr()
    assert "test/A' lacks drums; it has bass, vocals" in said.err
    assert "bass.wav' is truncated" in said.err
    assert "differ in length" in said.err
    assert "3 tracks failed" in said.out
    assert [item.id for item in items_of(tmp_path / "out")] == ["train/D", "train/E"]
    assert set(json.loads((tmp_path / "out/corpus.json").read_text())["failed"]) == {"test/A", "test/B", "test/C"}
    assert not list((tmp_path / "out").rglob(".*.part"))


def test_a_full_disk_ends_everything_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = []

    def full(*args: object) -> list[Path]:
        calls.append(args)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bled, "write_mics", full)
    assert bleed(songs(tmp_path / "in"), tmp_path / "out") == 1
    assert "the disk is full" in capsys.readouterr().err
    assert len(calls) == 1
    assert [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()] == ["corpus.json"]
    assert items_of(tmp_path / "out") == []


def test_refusals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    musdb, out = songs(tmp_path / "in"), tmp_path / "out"

    def refused(*arguments: str) -> str:
        capsys.readouterr()
        assert run(["corpus", *arguments]) == 2
        return capsys.readouterr().err

    assert "specify either --bleed or --presets" in refused("bleed", str(musdb), "-o", str(out))
    assert "no preset 'x'" in refused("bleed", str(musdb), "-o", str(out), "--presets", "x")
    assert "has no split 'dev'; it has test, train" in refused(
        "bleed", str(musdb), "-o", str(out), "--bleed", "linear", "--split", "dev"
    )
    assert "there is no folder" in refused("bleed", str(tmp_path / "no"), "-o", str(out), "--bleed", "linear")
    assert "lies inside the input folder" in refused("bleed", str(musdb), "-o", str(musdb / "out"), "--bleed", "linear")
    assert "doi.org/10.5281/zenodo.3338373" in refused("check", str(tmp_path / "no"))
    assert not out.exists()

    assert bleed(musdb, out, "--seed", "1") == 0
    assert "seed is 1 there, 2 here" in refused(
        "bleed", str(musdb), "-o", str(out), "--bleed", "linear", "--seed", "2", "--rate", str(RATE)
    )
    assert bleed(musdb, out, "--seed", "2", "--force") == 0
    assert items_of(out)[0].scene.id == "2/test/A"
    manifest = json.loads((out / "corpus.json").read_text())
    manifest["recipe"]["format"] = 99
    (out / "corpus.json").write_text(json.dumps(manifest))
    assert "has format 99" in refused("check", str(out))
    (out / "corpus.json").write_text("{")
    assert "is damaged" in refused("check", str(out))


def test_folders_of_others_are_never_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    musdb = songs(tmp_path / "in")
    shutil.copytree(musdb, tmp_path / "mine")
    before = contents(tmp_path / "mine")
    for options in ((), ("--force",)):
        assert bleed(musdb, tmp_path / "mine", *options) == 2
        assert "not a track of a corpus" in capsys.readouterr().err
    assert contents(tmp_path / "mine") == before


def test_samples_that_are_no_numbers_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    musdb = songs(tmp_path / "in")
    samples = np.zeros((16000, 2), np.float32)
    samples[8000] = np.nan
    soundfile.write(musdb / "test/A/bass.wav", samples, 16000, "FLOAT")
    assert bleed(musdb, tmp_path / "out") == 1
    assert "bass.wav' contains a sample that is NaN or infinite at 0." in capsys.readouterr().err
    assert bleed(musdb, tmp_path / "other", "--noise-db", "nan") == 2


def test_what_is_not_used_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    musdb = songs(tmp_path / "in", ("test/A", "test/B", "test/C"), seconds=0.5)
    shutil.copy(musdb / "test/A/bass.wav", musdb / "test/A/guitar.wav")
    assert bleed(musdb, tmp_path / "out", "--seconds", "2") == 0
    said = capsys.readouterr().out
    assert "the stem 'guitar' is not used because only 1 of the tracks have it" in said
    assert "3 tracks are shorter than a block" in said
    shutil.copy(musdb / "test/A/bass.wav", musdb / "test/A/Bass.WAV")
    assert bleed(musdb, tmp_path / "out2") == 1
    assert "same stem" in capsys.readouterr().err


def test_the_manifest_is_mended(tmp_path: Path) -> None:
    musdb = songs(tmp_path / "in", ("test/A",))
    assert bleed(musdb, tmp_path / "out") == 0
    first = contents(tmp_path / "out")
    (tmp_path / "out/corpus.json").write_text("{}")
    assert bleed(musdb, tmp_path / "out") == 0
    assert contents(tmp_path / "out") == first


def test_folders_given_relatively_reach_the_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="the extra 'batch' is not installed")
    songs(tmp_path / "in")
    monkeypatch.chdir(tmp_path)
    jobs = []

    def spied(work: object, given: list[Job], *engine: object) -> list[object]:
        jobs.extend(given)
        return []

    monkeypatch.setattr("debleed.cli.corpus.outcomes", spied)
    bleed(Path("in"), Path("out"))
    assert all(job.track.folder.is_absolute() and job.output.is_absolute() for job in jobs)
    assert len(jobs) == 2


def test_check_of_the_dry_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["corpus", "check", str(songs(tmp_path / "in"))]) == 1
    said = capsys.readouterr().out
    assert "test/ has 1 tracks of 50" in said
    assert "test/A lacks other.wav" in said
    assert "doi.org/10.5281/zenodo.3338373" in said


def test_no_permission(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (tmp_path / "locked").mkdir(mode=0o500)
    assert bleed(songs(tmp_path / "in"), tmp_path / "locked/out") == 2
    assert "no permission" in capsys.readouterr().err


def test_drawing_for_training_is_the_same_code(tmp_path: Path) -> None:
    (track,) = find_tracks(songs(tmp_path / "in", ("test/A",)))
    recipe = Recipe(STEMS, {"kind": "room", "rt60": 0.3}, seed="5", rate=RATE)
    bleed_track(Job(recipe, track, tmp_path / "out"))
    drawn = recipe.scene("test/A", RATE)
    assert drawn == from_json((tmp_path / "out/test/A/scene.json").read_text())


def test_unfinished_records_are_made_again(tmp_path: Path) -> None:
    (track,) = find_tracks(songs(tmp_path / "in", ("test/A",)))
    job = Job(Recipe(STEMS, {"kind": "linear"}, rate=RATE), track, tmp_path / "out")
    assert bleed_track(job)["made"]
    assert not bleed_track(job)["made"]
    (job.folder / bled.ENTRIES).write_text("[]")
    assert bleed_track(job)["made"]
    with pytest.raises(InputError, match="is not a corpus"):
        items_of(tmp_path / "in")
