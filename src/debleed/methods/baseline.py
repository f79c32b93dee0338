"""Reference methods for tables: the unprocessed recording, and oracles, which use the true sources."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from debleed.dsp.stft import Spectra, filtered, nfft_at
from debleed.methods import Arrays, Side
from debleed.progress import Progress, quiet
from debleed.recording import BLOCK_SECONDS, InputError, Recording, Samples

NO_SIDE = Side()

SOLVED = 1e-14
"""A target is solved when its squared residual has fallen to this share of the initial one: −140 dB, below which only
rounding errors are left."""


def truth_of(recording: Recording, side: Side) -> Recording:
    """Return the truth with its microphones in the order of the recording.

    Raises
    ------
    InputError
        If there is no truth, or it does not match the recording.
    """
    truth = side.of(recording).truth
    if truth is None:
        raise InputError("this method is an oracle: it needs the truth, the clean image of each microphone's source")
    return truth


# --------------------------------------------------------------------------------------------------- unprocessed


@dataclass(frozen=True)
class Unprocessed:
    """The microphones unchanged; nothing is learnt, so the method is also its own result."""

    needs: ClassVar[frozenset[str]] = frozenset()
    source_count: ClassVar[int | None] = None

    def learn(self, recording: Recording, side: Side = NO_SIDE, progress: Progress = quiet) -> Unprocessed:
        """Learn nothing."""
        return self

    def apply(self, recording: Recording) -> Recording:
        """Return the recording itself."""
        return recording

    def keeping(self, kept: NDArray[np.bool_]) -> Unprocessed:
        """Keep all bleed, which this method does anyway."""
        return self

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return no arrays."""
        return {}

    def restore(self, arrays: Arrays, mics: int) -> Unprocessed:
        """Return the method itself."""
        return self


# --------------------------------------------------------------------------------------------------- oracle mask


def wiener_gain(clean: Spectra, bleed: Spectra) -> NDArray[np.floating]:
    """Return the gain of the ideal single-channel Wiener filter, G = |C|² / (|C|² + |B|²); 0 if both are silent.

    Parameters
    ----------
    clean, bleed
        Spectra of the source and of everything else in its microphone, of the same shape.

    Returns
    -------
    Gains from 0 to 1 of that shape.
    """
    # normalise magnitudes before squaring: the squares of a quiet float32 recording would underflow
    c, b = np.abs(clean), np.abs(bleed)
    loudest = np.maximum(c, b)
    loudest[loudest == 0] = 1
    c, b = (c / loudest) ** 2, (b / loudest) ** 2
    total = c + b
    total[total == 0] = 1
    gain: NDArray[np.floating] = c / total
    return gain


