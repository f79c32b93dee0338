import numpy as np
import pytest

from debleed import Recording
from debleed.methods import Side, create
from debleed.methods.baseline import convolve, correlations, toeplitz_solve, wiener_gain
from debleed.recording import InputError
from debleed.scoring.evaluate import sdr

RATE = 8000


def room(length: int = 4 * RATE) -> tuple[np.ndarray, np.ndarray]:
    """Three noises through short random filters: microphones and own-microphone images."""
    rng = np.random.default_rng(3)
    t = np.arange(length) / RATE
    sources = [np.sin(2 * np.pi * (0.5 + 0.2 * i) * t) ** 2 * rng.standard_normal(length) for i in range(3)]
    filters = 0.4 * rng.standard_normal((3, 3, 12)) * np.exp(-np.arange(12) / 4)
    filters[[0, 1, 2], [0, 1, 2], 0] = 1.0
    filters[~np.eye(3, dtype=bool)] *= 0.4
    images = np.array([[np.convolve(sources[j], filters[i, j])[:length] for j in range(3)] for i in range(3)])
    return images.sum(axis=1), images[[0, 1, 2], [0, 1, 2]]


def score(name: str, mics: np.ndarray, truth: np.ndarray, **settings: object) -> np.ndarray:
    recording = Recording.from_array(mics, RATE)
    side = Side(truth=Recording.from_array(truth, RATE))
    return sdr(truth, create(name, **settings).learn(recording, side).apply(recording).read())


def test_unprocessed_is_the_recording_itself() -> None:
    recording = Recording.from_array(np.ones((2, 10)), RATE)
    assert create("unprocessed").learn(recording).apply(recording) is recording


def test_oracles_are_in_order() -> None:
    mics, truth = room()
    floor, mask = sdr(truth, mics), score("oracle-wiener", mics, truth)
    linear = score("oracle-linear", mics, truth, seconds=0.02)
    assert (mask > floor + 3).all()
    assert (linear > 40).all()  # noises of full band: the room can be inverted
    assert (linear > mask).all()


def test_wiener_gain() -> None:
    clean, bleed = np.array([3, 0, 1, 0, 1e-30j]), np.array([4, 2, 0, 0, 1e-30])
    assert wiener_gain(clean, bleed) == pytest.approx([9 / 25, 0, 1, 0, 0.5])


def test_correlations_sum_over_blocks() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((2, 2, 50))
    padded = np.pad(b, ((0, 0), (20, 20)))
    found = sum(
        correlations(a[:, s : s + 25], padded[:, s + 20 + 3 - 6 : s + 20 + 25 + 3], first=-3, lags=7) for s in (0, 25)
    )
    for lag in range(-3, 4):
        known = [[sum(p[t] * padded_q[t + 20 - lag] for t in range(50)) for padded_q in padded] for p in a]
        assert found[:, :, lag + 3] == pytest.approx(np.array(known))


def test_the_solver_agrees_with_least_squares() -> None:
    rng = np.random.default_rng(2)
    x, target, taps = rng.standard_normal((2, 400)), rng.standard_normal((1, 400)), 5
    padded = np.pad(x, ((0, 0), (taps, taps)))
    rows = np.array([np.roll(row, lag)[: 400 + taps] for row in padded[:, taps:] for lag in range(taps)])
    known = np.linalg.lstsq(rows.T, np.pad(target[0], (0, taps)), rcond=None)[0].reshape(2, taps)
    around = padded[:, 1:-1]
    auto = correlations(x, around, 1 - taps, 2 * taps - 1)
    cross = correlations(target, np.pad(x, ((0, 0), (taps - 1, 0))), 0, taps)
    assert toeplitz_solve(auto / 400, cross / 400, 50)[0] == pytest.approx(known, abs=1e-6)


def test_convolve_looks_ahead() -> None:
    x = np.arange(1.0, 7.0)[None]
    recording = Recording.from_array(x, RATE)
    filters = np.zeros((1, 1, 4))
    filters[0, 0, 0], filters[0, 0, 3] = 1, 10  # one sample ahead, two behind
    expected = [2, 3, 4 + 10, 5 + 20, 6 + 30, 40]
    assert convolve(recording, filters, 1, 0, 6)[0] == pytest.approx(expected)
    assert convolve(recording, filters, 1, 2, 4)[0] == pytest.approx(expected[2:4])


def test_filters_come_from_any_number_of_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    mics, truth = room()
    whole = score("oracle-linear", mics, truth, seconds=0.02)
    blocks = Recording.blocks
    monkeypatch.setattr(Recording, "blocks", lambda self, seconds=0.3: blocks(self, seconds))
    assert score("oracle-linear", mics, truth, seconds=0.02) == pytest.approx(whole, abs=0.01)


@pytest.mark.parametrize("name", ["oracle-wiener", "oracle-linear"])
def test_oracles_refuse_the_truth_of_something_else(name: str) -> None:
    recording = Recording.from_array(np.ones((2, 100)), RATE)
    with pytest.raises(InputError, match="needs the truth"):
        create(name).learn(recording)
    with pytest.raises(InputError, match="lacks the microphones mic2"):
        create(name).learn(recording, Side(truth=recording.select([0])))
    with pytest.raises(InputError, match="99 samples"):
        create(name).learn(recording, Side(truth=Recording.from_array(np.ones((2, 99)), RATE)))
