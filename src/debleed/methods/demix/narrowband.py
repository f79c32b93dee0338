"""Demixing bin by bin over windows longer than the room: for microphones far from their sources.

The path of a source from its own microphone to another, a_ij = h_ij / h_jj, is short where h_jj is mostly direct sound.
Where it is mostly room, 1 / h_jj rings on for seconds, to both sides of lag 0, and no filter of :mod:`debleed.dsp.rtf`
holds it. Over windows longer than the responses h a convolution is nearly a product again, x(f, t) = H(f) s(f, t), and
one matrix a bin undoes it, y = W(f) x, however long its own response is.

The sources are time-varying Gaussians as before, and W is found by iterative projection (Ono, WASPAA 2011), source by
source w_i = (W U_i)⁻¹ e_i, w_i ← w_i / √(w_iᴴ U_i w_i) with U_i = mean_t x xᴴ / v_i, started from what the filters
found, which settles all permutations. The variance v_i(f, t) = n^(1 - c) b^c lies between that of independent
low-rank analysis (each bin for itself; Kitamura et al., IEEE/ACM TASLP 2016), n = |y_i|² over a few bins, and that of
independent vector analysis (all bins swell together), b = |y_i|² of the bins around, each divided by its mean over
time. Projected back (A = W⁻¹ has a unit diagonal), the sources are images in their own microphones.

Windows so long are few. So each entry of W, relative to the filters', has a Gaussian prior about 0; its variance, for
each pair of sources and band, is learnt with it (MacKay, Neural Computation 1992): what is no larger than chance
vanishes. And what two sources share without delay was shared before the air: such pairs are left to the filters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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
"""Seconds; recordings that carry no window so long are left to the filters."""

HOPS = 4
"""Window length over hop."""

LOUD = 0.14
"""Some two sources arrive in each other's microphones with more than this share (-8.5 dB) of their power in their own,
in the geometric mean, or microphones are close, where filters do better. Measured: 0.26 to 0.38 at 1.5 m (at 44.1 kHz
0.17 and 0.28), at most 0.11 at 0.5 m, RT60 0.35 to 0.8 s."""

LIKELIER, TRIED, BELOW = 0.19, 2, 1400.0
"""Log-likelihood that so many sweeps must gain, per source and point of time and frequency, in the bins below so many
Hz (where most of the music is). Measured: 0.26 to 0.60 at 1.5 m, 0.07 to 0.27 at 0.5 m: it comes second."""

SWEEPS = 10
"""Sweeps over all sources."""

COMMON, COMMON_WITHIN = 0.8, 350.0
"""The exponent c, and the Hz around a bin over which bins swell together."""

GRAIN = 5
"""Bins over which |y|² is smoothed."""

FLOOR = 1e-4
"""The variance of a source is at least this share of its mean over time."""

KNOWN = 1.0
"""Independent observations a frame, as far as the prior is concerned."""

SHARED = 0.05
"""More than this share of what is to be removed of one source from another, without delay, is no bleed. Measured: 0.2
to 0.6 where two stems share a sound, else at most 0.02."""

LOADING = 1e-7
"""Relative loading of the covariances, or bins in which two sources are alike have no inverse."""

STRETCH = 8_000_000
"""Samples, over all microphones, rendered at a time, so that a long stretch costs no more memory than its samples."""

BOUND = 1e9
"""Relative loading of the pairs that are not to be separated."""


@dataclass(frozen=True)
class Narrowband:
    """Filters that are one matrix a bin.

    Parameters
    ----------
    matrices
        W, ``(bins, mics, mics)``; the rows of microphones that are to be left alone are those of the identity.
    kept
        ``(mics, mics)``: the bleed of microphone j's source stays in microphone i; none stays where not given.
    """

    matrices: NDArray[np.complex64]
    kept: NDArray[np.bool_] | None = None

    def rescaled(self, gains: NDArray[np.float32]) -> Narrowband:
        """Return what does the same to microphones that are turned up by ``gains``, ``(mics,)``."""
        return Narrowband(self.matrices * (gains[:, None] / gains))

    def placed(self, mics: NDArray[np.intp], count: int) -> Narrowband:
        """Place these microphones among ``count``, the others of which have no part in it."""
        matrices = np.tile(np.eye(count, dtype=np.complex64), (len(self.matrices), 1, 1))
        matrices[:, mics[:, None], mics] = self.matrices
        return Narrowband(matrices)

    def apply(self, recording: Recording) -> Recording:
        """Filter frame by frame; microphones that are to be left alone pass to the bit."""
        nfft = 2 * (len(self.matrices) - 1)
        matrices = self.matrices if self.kept is None else keeping(self.matrices, self.kept)
        changed = np.flatnonzero(np.any(matrices != np.eye(len(recording)), axis=(0, 2)))
        rows = np.ascontiguousarray(matrices[:, changed])

        def unmixed(spectra: Spectra) -> Spectra:
            return np.moveaxis(rows @ np.moveaxis(spectra, 1, 0), 0, 1)

        def read(start: int, stop: int) -> Samples:
            out = recording.read(start, stop).copy()
            step = max(4 * nfft, STRETCH // len(recording))
            for a in range(start, stop, step):
                b = min(a + step, stop)
                out[changed, a - start : b - start] = filtered(unmixed, (recording,), a, b, nfft, nfft // HOPS)
            return out

        return recording.with_reader(read)

    def keeping(self, kept: NDArray[np.bool_]) -> Narrowband:
        """Leave the bleed of microphone j's source in microphone i where ``kept[i, j]``."""
        return Narrowband(self.matrices, kept)

    @property
    def changes_nothing(self) -> bool:
        """Whether every microphone passes as it is."""
        return bool(np.all(self.matrices == np.eye(self.matrices.shape[-1])))

    def mixing(self) -> Response:
        """Return the frequency response of the mixing, A = W⁻¹ ``(bins, mics, mics)``."""
        mixing: Response = np.linalg.inv(self.matrices.astype(np.complex128)).astype(np.complex64)
        return mixing

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what the filters are, for :meth:`restored`."""
        return {"matrices": self.matrices}

    @classmethod
    def restored(cls, arrays: Arrays, mics: int) -> Narrowband:
        """Rebuild filters from :meth:`arrays`.

        Raises
        ------
        InputError
            Where the arrays are not such.
        """
        matrices = checked(arrays, "matrices", np.complex64, (None, mics, mics))
        if len(matrices) < 9 or (len(matrices) - 1) & (len(matrices) - 2):
            raise InputError(f"there are matrices for {len(matrices)} bins, which no window has")
        return cls(matrices)


def keeping(matrices: NDArray[np.complex64], kept: NDArray[np.bool_]) -> NDArray[np.complex64]:
    """Return I − ((A − I) W) without the entries of A = W⁻¹ whose bleed is ``kept``, in a bin as in all.

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
    left: NDArray[np.complex64] = (unit - removed @ unmixing).astype(matrices.dtype)
    return left


