"""Stages for streams, made of random filters, so that nothing has to be learnt."""

from dataclasses import replace

import numpy as np

from debleed import Recording, Stage
from debleed.dsp.stft import nfft_at
from debleed.methods.demix.background import Background
from debleed.methods.demix.demixed import Demixed
from debleed.methods.demix.features import NFFT as FEATURES
from debleed.methods.demix.features import feature_bands
from debleed.methods.demix.filters import Filters
from debleed.methods.demix.own_sound import OwnSound
from debleed.methods.demix.postfilter import DECAY_TIMES, Postfilter
from debleed.methods.demix.tracking import LAGS, NFFT, Tracking
from debleed.soundcheck.findings import Soundcheck

RATE = 8000


def random_filters(mics: int, length: int = 600, ahead: int = 40, seed: int = 0) -> Filters:
    """Filters of a room: they decay to both sides of lag 0; the last microphone is left alone."""
    rng = np.random.default_rng(seed)
    lags = np.arange(-ahead, length)
    decay = np.exp(-np.abs(lags) / np.where(lags < 0, ahead / 6, length / 8))
    taps = (0.03 * rng.standard_normal((mics, mics, ahead + length)) * decay).astype(np.float32)
    taps[np.arange(mics), np.arange(mics)] = 0
    trust = np.ones((mics, 2), np.float32)
    trust[-1] = 0
    return Filters(taps, ahead, trust)


def random_tracking(mics: int, followed: float = 1.0, seed: int = 1, rate: int = RATE) -> Tracking:
    """A tracking of a share of the paths; nothing in the last microphone."""
    rng = np.random.default_rng(seed)
    others = (~np.eye(mics, dtype=bool))[:, :, None] & (np.arange(mics) < mics - 1)[:, None, None]
    bands, bins = 8, nfft_at(rate, NFFT) // 2 + 1
    there = others & (rng.random((mics, mics, bands)) < followed)
    constant = 0.01 * (rng.standard_normal((LAGS, mics, mics, bins)) * others).astype(np.complex64)
    return Tracking(
        (1e-3 * there).astype(np.float32),
        rng.uniform(0.5, 5, there.shape).astype(np.float32) * there,
        there.astype(np.float32),
        constant,
        (1e-3 * others * np.ones(bands)).astype(np.float32),
        (1e-3 * there).astype(np.float32),
    )


def random_postfilter(mics: int, seed: int = 2, rate: int = RATE) -> Postfilter:
    """A postfilter of all microphones but the last."""
    rng = np.random.default_rng(seed)
    bands = len(feature_bands(nfft_at(rate, FEATURES) // 2 + 1)) - 1
    leakage = 0.01 * rng.random((len(DECAY_TIMES), mics, mics, bands)).astype(np.float32)
    leakage[:, np.arange(mics), np.arange(mics)] = 0
    leakage[:, -1] = 0
    return Postfilter(leakage)


def random_own_sound(mics: int, seed: int = 4) -> OwnSound:
    """A sixth of what is removed from all microphones but the last is own sound, about."""
    rng = np.random.default_rng(seed)
    others = (~np.eye(mics, dtype=bool))[:, :, None]
    leakage = 0.3 * rng.random((mics, mics, 8)) * others
    carried = 0.1 * others * (np.arange(mics) < mics - 1)[:, None, None] * np.ones(8)
    return OwnSound(leakage.astype(np.float32), carried.astype(np.float32))


def stage_of(learned: Demixed, rate: int = RATE, **fields: object) -> Stage:
    """Wrap what was learnt; every microphone is a source of its own unless it is said otherwise."""
    names = tuple(f"mic{k}" for k in range(len(learned.verdicts)))
    stage = Stage("demix", {}, rate, names, names, learned, "test", soundcheck=Soundcheck())
    return replace(stage, **fields)


def whole(mics: int = 3, background: bool = False) -> Demixed:
    """Everything that a stage can hold."""
    return replace(
        Demixed.none(mics),
        filters=random_filters(mics),
        background=Background(np.full((mics, 257), 1e-2, np.float32)) if background else Background.none(mics),
        own_sound=random_own_sound(mics),
        tracking=random_tracking(mics),
        postfilter=random_postfilter(mics),
    )


def linear(mics: int = 3, **fields: object) -> Demixed:
    """Filters alone."""
    return replace(Demixed.none(mics), filters=random_filters(mics), **fields)


def noise(mics: int, samples: int, seed: int = 3) -> np.ndarray:
    """White noise that swells and fades, each microphone at a pace of its own."""
    rng = np.random.default_rng(seed)
    swell = 0.55 + 0.45 * np.sin(np.arange(samples) / RATE * 2 * np.pi * np.arange(1, mics + 1)[:, None] / 2)
    return (0.1 * swell * rng.standard_normal((mics, samples))).astype(np.float32)


def recording(samples: np.ndarray, stage: Stage) -> Recording:
    """Wrap samples as a recording of the stage's microphones."""
    wrapped = Recording.from_array(samples, stage.rate, stage.names, stage.sources)
    return replace(wrapped, references=stage.references)


def streamed(stream, samples: np.ndarray) -> np.ndarray:
    """Pass samples through a stream, and undo its latency."""
    size, late, length = stream.block, stream.latency, samples.shape[1]
    padded = np.zeros((len(samples), -(-(length + late) // size) * size), np.float32)
    padded[:, :length] = samples
    out = [stream.process(padded[:, k : k + size]) for k in range(0, padded.shape[1], size)]
    return np.concatenate(out, axis=1)[:, late : late + length]


def error_db(truth: np.ndarray, other: np.ndarray) -> float:
    """The largest error of any microphone, in dB relative to its own power."""
    error, power = (np.mean(np.square(z, dtype=np.float64), axis=1) for z in (other - truth, truth))
    return float(10 * np.log10((error / power).max() + 1e-30))
