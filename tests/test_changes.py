"""Sudden changes of the paths."""

import numpy as np
import pytest

from debleed.methods.demix.background import Background
from debleed.methods.demix.changes import LASTING, likelihood_ratios, sudden_changes, told
from debleed.methods.demix.tracking import Tracking
from debleed.recording import Recording

RATE = 8000
SECONDS = 30


def left_over(before: np.ndarray, after: np.ndarray, at: int = 12) -> Recording:
    """Return three sources in which bleed is left, as strong as in these matrices before and after a second."""
    rng = np.random.default_rng(3)
    loud = rng.uniform(0.1, 1, (3, SECONDS * 4)).repeat(RATE // 4, axis=1)  # levels change as in music
    sources = (loud * rng.standard_normal(loud.shape)).astype(np.float32)
    late = np.arange(sources.shape[1]) >= at * RATE
    return Recording.from_array(np.where(late, after @ sources, before @ sources), RATE)


def tracking(possible: np.ndarray) -> Tracking:
    leakage = np.repeat(1e-4 * possible[:, :, None], 2, axis=2).astype(np.float32)
    nothing = np.zeros_like(leakage)
    return Tracking(nothing, nothing, nothing, np.zeros((4, 3, 3, 1), np.complex64), leakage, nothing)


EVERYWHERE = tracking(~np.eye(3, dtype=bool))
SAME = np.eye(3, dtype=np.float32)


def moved(share: float) -> np.ndarray:
    other = SAME.copy()
    other[1, [0, 2]] = other[[0, 2], 1] = share
    return other


def test_a_microphone_that_is_moved_is_noticed_to_the_second() -> None:
    recording = left_over(SAME, moved(0.15))
    assert sudden_changes(recording, EVERYWHERE, Background.none(3)) == [(12, 1)]


@pytest.mark.parametrize("bleed", [0, 0.15])
def test_where_nothing_changes_nothing_is_said(bleed: float) -> None:
    recording = left_over(moved(bleed), moved(bleed))
    assert sudden_changes(recording, EVERYWHERE, Background.none(3)) == []


def test_the_ratio_is_one_where_nothing_changes() -> None:
    leakage = EVERYWHERE.leakage
    ratios = likelihood_ratios(left_over(SAME, SAME), leakage, Background.none(3))
    inside = ratios[LASTING : SECONDS - LASTING + 1][:, ~np.eye(3, dtype=bool)]
    assert 0.5 < inside.mean() < 1.5


def test_a_recording_that_is_too_short_to_compare_is_not_read() -> None:
    def never(start: int, stop: int) -> np.ndarray:
        raise AssertionError

    short = Recording.from_array(np.ones((3, (2 * LASTING - 1) * RATE), np.float32), RATE).with_reader(never)
    assert sudden_changes(short, EVERYWHERE, Background.none(3)) == []


def test_microphones_that_share_no_bleed_do_not_count() -> None:
    apart = tracking(np.zeros((3, 3), bool))
    assert sudden_changes(left_over(SAME, moved(0.5)), apart, Background.none(3)) == []


def test_who_has_only_heard_a_microphone_move_is_not_told() -> None:
    ratios = np.ones((40, 3, 3), np.float32)
    ratios[20, 1, :] = ratios[20, :, 1] = 9
    possible = ~np.eye(3, dtype=bool)
    assert told(ratios * possible, possible) == [(20, 1)]


def test_a_muted_microphone_is_no_number_that_is_none() -> None:
    samples = left_over(SAME, moved(0.15)).read().copy()
    samples[2, : 15 * RATE] = 0
    ratios = likelihood_ratios(Recording.from_array(samples, RATE), EVERYWHERE.leakage, Background.none(3))
    assert np.isfinite(ratios).all()
