import pytest
from hypothesis import given
from hypothesis import strategies as st

from debleed.progress import quiet, within

shares = st.floats(0, 1)


@given(shares, shares, shares)
def test_a_part_runs_from_its_first_to_its_last(first, last, share):
    said = []
    part = within(lambda stage, share: said.append((stage, share)), first, last)
    for at in (0, share, 1):
        part("learn", at)
    assert [stage for stage, _ in said] == ["learn"] * 3
    assert said[0][1] == first
    assert said[2][1] == pytest.approx(last)
    assert min(first, last) - 1e-9 <= said[1][1] <= max(first, last) + 1e-9


def test_parts_of_parts():
    said = []
    whole = within(lambda stage, share: said.append(share), 0.5, 1.0)
    within(whole, 0.5, 1.0)("x", 0.0)
    assert said == [0.75]


def test_work_can_be_stopped():
    def stop(stage, share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        within(stop, 0, 1)("x", 0.5)
    assert quiet("x", 0.5) is None
