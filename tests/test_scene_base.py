import json

import numpy as np
import pytest

from debleed.recording import InputError
from debleed.scenes.rendering import render_own
from debleed.scenes.scene import KINDS, draw_scene, from_json
from responses import write_responses

RATE = 8000
SOURCES = ("singer", "bass", "drums", "keys")


@pytest.fixture
def stems():
    return np.random.default_rng(1).standard_normal((4, 2 * RATE)) * 0.05


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    return write_responses(tmp_path_factory.mktemp("responses"))


NEW = {
    "drawn places": ("room", {"layout": "drawn"}),
    "drawn distances": ("convolutive", {"layout": "drawn", "distance": (0.3, 1.0)}),
    "directivities": ("room", {"microphone_pattern": "cardioid", "source_pattern": "subcardioid"}),
    "group, linear": ("linear", {"groups": {"rhythm": ("bass", "drums")}}),
    "group, convolutive": ("convolutive", {"groups": {"rhythm": ("bass", "drums")}}),
    "group, room": ("room", {"groups": {"drums": ("drums", "keys")}, "microphone_pattern": "cardioid"}),
    "without microphone, linear": ("linear", {"without_mic": ("singer",)}),
    "without microphone, convolutive": ("convolutive", {"without_mic": ("bass", "keys")}),
    "without microphone, room": ("room", {"without_mic": ("bass",), "source_pattern": "cardioid"}),
    "all of it": ("room", {"layout": "drawn", "groups": {"a": ("bass", "keys")}, "without_mic": ("drums",)}),
    "measured": ("convolutive", {}),
}


@pytest.fixture(params=NEW)
def novel(request, measured):
    """Draw a scene with something beyond the common case."""
    kind, settings = NEW[request.param]
    responses = {"responses": measured} if request.param == "measured" else {}
    return lambda: draw_scene(kind, SOURCES, RATE, "novel", noise_db=-40, **settings, **responses)


@pytest.mark.parametrize("kind", KINDS)
def test_microphones_are_the_sum_of_images_and_noise(kind, stems):
    rendered = draw_scene(kind, SOURCES, RATE, "item", noise_db=-40).render(stems)
    np.testing.assert_allclose(rendered.images.sum(1) + rendered.noise, rendered.mics, atol=1e-12)
    np.testing.assert_array_equal(rendered.own, np.einsum("iit->it", rendered.images))
    assert rendered.mics.shape == stems.shape


@pytest.mark.parametrize("kind", KINDS)
def test_a_scene_survives_json_and_renders_the_same(kind, stems):
    scene = draw_scene(kind, SOURCES, RATE, 7, noise_db=-30)
    again = from_json(scene.to_json())
    assert again == scene
    assert json.loads(scene.to_json())["kind"] == kind
    np.testing.assert_array_equal(again.render(stems).mics, scene.render(stems).mics)


def test_new_scenes_survive_json_and_are_drawn_the_same(novel, stems):
    scene = novel()
    again = from_json(scene.to_json(), folder=getattr(scene, "folder", None))
    assert again == scene == novel()
    assert "folder" not in scene.to_json()
    rendered = scene.render(stems)
    np.testing.assert_array_equal(again.render(stems).mics, rendered.mics)
    np.testing.assert_allclose(rendered.images.sum(1) + rendered.noise, rendered.mics, atol=1e-12)


def test_own_image_is_the_sum_of_the_stems_of_the_source(novel, stems):
    scene = novel()
    images, own = scene.render(stems).images, scene.render(stems).own
    assert images.shape == (len(scene.miked), *stems.shape)
    for source, rows, heard in zip(scene.miked, images, own, strict=True):
        mine = [row for row, owner in zip(rows, scene.owners, strict=True) if owner == source]
        np.testing.assert_allclose(heard, np.sum(mine, axis=0), atol=1e-12)
    mics, truth = render_own(scene, stems)
    assert mics.names == truth.names == scene.miked
    np.testing.assert_allclose(truth.read(), own, atol=1e-12)


