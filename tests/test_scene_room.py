from itertools import product

import numpy as np
import pytest

from debleed.recording import InputError
from debleed.scenes.acoustics import SPEED_OF_SOUND
from debleed.scenes.room import Room
from debleed.scenes.scene import draw_scene, from_json

RATE = 8000
SOURCES = ("singer", "bass", "drums", "keys")


@pytest.mark.parametrize("seed", range(5))
def test_the_parts_of_a_source_stand_together(seed):
    parts = ("kick", "snare", "hat")
    settings = {"groups": {"drums": parts}, "layout": "drawn", "distance": 0.8}
    scene = draw_scene("room", ("singer", *parts, "bass"), RATE, seed, **settings)
    places, mics = np.array(scene.source_positions), np.array(scene.microphone_positions)
    drums = scene.miked.index("drums")
    assert len(mics) == 3
    assert len({tuple(place) for place in places}) == 5
    own = [scene.miked.index(source) for source in scene.owners]
    distances = np.linalg.norm(mics[:, None] - places, axis=2)
    np.testing.assert_array_equal(np.argmin(distances, axis=0), own)
    assert np.all((distances[drums, 1:4] >= 0.39) & (distances[drums, 1:4] <= 1.21))
    for stem, response in enumerate(scene.responses([drums])[0][1:4], start=1):
        direct = round(distances[drums, stem] / SPEED_OF_SOUND * RATE)
        assert np.max(np.abs(response[direct - 1 : direct + 2])) == pytest.approx(1, abs=0.4)


@pytest.mark.parametrize(("seed", "count"), list(product(range(4), (1, 4, 12))))
def test_drawn_places_leave_everybody_room(seed, count):
    scene = draw_scene("room", [f"v{i}" for i in range(count)], RATE, seed, layout="drawn", distance=(0.3, 0.8))
    sources, mics, room = np.array(scene.source_positions), np.array(scene.microphone_positions), np.array(scene.room)
    for places in (sources, mics):
        assert np.all((places[:, :2] >= 1.5) & (places[:, :2] <= room[:2] - 1.5))
        assert np.all((places[:, 2] >= 1) & (places[:, 2] <= 1.7))
    between = np.linalg.norm(sources[:, None] - sources, axis=2)[~np.eye(count, dtype=bool)]
    assert np.min(between, initial=1.0) >= 1
    distances = np.linalg.norm(mics[:, None] - sources, axis=2)
    own = np.diag(distances)
    assert np.all((own > 0.298) & (own < 0.802))
    assert np.all(distances >= own[:, None])
    np.testing.assert_array_equal(sources[:, 2], mics[:, 2])


@pytest.mark.parametrize("settings", [{"microphone_pattern": "cardioid"}, {"source_pattern": "hypercardioid"}])
def test_directivities_point_at_each_other(settings):
    """The own direct sound keeps gain 1, and less of the room and of the others arrives than with omnis."""
    omni = draw_scene("room", SOURCES, RATE, 5, layout="drawn").responses()
    scene = draw_scene("room", SOURCES, RATE, 5, layout="drawn", **settings)
    for i, (row, plain) in enumerate(zip(scene.responses(), omni, strict=True)):
        peak = np.argmax(np.abs(plain[i]))
        assert row[i][peak] == pytest.approx(plain[i][peak], abs=0.05)
        assert np.sum(row[i] ** 2) < np.sum(plain[i] ** 2)
    energy = [
        [sum(np.sum(r**2) for r in row) - np.sum(row[i] ** 2) for i, row in enumerate(m)]
        for m in (scene.responses(), omni)
    ]
    assert np.sum(energy[0]) < 0.7 * np.sum(energy[1])


@pytest.mark.parametrize("count", [1, 2, 8, 16])
def test_everybody_keeps_off_the_walls(count):
    scene = draw_scene("room", [f"v{i}" for i in range(count)], RATE, count, distance=1.5)
    sources, mics, room = np.array(scene.source_positions), np.array(scene.microphone_positions), np.array(scene.room)
    for places in (sources, mics):
        assert np.all(places[:, :2] >= 1.5)
        assert np.all(places[:, :2] <= room[:2] - 1.5)
    np.testing.assert_allclose(np.linalg.norm(sources - mics, axis=1), 1.5)
    assert np.all(np.diff(sources[:, 0]) > 0.2)
    assert np.all((room >= [13, 7, 4]) & (room <= [16, 10, 7]))


def box(**details):
    """Describe two sources on a line along a room, each with a microphone 1 m in front of it."""
    described = {
        "id": "box",
        "rate": 48000,
        "sources": ("a", "b"),
        "rt60": 0.3,
        "room": (9.0, 8.0, 4.0),
        "source_positions": ((3.0, 4.0, 1.5), (6.0, 4.0, 1.5)),
        "microphone_positions": ((3.0, 3.0, 1.5), (6.0, 3.0, 1.5)),
    }
    return Room(**{**described, **details})


def test_direct_sound_arrives_after_its_distance_with_the_gain_of_the_distances():
    responses = box().responses()
    own = round(48000 / SPEED_OF_SOUND)
    far = np.sqrt(10) / SPEED_OF_SOUND * 48000
    assert np.argmax(np.abs(responses[0][0])) == own
    for mic, stem in ((0, 1), (1, 0)):
        onset = responses[mic][stem][: round(far) + 20]
        assert np.argmax(np.abs(onset)) == pytest.approx(far, abs=1)
        assert np.sqrt(np.sum(onset**2)) == pytest.approx(1 / np.sqrt(10), rel=0.05)


def test_a_mirrored_room_sounds_mirrored():
    first, second = box().responses()
    for here, there in ((first[0], second[1]), (first[1], second[0])):
        np.testing.assert_allclose(here, there, atol=1e-9)


def test_a_source_without_a_microphone_is_as_loud_as_if_it_had_one_as_far_as_the_others():
    whole = box().responses([0])[0]
    fewer = box(mics=("a",), microphone_positions=((3.0, 3.0, 1.5),)).responses()[0]
    for here, there in zip(whole, fewer, strict=True):
        np.testing.assert_array_equal(here, there)


def test_places_outside_and_reverberation_too_short_are_refused():
    with pytest.raises(InputError, match="lies outside the room of 9 × 8 × 4 m"):
        box(source_positions=((3.0, 4.0, 1.5), (6.0, 4.0, 4.5))).responses()
    with pytest.raises(InputError, match=r"cannot have an RT60 as short as 0\.01 s"):
        box(rt60=0.01).responses()


def test_omni_is_not_described_and_patterns_are():
    scene = draw_scene("room", SOURCES, RATE, 1, microphone_pattern="omni", source_pattern="cardioid")
    assert "microphone_pattern" not in scene.to_json()
    assert from_json(scene.to_json()).source_pattern == "cardioid"
    with pytest.raises(InputError, match="there is no pattern 'lobar'; it is one of omni, subcardioid"):
        from_json(scene.to_json().replace('"cardioid"', '"lobar"'))
