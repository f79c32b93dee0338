from __future__ import annotations

import numpy as np

from debleed import Recording
from debleed.methods.demix.excerpt import excerpt, power, spectra


def test_an_excerpt_is_bounded_and_evenly_spread() -> None:
    recording = Recording.from_array(np.arange(1, 100001.0)[None], 1000)
    assert np.array_equal(excerpt(recording, 200000), recording.read())
    taken = excerpt(recording, 8000)
    assert taken.shape == (1, 8000)
    assert taken[0, 1000] < 2000
    assert taken[0, -1000] > 98000


def test_a_recording_that_is_cut_off_ends_in_no_click() -> None:
    tone = np.sin(0.1 * np.arange(10_000, dtype=np.float32) + 1)[None]
    for length in (10_000, 9_999, 9_745):
        heard = power(spectra(tone[:, :length], 512))
        assert heard[128:].max() < 1e-6 * heard.max()


def test_samples_shorter_than_a_frame_have_one() -> None:
    assert spectra(np.ones((2, 100), np.float32), 512).shape == (257, 2, 1)
