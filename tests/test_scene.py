import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from debleed.recording import InputError
from debleed.scenes.acoustics import SPEED_OF_SOUND
from debleed.scenes.scene import KINDS, PRESETS, draw_scene, from_json, preset

RATE = 8000
SOURCES = ("singer", "bass", "drums", "keys")
GOLDEN = json.loads((Path(__file__).parent / "golden_scenes.json").read_text(encoding="utf-8"))
ROOMS = Path(__file__).resolve().parents[2] / "shared" / "data" / "rooms"


@pytest.fixture
def stems():
    return np.random.default_rng(1).standard_normal((4, 2 * RATE)) * 0.05


@pytest.mark.parametrize("kind", GOLDEN)
def test_a_scene_of_earlier_versions_is_drawn_and_sounds_as_it_did(kind, stems):
    scene = draw_scene(kind, SOURCES, RATE, "golden", noise_db=-40)
    assert scene.to_json() == json.dumps(GOLDEN[kind]["scene"], indent=1)
    heard = scene.render(stems).mics[:, 4000::3000]
    np.testing.assert_allclose(heard, GOLDEN[kind]["samples"], atol=1e-6 * np.std(heard))


def test_different_seeds_give_different_scenes():
    assert draw_scene("linear", SOURCES, RATE, 1).gains != draw_scene("linear", SOURCES, RATE, 2).gains


def test_the_drawing_does_not_depend_on_the_rate():
    low, high = (draw_scene("room", SOURCES, rate, 5) for rate in (8000, 16000))
    assert low.source_positions == high.source_positions
    assert low.room == high.room


@pytest.mark.parametrize("kind", ["convolutive", "room"])
def test_direct_sound_has_gain_one_and_arrives_on_time(kind):
    scene = draw_scene(kind, SOURCES, 48000, 5, rt60=0.3, distance=1.0)
    for i, row in enumerate(scene.responses()):
        assert np.argmax(np.abs(row[i])) == pytest.approx(48000 / SPEED_OF_SOUND, abs=1)
        if kind == "room":
            assert np.max(np.abs(row[i])) == pytest.approx(1.0, abs=0.2)


# Sabine's formula assumes a diffuse field; in a long low room of hard-working walls it is off by a third
@pytest.mark.parametrize(("kind", "rt60", "tolerance"), [("convolutive", 0.5, 0.1), ("room", 0.35, 0.5)])
def test_the_measured_reverberation_is_near_the_asked_one(kind, rt60, tolerance):
    scene = draw_scene(kind, SOURCES, RATE, 11, rt60=rt60)
    assert scene.rt60 == rt60
    assert scene.measured_rt60 == pytest.approx(rt60, rel=tolerance)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_of_the_waspaa2023_work(name):
    scene = preset(name, SOURCES, RATE, 1)
    assert scene.sources == SOURCES
    if name == "waspaa2023-room-0.25":
        assert (scene.room, scene.rt60) == ((13.5, 7.0, 7.0), 0.25)
        assert scene.microphone_positions[0] == (3.0, 4.5, 1.0)
    if name == "waspaa2023-room-0.35":
        assert np.all((np.array(scene.room) >= [13, 7, 7]) & (np.array(scene.room) <= [16, 10, 10]))
    if name == "waspaa2023-hall-0.8":
        assert (scene.room, scene.rt60) == ((40.0, 35.0, 20.0), 0.8)
        near = np.linalg.norm(np.subtract(scene.source_positions, scene.microphone_positions), axis=1)
        assert np.all((near > 0.999) & (near < 3.001))
        assert len(set(near.round(2))) == 4


def test_presets_take_fewer_sources_and_settings_that_they_leave_open():
    scene = preset("waspaa2023-room-0.25", SOURCES[:3], RATE, 1, microphone_pattern="cardioid")
    assert scene.source_positions == ((3.0, 5.0, 1.0), (5.5, 5.5, 1.0), (8.0, 5.5, 1.0))
    assert scene.microphone_pattern == "cardioid"
    grouped = preset("waspaa2023-room-0.25", "abcde", RATE, 1, groups={"drums": "de"})
    assert len(grouped.microphone_positions) == 4
    with pytest.raises(InputError, match="places for 4 sources, too few for 5"):
        preset("waspaa2023-room-0.25", "abcde", RATE, 1)
    with pytest.raises(InputError, match="fixes the rt60 itself"):
        preset("waspaa2023-room-0.25", SOURCES, RATE, 1, rt60=0.5)


