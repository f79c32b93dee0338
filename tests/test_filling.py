"""Filling: what a file does not hold is the bleed that its microphone would have picked up."""

import numpy as np
import pytest

from bands import RATE, bled, sources
from debleed import Recording
from debleed.soundcheck.filling import covered, filled


def test_the_bleed_is_filled_in_and_nothing_else_changes() -> None:
    own = sources(3, 6)
    mics = bled(own)
    begin, end = 2 * RATE, 5 * RATE
    own[0, :begin] = own[0, end:] = mics[0, :begin] = mics[0, end:] = 0
    bleed = np.random.default_rng(0).standard_normal(mics.shape)
    recording, cleaned = (Recording.from_array(z, RATE) for z in (mics, mics - bleed))
    spans = np.array([(begin, end), (0, 6 * RATE), (0, 6 * RATE)])
    whole = filled(recording, cleaned, spans)
    assert np.array_equal(whole.read()[1:], mics[1:])
    assert np.array_equal(whole.read()[0, begin:end], mics[0, begin:end])
    assert whole.read()[0, :begin] == pytest.approx(bleed[0, :begin])
    assert whole.read()[0, end:] == pytest.approx(bleed[0, end:])
    assert np.array_equal(whole.read(begin - 9, end + 9), whole.read()[:, begin - 9 : end + 9])


@pytest.mark.parametrize(
    ("spans", "part"),
    [
        ([(0, 9), (3, 9), (0, 12), (0, 9)], (0, 9)),  # one of four is late
        ([(0, 9), (3, 8)], (3, 8)),  # of two, both have to hold it
        ([(0, 9), (1, 8), (2, 7)], (1, 8)),
    ],
)
def test_most_files_hold_what_is_covered(spans: list[tuple[int, int]], part: tuple[int, int]) -> None:
    assert covered(np.array(spans)) == part
