import json

import numpy as np
import pytest
import soundfile

from debleed.io.audio import Take, audio_files
from debleed.io.staging import Staging
from debleed.recording import InputError
from debleed.scenes.rendering import mono_stems, render_own, stage_item
from debleed.scenes.scene import KINDS, draw_scene, from_json

RATE = 8000
SOURCES = ("bass", "singer")


@pytest.fixture
def stems():
    return np.random.default_rng(1).uniform(-0.1, 0.1, (2, RATE))


def test_stems_are_the_means_of_their_channels(tmp_path):
    stereo = np.random.default_rng(0).integers(-1000, 1000, (500, 2)) / 2**15
    soundfile.write(tmp_path / "a.wav", stereo, RATE, "PCM_16")
    soundfile.write(tmp_path / "b.wav", stereo[:, 0], RATE, "PCM_16")
    mono = mono_stems(Take.open(audio_files(tmp_path)))
    assert mono.dtype == np.float32
    np.testing.assert_array_equal(mono, [stereo.mean(1), stereo[:, 0]])


def test_samples_that_are_not_numbers_are_refused(tmp_path):
    samples = np.zeros(6000, np.float32)
    samples[4000] = np.nan
    soundfile.write(tmp_path / "a.wav", samples, 4000, "FLOAT")
    with pytest.raises(InputError, match=r"a\.wav' contains a sample that is NaN or infinite at 1\.00 s"):
        mono_stems(Take.open(audio_files(tmp_path)))


@pytest.mark.parametrize("kind", KINDS)
def test_one_microphone_at_a_time_is_the_whole(kind, stems):
    scene = draw_scene(kind, SOURCES, RATE, 1, noise_db=-40)
    reports = []
    mics, own = render_own(scene, stems, lambda what, share: reports.append((what, share)))
    whole = scene.render(stems)
    np.testing.assert_allclose(mics.read(), whole.mics, atol=1e-12)
    np.testing.assert_allclose(own.read(), whole.own, atol=1e-12)
    assert (mics.rate, mics.names, own.names) == (RATE, SOURCES, SOURCES)
    assert reports == [("bleed", 0.5), ("bleed", 1.0)]


def test_an_item_is_written_whole_or_not_at_all(tmp_path, stems):
    scene = draw_scene("linear", SOURCES, RATE, 1)
    mics, own = render_own(scene, stems)
    with Staging(tmp_path / "item") as staging:
        stage_item(staging, scene, mics, own)
    assert not (tmp_path / "item" / "scene.json").exists()
    with Staging(tmp_path / "item") as staging:
        stage_item(staging, scene, mics, own)
        staging.commit()
    assert from_json((tmp_path / "item" / "scene.json").read_text()) == scene
    assert json.loads((tmp_path / "item" / "scene.json").read_text())["kind"] == "linear"
    for what, sound in (("mics", mics), ("images", own)):
        for name, expected in zip(SOURCES, sound.read(), strict=True):
            written, rate = soundfile.read(tmp_path / "item" / what / f"{name}.wav")
            assert rate == RATE
            np.testing.assert_allclose(written, expected, atol=2**-23)
