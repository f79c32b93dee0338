import dataclasses
import json

import numpy as np
import pytest
import soundfile

from debleed.acoustics import SPEED_OF_SOUND, reverberation_time
from debleed.cli import run
from debleed.evaluate import bleed_matrix_db
from debleed.recording import InputError
from debleed.simulate import KINDS, PRESETS, Scene

RATE = 8000
VOICES = ("singer", "bass", "drums", "keys")


@pytest.fixture
def stems():
    return np.random.default_rng(1).standard_normal((4, 2 * RATE)) * 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_microphones_are_the_sum_of_images_and_noise(kind, stems):
    rendered = Scene.draw(kind, VOICES, RATE, "item", noise_db=-40).render(stems)
    np.testing.assert_allclose(rendered.images.sum(1) + rendered.noise, rendered.mics, atol=1e-12)
    np.testing.assert_array_equal(rendered.own, np.einsum("iit->it", rendered.images))
    assert rendered.mics.shape == stems.shape


@pytest.mark.parametrize("kind", KINDS)
def test_a_scene_survives_json_and_renders_the_same(kind, stems):
    scene = Scene.draw(kind, VOICES, RATE, 7, noise_db=-30)
    again = Scene.from_json(scene.to_json())
    assert again == scene
    assert json.loads(scene.to_json())["kind"] == kind
    np.testing.assert_array_equal(again.render(stems).mics, scene.render(stems).mics)


@pytest.mark.parametrize("kind", KINDS)
def test_one_microphone_at_a_time_gives_the_same(kind, stems):
    scene = Scene.draw(kind, VOICES, RATE, 7, noise_db=-30)
    whole, third = scene.render(stems), scene.render(stems, mics=[2])
    np.testing.assert_allclose(third.mics[0], whole.mics[2], atol=1e-12)
    np.testing.assert_allclose(third.own[0], whole.own[2], atol=1e-12)


def test_linear_bleed_is_the_founding_matrix(stems):
    scene = Scene.draw("linear", VOICES, RATE, 3)
    gains = np.array(scene.gains)
    own = np.eye(4, dtype=bool)
    assert np.all((gains[own] >= 0.6) & (gains[own] <= 1))
    assert np.all((gains[~own] >= 0.05) & (gains[~own] <= 0.31))
    np.testing.assert_array_equal(gains, gains.round(2))
    np.testing.assert_allclose(scene.render(stems).mics, gains @ stems, atol=1e-12)


def test_bleed_matrix_of_equally_loud_voices_is_the_gains_in_decibel(stems):
    scene = Scene.draw("linear", VOICES, RATE, 3)
    gains = np.array(scene.gains) * np.sqrt(np.sum(stems**2, axis=1))
    expected = 20 * np.log10(gains / np.diag(gains))
    np.testing.assert_allclose(bleed_matrix_db(scene.render(stems).images), expected, atol=1e-9)


def test_different_seeds_give_different_scenes():
    assert Scene.draw("linear", VOICES, RATE, 1).gains != Scene.draw("linear", VOICES, RATE, 2).gains


def test_the_drawing_does_not_depend_on_the_rate():
    low, high = (Scene.draw("room", VOICES, rate, 5) for rate in (8000, 16000))
    assert low.sources == high.sources
    assert low.room == high.room


@pytest.mark.parametrize("kind", ["convolutive", "room"])
def test_direct_sound_has_gain_one_and_arrives_on_time(kind):
    scene = Scene.draw(kind, VOICES, 48000, 5, rt60=0.3, distance=1.0)
    for i, row in enumerate(scene.responses()):
        assert np.argmax(np.abs(row[i])) == pytest.approx(48000 / SPEED_OF_SOUND, abs=1)
        if kind == "room":
            assert np.max(np.abs(row[i])) == pytest.approx(1.0, abs=0.2)


# Sabine's formula assumes a diffuse field; in a long low room of hard-working walls it is off by a third
@pytest.mark.parametrize(("kind", "rt60", "tolerance"), [("convolutive", 0.5, 0.1), ("room", 0.35, 0.5)])
def test_the_measured_reverberation_is_near_the_asked_one(kind, rt60, tolerance):
    scene = Scene.draw(kind, VOICES, RATE, 11, rt60=rt60)
    assert scene.rt60 == rt60
    assert scene.measured_rt60 == pytest.approx(rt60, rel=tolerance)


def test_reverberation_time_of_an_exponential():
    time = np.arange(RATE) / RATE
    noise = np.random.default_rng(0).standard_normal(RATE)
    assert reverberation_time(noise * 10 ** (-3 * time / 0.4), RATE) == pytest.approx(0.4, rel=0.05)
    assert reverberation_time(np.array([1.0]), RATE) == 0


def test_noise_has_the_asked_level_and_differs_between_microphones(stems):
    rendered = Scene.draw("linear", VOICES, RATE, 3, noise_db=-20).render(stems)
    voices = rendered.mics - rendered.noise
    level = 10 * np.log10(np.mean(rendered.noise**2, axis=1) / np.mean(voices**2, axis=1))
    np.testing.assert_allclose(level, -20, atol=0.2)
    assert abs(np.corrcoef(rendered.noise)[0, 1]) < 0.05
    assert not Scene.draw("linear", VOICES, RATE, 3).render(stems).noise.any()


