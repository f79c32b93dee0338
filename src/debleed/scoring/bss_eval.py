"""BSS Eval version 4: decompose an estimate into its source, interference from other sources, and artefacts.

E. Vincent, R. Gribonval, C. Févotte: "Performance measurement in blind audio source separation", IEEE TASLP 14(4),
2006; F.-R. Stöter, A. Liutkus, N. Ito: "The 2018 Signal Separation Evaluation Campaign", LVA/ICA 2018, whose version 4
uses one set of filters for the whole recording. Least squares decomposes the estimate ŝ of source j:

    P_j ŝ  projection onto s_j delayed by 0 to 511 samples,            e_spat   = P_j ŝ − s_j
    P ŝ    projection onto all sources with these delays,              e_interf = P ŝ − P_j ŝ
    ŝ = s_j + e_spat + e_interf + e_artif,                             e_artif  = ŝ − P ŝ

    SDR = |s_j|² / |ŝ − s_j|²    ISR = |s_j|² / |e_spat|²    SIR = |P_j ŝ|² / |e_interf|²    SAR = |P ŝ|² / |e_artif|²

in every frame. The filters are applied to each frame alone, and their tail after it counts. The tests verify that the
results agree with museval. Correlations come from FFTs over blocks and the energies of a frame from its spectrum
(Parseval), so memory contains only one block and the system of equations, (512 · sources)².
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from debleed.decibels import decibels
from debleed.recording import InputError, Recording, Samples, matched
from debleed.scoring.scores import Floats

TAPS = 512
"""Length of the distortion filters, the standard value, at any rate."""


class Ratios(NamedTuple):
    """The ratios of every source in every frame in dB, each ``(sources, frames)``, NaN where a source is silent."""

    sdr: Floats
    isr: Floats
    sir: Floats
    sar: Floats


def frames(length: int, window: int, hop: int) -> list[tuple[int, int]]:
    """List start and stop of the whole frames; a recording shorter than the window is one frame.

    Raises
    ------
    InputError
        If the window or hop is less than one sample.
    """
    if window < 1 or hop < 1:
        raise InputError(f"window and hop must be at least 1 sample, got {window} and {hop}")
    count = (length - window) // hop + 1 if window < length else 1
    return [(k * hop, min(k * hop + window, length)) for k in range(count)]


def framewise_sdr(references: Samples | Recording, estimates: Samples | Recording, window: int, hop: int) -> Floats:
    """Return the SDR of each source alone in each frame: BSS Eval of one source, where filters have no effect.

    Parameters
    ----------
    references, estimates
        ``(sources, samples)`` or recordings.
    window, hop
        Length and step of the frames in samples.

    Returns
    -------
    dB, ``(sources, frames)``: NaN where the reference or estimate is silent, +inf without error.
    """
    r, e = matched(references, estimates)
    wanted, unwanted = [], []
    for start, stop in frames(r.length, window, hop):
        true, found = (z.read(start, stop).astype(np.float64) for z in (r, e))
        scored = true.any(axis=1) & found.any(axis=1)
        wanted.append(np.where(scored, energy(true), np.nan))
        unwanted.append(energy(true - found))
    return decibels(np.array(wanted), np.array(unwanted)).T


def bss_eval(
    references: Samples | Recording,
    estimates: Samples | Recording,
    window: int,
    hop: int,
    taps: int = TAPS,
) -> Ratios:
    """BSS Eval version 4 of all sources jointly, estimate j for reference j, each of one channel.

    Parameters
    ----------
    references, estimates
        ``(sources, samples)`` or recordings; read in blocks, the references three times, the estimates twice.
    window, hop
        Length and step of the frames in samples.
    taps
        Length of the distortion filters in samples.

    Returns
    -------
    dB, each ``(sources, frames)``. A frame in which any source or estimate is silent is NaN for all sources. If a
    source or its estimate is silent throughout, that source is NaN and does not affect the others.

    If the references are empty in some band, to more than 24 bits, they do not determine the filters there: for an
    estimate with energy in that band, rounding errors determine SIR and SAR (those of museval change with the level by
    tens of dB). The noise of 16 bits makes them exact; that of 24 bits, accurate to 0.01 dB.

    Raises
    ------
    InputError
        If the shapes differ.
    """
    from scipy.fft import next_fast_len, rfft

    r, e = matched(references, estimates)
    cut = frames(r.length, window, hop)
    out = np.full((4, len(r), len(cut)), np.nan)
    own, joint, there = filters(r, e, taps)
    size = next_fast_len(max(stop - start for start, stop in cut) + taps - 1, real=True)
    own, joint = rfft(own, size), rfft(joint, size)
    for t, (start, stop) in enumerate(cut):
        true, found = (z.read(start, stop).astype(np.float64) for z in (r, e))
        if not (true[there].any(axis=1) & found[there].any(axis=1)).all():
            continue
        s, estimate = rfft(true, size), rfft(found, size)
        for j in np.flatnonzero(there):
            alone, whole = own[j] * s[j], np.sum(joint[j] * s, axis=0)  # bit-identical for a single source: SIR +inf
            out[0, j, t] = decibels(energy(true[j]), energy(true[j] - found[j]))
            pairs = ((s[j], alone - s[j]), (alone, whole - alone), (whole, estimate[j] - whole))
            out[1:, j, t] = [decibels(spectral_energy(a, size), spectral_energy(b, size)) for a, b in pairs]
    return Ratios(*out)


def filters(r: Recording, e: Recording, taps: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Compute the least-squares distortion filters.

    Returns
    -------
    The filters of each estimate for its own source ``(sources, taps)``, those for all sources ``(estimates, sources,
    taps)``, and which sources are not silent in both, ``(sources,)``; the filters of silent sources are zero.
    """
    sources = len(r)
    c = np.zeros((sources, 2 * sources, block_size(taps) // 2 + 1), np.complex128)
    loud = np.zeros(sources)
    for x, y in lagged_spectra(r, (r, e), 0, taps - 1):
        turned = x.conj()
        for target, spectrum in enumerate(y):
            c[:, target] += turned * spectrum
        loud += [spectral_energy(spectrum, block_size(taps)) for spectrum in y[sources:]]
    lags = irfft_head(c, taps)  # [i, j, k] = Σ_t r_i(t − k) y_j(t), y the references and then the estimates
    level = np.sqrt(np.einsum("iik->ik", lags[:, :sources])[:, 0].clip(0))
    sounding = np.flatnonzero(level > 0)
    lags = lags[sounding] / level[sounding, None, None]
    own, joint = np.zeros((sources, taps)), np.zeros((sources, sources, taps))
    if len(sounding):
        within = lags[:, sounding] / level[sounding, None]
        toeplitz = np.concatenate([within.transpose(1, 0, 2)[..., :0:-1], within], axis=2)  # lags 1 − taps to taps − 1
        k = np.arange(taps)
        system = toeplitz[:, :, k[:, None] - k + taps - 1]  # (sources, sources, taps, taps)
        against = lags[:, sources:]  # (sources, estimates, taps)
        for at, j in enumerate(sounding):
            own[j] = solved(system[at, at], against[at, j, :, None])[:, 0] / level[j]
        count = len(sounding) * taps
        found = solved(
            system.transpose(0, 2, 1, 3).reshape(count, count), against.transpose(0, 2, 1).reshape(count, -1)
        )
        joint[:, sounding] = (found.reshape(len(sounding), taps, -1) / level[sounding, None, None]).transpose(2, 0, 1)
    return own, joint, (loud > 0) & (level > 0)


def solved(system: Floats, against: Floats) -> Floats:
    """Solve the normal equations of sources with unit energy, with diagonal loading of the size of the rounding error.

    The loading makes the equations solvable at any level for sources that are copies of each other or lack high
    frequencies.
    """
    loaded = system + np.finfo(np.float64).eps * np.eye(len(system))
    return np.asarray(np.linalg.solve(loaded, against))


def block_size(lags: int) -> int:
    """Return the FFT length for this many lags: small enough for the cache, large enough to be efficient."""
    return int(max(2**15, 2 ** np.ceil(np.log2(4 * lags))))


def lagged_spectra(
    x: Recording, ys: Sequence[Recording], least: int, most: int
) -> Iterator[tuple[NDArray[np.complex128], NDArray[np.complex128]]]:
    """Yield spectra X and Y block by block; the inverse FFT of Σ X* Y is Σ_t x(t − k) y(t) for k from least to most.

    X, ``(sources, bins)``, is the spectrum of x around the block; Y, ``(sources, bins)``, that of all recordings of ys
    in the block, concatenated. Index m of the inverse FFT is lag ``least + m``.
    """
    from scipy.fft import rfft

    span = most - least
    size = block_size(span + 1)
    step = size - span
    for start in range(0, x.length, step):
        stop = min(start + step, x.length)
        around = x.read(start - most, stop - least).astype(np.float64)
        here = np.zeros((sum(map(len, ys)), size))
        np.concatenate([y.read(start, stop) for y in ys], out=here[:, span : span + stop - start])
        yield rfft(around, size), rfft(here)


def irfft_head(spectra: NDArray[np.complex128], count: int) -> Floats:
    """Return the first samples of inverse FFTs, ``(..., bins)`` to ``(..., count)``."""
    from scipy.fft import irfft

    return np.stack([irfft(row)[..., :count] for row in spectra])


def energy(samples: Floats) -> Floats:
    """Return the sum of squares over the last axis."""
    return np.asarray(np.einsum("...t,...t->...", samples, samples))


def spectral_energy(spectrum: NDArray[np.complex128], size: int) -> Floats:
    """Return the energy of a signal times ``size``, from its real FFT of that size (Parseval)."""
    parts = spectrum.view(np.float64)
    edges = abs(spectrum[0]) ** 2 + (abs(spectrum[-1]) ** 2 if size % 2 == 0 else 0)
    return np.asarray(2 * (parts @ parts) - edges)
