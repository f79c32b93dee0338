"""Floor and ceilings of every table: the recording as it is, and what filters could do that know the truth."""

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

NOTHING_KNOWN = Side()

SOLVED = 1e-14
"""Squared residual, against that of the start, at which a target is solved: −140 dB. Beyond it there is rounding."""


def truth_of(recording: Recording, side: Side) -> Recording:
    """Return the truth in the order of the recording's microphones.

    Raises
    ------
    InputError
        Where there is no truth, or it belongs to another recording.
    """
    truth = side.truth
    if truth is None:
        raise InputError("this method is an oracle: it needs the truth, the clean image of each microphone's source")
    if missing := [name for name in recording.names if name not in truth.names]:
        raise InputError(f"the truth lacks the microphones {', '.join(missing)}")
    if (truth.rate, truth.length) != (recording.rate, recording.length):
        raise InputError(
            f"the truth has {truth.length} samples at {truth.rate} Hz, "
            f"the recording {recording.length} at {recording.rate} Hz"
        )
    return truth.select([truth.names.index(name) for name in recording.names])


# --------------------------------------------------------------------------------------------------- unprocessed


@dataclass(frozen=True)
class Unprocessed:
    """The microphones as they are; method and fitted method in one, since nothing is learnt."""

    needs: ClassVar[frozenset[str]] = frozenset()
    source_count: ClassVar[int | None] = None

    def learn(self, recording: Recording, side: Side = NOTHING_KNOWN, progress: Progress = quiet) -> Unprocessed:
        """Learn nothing."""
        return self

    def apply(self, recording: Recording) -> Recording:
        """Return the recording itself."""
        return recording

    def keeping(self, kept: NDArray[np.bool_]) -> Unprocessed:
        """Keep all bleed, as ever."""
        return self

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return nothing, since nothing was learnt."""
        return {}

    def restore(self, arrays: Arrays, mics: int) -> Unprocessed:
        """Rebuild what was learnt: nothing."""
        return self


# --------------------------------------------------------------------------------------------------- oracle mask


def wiener_gain(clean: Spectra, bleed: Spectra) -> NDArray[np.floating]:
    """Gain of the ideal single-channel Wiener filter, G = |C|² / (|C|² + |B|²); 0 where both are silent.

    Parameters
    ----------
    clean, bleed
        Spectra of the source and of everything else in its microphone, any one shape.

    Returns
    -------
    Gains from 0 to 1 of that shape.
    """
    # magnitudes, not powers, are divided: the squares of a quiet float32 recording would vanish
    c, b = np.abs(clean), np.abs(bleed)
    loudest = np.maximum(c, b)
    loudest[loudest == 0] = 1
    c, b = (c / loudest) ** 2, (b / loudest) ** 2
    total = c + b
    total[total == 0] = 1
    gain: NDArray[np.floating] = c / total
    return gain


@dataclass(frozen=True)
class FittedWiener:
    """The truth, kept to be compared with; applies to the recording that it is the truth of."""

    truth: Recording
    nfft: int

    def apply(self, recording: Recording) -> Recording:
        """Weigh each time-frequency point of each microphone by the share of its own source."""

        def masked(x: Spectra, c: Spectra) -> Spectra:
            return wiener_gain(c, x - c) * x

        def read(start: int, stop: int) -> Samples:
            return filtered(masked, (recording, self.truth), start, stop, self.nfft, self.nfft // 4)

        return recording.with_reader(read)


@dataclass(frozen=True)
class OracleWiener:
    """The ideal single-channel Wiener filter: what masks on each microphone alone could reach.

    Every microphone is weighed with G(f,t) = |C|² / (|C|² + |X − C|²), X being the microphone's spectrum and C the
    true spectrum of its own source, with 75 % overlap. The window suits the rate: a mask sees neither phases nor
    neighbouring frames, so its ceiling depends on the window alone.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"truth"})
    source_count: ClassVar[int | None] = None

    nfft: int = field(
        default=4096, metadata={"help": "window length in samples at 44.1 kHz; other rates keep its time"}
    )

    def learn(self, recording: Recording, side: Side = NOTHING_KNOWN, progress: Progress = quiet) -> FittedWiener:
        """Take the truth along.

        Raises
        ------
        InputError
            Without the truth of this recording.
        """
        return FittedWiener(truth_of(recording, side), nfft_at(recording.rate, self.nfft))


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
        The first lag, in samples; says where ``b`` begins and nothing else.
    lags
        Number of lags.

    Returns
    -------
    ``(p, q, lags)``; sums over blocks of ``a`` are those of the whole.
    """
    size = scipy.fft.next_fast_len(b.shape[1], real=True)
    fa, fb = (scipy.fft.rfft(z.astype(np.float64), size) for z in (a, b))
    out = np.empty((len(a), len(b), lags))
    for i, row in enumerate(fa):  # row by row: the products of all pairs would not be small
        out[i] = scipy.fft.irfft(row.conj() * fb, size)[:, lags - 1 :: -1]
    return out


def toeplitz_solve(
    auto: NDArray[np.float64], cross: NDArray[np.float64], iterations: int, loading: float = 1e-9
) -> NDArray[np.float64]:
    """Solve the normal equations of multichannel FIR filters, Σ_j Σ_m r_jk(l − m) w_ij(m) = p_ik(l), by iteration.

    Conjugate gradients; the matrix is block Toeplitz, so it is applied through the FFT, and preconditioned by its
    circulant neighbour, whose inverse is a matrix of the microphones for each frequency. Directions without energy
    (above a low-pass, two equal microphones) are met last or never, so that the filters stay small there.

    Parameters
    ----------
    auto
        Correlations of the inputs r_jk(l) for lags −(taps − 1) ... taps − 1, ``(inputs, inputs, 2 taps - 1)``, all
        of unit power (or silent).
    cross
        Correlations of targets and inputs p_ik(l), ``(targets, inputs, taps)``.
    iterations
        Most iterations.
    loading
        Power added to each frequency of the preconditioner, relative to the inputs' mean; does not change the
        solution, only what is met first.

    Returns
    -------
    Filters ``(targets, inputs, taps)``.
    """
    taps = cross.shape[2]
    size = scipy.fft.next_fast_len(2 * taps - 1, real=True)

    def spectrum(lags: NDArray[np.float64]) -> NDArray[np.complex128]:
        """Matrices (bins, inputs, inputs) of correlations whose lag 0 stands in the middle."""
        padded = np.concatenate([lags, np.zeros((*lags.shape[:2], size - 2 * taps + 1))], axis=2)
        turned: NDArray[np.complex128] = scipy.fft.rfft(np.roll(padded, 1 - taps, axis=2))
        return np.ascontiguousarray(turned.transpose(2, 0, 1))

    def through(w: NDArray[np.float64], matrices: NDArray[np.complex128]) -> NDArray[np.float64]:
        spectra = scipy.fft.rfft(w, size).transpose(2, 0, 1) @ matrices
        back: NDArray[np.float64] = scipy.fft.irfft(spectra.transpose(1, 2, 0), size)[:, :, :taps]
        return back

    system = spectrum(auto)
    taper = 1 - np.abs(np.arange(1 - taps, taps)) / taps  # a triangle keeps every frequency's matrix non-negative
    neighbour = spectrum(auto * taper)
    power = np.einsum("jj->j", auto[:, :, taps - 1]) * loading
    inverse = np.linalg.inv(neighbour + np.diag(np.where(power > 0, power, 1)))

    def inner(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
        products: NDArray[np.float64] = np.einsum("ikl,ikl->i", a, b)
        return products[:, None, None]

    def ratio(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.divide(a, b, out=np.zeros_like(a), where=b > 0)

    w = np.zeros_like(cross)
    residual = cross.copy()
    direction = solved = through(residual, inverse)
    gain = inner(residual, solved)
    enough = SOLVED * gain
    for _ in range(iterations):
        image = through(direction, system)
        step = ratio(gain, inner(direction, image)) * (gain > enough)
        w += step * direction
        residual -= step * image
        solved = through(residual, inverse)
        gain, before = inner(residual, solved), gain
        direction = solved + ratio(gain, before) * direction
    return w


def convolve(
    recording: Recording, filters: NDArray[np.float64], before: int, start: int, stop: int
) -> NDArray[np.float64]:
    """Filter a stretch of a recording: y_i(t) = Σ_j Σ_l w_ij(l) x_j(t + before − l), silence standing outside.

    Parameters
    ----------
    recording
        The inputs.
    filters
        ``(outputs, inputs, taps)``.
    before
        How many samples the filters look ahead.
    start, stop
        The stretch.

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
class FittedLinear:
    """Filters ``(mics, mics, taps)`` that look ``before`` samples ahead."""

    filters: NDArray[np.float64]
    before: int

    def apply(self, recording: Recording) -> Recording:
        """Filter any recording of the same microphones, a stretch at a time."""

        def read(start: int, stop: int) -> Samples:
            out = np.empty((len(recording), stop - start), recording.read(start, start).dtype)
            step = max(1, round(BLOCK_SECONDS * recording.rate))  # a long stretch costs no more than its samples
            for a in range(start, stop, step):
                b = min(a + step, stop)
                out[:, a - start : b - start] = convolve(recording, self.filters, self.before, a, b)
            return out

        return recording.with_reader(read)


@dataclass(frozen=True)
class OracleLinear:
    """The best fixed filter over all microphones: what a method without a time-varying gain could reach.

    For each microphone i the FIR filters w_ij that minimise Σ_t |c_i(t) − Σ_j (w_ij * x_j)(t)|² over the whole
    recording, c_i being the true image of its source: exact least squares in the time domain from correlations summed
    over blocks, solved by conjugate gradients (:func:`toeplitz_solve`). Fitted and scored on the same sound, so on a
    short recording the ceiling is a little high.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"truth"})
    source_count: ClassVar[int | None] = None

    seconds: float = field(default=1.0, metadata={"help": "length of the filters"})
    ahead: float = field(default=0.2, metadata={"help": "share of the filter that looks ahead, 0 to 1"})
    iterations: int = field(default=150, metadata={"help": "iterations of the solver"})

    def learn(self, recording: Recording, side: Side = NOTHING_KNOWN, progress: Progress = quiet) -> FittedLinear:
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
        return FittedLinear(filters * (level[:, None] / level)[:, :, None], before)
