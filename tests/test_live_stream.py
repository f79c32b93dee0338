"""A stage applied to a stream: it agrees with the whole recording, says how late it is, and refuses what it cannot."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.signal

from debleed import InputError, Recording, learn
from debleed.contract import band
from debleed.live import Stream
from debleed.live.fixed import impulses, reach, within
from debleed.methods.demix.demixed import Demixed
from debleed.methods.demix.narrowband import Narrowband
from debleed.soundcheck.findings import Soundcheck
from live_stages import RATE, error_db, linear, noise, recording, stage_of, streamed, whole


@pytest.mark.parametrize("block", [64, 100, 255, 256, 1000, 2048])
def test_the_linear_part_agrees_with_the_whole_recording(block: int) -> None:
    stage = stage_of(linear())
    mics = noise(3, 20_000)
    offline = stage.apply(recording(mics, stage)).read()
    assert error_db(mics[:2], offline[:2]) > -20  # the filters do something
    assert error_db(offline, streamed(Stream(stage, block, lookahead=None), mics)) < -100


def test_levels_that_differ_by_40_db_do_not_hide_an_error() -> None:
    gains = np.array([1, 100, 1], np.float32)
    stage = stage_of(linear().rescaled(gains))
    mics = noise(3, 20_000) * gains[:, None]
    offline = stage.apply(recording(mics, stage)).read()
    assert error_db(offline, streamed(Stream(stage, 256, lookahead=None), mics)) < -100


@pytest.mark.parametrize("lookahead", [0.0, 0.004])
def test_what_lies_further_ahead_is_cut_off(lookahead: float) -> None:
    stage = stage_of(linear())
    mics = noise(3, 8_000)
    stream = Stream(stage, 256, lookahead=lookahead)
    assert stream.latency == round(lookahead * RATE)
    taps = impulses(stage.learned.filters.response() - np.eye(3, dtype=np.complex64))
    causal = within(taps, stream.latency)
    expected = np.zeros_like(mics)
    for i in range(3):
        late = np.concatenate([np.zeros(stream.latency), mics[i]])
        made = late + sum(
            scipy.signal.fftconvolve(np.pad(mics[j], (0, stream.latency)), causal[i, j])[: len(late)] for j in range(3)
        )
        expected[i] = made[stream.latency :]
    assert error_db(expected, streamed(stream, mics)) < -100


def test_without_lookahead_the_latest_sample_counts_at_once() -> None:
    stream = Stream(stage_of(linear()), 64)
    silence, click = np.zeros((3, 64), np.float32), np.zeros((3, 64), np.float32)
    click[0, 63] = 1
    stream.process(silence)
    assert stream.latency == 0
    assert np.abs(stream.process(click)[:2, 63]).min() > 1e-4  # its own microphone, and what is removed from the other


def test_the_reach_is_where_the_filters_end() -> None:
    taps = np.zeros((1, 1, 64), np.float32)
    taps[0, 0, [0, 7, -5]] = 1, 1e-3, -1e-3
    assert reach(taps) == (5, 8)
    taps[0, 0, 30] = 1e-7  # -140 dB
    assert reach(taps) == (5, 8)
    assert reach(np.zeros((1, 1, 64), np.float32)) == (0, 0)


EVERYTHING = {"background": True, "own_sound": True, "tracking": True, "postfilter": True}


@pytest.mark.parametrize("block", [64, 255, 256, 2048])
@pytest.mark.parametrize("left_out", [None, "background", "own_sound", "tracking", "postfilter"])
def test_the_latency_is_what_is_said(block: int, left_out: str | None) -> None:
    options = {name: name != left_out for name in EVERYTHING}
    stream = Stream(stage_of(whole(background=True)), block, lookahead=0.002, **options)
    mics = noise(3, 12_000)
    out = np.concatenate([stream.process(mics[:, k : k + block]) for k in range(0, 12_000 - block, block)], axis=1)
    late = stream.latency
    assert np.array_equal(out[2, late:], mics[2, : out.shape[1] - late])  # nothing is removed from the last one
    assert not out[2, :late].any()


def test_the_latency_of_each_step() -> None:
    stage = stage_of(whole(background=True))
    alone = {name: Stream(stage, 64, **{other: other == name for other in EVERYTHING}).latency for name in EVERYTHING}
    # windows of 512 (46 ms at 44.1 kHz) and 256 samples at 8 kHz, and hops of 256 and 64
    assert alone == {"background": 512 - 64, "own_sound": 512 - 64, "tracking": 512 - 64, "postfilter": 256 - 64}
    assert Stream(stage, 64, **EVERYTHING).latency == sum(alone.values())


def test_no_output_depends_on_the_future() -> None:
    stage = stage_of(whole(background=True))
    mics = noise(3, 8 * 256)
    other = mics.copy()
    other[:, 4 * 256 :] = noise(3, 4 * 256, seed=9)
    one, two = (
        [stream.process(z[:, k : k + 256]) for k in range(0, 2048, 256)]
        for stream, z in ((Stream(stage, 256), mics), (Stream(stage, 256), other))
    )
    assert all(np.array_equal(a, b) for a, b in zip(one[:4], two[:4], strict=True))
    assert not np.array_equal(one[6], two[6])


def test_inputs_are_not_changed() -> None:
    stage = stage_of(whole(background=True))
    stream = Stream(stage, 256)
    mics = noise(3, 1024)
    kept = mics.copy()
    outputs = [stream.process(mics[:, k : k + 256]) for k in range(0, 1024, 256)]
    copies = [out.copy() for out in outputs]
    stream.process(mics[:, :256])
    assert np.array_equal(mics, kept)
    assert all(np.array_equal(a, b) for a, b in zip(outputs, copies, strict=True))


def test_rooms_references_and_copies_are_treated_as_in_a_recording() -> None:
    learned = linear(3)
    names = ("room", "vox", "vox safety", "click", "keys")
    stage = stage_of(
        learned, names=names, sources=(None, "vox", "vox", "click", "keys"), references=frozenset({"click"}),
        soundcheck=Soundcheck(copies={"vox safety": ("vox", 0.25)}),
    )  # fmt: skip
    mics = noise(5, 8_000)
    mics[2] = 0.25 * mics[1]
    offline = stage.apply(recording(mics, stage)).read()
    live = streamed(Stream(stage, 256, lookahead=None), mics)
    assert np.array_equal(live[[0, 3]], mics[[0, 3]])
    assert np.array_equal(live[2], np.float32(0.25) * live[1])
    assert error_db(offline, live) < -100


def test_a_stage_that_changes_nothing_gives_back_the_same() -> None:
    stream = Stream(stage_of(Demixed.none(2)), 64)
    mics = noise(2, 64)
    assert stream.latency == 0
    assert np.array_equal(stream.process(mics), mics)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e30])
def test_samples_that_are_no_sound_count_as_silence(wrong: float) -> None:
    stage = stage_of(whole(background=True))
    mics = noise(3, 4096)
    silent, broken = mics.copy(), mics.copy()
    silent[1, 1000], broken[1, 1000] = 0, wrong
    assert np.array_equal(streamed(Stream(stage, 256), silent), streamed(Stream(stage, 256), broken))


@pytest.mark.parametrize("block", [0, 63, 2049, 256.5])
def test_a_block_that_no_sound_system_asks_for_is_refused(block: int) -> None:
    with pytest.raises(InputError, match="64 to 2048"):
        Stream(stage_of(linear()), block)


@pytest.mark.parametrize("lookahead", [-0.001, np.nan, np.inf])
def test_a_lookahead_that_is_none_is_refused(lookahead: float) -> None:
    with pytest.raises(InputError, match="lookahead"):
        Stream(stage_of(linear()), 64, lookahead=lookahead)


def test_a_block_of_another_shape_is_refused() -> None:
    stream = Stream(stage_of(linear()), 64)
    for shape in ((2, 64), (3, 65), (64, 3)):
        with pytest.raises(InputError, match="shape"):
            stream.process(np.zeros(shape, np.float32))


def test_stages_that_cannot_stream_are_refused() -> None:
    mics, _ = band()
    stage = learn(Recording.from_array(mics, 8000), "kamir", settings={"iterations": 1})
    with pytest.raises(InputError, match="'kamir' cannot be applied live"):
        Stream(stage, 256)
    matrices = np.tile(np.eye(3, dtype=np.complex64), (4097, 1, 1))
    narrow = stage_of(replace(Demixed.none(3), filters=Narrowband(matrices)))
    with pytest.raises(InputError, match=r"windows of 1\.0 s .* narrowband=false"):
        Stream(narrow, 256)
