import dataclasses
import hashlib
import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import soundfile

from debleed.cli import run
from debleed.recording import InputError
from debleed.scenes.acoustics import PATTERNS, SPEED_OF_SOUND, box_paths, reverberation_time
from debleed.scenes.rendering import render_own
from debleed.scenes.scene import KINDS, PRESETS, draw_scene, from_json, preset
from debleed.scoring.evaluate import bleed_matrix_db

RATE = 8000
SOURCES = ("singer", "bass", "drums", "keys")
GOLDEN = json.loads((Path(__file__).parent / "golden_scenes.json").read_text(encoding="utf-8"))
ROOMS = Path(__file__).resolve().parents[2] / "shared" / "data" / "rooms"


@pytest.fixture
def stems():
    return np.random.default_rng(1).standard_normal((4, 2 * RATE)) * 0.05


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Two responses at 8 kHz and one at 16 kHz: an impulse after 10 ms, a tail of RT60 0.15 s from 20 ms on."""
    rng = np.random.default_rng(3)
    folder = tmp_path_factory.mktemp("responses")
    for name, rate, channels in (("hall", RATE, 2), ("cellar", 2 * RATE, 1)):
        heard = np.zeros((rate // 4, channels))
        heard[rate // 100] = 0.8
        time = np.arange(len(heard) - rate // 50)[:, None] / rate
        heard[rate // 50 :] = 0.02 * rng.standard_normal((len(time), channels)) * 10 ** (-3 * time / 0.15)
        soundfile.write(folder / f"{name}.wav", heard, rate, subtype="PCM_24")
    return folder


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


@pytest.mark.parametrize("kind", KINDS)
def test_a_scene_of_earlier_versions_is_drawn_and_sounds_as_it_did(kind, stems):
    scene = draw_scene(kind, SOURCES, RATE, "golden", noise_db=-40)
    assert scene.to_json() == json.dumps(GOLDEN[kind]["scene"], indent=1)
    heard = scene.render(stems).mics[:, 4000::3000]
    np.testing.assert_allclose(heard, GOLDEN[kind]["samples"], atol=1e-6 * np.std(heard))


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


def test_every_part_of_a_source_is_at_home_in_the_waspaa2023_matrix():
    scene = draw_scene(
        "linear", ("kick", "singer", "snare", "hat"), RATE, 3, groups={"drums": ("hat", "kick", "snare")}
    )
    assert (scene.sources, scene.owners) == (("drums", "singer"), ("drums", "singer", "drums", "drums"))
    gains = np.array(scene.gains)
    own = np.array([[True, False, True, True], [False, True, False, False]])
    assert np.all((gains[own] >= 0.6) & (gains[own] <= 1))
    assert np.all((gains[~own] >= 0.05) & (gains[~own] <= 0.31))


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


def test_drawn_places_of_convolutive_bleed_are_those_of_the_delays():
    scene = draw_scene("convolutive", SOURCES, RATE, 5, layout="drawn", distance=0.6)
    delays, gains = np.array(scene.delays), np.array(scene.gains)
    np.testing.assert_allclose(np.diag(delays), 0.6 / SPEED_OF_SOUND, atol=3e-6)
    spread = 20 * np.log10(gains * delays / np.diag(delays))
    assert np.all(np.abs(spread) < 2.1)  # the direct sound falls with the distance, ±2 dB


DEAD = (8.0, 7.0, 6.0)
"""A room that is almost without reflections at RT60 0.186 s, by Sabine's formula."""


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


