from __future__ import annotations

import csv
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from debleed.bench import results
from debleed.bench.results import read_lines
from debleed.cli import run
from debleed.methods import registered
from debleed.scenes.corpus import items_of
from sets import sets_file
from test_corpus import STEMS, bleed, songs

CHEAP = "unprocessed,oracle-wiener"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    bleed(songs(tmp_path / "in", seconds=2.5), tmp_path / "corpus")
    return tmp_path / "corpus"


def measured(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "scores.jsonl").read_text().splitlines()]


def test_one_line_an_item_and_method_and_the_tables(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "results"
    assert run(["benchmark", str(corpus), "--methods", CHEAP, "-o", str(out)]) == 0
    lines = measured(out)
    assert [(line["item"], line["method"]) for line in lines] == [
        (item, method) for item in ("test/A", "train/B") for method in CHEAP.split(",")
    ]
    by = {(line["item"], line["method"]): line["scores"]["sources"] for line in lines}
    for item in items_of(corpus):
        for k, source in enumerate(STEMS):
            image, mic = (soundfile.read(item.folder / what / f"{source}.wav")[0] for what in ("images", "mics"))
            expected = 10 * math.log10(np.sum(image**2) / np.sum((image - mic) ** 2))
            row = by[item.id, "unprocessed"][k]
            assert row["name"] == source
            assert row["sdr"] == pytest.approx(expected, abs=1e-3)
            assert row["sdri"] == 0
            assert row["harm"] is None  # exact: nothing was changed
            assert by[item.id, "oracle-wiener"][k]["sdri"] > 1
            assert "dry_fitted" in row
    told = (out / "founding.md").read_text()
    assert told.index("| unprocessed |") < told.index("| oracle-wiener |")
    assert "2 items of 2 tracks" in told
    rows = list(csv.DictReader((out / "scores.csv").read_text().splitlines()))
    assert {row["measure"] for row in rows} >= {"sdr", "sdri", "si_sdr", "harm", "waspaa2023_sdr", "dry_sdr"}
    page = (out / "report.html").read_text()
    assert "<svg" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert "linear" in capsys.readouterr().out


def test_goes_on_and_does_no_item_twice(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "results"
    arguments = ["benchmark", str(corpus), "--methods", CHEAP, "-o", str(out)]
    assert run(arguments) == 0
    lines = (out / "scores.jsonl").read_text().splitlines(keepends=True)
    (out / "scores.jsonl").write_text("".join(lines[:2]) + lines[2][:50])  # killed in the middle of a line
    capsys.readouterr()
    assert run(arguments) == 0
    assert "4 measurements, 2 already done" in capsys.readouterr().out
    assert len(results.read_lines(out)) == 4
    size = (out / "scores.jsonl").stat().st_size
    assert run(arguments) == 0
    assert (out / "scores.jsonl").stat().st_size == size
    # another sound under the same name is another item
    for item in items_of(corpus)[:1]:
        shutil.rmtree(item.folder)
    bleed(tmp_path / "in", corpus, "--seed", "1", "--force")
    capsys.readouterr()
    assert run(arguments) == 0
    assert "4 measurements, 0 already done" in capsys.readouterr().out


def test_tracks_without_truth_are_cleaned_with_the_others_and_not_scored(tmp_path: Path) -> None:
    corpus, out = tmp_path / "stage", tmp_path / "results"
    mishaps = [word for name in ("pair", "click", "direct", "mix") for word in ("--mishap", name)]
    bleed(songs(tmp_path / "in", ("test/A",), seconds=2.5), corpus, "--bleed", "stage", *mishaps)
    assert run(["benchmark", str(corpus), "--methods", CHEAP, "-o", str(out)]) == 0
    (item,) = items_of(corpus)
    scored = {channel.name: channel.source for channel in item.scene.channels if channel.scored}
    assert {"bass_di"} < set(scored)
    floor, oracle = measured(out)
    for line in (floor, oracle):
        assert {source["name"] for source in line["scores"]["sources"]} == set(scored)
    for source in floor["scores"]["sources"]:
        assert source["sdri"] == 0
        assert source["dry_fitted"] is not None  # each track has the stem of its source
    others = tmp_path / "others"
    shutil.copytree(item.folder / "images", others / item.id)
    assert run(["benchmark", str(corpus), "--methods", CHEAP, "-o", str(out), "--external", f"x={others}"]) == 0
    assert all(source["sdr"] is None for source in measured(out)[-1]["scores"]["sources"])


def test_the_channels_of_stereo_files_are_scored(tmp_path: Path) -> None:
    corpus, out = tmp_path / "stage", tmp_path / "results"
    bleed(songs(tmp_path / "in", ("test/A",), seconds=2.5), corpus, "--bleed", "stage", "--mishap", "dual")
    assert run(["benchmark", str(corpus), "--methods", CHEAP, "-o", str(out)]) == 0
    for line in measured(out):
        sources = line["scores"]["sources"]
        assert [source["name"] for source in sources] == [f"{stem}.{side}" for stem in STEMS for side in "LR"]
        for left, right in zip(sources[::2], sources[1::2], strict=True):
            assert left["sdr"] == pytest.approx(right["sdr"], abs=1e-6)


def test_the_same_figures_from_two_workers(corpus: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="the extra 'batch' is not installed")
    for workers in ("1", "2"):
        assert (
            run(["benchmark", str(corpus), "--methods", CHEAP, "-o", str(tmp_path / workers), "--workers", workers])
            == 0
        )
    one, two = ({results.key(z): z["scores"] for z in measured(tmp_path / w)} for w in ("1", "2"))
    assert one == two


def test_outputs_of_another_program(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    others = tmp_path / "others"
    first, second = items_of(corpus)
    shutil.copytree(first.folder / "images", others / first.id)
    out = tmp_path / "results"
    arguments = ["benchmark", str(corpus), "--methods", "unprocessed", "-o", str(out), "--external", f"editor={others}"]
    assert run(arguments) == 1
    assert "train/B by editor failed: there is no file or folder" in capsys.readouterr().err
    (line,) = [z for z in measured(out) if z["method"] == "editor"]
    assert all(source["sdr"] is None and "perfect" in source["sdr_reason"] for source in line["scores"]["sources"])
    assert "1 items without scores of editor are left out" in (out / "founding.md").read_text()
    shutil.copytree(second.folder / "mics", others / second.id)
    assert run(arguments) == 0
    assert len(measured(out)) == 4

    soundfile.write(others / first.id / "bass.wav", np.zeros(100), 8000)
    assert run([*arguments[:-1], f"other={others}"]) == 1
    assert "compared sample by sample" in capsys.readouterr().err


def test_outputs_that_changed_are_scored_again(corpus: Path, tmp_path: Path) -> None:
    others, out = tmp_path / "others", tmp_path / "results"
    for what in ("mics", "images"):
        shutil.rmtree(others, ignore_errors=True)
        for item in items_of(corpus):
            shutil.copytree(item.folder / what, others / item.id)
        outputs = ["--external", f"x={others}"]
        assert run(["benchmark", str(corpus), "--methods", "unprocessed", "-o", str(out), *outputs]) == 0
        perfect = [line for line in (out / "founding.md").read_text().splitlines() if line.startswith("| x | ∞")]
        assert bool(perfect) == (what == "images")


def test_damaged_items_are_not_scored(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = items_of(corpus)[0].folder / "images/bass.wav"
    samples, rate = soundfile.read(image)
    soundfile.write(image, samples[::-1], rate, "PCM_24")
    assert run(["benchmark", str(corpus), "--methods", "unprocessed", "-o", str(tmp_path / "results")]) == 1
    assert "again to repair it" in capsys.readouterr().err
    assert [line["item"] for line in measured(tmp_path / "results")] == ["train/B"]


def test_methods_measured_before_stay_in_the_tables(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    for methods in ("unprocessed", "oracle-wiener"):
        assert run(["benchmark", str(corpus), "--methods", methods, "-o", str(out)]) == 0
    told = (out / "founding.md").read_text()
    assert "| unprocessed |" in told
    assert "| oracle-wiener |" in told


def test_refusals(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refused(*arguments: str) -> str:
        capsys.readouterr()
        assert run(["benchmark", *arguments]) == 2
        return capsys.readouterr().err

    out = str(tmp_path / "results")
    assert "no method 'magic'" in refused(str(corpus), "--methods", "magic", "-o", out)
    assert "is not a corpus" in refused(str(tmp_path), "-o", out)
    assert "specify at least one CORPUS" in refused("-o", out)
    assert "expected NAME=DIR" in refused(str(corpus), "-o", out, "--external", "x")
    assert "there is no folder" in refused(str(corpus), "-o", out, "--external", "x=nowhere")
    assert "choose another name for the outputs" in refused(str(corpus), "-o", out, "--external", f"demix={corpus}")
    assert "contains no results" in refused("--compare", str(corpus), str(corpus))
    assert not Path(out).exists()


def test_half_a_letter_does_not_lose_the_results(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    assert run(["benchmark", str(corpus), "--methods", "unprocessed", "-o", str(out)]) == 0
    whole = (out / "scores.jsonl").read_bytes()
    (out / "scores.jsonl").write_bytes(whole + '{"item": "ü'.encode()[:-1])
    assert len(results.read_lines(out)) == 2
    assert run(["benchmark", str(corpus), "--methods", CHEAP, "-o", str(out)]) == 0
    assert len(results.read_lines(out)) == 4


def test_corpora_of_one_bleed_are_told_apart(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bleed(tmp_path / "in", tmp_path / "other", "--seed", "9")
    out = tmp_path / "results"
    both = [str(corpus), str(tmp_path / "other")]
    assert run(["benchmark", *both, both[0], "--methods", "unprocessed,unprocessed", "-o", str(out)]) == 0
    assert len(measured(out)) == 4
    told = (out / "founding.md").read_text()
    assert "## linear, seed 0" in told
    assert "## linear, seed 9" in told
    assert told.count("2 items of 2 tracks") == 2


def test_comparison(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    a, b = tmp_path / "a", tmp_path / "b"
    assert run(["benchmark", str(corpus), "--methods", CHEAP, "-o", str(a)]) == 0
    b.mkdir()
    for line in measured(a):
        for source in line["scores"]["sources"]:
            source["sdr"] += 2 if source["name"] == "bass" else -1
        results.append(b, line)
    capsys.readouterr()
    assert run(["benchmark", "--compare", str(a), str(b)]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if "unprocessed" in line)
    assert all(cell in row for cell in ("−1.0", "+2.0"))


# -------------------------------------------------------------------------------------------------------- scene sets


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    assert run(["corpus", "make", str(sets_file(tmp_path / "made")), "-o", str(tmp_path / "sets")]) == 0
    return tmp_path / "sets"


def test_goals_and_the_least_source_of_scene_sets(
    sets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "220")
    out, chosen = tmp_path / "results", [str(sets / name) for name in ("linear", "takes", "dry")]
    assert run(["benchmark", *chosen, "--methods", CHEAP, "-o", str(out)]) == 0
    told, printed = (out / "founding.md").read_text(), capsys.readouterr().out
    assert "| a matrix | 8 | 2 |" in told
    assert "| a matrix | unprocessed: least SDR | −100.0 | ∞ |" in told
    assert "| a matrix | oracle-wiener: median SDR over unprocessed | 1.0 | – |" in told
    assert told.count("| yes |") == 2
    assert "| linear/A, " in told or "| linear/B, " in told
    assert "## takes" in told
    assert "dB against the dry stem" not in told.split("## takes")[1]  # takes have no stems
    assert "oracle-wiener: median SDR over unprocessed" in printed
    assert "Goals" in (out / "report.html").read_text()


def test_all_methods_and_the_reasons_of_those_that_cannot(sets: Path, tmp_path: Path) -> None:
    """The songs have three stems, and some networks take recordings of four sources alone."""
    out, arguments = tmp_path / "results", ["--methods", "all", "-o", str(tmp_path / "results")]
    assert run(["benchmark", str(sets / "linear"), *arguments]) == 0
    lines = read_lines(out)
    assert {line["method"] for line in lines} == set(registered())
    refused = {line["method"] for line in lines if "refused" in line}
    assert {"t-unet", "f-unet", "df-unet"} <= refused
    told = (out / "founding.md").read_text()
    assert "Methods that did not run" in told
    assert "| t-unet | 2 | " in told
    size = (out / "scores.jsonl").stat().st_size
    assert run(["benchmark", str(sets / "linear"), *arguments]) == 0  # they are tried again, and noted once
    assert (out / "scores.jsonl").stat().st_size == size


def test_a_stage_learnt_from_the_soundcheck(sets: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    methods = ["--methods", "unprocessed,instantaneous,oracle-wiener", "-o", str(out)]
    assert run(["benchmark", str(sets / "soundcheck"), *methods]) == 0
    by = {(line["item"], line["method"]): line["scores"] for line in read_lines(out)}
    assert {method for _, method in by} == {
        "unprocessed",
        "instantaneous",
        "instantaneous (soundcheck)",
        "oracle-wiener",
    }
    assert len(by) == 4 * 4
    assert "harm" not in by["linear/A", "instantaneous (soundcheck)"]["sources"][0]
    assert "| instantaneous (soundcheck) |" in (out / "founding.md").read_text()
