"""Beats and seconds."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from debleed.daw.tempo import Tempo, TempoPoint


def test_a_constant_tempo() -> None:
    tempo = Tempo([TempoPoint(0, 150)])
    assert [tempo.seconds(beats) for beats in (-5, 0, 2.5)] == pytest.approx([-2, 0, 1])
    assert tempo.beats(4) == pytest.approx(10)
    assert tempo.constant


def test_a_tempo_that_jumps_and_ramps() -> None:
    tempo = Tempo([TempoPoint(8, 60, True), TempoPoint(4, 120), TempoPoint(16, 120)])
    assert tempo.seconds(4) == pytest.approx(2)  # before the first point its tempo holds
    assert tempo.seconds(8) == pytest.approx(4)
    bpm = np.interp(np.linspace(8, 16, 100_001), [8, 16], [60, 120])
    assert tempo.seconds(16) - tempo.seconds(8) == pytest.approx(np.trapezoid(60 / bpm, dx=8 / 100_000))
    assert tempo.seconds(20) - tempo.seconds(16) == pytest.approx(2)
    assert not tempo.constant


@given(
    st.lists(st.builds(TempoPoint, st.floats(-50, 50), st.floats(20, 600), st.booleans()), min_size=1, max_size=5),
    st.floats(-100, 100),
)
@example([TempoPoint(0, 22, True), TempoPoint(1.2e-308, 20)], 0)  # a ramp that is steeper than a double can say
@example([TempoPoint(0, 20, True), TempoPoint(1.2e-308, 22)], 0)
def test_beats_and_seconds_are_inverse(points: list[TempoPoint], beats: float) -> None:
    tempo = Tempo(points)
    assert tempo.beats(tempo.seconds(beats)) == pytest.approx(beats, abs=1e-6)
    assert tempo.seconds(0) == pytest.approx(0)
