"""The command 'live': what it refuses, each with a sentence."""

from pathlib import Path

import numpy as np
import pytest

from debleed import Recording, learn
from debleed.cli import live, run
from debleed.contract import band
from debleed.live import Stream, jack_client, portaudio
from debleed.live.watched import Watched
from live_stages import RATE, linear, stage_of, whole


@pytest.fixture
def saved(tmp_path: Path) -> str:
    stage_of(whole(background=True)).save(tmp_path / "a.debleed")
    return str(tmp_path / "a.debleed")


def test_options_reach_the_stream(saved: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def play(rate: int, make: object, wait: object, **options: object) -> Watched:
        made.append((make(128), options))
        return Watched(made[-1][0])

    monkeypatch.setattr(jack_client, "play", play)
    monkeypatch.setattr(portaudio, "play", play)
    without = ["--without", "tracking", "--without", "background", "--without", "own-sound"]
    assert run(["live", saved, "--lookahead", "2", *without]) == 0
    stream, options = made.pop()
    assert options == {}
    assert stream.latency == 0.002 * RATE + 256 - 64
    assert run(["live", saved, "--driver", "portaudio", "--device", "Desk"]) == 0
    stream, options = made.pop()
    assert options == {"block": 256, "device": "Desk"}
    assert stream.latency == Stream(stage_of(whole(background=True)), 128).latency
    assert run(["live", saved, "--driver", "portaudio", "--block", "0"]) == 0
    assert made.pop()[1] == {"block": 0, "device": None}


@pytest.mark.parametrize("arguments", [["--block", "64"], ["--device", "Desk"]])
def test_options_of_portaudio_are_refused_with_jack(
    saved: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["live", saved, *arguments]) == 2
    assert "for --driver portaudio" in capsys.readouterr().err


def test_no_server_is_said(saved: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        import jack  # noqa: F401
    except (ImportError, OSError):
        pytest.skip("needs JACK: pip install 'debleed[live]' and libjack")
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "none-such")
    assert run(["live", saved]) == 2
    error = capsys.readouterr().err
    assert "no JACK server runs here" in error
    assert len(error.splitlines()) == 1


def test_a_stage_of_another_method_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mics, _ = band()
    learn(Recording.from_array(mics, RATE), "kamir", settings={"iterations": 1}).save(tmp_path / "k.debleed")

    def play(rate: int, make: object, wait: object) -> None:
        make(256)

    monkeypatch.setattr(jack_client, "play", play)
    assert run(["live", str(tmp_path / "k.debleed")]) == 2


@pytest.mark.parametrize(("field", "code"), [("failure", 1), ("lost", 1), (None, 0)])
def test_the_exit_code(saved: str, field: str | None, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def play(rate: int, make: object, wait: object) -> Watched:
        watched = Watched(make(64))
        if field:
            setattr(watched, field, "something happened")
        return watched

    monkeypatch.setattr(jack_client, "play", play)
    assert run(["live", saved]) == code


def test_a_failure_is_said_once_and_the_rest_waits(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watched = Watched(Stream(stage_of(linear()), 64))
    looks = iter(range(4))

    def sleep(seconds: float) -> None:
        look = next(looks)
        watched.failure = "the stream failed (x)"
        if look == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(live.time, "sleep", sleep)
    with caplog.at_level("INFO", "debleed"):
        live.wait(watched)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert "0 ms late" in said[0]
    assert said[1] == "the stream failed (x); the microphones go through unchanged until you press Ctrl-C"
    watched.lost = "JACK has ended (x)"
    watched.process(np.zeros((3, 64), np.float32))
    live.wait(watched)  # returns at once
