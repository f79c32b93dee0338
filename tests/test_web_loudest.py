"""The part of a session of which a preview is made."""

import numpy as np
import pytest

from debleed.web.loudest import loudest
from debleed.web.peaks import Peaks


def session(folder, *tracks, rate=8000):
    (folder / "peaks").mkdir()
    files = []
    for number, samples in enumerate(tracks):
        peaks = Peaks(1)
        peaks.add(samples[None].astype(np.float32))
        peaks.save(folder / "peaks", str(number))
        file = {"id": number, "name": f"{'abc'[number]}.wav", "frames": len(samples), "rate": rate, "channels": 1}
        files.append(file | {"format": "WAV PCM_16", "peak": [1.0], "power": [1.0], "notes": []})
    return {"files": files, "leave_out": []}


def test_it_is_where_all_play_not_where_one_is_loudest(tmp_path):
    rate, noise = 8000, np.random.default_rng(0).uniform(-0.1, 0.1, (2, 60 * 8000))
    noise[0, : 5 * rate] *= 3
    noise[:, 30 * rate : 40 * rate] *= 6
    start, stop = loudest(session(tmp_path, *noise), tmp_path, 10)
    assert (start, stop) == (pytest.approx(30, abs=0.6), pytest.approx(40, abs=0.6))


def test_it_ends_with_the_session_and_a_short_session_is_taken_whole(tmp_path):
    samples = np.zeros(20 * 8000)
    samples[19 * 8000 :] = 0.5
    meta = session(tmp_path, samples)
    assert loudest(meta, tmp_path, 10)[1] <= 20
    assert loudest(meta, tmp_path, 30) == (0.0, 20.0)


def test_parts_follow_one_another(tmp_path):
    rate = 8000
    samples = np.random.default_rng(0).uniform(-0.1, 0.1, (4, 30 * rate))
    samples[1::2, 10 * rate : 20 * rate] *= 5
    meta = session(tmp_path, *samples[:3]) | {"parts": {"whole": ["a.wav", "b.wav"]}}
    assert loudest(meta, tmp_path, 10)[0] == pytest.approx(40, abs=0.6)
