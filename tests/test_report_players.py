import base64
import io
import re

import numpy as np
import pytest
import soundfile

from debleed import Recording
from debleed.report.players import panned, sounds, stretch

RATE = 44100


def decoded(text):
    """Every sound of a piece of HTML at its own level, by layer."""
    found = {}
    for layer, gain, data in re.findall(r"class='(\w+)' data-gain='([^']+)'[^>]*base64,([^']+)'", text):
        found[layer] = float(gain) * soundfile.read(io.BytesIO(base64.b64decode(data)))[0]
    return found


def test_before_is_the_sum_of_what_is_left_and_what_was_removed():
    t = np.arange(3 * RATE) / RATE
    own, bleed = 0.2 * np.sin(2 * np.pi * 440 * t), 0.02 * np.sin(2 * np.pi * 1500 * t)
    found = decoded(sounds("vox", np.stack([own + bleed, own, bleed]).astype(np.float32), RATE, 96))
    assert set(found) == {"after", "removed"}
    together = found["after"] + found["removed"]
    for layer, frequency, level in ((together, 440, own), (together, 1500, bleed), (found["removed"], 1500, bleed)):
        spectrum = np.abs(np.fft.rfft(layer * np.hanning(len(layer)))) * 4 / len(layer)
        at = round(frequency * len(layer) / RATE)
        assert spectrum[at - 2 : at + 3].max() == pytest.approx(np.abs(level).max(), rel=0.1)


def test_what_is_silent_is_not_stored():
    noise = np.random.default_rng(2).standard_normal(RATE).astype(np.float32)
    assert set(decoded(sounds("vox", np.stack([noise, noise, 0 * noise]), RATE, 64))) == {"after"}
    assert sounds("vox", np.zeros((3, 100), np.float32), RATE, 64) == ""


def test_the_mix_of_all_microphones_does_not_clip():
    rng = np.random.default_rng(3)
    mics = rng.standard_normal((6, 2 * RATE)).astype(np.float32) * np.array(
        [[1], [2], [0.1], [1], [1], [1]], np.float32
    )
    recording = Recording.from_array(mics, RATE)
    seconds = np.ones((3, 6, 2))
    found = stretch((recording, recording), seconds, range(6), dict.fromkeys(recording.names, "?"), 3_000_000, print)
    gains = {float(gain) for gain in re.findall("article class='mic' data-gain='([^']+)'", found.cards)}
    (gain,) = gains  # one for all: their balance stays
    assert np.abs(gain * mics.sum(axis=0)).max() == pytest.approx(0.9, rel=1e-3)
    assert found.seconds == 2


def test_stereo_pairs_are_heard_as_pairs():
    names = ("keys.L", "keys.R", "amp.L", "R")
    assert [panned(names, i) for i in range(4)] == [-1, 1, 0, 0]