def test_measured_responses_have_the_delays_gains_and_tail_of_the_scene(measured):
    scene = draw_scene("convolutive", SOURCES, RATE, 2, responses=measured)
    assert {name for row in scene.measured for name, _ in row} == {"hall.wav", "cellar.wav"}
    assert dict(scene.checksums)["hall.wav"] == hashlib.sha256((measured / "hall.wav").read_bytes()).hexdigest()
    assert scene.rt60 is None
    for rate in (RATE, 2 * RATE, 11025):
        for i, row in enumerate(dataclasses.replace(scene, rate=rate).responses()):
            described = zip(row, scene.gains[i], scene.delays[i], scene.measured[i], strict=True)
            for response, gain, delay, choice in described:
                # the phase of a tone tells the arrival to a fraction of a sample; the tail comes 10 ms later
                time, last = np.arange(len(response)) / rate, round((delay + 0.006) * rate)
                direct = np.sum((response * np.exp(2j * np.pi * 1000 * (time - delay)))[:last])
                assert direct == pytest.approx(gain, rel=0.02)
                assert reverberation_time(response[last:], rate) == pytest.approx(0.15, rel=0.2)
                if rate == 2 * RATE:  # the highest rate of the files, and the energy of a tail grows with the band
                    power = np.sum(response[last:] ** 2) * (1 if "cellar" in str(choice) else 2)
                    assert 10 * np.log10(power) == pytest.approx(scene.tail_db, abs=0.5)


def test_measured_responses_are_refused_where_they_are_not_what_was_drawn(measured, stems, tmp_path):
    scene = draw_scene("convolutive", SOURCES, RATE, 2, responses=measured)
    with pytest.raises(InputError, match="say in which folder"):
        from_json(scene.to_json()).render(stems)
    with pytest.raises(InputError, match="which is not in"):
        from_json(scene.to_json(), folder=tmp_path).render(stems)
    for name in ("hall", "cellar"):
        soundfile.write(tmp_path / f"{name}.wav", np.ones(100) * 0.1, RATE)
    with pytest.raises(InputError, match="another file"):
        from_json(scene.to_json(), folder=tmp_path).render(stems)
    soundfile.write(tmp_path / "hall.wav", np.zeros(100), RATE)
    with pytest.raises(InputError, match="no impulse response"):
        draw_scene("convolutive", SOURCES, RATE, 2, responses=tmp_path)


def test_responses_without_reverberation_keep_what_little_follows(tmp_path, stems):
    soundfile.write(tmp_path / "dead.wav", [0.0, 0.5, 0.0], RATE)
    scene = draw_scene("convolutive", SOURCES, RATE, 2, responses=tmp_path)
    assert scene.tail_db is None
    np.testing.assert_allclose([[np.sum(path) for path in row] for row in scene.responses()], scene.gains, rtol=0.02)


@pytest.mark.skipif(not ROOMS.is_dir(), reason="needs the measured rooms in ../shared, which are not there")
def test_rooms_that_were_really_measured(stems):
    scene = draw_scene("convolutive", SOURCES, RATE, 2, responses=ROOMS)
    assert scene.render(stems).mics.any()
    for i, row in enumerate(scene.responses()):
        for response, delay in zip(row, scene.delays[i], strict=True):
            start = int((delay - 0.003) * RATE)
            assert np.sum(response[: max(start, 0)] ** 2) < 1e-3 * np.sum(response**2)


@pytest.mark.parametrize("kind", KINDS)
def test_one_microphone_at_a_time_gives_the_same(kind, stems):
    scene = draw_scene(kind, SOURCES, RATE, 7, noise_db=-30)
    whole, third = scene.render(stems), scene.render(stems, mics=[2])
    np.testing.assert_allclose(third.mics[0], whole.mics[2], atol=1e-12)
    np.testing.assert_allclose(third.own[0], whole.own[2], atol=1e-12)


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


def test_reverberation_time_of_an_exponential():
    time = np.arange(RATE) / RATE
    noise = np.random.default_rng(0).standard_normal(RATE)
    assert reverberation_time(noise * 10 ** (-3 * time / 0.4), RATE) == pytest.approx(0.4, rel=0.05)
    assert reverberation_time(np.array([1.0]), RATE) == 0


def test_noise_has_the_asked_level_and_differs_between_microphones(stems):
    rendered = draw_scene("linear", SOURCES, RATE, 3, noise_db=-20).render(stems)
    sources = rendered.mics - rendered.noise
    level = 10 * np.log10(np.mean(rendered.noise**2, axis=1) / np.mean(sources**2, axis=1))
    np.testing.assert_allclose(level, -20, atol=0.2)
    assert abs(np.corrcoef(rendered.noise)[0, 1]) < 0.05
    assert not draw_scene("linear", SOURCES, RATE, 3).render(stems).noise.any()


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


