"""PortAudio: with a library that only looks like it, and with the real one on JACK's dummy driver."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from debleed import InputError
from debleed.live import Stream, portaudio
from debleed.live.watched import Watched
from live_stages import RATE, linear, noise, stage_of, whole


class PortAudioError(Exception):
    pass


class FakeStream:
    """The few parts of ``sounddevice.Stream`` that are used."""

    def __init__(self, **options: object) -> None:
        self.__dict__.update(options)
        if options["device"] == "none":
            raise ValueError("No input device matching 'none'")
        if options["channels"] > 3:
            raise PortAudioError("Invalid number of channels [PaErrorCode -9998]\nmore")
        fake.stream = self

    def __enter__(self) -> None:
        pass

    def __exit__(self, *failure: object) -> None:
        self.finished_callback()


fake = SimpleNamespace(Stream=FakeStream, PortAudioError=PortAudioError, stream=None)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portaudio, "library", lambda: fake)


def play(mics: int, wait: object = lambda watched: None, **options: object) -> Watched:
    stage = stage_of(linear(mics))
    chosen = {"block": 64, "device": None, **options}
    return portaudio.play(RATE, lambda block: Stream(stage, block), wait, **chosen)


def test_the_channels_are_the_microphones(library: None) -> None:
    mics, expected = noise(3, 192), Stream(stage_of(linear()), 64)

    def wait(watched: Watched) -> None:
        for k in range(0, 192, 64):
            played = np.zeros((64, 3), np.float32)
            fake.stream.callback(mics[:, k : k + 64].T, played, 64, None, k == 64)
            assert np.array_equal(played.T, expected.process(mics[:, k : k + 64]))

    watched = play(3, wait, device="4")
    assert (watched.blocks, watched.dropouts, watched.lost) == (3, 1, None)
    opened = fake.stream
    assert (opened.samplerate, opened.blocksize, opened.channels, opened.device) == (RATE, 64, 3, 4)


def test_a_device_that_stops_is_said(library: None) -> None:
    assert play(3, lambda watched: fake.stream.finished_callback()).lost == "the sound device has stopped"


def test_a_device_that_cannot_is_refused(library: None) -> None:
    with pytest.raises(
        InputError, match=r"4 inputs and 4 outputs at 8000 Hz \(Invalid number of channels [^\n]*--device"
    ):
        play(4)
    with pytest.raises(InputError, match="No input device matching 'none'"):
        play(3, device="none")


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(InputError, match=r"pip install 'debleed\[live\]'"):
        portaudio.library()


def test_the_command_on_a_real_device(jack_server: subprocess.Popen[bytes], tmp_path: Path) -> None:
    path = tmp_path / "a.debleed"
    stage_of(whole()).save(path)
    command = [sys.executable, "-c", "from debleed.cli import main; main()", "live", str(path), "--driver", "portaudio"]
    if (
        "JACK"
        not in (done := subprocess.run([sys.executable, "-m", "sounddevice"], capture_output=True, text=True)).stdout
    ):
        pytest.skip(f"needs a PortAudio that knows JACK: {done.stdout or done.stderr}")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = next(line for line in process.stderr if "microphones" in line)  # ALSA writes there, too
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        rest, code = process.stderr.read(), process.wait(30)
    assert said.startswith("3 microphones at 8000 Hz in blocks of 256 samples (32.0 ms)")
    assert "blocks; the slowest took" in rest
    assert not rest.startswith("0 blocks")
    assert code == 0
