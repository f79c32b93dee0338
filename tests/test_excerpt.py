from __future__ import annotations

import numpy as np

from debleed import Recording
from debleed.methods.demix.excerpt import excerpt


def test_an_excerpt_is_bounded_and_evenly_spread() -> None:
    recording = Recording.from_array(np.arange(1, 100001.0)[None], 1000)
    assert np.array_equal(excerpt(recording, 200000), recording.read())
    taken = excerpt(recording, 8000)
    assert taken.shape == (1, 8000)
    assert taken[0, 1000] < 2000
    assert taken[0, -1000] > 98000
