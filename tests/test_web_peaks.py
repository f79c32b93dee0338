import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from debleed.web.peaks import ZOOMS, Peaks, cut


def test_waveforms_hold_every_sample():
    samples = np.random.default_rng(0).uniform(-1.2, 1.2, (2, 100_001)).astype(np.float32)
    peaks = Peaks(2)
    for part in np.array_split(samples, [1, 300, 5000, 99_000], axis=1):
        peaks.add(part)
    for zoom, found in zip(ZOOMS, peaks.zooms(), strict=True):
        assert found.shape == (2, -(-100_001 // zoom), 2)
        for k in (0, found.shape[1] - 1):
            piece = samples[:, k * zoom : (k + 1) * zoom]  # above full scale as well
            np.testing.assert_array_equal(found[:, k, 0], piece.min(axis=1))
            np.testing.assert_array_equal(found[:, k, 1], piece.max(axis=1))


@given(st.lists(st.integers(0, 700), max_size=6))
def test_blocks_do_not_matter(lengths):
    samples = np.random.default_rng(0).uniform(-1, 1, (2, sum(lengths))).astype(np.float32)
    whole, parts = Peaks(2), Peaks(2)
    whole.add(samples)
    for part in np.split(samples, np.cumsum(lengths)[:-1] if lengths else [], axis=1):
        parts.add(part)
    for one, other in zip(whole.zooms(), parts.zooms(), strict=True):
        assert np.array_equal(one, other)


def test_stretches_are_cut_out_of_the_file(tmp_path):
    peaks = Peaks(2)
    peaks.add(np.random.default_rng(0).uniform(-1, 1, (2, 5000)).astype(np.float32))
    peaks.save(tmp_path / "peaks", "before")
    expected = peaks.zooms()[0][1, 3:7]
    found = np.frombuffer(cut(tmp_path / "peaks", [("before", 0)], 0, 1, 3, 7), "<f4").reshape(-1, 2)
    assert np.array_equal(found, expected)
    assert cut(tmp_path / "peaks", [("before", 0)], 0, 1, 90, 95) == b""


def test_waveforms_of_version_02_were_whole_numbers(tmp_path):
    np.save(tmp_path / "before-0.npy", np.array([[[-32767, 16384]]], np.int16))
    found = np.frombuffer(cut(tmp_path, [("before", 0)], 0, 0, 0, 1), "<f4")
    np.testing.assert_allclose(found, [-1, 0.5], atol=1e-4)
