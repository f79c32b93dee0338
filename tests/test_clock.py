from hypothesis import given
from hypothesis import strategies as st

from debleed.clock import clock, hours


def read(text: str) -> float:
    found = 0.0
    for part in text.split(":"):
        found = 60 * found + float(part)
    return found


@given(st.floats(0, 1e6), st.integers(0, 3))
def test_times_are_right_to_half_the_last_digit(seconds: float, digits: int) -> None:
    for text in (clock(seconds, digits), hours(seconds, digits)):
        assert abs(read(text) - seconds) <= 0.5001 * 10**-digits
        assert all(float(part) < 60 for part in text.split(":")[-2:])


def test_what_is_shown_depends_on_what_there_is() -> None:
    assert (clock(0.04, 1), clock(3599.94, 1), clock(3599.96, 1)) == ("0:00.0", "59:59.9", "1:00:00.0")
    assert (clock(65.1, 1), clock(3599.5), hours(3599.5)) == ("1:05.1", "1:00:00", "1:00:00")
    assert (hours(0.96225, 3), hours(0.0001, 3)) == ("0:00:00.962", "0:00:00")