def far(taps: Taps) -> bool:
    """Whether two sources are so loud in each other's microphones that the paths must ring for long."""
    bleed = np.square(taps).sum(axis=-1)
    return bool(np.sqrt(bleed * bleed.T).max(initial=0) > LOUD)


def estimate_matrices(
    samples: NDArray[np.float32],
    rate: int,
    start: Response,
    allowed: NDArray[np.bool_],
    progress: Progress = quiet,
    shortest: float = FIRST_WINDOW,
    longest: float = LONGEST_WINDOW,
) -> Matrices | None:
    """Estimate one matrix a bin; ``None`` where the filters do better, or the sound is too short.

    Parameters
    ----------
    samples
        ``(mics, samples)``; no microphone silent throughout; RMS about 1.
    rate
        Samples per second.
    start
        Response of the filters that were found before, ``(bins, mics, mics)``, on any number of bins.
    allowed
        ``(mics, mics)``: where bleed can be.
    """
    nfft = windows(samples.shape[1], rate, len(samples), False, shortest, longest)[-1]
    if nfft < SHORTEST_WINDOW * rate:
        return None
    search = Search.begin(samples, rate, nfft, on_grid(start, nfft // 2 + 1), allowed)
    low = max(1, round(BELOW * nfft / rate))
    before = search.likelihood()[:low].mean()
    for turn in range(SWEEPS):
        progress("demix", turn / SWEEPS)
        search.sweep()
        if turn + 1 == TRIED and search.likelihood()[:low].mean() - before < LIKELIER * len(samples):
            return None
    found: Matrices = search.rows @ search.start
    return found


@dataclass
class Search:
    """The state of the search; all sources and rows are relative to what the filters found.

    Parameters
    ----------
    heard
        What the filters ``start`` make of the microphones, ``(bins, mics, frames)``.
    start, rows
        The filters found before, and the matrices that are to follow them, ``(bins, mics, mics)``.
    edges
        First bin of each band of the prior, and the end of the last.
    spread
        Variance of the prior, ``(bands, mics, mics)``.
    allowed
        Pairs of sources that are separated further.
    spacing
        Bins from one point to the next at which the common swelling is known.
    rate
        Samples per second.
    """

    heard: Bins
    start: Matrices
    rows: Matrices
    edges: NDArray[np.intp]
    spread: NDArray[np.float64]
    allowed: NDArray[np.bool_]
    spacing: int
    rate: int

    @classmethod
    def begin(
        cls, samples: NDArray[np.float32], rate: int, nfft: int, start: Matrices, allowed: NDArray[np.bool_]
    ) -> Search:
        """Transform the microphones and apply the filters found before."""
        mics, length = samples.shape
        hop = nfft // HOPS
        heard = np.empty((nfft // 2 + 1, mics, frame_count(length, nfft, hop)), np.complex64)
        for mic in range(mics):
            heard[:, mic] = stft(samples[mic], nfft, hop)
        for part in chunks(len(heard), heard[0].size):
            heard[part] = start[part].astype(np.complex64) @ heard[part]
        edges = band_edges(len(heard), rate, FINE_BANDS)
        spread = np.ones((len(edges) - 1, mics, mics))
        rows = np.tile(np.eye(mics, dtype=np.complex128), (len(heard), 1, 1))
        spacing = max(1, round(COMMON_WITHIN / 2 * nfft / rate))
        return cls(heard, start, rows, edges, spread, allowed.copy(), spacing, rate)

    def parts(self) -> Iterator[slice]:
        """Stretches of bins."""
        return chunks(len(self.heard), self.heard[0].size)

    def sources(self, part: slice) -> Bins:
        """Return the sources as they are now."""
        found: Bins = self.rows[part].astype(np.complex64) @ self.heard[part]
        return found

    def swelling(self) -> Powers:
        """How sources swell over time around points ``spacing`` bins apart, ``(points, mics, frames)``; mean 1."""
        bins, mics, frames = self.heard.shape
        sums = np.zeros((-(-(bins - 1) // self.spacing) + 1, mics, frames), np.float32)
        counts = np.zeros(len(sums), np.float32)
        for part in self.parts():
            level = power(self.sources(part))
            level /= positive(level.mean(axis=-1, keepdims=True))
            first, weight = self.points(part)
            sums[first : first + len(weight)] += (weight @ level.reshape(len(level), -1)).reshape(-1, mics, frames)
            counts[first : first + len(weight)] += weight.sum(axis=1)
        sums /= counts[:, None, None]
        return sums

    def points(self, part: slice) -> tuple[int, NDArray[np.float32]]:
        """Say to which points bins belong: the first of them, and triangular weights ``(points, bins)``."""
        at = np.arange(part.start, part.stop) / self.spacing
        first, last = int(at[0]), int(np.ceil(at[-1]))
        weight = np.maximum(0, 1 - np.abs(at - np.arange(first, last + 1)[:, None]))
        return first, weight.astype(np.float32)

    def variance(self, part: slice, swelling: Powers) -> tuple[Powers, Powers]:
        """Variances v and powers of the sources in some bins, ``(bins, mics, frames)``."""
        wide = slice(max(0, part.start - GRAIN // 2), min(len(self.heard), part.stop + GRAIN // 2))
        around = power(self.sources(wide))
        inside = slice(part.start - wide.start, part.stop - wide.start)
        narrow = np.maximum(uniform_filter1d(around, GRAIN, axis=0)[inside], 0)
        level = around[inside].mean(axis=-1, keepdims=True)
        first, weight = self.points(part)
        broad = (weight.T @ swelling[first : first + len(weight)].reshape(len(weight), -1)).reshape(narrow.shape)
        between: Powers = narrow ** (1 - COMMON) * (broad * level) ** COMMON
        floored: Powers = between + positive(np.float32(FLOOR) * level)
        return floored, around[inside]

    def likelihood(self) -> NDArray[np.float64]:
        """Log-likelihood of each bin, per frame."""
        likely: NDArray[np.float64] = 2 * np.linalg.slogdet(self.rows)[1]
        swelling = self.swelling()

        def work(part: slice) -> None:
            variance, level = self.variance(part, swelling)
            likely[part] -= (np.log(variance) + level / variance).mean(axis=-1).sum(axis=-1)

        in_parallel(work, self.parts())
        return likely

    def sweep(self) -> None:
        """Update every row once, then the prior."""
        swelling = self.swelling()
        rows = self.rows.copy()
        band = np.repeat(np.arange(len(self.edges) - 1), np.diff(self.edges))
        frames = self.heard.shape[-1]
        sizes, certain = np.zeros(rows.shape), np.zeros(rows.shape)

        def work(part: slice) -> None:
            here, conjugate = self.heard[part], self.heard[part].conj().swapaxes(1, 2)
            variance, _ = self.variance(part, swelling)
            for i in range(len(self.allowed)):
                covariance = ((here / variance[:, i : i + 1]) @ conjugate).astype(np.complex128) / frames
                own = positive(np.square(np.abs(rows[part, i, i])))
                doubt = 1 / (KNOWN * frames * self.spread[band[part], i] * own[:, None])
                doubt[:, i] = 0
                free = np.flatnonzero(self.allowed[i] | (np.arange(len(self.allowed)) == i))
                row, seen = projected_onto(rows[part], covariance, doubt, i, free)
                rows[part, i] = row
                certain[part, i] = seen / positive(seen + doubt)
                sizes[part, i] = np.minimum(
                    np.square(np.abs(row)) / positive(np.square(np.abs(row[:, i])))[:, None], 10
                )
            mixing = np.linalg.inv(rows[part] @ self.start[part])
            rows[part] *= np.einsum("fii->fi", mixing)[:, :, None]

        in_parallel(work, self.parts())
        self.rows = rows
        size, sure = (np.add.reduceat(values, self.edges[:-1]) for values in (sizes, certain))
        self.spread = np.clip(size / positive(sure), 1e-12, 1)
        self.leave_what_is_shared()

    def leave_what_is_shared(self) -> None:
        """Leave to the filters the pairs of sources that share sound without delay."""
        own = np.einsum("fii->fi", self.rows)[:, :, None]
        relative = self.rows / own
        lags = scipy.fft.irfft(relative / np.maximum(np.abs(relative), 1), axis=0)
        energy = np.square(lags)
        wide = round(self.rate / 32000)
        at_once = energy[: wide + 1].sum(axis=0) + energy[len(energy) - wide :].sum(axis=0)
        shared = at_once > SHARED * energy.sum(axis=0)
        shared &= ~np.eye(len(shared), dtype=bool)
        self.allowed = self.allowed & ~(shared | shared.T)


def projected_onto(
    rows: Matrices, covariance: Matrices, doubt: NDArray[np.float64], i: int, free: NDArray[np.intp]
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Return row i by iterative projection under the prior, zero where not ``free``, and the diagonal of U_i."""
    mics = rows.shape[-1]
    seen = np.einsum("fjj->fj", covariance).real.copy()
    loaded = covariance.copy()
    loaded[:, np.arange(mics), np.arange(mics)] += doubt + positive(LOADING * seen.mean(axis=-1, keepdims=True))
    bound = np.setdiff1d(np.arange(mics), free)
    loaded[:, bound, bound] += positive(BOUND * seen.mean(axis=-1, keepdims=True))
    return projected_row(rows, loaded, i, bound), seen


def positive(values: NDArray[Real]) -> NDArray[Real]:
    """Keep a divisor off zero."""
    kept: NDArray[Real] = np.maximum(values, np.finfo(np.float32).tiny)
    return kept
