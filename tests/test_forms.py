from hypothesis import given
from hypothesis import strategies as st

from debleed.io.forms import shown_size


@given(st.integers(0, 2**60))
def test_sizes_are_of_the_right_size(count: int) -> None:
    number, unit = shown_size(count).split()
    scale = {"bytes": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}[unit]
    assert abs(float(number) * scale - count) <= 0.051 * scale
