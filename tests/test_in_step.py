"""Microphones in step: clocks, late files and jumps are found in the sound that leaks, and only where there are any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import scipy.signal

from bands import RATE, bled, sources
from debleed import Recording, learn
from debleed.methods import Side
from debleed.progress import Progress, quiet
from debleed.scoring.evaluate import sdr
from debleed.soundcheck.alignment import reader
from debleed.soundcheck.in_step import alignment_of, time_lines
from debleed.soundcheck.lines import from_zero, merged, split
from debleed.soundcheck.time_line import Stretch, TimeLine, combined

NAMES = ("bass", "drums", "vox", "keys")


@pytest.fixture(scope="module")
def band() -> tuple[np.ndarray, np.ndarray]:
    """Sources, and their microphones in step: ``(mics, samples)``, 30 s."""
    own = sources(4, seconds=30)
    return own, bled(own)


def recorded(samples: np.ndarray, line: TimeLine, mic: int = 1) -> np.ndarray:
    """Put one microphone on another time line."""
    source = Recording.from_array(samples, RATE)
    out = samples.copy()
    out[mic] = line.inverse().read(reader(source, mic), 0, samples.shape[1], RATE)
    return out


def found(samples: np.ndarray) -> tuple[TimeLine, ...]:
    return time_lines(Recording.from_array(samples, RATE, NAMES[: len(samples)]))


def test_microphones_in_step_are_left_alone(band: tuple[np.ndarray, np.ndarray]) -> None:
    assert all(line.in_step for line in found(band[1]))


def test_microphones_without_common_sound_are_left_alone(band: tuple[np.ndarray, np.ndarray]) -> None:
    assert all(line.in_step for line in found(band[0]))


@pytest.mark.parametrize("ppm", [-250, 12, 145])
def test_a_clock_is_measured_to_a_tenth_of_a_millionth(band: tuple[np.ndarray, np.ndarray], ppm: float) -> None:
    lines = found(recorded(band[1], TimeLine((Stretch(0.0, 0.0, ppm * 1e-6),))))
    assert [line.in_step for line in lines] == [True, False, True, True]
    assert lines[1].lag(30 * RATE) - lines[1].lag(0) == pytest.approx(30 * RATE * ppm * 1e-6, abs=0.1)


@pytest.mark.parametrize(("when", "delay"), [(13.3, 0.0051), (21.0, -0.0034)])
def test_a_jump_is_measured_and_placed(band: tuple[np.ndarray, np.ndarray], when: float, delay: float) -> None:
    whole = round(delay * RATE)
    lines = found(recorded(band[1], TimeLine((Stretch(0.0, 0.0), Stretch(when * RATE, float(whole))))))
    assert [line.in_step for line in lines] == [True, False, True, True]
    _, jump = lines[1].stretches
    assert jump.lag == pytest.approx(whole, abs=0.1)
    assert jump.start / RATE == pytest.approx(when, abs=0.06)


@pytest.mark.parametrize("late", [-2.5, 4.2])
def test_a_file_that_begins_late_is_found(band: tuple[np.ndarray, np.ndarray], late: float) -> None:
    moved = recorded(band[1], TimeLine((Stretch(0.0, -late * RATE),)))
    lines = found(moved)
    lags = np.array([line.lag(0.0) for line in lines]) / RATE
    assert lags[1] - np.delete(lags, 1) == pytest.approx(-late, abs=0.02)
    assert all(line.straight for line in lines)


def test_a_fast_clock_costs_hardly_anything(band: tuple[np.ndarray, np.ndarray]) -> None:
    low = scipy.signal.firwin(101, 0.8)  # interpolation ends at 90 % of the band
    own, mics = (scipy.signal.oaconvolve(z, low[None], mode="same", axes=1) for z in band)
    line = TimeLine((Stretch(0.0, 0.0, 100e-6),))
    moved, truth = (Recording.from_array(recorded(z, line).astype(np.float32), RATE, NAMES) for z in (mics, own))
    still = Recording.from_array(mics.astype(np.float32), RATE, NAMES)
    in_step = sdr(own, learn(still).apply(still).read())
    followed = sdr(truth.read(), learn(moved).apply(moved).read())
    ignored = sdr(truth.read(), learn(moved, settings={"in_step": False}).apply(moved).read())
    assert np.all(followed > in_step - 2)
    assert np.median(followed - ignored) > 5


def test_room_microphones_are_left_alone(band: tuple[np.ndarray, np.ndarray]) -> None:
    moved = recorded(band[1], TimeLine((Stretch(0.0, 0.0, 145e-6),)))
    recording = Recording.from_array(moved, RATE, NAMES, ["bass", None, "vox", "keys"])
    assert alignment_of(recording).in_step


def test_mixes_are_not_compared(band: tuple[np.ndarray, np.ndarray]) -> None:
    moved = recorded(band[1], TimeLine((Stretch(0.0, -2.0 * RATE),)))
    mix = np.array([[0.7, 0.5, 0.6, 0.4]]) @ band[1]
    both = Recording.from_array(np.vstack([moved, mix]), RATE, [*NAMES, "mix"])
    alone = alignment_of(Recording.from_array(moved, RATE, NAMES))
    assert alignment_of(both, ["mix"]).lines[:4] == alone.lines
    assert alignment_of(both, ["mix"]).lines[4] == alone.lines[0]  # as the others, which begin first
    still = Recording.from_array(np.vstack([band[1], mix]).astype(np.float32), RATE, [*NAMES, "mix"])
    stage = learn(still)
    assert stage.soundcheck.mixes == ("mix",)
    assert stage.fingerprint is not None
    assert set(stage.fingerprint.first) | set(stage.fingerprint.second) == {0, 1, 2, 3}


@dataclass(frozen=True)
class Scales:
    """A method that scales by one gain the first time that it learns, and by another one the second time."""

    gains: tuple[float, ...] = (1.0, 0.5)
    in_step: bool = True
    needs: ClassVar[frozenset[str]] = frozenset()
    source_count: ClassVar[int | None] = None

    def learn(self, recording: Recording, side: Side = Side(), progress: Progress = quiet) -> Scaled:  # noqa: B008
        lengths.append(recording.length)
        return Scaled(self.gains[len(lengths) - 1])


@dataclass(frozen=True)
class Scaled:
    gain: float

    def apply(self, recording: Recording) -> Recording:
        return recording.with_reader(lambda start, stop: self.gain * recording.read(start, stop))


lengths: list[int] = []


@pytest.mark.parametrize("gains", [(1.0, 0.5), (0.5, 1.0)])
def test_what_separates_the_shared_part_better_is_chosen(
    band: tuple[np.ndarray, np.ndarray], gains: tuple[float, float]
) -> None:
    lengths.clear()
    moved = recorded(band[1], TimeLine((Stretch(0.0, -4.0 * RATE),)))
    stage = learn(Recording.from_array(moved, RATE, NAMES), Scales(gains))
    assert lengths == pytest.approx([26 * RATE, 30 * RATE], abs=0.02 * RATE)  # what all hold, what most hold
    assert stage.learned == Scaled(0.5)
    lengths.clear()
    learn(Recording.from_array(band[1], RATE, NAMES), Scales(gains))
    assert lengths == [30 * RATE]


def test_short_recordings_and_single_microphones_are_left_alone(band: tuple[np.ndarray, np.ndarray]) -> None:
    assert all(line.in_step for line in found(band[1][:, : 5 * RATE]))
    assert found(band[1][:1]) == (TimeLine(),)
    assert all(line.in_step for line in found(np.zeros((3, 30 * RATE))))


def test_a_line_with_a_bend_is_split_there() -> None:
    times = np.arange(20.0)
    lag = np.where(times < 8, 0.0, 50.0)
    first, second = split(times, lag)
    assert (first.lag, second.lag, second.start) == (0, 50, 7.5)
    assert merged(TimeLine((first, second)), 1, times).stretches == (Stretch(0.0, 0.0),)


def test_time_lines_add_up() -> None:
    one = TimeLine((Stretch(0.0, 1.0, 0.5),))
    other = TimeLine((Stretch(0.0, 0.0), Stretch(10.0, 3.0, -0.25)))
    both = combined(one, other)
    for time in (0.0, 5.0, 10.0, 40.0):
        assert both.lag(time) == one.lag(time) + other.lag(time)
    assert from_zero([Stretch(4.0, 3.0, 0.5)]).lag(0.0) == 0
