"""Networks measured by kinds of music."""

import numpy as np
import pytest

from debleed.methods import create
from debleed.training import by_kind as kinds
from debleed.training.material import Material, Scenes, Song

RATE = 8000
SOURCES = ("bass", "drums", "vocals")


def song(seed: int, sounding: tuple[bool, ...] = (True, True, True)) -> Song:
    rng = np.random.default_rng(seed)
    stems = (0.1 * rng.standard_normal((3, 12 * RATE)) * np.array(sounding)[:, None]).astype(np.float16)
    return Song("song", stems, np.mean(np.square(stems, dtype=np.float64), axis=1))


def test_half_the_bleed_is_six_decibels() -> None:
    images, bleed = np.random.default_rng(0).standard_normal((2, 3, 1000)).astype(np.float32)
    images[1] *= 0.01  # nothing to hear
    bleed[0] = 0
    found = kinds.improvements(images + bleed, images, images + bleed / 2)
    assert found == pytest.approx([20 * np.log10(2)], abs=1e-4)


@pytest.fixture
def idle(monkeypatch) -> None:
    """In place of a network, a method that does nothing."""
    monkeypatch.setattr(kinds, "create", lambda net, folder: create("unprocessed"))


def test_every_microphone_that_sounds_is_counted(tmp_path, idle) -> None:
    scenes = Scenes(("convolutive",), SOURCES, RATE, "1", 3, tmp_path)
    drawn = Material([], scenes, 4000, "each")
    seen: list[float] = []
    rows = kinds.by_kind(
        {"noise": [song(1)], "duo": [song(2, (True, True, False))]},
        ["noise"],
        drawn,
        "df-unet",
        None,
        tmp_path,
        lambda stage, share: seen.append(share),
    )
    assert {kind: row["learnt"] for kind, row in rows.items()} == {"noise": True, "duo": False}
    assert [row["microphones"] for row in rows.values()] == [3 * kinds.EXAMPLES, 2 * kinds.EXAMPLES]
    assert all(row["median_db"] == row["least_db"] == 0 for row in rows.values())  # nothing is done, nothing is gained
    assert seen == [0.5, 1]


def test_a_kind_in_which_nothing_sounds_has_dashes(tmp_path, idle) -> None:
    drawn = Material([], Scenes(("convolutive",), SOURCES, RATE, "1", 3, tmp_path), 4000, "each")
    rows = kinds.by_kind({"rests": [song(1, (False, False, False))]}, [], drawn, "df-unet", None, tmp_path)
    assert rows["rests"]["median_db"] is None
    assert kinds.table(rows)[-1] == "| rests | no | 0 | – | – |"
