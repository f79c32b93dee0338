import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from debleed import Recording
from debleed.inspection import LARGEST_BLOCK, concerns, faint, inspect, silenced, unchanged
from debleed.recording import InputError

RATE = 1000


def recording(samples, **options):
    return Recording.from_array(np.asarray(samples), RATE, **options)


@given(st.integers(1, 50_000), st.integers(0, 9))
def test_sums_do_not_depend_on_the_blocks(length, seed):
    samples = np.random.default_rng(seed).uniform(-1.5, 1.5, (2, length))
    found = inspect(recording(samples))
    assert np.allclose(found.total, samples.sum(axis=1))
    assert np.allclose(found.energy, (samples**2).sum(axis=1))
    assert np.array_equal(found.peak, np.abs(samples).max(axis=1))


def test_progress_ends_at_the_end():
    said = []
    inspect(recording(np.ones((1, 50_000))), lambda stage, share: said.append((stage, share)))
    assert said[-1] == ("check", 1.0)
    assert [share for _, share in said] == sorted(share for _, share in said)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_place_of_what_is_no_number_is_said(value):
    samples = np.zeros((2, 45_000))
    samples[1, 41_500] = value
    with pytest.raises(InputError, match=r"'bass'.*at 41\.500 s"):
        inspect(recording(samples, names=["vox", "bass"]))


def test_full_scale_is_clipped_and_beyond_it_is_not():
    grid = [1.0, -1.0, 1 - 2**-15, -1 + 2**-15, 1 - 2**-14, 1.01, 0.0]
    assert inspect(recording([grid])).clipped[0] == 4


def said_of(samples, **options):
    sound = recording(samples, **options)
    return concerns(sound, inspect(sound))


def test_sound_gives_no_concern():
    assert not said_of(np.random.default_rng(0).uniform(-0.9, 0.9, (3, RATE)))


def test_concerns_name_the_microphones():
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (5, RATE))
    noise[1] = noise[0]  # the soundcheck says it, and what becomes of it
    noise[2] = 0
    noise[3] = np.clip(4 * noise[3], -1, 1)
    noise[4] += 0.3
    said = said_of(noise, names=["vox", "copy", "dead", "hot", "offset"])
    assert len(said) == 3
    for sentence, names in zip(said, ("dead", "hot", "offset"), strict=True):
        assert names in sentence
        assert "copy" not in sentence


def test_peaks_beyond_any_full_scale_are_refused():
    assert inspect(recording([[0.0, 2.0**31]])).peak == [2.0**31]
    with pytest.raises(InputError, match=r"microphone 'mic2' reaches 1\.0e\+30"):
        inspect(recording([[0.5, 0.5], [0.0, -1e30]]))


def test_what_is_fainter_than_any_step_is_named_and_left_as_it_is():
    given = recording([[0.5, -0.5], [1e-30, 1e-300], [0, 0], [2.0**-31, 0]])
    assert faint(given, inspect(given)) == ("mic2",)
    heard = silenced(given, ["mic2"])
    assert np.array_equal(heard.read(), given.read() * [[1], [0], [1], [1]])
    cleaned = heard.with_reader(lambda start, stop: heard.read(start, stop) / 2)
    found = unchanged(given, cleaned, ["mic2"])
    assert np.array_equal(found.read(), given.read() * [[0.5], [1], [0.5], [0.5]])
    assert unchanged(given, cleaned, []) is cleaned


def test_blocks_are_short_where_microphones_are_many():
    read = []

    def reader(start, stop):
        read.append(stop - start)
        return np.zeros((64, stop - start), np.float32)

    names = tuple(map(str, range(64)))
    inspect(Recording(192000, 192000, names, names, reader))
    assert sum(read) == 192000
    assert max(read) * 64 <= LARGEST_BLOCK
