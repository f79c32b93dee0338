"""How far a run is in time, and how long it will take."""

import pytest

from debleed.web.pace import DEMIX, UNKNOWN, Pace, estimated, keep, learnt, load

UNEVEN = Pace((0, 0.1, 0.9, 1), (0, 0.5, 0.9, 1), 1.0)  # the first tenth of its steps takes half of its time


def course(pace, total, upto):
    """The marks of a run that goes as ``pace`` says and takes ``total`` seconds."""
    return [(time * total, step) for step, time in zip(pace.steps, pace.times, strict=True) if 0 < time * total <= upto]


@pytest.mark.parametrize("pace", [UNEVEN, DEMIX])
@pytest.mark.parametrize("speed", [0.2, 1, 5])
def test_time_left_is_right_from_a_tenth_on_at_any_speed(pace, speed):
    size, total = 100.0, 100 * pace.seconds * speed
    for tenths in range(10, 99):
        elapsed = total * tenths / 100
        share, left = estimated(pace, course(pace, total, elapsed), elapsed, size)
        if share >= 0.1 and tenths >= 10 and course(pace, total, elapsed):
            assert share <= 0.999
            if pace.at(course(pace, total, elapsed)[-1][1]) >= 0.1:
                assert (total - elapsed) / 1.5 - 1 <= left <= (total - elapsed) * 1.5 + 0.03 * total


def test_it_moves_before_anything_was_reported_and_not_past_what_comes_next():
    shares = [estimated(UNEVEN, [], elapsed, 100)[0] for elapsed in (0, 1, 10, 1000)]
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert 0 < shares[1] < shares[2] < shares[3] < UNEVEN.times[1]


def test_a_run_teaches_the_next_one(tmp_path):
    assert load(tmp_path, "demix") == DEMIX
    assert load(tmp_path, "kamir") == UNKNOWN
    found = learnt([(5.0, 0.1), (9.0, 0.9)], 10.0, 20.0)
    assert found == Pace((0.0, 0.1, 0.9, 1.0), (0.0, 0.5, 0.9, 1.0), 0.5)
    keep(tmp_path, "kamir", found)
    keep(tmp_path, "demix", UNEVEN)
    assert (load(tmp_path, "kamir"), load(tmp_path, "demix")) == (found, UNEVEN)
    (tmp_path / "pace.json").write_text('{"demix": {"steps": "no"}}')
    assert load(tmp_path, "demix") == DEMIX


def test_a_run_that_told_nothing_teaches_nothing():
    assert learnt([(1.0, 0.5)], 10.0, 20.0) is None
    assert learnt([(1.0, 0.2), (2.0, 0.5)], 10.0, 0.0) is None


def test_a_long_gap_is_crossed_even_if_the_last_mark_differs_by_a_hair():
    pace = Pace((0, 0.46, 0.73, 1), (0, 0.4, 0.8, 1), 1.0)
    share, left = estimated(pace, [(40.0, 0.4598)], 60.0, 100.0)
    assert share == pytest.approx(0.6, abs=0.01)
    assert left == pytest.approx(40, abs=1)


def test_a_course_is_the_mean_of_runs():
    even = Pace((0.0, 0.5, 1.0), (0.0, 0.5, 1.0), 3.0)
    mean = UNEVEN.blended(even)
    assert mean.at(0.1) == pytest.approx((0.5 + 0.1) / 2)
    assert mean.at(0.5) == pytest.approx((0.7 + 0.5) / 2)
    assert (mean.at(0), mean.at(1), mean.seconds) == (0, 1, 2)
    many = Pace(tuple(k / 99 for k in range(100)), tuple(k / 99 for k in range(100)), 1.0)
    assert len(many.blended(even).steps) <= 61
