"""Folders of sound that several test modules read: a gig, and songs to train on."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from bands import RATE, bled, sources
from debleed.io.writing import write_mics
from debleed.recording import Recording

NAMES = ("bass", "drums", "vox")
STEMS = ("bass", "drums", "other", "vocals")
STEM_RATE = 22050


@pytest.fixture(scope="session")
def band() -> np.ndarray:
    """What three microphones hear of a band for twelve seconds, ``(mics, samples)``."""
    return bled(sources(3, seconds=12)).astype(np.float32)


@pytest.fixture
def gig(tmp_path: Path, band: np.ndarray) -> Path:
    """That band's folder, 24 bits."""
    folder = tmp_path / "gig"
    folder.mkdir()
    for name, row in zip(NAMES, band, strict=True):
        soundfile.write(folder / f"{name}.wav", row, RATE, "PCM_24")
    return folder


@pytest.fixture(scope="session")
def songs_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four songs of three seconds: noise, loud enough to count. Nobody writes into it."""
    root = tmp_path_factory.mktemp("songs")
    rng = np.random.default_rng(4)
    for track in ("train/One", "train/Two", "train/Three", "test/Four"):
        sound = 0.2 * np.cumsum(rng.standard_normal((4, 3 * STEM_RATE)), axis=1) % 1 - 0.1
        write_mics(root / track, Recording.from_array(sound.astype(np.float32), STEM_RATE, STEMS))
    return root
