import json
import math

import numpy as np
import pytest

from debleed.recording import InputError
from debleed.scenes.trajectory import MOVEMENTS, TURNED, Stay, Step, Sway, Trajectory, Turn, Walk

EACH = (
    Stay(seconds=1.0),
    Walk(by=(1.0, -0.5, 0.2), speed=0.7),
    Step(by=(0.0, 0.6, 0.0), seconds=1.2),
    Turn(degrees=-70.0, seconds=1.5),
    Sway(by=(0.15, 0.05, 0.0), period=2.0, times=2),
)
ROUND = Trajectory((*EACH, Turn(degrees=70.0, seconds=1.0), Walk(by=(-1.0, -0.1, -0.2), speed=0.5)))
TIMES = np.arange(0, 30, 0.001)


def metres(poses: np.ndarray) -> np.ndarray:
    return np.linalg.norm(np.diff(poses[:, :3], axis=0), axis=1)


def test_every_kind_is_here():
    assert {type(movement) for movement in EACH} == set(MOVEMENTS.values())


@pytest.mark.parametrize("movement", EACH, ids=lambda movement: movement.kind)
def test_a_movement_begins_at_0_and_is_never_faster_than_it_says(movement):
    trajectory = Trajectory((movement,))
    poses = trajectory.poses(TIMES)
    np.testing.assert_allclose(poses[0], 0, atol=1e-3)
    turned = np.abs(np.diff(np.unwrap(poses[:, 3], period=360)))
    if movement.kind != "turn":
        assert np.max(metres(poses)) <= 0.001 * movement.top_speed * (1 + 1e-6)
    assert np.max(np.radians(turned)) <= 0.001 * max(movement.top_speed, 1e-9) * (1 + 1e-6)
    assert movement.top_speed == pytest.approx(1000 * max(np.max(metres(poses)), np.max(np.radians(turned))), rel=1e-3)


@pytest.mark.parametrize("spacing", [0.02, 0.005])
@pytest.mark.parametrize("lever", [0.0, 0.3])
def test_points_are_no_farther_apart_than_asked_and_near_the_way(spacing, lever):
    exact, visited = ROUND.poses(TIMES), ROUND.poses(TIMES, spacing, lever)
    assert np.max(metres(visited)) <= spacing + 1e-9
    assert np.max(np.linalg.norm((visited - exact)[:, :3], axis=1)) <= spacing / 2 + 1e-9
    degrees = np.abs(np.diff(visited[:, 3]))
    assert np.max(degrees) <= min(TURNED, math.degrees(spacing / lever) if lever else TURNED) + 1e-9


def test_a_closed_way_starts_again_and_equal_poses_are_one():
    assert ROUND.closed
    later = ROUND.poses(TIMES + ROUND.length)
    np.testing.assert_allclose(later, ROUND.poses(TIMES), atol=1e-6)
    to_and_fro = Trajectory((Walk(by=(1.0, 0.0, 0.0), speed=0.5), Walk(by=(-1.0, 0.0, 0.0), speed=0.5)))
    poses, which = to_and_fro.visited(TIMES, 0.02)
    assert len(poses) == 51
    np.testing.assert_allclose(poses[which], to_and_fro.poses(TIMES, 0.02), atol=1e-6)


def test_an_open_way_ends():
    walk = Trajectory((Walk(by=(1.0, 0.0, 0.0), speed=0.5),))
    assert not walk.closed
    np.testing.assert_allclose(walk.poses(np.array([1.0, 2.0, 9.0]))[:, 0], [0.5, 1, 1])
    assert Trajectory((Turn(degrees=360.0, seconds=2.0),)).closed
    assert not Trajectory((Turn(degrees=90.0, seconds=2.0),)).closed


def test_staying_is_one_pose():
    poses, which = Trajectory((Stay(seconds=0.5),)).visited(TIMES, 0.02)
    np.testing.assert_array_equal(poses, np.zeros((1, 4)))
    assert not which.any()


def test_a_trajectory_is_its_json():
    again = Trajectory.from_json(json.loads(json.dumps(ROUND.to_json())))
    assert again == ROUND
    assert ROUND.to_json()[1] == {"kind": "walk", "by": (1.0, -0.5, 0.2), "speed": 0.7}


@pytest.mark.parametrize(
    ("described", "sentence"),
    [
        (None, "a trajectory must be a list of movements"),
        ("walk", "a trajectory must be a list of movements"),
        ({"kind": "stay"}, "a trajectory must be a list of movements"),
        ([], "a trajectory must have movements that take time"),
        ([3], "must name its kind, one of stay, walk, step, turn, sway"),
        ([{"kind": "fly"}], "must name its kind"),
        ([{"kind": ["stay"]}], "must name its kind"),
        ([{"kind": "stay", "seconds": 1, "by": 2}], "the movement 'stay' has no by"),
        ([{"kind": "walk", "by": [1, 0, 0]}], "the movement 'walk' must name its speed"),
        ([{"kind": "walk", "by": [1, 0], "speed": 1}], "the by of the movement 'walk' must be three numbers of metres"),
        ([{"kind": "walk", "by": 1, "speed": 1}], "must be three numbers of metres, got 1"),
        ([{"kind": "walk", "by": [0, 0, 0], "speed": 1}], "must have movements that take time"),
        (
            [{"kind": "walk", "by": [1, 0, 0], "speed": "fast"}],
            "the speed of the movement 'walk' must be a finite number",
        ),
        ([{"kind": "walk", "by": [1, 0, 0], "speed": 0}], "the speed of the movement 'walk' must be positive, got 0"),
        ([{"kind": "walk", "by": [1, 0, 0], "speed": 11}], "the movement 'walk' is too fast: 11 m/s, at most 10"),
        ([{"kind": "turn", "degrees": float("nan"), "seconds": 1}], "must be a finite number"),
        ([{"kind": "turn", "degrees": 720, "seconds": 1}], "too fast"),
        ([{"kind": "sway", "by": [1, 0, 0], "period": 9, "times": 1.5}], "must be a whole number, got 1.5"),
        ([{"kind": "stay", "seconds": True}], "must be a finite number, got True"),
    ],
)
def test_what_cannot_be_read_is_refused(described, sentence):
    with pytest.raises(InputError, match=sentence):
        Trajectory.from_json(described)
