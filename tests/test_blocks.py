import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from debleed.io.blocks import Blocks, Track

STOPS = (100, 200, 250)
TRACKS = [
    Track(2, 250, np.float32, 16),
    Track(1, 150, np.float32, 24),
    Track(1, 250, np.float64, 32),
    Track(1, 250, np.float32, 8),
    Track(3, 250, np.float64, None),
]


def block(number, seed=0):
    first, last = [0, *STOPS][number : number + 2]
    draw = np.random.default_rng((seed, number))
    found = []
    for track in TRACKS:
        length = max(0, min(last, track.frames) - min(first, track.frames))
        samples = draw.uniform(-1, 1, (track.channels, length))
        if track.bits:
            samples = np.floor(samples * 2.0 ** (track.bits - 1)) * 2.0 ** (1 - track.bits)
        found.append(samples.astype(track.dtype))
    return found


def opened(folder):
    return Blocks(folder, TRACKS, STOPS)


def same(blocks, numbers):
    for number in numbers:
        for i, samples in enumerate(block(number)):
            np.testing.assert_array_equal(blocks.read(i, number), samples)


def test_samples_come_back_to_the_bit_also_to_another_process(tmp_path):
    for number in range(3):
        blocks = opened(tmp_path)
        assert blocks.done == number
        blocks.append(block(number))
    same(opened(tmp_path), range(3))
    assert (tmp_path / "0001.int").stat().st_size == 3 * 150


@pytest.mark.parametrize("cut", [1, 10, 299])
@pytest.mark.parametrize("track", range(len(TRACKS)))
def test_a_cut_or_harmed_block_is_written_again(tmp_path, track, cut):
    for number in range(2):
        opened(tmp_path).append(block(number))
    path = next(tmp_path.glob(f"{track:04}.*"))
    data = path.read_bytes()
    path.write_bytes(data[:-1] if cut == 1 else data[: len(data) - cut % len(data)])
    blocks = opened(tmp_path)
    assert blocks.done < 2
    for number in range(blocks.done, 3):
        blocks.append(block(number))
    same(opened(tmp_path), range(3))


def test_more_samples_than_the_journal_says_are_overwritten(tmp_path):
    opened(tmp_path).append(block(0))
    for path in tmp_path.glob("*.int"):
        path.write_bytes(path.read_bytes() + b"half a block")
    opened(tmp_path).append(block(1))
    same(opened(tmp_path), range(2))


@pytest.mark.parametrize("value", [1.0, -1.5, 3.0, np.inf, np.nan])
def test_samples_beyond_the_range_are_kept_too(tmp_path, value):
    blocks = opened(tmp_path)
    blocks.append(block(0))
    loud = block(1)
    for samples in loud:
        samples[..., 5:6] = value
    blocks.append(loud)
    blocks = opened(tmp_path)
    assert blocks.done == 2
    same(blocks, [0])
    for i, samples in enumerate(loud):
        np.testing.assert_array_equal(blocks.read(i, 1), samples)
    assert not list(tmp_path.glob("0000.int"))


def test_other_blocks_are_not_gone_on_with(tmp_path):
    opened(tmp_path).append(block(0))
    assert Blocks(tmp_path, TRACKS, (99, 250)).done == 0


def test_after_the_end_tracks_may_be_gone(tmp_path):
    blocks = opened(tmp_path)
    for number in range(3):
        blocks.append(block(number))
    blocks.complete_now()
    blocks.drop(0)
    blocks = opened(tmp_path)
    assert blocks.done == 3
    blocks.complete_now()
    np.testing.assert_array_equal(blocks.read(1, 1), block(1)[1])


@given(st.sampled_from([8, 16, 24, 32]), st.data())
def test_every_integer_has_its_bytes(bits, data):
    full = 2 ** (bits - 1)
    whole = data.draw(st.lists(st.integers(-full, full - 1), min_size=1, max_size=20))
    track = Track(1, len(whole), np.float64, bits)
    samples = np.array([whole]) / full
    raw = track.encoded(samples)
    assert len(raw) == len(whole) * bits // 8
    np.testing.assert_array_equal(track.decoded(raw), samples)
