"""A file of scene sets with its material, small enough to be made in a moment."""

from pathlib import Path

import numpy as np
import soundfile

RATE = 8000
STEMS = ("bass", "drums", "vocals")
GROOVE = ("kick", "snare", "hihat", "ride", "tom1", "tom2", "tom3", "tom4", "crash")
TOML = """
data = "material"

[songs]
title = "two songs of noise"
licence = "CC0"
where = "tests/sets.py"
folder = "songs"
rate = 8000
seconds = 1
rms = 0.1
starts = { A = 0, B = 0.5 }

[kits.tiny]
title = "a kit of noise"
licence = "CC0"
where = "tests/sets.py"
folder = "kit"
rate = 8000
seconds = 4
takes = 2
microphones = ["kick", "snare"]

[kits.tiny.hits]
HITS
[sets.linear]
title = "a matrix"
draw = { kind = "linear" }
goals = [
    { method = "unprocessed", figure = "least SDR", must = -100, aim = inf },
    { method = "oracle-wiener", figure = "median SDR", over = "unprocessed", must = 1 },
]

[sets.pair]
title = "both songs at once"
draw = { kind = "linear" }
at_once = 2

[sets.dry]
title = "no bleed"

[sets.soundcheck]
title = "two stretches"
scene = "linear"
draw = { kind = "linear" }
soundcheck = { A = 1, B = 1.5 }

[sets.takes]
title = "takes"
kit = "tiny"
bleed_db = 6
"""


def sets_file(root: Path) -> Path:
    """Write the file and its material."""
    for song in ("A", "B"):
        folder = root / "material" / "songs" / song
        folder.mkdir(parents=True)
        for k, stem in enumerate(STEMS):
            noise = np.random.default_rng([ord(song), k]).uniform(-0.5, 0.5, (3 * RATE, 2))
            soundfile.write(folder / f"{stem}.flac", noise, RATE)
    for k, drum in enumerate(GROOVE):
        (root / "material" / "kit" / drum).mkdir(parents=True)
        for n in (1, 2):
            hit = np.random.default_rng([k, n]).uniform(-0.1, 0.1, (RATE // 5, 2))
            soundfile.write(root / "material" / "kit" / drum / f"{n}.flac", hit, RATE)
    path = root / "sets.toml"
    path.write_text(TOML.replace("HITS\n", "".join(f'{drum} = ["{drum}"]\n' for drum in GROOVE)))
    return path
