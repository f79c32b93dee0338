import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import debleed
from debleed.decibels import amplitude, decibels, shown

HOUSE = Path(debleed.__file__).parent


@given(st.floats(-300, 300))
def test_one_conversion_inverts_the_other(level):
    assert float(decibels(amplitude(level) ** 2)) == pytest.approx(level, abs=1e-9)


def test_closed_forms():
    assert decibels([1, 10, 100], 10).tolist() == [-10, 0, 10]
    assert decibels(np.ones((2, 1)), np.ones(3)).shape == (2, 3)
    assert amplitude(0.0) == 1
    assert amplitude(-math.inf) == 0
    assert amplitude(np.array([20.0, -20.0])).tolist() == [10, 0.1]


def test_nothing_against_nothing():
    found = decibels([0.0, 1.0, 0.0], [1.0, 0.0, 0.0])
    assert found[0] == -math.inf
    assert found[1] == math.inf
    assert math.isnan(found[2])


def test_ratios_beyond_the_range_of_a_float():
    assert float(decibels(1e300, 1e-300)) == pytest.approx(6000)


@pytest.mark.parametrize(
    ("value", "text"),
    [(-0.04, "0.0"), (-3.14, "−3.1"), (0.05, "0.1"), (np.nan, "–"), (np.inf, "∞"), (-np.inf, "−∞"), (12, "12.0")],
)
def test_numbers_are_written_for_people(value, text):
    assert shown(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(3, "+3"), (-3, "−3"), (-0.4, "+0"), (0, "+0"), (np.nan, "–"), (np.inf, "∞"), (-np.inf, "−∞")]
)
def test_signs_of_changes(value, text):
    assert shown(value, 0, sign=True) == text


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 6))
def test_what_is_shown_can_be_read_back(value, digits):
    back = float(shown(value, digits).replace("−", "-"))
    assert back == round(value, digits)
    assert math.copysign(1, back) == 1 or back < 0


def test_there_is_no_second_formatter():
    marks = re.compile(r"[\"'](−|−?∞|–)[\"']|:\+?\.\df\}.*dB")
    found = {
        path.relative_to(HOUSE).as_posix()
        for path in [*HOUSE.rglob("*.py"), *HOUSE.rglob("*.js")]
        if marks.search(path.read_text("utf-8"))
    }
    assert found <= {
        "decibels.py",
        "web/static/dom.js",  # the page's own, in its own language
        "bench/tables.py",  # a dash where there is no time or memory
        "cli/benchmark.py",  # looks for columns of figures
        "web/static/session.js",  # a dash where there is no percentage
        "report/assets/report.js",  # likewise, in the report
        "web/static/meters.js",  # the page's own
        "web/static/listen.js",  # the mark on a button
    }
