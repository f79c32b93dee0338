"""Time lines: what is moved and stretched comes back, to the bit or to what interpolation allows."""

from collections.abc import Callable

import numpy as np
import pytest

from debleed.soundcheck.time_line import REACH, Stretch, TimeLine, interpolated, sinc_table

RATE = 8000
LENGTH = 3 * RATE
Read = Callable[[int, int], np.ndarray]


def of_array(samples: np.ndarray) -> Read:
    """Read an array, with zeros outside it."""

    def read(start: int, stop: int) -> np.ndarray:
        out = np.zeros(stop - start, samples.dtype)
        first, last = max(0, start), min(len(samples), stop)
        if last > first:
            out[first - start : last - start] = samples[first:last]
        return out

    return read


def tones(at: np.ndarray, highest: float = 0.8, seed: int = 0) -> np.ndarray:
    """Sines below a share of the band, at any places, in samples."""
    rng = np.random.default_rng(seed)
    frequency, phase = np.pi * highest * rng.random(12), rng.uniform(0, 2 * np.pi, 12)
    sound: np.ndarray = np.sin(frequency[:, None] * at + phase[:, None]).sum(axis=0) / 12**0.5
    return sound


def endless(start: int, stop: int) -> np.ndarray:
    return tones(np.arange(start, stop))


def error(found: np.ndarray, true: np.ndarray) -> float:
    """Error in dB."""
    return float(10 * np.log10(np.mean((found - true) ** 2) / np.mean(true**2)))


LINES = [
    TimeLine((Stretch(0, 0.37),)),
    TimeLine((Stretch(0, -812.5, 3e-4),)),
    TimeLine((Stretch(0, 12.25, -3e-4),)),
    TimeLine((Stretch(0, 5, 1e-4), Stretch(9000, 7, -2e-4), Stretch(17000, 3.5))),
]


@pytest.mark.parametrize("line", LINES[:3])
def test_what_was_stretched_is_where_the_lag_says(line: TimeLine) -> None:
    (stretch,) = line.stretches
    time = np.arange(LENGTH, dtype=float)
    true = tones(time + stretch.lag + stretch.slope * time)
    assert error(line.read(endless, 0, LENGTH, RATE), true) < -95


@pytest.mark.parametrize("line", LINES[:3])
def test_the_inverse_undoes_it(line: TimeLine) -> None:
    def moved(start: int, stop: int) -> np.ndarray:
        return line.read(endless, start, stop, RATE)

    assert error(line.inverse().read(moved, 0, LENGTH, RATE), endless(0, LENGTH)) < -95


def test_the_inverse_undoes_jumps_but_for_the_crossfades() -> None:
    line = LINES[3]

    def moved(start: int, stop: int) -> np.ndarray:
        return line.read(endless, start, stop, RATE)

    found, true = line.inverse().read(moved, 0, LENGTH, RATE), endless(0, LENGTH)
    away = np.ones(LENGTH, bool)
    for stretch in line.stretches[1:]:
        away[int(stretch.start) - 200 : int(stretch.start) + 200] = False
    assert error(found[away], true[away]) < -95
    assert np.abs(found).max() < 1.5 * np.abs(true).max()


@pytest.mark.parametrize("lag", [0, 3, -17, 48_000])
def test_whole_samples_move_to_the_bit(lag: int) -> None:
    samples = np.random.default_rng(0).standard_normal(LENGTH).astype(np.float32)
    line = TimeLine((Stretch(0, lag),))
    assert line.straight
    assert line.in_step == (lag == 0)
    found = line.read(of_array(samples), -100, LENGTH + 100, RATE)
    assert found.dtype == np.float32
    assert np.array_equal(found, of_array(samples)(-100 + lag, LENGTH + 100 + lag))
    back = line.inverse().read(lambda a, b: line.read(of_array(samples), a, b, RATE), 0, LENGTH, RATE)
    assert np.array_equal(back, samples)


def test_what_is_in_step_is_not_touched() -> None:
    assert TimeLine().in_step
    assert TimeLine().straight
    assert TimeLine().inverse().in_step


