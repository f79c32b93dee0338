from __future__ import annotations

import numpy as np
import pytest

from debleed import Recording
from debleed.methods import Side, create
from debleed.methods.optimisation import Optimisation, estimate_sources, objective, polarities, products
from debleed.recording import InputError
from debleed.remove import remove

RATE = 8000


def scene(count: int = 3, length: int = 3000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images of sources, the matrix of their bleed, the microphones."""
    rng = np.random.default_rng(seed)
    own = rng.laplace(size=(count, length)) * np.array([1.0, 0.5, 1.5, 0.8, 1.2, 0.6])[:count, None]
    mixing = rng.uniform(0.05, 0.4, (count, count))
    np.fill_diagonal(mixing, 1)
    return own, mixing, mixing @ own


def waspaa2023(x: np.ndarray, m: np.ndarray, turns: int, fall: float = 1e-3) -> np.ndarray:
    """Iterate as it is written, on the samples themselves."""
    mics, unit, ones = len(x), np.eye(len(x)), np.ones((len(x), 1))
    level = np.sqrt(np.mean(x**2))
    x, m = x / level, m / level
    s, before = x, np.inf
    for _ in range(turns):
        a = (x @ s.T + 1e-5 * unit) @ np.linalg.inv(s @ s.T + 1e-5 * unit)
        a = np.clip(a, 0.001, 0.55)
        a[np.arange(mics), np.arange(mics)] = 1
        s = np.linalg.inv(a.T @ a + ones @ ones.T) @ (a.T @ x + ones @ m)
        now = np.sum((x - a @ s) ** 2) + np.sum((m - ones.T @ s) ** 2)
        if before - now <= fall:
            break
        before = now
    return s * level


def run(x: np.ndarray, m: np.ndarray, sources: list[str] | None = None, **settings: float) -> np.ndarray:
    recording = Recording.from_array(x, RATE, sources=sources)
    side = Side(mixture=Recording.from_array(m, RATE))
    return create("optimisation", **settings).learn(recording, side).apply(recording).read()


def sdr(own: np.ndarray, found: np.ndarray) -> np.ndarray:
    return 10 * np.log10(np.sum(own**2, -1) / np.sum((own - found) ** 2, -1))


@pytest.mark.parametrize("turns", [1, 7, 1000])
@pytest.mark.parametrize("count", [2, 3, 4, 5, 6])
def test_equals_the_iteration_of_the_paper(count: int, turns: int) -> None:
    own, _, x = scene(count)
    m = own.sum(axis=0, keepdims=True)
    assert np.allclose(run(x, m, iterations=turns), waspaa2023(x, m, turns), atol=1e-6)


def test_the_true_matrix_gives_the_sources_exactly() -> None:
    own, mixing, x = scene()
    given = np.vstack([x, own.sum(axis=0)])
    solution = estimate_sources(mixing, np.ones(3))
    assert np.allclose(solution @ given, own)
    assert objective(mixing, solution, given @ given.T, np.ones(3)) == pytest.approx(0, abs=1e-9 * np.sum(x**2))


def test_products_and_objective_are_those_of_the_samples() -> None:
    own, mixing, x = scene()
    m = own.sum(axis=0, keepdims=True) + 0.1
    given = np.vstack([x, m])
    wrong = 0.8 * mixing + 0.2 * np.eye(3)
    solution = estimate_sources(wrong, np.ones(3))
    s = solution @ given
    cross, auto = products(solution, given @ given.T)
    assert np.allclose(cross, x @ s.T)
    assert np.allclose(auto, s @ s.T)
    left = np.sum((x - wrong @ s) ** 2) + np.sum((m - s.sum(axis=0)) ** 2)
    assert objective(wrong, solution, given @ given.T, np.ones(3)) == pytest.approx(left)


def test_two_sources_are_separated_but_more_are_not() -> None:
    own, _, x = scene(2)
    found = run(x, own.sum(axis=0, keepdims=True), iterations=20000, fall=0)
    assert sdr(own, found).min() > 60
    own, _, x = scene(3)
    m = own.sum(axis=0, keepdims=True)
    found = run(x, m, iterations=20000, fall=0)
    assert np.sum((found.sum(axis=0) - m) ** 2) < 1e-6 * np.sum(m**2)  # all is explained
    assert sdr(own, found).min() < 40  # and yet


def test_entries_stay_within_their_bounds() -> None:
    rng = np.random.default_rng(0)
    allowed = Recording.from_array(np.zeros((3, 1)), 1, sources=["a", "a", "b"]).can_bleed()
    found = Optimisation(lowest=0.1, highest=0.2).projected(rng.standard_normal((3, 3)), np.eye(3), allowed)
    assert np.array_equal(np.diag(found), np.ones(3))
    assert found[0, 1] == found[1, 0] == 0
    assert np.all((found[allowed] >= 0.1) & (found[allowed] <= 0.2))


def test_without_bleed_nothing_changes() -> None:
    own, _, _ = scene()
    assert sdr(own, run(own, own.sum(axis=0, keepdims=True), lowest=0)).min() > 60


def test_polarity_of_microphones_is_detected() -> None:
    _, _, x = scene(5)
    signs = np.array([1, -1, 1, 1, -1])
    assert np.array_equal(polarities((signs[:, None] * x) @ (signs[:, None] * x).T), signs)
    assert np.array_equal(polarities(np.eye(1)), [1])


@pytest.mark.parametrize("mixed", [1, -1])
def test_an_inverted_microphone_stays_inverted(mixed: int) -> None:
    own, _, x = scene(2)
    sign = np.array([[1], [-1]])
    m = own[:1] + mixed * own[1:]  # the mixture may hold the source as it is or as the microphone does
    found = run(sign * x, m, iterations=20000, fall=0)
    assert sdr(sign * own, found).min() > 60


def test_a_silent_microphone_is_excluded() -> None:
    own, mixing, _ = scene(3)
    own[1] = 0
    x = mixing @ own
    x[1] = 0
    m = own.sum(axis=0, keepdims=True)
    found = run(x, m)
    assert not found[1].any()
    assert np.allclose(found[[0, 2]], run(x[[0, 2]], m))


def test_long_recordings_are_read_in_blocks() -> None:
    own, _, x = scene(2, 50 * RATE)
    m = own.sum(axis=0, keepdims=True)
    longest = 0

    def read(start: int, stop: int) -> np.ndarray:
        nonlocal longest
        longest = max(longest, stop - start)
        return x[:, start:stop]

    recording = Recording(RATE, x.shape[1], ("a", "b"), ("a", "b"), read)
    fitted = create("optimisation").learn(recording, Side(mixture=Recording.from_array(m, RATE)))
    assert longest <= 20 * RATE
    whole = fitted.apply(Recording.from_array(x, RATE)).read()
    assert np.allclose(fitted.apply(recording).read(30 * RATE, 31 * RATE), whole[:, 30 * RATE : 31 * RATE])


def test_refuses_the_mixture_of_another_recording() -> None:
    own, _, x = scene()
    m = own.sum(axis=0, keepdims=True)
    with pytest.raises(InputError, match="needs the clean mixture"):
        remove(Recording.from_array(x, RATE), "optimisation")
    with pytest.raises(InputError, match="must be one channel, got 3"):
        run(x, own)
    with pytest.raises(InputError, match="2999 samples"):
        run(x, m[:, 1:])
    m[0, 5] = np.nan
    with pytest.raises(InputError, match="NaN or infinite"):
        run(x, m)


def test_settings_are_checked() -> None:
    with pytest.raises(InputError, match="lowest"):
        create("optimisation", lowest=0.6)
    with pytest.raises(InputError, match="iterations"):
        create("optimisation", iterations=0)
