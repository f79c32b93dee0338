import time

import pytest
import soundfile

from debleed.cli import run
from debleed.scenes.demo import SOURCES
from debleed.scenes.scene import from_json


def test_the_demo_writes_what_it_says(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("debleed.scenes.demo.RATE", 16000)
    asked = ["demo", "-o", str(tmp_path / "d"), "--seconds", "10", "--method", "kamir"]
    assert run(asked) == 0
    told = capsys.readouterr().out
    assert "median" in told
    assert "report.html" in told
    out = tmp_path / "d"
    assert sorted(p.name for p in out.iterdir()) == ["clean", "images", "mics", "report.html", "scene.json"]
    for kind in ("mics", "clean", "images"):
        assert sorted(p.stem for p in (out / kind).iterdir()) == sorted(SOURCES)
        info = soundfile.info(out / kind / "singer.wav")
        assert (info.samplerate, info.frames, info.subtype) == (16000, 160000, "PCM_24")
    assert from_json((out / "scene.json").read_text()).measured_rt60 >= 0.35
    assert run(asked) == 2
    assert "--force" in capsys.readouterr().err


@pytest.mark.parametrize("option", [["--seconds", "3"], ["--method", "magic"]])
def test_the_demo_refuses_before_it_begins(tmp_path, option):
    assert run(["demo", "-o", str(tmp_path / "d"), *option]) == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_demo_gains_twelve_decibel_in_a_minute(tmp_path, capsys):
    start = time.monotonic()
    assert run(["demo", "-o", str(tmp_path / "d")]) == 0
    seconds = time.monotonic() - start
    gain = float(capsys.readouterr().out.split("median")[1].split("+")[1].split()[0])
    assert gain >= 12
    assert seconds <= 60
    assert (tmp_path / "d" / "report.html").stat().st_size <= 20_000_000
