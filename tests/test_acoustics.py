import numpy as np
import pytest

from debleed.recording import InputError
from debleed.scenes.acoustics import (
    PATTERNS,
    SPEED_OF_SOUND,
    box_paths,
    generated_path,
    impulse,
    reverberation_time,
)

RATE = 8000
DEAD = (8.0, 7.0, 6.0)
"""A room that is almost without reflections at RT60 0.186 s, by Sabine's formula."""


@pytest.mark.parametrize("shift", [0, 0.25, 0.5, -0.4])
def test_an_impulse_delays_by_fractions_of_a_sample(shift):
    taps = impulse((np.arange(-30, 31) - shift) / RATE, RATE)
    frequency = np.linspace(0, 0.4, 9)  # of the rate; the window takes its toll above
    phasor = np.exp(-2j * np.pi * frequency[:, None] * (np.arange(-30, 31) - shift)) @ taps
    np.testing.assert_allclose(phasor, 1, atol=5e-3)
    assert np.count_nonzero(taps) <= 41


def test_an_impulse_on_a_sample_is_one_sample():
    np.testing.assert_allclose(impulse(np.arange(-30, 31) / RATE, RATE), np.arange(-30, 31) == 0, atol=1e-12)


@pytest.mark.parametrize("rt60", [0.2, 0.5, 1.0])
@pytest.mark.parametrize("rate", [8000, 44100])
def test_generated_tails_ring_as_long_and_as_loud_as_asked(rt60, rate):
    path = generated_path(0.005, 0.7, -10.0, rt60, rate, np.random.default_rng(1))
    assert len(path) == round((0.005 + 1.2 * rt60) * rate)
    tail = path - 0.7 * impulse(np.arange(len(path)) / rate - 0.005, rate)
    assert 10 * np.log10(np.sum(tail**2)) == pytest.approx(-10, abs=1e-6)
    assert reverberation_time(tail, rate) == pytest.approx(rt60, rel=0.1)
    assert np.abs(path[: round(0.002 * rate)]).max() < 0.1  # nothing but the ripple of the impulse comes early


def test_direct_sound_falls_with_the_distance_and_arrives_at_the_speed_of_sound():
    rate, mic = 48000, (4.0, 3.5, 3.0)
    for metres in (0.5, 1.0, 2.0):
        path = box_paths(DEAD, 0.1856, [(4.0, 3.5 + metres, 3.0)], [mic], rate)[0][0]
        arrival = metres / SPEED_OF_SOUND * rate
        assert np.argmax(np.abs(path)) == pytest.approx(arrival, abs=1)
        direct = path[: round(arrival) + 41]
        # the phase of a tone tells the arrival to a hundredth of a sample
        tone = np.exp(2j * np.pi * 4000 / rate * (np.arange(len(direct)) - arrival))
        assert abs(np.sum(direct * tone)) == pytest.approx(1 / metres, rel=0.02)
        assert np.angle(np.sum(direct * tone)) == pytest.approx(0, abs=2 * np.pi * 4000 / rate * 0.03)


def test_first_reflections_come_from_the_mirrored_sources():
    rate, room, source, mic = 48000, (7.0, 6.0, 5.0), (2.0, 3.1, 2.3), (4.5, 2.6, 1.9)
    path = np.abs(box_paths(room, 0.8, [source], [mic], rate)[0][0])
    distances, direct = [], np.linalg.norm(np.subtract(source, mic))
    for axis in range(3):
        for wall in (0.0, room[axis]):
            image = np.array(source)
            image[axis] = 2 * wall - image[axis]
            distances.append(np.linalg.norm(image - mic))
    absorption = 0.161 * np.prod(room) / (0.8 * 2 * (7 * 6 + 7 * 5 + 6 * 5))
    for metres in distances:
        arrival = round(metres / SPEED_OF_SOUND * rate)
        near = path[arrival - 2 : arrival + 3]
        assert np.max(near) == pytest.approx(np.sqrt(1 - absorption) / metres, rel=0.4)
        assert np.max(near) < np.max(path[: round(direct / SPEED_OF_SOUND * rate) + 3])
    # before it there is only the ripple of a high-pass filter that runs forwards and backwards
    assert np.max(path[: round(direct / SPEED_OF_SOUND * rate) - 41]) < 5e-3 * np.max(path)


def test_paths_are_reciprocal():
    a, b = (2.0, 3.1, 2.3), (4.5, 2.6, 1.9)
    there, back = (box_paths((7.0, 6.0, 5.0), 0.4, [x], [y], RATE)[0][0] for x, y in ((a, b), (b, a)))
    np.testing.assert_allclose(there, back, atol=5e-5 * np.max(np.abs(there)))  # pyroomacoustics has single precision


def test_each_path_is_that_of_its_pair_alone():
    sources, mics = [(2.0, 3.1, 2.3), (5.0, 2.0, 1.5)], [(4.5, 2.6, 1.9), (3.0, 4.0, 1.2)]
    paths = box_paths((7.0, 6.0, 5.0), 0.3, sources, mics, RATE)
    for i, j in np.ndindex(2, 2):
        (alone,) = box_paths((7.0, 6.0, 5.0), 0.3, [sources[j]], [mics[i]], RATE)[0]
        size = min(len(alone), len(paths[i][j]))
        np.testing.assert_allclose(paths[i][j][:size], alone[:size], atol=1e-12)


@pytest.mark.parametrize(("pattern", "p"), PATTERNS.items())
def test_patterns_pick_up_and_radiate_by_the_cosine(pattern, p):
    rate, mic = 48000, (4.0, 3.5, 3.0)
    angles = np.radians([0, 45, 90, 135, 180])
    ring = [(4 + 0.6 * np.sin(angle), 3.5 + 0.6 * np.cos(angle), 3.0) for angle in angles]
    omni = box_paths(DEAD, 0.1856, ring, [mic], rate)[0]
    heard = box_paths(DEAD, 0.1856, ring, [mic], rate, microphone_beams=[(pattern, (0.0, 2.0, 0.0))])[0]
    sent = box_paths(DEAD, 0.1856, [mic], ring, rate, source_beams=[(pattern, (0.0, 2.0, 0.0))])
    for angle, plain, arrived, left in zip(angles, omni, heard, [row[0] for row in sent], strict=True):
        direct = np.argmax(np.abs(plain))
        expected = p + (1 - p) * np.cos(angle)
        assert arrived[direct] / plain[direct] == pytest.approx(expected, abs=0.02)
        assert left[direct] / plain[direct] == pytest.approx(expected, abs=0.02)


def test_reverberation_time_of_an_exponential():
    time = np.arange(RATE) / RATE
    noise = np.random.default_rng(0).standard_normal(RATE)
    assert reverberation_time(noise * 10 ** (-3 * time / 0.4), RATE) == pytest.approx(0.4, rel=0.05)
    assert reverberation_time(np.array([1.0]), RATE) == 0


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"sources": [(8.5, 1.0, 1.0)]}, "8.5 × 1 × 1 m lies outside the room of 8 × 7 × 6 m"),
        ({"microphones": [(1.0, 1.0, 0.0)]}, "1 × 1 × 0 m lies outside"),
        ({"rt60": 0.02}, "cannot have an RT60 as short as 0.02 s"),
    ],
)
def test_what_no_room_can_have_is_refused(changed, sentence):
    asked = {"room": DEAD, "rt60": 0.3, "sources": [(1.0, 1.0, 1.0)], "microphones": [(2.0, 1.0, 1.0)], "rate": RATE}
    with pytest.raises(InputError, match=sentence):
        box_paths(**{**asked, **changed})
