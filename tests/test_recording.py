from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from debleed.recording import InputError, Recording, matched, refuse_unlike

SOUND = np.random.default_rng(0).standard_normal((3, 100)).astype(np.float32)


@pytest.fixture
def recording():
    return Recording.from_array(SOUND, 8000, ["a", "b", "c"], ["a", "x", None])


@given(st.integers(-200, 300), st.integers(-200, 300))
def test_silence_stands_outside(one, other):
    start, stop = sorted((one, other))
    padded = np.pad(SOUND, ((0, 0), (200, 200)))
    found = Recording.from_array(SOUND, 8000).read(start, stop)
    assert found.dtype == np.float32
    assert np.array_equal(found, padded[:, start + 200 : stop + 200])


@given(st.integers(0, 500), st.floats(1e-4, 1))
def test_blocks_cover_the_recording_once(length, seconds):
    recording = Recording.from_array(np.zeros((1, length)), 1000)
    covered = [t for start, stop in recording.blocks(seconds) for t in range(start, stop)]
    assert covered == list(range(length))


@given(st.permutations(range(3)), st.integers(0, 3))
def test_selected_microphones_keep_what_is_theirs(order, count):
    recording = Recording.from_array(SOUND, 8000, ["a", "b", "c"], ["a", "x", None])
    some = recording.select(order[:count])
    assert some.names == tuple("abc"[i] for i in order[:count])
    assert some.sources == tuple(("a", "x", None)[i] for i in order[:count])
    assert np.array_equal(some.read(), SOUND[list(order[:count])])


@given(st.integers(0, 100), st.integers(0, 100))
def test_a_stretch_is_a_recording(one, other):
    start, stop = sorted((one, other))
    part = Recording.from_array(SOUND, 8000).stretch(start, stop)
    assert part.length == stop - start
    assert np.array_equal(part.read(), SOUND[:, start:stop])
    assert not part.read(-5, 0).any()
    assert not part.read(part.length, part.length + 5).any()


@pytest.mark.parametrize(("start", "stop"), [(-1, 5), (5, 4), (0, 101)])
def test_stretches_that_are_not_inside_are_refused(recording, start, stop):
    with pytest.raises(InputError, match="are not inside"):
        recording.stretch(start, stop)


def test_bleed_goes_from_source_to_source():
    recording = Recording.from_array(np.zeros((4, 1)), 8000, sources=["keys", "keys", "vox", None])
    assert recording.can_bleed().tolist() == [
        [False, False, True, False],
        [False, False, True, False],
        [True, True, False, False],
        [False, False, False, False],
    ]


def test_a_reference_bleeds_and_picks_up_nobody():
    plain = Recording.from_array(np.zeros((3, 1)), 8000, ["vox", "click", "oh"], ["vox", "click", None])
    recording = replace(plain, references=frozenset({"click"}))
    assert recording.can_bleed().tolist() == [[False, True, False], [False] * 3, [False] * 3]
    assert recording.select([1, 0]).references == {"click"}
    assert recording.select([0, 2]).references == frozenset()
    with pytest.raises(InputError, match="reference must be a microphone with a source, got oh"):
        replace(plain, references=frozenset({"oh"}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"names": ["a", "a", "c"]}, "must be unique"),
        ({"names": ["a"]}, "3 microphones but 1 names"),
        ({"sources": ["a"]}, "3 microphones but 1 sources"),
        ({"rate": 0}, "positive"),
        ({"samples": np.zeros((3, 5), int)}, "floating"),
        ({"samples": np.zeros(5)}, "floating"),
    ],
)
def test_what_is_no_recording_is_refused(change, said):
    with pytest.raises(InputError, match=said):
        Recording.from_array(**{"samples": SOUND, "rate": 8000, **change})


def test_a_reader_of_another_shape_is_noticed(recording):
    with pytest.raises(InputError, match="reader"):
        recording.with_reader(lambda start, stop: SOUND[:2, start:stop]).read()
    with pytest.raises(InputError, match="before start"):
        recording.read(5, 4)


def test_recordings_that_differ_are_told_apart(recording):
    refuse_unlike(recording, recording, "one", "other")
    others = {
        "the one has a, b, c, the other b": recording.select([1]),
        "8000 Hz, the other at 9000": Recording.from_array(SOUND, 9000, ["a", "b", "c"]),
        "100 samples, the other 99": Recording.from_array(SOUND[:, :99], 8000, ["a", "b", "c"]),
    }
    for said, other in others.items():
        with pytest.raises(InputError, match=said):
            refuse_unlike(recording, other, "one", "other")


def test_arrays_are_matched_with_recordings(recording):
    one, other = matched(SOUND, recording)
    assert np.array_equal(one.read(), other.read())
    with pytest.raises(InputError, match="differ"):
        matched(SOUND[:2], recording)
