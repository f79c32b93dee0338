"""Alignment: what is done on the common time line comes back on the time line of each file."""

import logging

import numpy as np
import pytest

from debleed import Recording
from debleed.soundcheck.alignment import Alignment
from debleed.soundcheck.time_line import Stretch, TimeLine

RATE = 8000
SOUND = np.random.default_rng(0).standard_normal((3, 4 * RATE))
STILL, LATE = TimeLine(), TimeLine((Stretch(0.0, -700.0),))
FAST = TimeLine((Stretch(0.0, 0.0, 200e-6),))


def recording() -> Recording:
    return Recording.from_array(SOUND, RATE, ["a", "b", "c"])


@pytest.mark.parametrize("lines", [(STILL,) * 3, (STILL, LATE, STILL), (STILL, FAST, LATE), (LATE, LATE, FAST)])
def test_what_is_left_alone_comes_back_to_the_bit(lines: tuple[TimeLine, ...]) -> None:
    alignment = Alignment.of(lines)
    aligned = alignment.aligned(recording())
    assert np.array_equal(alignment.undone(recording(), aligned, aligned).read(), SOUND)


@pytest.mark.parametrize("lag", [-700.0, 700.0])
def test_files_that_begin_early_or_late_are_whole_on_the_common_time_line(lag: float) -> None:
    alignment = Alignment.of([STILL, TimeLine((Stretch(0.0, lag),)), STILL])
    aligned = alignment.aligned(recording())
    assert aligned.length == SOUND.shape[1] + 700
    found = aligned.read()
    moved, others = (0, 700) if lag > 0 else (700, 0)
    assert np.array_equal(found[1, moved : moved + SOUND.shape[1]], SOUND[1])
    assert np.array_equal(found[0, others : others + SOUND.shape[1]], SOUND[0])
    assert alignment.shared(recording()) == (700, SOUND.shape[1])


def test_what_is_changed_is_changed_in_the_file() -> None:
    alignment = Alignment.of([STILL, LATE, STILL])
    aligned = alignment.aligned(recording())
    halved = aligned.with_reader(lambda start, stop: aligned.read(start, stop) / 2)
    assert np.array_equal(alignment.undone(recording(), aligned, halved).read(), SOUND / 2)


def test_any_part_is_as_in_the_whole() -> None:
    alignment = Alignment.of([STILL, FAST, LATE])
    aligned = alignment.aligned(recording())
    quieter = aligned.with_reader(lambda start, stop: aligned.read(start, stop) * 0.7)
    whole = alignment.undone(recording(), aligned, quieter)
    assert whole.read(9000, 15000) == pytest.approx(whole.read()[:, 9000:15000], abs=1e-9)


def test_each_microphone_out_of_step_is_said(caplog: pytest.LogCaptureFixture) -> None:
    jump = TimeLine((Stretch(0.0, 0.0), Stretch(2.0 * RATE, 32.0)))
    with caplog.at_level(logging.INFO, "debleed"):
        Alignment.of([STILL, LATE, STILL]).announce(recording())
        Alignment.of([FAST, STILL, jump]).announce(recording())
    late, fast, jumps = (record.getMessage() for record in caplog.records)
    assert late.startswith("b begins 0.087 s later than the others")
    assert fast.startswith("a has a clock that runs 200.0 ppm fast")
    assert jumps.startswith("c runs 4.00 ms later from 0:02.0 on")
