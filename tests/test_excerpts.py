import io

import numpy as np
import pytest
import soundfile

from debleed.recording import Recording
from debleed.report.excerpts import KBPS, SECONDS, mp3, plan, start_of_excerpt, survey


def test_survey_counts_every_sample_once():
    x, y = np.random.default_rng(0).standard_normal((2, 2, 8000 * 43 + 123))
    seconds = survey(Recording.from_array(x, 8000), Recording.from_array(y, 8000))
    assert seconds.shape == (3, 2, 44)
    np.testing.assert_allclose(seconds.sum(2), [np.sum(a**2, axis=1) for a in (x, y, x - y)])
    np.testing.assert_allclose(seconds[0, :, 2], np.sum(x[:, 16000:24000] ** 2, axis=1))


def test_the_excerpt_lies_where_most_was_removed_while_the_source_plays():
    source, removed = np.zeros(200), np.zeros(200)
    removed[20:60] = 9  # much bleed, but nobody there to hear
    source[100:150] = 1
    removed[120:140] = 1
    assert start_of_excerpt(source, removed) == 120
    assert start_of_excerpt(np.ones(5), np.ones(5)) == 0
    assert start_of_excerpt(np.zeros(50), np.zeros(50)) == 0


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
