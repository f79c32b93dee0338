from pathlib import Path

import pytest

from debleed.cli import run
from debleed.scenes.material_check import sums_of
from debleed.scenes.set_file import read_sets
from sets import sets_file


def test_make_and_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = sets_file(tmp_path), tmp_path / "corpora"
    assert run(["corpus", "make", str(path), "-o", str(out), "--sets", "linear,takes"]) == 0
    assert "linear: 2 items (2 made, 0 already there)" in capsys.readouterr().out
    assert run(["corpus", "make", str(path), "-o", str(out)]) == 0
    told = capsys.readouterr().out
    assert "linear: 2 items (0 made, 2 already there)" in told
    assert "soundcheck: 4 items (4 made, 0 already there)" in told
    assert run(["corpus", "check", str(out / "linear")]) == 0
    assert "nothing is missing" in capsys.readouterr().out


def test_check_of_the_material(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = sets_file(tmp_path)
    assert run(["corpus", "check", str(path)]) == 0
    assert "6 of which" in capsys.readouterr().out
    path.with_suffix(".sha256").write_text(sums_of(read_sets(path)))
    assert run(["corpus", "check", str(path)]) == 0
    assert "songs: 6 files, all identical to those behind the published results" in capsys.readouterr().out
    monkeypatch.setenv("DEBLEED_DATA", str(tmp_path / "nowhere"))
    assert run(["corpus", "check", str(path)]) == 1
    assert "songs: two songs of noise (CC0), see tests/sets.py" in capsys.readouterr().out


def test_refusals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = sets_file(tmp_path)
    assert run(["corpus", "make", str(path), "-o", str(tmp_path / "out"), "--sets", "linear,magic"]) == 2
    assert "has no set 'magic'; it has linear, pair" in capsys.readouterr().err
    assert run(["corpus", "make", str(tmp_path / "no.toml"), "-o", str(tmp_path / "out")]) == 2
    assert "there is no file" in capsys.readouterr().err