@dataclass(frozen=True)
class LearnedWiener:
    """Oracle mask; it applies to the recording that the truth belongs to."""

    truth: Recording
    nfft: int

    def apply(self, recording: Recording) -> Recording:
        """Multiply each time-frequency point of each microphone by the share of its own source."""

        def masked(x: Spectra, c: Spectra) -> Spectra:
            return wiener_gain(c, x - c) * x

        def read(start: int, stop: int) -> Samples:
            return filtered(masked, (recording, self.truth), start, stop, self.nfft, self.nfft // 4)

        return recording.with_reader(read)


@dataclass(frozen=True)
class OracleWiener:
    """The ideal single-channel Wiener filter: an upper bound for masks on individual microphones.

    The gain of every microphone is G(f,t) = |C|² / (|C|² + |X − C|²), where X is the spectrum of the microphone and C
    the true spectrum of its own source, with an overlap of 75 %. The window length is fixed in seconds: a mask uses
    neither phases nor neighbouring frames, so its bound depends on the window only.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"truth"})
    source_count: ClassVar[int | None] = None

    nfft: int = field(
        default=4096, metadata={"help": "window length in samples at 44.1 kHz; the same duration at other rates"}
    )

    def learn(self, recording: Recording, side: Side = NO_SIDE, progress: Progress = quiet) -> LearnedWiener:
        """Store the truth.

        Raises
        ------
        InputError
            Without the truth of this recording.
        """
        return LearnedWiener(truth_of(recording, side), nfft_at(recording.rate, self.nfft))


# ------------------------------------------------------------------------------------------------- oracle filter


def correlations(a: Samples, b: Samples, first: int, lags: int) -> NDArray[np.float64]:
    """Correlate a block of ``a`` with ``b`` around it: r_ij(l) = Σ_t a_i(t) b_j(t − first − l), l = 0 ... lags − 1.

    Parameters
    ----------
    a
        ``(p, samples)``.
    b
        ``(q, samples + lags - 1)``; begins ``first + lags - 1`` samples before ``a``.
    first
        The first lag in samples; it only defines where ``b`` begins.
    lags
        Number of lags.

    Returns
    -------
    ``(p, q, lags)``; the sum over blocks of ``a`` equals the correlation of the whole.
    """
    size = scipy.fft.next_fast_len(b.shape[1], real=True)
    fa, fb = (scipy.fft.rfft(z.astype(np.float64), size) for z in (a, b))
    out = np.empty((len(a), len(b), lags))
    for i, row in enumerate(fa):  # row by row: the products of all pairs would need much memory
        out[i] = scipy.fft.irfft(row.conj() * fb, size)[:, lags - 1 :: -1]
    return out


def toeplitz_solve(
    auto: NDArray[np.float64], cross: NDArray[np.float64], iterations: int, loading: float = 1e-9
) -> NDArray[np.float64]:
    """Solve the normal equations of multichannel FIR filters, Σ_j Σ_m r_jk(l − m) w_ij(m) = p_ik(l), iteratively.

    The solver is conjugate gradients. The matrix is block Toeplitz and is applied through the FFT. The preconditioner
    is the inverse of its circulant approximation, one matrix over microphones per frequency. Directions without energy
    (above a low-pass, between two equal microphones) converge last or never, so the filters stay small there.

    Parameters
    ----------
    auto
        Correlations of the inputs r_jk(l) for lags −(taps − 1) ... taps − 1, ``(inputs, inputs, 2 taps - 1)``, all of
        unit power (or silent).
    cross
        Correlations of targets and inputs p_ik(l), ``(targets, inputs, taps)``.
    iterations
        Most iterations.
    loading
        Power added to each frequency of the preconditioner, relative to the mean of the inputs. It changes the order in
        which directions converge, but not the solution.

    Returns
    -------
    Filters ``(targets, inputs, taps)``.
    """
    taps = cross.shape[2]
    size = scipy.fft.next_fast_len(2 * taps - 1, real=True)

    def spectrum(lags: NDArray[np.float64]) -> NDArray[np.complex128]:
        """Return matrices (bins, inputs, inputs) of correlations whose lag 0 is in the middle."""
        padded = np.concatenate([lags, np.zeros((*lags.shape[:2], size - 2 * taps + 1))], axis=2)
        transformed: NDArray[np.complex128] = scipy.fft.rfft(np.roll(padded, 1 - taps, axis=2))
        return np.ascontiguousarray(transformed.transpose(2, 0, 1))

    def convolved(w: NDArray[np.float64], matrices: NDArray[np.complex128]) -> NDArray[np.float64]:
        spectra = scipy.fft.rfft(w, size).transpose(2, 0, 1) @ matrices
        back: NDArray[np.float64] = scipy.fft.irfft(spectra.transpose(1, 2, 0), size)[:, :, :taps]
        return back

    system = spectrum(auto)
    taper = 1 - np.abs(np.arange(1 - taps, taps)) / taps  # a triangular window keeps the matrices positive semidefinite
    circulant = spectrum(auto * taper)
    power = np.einsum("jj->j", auto[:, :, taps - 1]) * loading
    inverse = np.linalg.inv(circulant + np.diag(np.where(power > 0, power, 1)))

    def inner(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
        products: NDArray[np.float64] = np.einsum("ikl,ikl->i", a, b)
        return products[:, None, None]

    def ratio(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.divide(a, b, out=np.zeros_like(a), where=b > 0)

    w = np.zeros_like(cross)
    residual = cross.copy()
    direction = solved = convolved(residual, inverse)
    gain = inner(residual, solved)
    converged = SOLVED * gain
    for _ in range(iterations):
        image = convolved(direction, system)
        step = ratio(gain, inner(direction, image)) * (gain > converged)
        w += step * direction
        residual -= step * image
        solved = convolved(residual, inverse)
        gain, before = inner(residual, solved), gain
        direction = solved + ratio(gain, before) * direction
    return w


def convolve(
    recording: Recording, filters: NDArray[np.float64], before: int, start: int, stop: int
) -> NDArray[np.float64]:
    """Filter part of a recording: y_i(t) = Σ_j Σ_l w_ij(l) x_j(t + before − l), with silence outside.

    Parameters
    ----------
    recording
        The inputs.
    filters
        ``(outputs, inputs, taps)``.
    before
        Look-ahead of the filters in samples.
    start, stop
        The part in samples.

    Returns
    -------
    ``(outputs, stop - start)``.
    """
    taps = filters.shape[2]
    x = recording.read(start + before - taps + 1, stop + before)
    size = scipy.fft.next_fast_len(x.shape[1], real=True)
    spectra = scipy.fft.rfft(x.astype(np.float64), size)
    y = np.empty((len(filters), stop - start))
    for i, row in enumerate(filters):
        product = np.einsum("jf,jf->f", scipy.fft.rfft(row, size), spectra)
        y[i] = scipy.fft.irfft(product, size)[taps - 1 : taps - 1 + stop - start]
    return y


@dataclass(frozen=True)
class LearnedLinear:
    """Filters ``(mics, mics, taps)`` with a look-ahead of ``before`` samples."""

    filters: NDArray[np.float64]
    before: int

    def apply(self, recording: Recording) -> Recording:
        """Filter a recording of the same microphones, block by block."""

        def read(start: int, stop: int) -> Samples:
            out = np.empty((len(recording), stop - start), recording.read(start, start).dtype)
            step = max(1, round(BLOCK_SECONDS * recording.rate))  # bounds the memory
            for a in range(start, stop, step):
                b = min(a + step, stop)
                out[:, a - start : b - start] = convolve(recording, self.filters, self.before, a, b)
            return out

        return recording.with_reader(read)


@dataclass(frozen=True)
class OracleLinear:
    """The best time-invariant filters over all microphones: an upper bound for methods without a time-varying gain.

    For each microphone i, the FIR filters w_ij minimise Σ_t |c_i(t) − Σ_j (w_ij * x_j)(t)|² over the whole recording,
    where c_i is the true image of its source. This is exact least squares in the time domain, from correlations summed
    over blocks, solved by conjugate gradients (:func:`toeplitz_solve`). The filters are fitted and evaluated on the
    same sound, so on short recordings the bound is slightly too high.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"truth"})
    source_count: ClassVar[int | None] = None

    seconds: float = field(default=1.0, metadata={"help": "length of the filters in seconds"})
    ahead: float = field(default=0.2, metadata={"help": "look-ahead as a share of the filter length, 0 to 1"})
    iterations: int = field(default=150, metadata={"help": "iterations of the solver"})

    def learn(self, recording: Recording, side: Side = NO_SIDE, progress: Progress = quiet) -> LearnedLinear:
        """Sum the correlations over blocks and solve for the filters.

        Raises
        ------
        InputError
            Without the truth of this recording.
        """
        truth = truth_of(recording, side)
        taps = max(1, round(self.seconds * recording.rate))
        before = min(taps - 1, round(self.ahead * taps))
        mics = len(recording)
        auto, cross = np.zeros((mics, mics, 2 * taps - 1)), np.zeros((mics, mics, taps))
        for start, stop in recording.blocks():
            x = recording.read(start, stop)
            around = recording.read(start - taps + 1, stop + taps - 1)
            auto += correlations(x, around, 1 - taps, 2 * taps - 1)
            ahead = recording.read(start + before - taps + 1, stop + before)
            cross += correlations(truth.read(start, stop), ahead, -before, taps)
            progress("statistics", stop / max(1, recording.length))
        level = np.sqrt(np.einsum("jj->j", auto[:, :, taps - 1]))
        level[level == 0] = 1
        filters = toeplitz_solve(
            auto / (level[:, None] * level)[:, :, None],
            cross / (level[:, None] * level)[:, :, None],
            self.iterations,
        )
        return LearnedLinear(filters * (level[:, None] / level)[:, :, None], before)
