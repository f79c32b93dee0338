import numpy as np
import pytest

from debleed import Recording
from debleed.methods.demix.features import feature_bands
from debleed.methods.demix.postfilter import DECAY_TIMES, FLOOR, Postfilter
from hits import RATE, hits, smeared

BANDS = len(feature_bands(257)) - 1


def leaking(share: float, mics: int = 2) -> Postfilter:
    """Source 1 leaves a share in microphone 0."""
    leak = np.zeros((len(DECAY_TIMES), mics, mics, BANDS), np.float32)
    leak[0, 0, 1] = share
    return Postfilter(leak)


def test_removes_the_residual_and_keeps_the_source() -> None:
    kick, snare = hits(0), hits(1)
    bleed = smeared(2, snare, 0.05)
    mics = Recording.from_array(np.stack([kick + bleed, snare]), RATE)
    clean = leaking(0.2).apply(mics).read()
    before, after = np.sum(bleed**2), np.sum((clean[0] - kick) ** 2)
    assert after < 0.5 * before
    assert np.array_equal(clean[1], snare)  # nothing leaks there: the same to the bit


def test_the_gain_has_a_floor() -> None:
    snare = hits(1)
    mics = Recording.from_array(np.stack([smeared(2, snare, 0.05), snare]), RATE)
    clean = leaking(100.0).apply(mics).read()
    assert np.std(clean[0]) == pytest.approx(FLOOR * np.std(mics.read()[0]), rel=0.05)


def test_no_leakage_no_change() -> None:
    mics = Recording.from_array(np.stack([hits(0), hits(1)]), RATE)
    assert Postfilter.none(2).apply(mics) is mics


def test_leakage_is_interpolated_between_bands() -> None:
    leak = np.zeros((len(DECAY_TIMES), 1, 1, BANDS), np.float32)
    leak[..., 5] = 1
    told = Postfilter(leak).over_bins(257)[0, 0, 0]
    assert told.max() == pytest.approx(1, abs=0.1)
    assert np.abs(np.diff(told)).max() < 0.4


def test_placing_keeps_the_leakage_of_each_pair() -> None:
    among = leaking(0.1).placed(np.array([2, 0]), 3)
    assert among.leakage[0, 2, 0] == pytest.approx(0.1)
    assert np.count_nonzero(among.leakage.any(axis=(0, 3))) == 1


def test_excerpts_agree_with_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("debleed.methods.demix.postfilter.STRETCH", 1)  # a second at a time
    mics = Recording.from_array(np.stack([hits(0), hits(1)]), RATE)
    leak = np.full((len(DECAY_TIMES), 2, 2, BANDS), 0.03, np.float32)
    clean = Postfilter(leak).apply(mics)
    assert clean.read(70001, 90003) == pytest.approx(clean.read()[:, 70001:90003], abs=1e-5)


def test_a_postfilter_that_removes_more_than_the_filters_is_disabled() -> None:
    mics = Recording.from_array(np.stack([hits(0) + smeared(2, hits(1), 0.05), hits(1)]), RATE)
    assert not leaking(0.2).limited(mics, mics).leakage.any()
    filtered = mics.with_reader(lambda start, stop: 0.1 * mics.read(start, stop))
    assert leaking(0.2).limited(mics, filtered).leakage.any()
