import numpy as np
import pytest

from debleed.dsp.projection import projected, projected_row

BINS, MICS, FRAMES = 5, 3, 400


@pytest.fixture
def spectra():
    """Gaussian sources whose variance changes from frame to frame, mixed anew in every bin; and the variances."""
    rng = np.random.default_rng(0)
    variance = rng.uniform(0, 1, (MICS, FRAMES)) ** 4 + 1e-3
    sources = np.sqrt(variance / 2) * (
        rng.standard_normal((BINS, MICS, FRAMES)) + 1j * rng.standard_normal((BINS, MICS, FRAMES))
    )
    mixing = np.eye(MICS) + 0.4 * (
        rng.standard_normal((BINS, MICS, MICS)) + 1j * rng.standard_normal((BINS, MICS, MICS))
    )
    return mixing @ sources, variance, mixing


def covariances(x, variance):
    """U_i, the mean of x xᴴ / v_i: ``(bins, sources, mics, mics)``."""
    weighted = x[:, None] / variance[None, :, None]
    return weighted @ x.conj().swapaxes(-1, -2)[:, None] / x.shape[-1]


def likelihood(rows, covariance):
    """Log-likelihood in each bin: 2 log |det W| less the sum of w_iᴴ U_i w_i."""
    energy = np.einsum("fij,fijk,fik->f", rows, covariance, rows.conj()).real
    return 2 * np.log(np.abs(np.linalg.det(rows))) - energy


def test_every_row_raises_the_likelihood(spectra):
    x, variance, _ = spectra
    covariance = covariances(x, variance)
    rows = np.tile(np.eye(MICS, dtype=np.complex128), (BINS, 1, 1))
    before = likelihood(rows, covariance)
    for sweep in range(5):
        for i in range(MICS):
            rows[:, i] = projected_row(rows, covariance[:, i], i, np.zeros(MICS, bool))
            now = likelihood(rows, covariance)
            assert (now >= before - 1e-9).all(), (sweep, i)
            before = now


def test_no_other_row_is_better(spectra):
    x, variance, _ = spectra
    covariance = covariances(x, variance)
    rows = projected(covariance, ~np.eye(MICS, dtype=bool))
    rows[:, 1] = projected_row(rows, covariance[:, 1], 1, np.zeros(MICS, bool))
    best = likelihood(rows, covariance)
    rng = np.random.default_rng(1)
    for size in (1e-3, 1e-1, 1.0):
        other = rows.copy()
        other[:, 1] += size * (rng.standard_normal((BINS, MICS)) + 1j * rng.standard_normal((BINS, MICS)))
        assert (likelihood(other, covariance) <= best + 1e-12).all()


def test_a_row_has_unit_energy_and_is_orthogonal_to_the_others(spectra):
    """w_iᴴ U_i w_i = 1 and w_jᴴ U_i w_i = 0 for all other rows: the stationary point of the likelihood."""
    x, variance, _ = spectra
    covariance = covariances(x, variance)
    rows = np.tile(np.eye(MICS, dtype=np.complex128), (BINS, 1, 1))
    rows[:, 0] = projected_row(rows, covariance[:, 0], 0, np.zeros(MICS, bool))
    products = np.einsum("fij,fjk,fk->fi", rows, covariance[:, 0], rows[:, 0].conj())
    assert np.allclose(products[:, 0], 1)
    assert np.allclose(products[:, 1:], 0, atol=1e-10)


def test_sweeps_separate(spectra):
    x, variance, mixing = spectra
    covariance = covariances(x, variance)
    rows = np.tile(np.eye(MICS, dtype=np.complex128), (BINS, 1, 1))
    for _ in range(20):
        for i in range(MICS):
            rows[:, i] = projected_row(rows, covariance[:, i], i, np.zeros(MICS, bool))
    whole = rows @ mixing
    whole /= np.einsum("fii->fi", whole)[:, :, None]
    assert np.abs(whole - np.eye(MICS)).max() < 0.3
    assert np.median(np.abs(whole - np.eye(MICS))[:, ~np.eye(MICS, dtype=bool)]) < 0.1


def test_pairs_that_are_not_separated_stay_zero(spectra):
    x, variance, _ = spectra
    allowed = ~np.eye(MICS, dtype=bool)
    allowed[0, 1] = allowed[1, 0] = False  # two microphones of one source
    rows = projected(covariances(x, variance), allowed)
    assert (rows[:, 0, 1] == 0).all()
    assert (rows[:, 1, 0] == 0).all()
    assert (np.abs(rows[:, 0, 2]) > 0).all()


def test_a_microphone_without_a_source_changes_nobody_else(spectra):
    x, variance, _ = spectra
    last = np.arange(MICS) == MICS - 1
    allowed = ~np.eye(MICS, dtype=bool) & ~last  # it hears everybody, and nobody hears it
    covariance = covariances(x, variance)
    rows = projected(covariance, allowed)
    alone = projected(covariance[:, :-1, :-1, :-1], allowed[:-1, :-1])
    assert np.allclose(rows[:, :-1, :-1], alone)
    assert (rows[:, :-1, -1] == 0).all()


def test_the_scale_of_the_microphones_does_not_matter(spectra):
    x, variance, _ = spectra
    allowed = ~np.eye(MICS, dtype=bool)
    loud = projected(covariances(1000 * x, variance), allowed)
    assert np.allclose(loud, projected(covariances(x, variance), allowed))


def test_the_order_matters_to_the_second_order():
    """Half of the bleed leaves a quarter of the difference between two orders; of one sweep, half."""
    rng = np.random.default_rng(2)
    level = rng.uniform(0.5, 2, (BINS, MICS, MICS))[..., None] * np.eye(MICS)
    shared = rng.standard_normal((2, BINS, MICS, MICS, MICS)).transpose(1, 2, 3, 4, 0) @ [1, 1j]
    shared = (shared + shared.conj().swapaxes(-1, -2)) * ~np.eye(MICS, dtype=bool)
    order, allowed = np.array([1, 2, 0]), ~np.eye(MICS, dtype=bool)
    differences = []
    for size in (2e-3, 1e-3):
        covariance = level + size * shared
        again = projected(covariance[:, order][:, :, order][..., order], allowed)
        differences.append(np.abs(again - projected(covariance, allowed)[:, order][..., order]).max())
    assert 3.5 < differences[0] / differences[1] < 4.5
