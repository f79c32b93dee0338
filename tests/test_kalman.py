"""The Kalman filter that follows paths, against closed forms and against what it must not do."""

import numpy as np
import pytest

from debleed.methods.demix.kalman import Followed, predicted, run


def one(variance: float, memory: float, gap: int = 1, lags: int = 1) -> Followed:
    """Return a single path."""
    zero = np.zeros(1, np.intp)
    powers = np.full((lags, 1), variance, np.float32)
    return Followed(zero, zero, zero, powers, np.full(1, memory, np.float32), np.full(1, gap))


def noise(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64) / np.sqrt(np.float32(2))


def test_a_path_that_stays_is_the_regularised_least_squares_solution() -> None:
    rng = np.random.default_rng(0)
    heard, own = noise(rng, 200, 1), noise(rng, 200, 1)
    observed = own + (0.3 - 0.2j) * heard
    *_, state = run(observed, heard, np.ones((200, 1), np.float32), one(0.5, 1.0), range(200), range(0))
    expected = np.vdot(heard, observed) / (np.vdot(heard, heard).real + 1 / 0.5)
    assert state[0, 0] == pytest.approx(expected, abs=1e-4)


def test_the_prediction_of_a_frame_has_not_heard_it_nor_its_neighbours() -> None:
    rng = np.random.default_rng(1)
    heard, observed = noise(rng, 50, 1), noise(rng, 50, 1)
    level = np.ones((50, 1), np.float32)
    before, _ = predicted(observed, heard, level, one(0.5, 0.99, gap=3), range(50))
    changed = observed.copy()
    changed[20] += 100
    after, _ = predicted(changed, heard, level, one(0.5, 0.99, gap=3), range(50))
    same = np.flatnonzero(np.abs(after - before)[:, 0] < 1e-6)
    assert set(range(17, 24)) <= set(same.tolist())
    assert {16, 24}.isdisjoint(same.tolist())


def test_both_directions_are_alike_when_time_is_reversed() -> None:
    rng = np.random.default_rng(2)
    heard, observed, level = noise(rng, 60, 1), noise(rng, 60, 1), rng.uniform(0.5, 2, (60, 1)).astype(np.float32)
    ahead, doubt = predicted(observed, heard, level, one(0.1, 0.9), range(60))
    back, doubt_back = predicted(observed[::-1], heard[::-1], level[::-1], one(0.1, 0.9), range(60))
    assert ahead == pytest.approx(back[::-1], abs=1e-5)
    assert doubt == pytest.approx(doubt_back[::-1], rel=1e-4)


def test_a_path_that_changes_is_followed_better_than_its_mean_and_the_doubt_is_honest() -> None:
    rng = np.random.default_rng(3)
    frames, fades = 3000, 0.995
    path = np.zeros(frames, complex)
    steps = np.sqrt(1 - fades**2) * noise(rng, frames)
    for t in range(1, frames):
        path[t] = fades * path[t - 1] + steps[t]
    heard, own = noise(rng, frames, 1), noise(rng, frames, 1)
    bleed = path[:, None] * heard
    found, doubt = predicted(own + bleed, heard, np.ones((frames, 1), np.float32), one(1.0, fades), range(frames))
    error = np.abs(found - bleed) ** 2
    assert error.mean() < 0.2 * np.mean(np.abs(bleed) ** 2)
    assert error.mean() == pytest.approx(doubt.mean(), rel=0.35)


def test_the_doubt_never_exceeds_what_is_expected_before_listening() -> None:
    rng = np.random.default_rng(4)
    heard, observed = noise(rng, 40, 1), noise(rng, 40, 1)
    _, doubt = predicted(observed, heard, np.ones((40, 1), np.float32), one(0.5, 0.9), range(40))
    assert np.all(doubt <= 0.5 * np.abs(heard) ** 2 * (1 + 1e-5))


@pytest.mark.parametrize("entries", [1, 20, 1000])
def test_parts_hold_whole_bins_and_all_entries_once(entries: int) -> None:
    rng = np.random.default_rng(5)
    variance = (rng.random((3, 4, 50)) * (rng.random((3, 4, 50)) > 0.5)).astype(np.float32)
    paths = Followed.of(variance, np.ones_like(variance), np.ones(2, np.float32), np.ones(50, np.intp))
    parts = paths.parts(entries)
    assert np.array_equal(np.concatenate([part.bins for part in parts]), paths.bins)
    assert sum(len(part.starts) for part in parts) == len(paths.starts)
    whole = [(int(part.mics[0]), int(part.bins[0])) for part in parts]
    assert len(set(whole)) == len(whole)
    assert all(len(part.mics) < entries + 4 for part in parts)
    assert paths.part(slice(0, 0)).parts(10) == []
