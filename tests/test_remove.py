"""remove(): what it refuses and tells at the door, and what it does around the method."""

import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from debleed.methods import Side, create
from debleed.progress import quiet
from debleed.recording import InputError, Recording
from debleed.remove import learn, remove

RATE = 8000


@dataclass(frozen=True)
class Halve:
    """A method whose result is known: it halves everything."""

    by: float = 2.0
    needs: ClassVar[frozenset[str]] = frozenset()
    source_count: ClassVar[int | None] = None

    def learn(self, recording, side=Side(), progress=quiet):  # noqa: B008
        seen.append((recording.names, side))
        progress("learn", 1.0)
        return self

    def apply(self, recording):
        return recording.with_reader(lambda a, b: recording.read(a, b) / np.float32(self.by))


seen = []


def mics(*sources, length=3 * RATE, dtype=np.float32):
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (len(sources), length)).astype(dtype)
    return Recording.from_array(samples, RATE, [f"m{i}" for i in range(len(sources))], sources)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", [0, 5000, 30 * RATE - 1])
def test_samples_that_are_no_numbers_are_refused(bad, at):
    samples = np.zeros((2, 30 * RATE), np.float32)
    samples[1, at] = bad
    with pytest.raises(InputError, match=rf"'mic2'.*at {at / RATE:.3f} s"):
        remove(Recording.from_array(samples, RATE), Halve())


def test_no_samples_are_refused():
    with pytest.raises(InputError, match="no samples"):
        remove(mics("a", "b", length=0), Halve())


def test_room_microphones_come_back_as_they_are():
    recording = mics("a", None, "b")
    result = remove(recording, Halve())
    assert seen[-1][0] == ("m0", "m2")
    assert (result.names, result.sources) == (recording.names, recording.sources)
    expected = recording.read() * np.array([[0.5], [1], [0.5]], np.float32)
    np.testing.assert_array_equal(result.read(), expected)
    np.testing.assert_array_equal(result.read(77, 99), expected[:, 77:99])


@pytest.mark.parametrize(("limit", "factor"), [(None, 0.5), (0.0, 1.0), (20.0, 0.55), (np.inf, 0.5)])
def test_a_reduction_puts_a_share_back(limit, factor):
    recording = mics("a", "b")
    np.testing.assert_allclose(remove(recording, Halve(), reduction=limit).read(), factor * recording.read(), rtol=1e-6)


def test_a_reduction_of_one_source_leaves_the_others():
    recording = mics("a", "b", "a", None)
    result = remove(recording, Halve(), reduction={"a": 20.0}).read()
    np.testing.assert_allclose(result, recording.read() * np.array([[0.55], [0.5], [0.55], [1]]), rtol=1e-6)


@pytest.mark.parametrize("reduction", [{"c": 3.0}, -1.0, np.nan, {"a": -2.0}])
def test_bad_reductions_are_refused(reduction):
    with pytest.raises(InputError, match="reduc"):
        remove(mics("a", "b"), Halve(), reduction=reduction)


@pytest.mark.parametrize("sources", [("a",), ("a", "a"), ("a", None)])
def test_fewer_than_two_sources_come_back_as_they_are(sources, caplog):
    recording = mics(*sources)
    np.testing.assert_array_equal(remove(recording, Halve()).read(), recording.read())
    assert "fewer than two sources" in caplog.text


def test_the_input_is_not_changed():
    recording = mics("a", None, "b")
    before = recording.read().copy()
    remove(recording, Halve(), reduction=6.0).read()
    np.testing.assert_array_equal(recording.read(), before)


def test_the_truth_is_put_in_order_and_checked():
    recording = mics("a", None, "b")
    truth = recording.select([2, 0])
    remove(recording, Halve(), side=Side(truth=truth))
    assert seen[-1][1].truth.names == ("m0", "m2")
    with pytest.raises(InputError, match=r"lacks.*m0"):
        remove(recording, Halve(), side=Side(truth=recording.select([2])))
    with pytest.raises(InputError, match="samples at"):
        remove(recording, Halve(), side=Side(truth=mics("a", "x", "b", length=9)))


def altered(change):
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (3, RATE)).astype(np.float32)
    change(samples)
    return Recording.from_array(samples, RATE, ["vox", "bass", "keys"])


def copy_vox(x):
    x[1] = x[0]


def silence_bass(x):
    x[1] = 0


def clip_bass(x):
    x[1] = np.clip(4 * x[1], -1, 1)


def offset_bass(x):
    x[1] += 0.3


def raise_bass(x):
    x[1] *= 4  # floats may go beyond full scale


def invert_bass(x):
    x[1] *= -1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (silence_bass, "silent from end to end: bass"),
        (clip_bass, "clipped.*bass"),
        (offset_bass, "offset in bass"),
        (invert_bass, None),
        (raise_bass, None),
    ],
)
@pytest.mark.parametrize("method", ["unprocessed", "kamir", "demix"])
def test_odd_microphones_work_with_a_warning(change, said, method, caplog):
    pytest.importorskip(f"debleed.methods.{ {'unprocessed': 'baseline'}.get(method, method) }")
    recording = altered(change)
    result = remove(recording, method).read()
    assert np.isfinite(result).all()
    assert np.abs(result).max() <= 2 * np.abs(recording.read()).max()
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    if said is None:
        assert not warned
    else:
        assert len(warned) == 1
        assert re.search(said, warned[0])


@pytest.mark.parametrize("method", ["unprocessed", "kamir", "demix"])
def test_a_copy_is_said_and_comes_back_like_its_original(method, caplog):
    recording = altered(copy_vox)
    with caplog.at_level("INFO"):
        result = remove(recording, method).read()
    assert np.array_equal(result[0], result[1])
    said = [record.getMessage() for record in caplog.records if "left alone" not in record.getMessage()]
    assert said == ["bass is a copy of vox, cleaned like it"]
    without = remove(recording.select([0, 2]), method).read()
    np.testing.assert_array_equal(result[[0, 2]], without)


def test_progress_may_stop_the_work():
    def stop(stage, share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        remove(mics("a", "b"), Halve(), progress=stop)


def test_names_to_reduce_must_be_there():
    recording = mics("a", "b")
    with pytest.raises(InputError, match=r"no source 'c'.*a, b"):
        remove(recording, Halve(), reduction={"c": 3})


def test_a_microphone_has_a_reduction_of_its_own():
    recording = mics("keys", "keys", "b")
    result = remove(recording, Halve(), reduction={"keys": 0.0, "m1": 20.0}).read()
    expected = recording.read() * np.array([[1], [0.55], [0.5]], np.float32)
    assert np.allclose(result, expected, atol=1e-6)


def test_settings_beside_a_method_object_count():
    assert create(Halve(), by=3.0).by == 3.0
    result = remove(mics("a", "b"), Halve(), settings={"by": 4.0})
    assert np.allclose(result.read(), mics("a", "b").read() / 4)


@dataclass(frozen=True)
class Reluctant(Halve):
    """A method that leaves the first microphone alone."""

    def apply(self, recording):
        return recording

    def left_alone(self):
        return "it is first", ""


@pytest.mark.parametrize("do", [learn, remove])
def test_microphones_that_are_left_alone_are_said(do, caplog):
    with caplog.at_level("INFO"):
        do(mics("a", None, "b"), Reluctant())
    assert [record.getMessage() for record in caplog.records] == ["m0 is left alone: it is first"]
