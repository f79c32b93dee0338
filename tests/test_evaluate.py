import math

import numpy as np
import pytest

from debleed import Recording
from debleed.recording import InputError
from debleed.scoring.bss_eval import bss_eval
from debleed.scoring.evaluate import (
    AGAINST_IMAGE,
    bleed_matrix_db,
    challenge_sdr,
    fitted_sdr,
    harm,
    left_in_silence,
    score,
    sdr,
    si_sdr,
    waspaa2023_sdr,
)
from debleed.scoring.scores import MEASURES, median

RATE = 16000


def noise(mics: int, length: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((mics, length))


# ------------------------------------------------------------------------------------------------ against the truth


def test_half_the_gain_is_6_db() -> None:
    r = noise(2, 1000)
    assert sdr(r, 0.5 * r) == pytest.approx([6.0206, 6.0206], abs=1e-4)


def test_a_sample_of_delay_on_white_noise_is_minus_3_db() -> None:
    r = noise(1, 200_000)
    assert sdr(r, np.roll(r, 1, axis=1)) == pytest.approx([-3.01], abs=0.05)


def test_sdr_follows_no_level_and_no_order() -> None:
    r, e = noise(3, 5000), noise(3, 5000, seed=1)
    e = r + 0.1 * e
    assert sdr(1e-6 * r, 1e-6 * e) == pytest.approx(sdr(r, e))
    assert sdr(-r[::-1], -e[::-1]) == pytest.approx(sdr(r, e)[::-1])


def test_sdr_of_what_is_no_number() -> None:
    r = noise(4, 100)
    e = r.copy()
    r[1] = e[2] = 0
    r[3] = e[3] = 0
    found = sdr(r, e)
    assert found[0] == math.inf
    assert math.isnan(found[1])
    assert found[2] == pytest.approx(0)  # muted
    assert math.isnan(found[3])


def test_sdr_of_recordings_is_that_of_their_samples() -> None:
    r = noise(2, 3000)
    e = r + 0.3 * noise(2, 3000, seed=2)
    found = sdr(Recording.from_array(r, RATE), Recording.from_array(e, RATE))
    assert np.array_equal(found, sdr(r, e))


def test_sdr_refuses_other_shapes() -> None:
    with pytest.raises(InputError, match="differ"):
        sdr(noise(2, 10), noise(2, 11))


def test_score_refuses_recordings_that_do_not_belong_together() -> None:
    a = Recording.from_array(noise(2, 100), RATE)
    for other in (
        Recording.from_array(noise(2, 100), RATE, names=["x", "y"]),
        Recording.from_array(noise(2, 100), 8000),
        Recording.from_array(noise(2, 99), RATE),
    ):
        with pytest.raises(InputError, match="reference"):
            score(a, other)


def recording(samples: np.ndarray, rate: int = RATE) -> Recording:
    return Recording.from_array(samples, rate)


def test_si_sdr_follows_no_scale_of_either() -> None:
    r, n = noise(2, 5000), noise(2, 5000, seed=1)
    e = r + 0.1 * n
    assert si_sdr(r, -1e-5 * e) == pytest.approx(si_sdr(r, e))
    assert si_sdr(1e3 * r, e) == pytest.approx(si_sdr(r, e))
    assert si_sdr(r, 0.25 * r) == pytest.approx([math.inf, math.inf])
    assert sdr(r, 0.25 * r) == pytest.approx([2.4988, 2.4988], abs=1e-4)


def test_si_sdr_of_orthogonal_noise_is_the_ratio_of_energies() -> None:
    r, n = noise(2, 4000)
    n -= (n @ r) / (r @ r) * r
    found = si_sdr(r[None], (0.7 * r + 0.1 * n)[None])
    assert found == pytest.approx([10 * np.log10(49 * (r @ r) / (n @ n))])
    assert np.isnan(si_sdr(np.stack([r, 0 * r]), np.stack([0 * r, r]))).all()


def test_si_sdr_is_that_of_fast_bss_eval() -> None:
    theirs = pytest.importorskip("fast_bss_eval.numpy")  # its own dispatch wants torch
    r = noise(3, 20_000)
    e = 0.3 * r + 0.1 * noise(3, 20_000, seed=1) + 0.01
    assert si_sdr(r, e) == pytest.approx(theirs.si_sdr(r, e), abs=1e-9)


def test_the_challenges_sdr_is_sdr_with_an_epsilon() -> None:
    r = noise(1, 5000)
    e = r + 0.1 * noise(1, 5000, seed=1)
    assert challenge_sdr(r, e) == pytest.approx(sdr(r, e), abs=1e-6)
    assert challenge_sdr(r, r) == pytest.approx([10 * np.log10((np.sum(r**2) + 1e-7) / 1e-7)])
    assert challenge_sdr(0 * r, 0 * r) == pytest.approx([0])


def test_the_waspaa2023_sdr_is_a_mean_over_seconds_that_sound() -> None:
    r = noise(1, 4 * RATE + 100)
    r[:, RATE : 2 * RATE] = 0
    e = r.copy()
    for second, gain in ((0, 0.5), (2, 0.9), (3, 0.5)):
        e[:, second * RATE : (second + 1) * RATE] *= gain
    e[:, RATE : 2 * RATE] = 1  # what stands in silence is not punished
    e[:, 4 * RATE :] = 7  # nor what stands behind the last second
    expected = np.mean([20 * np.log10(1 / 0.5), 20 * np.log10(1 / 0.1), 20 * np.log10(1 / 0.5)])
    assert waspaa2023_sdr(recording(r), recording(e)) == pytest.approx([expected])
    assert waspaa2023_sdr(recording(r), recording(r)) == pytest.approx([math.inf])
    assert np.isnan(waspaa2023_sdr(recording(0 * r), recording(e))).all()


def test_what_is_left_in_silence() -> None:
    r = noise(3, 4 * RATE)
    r[0, : 2 * RATE] = 1e-4 * r[0, : 2 * RATE]  # 80 dB below
    r[2] = 0
    m = r + 0.1 * noise(3, 4 * RATE, seed=1)
    e = r + 0.1 * (m - r)
    found = left_in_silence(recording(r), recording(e), recording(m))
    assert found == pytest.approx([-20, np.nan, -20], abs=0.05, nan_ok=True)
    again = left_in_silence(*(recording(1e-6 * x) for x in (r, e, m)))
    assert again == pytest.approx(found, nan_ok=True)
    assert left_in_silence(recording(r), recording(r * (r > 1)), recording(m))[0] == -math.inf


@pytest.mark.parametrize("delay", [0, 1, -1, 700, -700])
@pytest.mark.parametrize("gain", [0.2, -3.0])
def test_the_best_gain_and_delay_are_found(delay: int, gain: float) -> None:
    d = noise(2, 3 * 2**15)
    d[:, :1000] = d[:, -1000:] = 0  # so that nothing is pushed over an edge
    e = gain * np.stack([np.roll(d[0], delay), d[1]])
    n = noise(2, 3 * 2**15, seed=1) * (d != 0)
    n -= np.einsum("it,it->i", n, e)[:, None] / np.einsum("it,it->i", e, e)[:, None] * e
    assert fitted_sdr(recording(d), recording(e)).min() > 200
    expected = 10 * np.log10(1 + np.sum(e**2, axis=1) / np.sum((0.1 * n) ** 2, axis=1))
    assert fitted_sdr(recording(d), recording(e + 0.1 * n)) == pytest.approx(expected, abs=1e-6)


def test_no_fit_is_worse_than_silence() -> None:
    d = noise(2, 5000)
    assert np.all(fitted_sdr(recording(d), recording(noise(2, 5000, seed=1))) >= 0)
    assert fitted_sdr(recording(d), recording(0 * d)) == pytest.approx([0, 0])
    assert np.isnan(fitted_sdr(recording(0 * d), recording(d))).all()


def test_harm_is_what_changed() -> None:
    m = noise(2, 5000)
    scores = harm(recording(m), recording(m * [[1], [0.9]]))
    assert scores["harm"] == pytest.approx((math.inf, 20))
    assert scores.measures == ("harm",)


def test_everything_at_once_is_what_each_gives() -> None:
    own = noise(3, 3 * RATE)
    own[0, :RATE] = 0
    mics = own + 0.3 * (own.sum(axis=0) - own)
    clean = own + 0.1 * (mics - own)
    r, m, e = (recording(x) for x in (own, mics, clean))
    dry = recording(np.roll(own, -5, axis=1))
    scores = score(r, e, m, dry, AGAINST_IMAGE)
    assert scores.measures == tuple(key for key in MEASURES if key != "harm")
    assert scores["sdri"] == pytest.approx((20, 20, 20))
    assert scores["silence"] == pytest.approx((-20, np.nan, np.nan), nan_ok=True)
    assert scores["sdr"] == tuple(sdr(r, e))
    assert scores["input_waspaa2023_sdr"] == tuple(waspaa2023_sdr(r, m))
    assert scores["sir"] == tuple(median(row) for row in bss_eval(r, e, RATE, RATE).sir)
    assert min(scores["dry_fitted"]) > 13 > 0 > max(scores["dry_waspaa2023"])
    assert score(r, e).measures == ("sdr",)
    assert score(r, e, measures=("sir",)).measures == ("sir",)


def test_measures_that_cannot_be_had_are_refused() -> None:
    r = recording(noise(2, 100))
    with pytest.raises(InputError, match="unknown measures: pesq"):
        score(r, r, measures=("sdr", "pesq"))
    with pytest.raises(InputError, match="microphones"):
        score(r, r, measures=("silence",))


def taking_turns(levels: np.ndarray, length: int = 8 * RATE) -> np.ndarray:
    """Images ``(mics, sources, samples)`` of noises that overlap a little in time."""
    sources = len(levels)
    t = np.arange(length) / length * sources
    loud = np.array([(np.abs((t - j - 0.5 + sources / 2) % sources - sources / 2) < 0.52) for j in range(sources)])
    return levels[:, :, None] * (loud * noise(sources, length))


def test_bleed_matrix_of_images() -> None:
    images = taking_turns(np.array([[1.0, 0.1], [0.5, 1.0]]))
    assert bleed_matrix_db(images) == pytest.approx(np.array([[0, -20], [-6.02, 0]]), abs=0.01)


# ------------------------------------------------------------------------------------------------ the command