@pytest.mark.parametrize(
    "refused",
    [
        lambda: draw_scene("underwater", SOURCES, RATE, 1),
        lambda: draw_scene("room", [], RATE, 1),
        lambda: draw_scene("room", ["a", "a"], RATE, 1),
        lambda: draw_scene("room", SOURCES, RATE, 1, room=(3.0, 3.0, 3.0)),
        lambda: draw_scene("room", SOURCES, RATE, 1, rt60=0.05),
        lambda: draw_scene("room", SOURCES, RATE, 1, rt60=-1),
        lambda: draw_scene("room", SOURCES[:3], RATE, 1, source_positions=((1.0, 1.0, 1.0),)),
        lambda: preset("waspaa2023-cave", SOURCES, RATE, 1),
        lambda: draw_scene("room", SOURCES, RATE, 1, layout="circle"),
        lambda: draw_scene("linear", SOURCES, RATE, 1, layout="drawn"),
        lambda: draw_scene("room", SOURCES, RATE, 1, layout="drawn", source_positions=((1.0, 1.0, 1.0),) * 4),
        lambda: draw_scene("room", SOURCES, RATE, 1, layout="drawn", room=(4.0, 4.0, 3.0)),
        lambda: draw_scene("room", SOURCES, RATE, 1, distance=(2.0, 1.0)),
        lambda: draw_scene("room", SOURCES, RATE, 1, microphone_pattern="lobar"),
        lambda: draw_scene("convolutive", SOURCES, RATE, 1, source_pattern="cardioid"),
        lambda: draw_scene("room", SOURCES, RATE, 1, responses=Path("nowhere")),
        lambda: draw_scene("convolutive", SOURCES, RATE, 1, responses=Path("nowhere")),
        lambda: draw_scene("convolutive", SOURCES, RATE, 1, responses=Path("nowhere"), rt60=0.3),
        lambda: draw_scene("linear", SOURCES, RATE, 1, without_mic=["flute"]),
        lambda: draw_scene("linear", SOURCES, RATE, 1, without_mic=SOURCES),
        lambda: draw_scene("linear", SOURCES, RATE, 1, groups={"winds": ("flute",)}),
        lambda: draw_scene("linear", SOURCES, RATE, 1, groups={"a": ("bass", "keys"), "b": ("keys",)}),
        lambda: draw_scene("linear", SOURCES, RATE, 1, groups={"singer": ("bass", "keys")}),
        lambda: dataclasses.replace(draw_scene("linear", SOURCES, RATE, 1), members=(("a", "b"),)),
        lambda: from_json('{"colour": 1}'),
        lambda: from_json("[]"),
        lambda: draw_scene("linear", SOURCES, RATE, 1).render(np.zeros((3, 10))),
        lambda: dataclasses.replace(
            draw_scene("room", SOURCES, RATE, 1), source_positions=((99.0, 1.0, 1.0),) * 4
        ).responses(),
    ],
)
def test_refused_with_a_sentence(refused):
    with pytest.raises(InputError):
        refused()


def described_by_version_0_1(kind: str) -> str:
    """Return the description of the golden scene of a kind as version 0.1 wrote it."""
    old = {"sources": "voices", "source_positions": "sources", "microphone_positions": "microphones"}
    return json.dumps({old.get(key, key): value for key, value in GOLDEN[kind]["scene"].items()})


@pytest.mark.parametrize("kind", GOLDEN)
def test_descriptions_of_version_0_1_are_read_with_one_warning(kind, caplog):
    scene = from_json(described_by_version_0_1(kind))
    assert scene == draw_scene(kind, SOURCES, RATE, "golden", noise_db=-40)
    (warning,) = caplog.messages
    assert "'voices' is 'sources' now" in warning
    assert ("'microphones' is 'microphone_positions' now" in warning) == (kind == "room")
    caplog.clear()
    from_json(scene.to_json())
    assert not caplog.messages


def test_old_names_of_presets_are_read_with_a_warning(caplog):
    assert preset("founding-linear", SOURCES, RATE, 1) == preset("waspaa2023-linear", SOURCES, RATE, 1)
    assert "is called 'waspaa2023-linear' now" in caplog.text


def test_settings_that_a_kind_does_not_have_are_refused():
    with pytest.raises(InputError, match="linear bleed has no setting 'rt60'; its settings are groups"):
        draw_scene("linear", SOURCES, RATE, 1, rt60=0.3)
    with pytest.raises(InputError, match="linear bleed has no setting 'layout'"):
        preset("waspaa2023-linear", SOURCES, RATE, 1, layout="row")
    with pytest.raises(InputError, match="room bleed has no setting 'echo'"):
        draw_scene("room", SOURCES, RATE, 1, echo=True)


def test_each_kind_is_registered_under_the_name_in_its_descriptions():
    assert {"linear", "convolutive", "room"} <= set(KINDS)  # scripts rely on these names
    for name, kind in KINDS.items():
        scene = draw_scene(name, SOURCES, RATE, 1)
        assert type(scene) is kind
        assert json.loads(scene.to_json())["kind"] == scene.kind == name


def test_settings_may_be_lists_as_json_has_them():
    asked = {"room": (9.0, 8.0, 4.0), "distance": (0.4, 0.8), "groups": {"rhythm": ("bass", "drums")}}
    assert draw_scene("room", SOURCES, RATE, 1, **json.loads(json.dumps(asked))) == draw_scene(
        "room", SOURCES, RATE, 1, **asked
    )
