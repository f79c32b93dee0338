import numpy as np
import pytest

from debleed.scenes.instruments import CONTROL, VOWELS, cymbal, kick, pluck, ring, shaped_noise, sing, snare, tom

RATE = 16000


def test_ring_is_a_sum_of_dying_sines():
    frequency, fall, strength = np.array([100.0, 250.0]), np.array([3.0, 9.0]), np.array([1, 0.5j])
    time = np.arange(1000) / RATE
    expected = np.imag(strength @ np.exp((2j * np.pi * frequency - fall)[:, None] * time))
    np.testing.assert_allclose(ring(frequency, fall, strength, 1000, RATE), expected, atol=1e-12)


def test_a_string_has_its_pitch():
    note = pluck(220.0, 1.0, RATE, np.random.default_rng(0), decay=2, brightness=0.3)
    spectrum = np.abs(np.fft.rfft(note * np.hanning(len(note))))
    assert np.argmax(spectrum[:300]) == pytest.approx(220, abs=2)


@pytest.mark.parametrize("instrument", [kick, snare, lambda r, g: tom(120.0, r, g), lambda r, g: cymbal(0.3, r, g)])
def test_drums_die_away(instrument):
    hit = instrument(RATE, np.random.default_rng(0))
    assert np.isfinite(hit).all()
    assert np.abs(hit[-100:]).max() < 0.1 * np.abs(hit).max()


def test_shaped_noise_stays_in_its_band_at_rms_one():
    noise = shaped_noise(RATE, RATE, 1000, 2000, np.random.default_rng(0))
    power = np.abs(np.fft.rfft(noise)) ** 2
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(1, abs=0.05)
    assert np.sum(power[794:2520]) > 0.9 * np.sum(power)


def test_a_singer_sings_the_pitch_and_as_long_as_the_curves():
    count = CONTROL
    formants = np.tile(np.array(VOWELS["a"], float), (count, 1))
    sound = sing(np.full(count, 220.0), np.ones(count), np.zeros(count), formants, RATE, np.random.default_rng(0))
    assert len(sound) == RATE
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    harmonics = 220 * np.arange(1, 8)
    peaks = [np.max(spectrum[h - 2 : h + 3]) for h in harmonics]
    valleys = [np.max(spectrum[h + 90 : h + 131]) for h in harmonics]
    assert np.all(np.array(peaks) > 20 * np.array(valleys))
    assert np.argmax(peaks) in (2, 3)  # 660 and 880 Hz are nearest to the first formant, 760 Hz
