"""The instruments of the demo's band: pure functions from what is played to samples, made of sines and noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from debleed.decibels import amplitude

Sound = NDArray[np.float64]
"""Samples of one source, shape ``(samples,)``."""

CONTROL = 200
"""Values per second of the slow curves (pitch, loudness, formants) that control the singer."""

# First four formants in Hz, rounded from the averages for adults in Peterson and Barney (1952); "m" is a closed mouth.
VOWELS = {
    "a": (760, 1250, 2600, 3600),
    "e": (560, 1950, 2650, 3700),
    "i": (330, 2400, 3100, 3800),
    "o": (540, 920, 2600, 3500),
    "u": (360, 900, 2450, 3400),
    "m": (280, 1000, 2200, 3300),
}
BANDWIDTHS = (90.0, 110.0, 170.0, 250.0)


def shaped_noise(count: int, rate: int, low: float, high: float, rng: np.random.Generator) -> Sound:
    """Make noise of RMS 1 between two frequencies in Hz, with edges of a third of an octave."""
    size = 1 << max(1, count - 1).bit_length()  # FFTs of powers of two are fast
    frequency = np.maximum(np.fft.rfftfreq(size, 1 / rate), 1e-3)
    edges = 1 / (1 + (low / frequency) ** 8) / (1 + (frequency / high) ** 8)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(size)) * np.sqrt(edges), size)
    noise /= np.sqrt(np.mean(noise**2))
    return noise[:count]


def ring(
    frequency: NDArray[np.float64], fall: NDArray[np.floating], strength: NDArray[np.complex128], count: int, rate: int
) -> Sound:
    """Sum decaying sines: Im Σ strength · exp((−fall + 2πi · frequency) t), with arrays of shape ``(partials,)``.

    Time is split into the start of a block and an offset in the block, which turns the sum into matrix products. The
    products are kept small, because large ones are shared among threads that wait for each other on a busy machine.
    """
    heard = strength != 0
    exponent = (2j * np.pi * frequency[heard] - fall[heard]) / rate
    width, rows = 1 + int(np.sqrt(count)), 8
    blocks = rows * -(-count // (rows * width))
    starts = strength[heard] * np.exp(width * np.arange(blocks)[:, None] * exponent)
    places = np.exp(exponent[:, None] * np.arange(width))
    sound: Sound = (starts.reshape(-1, rows, len(exponent)) @ places).imag.reshape(-1)[:count]
    return sound


def pluck(
    frequency: float, seconds: float, rate: int, rng: np.random.Generator, *, decay: float, brightness: float
) -> Sound:
    """Pluck a stiff string: its partials are a little sharp, and higher partials decay faster.

    Parameters
    ----------
    frequency
        Pitch of the string in Hz.
    decay
        Seconds until the fundamental has fallen by 60 dB.
    brightness
        From 0 (dull) to 1 (bright): how strong the higher partials are.
    """
    time = np.arange(round(seconds * rate)) / rate
    k = np.arange(1, 80)
    partials = k * frequency * np.sqrt(1 + 1e-4 * k**2)
    position = rng.uniform(0.12, 0.2)  # place along the string where it is plucked
    strength = np.sin(np.pi * k * position) / k ** (2 - brightness) * amplitude(rng.uniform(-2, 2, len(k)))
    strength *= partials < 0.45 * rate
    phases = np.exp(1j * rng.uniform(0, 0.3, len(k)))
    sound = ring(partials, 6.9 / decay * (1 + 0.12 * k), strength * phases, len(time), rate)
    sound *= np.minimum(time / 0.001, 1)
    return _strike(sound, 0.08 * brightness, 0.006, 1200, 7000, rate, rng)


def kick(rate: int, rng: np.random.Generator) -> Sound:
    """Play a bass drum: a sine that falls to 52 Hz, the click of the beater and the noise of the shell."""
    time = np.arange(round(0.5 * rate)) / rate
    phase = 2 * np.pi * (52 * time + 95 * 0.035 * (1 - np.exp(-time / 0.035)))
    sound = np.sin(phase) * np.exp(-time / 0.13)
    _strike(sound, 0.25, 0.004, 1500, 6000, rate, rng)
    return _strike(sound, 0.06, 0.05, 80, 900, rate, rng)


def snare(rate: int, rng: np.random.Generator) -> Sound:
    """Play a snare drum: two modes of the head and the rattle of the wires."""
    head = np.array([186.0, 331.0]) * rng.uniform(0.99, 1.01)
    sound = ring(head, np.array([17.0, 25.0]), np.array([0.6, 0.35], complex), round(0.4 * rate), rate)
    _strike(sound, 0.34, 0.07, 900, 9000, rate, rng)
    return _strike(sound, 0.2, 0.01, 900, 9000, rate, rng)


def tom(frequency: float, rate: int, rng: np.random.Generator) -> Sound:
    """Play a tom tuned to a frequency in Hz."""
    time = np.arange(round(0.5 * rate)) / rate
    phase = 2 * np.pi * frequency * (time + 0.5 * 0.04 * (1 - np.exp(-time / 0.04)))
    return _strike(0.8 * np.sin(phase) * np.exp(-time / 0.14), 0.2, 0.012, 400, 5000, rate, rng)


def cymbal(length: float, rate: int, rng: np.random.Generator) -> Sound:
    """Play a cymbal or hi-hat: noise and dense inharmonic partials, which fall by 20 dB in ``length`` seconds."""
    top = min(14000.0, 0.45 * rate)
    partials = rng.uniform(0.3 * top, top, 32)
    metal = 0.02 * np.exp(1j * rng.uniform(0, 2 * np.pi, 32))
    sound = ring(partials, np.full(32, 2.3 / length), metal, round(min(3 * length, 2.5) * rate), rate)
    return _strike(sound, 0.25, length / 2.3, 5000, top, rate, rng)


def _strike(
    sound: Sound, strength: float, decay: float, low: float, high: float, rate: int, rng: np.random.Generator
) -> Sound:
    """Add a burst of noise, which falls to 1/e in ``decay`` seconds, to the beginning of a sound, in place."""
    count = min(len(sound), round(6 * decay * rate))
    sound[:count] += strength * shaped_noise(count, rate, low, high, rng) * np.exp(-np.arange(count) / (decay * rate))
    return sound


def sing(
    pitch: Sound, loudness: Sound, breath: Sound, formants: NDArray[np.float64], rate: int, rng: np.random.Generator
) -> Sound:
    """Sing: harmonics of the glottis, filtered by the resonances of the mouth, and breath.

    Parameters
    ----------
    pitch, loudness, breath
        Curves of :data:`CONTROL` values per second: Hz, amplitude of the tone, amplitude of the noise of consonants.
    formants
        ``(curve, 4)`` in Hz.

    Returns
    -------
    Samples at ``rate``, as long as the curves.
    """
    moments = np.arange(len(pitch)) / CONTROL
    time = np.arange(round(len(pitch) / CONTROL * rate)) / rate
    phase = 2 * np.pi * np.cumsum(np.interp(time, moments, pitch)) / rate
    twice, older, newer = 2 * np.cos(phase), np.zeros(len(time)), np.sin(phase)
    tone = np.zeros(len(time))
    for k in range(1, 49):
        harmonic = k * pitch
        # the spectrum of the glottis falls by 12 dB per octave, and the radiation of the mouth rises by 6
        strength = loudness * _mouth(harmonic, formants) / k * (harmonic < 0.45 * rate)
        tone += np.interp(time, moments, strength) * newer
        older, newer = newer, twice * newer - older  # sin((k+1)φ) = 2 cos φ sin kφ − sin((k−1)φ)
    flow = np.interp(time, moments, loudness) * (0.6 + 0.4 * np.cos(phase))
    air = 0.03 * flow * shaped_noise(len(time), rate, 1500, 8000, rng)
    hiss = np.interp(time, moments, breath) * shaped_noise(len(time), rate, 4500, 9500, rng)
    return tone + air + hiss


def _mouth(frequency: Sound, formants: NDArray[np.float64]) -> Sound:
    """Compute the gain of four resonances in series, and of those above, at each frequency of a curve."""
    gain = np.ones_like(frequency)
    for centre, width in zip(formants.T, BANDWIDTHS, strict=True):
        gain *= centre**2 / np.hypot(centre**2 - frequency**2, width * frequency)
    return gain * (1 + (frequency / 4000) ** 2) ** 4  # the lift by the higher resonances, which are left out