@pytest.mark.parametrize(("kind", "settings"), [("linear", {}), ("convolutive", {}), ("room", {"layout": "drawn"})])
def test_a_microphone_less_changes_nothing_else(kind, settings, stems):
    whole = draw_scene(kind, SOURCES, RATE, 5, noise_db=-40, **settings).render(stems)
    fewer = draw_scene(kind, SOURCES, RATE, 5, noise_db=-40, without_mic=["bass"], **settings)
    assert fewer.miked == ("singer", "drums", "keys")
    rendered = fewer.render(stems)
    # in a room, places are rounded to millimetres, and so is the loudness of a source without microphone
    for name in ("mics", "own", "images"):
        np.testing.assert_allclose(getattr(rendered, name), getattr(whole, name)[[0, 2, 3]], atol=3e-3 * np.std(stems))


def test_a_source_without_a_microphone_is_in_no_own_image(stems):
    scene = draw_scene("room", SOURCES, RATE, 5, without_mic=["bass"])
    louder = stems * [[1], [10], [1], [1]]
    np.testing.assert_array_equal(scene.render(stems).own, scene.render(louder).own)
    assert np.all(np.std(scene.render(louder).mics - scene.render(stems).mics, axis=1) > 0)


@pytest.mark.parametrize("kind", KINDS)
def test_one_microphone_at_a_time_gives_the_same(kind, stems):
    scene = draw_scene(kind, SOURCES, RATE, 7, noise_db=-30)
    whole, third = scene.render(stems), scene.render(stems, mics=[2])
    np.testing.assert_allclose(third.mics[0], whole.mics[2], atol=1e-12)
    np.testing.assert_allclose(third.own[0], whole.own[2], atol=1e-12)


def test_noise_has_the_asked_level_and_differs_between_microphones(stems):
    rendered = draw_scene("linear", SOURCES, RATE, 3, noise_db=-20).render(stems)
    sources = rendered.mics - rendered.noise
    level = 10 * np.log10(np.mean(rendered.noise**2, axis=1) / np.mean(sources**2, axis=1))
    np.testing.assert_allclose(level, -20, atol=0.2)
    assert abs(np.corrcoef(rendered.noise)[0, 1]) < 0.05
    assert not draw_scene("linear", SOURCES, RATE, 3).render(stems).noise.any()


def test_type_and_length_of_the_stems_are_kept():
    rendered = draw_scene("room", SOURCES, RATE, 1).render(np.zeros((4, 77), np.float32))
    assert (rendered.mics.dtype, rendered.mics.shape) == (np.float32, (4, 77))
    assert not rendered.mics.any()


@pytest.mark.parametrize("kind", KINDS)
def test_descriptions_with_a_key_too_many_or_too_few_are_refused(kind):
    described = json.loads(draw_scene(kind, SOURCES, RATE, 1).to_json())
    with pytest.raises(InputError, match=f"a {kind} scene has no colour"):
        from_json(json.dumps(described | {"colour": 1}))
    for key in ("id", "rate", "sources"):
        with pytest.raises(InputError, match=f"must name its {key}"):
            from_json(json.dumps({name: value for name, value in described.items() if name != key}))


def test_the_keys_of_another_kind_are_refused():
    described = json.loads(draw_scene("linear", SOURCES, RATE, 1).to_json())
    with pytest.raises(InputError, match="a linear scene has no delays"):
        from_json(json.dumps(described | {"delays": described["gains"]}))


@pytest.mark.parametrize(
    ("kind", "name"), [("linear", "gains"), ("convolutive", "delays"), ("room", "source_positions")]
)
def test_descriptions_of_another_shape_are_refused(kind, name):
    described = json.loads(draw_scene(kind, SOURCES, RATE, 1).to_json())
    for wrong in (described[name][1:], [row[1:] for row in described[name]]):
        with pytest.raises(InputError, match=f"{name.replace('_', ' ')} of this scene must be 4 rows"):
            from_json(json.dumps(described | {name: wrong}))
