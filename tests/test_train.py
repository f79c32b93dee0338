"""The training loop: what it draws, that it goes on after a kill, what it refuses, what it leaves."""

import csv
import dataclasses
import json
import shutil
import sys

import numpy as np
import pytest

from debleed import nets
from debleed.cli import run as command_line
from debleed.nets import weights
from debleed.recording import InputError, Recording

# ------------------------------------------------------------------------------------------------- with PyTorch


@pytest.fixture
def plan():
    pytest.importorskip("torch", reason="needs PyTorch: pip install 'debleed[train]'").set_num_threads(1)
    pytest.importorskip("safetensors")
    from debleed.training.train import Plan

    return Plan(
        "df-unet-gat", "tiny", ("waspaa2023-linear",), validation=("Two",), steps=6, batch=2, seconds=0.2, every=2
    )


def test_goes_on_after_a_kill_bit_for_bit(plan, songs_folder, tmp_path):
    import torch

    from debleed.training.train import Run

    whole = Run(plan, songs_folder, tmp_path / "whole", tmp_path / "cache")
    whole.learn()

    def kill(stage, share):
        if share > 0.7:  # after the fifth step, beyond the checkpoint of the fourth
            raise KeyboardInterrupt

    killed = Run(plan, songs_folder, tmp_path / "killed", tmp_path / "cache")
    with pytest.raises(KeyboardInterrupt):
        killed.learn(progress=kill)
    resumed = Run(plan, songs_folder, tmp_path / "killed", tmp_path / "cache")
    assert resumed.state.step == 4
    resumed.learn()
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name
    rows = [list(csv.DictReader((tmp_path / run / "log.csv").read_text().splitlines())) for run in ("whole", "killed")]
    assert [row["loss"] for row in rows[0]] == [row["loss"] for row in rows[1]]
    assert [row["step"] for row in rows[1]] == ["2", "4", "6"]


def test_seeds_matter(plan, songs_folder, tmp_path):
    from debleed.training.train import Run

    losses = []
    for seed in ("1", "1", "2"):
        folder = tmp_path / str(len(losses))
        Run(dataclasses.replace(plan, steps=2, seed=seed), songs_folder, folder, tmp_path / "cache").learn()
        losses.append((folder / "log.csv").read_text().splitlines()[1].split(",")[:4])
    assert losses[0] == losses[1] != losses[2]


def test_stops_without_progress(plan, songs_folder, tmp_path, monkeypatch):
    from debleed.training.train import Run

    run = Run(
        dataclasses.replace(plan, steps=40, every=1, patience=3), songs_folder, tmp_path / "out", tmp_path / "cache"
    )
    monkeypatch.setattr(run, "sdr_improvements", lambda: np.zeros(3))
    run.learn()
    assert run.state.step == 4  # one best, then three without a better


def test_refusals(plan, songs_folder, tmp_path):
    from debleed.training.train import Run

    def refused(match, output="out", **changes):
        with pytest.raises(InputError, match=match):
            Run(dataclasses.replace(plan, **changes), songs_folder, tmp_path / output, tmp_path / "cache")

    refused("no variant 'huge'; it has published, narrow, tiny", variant="huge")
    refused("track 'Nine' does not exist", validation=("Nine",))
    refused("none is left for training", validation=("One", "Two", "Three"))
    refused("only the generated corpus has kinds", left_out=("rock",))
    refused("name its source", net="di-cae")
    refused("name none", source="bass")
    Run(dataclasses.replace(plan, steps=1, every=1), songs_folder, tmp_path / "run", tmp_path / "cache").learn()
    refused("other settings .batch 2 there, 3 here", output="run", batch=3)
    with pytest.raises(InputError, match="not available"):
        Run(plan, songs_folder, tmp_path / "out", tmp_path / "cache", device="cuda:9")


def test_the_generated_corpus_validates_on_its_own_bands(plan, tmp_path):
    from debleed.training.train import Run

    with pytest.raises(InputError, match="bands of its own for validation; leave kinds out"):
        Run(plan, "generated", tmp_path / "out")


def test_a_checkpoint_from_before_there_were_kinds_goes_on(plan, songs_folder, tmp_path):
    from debleed.nets import checkpoint
    from debleed.training.train import CHECKPOINT, Run

    Run(dataclasses.replace(plan, steps=2), songs_folder, tmp_path / "run", tmp_path / "cache").learn()
    tensors, stored = checkpoint.load(tmp_path / "run" / CHECKPOINT)
    for key in ("left_out", "bands"):
        del stored["plan"][key]
    checkpoint.save(tmp_path / "run" / CHECKPOINT, tensors, stored)
    assert Run(plan, songs_folder, tmp_path / "run", tmp_path / "cache").state.step == 2


