"""A stream that plays: it never stops the sound, and says how it went."""

import gc

import numpy as np
import pytest

from debleed.live import Stream
from debleed.live.watched import Watched, milliseconds, undisturbed
from live_stages import RATE, linear, noise, stage_of


def watched() -> Watched:
    return Watched(Stream(stage_of(linear()), 64))


def test_it_cleans_and_counts() -> None:
    playing, other = watched(), Stream(stage_of(linear()), 64)
    mics = noise(3, 640)
    for k in range(0, 640, 64):
        assert np.array_equal(playing.process(mics[:, k : k + 64]), other.process(mics[:, k : k + 64]))
    assert playing.blocks == 10
    assert 0 < playing.slowest < 10
    assert playing.seconds == 64 / RATE
    assert "10 blocks; the slowest took" in playing.summary()
    assert "of 8.00 ms" in playing.summary()


def test_a_late_block_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 1.0, 2.0, 2.001])
    monkeypatch.setattr("debleed.live.watched.perf_counter", lambda: next(times))
    playing = watched()
    for _ in range(2):
        playing.process(noise(3, 64))
    assert (playing.late, playing.slowest) == (1, 1.0)


def test_after_a_failure_the_microphones_go_through(monkeypatch: pytest.MonkeyPatch) -> None:
    playing = watched()
    mics = noise(3, 64)

    def failing(samples: np.ndarray) -> np.ndarray:
        raise MemoryError("no memory left")

    monkeypatch.setattr(playing.stream, "process", failing)
    for _ in range(3):
        assert np.array_equal(playing.process(mics), mics)
    assert playing.failure == "the stream failed (no memory left)"
    assert playing.blocks == 0


def test_the_collector_rests_while_it_plays() -> None:
    with undisturbed():
        assert not gc.isenabled()
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 ms"), (0.00026, "0.26 ms"), (0.0053333, "5.33 ms"), (0.0373, "37.3 ms"), (1.5, "1500 ms")],
)
def test_times(seconds: float, text: str) -> None:
    assert milliseconds(seconds) == text
