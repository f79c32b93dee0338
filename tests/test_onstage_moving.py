import json
from dataclasses import replace

import numpy as np
import pytest

from debleed.recording import InputError
from debleed.scenes.moving import SPACING
from debleed.scenes.onstage.mishap import Move
from debleed.scenes.onstage.moving import Handheld, Lavalier, Moving, Passing, Swaying
from debleed.scenes.onstage.scene import OnStage
from debleed.scenes.onstage.ways import motions, moved_ear, moved_mouth
from debleed.scenes.scene import draw_scene, from_json
from debleed.scenes.trajectory import Stay, Trajectory, Turn, Walk
from feeds import where

RATE = 8000
SOURCES = ("singer", "bass")
KINDS = (Handheld, Swaying, Lavalier, Passing)
STILL = Trajectory((Stay(seconds=1.0),))


@pytest.fixture
def stems():
    return np.random.default_rng(1).standard_normal((2, RATE // 10)) * 0.05


def stage(*mishaps: Moving, **settings: object) -> OnStage:
    scene = draw_scene("stage", SOURCES, RATE, "item", **settings)
    assert isinstance(scene, OnStage)
    return replace(scene, mishaps=mishaps)


def walk(x: float, y: float = 0.0, speed: float = 0.7) -> Trajectory:
    return Trajectory((Walk(by=(x, y, 0.0), speed=speed),))


def turned(degrees: float) -> Trajectory:
    """Turn at once and then stay."""
    return Trajectory((Turn(degrees=degrees, seconds=0.6), Stay(seconds=9.0)))


@pytest.mark.parametrize(
    "still",
    [
        Handheld(source="singer", trajectory=STILL),
        Swaying(source="singer", trajectory=STILL),
        Passing(sources=SOURCES, first=STILL, second=STILL, pattern=None),
    ],
)
def test_who_stays_sounds_as_on_a_stage_without(still, stems):
    expected, rendered = stage().render(stems), stage(still).render(stems)
    for name in ("mics", "images", "own"):
        np.testing.assert_allclose(getattr(rendered, name), getattr(expected, name), atol=1e-9)


def test_who_has_arrived_sounds_as_if_it_always_stood_there(stems):
    scene = stage(Handheld(source="singer", trajectory=walk(0.5, -0.3, speed=9.0)))
    late = np.pad(stems, ((0, 0), (RATE // 5, 0)))
    (x, y, z), bass = scene.source_positions
    mic, other = scene.microphone_positions
    there = replace(
        stage(),
        source_positions=((x + 0.5, y - 0.3, z), bass),
        microphone_positions=((mic[0] + 0.5, mic[1] - 0.3, mic[2]), other),
    )
    for name in ("mics", "own"):
        expected = getattr(there.render(late), name)
        np.testing.assert_allclose(getattr(scene.render(late), name), expected, atol=1e-9)


def test_the_truth_is_what_its_own_microphone_hears_on_the_way(stems):
    rendered = stage(Handheld(source="singer", trajectory=walk(0.5, -0.3))).render(stems)
    for i in range(2):
        np.testing.assert_array_equal(rendered.own[i], rendered.images[i, i])
    # a microphone that is carried hears its source as before, but for the reflections; the others do not
    still = stage().render(stems)
    close, far = (
        np.linalg.norm(rendered.images[i, 0] - still.images[i, 0]) / np.linalg.norm(still.images[i, 0]) for i in (0, 1)
    )
    assert close < 0.3 < far


def test_a_source_keeps_its_energy_while_it_moves():
    time = np.arange(RATE) / RATE
    stems = np.stack([np.sin(2 * np.pi * 300 * time), np.zeros(RATE)])
    aside = Trajectory((Walk(by=(0.1, 0.0, 0.0), speed=0.4), Walk(by=(-0.1, 0.0, 0.0), speed=0.4)))
    rendered = stage(Swaying(source="singer", trajectory=aside)).render(stems)
    blocks = rendered.own[0].reshape(-1, RATE // 20)[2:]  # whole periods
    powers = 10 * np.log10(np.mean(blocks**2, axis=1))
    assert np.ptp(powers) < 3.0  # 5 % farther away, a few degrees off the axis, and reflections
    assert np.max(np.abs(np.diff(powers))) < 1.0  # no gaps


def test_directivities_turn():
    front = Passing(sources=SOURCES, first=turned(180.0), second=STILL, pattern="cardioid")
    time = np.arange(RATE) / RATE
    stems = np.stack([np.where(time > 0.7, np.sin(2 * np.pi * 500 * time), 0.0), np.zeros(RATE)])
    # the microphone is carried around with the head, so it still is on the axis ...
    carried = stage(front).render(stems).own[0]
    expected = stage(replace(front, first=STILL)).render(stems).own[0]
    assert 20 * np.log10(np.std(carried) / np.std(expected)) == pytest.approx(0, abs=1.5)
    # ... and behind the head if it stands
    behind = stage(Swaying(source="singer", trajectory=turned(180.0), pattern="cardioid")).render(stems).own[0]
    assert 20 * np.log10(np.std(behind) / np.std(expected)) < -8


@pytest.mark.parametrize("kind", KINDS)
def test_points_are_at_most_2_cm_apart(kind):
    scene = draw_scene("stage", (*SOURCES, "drums"), RATE, "item", mishaps=(kind.kind, "handheld"))
    for motion in motions(scene.moves, scene.mouths, scene.ears, 12 * RATE, RATE):
        poses = motion.poses[motion.which]
        mouths = [[moved_mouth(mouth, pose) for pose in poses] for mouth in scene.mouths[:1]]
        ears = [[moved_ear(ear, pose, motion.pivot) for pose in poses] for ear in scene.ears if motion.carries(ear)]
        for way in (*mouths, *ears):
            apart = np.linalg.norm(np.diff([each.position for each in way], axis=0), axis=1)
            assert np.max(apart) <= SPACING + 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_a_drawn_way_is_closed_and_slower_than_people_run(kind):
    for seed in range(10):
        drawn = kind.draw(where(), np.random.default_rng(seed))
        assert all(move.trajectory.closed for move in drawn.moves)
        walks = [m for move in drawn.moves for m in move.trajectory.movements if isinstance(m, Walk)]
        assert all(m.speed == 0.7 for m in walks)


@pytest.mark.parametrize("kind", KINDS)
def test_the_strength_is_the_pace(kind):
    slow = kind.draw(where(), np.random.default_rng(1))
    fast = replace(slow, pace=2.0)
    (one, *_), (two, *_) = slow.moves, fast.moves
    assert (one, two.pace) == (replace(two, pace=1.0), 2.0)


def test_people_who_pass_swap_places_and_do_not_meet():
    stood = where("a", "b")
    drawn = Passing.draw(stood, np.random.default_rng(1))
    time = np.arange(0, 30, 0.05)
    one, other = (
        np.array(stood.sources[source]) + move.trajectory.poses(time)[:, :3]
        for source, move in zip(drawn.sources, drawn.moves, strict=True)
    )
    apart = np.linalg.norm(one - other, axis=1)
    assert 0.7 < np.min(apart) < 1.0
    assert np.min(np.linalg.norm(one - stood.sources[drawn.sources[1]], axis=1)) < 0.5


def test_movements_of_one_source_add_up(stems):
    scene = stage(
        Handheld(source="singer", trajectory=walk(0.5)), Swaying(source="singer", trajectory=walk(-0.5, 0.0, 0.7))
    )
    found = motions(scene.moves, scene.mouths, scene.ears, 100, RATE)
    assert [motion.carries(scene.ears[0]) for motion in found] == [True, False]
    images = scene.render(stems).images
    still = stage().render(stems).images
    np.testing.assert_allclose(images[1, 0], still[1, 0], atol=1e-9)  # the source stays where it is
    assert np.linalg.norm(images[0, 0] - still[0, 0]) > 0.1 * np.linalg.norm(still[0, 0])  # its microphone walks away


def test_a_lavalier_hangs_on_the_chest():
    drawn = Lavalier.draw(where(), np.random.default_rng(1))
    assert np.linalg.norm(np.subtract(drawn.position, where().sources["singer"])) == pytest.approx(0.27, abs=0.01)
    scene = stage(replace(drawn, trajectory=STILL))
    assert scene.ears[0].position == drawn.position
    assert scene.mouths[0].pattern == "subcardioid"
    assert scene.mouths[1].pattern is None


@pytest.mark.parametrize("movement", [{"kind": "fly"}, {"kind": "walk", "by": [9, 0], "speed": 1}])
def test_what_cannot_be_read_is_refused(movement):
    described = json.loads(stage(Handheld(source="singer", trajectory=STILL)).to_json())
    described["mishaps"][0]["trajectory"] = [movement]
    with pytest.raises(InputError, match="movement"):
        from_json(json.dumps(described))
    del described["mishaps"][0]["trajectory"]
    with pytest.raises(InputError, match="the description of the mishap 'handheld' must name its trajectory"):
        from_json(json.dumps(described))


@pytest.mark.parametrize(
    ("refused", "sentence"),
    [
        (lambda: stage(Handheld(source="flute", trajectory=STILL)), "'flute' cannot move: there is no such source"),
        (lambda: stage(Handheld(source="bass", trajectory=walk(50.0))), "the way of 'bass' leads out of the room"),
        (lambda: Handheld(source="bass", trajectory=walk(1.0), pace=0.0), "needs a positive pace"),
        (lambda: Handheld(source="bass", trajectory=walk(1.0), pace="fast"), "needs a number as its pace, got 'fast'"),
        (lambda: Lavalier(source="a", track="b", position=(1, 1), trajectory=STILL), "a position of three numbers"),
        (lambda: Handheld(source="bass", trajectory=walk(1.0), pace=20.0), "faster than 10 m/s, got 20"),
        (lambda: Swaying(source="bass", trajectory=STILL, pattern="heart"), "needs a pattern that is one of sub"),
        (lambda: Passing(sources=("bass",), first=STILL, second=STILL), "needs two sources, got 1"),
        (lambda: Passing.draw(where("a"), np.random.default_rng(1)), "needs two sources with microphones"),
        (lambda: Lavalier(source="a", track="b", position=(1, 1, 1), trajectory=STILL).placed(()), "a microphone 'b'"),
    ],
)
def test_refused_with_a_sentence(refused, sentence):
    with pytest.raises(InputError, match=sentence):
        refused()


def test_a_move_says_who_carries():
    assert Handheld(source="a", trajectory=STILL).moves == (Move("a", STILL, carries=True),)
    assert Swaying(source="a", trajectory=STILL).moves == (Move("a", STILL, carries=False),)
