"""The fingerprint: another recording of a stage is aligned to the one that the stage was learnt from."""

from pathlib import Path

import numpy as np
import pytest

from bands import RATE, bled, sources
from debleed import InputError, Recording, Stage, learn
from debleed.scoring.evaluate import sdr
from debleed.soundcheck.alignment import Alignment
from debleed.soundcheck.fingerprint import PREFIX, Fingerprint, later
from debleed.soundcheck.time_line import Stretch, TimeLine

NAMES = ["bass", "drums", "vox", "keys"]
HALF, LATE = 20 * RATE, round(0.7 * RATE)


@pytest.fixture(scope="module")
def halves() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The first half of a recording, the second one, and the truth of the second one."""
    own = sources(4, seconds=40)
    own[2, HALF - 1000 : HALF + LATE] = own[2, -LATE:] = 0  # who is late rests where its file holds nothing
    mics = bled(own)
    return mics[:, :HALF], mics[:, HALF:], own[:, HALF:]


@pytest.fixture(scope="module")
def stage(halves: tuple[np.ndarray, ...]) -> Stage:
    return learn(recorded(halves[0]))


def recorded(samples: np.ndarray) -> Recording:
    return Recording.from_array(samples, RATE, NAMES)


def late(samples: np.ndarray, mic: int = 2) -> np.ndarray:
    out = samples.copy()
    out[mic] = np.r_[samples[mic, LATE:], np.zeros(LATE)]
    return out


def test_a_file_that_begins_late_in_the_show_is_cleaned_as_one_in_step(
    stage: Stage, halves: tuple[np.ndarray, ...]
) -> None:
    _, show, own = halves
    in_step = sdr(own, stage.apply(recorded(show)).read())
    assert np.all(sdr(late(own), stage.apply(recorded(late(show))).read()) > in_step - 1)


def test_a_stage_that_was_learnt_from_a_late_file_fits_one_in_step(halves: tuple[np.ndarray, ...]) -> None:
    first, show, _ = halves
    lines = learn(recorded(late(first))).alignment_of(recorded(show)).lines
    known = learn(recorded(late(first, 0))).alignment_of(recorded(late(show, 0))).lines
    assert len({line.lag(0.0) for line in lines}) <= 2  # the late one is placed as it was when it was learnt
    assert len({line.lag(0.0) for line in known}) == 2
    assert all(line.straight for line in (*lines, *known))


@pytest.mark.parametrize("lag", [-37.0, 12.0, 5.4])
def test_a_wrong_lag_is_mended(stage: Stage, halves: tuple[np.ndarray, ...], lag: float) -> None:
    wrong = Alignment.of([TimeLine(), TimeLine(), TimeLine((Stretch(0.0, lag),)), TimeLine()])
    assert stage.fingerprint is not None
    lines = stage.fingerprint.agreed(recorded(halves[1]), wrong).lines
    assert [line.lag(0.0) - lines[0].lag(0.0) for line in lines] == pytest.approx([0, 0, 0, 0], abs=0.1)


def test_what_is_in_step_stays(stage: Stage, halves: tuple[np.ndarray, ...]) -> None:
    assert stage.alignment_of(recorded(halves[1])).in_step
    unrelated = np.random.default_rng(0).standard_normal((4, HALF))
    line = TimeLine((Stretch(0.0, -99.0),))
    alignment = Alignment.of([TimeLine(), line, TimeLine(), TimeLine()])
    assert stage.fingerprint is not None
    assert stage.fingerprint.agreed(recorded(unrelated), alignment) == alignment


def test_lags_that_are_about_whole_are_whole() -> None:
    straight, slope = TimeLine((Stretch(0.0, 3.0),)), TimeLine((Stretch(0.0, 3.0, 1e-5), Stretch(9.0, 4.0)))
    assert later(straight, 1.96).stretches == (Stretch(0.0, 5.0),)
    assert later(straight, 0.4).stretches == (Stretch(0.0, 3.4),)
    assert later(slope, 0.5).stretches == (Stretch(0.0, 3.5, 1e-5), Stretch(9.0, 4.5))


def test_a_saved_stage_aligns_as_before(stage: Stage, halves: tuple[np.ndarray, ...], tmp_path: Path) -> None:
    stage.save(tmp_path / "a.debleed")
    loaded = Stage.load(tmp_path / "a.debleed")
    show = recorded(late(halves[1]))
    assert loaded.alignment_of(show) == stage.alignment_of(show)
    assert not loaded.alignment_of(show).in_step


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pairs", np.array([[0, 9]])),
        ("pairs", np.array([[1, 1]])),
        ("pairs", np.zeros((3, 2), np.int64)),
        ("cross", np.zeros((1, 7), np.complex64)),
        ("moved", np.zeros(3, bool)),
    ],
)
def test_arrays_that_do_not_fit_are_refused(name: str, value: np.ndarray) -> None:
    fine = Fingerprint(np.array([0]), np.array([1]), np.zeros((1, 1025), np.complex64), np.zeros(2, bool)).arrays()
    Fingerprint.restore(fine, 2, 11025)
    with pytest.raises(InputError, match=PREFIX):
        Fingerprint.restore({**fine, PREFIX + name: value}, 2, 11025)
