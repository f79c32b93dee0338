"""The bleed that is still in the current source estimates, bin by bin: one sweep of iterative projection.

Model the sources as time-varying Gaussians with the variances v_j(f, t). The estimates y of a round are a mixture of
the true sources in which little bleed is left. Weighted covariances and one sweep (:mod:`debleed.dsp.projection`),
started from y as it is, give the RTFs of that bleed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from debleed.dsp.parallel import chunks, in_parallel
from debleed.dsp.projection import projected
from debleed.dsp.rtf import Response, unit_diagonal
from debleed.methods.demix.background import audible_share, background, smoothed_powers, with_source
from debleed.methods.demix.excerpt import Bins, Powers, power
from debleed.methods.demix.safeguards import FAINT

SMOOTHING_HZ = 21.5
"""Bandwidth in Hz over which variances are smoothed with long windows; with short windows they are smoothed over three
frames instead."""

QUIET_EXPONENT = 0.35
"""Exponent that gives more weight to frames in which a source is quiet relative to the others. 0 is maximum likelihood,
which fails for sources that depend on each other (a doubled melody): only the frames in which one of them pauses
separate them."""


def variance_floor(microphones: Bins, least: float) -> Powers:
    """Return the least variance of each source: a share of its microphone's power, smoothed over nine frames."""
    smooth: Powers = uniform_filter1d(power(microphones), 9, axis=-1)
    floor: Powers = least * smooth + FAINT * smooth.mean(axis=(0, 2), keepdims=True)
    return floor


def residual_bleed(
    sources: Bins,
    floor: Powers,
    heard: Powers,
    nfft: int,
    rate: int,
    allowed: NDArray[np.bool_],
    noisy: bool = False,
) -> tuple[Response, NDArray[np.float32], Response, NDArray[np.float32]]:
    """Estimate the residual bleed in the current source estimates, bin by bin.

    Parameters
    ----------
    sources
        y, ``(bins, mics, frames)``.
    floor
        Least variances, of the same shape.
    heard
        Mean power of each microphone, ``(bins, mics)``.
    nfft, rate
        Length of the STFT window; sampling rate in Hz.
    allowed
        ``(mics, mics)``: where bleed is possible.
    noisy
        Whether sources have to stand out from a :func:`background`.

    Returns
    -------
    residual
        ``(bins, mics, mics)``: the RTF from source j into source i that is still to be removed.
    reliability
        Of the same shape: power of source j over the variance of source i, scaled by how much of microphone j is source
        j.
    cross
        Cross-spectra of the sources, ``(bins, mics, mics)``.
    together
        Of the same shape: sums over the frames of the products of two sources' powers.
    """
    bins, mics, frames = sources.shape
    residual = np.zeros((bins, mics, mics), np.complex64)
    reliability = np.zeros((bins, mics, mics), np.float32)
    cross = np.zeros((bins, mics, mics), np.complex64)
    together = np.zeros((bins, mics, mics), np.float32)
    width = max(1, round(SMOOTHING_HZ * nfft / rate))
    sounding = np.any(allowed, axis=0)
    microphones = with_source(allowed)

    quietest = background(sources, microphones, width)[0] if noisy else None

    def work(part: slice) -> None:
        variance, here, share = smoothed_powers(sources, part, width), sources[part], None
        if quietest is not None:
            share = np.where(microphones[:, None], audible_share(variance, quietest[part, None, None]), np.float32(1))
        variance = variance + floor[part]
        relative = variance / variance.mean(axis=-1, keepdims=True)
        weights = (relative[:, sounding].sum(axis=1, keepdims=True) / relative) ** QUIET_EXPONENT / variance
        covariance, heard_power = weighted_covariances(here, weights, share)
        cross[part] = here @ here.conj().swapaxes(1, 2)
        loudness = power(here)
        together[part] = loudness @ loudness.swapaxes(1, 2)
        rtfs = relative_transfer_functions(projected(covariance, allowed))
        residual[part] = np.where(allowed, rtfs, 0) / np.maximum(np.abs(rtfs), 1)
        purity = np.clip(loudness.mean(axis=-1) / np.maximum(heard[part], np.finfo(np.float32).tiny), 1e-3, 1)
        reliability[part] = np.minimum(heard_power, 1e3) * purity[:, None, :]

    in_parallel(work, chunks(bins, mics * frames))
    return residual, reliability, cross, together


def weighted_covariances(
    sources: Bins, weights: Powers, share: Powers | None
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Return U_i = mean over t of w_i y yᴴ, scaled to U_i[i, i] = 1, for every i.

    The products of y_i with the other sources are those of the moments in which these stand out from the background:
    U_i[i, j] / U_i[j, j] is the mean of w_i m_j y_i y_j* over that of w_i m_j |y_j|², with m the ``share``.

    Returns
    -------
    covariance
        ``(bins, sources, mics, mics)``.
    power
        ``[bin, i, j]``: w_i m_j |y_j|² in the same scale.
    """
    conjugate = sources.conj().swapaxes(1, 2)
    standing_out = None if share is None else share * sources
    mics = sources.shape[1]
    covariance = np.empty((len(sources), mics, mics, mics), np.complex128)
    audible = np.empty((len(sources), mics, mics))
    for i in range(mics):
        weighted = sources * weights[:, i : i + 1]
        covariance[:, i] = weighted @ conjugate
        own, diagonal = covariance[:, i, i, i].real.copy(), np.einsum("fjj->fj", covariance[:, i]).real
        audible[:, i] = diagonal
        if standing_out is not None:
            audible[:, i] = np.einsum("fjt,fjt->fj", weighted, standing_out.conj()).real
            ratio = np.divide(diagonal, audible[:, i], out=np.zeros_like(diagonal), where=audible[:, i] > 0)
            cross = ratio * np.einsum("ft,fjt->fj", weighted[:, i], standing_out.conj())
            cross[:, i] = own
            covariance[:, i, i], covariance[:, i, :, i] = cross, cross.conj()
        scale = np.where(own > 0, own, 1)
        covariance[:, i] /= scale[:, None, None]
        audible[:, i] /= scale[:, None]
        # relative diagonal loading: without it, bins in which two sources are identical have no inverse
        covariance[:, i] += 1e-7 * np.trace(covariance[:, i], axis1=1, axis2=2).real[:, None, None] * np.eye(mics)
        covariance[:, i] += np.where(own > 0, 0, 1)[:, None, None] * np.eye(mics)
    return covariance, audible


def relative_transfer_functions(rows: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Return the off-diagonal part of the unit-diagonal mixing matrix that the filters ``rows`` invert."""
    mixing = unit_diagonal(np.linalg.inv(rows)) - np.eye(rows.shape[-1])
    return mixing.astype(np.complex128)
