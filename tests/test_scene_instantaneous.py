import numpy as np
import pytest

from debleed.scenes.instantaneous import BLEED, OWN, draw_gains
from debleed.scenes.scene import draw_scene
from debleed.scoring.evaluate import bleed_matrix_db

RATE = 8000
SOURCES = ("singer", "bass", "drums", "keys")


@pytest.fixture
def stems():
    return np.random.default_rng(1).standard_normal((4, 2 * RATE)) * 0.05


def test_every_part_of_a_source_is_at_home_in_the_waspaa2023_matrix():
    scene = draw_scene(
        "linear", ("kick", "singer", "snare", "hat"), RATE, 3, groups={"drums": ("hat", "kick", "snare")}
    )
    assert (scene.sources, scene.owners) == (("drums", "singer"), ("drums", "singer", "drums", "drums"))
    gains = np.array(scene.gains)
    own = np.array([[True, False, True, True], [False, True, False, False]])
    assert np.all((gains[own] >= 0.6) & (gains[own] <= 1))
    assert np.all((gains[~own] >= 0.05) & (gains[~own] <= 0.31))


def test_linear_bleed_is_the_waspaa2023_matrix(stems):
    scene = draw_scene("linear", SOURCES, RATE, 3)
    gains = np.array(scene.gains)
    own = np.eye(4, dtype=bool)
    assert np.all((gains[own] >= 0.6) & (gains[own] <= 1))
    assert np.all((gains[~own] >= 0.05) & (gains[~own] <= 0.31))
    np.testing.assert_array_equal(gains, gains.round(2))
    np.testing.assert_allclose(scene.render(stems).mics, gains @ stems, atol=1e-12)


def test_bleed_matrix_of_equally_loud_sources_is_the_gains_in_decibel(stems):
    scene = draw_scene("linear", SOURCES, RATE, 3)
    gains = np.array(scene.gains) * np.sqrt(np.sum(stems**2, axis=1))
    expected = 20 * np.log10(gains / np.diag(gains))
    np.testing.assert_allclose(bleed_matrix_db(scene.render(stems).images), expected, atol=1e-9)


def test_gains_are_uniform_in_their_ranges():
    owners = np.arange(4)
    gains = np.array([draw_gains(4, owners, np.random.default_rng(seed)) for seed in range(500)])
    own = np.eye(4, dtype=bool)
    for (low, high), drawn in ((OWN, gains[:, own]), (BLEED, gains[:, ~own])):
        assert (drawn.min(), drawn.max()) == pytest.approx((low, high), abs=0.01)
        assert drawn.mean() == pytest.approx((low + high) / 2, abs=0.01)
        assert drawn.std() == pytest.approx((high - low) / np.sqrt(12), rel=0.05)


def test_responses_are_the_gains(stems):
    scene = draw_scene("linear", SOURCES, RATE, 3, without_mic=["bass"])
    responses = scene.responses([2, 0])
    assert np.shape(responses) == (2, 4, 1)
    np.testing.assert_array_equal(np.array(responses)[:, :, 0], np.array(scene.gains)[[2, 0]])
