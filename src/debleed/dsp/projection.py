"""Iterative projection: update the rows of a demixing matrix one by one, each to its optimum given the others.

Model the sources as Gaussians whose variance v_i changes over time and frequency. The likelihood of the demixing matrix
W then depends on row i only through the weighted covariance U_i = mean over t of x xᴴ / v_i. For fixed other rows it is
greatest at

    w_i ← (W U_i)⁻¹ e_i,    w_i ← w_i / √(w_iᴴ U_i w_i)

(N. Ono, "Stable and fast update rules for independent vector analysis based on auxiliary function technique", WASPAA
2011, equations 19 and 20). Row i of W is w_iᴴ.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrices = NDArray[np.complex128]
"""One matrix per bin, ``(bins, mics, mics)``."""


def projected_row(rows: Matrices, covariance: Matrices, i: int, blocked: NDArray[np.bool_]) -> NDArray[np.complex128]:
    """Update one row.

    Entries that stay zero take no part: the others are the optimum under this constraint.

    Parameters
    ----------
    rows
        W, ``(bins, mics, mics)``.
    covariance
        U_i, ``(bins, mics, mics)``, regular.
    i
        Index of the row.
    blocked
        ``(mics,)``: mask of the entries of the row that stay zero.

    Returns
    -------
    w_iᴴ, ``(bins, mics)``, with w_iᴴ U_i w_i = 1.
    """
    bins, mics = covariance.shape[:2]
    target = np.zeros((bins, mics, 1))
    target[:, i] = 1
    if blocked.any():
        covariance = np.where(blocked | blocked[:, None], np.diag(blocked).astype(covariance.dtype), covariance)
    row = np.linalg.solve(rows @ covariance, target)[:, :, 0]
    row[:, blocked] = 0
    scale = np.einsum("fi,fij,fj->f", row.conj(), covariance, row).real
    scaled: NDArray[np.complex128] = (row.conj() / np.sqrt(np.maximum(scale, np.finfo(float).tiny))[:, None]).astype(
        np.complex128
    )
    return scaled


def projected(covariance: Matrices, allowed: NDArray[np.bool_]) -> Matrices:
    """Return the mean of two sweeps over all rows, one in their order and one in the reverse, both from the identity.

    What two sources share goes to the row that comes first in a sweep. In the mean no row of a pair comes first, so the
    order of the microphones matters to the second order of the corrections only.

    Parameters
    ----------
    covariance
        U_i for every source i, ``(bins, sources, mics, mics)``.
    allowed
        ``(mics, mics)``: pairs to separate. Microphones of the same source are not separated from each other.

    Returns
    -------
    W with a unit diagonal, ``(bins, mics, mics)``.
    """
    order = range(covariance.shape[1])
    mean: Matrices = 0.5 * (swept(covariance, allowed, order) + swept(covariance, allowed, order[::-1]))
    return mean


def swept(covariance: Matrices, allowed: NDArray[np.bool_], order: range) -> Matrices:
    """Run one sweep from the identity, with the rows in this order; see :func:`projected`."""
    bins, mics = covariance.shape[:2]
    rows = np.tile(np.eye(mics, dtype=np.complex128), (bins, 1, 1))
    for i in order:
        rows[:, i] = projected_row(rows, covariance[:, i], i, ~allowed[i] & (np.arange(mics) != i))
    unit: Matrices = rows / np.einsum("fii->fi", rows)[:, :, None]
    return unit
