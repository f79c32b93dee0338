"""A folder of tracks that are odd: a copy, a mix, and a microphone that is left alone."""

from pathlib import Path

import numpy as np
import soundfile

from bands import RATE, bled, sources

FINDINGS = {
    "LR": "a mix of the other tracks, left unchanged",
    "bass": "left alone: its source never pauses, so bleed cannot be told from its own sound",
    "vox safety": "a copy of vox at −12.0 dB, inverted, cleaned like it",
}


def odd_gig(folder: Path) -> Path:
    """Write a band whose bass never pauses, an inverted safety track, and the recorder's mix in a track of its own."""
    own = sources(4, seconds=12)
    own[3] = 0.3 * np.random.default_rng(5).standard_normal(own.shape[1])
    mics = bled(own)
    mics *= 0.5 / np.abs(mics).max()
    tracks = dict(zip(("vox", "guitar", "drums", "bass"), mics, strict=True))
    tracks |= {"vox safety": -0.25 * mics[0], "LR": np.array([0.4, 0.4, 0.4, 0.1]) @ mics}
    folder.mkdir()
    for name, samples in tracks.items():
        soundfile.write(folder / f"{name}.wav", samples, RATE, "PCM_24")
    return folder
