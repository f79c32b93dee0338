import numpy as np
import pytest

from debleed.recording import InputError
from debleed.scenes import places
from debleed.scenes.lineup import assemble

ROOM = (14.0, 9.0, 5.0)
OWNERS = np.array([0, 1, 1, 1, 2])
"""The second of three sources consists of three stems."""


def rng(seed=0):
    return np.random.default_rng(seed)


def test_parts_stay_within_half_the_distance_of_the_microphone():
    near = np.array([0.5, 0.6, 0.5])
    np.testing.assert_allclose(places.reach(OWNERS, near), [0, 0.3, 0])
    np.testing.assert_allclose(places.reach(OWNERS, 10 * near), [0, places.REACH, 0])
    offsets = np.array([places.draw_offsets(OWNERS, near, rng(seed)) for seed in range(300)])
    radius = np.linalg.norm(offsets, axis=2)
    assert not radius[:, [0, 4]].any()
    assert not offsets[:, :, 2].any()
    assert radius.max() == pytest.approx(0.3, abs=0.01)
    # uniform in the disc: the mean of the squared radius is half of the largest
    assert np.mean(radius[:, 1:4] ** 2) == pytest.approx(0.3**2 / 2, rel=0.1)


@pytest.mark.parametrize("seed", range(5))
def test_a_loose_row_is_two_to_three_metres_apart(seed):
    near = np.full(4, 0.5)
    distances = places.draw_loose_row(np.zeros((4, 3)), np.arange(4), near, rng(seed))
    np.testing.assert_allclose(np.diag(distances), 0.5)
    between = np.sqrt(distances**2 - 0.25)
    for i, j in np.ndindex(4, 4):
        steps = abs(i - j)
        assert 0.9 * 2 * steps - 1e-9 <= between[i, j] <= 1.1 * 3 * steps + 1e-9


@pytest.mark.parametrize("count", [1, 2, 5, 12])
def test_a_row_fills_the_room_and_leaves_space_in_front(count):
    near = np.full(count, 1.0)
    row = places.draw_row(ROOM, near, rng(count))
    assert row.shape == (count, 3)
    assert np.all(np.diff(row[:, 0]) > 0)
    assert np.all((row[:, 0] >= places.WALL) & (row[:, 0] <= ROOM[0] - places.WALL))
    assert np.all((row[:, 1] - near >= places.WALL) & (row[:, 1] <= ROOM[1] - places.WALL))
    assert np.ptp(row[:, 1]) <= 0.2
    if count == 1:
        assert row[0, 0] == pytest.approx(ROOM[0] / 2, abs=0.3)


@pytest.mark.parametrize("room", [(3.5, 9.0, 5.0), (14.0, 3.9, 5.0), (14.0, 9.0, 1.6)])
def test_a_row_in_too_small_a_room_is_refused(room):
    with pytest.raises(InputError, match="too small for microphones 1 m in front"):
        places.draw_row(room, np.full(2, 1.0), rng())


def test_given_places_are_taken_from_the_first():
    spots = ((1.0, 2.0, 1.0), (3.0, 2.0, 1.0), (5.0, 2.0, 1.0))
    np.testing.assert_array_equal(places.given(spots, 2), spots[:2])
    with pytest.raises(InputError, match="places for 3 sources, too few for 4"):
        places.given(spots, 4)


@pytest.mark.parametrize("seed", range(5))
def test_anywhere_keeps_every_distance(seed):
    near, reaches = np.array([0.3, 0.8, 0.5, 1.0]), np.array([0, 0.4, 0, 0.2])
    sources, mics = places.draw_anywhere(ROOM, near, reaches, rng(seed))
    low, high = [places.WALL, places.WALL, places.HEIGHTS[0]], [ROOM[0] - 1.5, ROOM[1] - 1.5, places.HEIGHTS[1]]
    for spots in (sources, mics):
        assert np.all((spots >= low) & (spots <= high))
        np.testing.assert_array_equal(spots, spots.round(3))
    np.testing.assert_allclose(np.linalg.norm(sources - mics, axis=1), near, atol=2e-3)
    np.testing.assert_array_equal(sources[:, 2], mics[:, 2])
    room_between = reaches[:, None] + reaches
    off = ~np.eye(4, dtype=bool)
    between = places.metres_between(sources, sources) - room_between
    assert np.all(between[off] >= places.APART)
    to_others = places.metres_between(mics, sources) - room_between
    assert np.all((to_others > near[:, None])[off])


def test_anywhere_in_a_full_room_is_refused():
    with pytest.raises(InputError, match="too small for 60 sources"):
        places.draw_anywhere((8.0, 8.0, 4.0), np.full(60, 0.5), np.zeros(60), rng())
    with pytest.raises(InputError, match="too small for 1 sources"):
        places.draw_anywhere((2.5, 8.0, 4.0), np.full(1, 0.5), np.zeros(1), rng())


def test_metres_between_is_pythagoras():
    ears, spots = np.array([[0.0, 0.0, 0.0], [3.0, 4.0, 0.0]]), np.array([[0.0, 0.0, 2.0], [3.0, 4.0, 12.0], [3, 0, 0]])
    expected = [[2, 13, 3], [np.sqrt(29), 12, 4]]
    np.testing.assert_allclose(places.metres_between(ears, spots), expected)


def test_the_longest_path_is_the_end_of_a_row_or_the_farthest_stem():
    distances = np.array([[0.5, 4.0, 2.0], [4.0, 0.5, 9.0], [2.0, 9.0, 0.5]])
    whole = assemble("a", 8000, "xyz")
    assert places.farthest(whole, "row", distances) == 2
    assert places.farthest(whole, "drawn", distances) == 1
    assert places.farthest(assemble("a", 8000, "xyz", without_mic="x"), "row", distances) == 2
    assert places.farthest(assemble("a", 8000, "xyz", without_mic="z"), "row", distances) == 1


def test_a_stem_without_a_microphone_is_as_far_away_as_the_median():
    spots = [(0.0, 0.0, 0.0), (5.0, 0.0, 0.0), (9.0, 0.0, 0.0)]
    mics = [(0.0, 1.0, 0.0), (9.0, 3.0, 0.0)]
    assert places.to_own(spots, mics, [0, None, 1]) == [1.0, 2.0, 3.0]


def test_sources_and_microphones_point_at_each_other():
    spots = [(0.0, 0.0, 1.0), (2.0, 0.0, 1.0), (6.0, 0.0, 1.0), (9.0, 0.0, 1.0)]
    mics = [(1.0, 2.0, 1.0), (7.0, 4.0, 1.0)]
    to_mic, to_source = places.axes(spots, mics, [0, 0, 1, None])
    assert to_mic[:3] == [(1.0, 2.0, 0.0), (-1.0, 2.0, 0.0), (1.0, 4.0, 0.0)]
    assert to_mic[3] == (-5.0, 3.0, 0.0)  # the middle of the microphones is at (4, 3)
    assert to_source == [(0.0, -2.0, 0.0), (-1.0, -4.0, 0.0)]