@pytest.mark.parametrize("line", [TimeLine((Stretch(0, 0.5),)), TimeLine((Stretch(0, 2), Stretch(100, 3)))])
def test_what_must_be_interpolated_is_not_straight(line: TimeLine) -> None:
    assert not line.straight
    assert not line.in_step


def test_a_jump_is_a_crossfade() -> None:
    """Whole stretches before and after are to the bit those of the file."""
    samples = np.random.default_rng(0).standard_normal(LENGTH)
    line = TimeLine((Stretch(0, 0), Stretch(9000.0, 40)))
    found = line.read(of_array(samples), 0, LENGTH - 100, RATE)
    fade = round(0.005 * RATE)
    assert np.array_equal(found[: 9000 - fade], samples[: 9000 - fade])
    assert np.array_equal(found[9000 + fade :], samples[9040 + fade : LENGTH - 60])
    share = np.linspace(0, 1, 2 * fade + 1)[:-1]
    during = np.arange(9000 - fade, 9000 + fade)
    blend = (1 - share) * samples[during] + share * samples[during + 40]
    assert found[during] == pytest.approx(blend, abs=1e-9)


@pytest.mark.parametrize("line", [*LINES, *(line.inverse() for line in LINES)])
@pytest.mark.parametrize("block", [1, 700, 7001])
def test_any_block_equals_the_whole(line: TimeLine, block: int) -> None:
    whole = line.read(endless, 0, LENGTH, RATE)
    starts = [8950, 16990] if block == 1 else range(0, LENGTH, block)
    for start in starts:
        stop = min(LENGTH, start + block)
        assert line.read(endless, start, stop, RATE) == pytest.approx(whole[start:stop], abs=1e-9)
    assert line.read(endless, 5, 5, RATE).shape == (0,)


def test_the_lag_is_linear_in_stretches_and_jumps_between_them() -> None:
    line = TimeLine((Stretch(100, 2, 0.01), Stretch(200, -5)))
    assert [line.lag(t) for t in (0, 100, 150, 199.9, 200, 1e6)] == pytest.approx([1, 2, 2.5, 2.999, -5, -5])


@pytest.mark.parametrize("start", [0.0, 812.0, 3e5])
@pytest.mark.parametrize("stretch", [Stretch(1000, -3.25, 2e-4), Stretch(0, 40, -1e-3)])
def test_the_inverse_of_a_stretch_leads_back(stretch: Stretch, start: float) -> None:
    """From whichever sample of the file it is said to begin."""
    time, inverse = np.linspace(-5e3, 5e5, 7), stretch.inverse(start)
    assert inverse.start == start
    assert inverse.in_file(stretch.in_file(time)) == pytest.approx(time, abs=1e-6)
    assert stretch.in_file(inverse.in_file(time)) == pytest.approx(time, abs=1e-6)


def test_a_stretch_of_the_file_ends_where_it_ends_on_the_common_time_line() -> None:
    line = TimeLine((Stretch(0, 5, 1e-4), Stretch(9000, 47), Stretch(17000, 3)))
    back = line.inverse()
    assert [stretch.start for stretch in back.stretches] == pytest.approx([5, 9005.9, 17047])
    for time in (100.0, 8000.0, 9100.0, 16900.0, 17100.0):
        assert back.lag(time + line.lag(time)) == pytest.approx(-line.lag(time))
        assert line.slope(time) == (1e-4 if time < 9000 else 0)


def test_interpolation_at_whole_places_gives_the_samples() -> None:
    samples = np.random.default_rng(0).standard_normal(500)
    found = interpolated(of_array(samples), np.arange(500, dtype=float))
    assert found == pytest.approx(samples, abs=1e-12)
    assert interpolated(of_array(samples), np.zeros(0)).shape == (0,)


def test_the_filter_is_symmetric_and_passes_a_constant() -> None:
    table = sinc_table()
    assert table.shape[1] == 2 * REACH
    assert table[::-1, ::-1] == pytest.approx(table, abs=1e-12)
    assert table.sum(axis=1) == pytest.approx(1, abs=1e-4)