@pytest.mark.parametrize("count", [1, 2, 8, 16])
def test_everybody_keeps_off_the_walls(count):
    scene = Scene.draw("room", [f"v{i}" for i in range(count)], RATE, count, distance=1.5)
    sources, mics, room = np.array(scene.sources), np.array(scene.microphones), np.array(scene.room)
    for places in (sources, mics):
        assert np.all(places[:, :2] >= 1.5)
        assert np.all(places[:, :2] <= room[:2] - 1.5)
    np.testing.assert_allclose(np.linalg.norm(sources - mics, axis=1), 1.5)
    assert np.all(np.diff(sources[:, 0]) > 0.2)
    assert np.all((room >= [13, 7, 4]) & (room <= [16, 10, 7]))


@pytest.mark.parametrize("name", PRESETS)
def test_presets_of_the_founding_work(name):
    scene = Scene.preset(name, VOICES, RATE, 1)
    assert scene.voices == VOICES
    if name == "founding-room-0.25":
        assert (scene.room, scene.rt60) == ((13.5, 7.0, 7.0), 0.25)
        assert scene.microphones[0] == (3.0, 4.5, 1.0)


def test_type_and_length_of_the_stems_are_kept():
    rendered = Scene.draw("room", VOICES, RATE, 1).render(np.zeros((4, 77), np.float32))
    assert (rendered.mics.dtype, rendered.mics.shape) == (np.float32, (4, 77))
    assert not rendered.mics.any()


@pytest.mark.parametrize(
    "refused",
    [
        lambda: Scene.draw("underwater", VOICES, RATE, 1),
        lambda: Scene.draw("room", [], RATE, 1),
        lambda: Scene.draw("room", ["a", "a"], RATE, 1),
        lambda: Scene.draw("room", VOICES, RATE, 1, room=(3.0, 3.0, 3.0)),
        lambda: Scene.draw("room", VOICES, RATE, 1, rt60=0.05),
        lambda: Scene.draw("room", VOICES, RATE, 1, rt60=-1),
        lambda: Scene.draw("room", VOICES[:3], RATE, 1, sources=((1.0, 1.0, 1.0),)),
        lambda: Scene.preset("founding-cave", VOICES, RATE, 1),
        lambda: Scene.from_json('{"colour": 1}'),
        lambda: Scene.from_json("[]"),
        lambda: Scene.draw("linear", VOICES, RATE, 1).render(np.zeros((3, 10))),
        lambda: dataclasses.replace(Scene.draw("room", VOICES, RATE, 1), sources=((99.0, 1.0, 1.0),) * 4).responses(),
    ],
)
def test_refused_with_a_sentence(refused):
    with pytest.raises(InputError):
        refused()


@pytest.fixture
def folder(tmp_path, stems):
    for name, row in zip(VOICES, stems, strict=True):
        soundfile.write(tmp_path / f"{name}.wav", np.stack([row, 0.5 * row], 1), RATE, subtype="PCM_24")
    return tmp_path


@pytest.mark.parametrize("bleed", KINDS)
def test_the_command_writes_what_the_description_says(folder, stems, bleed):
    out = folder / "out"
    asked = ["simulate", str(folder), "-o", str(out), "--bleed", bleed, "--seed", "5", "--noise-db", "-50"]
    assert run(asked) == 0
    assert sorted(p.name for p in out.iterdir()) == ["images", "mics", "scene.json"]
    scene = Scene.from_json((out / "scene.json").read_text())
    order = [VOICES.index(name) for name in scene.voices]
    rendered = scene.render(0.75 * stems[order])
    for name, mic, image in zip(scene.voices, rendered.mics, rendered.own, strict=True):
        for kind, expected in (("mics", mic), ("images", image)):
            written, rate = soundfile.read(out / kind / f"{name}.wav")
            assert rate == RATE
            np.testing.assert_allclose(written, expected, atol=1e-6)
    assert run(asked) == 2
    assert run([*asked, "--force"]) == 0


def test_the_command_resamples_and_takes_a_room(folder):
    out = folder / "out"
    assert run(["simulate", str(folder), "-o", str(out), "--bleed", "room", "--room", "9,8,4", "--rate", "4000"]) == 0
    scene = Scene.from_json((out / "scene.json").read_text())
    assert (scene.rate, scene.room) == (4000, (9.0, 8.0, 4.0))
    assert soundfile.info(out / "mics" / "bass.wav").frames == 8000


@pytest.mark.parametrize("option", [["--room", "9,8"], ["--rt60", "0.01"], ["--distance", "-1"], ["--room", "2,2,2"]])
def test_the_command_refuses_and_writes_nothing(folder, option):
    assert run(["simulate", str(folder), "-o", str(folder / "out"), "--bleed", "room", *option]) == 2
    assert not (folder / "out").exists()
