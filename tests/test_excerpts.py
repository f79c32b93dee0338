import io

import numpy as np
import pytest
import soundfile

from debleed.recording import Recording
from debleed.report.excerpts import KBPS, SECONDS, common_start, mp3, plan, survey


def test_survey_counts_every_sample_once():
    x, y = np.random.default_rng(0).standard_normal((2, 2, 8000 * 43 + 123))
    seconds = survey(Recording.from_array(x, 8000), Recording.from_array(y, 8000))
    assert seconds.shape == (3, 2, 44)
    np.testing.assert_allclose(seconds.sum(2), [np.sum(a**2, axis=1) for a in (x, y, x - y)])
    np.testing.assert_allclose(seconds[0, :, 2], np.sum(x[:, 16000:24000] ** 2, axis=1))


def test_the_stretch_lies_where_most_was_removed_while_the_source_plays():
    source, removed = np.zeros((2, 1, 200))
    removed[0, 20:60] = 9  # much bleed, but nobody there to hear
    source[0, 100:150] = 1
    removed[0, 120:140] = 1
    assert common_start(source, removed) == 120
    assert common_start(np.ones((1, 5)), np.ones((1, 5))) == 0
    assert common_start(np.zeros((3, 50)), np.zeros((3, 50))) == 0


def test_quiet_microphones_count_as_much_as_a_loud_one():
    energy = np.zeros((3, 100))
    energy[0, 10:30] = 1e6
    energy[1:, 60:80] = 1
    assert common_start(energy, energy) == 60


@pytest.mark.parametrize("players", [1, 12, 48, 96, 400])
def test_the_plan_keeps_to_the_budget(players):
    kbps, seconds = plan(players, 12e6)
    assert kbps in KBPS
    assert 1 <= seconds <= SECONDS
    assert players * kbps * seconds * 1000 / 8 <= 12e6


@pytest.mark.parametrize("rate", [8000, 22050, 48000, 96000])
@pytest.mark.parametrize("kbps", [24, 64, 128])
def test_mp3_sounds_like_what_went_in_at_the_asked_bit_rate(rate, kbps):
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(3 * rate) / rate).astype(np.float32)
    coded = mp3(tone, rate, kbps)
    assert len(coded) * 8 / 3 / 1000 == pytest.approx(kbps, rel=0.08)
    samples, coded_rate = soundfile.read(io.BytesIO(coded))
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert np.argmax(spectrum) * coded_rate / len(samples) == pytest.approx(440, abs=1)
    assert samples.std() == pytest.approx(tone.std(), rel=0.08)  # LAME turns everything down by half a decibel
