import re

import numpy as np

from debleed.report.waves import COLUMNS, HALF, outline, peaks, svg


def test_no_peak_is_lost():
    samples = 0.1 * np.random.default_rng(1).standard_normal(50_000)
    samples[12_345], samples[40_000] = 2.5, -3.0
    found = peaks(samples)
    assert found.shape == (2, COLUMNS)
    assert found[0].max() == 2.5
    assert found[1].min() == -3.0
    assert peaks(samples[:7]).shape == (2, 7)


def test_the_loudest_of_all_layers_reaches_the_edge_and_none_is_cut():
    low, high = 0.25 * np.ones(1000), np.r_[np.zeros(500), -4.0, np.zeros(499)]
    drawn = re.findall(r"class='(\w+)' d='M([^Z]*)Z'", svg({"before": high, "after": low}, "two"))
    heights = {name: [int(point.split()[1]) for point in path.split("L")] for name, path in drawn}
    assert max(heights["before"]) == HALF
    assert min(heights["after"]) == -round(HALF / 16)


def test_silence_is_a_thin_line():
    heights = {int(point.split()[1]) for point in outline(peaks(np.zeros(900)), 0.0)[1:-1].split("L")}
    assert heights == {-1, 1}