def test_type_and_length_of_the_stems_are_kept():
    rendered = draw_scene("room", SOURCES, RATE, 1).render(np.zeros((4, 77), np.float32))
    assert (rendered.mics.dtype, rendered.mics.shape) == (np.float32, (4, 77))
    assert not rendered.mics.any()


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


@pytest.fixture
def folder(tmp_path, stems):
    for name, row in zip(SOURCES, stems, strict=True):
        soundfile.write(tmp_path / f"{name}.wav", np.stack([row, 0.5 * row], 1), RATE, subtype="PCM_24")
    return tmp_path


@pytest.mark.parametrize("bleed", KINDS)
def test_the_command_writes_what_the_description_says(folder, stems, bleed):
    out = folder / "out"
    asked = ["simulate", str(folder), "-o", str(out), "--bleed", bleed, "--seed", "5", "--noise-db", "-50"]
    assert run(asked) == 0
    assert sorted(p.name for p in out.iterdir()) == ["images", "mics", "scene.json"]
    scene = from_json((out / "scene.json").read_text())
    order = [SOURCES.index(name) for name in scene.sources]
    rendered = scene.render(0.75 * stems[order])
    for name, mic, image in zip(scene.sources, rendered.mics, rendered.own, strict=True):
        for kind, expected in (("mics", mic), ("images", image)):
            written, rate = soundfile.read(out / kind / f"{name}.wav")
            assert rate == RATE
            np.testing.assert_allclose(written, expected, atol=1e-6)
    assert run(asked) == 2
    assert run([*asked, "--force"]) == 0


def test_the_command_resamples_and_takes_a_room(folder):
    out = folder / "out"
    assert run(["simulate", str(folder), "-o", str(out), "--bleed", "room", "--room", "9,8,4", "--rate", "4000"]) == 0
    scene = from_json((out / "scene.json").read_text())
    assert (scene.rate, scene.room) == (4000, (9.0, 8.0, 4.0))
    assert soundfile.info(out / "mics" / "bass.wav").frames == 8000


def test_the_command_takes_all_that_a_scene_can_have(folder):
    out = folder / "out"
    asked = ["--layout", "drawn", "--distance", "0.4,0.8", "--microphone-pattern", "cardioid", "--noise-db", "-60"]
    asked += ["--source-pattern", "subcardioid", "--group", "rhythm=bass, drums", "--without-mic", "keys"]
    assert run(["simulate", str(folder), "-o", str(out), "--bleed", "room", "--seed", "5", *asked]) == 0
    written = (out / "scene.json").read_text()
    settings = {"layout": "drawn", "distance": (0.4, 0.8), "microphone_pattern": "cardioid", "noise_db": -60.0}
    settings |= {"source_pattern": "subcardioid", "groups": {"rhythm": ("bass", "drums")}, "without_mic": ["keys"]}
    assert written == draw_scene("room", sorted(SOURCES), RATE, "5", **settings).to_json() + "\n"
    assert sorted(path.stem for path in (out / "mics").iterdir()) == ["rhythm", "singer"]
    assert sorted(path.stem for path in (out / "images").iterdir()) == ["rhythm", "singer"]


def test_the_command_takes_measured_responses(folder, measured):
    out = folder / "out"
    asked = ["simulate", str(folder), "-o", str(out), "--bleed", "convolutive", "--responses", str(measured)]
    assert run(asked) == 0
    assert "hall.wav" in (out / "scene.json").read_text()


REFUSED = """
--room 9,8 | --rt60 0.01 | --distance -1 | --distance wide | --distance 2,1 | --room 2,2,2 | --layout round
--microphone-pattern lobar | --group drums | --group x=bass, | --group x=flute | --group x=bass --group x=keys
--without-mic flute | --responses nowhere
"""


@pytest.mark.parametrize(
    "option", [part.split() for line in REFUSED.split("\n") for part in line.split("|") if part.strip()]
)
def test_the_command_refuses_and_writes_nothing(folder, option, capsys):
    assert run(["simulate", str(folder), "-o", str(folder / "out"), "--bleed", "room", *option]) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line and not line.startswith(("Usage", "Try"))]
    assert len(said) == 1
    assert not (folder / "out").exists()
