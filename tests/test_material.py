import dataclasses

import numpy as np
import pytest

from debleed.scenes.tracks import find_tracks
from debleed.training.material import Material, Scenes, Song, load_songs, mix, staged
from folders import STEM_RATE as RATE
from folders import STEMS as SOURCES


@pytest.fixture
def material(songs_folder, tmp_path):
    songs = load_songs(find_tracks(songs_folder), SOURCES, RATE, tmp_path)
    return Material(songs, Scenes(("waspaa2023-linear",), SOURCES, RATE, "7", 50, tmp_path), 4000, "each")


def test_songs_are_kept(songs_folder, tmp_path):
    first = load_songs(find_tracks(songs_folder), SOURCES, RATE, tmp_path)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")}
    second = load_songs(find_tracks(songs_folder), SOURCES, RATE, tmp_path)
    assert len(files) == 4
    assert files == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")}
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(first, second, strict=True))


def test_examples_follow_their_key(material):
    a, b, other = (material.batch(2, key) for key in (5, 5, 6))
    assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
    assert not np.array_equal(a[0], other[0])
    assert a[0].shape == a[1].shape == (2, 4, 4000)
    assert a[0].dtype == np.float32


def test_examples_are_mixtures_of_their_images(material):
    mics, images = material.example("x")
    matrix = mics @ np.linalg.pinv(images)
    np.testing.assert_allclose(matrix @ images, mics, atol=1e-4)
    np.testing.assert_allclose(np.diag(matrix), 1, atol=1e-3)


def test_shuffling_moves_targets_along(material):
    still = dataclasses.replace(material, shuffle=False)
    for key in range(8):
        moved, fixed = material.example(key), still.example(key)
        order = [int(np.argmin([np.abs(row - other).sum() for other in fixed[0]])) for row in moved[0]]
        assert sorted(order) == [0, 1, 2, 3]
        assert all(np.array_equal(a, b[order]) for a, b in zip(moved, fixed, strict=True))


def test_one_source_alone(material):
    alone = dataclasses.replace(material, source=2)
    mics, images = alone.example("y")
    assert mics.shape == images.shape == (1, 4000)
    whole = dataclasses.replace(material, shuffle=False).example("y")
    assert np.array_equal(images[0], whole[1][2])


def test_levels_are_about_one(material):
    level = [np.sqrt(np.mean(material.example(key)[0] ** 2, axis=1)) for key in range(12)]
    assert np.median(level) == pytest.approx(1, rel=0.2)


def test_bleed_is_convolution():
    rng = np.random.default_rng(0)
    stems, paths = rng.standard_normal((2, 300)).astype(np.float32), rng.standard_normal((2, 2, 41)).astype(np.float32)
    mics, own = mix(stems, paths, 260)
    for i in range(2):
        whole = [np.convolve(stems[j], paths[i, j])[40:300] for j in range(2)]
        np.testing.assert_allclose(mics[i], sum(whole), atol=1e-3)
        np.testing.assert_allclose(own[i], whole[i], atol=1e-3)


def test_rooms_are_drawn_once(tmp_path):
    scenes = Scenes(("convolutive",), SOURCES, RATE, "1", 3, tmp_path)
    scene, first = scenes.prepared("convolutive", 2)
    assert scene is None
    assert len(list(tmp_path.rglob("*.npy"))) == 1
    _, again = dataclasses.replace(scenes, count=4).prepared("convolutive", 2)
    assert np.array_equal(first, again)
    assert first.shape[:2] == (4, 4)


def test_stages_are_drawn_once_and_leave_every_source_a_seat(songs_folder, tmp_path):
    songs = load_songs(find_tracks(songs_folder), SOURCES, RATE, tmp_path)
    scenes = Scenes(("real-stage",), SOURCES, RATE, "1", 6, tmp_path)
    material = Material(songs, scenes, 4000, "each", shuffle=False)
    drawn = [scenes.prepared("real-stage", number) for number in range(6)]
    assert len(list(tmp_path.glob("scenes/*.npy"))) == len(list(tmp_path.glob("scenes/*.json"))) == 6
    again, paths = dataclasses.replace(scenes, count=7).prepared("real-stage", 2)
    assert again == drawn[2][0]
    assert np.array_equal(paths, drawn[2][1])
    assert sum(len(scene.mishaps) for scene, _ in drawn) > 6
    for key in range(8):
        mics, images = material.example(key)
        assert mics.shape == images.shape == (4, 4000)
        assert mics.dtype == images.dtype == np.float32
        assert np.all(np.isfinite(mics))
        assert np.all(np.isfinite(images))
        assert np.all(np.std(mics - images, axis=1) < np.std(images, axis=1))


@pytest.mark.parametrize(("name", "number", "moving"), [("stage", 0, 0), ("moving-stage", 10, 1)])
def test_a_seat_is_what_the_scene_renders(tmp_path, name, number, moving):
    scenes = Scenes((name,), SOURCES, 8000, "1", number + 1, tmp_path)
    scene, paths = scenes.prepared(name, number)
    assert len(scene.moves) == moving
    stems = np.random.default_rng(0).uniform(-0.1, 0.1, (4, paths.shape[2] + 3999)).astype(np.float32)
    mics, own = staged(scene, stems, paths, 4000)
    rendered = scene.render(stems)
    np.testing.assert_allclose(mics, rendered.mics[:, -4000:], atol=1e-5)
    np.testing.assert_allclose(own, rendered.own[:, -4000:], atol=1e-5)


def test_rests_are_passed_over(tmp_path):
    row = np.zeros((1, 40_000), np.float16)
    row[:, 20_000:] = 0.3
    song = Song("s", row, np.array([0.045]))
    scenes = Scenes(("waspaa2023-linear",), ("a",), RATE, "1", 1, tmp_path)
    quiet = sum(not Material([song], scenes, 1000, "each").example(key)[0].any() for key in range(60))
    assert quiet <= 12  # (1/2)^4 of 60 on average; without looking for sound it would be half


def test_stems_are_played_at_five_speeds(tmp_path):
    tone = 0.3 * np.sin(2 * np.pi * 1000 / RATE * np.arange(60_000))
    song = Song("s", tone[None].astype(np.float16), np.array([0.045]))
    scenes = Scenes(("waspaa2023-linear",), ("a",), RATE, "1", 1, tmp_path)
    drawn = (Material([song], scenes, 8000, "each").example(key)[0][0] for key in range(60))
    pitches = {float(np.argmax(np.abs(np.fft.rfft(x * np.hanning(8000)))) * RATE / 8000) for x in drawn}
    assert sorted(pitches) == pytest.approx([800, 875, 1000, 1143, 1250], abs=3)
