"""The soundcheck as a whole: which tracks are compared, and what the user has settled."""

import dataclasses

import numpy as np
import pytest
import scipy.signal

from bands import RATE, bled, sources
from debleed import Recording
from debleed.soundcheck.check import soundcheck
from debleed.soundcheck.findings import Soundcheck

NAMES = ["vox", "bass", "keys"]


@pytest.fixture(scope="module")
def mics() -> np.ndarray:
    return bled(sources(3, 10), level=0.15)


def beside(mics: np.ndarray, *more: np.ndarray, **described: object) -> Recording:
    samples = np.vstack([mics, *more]).astype(np.float32)
    names = [*NAMES, *(f"x{k}" for k in range(len(more)))]
    return Recording.from_array(samples, RATE, names, **described)  # type: ignore[arg-type]


def second(mics: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Another microphone of a source, with a path of its own and a little bleed."""
    path = np.r_[np.zeros(7), 1, 0.3, -0.2, 0.1]
    found: np.ndarray = 0.7 * scipy.signal.oaconvolve(own, path)[: len(own)] + 0.05 * mics[1]
    return found


def test_a_band_with_a_microphone_each_gives_no_finding(mics: np.ndarray) -> None:
    assert soundcheck(beside(mics)) == Soundcheck()


def test_everything_is_found_at_once(mics: np.ndarray) -> None:
    own = sources(3, 10)
    mix = np.array([0.7, 0.5, 0.6]) @ mics
    found = soundcheck(beside(mics, -0.5 * mics[1], mix, second(mics, own[0])))
    assert found.copies == {"x0": ("bass", pytest.approx(-0.5, rel=1e-4))}
    assert found.mixes == ("x1",)
    assert found.groups == (("vox", "x2"),)


def test_level_and_order_do_not_matter(mics: np.ndarray) -> None:
    own = sources(3, 10)
    tracks = beside(mics, -0.5 * mics[1], np.array([0.7, 0.5, 0.6]) @ mics, second(mics, own[0]))
    found = soundcheck(tracks.select([4, 5, 0, 3, 2, 1]))
    quiet = soundcheck(tracks.with_reader(lambda a, b: 1e-4 * tracks.reader(a, b)))
    assert found.mixes == quiet.mixes == ("x1",)
    assert set(found.copies) == set(quiet.copies) == {"x0"}
    assert set(found.groups[0]) == set(quiet.groups[0]) == {"vox", "x2"}


def test_what_the_user_settled_is_not_grouped(mics: np.ndarray) -> None:
    tracks = beside(mics, second(mics, sources(3, 10)[0]))
    assert soundcheck(tracks, {"vox"}).groups == (("vox", "x0"),)
    assert soundcheck(tracks, {"vox", "x0"}).groups == ()


def test_what_has_a_source_by_the_user_is_no_mix(mics: np.ndarray) -> None:
    tracks = beside(mics, np.array([0.7, 0.5, 0.6]) @ mics)
    assert soundcheck(tracks).mixes == ("x0",)
    assert soundcheck(tracks, {"x0"}).mixes == ()


def test_a_copy_is_a_copy_whatever_the_user_says(mics: np.ndarray) -> None:
    tracks = beside(mics, 0.5 * mics[0])
    assert set(soundcheck(tracks, set(tracks.names)).copies) == {"x0"}


def test_microphones_of_one_source_are_not_grouped_again(mics: np.ndarray) -> None:
    tracks = beside(mics, second(mics, sources(3, 10)[0]), sources=["vox", "bass", "keys", "vox"])
    assert soundcheck(tracks) == Soundcheck()


def test_room_microphones_are_not_compared(mics: np.ndarray) -> None:
    tracks = beside(mics, mics[0], mics.sum(axis=0), sources=[*NAMES, None, None])
    assert soundcheck(tracks) == Soundcheck()


def test_a_distorted_amplifier_joins_its_direct_box(mics: np.ndarray) -> None:
    """Its microphone is explained by the box in part only; the box is known as a signal."""
    own = sources(3, 10)
    box, size = own[0].copy(), own[0].std()
    own[0] = size * np.tanh(4 * box / size)
    tracks = dataclasses.replace(beside(bled(own), box), references=frozenset({"x0"}))
    assert soundcheck(tracks).groups == (("vox", "x0"),)


def test_a_click_stays_by_itself(mics: np.ndarray) -> None:
    click = np.zeros(mics.shape[1])
    click[::4000] = 1
    heard = mics + np.array([[0.1], [0], [0]]) * np.roll(click, 30)
    tracks = dataclasses.replace(beside(heard, click), references=frozenset({"x0"}))
    assert soundcheck(tracks) == Soundcheck()


@pytest.mark.parametrize(("name", "groups"), [("playback", ()), ("farend", ()), ("keys di", (("vox", "keys di"),))])
def test_a_signal_has_no_microphone_of_its_own(
    mics: np.ndarray, name: str, groups: tuple[tuple[str, ...], ...]
) -> None:
    """A microphone may hold hardly anything but a playback; only a direct box would be of one source with it."""
    far = 3 * sources(4, 10)[3]
    heard = mics + np.array([[1], [0], [0]]) * np.roll(far, 30)
    tracks = Recording.from_array(np.vstack([heard, far]).astype(np.float32), RATE, (*NAMES, name))
    assert soundcheck(dataclasses.replace(tracks, references=frozenset({name}))).groups == groups


def test_silent_tracks_are_nothing(mics: np.ndarray) -> None:
    silence = np.zeros_like(mics[0])
    assert soundcheck(beside(mics, silence, silence)) == Soundcheck()
    assert soundcheck(beside(0 * mics)) == Soundcheck()


@pytest.mark.parametrize("length", [0, 1, 50, 1000])
def test_recordings_of_any_length(mics: np.ndarray, length: int) -> None:
    found = soundcheck(beside(mics[:, 5000 : 5000 + length]))
    assert not found.copies or length == 1  # one sample is a copy of any other


def test_fewer_than_two_sources_need_no_check(mics: np.ndarray) -> None:
    assert soundcheck(Recording.from_array(mics[:1], RATE)) == Soundcheck()
    assert soundcheck(Recording.from_array(mics, RATE, sources=["a", None, None])) == Soundcheck()
