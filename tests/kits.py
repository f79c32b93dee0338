"""A small folder of hits, as a sampled drum kit has them."""

from pathlib import Path

import numpy as np
import soundfile

from debleed.scenes.takes import Kit

RATE = 8000
GROOVE = ("kick", "snare", "hihat", "ride", "tom1", "tom2", "tom3", "tom4", "crash")
MICS = ("kick", "snare")


def folder_of_hits(folder: Path) -> Kit:
    """Write hits that each sound in both microphones, as noise of 0.2 s."""
    for k, drum in enumerate(GROOVE):
        (folder / drum).mkdir()
        for n in (1, 2, 3, 4):
            hit = np.random.default_rng([k, n]).uniform(-0.1, 0.1, (RATE // 5, 3)) * [1, 0.5, 0.25]
            soundfile.write(folder / drum / f"{n}.flac", hit, RATE)
        soundfile.write(folder / drum / "1.room.flac", hit, RATE)
    return Kit(folder, RATE, MICS, {drum: (drum,) for drum in GROOVE})
