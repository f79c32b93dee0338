"""The tracking of a stream: the filter of the method without its future, and what it does to sound."""

from dataclasses import replace

import numpy as np
import pytest

from debleed import Recording, Stage
from debleed.live import Stream
from debleed.live.following import Forward
from debleed.methods.demix.background import Background
from debleed.methods.demix.demixed import Demixed
from debleed.methods.demix.filters import Filters
from debleed.methods.demix.kalman import Followed, run
from debleed.methods.demix.postfilter import Postfilter
from live_stages import (
    RATE,
    error_db,
    linear,
    noise,
    random_own_sound,
    random_postfilter,
    random_tracking,
    recording,
    stage_of,
    streamed,
)
from test_tracking import learnt, sdr, swaying


def some_paths() -> Followed:
    """Paths of two microphones, three bins and two references, with gaps of 1, 2 and 5 frames."""
    rng = np.random.default_rng(0)
    variance = rng.uniform(0.5, 1, (2, 2, 3)).astype(np.float32)
    variance[1, 0, 1] = 0
    memory = rng.uniform(0.9, 1, (2, 2, 3)).astype(np.float32)
    fading = np.array([1, 0.5, 0.25, 0.12], np.float32)
    return Followed.of(variance, memory, fading, np.array([5, 2, 1]))


def test_the_filter_is_that_of_the_method_in_one_direction() -> None:
    rng = np.random.default_rng(1)
    paths, frames = some_paths(), 40
    lags, entries = paths.variance.shape
    observed, heard = (
        (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)
        for shape in ((frames, len(paths.starts)), (lags - 1 + frames, entries))
    )
    noise_ = rng.uniform(0.5, 2, observed.shape).astype(np.float32)
    heard[: lags - 1] = 0  # a stream begins in silence
    bleed, doubt, _ = run(observed, heard, noise_, paths, range(frames), range(frames))
    live = Forward(paths)
    for t in range(frames):
        values, uncertainty = live.predict(heard[t + lags - 1])
        live.learn(observed[t], noise_[t])
        assert np.allclose(values, bleed[t], atol=1e-5)
        assert np.allclose(uncertainty, doubt[t], rtol=1e-4)
    assert np.abs(bleed).max() > 0.1


def swaying_stage() -> tuple[np.ndarray, np.ndarray, Stage]:
    own, heard = swaying()
    nothing = Filters(np.zeros((2, 2, 1), np.float32), 0, np.zeros((2, 2), np.float32))
    return own, heard, stage_of(replace(Demixed.none(2), filters=nothing, tracking=learnt(heard)))


def test_a_path_that_sways_is_followed_from_the_past_alone() -> None:
    own, heard, stage = swaying_stage()
    live = streamed(Stream(stage, 64), heard)
    offline = stage.apply(recording(heard, stage)).read()
    before, after, both = sdr(own, heard)[0], sdr(own, live)[0], sdr(own, offline)[0]
    assert after > before + 2
    assert after > both - 4  # the filter from the future is missing
    assert np.array_equal(live[1], heard[1])


@pytest.mark.parametrize("block", [64, 100, 512, 2048])
def test_tracking_does_not_depend_on_the_block(block: int) -> None:
    stage = stage_of(replace(Demixed.none(3), tracking=random_tracking(3)))
    mics = noise(3, 16_000)
    one, other = (streamed(Stream(stage, size), mics) for size in (256, block))
    assert error_db(mics[:2], one[:2]) > -40  # it does something
    assert error_db(one, other) < -80


@pytest.mark.parametrize("block", [64, 100, 2048])
def test_the_postfilter_does_not_depend_on_the_block(block: int) -> None:
    stage = stage_of(replace(Demixed.none(3), postfilter=random_postfilter(3)))
    mics = noise(3, 16_000)
    one, other = (streamed(Stream(stage, size), mics) for size in (256, block))
    assert error_db(mics[:2], one[:2]) > -40
    assert error_db(one, other) < -100


def test_the_postfilter_attenuates_what_is_left_and_nothing_else() -> None:
    leakage = np.zeros((3, 2, 2, 12), np.float32)
    leakage[1, 0, 1] = 0.02
    stage = stage_of(replace(Demixed.none(2), postfilter=Postfilter(leakage)))
    rng = np.random.default_rng(0)
    own, other = 0.1 * rng.standard_normal((2, 2 * RATE)).astype(np.float32)
    own[:RATE], other[RATE:] = 0, 0  # one plays, then the other
    heard = np.stack([own + np.float32(0.1) * other, other])
    live = streamed(Stream(stage, 64), heard)
    offline = stage.apply(recording(heard, stage)).read()
    alone, later = slice(RATE // 2, RATE - 500), slice(RATE + RATE // 2, None)

    def change(clean: np.ndarray, part: slice) -> float:
        return float(10 * np.log10(np.mean(clean[0, part] ** 2) / np.mean(heard[0, part] ** 2)))

    assert change(live, alone) < -20
    assert abs(change(live, alone) - change(offline, alone)) < 1.5
    assert abs(change(live, later)) < 0.1
    assert np.array_equal(live[1], heard[1])


def test_the_background_is_given_back_as_in_a_recording() -> None:
    rng = np.random.default_rng(0)
    taps = np.zeros((2, 2, 40), np.float32)
    taps[0, 1, 20] = taps[1, 0, 20] = 0.3
    filters = Filters(taps, 10, np.ones((2, 2), np.float32))
    sound = 0.01 * rng.standard_normal((2, 3 * RATE)).astype(np.float32)  # an audience, and nobody plays
    level = np.full((2, 257), 0.01**2 * 256, np.float32)
    stage = stage_of(replace(Demixed.none(2), filters=filters, background=Background(level)))
    offline = stage.apply(Recording.from_array(sound, RATE, stage.names)).read()
    kept, not_kept = (
        streamed(Stream(stage, 64, lookahead=None, background=given), sound)[:, RATE:] for given in (True, False)
    )
    assert error_db(sound[:, RATE:], not_kept) > -12
    assert error_db(sound[:, RATE:], kept) < -20
    assert error_db(offline[:, RATE:], kept) < -20


def test_own_sound_is_given_back_as_in_a_recording() -> None:
    stage = stage_of(replace(linear(), own_sound=random_own_sound(3)))
    mics = noise(3, 4 * RATE)
    offline = stage.apply(recording(mics, stage)).read()
    kept, not_kept = (
        streamed(Stream(stage, 64, lookahead=None, own_sound=given), mics)[:, RATE:] for given in (True, False)
    )
    given, missing = (np.mean(np.square(offline[:2, RATE:] - live[:2])) for live in (kept, not_kept))
    assert given < 0.1 * missing  # powers are smoothed over the past alone
    assert np.array_equal(kept[2], mics[2, RATE:])


@pytest.mark.parametrize("block", [64, 100, 2048])
def test_own_sound_does_not_depend_on_the_block(block: int) -> None:
    stage = stage_of(replace(linear(), own_sound=random_own_sound(3)))
    mics = noise(3, 16_000)
    one, other = (streamed(Stream(stage, size), mics) for size in (256, block))
    assert error_db(one, other) < -90
