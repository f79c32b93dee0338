"""JACK: with a client that only looks like one, and with a real server whose driver is no sound card."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from debleed import InputError
from debleed.live import Stream, jack_client
from debleed.live.watched import Watched
from live_stages import RATE, error_db, linear, noise, stage_of, streamed, whole


class Ports(list):
    def register(self, name: str) -> SimpleNamespace:
        array = np.zeros(64, np.float32)
        self.append(SimpleNamespace(name=name, array=array, get_array=lambda: array))
        return self[-1]


class FakeClient:
    """The few parts of ``jack.Client`` that are used."""

    samplerate, blocksize = RATE, 64

    def __init__(self) -> None:
        self.inports, self.outports = Ports(), Ports()
        self.closed = self.active = False

    def set_process_callback(self, callback: object) -> None:
        self.process = callback

    def set_xrun_callback(self, callback: object) -> None:
        self.xrun = callback

    def set_shutdown_callback(self, callback: object) -> None:
        self.shutdown = callback

    def activate(self) -> None:
        self.active = True

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> FakeClient:
    fake = FakeClient()
    monkeypatch.setattr(jack_client, "opened", lambda: fake)
    return fake


def test_every_microphone_has_a_port_in_and_a_port_out(client: FakeClient) -> None:
    stage, mics = stage_of(linear()), noise(3, 192)
    expected = Stream(stage, 64)

    def wait(watched: Watched) -> None:
        assert client.active
        assert [port.name for port in client.inports] == ["in 1 mic0", "in 2 mic1", "in 3 mic2"]
        assert [port.name for port in client.outports] == ["out 1 mic0", "out 2 mic1", "out 3 mic2"]
        for k in range(0, 192, 64):
            for port, row in zip(client.inports, mics[:, k : k + 64], strict=True):
                port.array[:] = row
            client.process(64)
            assert np.array_equal([port.array for port in client.outports], expected.process(mics[:, k : k + 64]))
        client.xrun(100.0)
        client.shutdown(None, "server quit")

    watched = jack_client.play(RATE, lambda block: Stream(stage, block), wait)
    assert (watched.blocks, watched.dropouts, watched.lost) == (3, 1, "JACK has ended (server quit)")
    assert client.closed


def test_another_block_goes_through_and_is_said(client: FakeClient) -> None:
    watched = Watched(Stream(stage_of(linear()), 128))
    jack_client.attach(client, watched)
    client.inports[0].array[:] = 0.5
    client.process(64)
    assert np.all(client.outports[0].array == 0.5)
    assert watched.failure == "JACK changed the block from 128 to 64 samples"


def test_another_rate_is_refused(client: FakeClient) -> None:
    with pytest.raises(InputError, match=r"JACK runs at 8000 Hz, but the stage was learnt at 44100 Hz"):
        jack_client.play(44100, lambda block: Stream(stage_of(linear()), block), lambda watched: None)
    assert client.closed


def test_a_block_that_the_stream_refuses_closes_the_client(client: FakeClient) -> None:
    client.blocksize = 32
    with pytest.raises(InputError, match="64 to 2048"):
        jack_client.play(RATE, lambda block: Stream(stage_of(linear()), block), lambda watched: None)
    assert client.closed


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jack", None)
    with pytest.raises(InputError, match=r"pip install 'debleed\[live\]'"):
        jack_client.opened()


def test_a_real_server(jack_server: subprocess.Popen[bytes]) -> None:
    import jack

    stage, heard, played = stage_of(linear()), [], []
    mics = noise(3, 64 * 256)

    def wait(watched: Watched) -> None:
        """Send noise through the stream with a client of its own."""
        other = jack.Client("player", no_start_server=True)
        sends = [other.outports.register(f"send{k}") for k in range(3)]
        returns = [other.inports.register(f"return{k}") for k in range(3)]

        @other.set_process_callback
        def process(frames: int) -> None:
            played.append(np.stack([port.get_array() for port in returns]))
            first = len(heard) * frames % mics.shape[1]
            heard.append(mics[:, first : first + frames])
            for port, row in zip(sends, heard[-1], strict=True):
                port.get_array()[:] = row

        with other:
            ports = {port.shortname: port for port in other.get_ports("debleed")}
            for k, (send, back) in enumerate(zip(sends, returns, strict=True), 1):
                other.connect(send, ports[f"in {k} mic{k - 1}"])
                other.connect(ports[f"out {k} mic{k - 1}"], back)
            begin = time.monotonic()
            while len(heard) < 200 and time.monotonic() < begin + 60:
                time.sleep(0.05)

    watched = jack_client.play(RATE, lambda block: Stream(stage, block), wait)
    assert watched.failure is None
    assert watched.blocks > 100
    sent, came = np.concatenate(heard, axis=1), np.concatenate(played, axis=1)
    clean = streamed(Stream(stage, 256), sent)
    # the microphone that is left alone tells how late the loop is, and where the server dropped nothing
    errors = []
    for loop in (256, 512, 768):
        for k in range(4096, came.shape[1] - 2048, 1024):
            here, there = slice(k, k + 2048), slice(k - loop, k - loop + 2048)
            if np.array_equal(came[2, here], sent[2, there]):
                errors.append(error_db(clean[:, there][:, 1024:], came[:, here][:, 1024:]))
    assert errors
    assert np.median(errors) < -100
    assert error_db(sent[:2], clean[:2]) > -20


def test_the_command_plays_until_it_is_interrupted(jack_server: subprocess.Popen[bytes], tmp_path: Path) -> None:
    path = tmp_path / "a.debleed"
    stage_of(whole()).save(path)
    code = "from debleed.cli import main; main()"
    command = [sys.executable, "-c", code, "live", str(path), "--without", "postfilter", "--lookahead", "5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        rest, _ = process.stderr.read(), process.wait(30)
    assert said == (
        "3 microphones at 8000 Hz in blocks of 256 samples (32.0 ms); the result is 37.0 ms late, beyond the block and "
        "the sound system; press Ctrl-C to stop\n"
    )
    assert "blocks; the slowest took" in rest
    assert process.returncode == 0


def test_the_command_ends_with_the_server(jack_server: subprocess.Popen[bytes], tmp_path: Path) -> None:
    path = tmp_path / "a.debleed"
    stage_of(linear()).save(path)
    command = [sys.executable, "-c", "from debleed.cli import main; main()", "live", str(path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "press Ctrl-C" in process.stderr.readline()
        jack_server.terminate()
        rest, code = process.stderr.read(), process.wait(30)
    assert "JACK has ended" in rest
    assert code == 1
