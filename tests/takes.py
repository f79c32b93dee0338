"""Files for tests of audio in and out: noise, written in any format and read back through a take."""

import numpy as np
import soundfile as sf

from debleed.io import audio, writing

RATE = 8000


def noise(length, channels=1, seed=0, peak=0.9):
    return np.random.default_rng(seed).uniform(-peak, peak, (length, channels))


def put(path, samples, rate=RATE, subtype="PCM_16", container=None, endian=None):
    container = container or {".aif": "AIFF", ".opus": "OGG"}.get(path.suffix, path.suffix[1:].upper())
    path.parent.mkdir(exist_ok=True)
    with sf.SoundFile(path, "w", rate, samples.shape[1], subtype, endian, container) as file:
        for start in range(0, len(samples), 60000):
            file.write(samples[start : start + 60000])
    return path


def back(paths, out, poly=False, change=None, removed=None):
    """Write a take unchanged, or with ``change`` applied to its blocks."""
    take = audio.Take.open(paths, poly=poly)
    recording = take.recording()
    after = recording.with_reader(lambda a, b: change(recording.read(a, b))) if change else recording
    for folder in filter(None, (out, removed)):
        folder.mkdir(exist_ok=True)
    return writing.write_take(take, after, out, removed)
