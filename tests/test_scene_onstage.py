import json
from dataclasses import fields, replace

import numpy as np
import pytest

from debleed.recording import InputError
from debleed.scenes.onstage.chain import MISHAPS
from debleed.scenes.onstage.moving import Moving
from debleed.scenes.onstage.recorded import Clock, Jump
from debleed.scenes.onstage.scene import OnStage
from debleed.scenes.rendering import known, render_own
from debleed.scenes.room import Room
from debleed.scenes.scene import draw_scene, from_json, preset

RATE = 8000
SOURCES = ("singer", "bass", "drums", "keys")


@pytest.fixture
def stems():
    return np.random.default_rng(1).standard_normal((4, 2 * RATE)) * 0.05


def enough(stems: np.ndarray, *kinds: str) -> np.ndarray:
    """Cut stems short where somebody moves, which takes a response for every 2 cm."""
    return stems[:, : RATE // 10] if any(issubclass(MISHAPS[kind], Moving) for kind in kinds) else stems


def stage(*mishaps: str, seed: str = "item", **settings: object) -> OnStage:
    scene = draw_scene("stage", SOURCES, RATE, seed, mishaps=mishaps, **settings)
    assert isinstance(scene, OnStage)
    return scene


def test_without_mishaps_a_stage_is_a_room_with_cardioids_at_0_3_m(stems):
    scene = stage(noise_db=-50)
    assert scene.microphone_pattern == "cardioid"
    near = np.linalg.norm(np.subtract(scene.source_positions, scene.microphone_positions), axis=1)
    np.testing.assert_allclose(near, 0.3, atol=2e-3)
    room = Room(**{each.name: getattr(scene, each.name) for each in fields(Room)})
    for name in ("mics", "images", "own", "noise"):
        np.testing.assert_allclose(getattr(scene.render(stems), name), getattr(room.render(stems), name), atol=1e-12)


@pytest.mark.parametrize("kind", MISHAPS)
def test_a_mishap_survives_json_and_sounds_the_same(kind, stems):
    scene = stage(kind, noise_db=-50)
    again = from_json(scene.to_json())
    assert again == scene == stage(kind, noise_db=-50)
    assert [each["kind"] for each in json.loads(scene.to_json())["mishaps"]] == [kind]
    stems = enough(stems, kind)
    for name in ("mics", "own"):
        np.testing.assert_array_equal(getattr(again.render(stems), name), getattr(scene.render(stems), name))


@pytest.mark.parametrize("kind", MISHAPS)
def test_truth_and_bleed_add_up_to_the_track(kind, stems):
    rendered = stage(kind).render(enough(stems, kind))
    np.testing.assert_allclose(rendered.images.sum(1) + rendered.noise, rendered.mics, atol=1e-12)
    scored = [channel.scored for channel in stage(kind).channels]
    assert np.array_equal(~np.isnan(rendered.own).any(axis=1), scored)


@pytest.mark.parametrize("kind", MISHAPS)
def test_a_source_that_plays_alone_bleeds_nowhere_into_its_own_tracks(kind, stems):
    scene = stage(kind)
    for source in SOURCES:
        alone = enough(stems, kind) * [[name == source] for name in SOURCES]
        rendered = scene.render(alone)
        for channel, mic, own in zip(scene.channels, rendered.mics, rendered.own, strict=True):
            if channel.source == source:
                # but for the click, and the noise of the safety track
                quiet = {"click": 10 ** (-20 / 20), "safety": 10 ** (-68 / 20)}.get(kind, 1e-9)
                assert np.std(mic - own) <= 1.1 * quiet * np.std(mic)


@pytest.mark.parametrize("kind", MISHAPS)
def test_every_mishap_happens_in_the_room_of_the_others(kind):
    plain, scene = stage(), stage(kind)
    assert replace(scene, mishaps=()) == plain


def test_all_at_once(stems):
    scene = stage(*MISHAPS, noise_db=-60)
    assert [mishap.kind for mishap in scene.mishaps] == list(MISHAPS)
    assert scene == stage(*reversed(MISHAPS), noise_db=-60)
    again = from_json(scene.to_json())
    assert again == scene
    rendered = again.render(enough(stems, *MISHAPS))
    assert len(rendered.mics) == len(scene.channels) == 17
    np.testing.assert_allclose(rendered.images.sum(1) + rendered.noise, rendered.mics, atol=1e-12)
    assert np.all(np.isfinite(rendered.mics))


def test_a_recording_says_no_more_than_its_files_and_known_adds_the_rest(stems):
    scene = stage("pair", "click", "direct", "mix", "dual=-3")
    mics, own = render_own(scene, stems)
    assert mics.sources == tuple(channel.file for channel in scene.channels)
    assert not mics.references
    assert own.names == tuple(name for name in mics.names if name != "click" and not name.startswith("ZOOM"))
    assert np.all(np.isfinite(own.read()))
    told = known(scene, mics)
    assert told.references == {"click"}
    of = dict(zip(told.names, told.sources, strict=True))
    pair = scene.mishaps[0].track
    assert of[f"{pair}_L.L"] == of[f"{pair}_R.R"] == pair
    assert of["bass_di.L"] == "bass"
    assert of["ZOOM0001_LR.L"] is None
    assert known(scene, own).sources == tuple(of[name] for name in own.names)


def test_two_clocks_may_differ(stems):
    scene = stage("clock=100", "clock=-50")
    assert [mishap.ppm for mishap in scene.mishaps] == [100, -50]
    assert np.all(np.isfinite(scene.render(stems).mics))


def test_chance_decides_what_happens():
    drawn = [len(stage(*MISHAPS, seed=str(k), chance=0.3).mishaps) for k in range(20)]
    assert np.mean(drawn) == pytest.approx(0.3 * len(MISHAPS), rel=0.25)
    assert not stage(*MISHAPS, chance=0.0).mishaps
    assert len({len(preset("real-stage", SOURCES, RATE, k).mishaps) for k in range(8)}) > 2


def test_sources_without_a_microphone_and_of_several_stems(stems):
    scene = stage("crowd", "direct", "safety", without_mic=["bass"], groups={"band": ("drums", "keys")})
    assert [channel.name for channel in scene.channels][:2] == ["singer", "band"]
    (box,) = [channel for channel in scene.channels if channel.name == "bass_di"]
    assert box.reference  # nobody else has the bass
    rendered = scene.render(stems)
    np.testing.assert_allclose(rendered.images.sum(1) + rendered.noise, rendered.mics, atol=1e-12)


@pytest.mark.parametrize(
    ("refused", "sentence"),
    [
        (lambda: stage("earthquake"), "there is no mishap 'earthquake'"),
        (lambda: stage("crowd", chance=2.0), "the chance of a mishap must be from 0 to 1, got 2.0"),
        (lambda: draw_scene("room", SOURCES, RATE, 1, mishaps=["crowd"]), "room bleed has no setting 'mishaps'"),
        (lambda: draw_scene("stage", ("a",), RATE, 1, mishaps=["clock"]), "needs two microphones"),
        (lambda: replace(stage(), mishaps=(Jump(track="flute"),)), "there is no track 'flute' on this stage"),
        (
            lambda: replace(stage(), mishaps=(Jump(track="bass"), Clock(tracks=("bass",)))),
            "must be in the order pair, lavalier",
        ),
        (
            lambda: draw_scene("stage", ("bass", "bass_di"), RATE, 1, mishaps=["direct"]),
            "two tracks of this stage would be called 'bass_di'",
        ),
        (lambda: from_json(json.dumps(json.loads(stage().to_json()) | {"mishaps": {}})), "must be a list"),
        (lambda: from_json(json.dumps(json.loads(stage().to_json()) | {"mishaps": [1]})), "must name its kind"),
        (lambda: stage("crowd").render(np.zeros((3, 10))), "the scene has 4 stems"),
    ],
)
def test_refused_with_a_sentence(refused, sentence):
    with pytest.raises(InputError, match=sentence):
        refused()
