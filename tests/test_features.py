import numpy as np
import pytest

from debleed.methods.demix.features import QUIET_SHARES, feature_bands, features, rtf_powers, stacked
from debleed.methods.demix.leakage_net import shipped
from hits import hits, smeared

RATE = 16000
AHEAD = 20


def others(mics: int) -> np.ndarray:
    return ~np.eye(mics, dtype=bool)


def gathered(sources: np.ndarray, allowed: np.ndarray | None = None, path: float = 0.1) -> np.ndarray:
    mics = len(sources)
    taps = np.zeros((mics, mics, 400), np.float32)
    taps[..., AHEAD + 30] = path
    taps *= others(mics)[:, :, None]
    bleeding = sources + path * (sources.sum(axis=0) - sources)
    trust = np.ones((mics, 3), np.float32)
    found = features(bleeding, sources, taps, AHEAD, trust, RATE, others(mics) if allowed is None else allowed)
    return stacked(found, list(found))


@pytest.fixture(scope="module")
def three() -> np.ndarray:
    return np.stack([hits(seed) for seed in range(3)])


@pytest.mark.parametrize("bins", [9, 129, 257, 513, 1025])
def test_bands_cover_all_bins(bins: int) -> None:
    edges = feature_bands(bins)
    assert edges[0] == 0
    assert edges[-1] == bins
    assert np.all(np.diff(edges) > 0)


def test_bands_are_at_the_same_bins_at_every_rate() -> None:
    assert set(feature_bands(257)[:-1]) <= set(feature_bands(513))


def test_features_do_not_depend_on_the_level(three: np.ndarray) -> None:
    assert gathered(1e-4 * three) == pytest.approx(gathered(three), abs=0.05)
    soft = gathered(three * np.array([[1], [1e-7], [1e-7]], np.float32))
    assert np.abs(soft).max() <= 90


def test_permuting_microphones_permutes_features(three: np.ndarray) -> None:
    order = [2, 0, 1]
    assert gathered(three[order]) == pytest.approx(gathered(three)[np.ix_(order, order)], abs=1e-3)


def test_features_are_zero_where_bleed_is_impossible(three: np.ndarray) -> None:
    allowed = others(3)
    allowed[0, 1] = False
    seen = gathered(three, allowed)
    assert seen.shape[-1] == len(shipped().features)
    assert not seen[0, 1].any()
    assert not seen[[0, 1, 2], [0, 1, 2]].any()
    assert seen[1, 0].any()


def test_low_quantiles_estimate_the_leakage() -> None:
    kick, snare = hits(0, every=2.0), hits(1)
    loud, soft = (gathered(np.stack([kick + smeared(2, snare, share), snare])) for share in (0.02, 0.002))
    at = QUIET_SHARES.index(0.2)
    assert np.median(loud[0, 1, 2:-1, at]) == pytest.approx(10 * np.log10(0.02), abs=8)
    assert np.median(loud[0, 1, 2:-1, at] - soft[0, 1, 2:-1, at]) == pytest.approx(10, abs=2)


@pytest.mark.parametrize("length", [1, 100, 3000])
def test_very_short_recordings_work(length: int) -> None:
    assert np.all(np.isfinite(gathered(np.stack([hits(0)[:length], hits(1)[:length]]))))
    assert np.all(np.isfinite(gathered(np.zeros((2, length), np.float32))))


def test_the_power_of_an_rtf_is_that_of_its_taps() -> None:
    taps = np.zeros((2, 2, 200), np.float32)
    taps[0, 1, 90] = 0.5
    edges = feature_bands(257)
    assert rtf_powers(taps, AHEAD, edges)[0, 1] == pytest.approx(0.25, rel=1e-4)
    assert not rtf_powers(taps, AHEAD, edges)[1, 0].any()


def test_a_source_that_never_dominates_uses_the_ratio_of_means() -> None:
    snare = hits(1)
    seen = gathered(np.stack([snare, 3 * snare, 0.1 * snare]))  # the second leads whenever there is sound
    told = seen[0, 2, 3:-1, : len(QUIET_SHARES)]
    assert told == pytest.approx(np.full(told.shape, 20), abs=1)
    assert seen[0, 2, 3, -6] == 0


def test_trust_is_that_of_the_band() -> None:
    sources = np.stack([hits(0), hits(1)])
    trust = np.zeros((2, 513), np.float32)
    trust[:, 300:] = 1  # from 4.7 kHz on
    seen = features(sources, sources, np.zeros((2, 2, 400), np.float32), AHEAD, trust, RATE, others(2))
    middles = (feature_bands(257)[:-1] + feature_bands(257)[1:]) / 2 * RATE / 512
    assert np.array_equal(seen["trust"][0, 1] > 0, middles > 4700)
