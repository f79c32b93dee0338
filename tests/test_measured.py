import hashlib

import numpy as np
import pytest
import soundfile

from debleed.recording import InputError
from debleed.scenes import measured
from debleed.scenes.acoustics import reverberation_time
from responses import RATE, write_responses


@pytest.fixture
def folder(tmp_path):
    return write_responses(tmp_path / "responses")


def test_every_channel_is_found_in_the_order_of_names(folder):
    (folder / "notes.txt").write_text("not audio")
    assert measured.found(folder) == (("cellar.wav", 0), ("hall.wav", 0), ("hall.wav", 1))


def test_a_file_that_is_added_is_found(folder):
    measured.found(folder)
    soundfile.write(folder / "attic.wav", np.ones(10) / 2, RATE)
    assert measured.found(folder)[0] == ("attic.wav", 0)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        measured.found(tmp_path / "nowhere")


def test_a_response_is_read_with_its_rate_if_it_is_the_one_that_was_drawn(folder):
    sha256 = hashlib.sha256((folder / "hall.wav").read_bytes()).hexdigest()
    assert measured.checksum(folder, "hall.wav") == sha256
    samples, rate = measured.response(folder, ("hall.wav", 1), sha256)
    assert rate == RATE
    np.testing.assert_array_equal(samples, soundfile.read(folder / "hall.wav")[0][:, 1])
    with pytest.raises(InputError, match="another file than the one"):
        measured.response(folder, ("hall.wav", 1), "0" * 64)
    with pytest.raises(InputError, match="has 2 channels, and the scene uses number 2"):
        measured.response(folder, ("hall.wav", 2), sha256)
    with pytest.raises(InputError, match="say in which folder"):
        measured.response(None, ("hall.wav", 0), sha256)


def test_the_decay_of_a_response_is_its_reverberation_time(folder):
    for choice in measured.found(folder):
        # the direct sound is part of the decay, so it seems shorter than the 0.15 s of the tail
        assert measured.decay(folder, choice) == pytest.approx(0.15, rel=0.2)
    soundfile.write(folder / "dead.wav", [0.0, 0.5, 0.0], RATE)
    assert measured.decay(folder, ("dead.wav", 0)) == 0


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 44100])
@pytest.mark.parametrize("delay", [0.0014, 0.02])
def test_a_path_has_the_gain_and_delay_of_its_direct_sound(rate, delay):
    response = np.zeros(4000)
    response[100] = 0.3
    path = measured.measured_path(response, 16000, delay, 0.8, None, rate)
    frequency = 3000.0  # within the band of all rates
    phasor = np.sum(path * np.exp(2j * np.pi * frequency * (np.arange(len(path)) / rate - delay)))
    # a filter keeps its response when its rate changes; a short delay cuts off the beginning of its ripple
    assert abs(phasor) == pytest.approx(0.8, rel=0.03)
    assert np.angle(phasor) == pytest.approx(0, abs=0.03)


def test_direct_sound_and_tail_are_scaled_apart():
    rng, rate = np.random.default_rng(1), 16000
    time = np.arange(8000) / rate
    response = 0.05 * rng.standard_normal(8000) * 10 ** (-3 * time / 0.3) * (time > 0.01)
    response[50] = 1
    paths = {
        (gain, level): measured.measured_path(response, rate, 0.01, gain, level, rate)
        for gain in (0.5, 1.0)
        for level in (-20.0, -10.0)
    }
    last = round((0.01 + 0.005) * rate)
    for (gain, level), path in paths.items():
        assert np.sqrt(np.sum(path[:last] ** 2)) == pytest.approx(gain, rel=0.01)
        assert 10 * np.log10(np.sum(path[last:] ** 2)) == pytest.approx(level, abs=0.1)
        assert reverberation_time(path[last:], rate) == pytest.approx(0.3, rel=0.1)


def test_without_a_level_the_tail_keeps_its_proportion():
    response = np.zeros(1000)
    response[[10, 500]] = 0.8, 0.4
    path = measured.measured_path(response, RATE, 0.01, 0.5, None, RATE)
    assert np.sum(path[:200]) == pytest.approx(0.5, rel=0.01)
    assert np.sum(path[200:]) == pytest.approx(0.25, rel=0.01)


@pytest.mark.parametrize("bad", [np.zeros(100), np.array([[0.5, 0.0], [0.1, 0.0]])])
def test_silent_channels_are_no_responses(tmp_path, bad):
    soundfile.write(tmp_path / "bad.wav", bad, RATE)
    with pytest.raises(InputError, match=r"bad\.wav' has a channel that is silent"):
        measured.checksum(tmp_path, "bad.wav")