@pytest.mark.slow
def test_the_command_trains_on_generated_bands(tmp_path, monkeypatch):
    for package in ("torch", "onnxscript", "onnxruntime", "safetensors"):
        pytest.importorskip(package)
    if not (shutil.which("fluidsynth") and shutil.which("flite")):
        pytest.skip("needs fluidsynth and flite: apt install fluidsynth fluid-soundfont-gm flite")
    out = tmp_path / "run"
    arguments = ["train", "df-unet", "--corpus", "generated", "-o", str(out), "--smoke", "--leave-out", "swing"]
    assert command_line([*arguments, "--steps", "2", "--every", "1"]) == 0
    kinds = weights.describe(out / "df-unet.onnx")["kinds"]
    assert not kinds["swing"]["learnt"]
    assert kinds["rock"]["learnt"]
    assert "| swing | no |" in (out / "df-unet.md").read_text()


def test_learning_rate(plan):
    from debleed.training.train import learning_rate

    rates = [learning_rate(dataclasses.replace(plan, steps=1000), step) for step in range(1000)]
    assert np.argmax(rates) in (19, 20)
    assert max(rates) == plan.rate
    assert rates[-1] < 0.02 * plan.rate
    assert all(np.diff(rates[20:]) < 0)


def test_the_command_trains_what_a_method_runs(songs_folder, tmp_path, capsys):
    for package in ("torch", "onnxscript", "onnxruntime", "safetensors"):
        pytest.importorskip(package)
    out = tmp_path / "run"
    arguments = ["train", "di-cae", "--source", "other", "--corpus", str(songs_folder), "-o", str(out), "--smoke"]
    assert command_line([*arguments, "--steps", "2", "--every", "1", "--seconds", "0.3"]) == 0
    assert "2 steps" in capsys.readouterr().out
    told = weights.describe(out / "di-cae-other.onnx")
    assert told["tracks"] == ["train/One", "train/Two"]
    assert told["plan"]["seed"] == "0"
    card = (out / "di-cae-other.md").read_text()
    assert "trained on: train/One, train/Two" in card
    assert "| 2 |" in card
    from debleed.remove import remove

    mics = Recording.from_array(np.random.default_rng(0).standard_normal((2, 9000)).astype(np.float32), 16000)
    assert np.isfinite(remove(mics, "di-cae", settings={"folder": str(out)}).read()).all()
    vocals = Recording.from_array(mics.read(), 16000, ["vox", "x"])  # a source without a network is "other"
    assert np.array_equal(
        remove(vocals, "di-cae", settings={"folder": str(out)}).read(),
        remove(mics, "di-cae", settings={"folder": str(out)}).read(),
    )


def test_without_pytorch_a_sentence_says_what_to_install(songs_folder, tmp_path, monkeypatch, capsys):
    for name in [name for name in sys.modules if name.split(".")[0] == "torch" or name.startswith("debleed.nets.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match=r"pip install 'debleed\[train\]'"):
        nets.variants("df-unet")
    assert command_line(["train", "df-unet", "--corpus", str(songs_folder), "-o", str(tmp_path / "x")]) == 2
    assert "debleed[train]" in capsys.readouterr().err


def test_a_start_that_a_wheel_leaves_out_is_asked_for(songs_folder, tmp_path, monkeypatch, capsys):
    assert weights.find_start("df-unet") == weights.FOLDER / "df-unet.safetensors"
    for suffix in ("onnx", "json"):
        shutil.copy(weights.FOLDER / f"df-unet.{suffix}", tmp_path)
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    arguments = ["train", "df-unet", "--start", "df-unet", "--corpus", str(songs_folder), "-o", str(tmp_path / "x")]
    assert command_line(arguments) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "'df-unet.safetensors' is not installed" in said
    assert "repository or source distribution and give its path to --start" in said
    assert not (tmp_path / "x").exists()


def test_damaged_descriptions_are_refused(tmp_path):
    path = tmp_path / "n.onnx"
    path.write_bytes(b"abc")
    path.with_suffix(".json").write_text(json.dumps({"sha256": {"onnx": "0" * 64}}))
    with pytest.raises(InputError, match="damaged: its checksum is wrong"):
        weights.describe(path)
    path.with_suffix(".json").write_text("{")
    weights.describe.cache_clear()
    with pytest.raises(InputError, match=r"n.json' is damaged"):
        weights.describe(path)
