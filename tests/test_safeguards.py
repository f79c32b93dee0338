from __future__ import annotations

import numpy as np

from bands import RATE, sources
from debleed.methods.demix.excerpt import spectra
from debleed.methods.demix.safeguards import estimate_trust, scaled_by_effect


def test_an_rtf_that_subtracts_too_much_is_scaled_down_and_a_correct_one_is_not() -> None:
    rng = np.random.default_rng(0)
    y = rng.standard_normal((129, 2, 400)) + 1j * rng.standard_normal((129, 2, 400))
    mixing = np.tile(np.eye(2, dtype=np.complex64), (513, 1, 1))
    mixing[:, 0, 1] = 0.3
    right = scaled_by_effect(mixing, (y @ y.conj().swapaxes(1, 2)).astype(np.complex64), RATE)
    assert np.allclose(right, mixing)
    y[:, 0] -= 0.3 * y[:, 1]  # there was no bleed, the path put it there
    wrong = scaled_by_effect(mixing, (y @ y.conj().swapaxes(1, 2)).astype(np.complex64), RATE)
    assert np.abs(wrong[:, 0, 1]).max() < 0.1
    assert np.allclose(wrong[:, 1, 0], 0)


def test_a_microphone_that_becomes_louder_stays_unchanged() -> None:
    own = sources(2).astype(np.float32)
    before = spectra(own, 512)
    after = before.copy()
    after[:, 0] -= 0.5 * before[:, 1]
    trust = estimate_trust(before, after, RATE)
    assert not trust[0].any()


def test_a_microphone_that_loses_more_than_is_subtracted_stays_unchanged() -> None:
    before = spectra(sources(2).astype(np.float32), 512)
    before[:, 0] += 0.5 * before[:, 1]  # one sound on two tracks
    after = before.copy()
    after[:, 0] -= 0.1 * before[:, 1]
    assert not estimate_trust(before, after, RATE)[0].any()
    after[:, 0] = before[:, 0] - 0.5 * before[:, 1]
    assert estimate_trust(before, after, RATE)[0].all()
