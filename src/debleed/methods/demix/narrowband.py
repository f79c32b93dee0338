"""Narrowband demixing with windows longer than the reverberation, for microphones far from their sources.

The relative transfer function from a source's own microphone to another, a_ij = h_ij / h_jj, is short if h_jj is mostly
direct sound. If h_jj is mostly reverberation, 1 / h_jj extends over seconds on both sides of lag 0, too long for the
filters of :mod:`debleed.dsp.rtf`. With windows longer than the responses h, a convolution is approximately a product
again, x(f, t) = H(f) s(f, t), and one matrix per bin inverts it, y = W(f) x, however long the response of W is.

The sources are time-varying Gaussians as before. W is estimated by iterative projection (Ono, WASPAA 2011): for each
source, w_i = (W U_i)⁻¹ e_i, w_i ← w_i / √(w_iᴴ U_i w_i) with U_i = mean_t x xᴴ / v_i. Starting from the broadband
filters avoids the permutation problem. The variance v_i(f, t) = n^(1 - c) b^c is a compromise between two models:
independent low-rank analysis, with bins independent of each other (Kitamura et al., IEEE/ACM TASLP 2016), n = |y_i|²
over a few bins; and independent vector analysis, with one activity for all bins, b = |y_i|² of the surrounding bins,
each divided by its mean over time. After projection back (A = W⁻¹ has a unit diagonal), the sources are images in their
own microphones.

There are few frames of such long windows. Each entry of W, relative to the broadband filters, therefore has a zero-mean
Gaussian prior, whose variance is estimated for each pair of sources and band (MacKay, Neural Computation 1992): entries
no larger than chance vanish. Pairs of sources that share sound without delay, which was shared before it became
acoustic, keep the broadband filters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from debleed.dsp.parallel import chunks, in_parallel
from debleed.dsp.projection import Matrices, projected_row
from debleed.dsp.rtf import Response, Taps, on_grid
from debleed.dsp.stft import Spectra, filtered, frame_count, stft
from debleed.methods import Arrays
from debleed.methods.arrays import checked
from debleed.methods.demix.broadband import FIRST_WINDOW, LONGEST_WINDOW, windows
from debleed.methods.demix.excerpt import Bins, Powers, power
from debleed.methods.demix.safeguards import FINE_BANDS, band_edges
from debleed.progress import Progress, quiet
from debleed.recording import InputError, Recording, Samples

Real = TypeVar("Real", np.float32, np.float64)

SHORTEST_WINDOW = 0.7
"""Seconds; recordings too short for such a window keep the broadband filters."""

HOPS = 4
"""Window length over hop."""

STRONG_BLEED = 0.14
"""Matrices are used only if two sources have, in the geometric mean of both directions, more than this share (-8.5 dB)
of their power in each other's microphone. Otherwise microphones are close, and the broadband filters are better.
Measured at RT60 0.35 to 0.8 s: 0.26 to 0.38 at 1.5 m (0.17 and 0.28 at 44.1 kHz), at most 0.11 at 0.5 m."""

LIKELIHOOD_GAIN, TRIAL_SWEEPS, TRIAL_HZ = 0.19, 2, 1400.0
"""Least gain in log-likelihood per source and time-frequency point after this many sweeps, in the bins below this many
Hz (where most of the music is). Measured: 0.26 to 0.60 at 1.5 m, 0.07 to 0.27 at 0.5 m; as these overlap, the bleed
(``LOUD``) is tested first."""

SWEEPS = 10
"""Sweeps over all sources."""

COMMON_EXPONENT, COMMON_HZ = 0.8, 350.0
"""The exponent c, and the distance in Hz within which bins share one activity."""

SMOOTHING_BINS = 5
"""Bins over which |y|² is smoothed."""

FLOOR = 1e-4
"""Least variance of a source as a share of its mean over time."""

OBSERVATIONS_PER_FRAME = 1.0
"""Independent observations per frame in the estimation of the prior."""

SHARED = 0.05
"""If more than this share of an entry's energy is at lag 0, the two sources share sound, and it is not bleed. Measured:
0.2 to 0.6 where two stems share a sound, otherwise at most 0.02."""

LOADING = 1e-7
"""Relative diagonal loading of the covariances; without it, bins in which two sources are identical have no inverse."""

STRETCH = 8_000_000
"""Samples over all microphones that are rendered at a time, so that a long excerpt needs no more memory than its
samples."""


@dataclass(frozen=True)
class Narrowband:
    """Filters that consist of one matrix per bin.

    Parameters
    ----------
    matrices
        W, ``(bins, mics, mics)``; microphones to be left unchanged have the rows of the identity.
    kept
        ``(mics, mics)``: keep the bleed of microphone j's source in microphone i; ``None`` keeps none.
    """

    matrices: NDArray[np.complex64]
    kept: NDArray[np.bool_] | None = None

    def rescaled(self, gains: NDArray[np.float32]) -> Narrowband:
        """Return the equivalent filters for microphones multiplied by ``gains``, ``(mics,)``."""
        return Narrowband(self.matrices * (gains[:, None] / gains))

    def placed(self, mics: NDArray[np.intp], count: int) -> Narrowband:
        """Embed the filters for the microphones ``mics`` into filters for ``count``; the others stay unchanged."""
        matrices = np.tile(np.eye(count, dtype=np.complex64), (len(self.matrices), 1, 1))
        matrices[:, mics[:, None], mics] = self.matrices
        return Narrowband(matrices)

    def leaving(self, alone: NDArray[np.bool_]) -> Narrowband:
        """Leave these microphones alone, ``(mics,)``; what they bleed into others is still removed."""
        matrices = self.matrices.copy()
        matrices[:, alone] = np.eye(len(alone), dtype=np.complex64)[alone]
        return replace(self, matrices=matrices)

    def apply(self, recording: Recording) -> Recording:
        """Filter frame by frame; microphones with rows of the identity are returned unchanged, to the bit."""
        matrices = self.matrices if self.kept is None else keeping(self.matrices, self.kept)
        changed = np.flatnonzero(np.any(matrices != np.eye(len(recording)), axis=(0, 2)))
        rows = np.ascontiguousarray(matrices[:, changed])

        def read(start: int, stop: int) -> Samples:
            out = recording.read(start, stop).copy()
            out[changed] = _filtered(recording, rows, start, stop)
            return out

        return recording.with_reader(read)

    def bleed(self, sources: Recording) -> Recording:
        """Return what :meth:`apply` subtracts on account of these sources."""
        taken = self.carried()
        return sources.with_reader(lambda start, stop: _filtered(sources, taken, start, stop))

    def carried(self) -> Response:
        """Return the frequency response A − I of :meth:`bleed`, ``(bins, mics, mics)``."""
        taken = self.mixing() - np.eye(self.matrices.shape[-1], dtype=np.complex64)
        return taken if self.kept is None else taken * ~self.kept

    def keeping(self, kept: NDArray[np.bool_]) -> Narrowband:
        """Keep the bleed of microphone j's source in microphone i where ``kept[i, j]``."""
        return Narrowband(self.matrices, kept)

    @property
    def is_identity(self) -> bool:
        """Whether every microphone stays unchanged."""
        return bool(np.all(self.matrices == np.eye(self.matrices.shape[-1])))

    def mixing(self) -> Response:
        """Return the frequency response of the mixing matrix, A = W⁻¹, ``(bins, mics, mics)``."""
        mixing: Response = np.linalg.inv(self.matrices.astype(np.complex128)).astype(np.complex64)
        return mixing

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything that :meth:`restored` needs."""
        return {"matrices": self.matrices}

    @classmethod
    def restored(cls, arrays: Arrays, mics: int) -> Narrowband:
        """Rebuild filters from :meth:`arrays`.

        Raises
        ------
        InputError
            If arrays are missing or invalid.
        """
        matrices = checked(arrays, "matrices", np.complex64, (None, mics, mics))
        if len(matrices) < 9 or (len(matrices) - 1) & (len(matrices) - 2):
            raise InputError(f"the array 'matrices' has {len(matrices)} bins, which is not a power of two plus 1")
        return cls(matrices)


def _filtered(recording: Recording, matrices: NDArray[np.complexfloating], start: int, stop: int) -> Samples:
    """Multiply each frame with matrices, ``(bins, outputs, mics)``."""
    nfft = 2 * (len(matrices) - 1)

    def product(spectra: Spectra) -> Spectra:
        return np.moveaxis(matrices @ np.moveaxis(spectra, 1, 0), 0, 1)

    step = max(4 * nfft, STRETCH // len(recording))
    pieces = [
        filtered(product, (recording,), a, min(a + step, stop), nfft, nfft // HOPS) for a in range(start, stop, step)
    ]
    return np.concatenate(pieces, axis=1) if pieces else recording.read(start, stop)[: matrices.shape[1]]


def keeping(matrices: NDArray[np.complex64], kept: NDArray[np.bool_]) -> NDArray[np.complex64]:
    """Return I − ((A − I) W), with the entries of A = W⁻¹ in (A − I) zeroed whose bleed is ``kept``, in every bin.

    Parameters
    ----------
    matrices
        W, ``(..., mics, mics)``, such that W⁻¹ has a unit diagonal, or rows of the identity.
    kept
        ``(mics, mics)``.
    """
    unit = np.eye(matrices.shape[-1])
    unmixing = matrices.astype(np.complex128)
    removed = (np.linalg.inv(unmixing) - unit) * ~kept
    filters: NDArray[np.complex64] = (unit - removed @ unmixing).astype(matrices.dtype)
    return filters


def needs_long_windows(taps: Taps) -> bool:
    """Whether two sources are so loud in each other's microphones that their RTFs must be long."""
    bleed = np.square(taps).sum(axis=-1)
    return bool(np.sqrt(bleed * bleed.T).max(initial=0) > STRONG_BLEED)


