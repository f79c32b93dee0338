"""What a network removes is kept as far as the other microphones explain it."""

import numpy as np
import pytest

from debleed.methods.explaining import Explanation, Octaves, explanation

RATE = 22050
ALONE = np.eye(3, dtype=bool)


def power(signal):
    return np.mean(np.square(signal), axis=-1)


@pytest.fixture(scope="module")
def stage():
    """Three sources of noise, and the bleed of each in the others' microphones, later and softer."""
    rng = np.random.default_rng(5)
    sources = rng.standard_normal((3, 60_000))
    bleed = np.zeros_like(sources)
    for i in range(3):
        for j in range(3):
            if i != j:
                late = 150 + 60 * abs(i - j)
                bleed[i, late:] += 0.3 * sources[j, :-late]
    return sources, bleed


def test_bleed_is_explained(stage):
    sources, bleed = stage
    found = explanation([(bleed, sources)], ALONE, RATE).bleed(sources)
    assert np.all(power(found - bleed) < 1e-2 * power(bleed))


def test_own_sound_is_kept(stage):
    sources, bleed = stage
    removed = bleed + 0.5 * sources  # a network that halves what it should keep
    found = explanation([(removed, 0.5 * sources)], ALONE, RATE).bleed(0.5 * sources)
    assert np.all(power(found - bleed) < 1e-2 * power(bleed))


def test_noise_is_not_explained(stage):
    sources, _ = stage
    noise = np.random.default_rng(6).standard_normal(sources.shape)
    found = explanation([(noise, sources)], ALONE, RATE).bleed(sources)
    assert np.all(power(found) < 1e-3 * power(noise))


def test_doubt_takes_its_share(stage):
    """Filters find the bleed below noise, but are trusted less."""
    sources, bleed = stage
    noise = np.sqrt(0.7 * power(bleed))[:, None] * np.random.default_rng(6).standard_normal(sources.shape)
    found = explanation([(bleed + noise, sources)], ALONE, RATE).bleed(sources)
    share = np.sum(found * bleed, axis=1) / np.sum(bleed**2, axis=1)
    assert np.all((share > 0.4) & (share < 0.8))  # 1 - 0.7^2, a little more because the filters also fit the noise


def test_an_octave_that_stands_out_is_not_believed(stage):
    sources, bleed = stage
    spectra, hertz = np.fft.rfft(bleed[0]), np.fft.rfftfreq(60_000, 1 / RATE)
    odd = bleed.copy()
    odd[0] = np.fft.irfft(spectra * np.where((hertz > 707) & (hertz < 1414), 10, 1))  # 20 dB more
    found = explanation([(odd, sources)], ALONE, RATE).bleed(sources)
    inside = np.abs(np.fft.rfft(found[0]))[(hertz > 900) & (hertz < 1100)]
    wanted = np.abs(spectra)[(hertz > 900) & (hertz < 1100)]
    assert np.sum(inside**2) < 0.25 * np.sum(wanted**2)  # 6 of 20 dB would be allowed, and what is left takes the rest
    outside = (hertz > 100) & (hertz < 300)
    difference = np.fft.rfft(found[0] - bleed[0])[outside]
    assert np.sum(np.abs(difference) ** 2) < 0.05 * np.sum(np.abs(spectra[outside]) ** 2)


def test_microphones_of_one_source_do_not_explain_each_other(stage):
    sources, bleed = stage
    own = np.array([[True, True, False], [True, True, False], [False, False, True]])
    filters = explanation([(bleed, sources)], own, RATE).filters
    assert not filters[own].any()
    assert all(filters[i, j].any() for i, j in zip(*np.nonzero(~own), strict=True))


def test_order_and_gains_move_along(stage):
    sources, bleed = stage
    gains, order = np.array([[3.0], [0.01], [-1.0]]), [2, 0, 1]
    plain = explanation([(bleed, sources)], ALONE, RATE).bleed(sources)
    moved = explanation([((gains * bleed)[order], (gains * sources)[order])], ALONE, RATE).bleed(
        (gains * sources)[order]
    )
    np.testing.assert_allclose(moved, (gains * plain)[order], rtol=1e-3, atol=1e-4 * np.abs(gains * plain)[order].max())


def test_several_blocks_are_one_recording(stage):
    sources, bleed = stage
    halves = [(bleed[:, part], sources[:, part]) for part in (slice(0, 30_000), slice(30_000, None))]
    found = explanation(halves, ALONE, RATE).bleed(sources)
    assert np.all(power(found - bleed) < 1e-2 * power(bleed))


def test_silence_explains_nothing(stage):
    sources, bleed = stage
    sources, bleed = sources.copy(), bleed.copy()
    sources[1] = bleed[1] = 0
    found = explanation([(bleed, sources)], ALONE, RATE).bleed(sources)
    assert np.isfinite(found).all()
    assert not found[1].any()
    alone = explanation([(bleed[:1], sources[:1])], ALONE[:1, :1], RATE)
    assert not alone.bleed(sources[:1]).any()


def test_filters_look_ahead():
    filters = np.zeros((2, 2, 9))
    filters[0, 1, 1] = 1  # two samples early
    filters[1, 0, 4] = 2  # one sample late
    outputs = np.arange(10.0).reshape(2, 5)
    found = Explanation(filters, 3).bleed(outputs)
    np.testing.assert_allclose(found, [[7, 8, 9, 0, 0], [0, 0, 2, 4, 6]], atol=1e-12)


def test_octaves():
    octaves = Octaves.of(4096, RATE)
    hertz = np.fft.rfftfreq(4096, 1 / RATE)
    assert np.all(np.diff(np.log2(hertz[octaves.first[1:]])) == pytest.approx(1, abs=0.1))
    flat = np.ones((2, 2049), complex)
    assert octaves.power([flat, flat]).sum(axis=1) == pytest.approx([2 * 2049] * 2)
    np.testing.assert_allclose(octaves.interpolated(np.full((3, len(octaves.first)), 0.4)), 0.4)
