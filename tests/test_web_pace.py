"""How far a run is in time, and how long it will take."""

import json
from pathlib import Path

import numpy as np
import pytest

from debleed.web.jobs import overall
from debleed.web.pace import (
    DEMIX,
    KNOWN,
    STAGES,
    UNKNOWN,
    Pace,
    estimated,
    keep,
    learnt,
    load,
    stage_at,
    thinned,
)

UNEVEN = Pace((0, 0.1, 0.9, 1), (0, 50, 90, 100), 4, 60)  # the first tenth of its steps takes half of its time
RECORDED = json.loads((Path(__file__).parent / "recorded_pace.json").read_text("utf-8"))
"""What runs of `demix` on a kit and on a song reported, on two busy cores, and how long they took."""


def course(pace, slow, upto):
    """The marks of a run that goes as ``pace`` says but takes so many times as long."""
    marks = zip(pace.times, pace.steps, strict=True)
    return [(time * slow, step) for time, step in marks if 0 < time * slow <= upto]


@pytest.mark.parametrize("pace", [UNEVEN, DEMIX])
@pytest.mark.parametrize("slow", [1 / 3, 1, 3])
def test_time_left_is_right_from_a_tenth_on_at_any_speed_of_a_new_machine(pace, slow):
    untried = Pace(pace.steps, pace.times, pace.mics, pace.seconds, runs=0)
    total, told = pace.total * slow, 0
    for tenths in range(10, 99):
        elapsed = total * tenths / 100
        marks = course(pace, slow, elapsed)
        _, left = estimated(untried, marks, elapsed)
        if left is not None and marks and marks[-1][0] >= 0.1 * total:
            told += 1
            assert (total - elapsed) / 1.5 - 0.02 * total <= left <= (total - elapsed) * 1.5 + 0.02 * total
    assert told > 40


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_run_is_told_by_the_others(name):
    run, known = RECORDED[name], None
    for other, before in RECORDED.items():
        if other != name:
            found = learnt(before["marks"], before["took"], before["mics"], before["seconds"])
            known = found.blended(known) if known else found
    expected, took = known.scaled(run["mics"], run["seconds"]), run["took"]
    shares, right = [], []
    for elapsed in np.arange(0.1 * took, 0.95 * took, 0.25):
        share, left = estimated(expected, [mark for mark in run["marks"] if mark[0] <= elapsed], elapsed)
        shares.append(share)
        if left is not None:
            right.append(1 / 1.5 <= left / (took - elapsed) <= 1.5)
    assert min(np.diff(shares)) > -0.05  # the page shows the highest that it has seen
    assert len(right) > 0.9 * len(shares)
    assert np.mean(right) >= 0.9


def test_nothing_is_told_before_it_can_be_known():
    assert estimated(UNKNOWN, [(10.0, 0.5)], 12.0)[1] is None
    assert estimated(UNEVEN, [], 0.5 * KNOWN * UNEVEN.total)[1] is None
    assert estimated(UNEVEN, [(50.0, 0.1)], 50.0)[1] == pytest.approx(50)


def test_time_left_falls_with_the_clock_and_grows_if_a_part_is_late():
    lefts = [estimated(UNEVEN, [(50.0, 0.1)], elapsed)[1] for elapsed in (50, 60, 70, 80)]
    assert lefts == pytest.approx([50, 40, 30, 20], abs=1e-6)
    late = [estimated(UNEVEN, [(50.0, 0.1)], elapsed)[1] for elapsed in (120, 200)]
    assert late == sorted(late)
    assert late[0] > 0.15 * 70


def test_it_moves_before_anything_was_reported_and_not_past_what_comes_next():
    shares = [estimated(UNEVEN, [], elapsed)[0] for elapsed in (0, 1, 10, 1000)]
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert 0 < shares[1] < shares[2] < shares[3] < UNEVEN.times[1] / UNEVEN.total


def test_learning_does_not_grow_with_the_hour_and_writing_does():
    bounds = [overall(STAGES, stage, 0) for stage in STAGES] + [1.0]
    each = Pace(tuple(bounds), tuple(10.0 * k for k in range(len(bounds))), 4, 120)
    hour = dict(zip(STAGES, np.diff(each.scaled(4, 3600).times), strict=True))
    assert hour == pytest.approx({"check": 300, "compare": 10, "": 10, "changes": 300, "result": 300, "figures": 10})
    assert each.scaled(8, 120).total == pytest.approx(2 * each.total)
    assert each.scaled(4, 120) == each
    assert [stage_at(bound) for bound in bounds[:-1]] == list(STAGES)


def test_a_run_teaches_the_next_one(tmp_path):
    assert load(tmp_path, "demix") == DEMIX
    assert load(tmp_path, "kamir") == UNKNOWN
    found = learnt([(5.0, 0.1), (9.0, 0.9)], 10.0, 2, 10.0)
    assert found == Pace((0.0, 0.1, 0.9, 1.0), (0.0, 5.0, 9.0, 10.0), 2, 10.0)
    keep(tmp_path, "kamir", found)
    keep(tmp_path, "demix", UNEVEN)  # what a machine does says more than what the program comes with
    assert (load(tmp_path, "kamir"), load(tmp_path, "demix")) == (found, UNEVEN)
    keep(tmp_path, "kamir", Pace(found.steps, tuple(3 * time for time in found.times), 2, 10.0))
    assert load(tmp_path, "kamir").total == pytest.approx(20)
    assert load(tmp_path, "kamir").runs == 2
    for damaged in ('{"demix": {"steps": "no"}}', '{"demix": {"steps": [0, 1], "times": [0, 1], "seconds": 0.5}}', "["):
        (tmp_path / "pace.json").write_text(damaged)  # the second is as version 0.2 wrote it
        assert load(tmp_path, "demix") == DEMIX


def test_a_run_that_told_nothing_teaches_nothing():
    assert learnt([(1.0, 0.5)], 10.0, 2, 10.0) is None
    assert learnt([(1.0, 0.2), (2.0, 0.5)], 10.0, 2, 0.0) is None


def test_a_long_gap_is_crossed_even_if_the_last_mark_differs_by_a_hair():
    pace = Pace((0, 0.46, 0.73, 1), (0, 40, 80, 100), 1, 60)
    share, left = estimated(pace, [(40.0, 0.4598)], 60.0)
    assert share == pytest.approx(0.6, abs=0.01)
    assert left == pytest.approx(40, abs=1)


def test_a_course_is_the_mean_of_runs_of_any_size():
    even = Pace((0.0, 0.5, 1.0), (0.0, 50, 100), 4, 60)
    mean = UNEVEN.blended(even)
    assert mean.at(0.1) == pytest.approx((50 + 10) / 2)
    assert mean.at(0.5) == pytest.approx((70 + 50) / 2)
    assert (mean.at(0), mean.total, mean.runs) == (0, 100, 2)
    assert UNEVEN.blended(even.scaled(8, 20)).times == pytest.approx(mean.times, abs=0.01)
    steps = thinned([k / 9999 for k in range(10_000)])
    assert len(steps) < 201
    assert (steps[0], steps[-1]) == (0, 1)