def estimate_matrices(
    samples: NDArray[np.float32],
    rate: int,
    start: Response,
    allowed: NDArray[np.bool_],
    progress: Progress = quiet,
    shortest: float = FIRST_WINDOW,
    longest: float = LONGEST_WINDOW,
) -> Matrices | None:
    """Estimate one matrix per bin; ``None`` if the broadband filters are better or the recording is too short.

    Parameters
    ----------
    samples
        ``(mics, samples)``; no silent microphone; RMS about 1.
    rate
        Sampling rate in Hz.
    start
        Response of the broadband filters, ``(bins, mics, mics)``, on any number of bins.
    allowed
        ``(mics, mics)``: where bleed is possible.
    shortest, longest
        Seconds of the shortest and of the longest STFT window.
    """
    nfft = windows(samples.shape[1], rate, len(samples), False, shortest, longest)[-1]
    if nfft < SHORTEST_WINDOW * rate:
        return None
    search = Search.begin(samples, rate, nfft, on_grid(start, nfft // 2 + 1), allowed)
    low = max(1, round(TRIAL_HZ * nfft / rate))
    before = search.likelihood()[:low].mean()
    for turn in range(SWEEPS):
        progress("demix", turn / SWEEPS)
        search.sweep()
        if turn + 1 == TRIAL_SWEEPS and search.likelihood()[:low].mean() - before < LIKELIHOOD_GAIN * len(samples):
            return None
    matrices: Matrices = search.rows @ search.start
    return matrices


@dataclass
class Search:
    """State of the estimation; sources and rows are relative to the output of the broadband filters.

    Parameters
    ----------
    inputs
        Output of the broadband filters ``start``, ``(bins, mics, frames)``.
    start, rows
        The broadband filters, and the matrices applied after them, ``(bins, mics, mics)``.
    edges
        First bin of each band of the prior, and the end of the last.
    prior_variance
        Variance of the prior, ``(bands, mics, mics)``.
    allowed
        Pairs of sources that are separated.
    spacing
        Bins between the points at which the common activity is evaluated.
    rate
        Sampling rate in Hz.
    """

    inputs: Bins
    start: Matrices
    rows: Matrices
    edges: NDArray[np.intp]
    prior_variance: NDArray[np.float64]
    allowed: NDArray[np.bool_]
    spacing: int
    rate: int

    @classmethod
    def begin(
        cls, samples: NDArray[np.float32], rate: int, nfft: int, start: Matrices, allowed: NDArray[np.bool_]
    ) -> Search:
        """Transform the microphones and apply the broadband filters."""
        mics, length = samples.shape
        hop = nfft // HOPS
        inputs = np.empty((nfft // 2 + 1, mics, frame_count(length, nfft, hop)), np.complex64)
        for mic in range(mics):
            inputs[:, mic] = stft(samples[mic], nfft, hop)
        for part in chunks(len(inputs), inputs[0].size):
            inputs[part] = start[part].astype(np.complex64) @ inputs[part]
        edges = band_edges(len(inputs), rate, FINE_BANDS)
        prior_variance = np.ones((len(edges) - 1, mics, mics))
        rows = np.tile(np.eye(mics, dtype=np.complex128), (len(inputs), 1, 1))
        spacing = max(1, round(COMMON_HZ / 2 * nfft / rate))
        return cls(inputs, start, rows, edges, prior_variance, allowed.copy(), spacing, rate)

    def parts(self) -> Iterator[slice]:
        """Split the bins into slices."""
        return chunks(len(self.inputs), self.inputs[0].size)

    def sources(self, part: slice) -> Bins:
        """Return the current estimates of the sources."""
        found: Bins = self.rows[part].astype(np.complex64) @ self.inputs[part]
        return found

    def activity(self) -> Powers:
        """Return the activity of the sources at points ``spacing`` bins apart, ``(points, mics, frames)``; mean 1."""
        bins, mics, frames = self.inputs.shape
        sums = np.zeros((-(-(bins - 1) // self.spacing) + 1, mics, frames), np.float32)
        counts = np.zeros(len(sums), np.float32)
        for part in self.parts():
            level = power(self.sources(part))
            level /= positive(level.mean(axis=-1, keepdims=True))
            first, weight = self.interpolation(part)
            sums[first : first + len(weight)] += (weight @ level.reshape(len(level), -1)).reshape(-1, mics, frames)
            counts[first : first + len(weight)] += weight.sum(axis=1)
        sums /= counts[:, None, None]
        return sums

    def interpolation(self, part: slice) -> tuple[int, NDArray[np.float32]]:
        """Return the first point near the bins of ``part``, and triangular interpolation weights ``(points, bins)``."""
        at = np.arange(part.start, part.stop) / self.spacing
        first, last = int(at[0]), int(np.ceil(at[-1]))
        weight = np.maximum(0, 1 - np.abs(at - np.arange(first, last + 1)[:, None]))
        return first, weight.astype(np.float32)

    def variance(self, part: slice, activity: Powers) -> tuple[Powers, Powers]:
        """Return the variances v and the powers of the sources in some bins, ``(bins, mics, frames)`` each."""
        wide = slice(max(0, part.start - SMOOTHING_BINS // 2), min(len(self.inputs), part.stop + SMOOTHING_BINS // 2))
        around = power(self.sources(wide))
        inside = slice(part.start - wide.start, part.stop - wide.start)
        narrow = np.maximum(uniform_filter1d(around, SMOOTHING_BINS, axis=0)[inside], 0)
        level = around[inside].mean(axis=-1, keepdims=True)
        first, weight = self.interpolation(part)
        broad = (weight.T @ activity[first : first + len(weight)].reshape(len(weight), -1)).reshape(narrow.shape)
        between: Powers = narrow ** (1 - COMMON_EXPONENT) * (broad * level) ** COMMON_EXPONENT
        floored: Powers = between + positive(np.float32(FLOOR) * level)
        return floored, around[inside]

    def likelihood(self) -> NDArray[np.float64]:
        """Return the log-likelihood of each bin, per frame."""
        likely: NDArray[np.float64] = 2 * np.linalg.slogdet(self.rows)[1]
        activity = self.activity()

        def work(part: slice) -> None:
            variance, level = self.variance(part, activity)
            likely[part] -= (np.log(variance) + level / variance).mean(axis=-1).sum(axis=-1)

        in_parallel(work, self.parts())
        return likely

    def sweep(self) -> None:
        """Update every row once, then the prior."""
        activity = self.activity()
        rows = self.rows.copy()
        band = np.repeat(np.arange(len(self.edges) - 1), np.diff(self.edges))
        frames = self.inputs.shape[-1]
        sizes, certainty = np.zeros(rows.shape), np.zeros(rows.shape)

        def work(part: slice) -> None:
            here, conjugate = self.inputs[part], self.inputs[part].conj().swapaxes(1, 2)
            variance, _ = self.variance(part, activity)
            for i in range(len(self.allowed)):
                covariance = ((here / variance[:, i : i + 1]) @ conjugate).astype(np.complex128) / frames
                own = positive(np.square(np.abs(rows[part, i, i])))
                prior_precision = 1 / (
                    OBSERVATIONS_PER_FRAME * frames * self.prior_variance[band[part], i] * own[:, None]
                )
                prior_precision[:, i] = 0
                blocked = ~self.allowed[i] & (np.arange(len(self.allowed)) != i)
                row, diagonal = regularised_row(rows[part], covariance, prior_precision, i, blocked)
                rows[part, i] = row
                certainty[part, i] = diagonal / positive(diagonal + prior_precision)
                sizes[part, i] = np.minimum(
                    np.square(np.abs(row)) / positive(np.square(np.abs(row[:, i])))[:, None], 10
                )
            mixing = np.linalg.inv(rows[part] @ self.start[part])
            rows[part] *= np.einsum("fii->fi", mixing)[:, :, None]

        in_parallel(work, self.parts())
        self.rows = rows
        total_size, total_certainty = (np.add.reduceat(values, self.edges[:-1]) for values in (sizes, certainty))
        self.prior_variance = np.clip(total_size / positive(total_certainty), 1e-12, 1)
        self.exclude_shared()

    def exclude_shared(self) -> None:
        """Stop separating the pairs of sources that share sound without delay."""
        own = np.einsum("fii->fi", self.rows)[:, :, None]
        relative = self.rows / own
        lags = scipy.fft.irfft(relative / np.maximum(np.abs(relative), 1), axis=0)
        energy = np.square(lags)
        wide = round(self.rate / 32000)
        at_once = energy[: wide + 1].sum(axis=0) + energy[len(energy) - wide :].sum(axis=0)
        shared = at_once > SHARED * energy.sum(axis=0)
        shared &= ~np.eye(len(shared), dtype=bool)
        self.allowed = self.allowed & ~(shared | shared.T)


def regularised_row(
    rows: Matrices, covariance: Matrices, prior_precision: NDArray[np.float64], i: int, blocked: NDArray[np.bool_]
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Update row i by iterative projection under the prior; also return the diagonal of U_i.

    Entries of the row that are ``blocked``, ``(mics,)``, stay zero.
    """
    mics = rows.shape[-1]
    diagonal = np.einsum("fjj->fj", covariance).real.copy()
    loaded = covariance.copy()
    loaded[:, np.arange(mics), np.arange(mics)] += prior_precision + positive(
        LOADING * diagonal.mean(axis=-1, keepdims=True)
    )
    return projected_row(rows, loaded, i, blocked), diagonal


def positive(values: NDArray[Real]) -> NDArray[Real]:
    """Avoid division by zero."""
    kept: NDArray[Real] = np.maximum(values, np.finfo(np.float32).tiny)
    return kept
