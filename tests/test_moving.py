import numpy as np
import pytest
from scipy.signal import oaconvolve

from debleed.scenes.moving import hop_size, hops, through

RATE = 8000


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape)


def test_a_path_that_stays_is_a_convolution():
    sound, response = noise(RATE), noise(50)
    states = np.zeros(len(hops(RATE, RATE)), int)
    np.testing.assert_allclose(through(sound, states, RATE, lambda _: response), oaconvolve(sound, response)[:RATE])


def test_cross_fades_of_equal_responses_are_a_convolution():
    sound, response = noise(RATE - 3), noise(50)
    states = (
        np.random.default_rng(1).integers(0, 9, len(hops(len(sound), RATE))).repeat(7)[: len(hops(len(sound), RATE))]
    )
    expected = oaconvolve(sound, response)[: len(sound)]
    np.testing.assert_allclose(through(sound, states, RATE, lambda _: response), expected, atol=1e-12)


def test_each_response_is_computed_once_and_none_for_silence():
    asked = []

    def respond(state: int) -> np.ndarray:
        asked.append(state)
        return np.ones(1)

    sound, states = noise(RATE), np.repeat(np.arange(10) % 4, 100)
    sound[: RATE // 10 + 100] = 0  # and so is the fade into what follows
    out = through(sound, states, RATE, respond)
    np.testing.assert_allclose(out, sound, atol=1e-12)
    assert sorted(asked) == [0, 1, 2, 3]
    asked.clear()
    assert not through(0 * sound, states, RATE, respond).any()
    assert not asked


def test_type_and_length_stay():
    sound = noise(RATE).astype(np.float32)
    out = through(sound, np.arange(len(hops(RATE, RATE))) // 50, RATE, lambda state: noise(300) * state)
    assert (out.dtype, out.shape) == (np.float32, sound.shape)
    assert through(sound[:0], np.zeros(0, int), RATE, lambda _: noise(3)).shape == (0,)


@pytest.mark.parametrize("rate", [8000, 22050, 44100])
def test_hops_cover_the_sound(rate):
    times = hops(rate, rate)
    assert len(times) * hop_size(rate) >= rate
    assert np.all(np.diff(times) <= 0.00102)
