import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from debleed.cli import run
from debleed.io.carried import append
from debleed.scoring.evaluate import (
    AGAINST_IMAGE,
)

RATE = 16000


def noise(mics: int, length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((mics, length))


def taking_turns(levels: np.ndarray, length: int = 8 * RATE) -> np.ndarray:
    """Images ``(mics, sources, samples)`` of noises that overlap a little in time."""
    sources = len(levels)
    t = np.arange(length) / length * sources
    loud = np.array([(np.abs((t - j - 0.5 + sources / 2) % sources - sources / 2) < 0.52) for j in range(sources)])
    return levels[:, :, None] * (loud * noise(sources, length))


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    images = 0.1 * taking_turns(np.array([[1.0, 0.3], [0.3, 1.0]]), 2 * RATE)
    truth, mics = images[[0, 1], [0, 1]], images.sum(axis=1)
    for folder, sound in {"truth": truth, "mics": mics, "clean": 0.5 * (truth + mics)}.items():
        (tmp_path / folder).mkdir()
        for name, row in zip(("vox", "bass"), sound, strict=True):
            kind = "flac" if folder == "clean" else "wav"
            soundfile.write(tmp_path / folder / f"{name}.{kind}", row, RATE, subtype="PCM_24")
    return tmp_path


def test_evaluate_pairs_by_name_and_writes_json(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folders / "scores.json"
    given = [str(folders / name) for name in ("truth", "clean")]
    assert run(["evaluate", *given, "--mics", str(folders / "mics"), "--json", str(out)]) == 0
    assert "vox" in capsys.readouterr().out
    figures = json.loads(out.read_text())
    assert [source["name"] for source in figures["sources"]] == ["bass", "vox"]
    assert all(source["sdri"] == pytest.approx(6.02, abs=0.01) for source in figures["sources"])
    assert figures["median"]["sdri"] == pytest.approx(6.02, abs=0.01)


def test_channels_are_paired_by_number_where_one_file_does_not_name_them(folders: Path) -> None:
    for name in ("truth", "mics", "clean"):
        rows = [soundfile.read(path)[0] for path in sorted((folders / name).iterdir())]
        soundfile.write(folders / f"{name}.wav", np.stack(rows, axis=1), RATE, subtype="PCM_24")
    for name in ("mics", "clean"):
        append(folders / f"{name}.wav", [(b"bext", b"sTRK1=Bass\r\nsTRK2=Click\r\n".ljust(602, b"\0"))])
    out = folders / "scores.json"
    given = [str(folders / f"{name}.wav") for name in ("truth", "clean")]
    assert run(["evaluate", *given, "--mics", str(folders / "mics.wav"), "--json", str(out)]) == 0
    figures = json.loads(out.read_text())
    assert [source["name"] for source in figures["sources"]] == ["ch1", "ch2"]
    assert all(source["sdri"] == pytest.approx(6.02, abs=0.01) for source in figures["sources"])


def test_evaluate_all_measures(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folders / "scores.json"
    given = [str(folders / name) for name in ("truth", "clean")]
    assert run(["evaluate", *given, "--mics", str(folders / "mics"), "--measures", "all", "--json", str(out)]) == 0
    told = capsys.readouterr().out
    assert all(word in told for word in ("SIR", "SI-SDR", "WASPAA 2023", "overall", "left in silence", "average"))
    figures = json.loads(out.read_text())
    assert set(figures["median"]) >= {*AGAINST_IMAGE, "input_sdr", "sdri"} - {"silence"}
    assert set(figures["overall"]) == {"waspaa2023_sdr", "input_waspaa2023_sdr"}
    assert run(["evaluate", *given, "--measures", "all"]) == 0
    assert "left in silence" not in capsys.readouterr().out


def test_evaluate_against_dry_stems(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folders / "scores.json"
    given = [str(folders / name) for name in ("truth", "clean")]
    assert run(["evaluate", *given, "--target", "dry", "--json", str(out)]) == 0
    assert "best gain and delay" in capsys.readouterr().out
    assert set(json.loads(out.read_text())["median"]) == {"dry_sdr", "dry_waspaa2023", "dry_fitted"}
    for wrong in (["--measures", "all"], ["--mics", str(folders / "mics")], ["--blind"]):
        assert run(["evaluate", *given, "--target", "dry", *wrong]) == 2


def test_evaluate_blind(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folders / "blind.json"
    assert run(["evaluate", str(folders / "mics"), str(folders / "truth"), "--blind", "--json", str(out)]) == 0
    assert "inter-microphone coherence" in capsys.readouterr().out
    figures = json.loads(out.read_text())
    assert figures["inter_microphone_coherence"]["before"] > 0
    assert set(figures["level_change_db"]) == {"vox", "bass"}
    for name in ("estimated_sdr_before_db", "estimated_sdr_db"):
        assert set(figures[name]) >= {"vox", "bass"}


def test_evaluate_refuses_what_does_not_match(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folders / "clean" / "vox.flac").unlink()
    assert run(["evaluate", str(folders / "truth"), str(folders / "clean")]) == 2
    assert "lacks vox" in capsys.readouterr().err
    soundfile.write(folders / "clean" / "vox.wav", np.zeros(100), RATE)
    soundfile.write(folders / "clean" / "bass.flac", np.zeros(100), RATE)
    assert run(["evaluate", str(folders / "truth"), str(folders / "clean")]) == 2
    assert "sample by sample" in capsys.readouterr().err
    assert run(["evaluate", str(folders / "truth"), str(folders / "nowhere")]) == 2
    assert run(["evaluate", str(folders / "truth"), str(folders / "truth"), "--blind", "--mics", str(folders)]) == 2
