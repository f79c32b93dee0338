from __future__ import annotations

import numpy as np
import pytest

from bands import RATE, bled, gain, run, sources
from debleed import Recording
from debleed.methods import create


@pytest.mark.parametrize("polarity", [1, -1])
def test_removes_echoing_bleed(polarity: int) -> None:
    own = sources(seconds=30)
    mics = bled(own)
    own[1], mics[1] = polarity * own[1], polarity * mics[1]
    assert gain(own, mics, run(mics)).min() > 15


def test_sources_without_bleed_stay_unchanged() -> None:
    own = sources(4)
    assert np.array_equal(run(own), own)


def test_removes_bleed_in_noise() -> None:
    own = sources(seconds=30)
    mics = bled(own)
    noise = 1e-2 * np.std(mics) * np.random.default_rng(9).standard_normal(mics.shape)
    assert gain(own, mics + noise, run(mics + noise)).min() > 6


def test_an_almost_silent_source_is_named(caplog: pytest.LogCaptureFixture) -> None:
    own = sources(3)
    create("demix").learn(Recording.from_array(bled(own), RATE, ["vox", "bass", "keys"]))
    assert not caplog.records
    own[0] = 0
    create("demix").learn(Recording.from_array(bled(own), RATE, ["vox", "bass", "keys"]))
    assert "bleed in vox, so" in caplog.text


def test_the_order_of_the_files_does_not_matter() -> None:
    own = sources(seconds=6)
    mics = Recording.from_array(bled(own), RATE)
    order = [2, 0, 1]
    clean, again = (create("demix").learn(some).apply(some).read() for some in (mics, mics.select(order)))
    assert np.abs(clean - mics.read()).max() > 0.01
    assert np.abs(again - clean[order]).max() < 1e-4 * np.abs(clean).max()
