"""Instantaneous mixtures: blind estimation of one real matrix for all frequencies.

Microphones that pick up each other without delay (mixed in a desk, by crosstalk or by software) follow x = A y, where A
has a unit diagonal. Model the sources as complex Gaussians with an individual variance at every time-frequency point.
The filters W = A⁻¹ then maximise the sum over points of 2 log |det W| − Σ_i log v_i − |w_i x|² / v_i. This is a joint
diagonalisation of local covariances (D.-T. Pham, J.-F. Cardoso, IEEE Trans. Signal Process. 49, 2001), solved here by
iterative projection (N. Ono, WASPAA 2011). All points share one matrix, so the variance can be estimated from a single
point: v_i = |w_i x|² + floor.

A point where one source pauses determines the matrix entries of the others exactly, but only if it has a large weight.
It has one if the estimate of the pausing source is close to 0 there, that is, if the matrix is nearly correct. The
floor is therefore lowered in stages, each of which starts from the previous matrix.

Sound that sources share (one synthesiser on two tracks) cannot be distinguished from bleed except by its level: bleed
is always clearly weaker than the source in its own microphone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.optimize import linear_sum_assignment

from debleed.dsp.parallel import in_parallel
from debleed.dsp.projection import projected
from debleed.methods import Arrays, Paths, Side
from debleed.methods.arrays import checked
from debleed.methods.demix.excerpt import Bins, Powers, power, sounding_excerpt, spectra
from debleed.methods.demix.gain_calibration import balancing_gains, gains_differ
from debleed.progress import Progress, quiet
from debleed.recording import BLOCK_SECONDS, InputError, Recording, Samples

Matrix = NDArray[np.floating]
"""``(mics, mics)``; A with a unit diagonal, or W = A⁻¹."""

WINDOW = 0.045
"""Seconds of the STFT window. Measured on 10 s of songs: windows of half or twice this length cost 3 to 7 dB."""

FLOORS = (1e-3, 1e-4, 1e-5, 1e-6)
"""Least variance of a source, stage by stage, as a share of the local power of its microphone. Measured: the last three
stages gain 13 dB together; at 1e-8 a very soft source is lost."""

FAINT = 1e-2
"""Share of a microphone's mean power that is added to its local power, so that rounding or codec artefacts in silence
have no influence."""

SWEEPS = (15, 4)
"""Most sweeps in the first stage and in each later one."""

CONVERGED = 1e-7
"""A stage ends when no entry of the matrix changes by more than this."""

BINS_TRIED = 128
"""Number of bins from which the mixture is tested for being instantaneous and the initial matrix is estimated."""

SWEEPS_TRIED = 60
"""Most sweeps over these bins; in one of 186 excerpts of songs, the matrix was still the identity after 15."""

LIKELIHOOD_GAIN = 1.0
"""Least gain in log-likelihood, per time-frequency point, that one matrix must achieve for the mixture to count as
instantaneous. Measured: 3.6 to 12 on instantaneous scenes, 1.9 with noise at -25 dB; 0.01 in rooms, on drums and
without bleed, but 1.3 if two sources without bleed share a sound. The gain is therefore tested again after shared sound
is restored."""

LARGEST_BLEED = 0.6
"""A matrix entry above this (-4.4 dB) is not bleed; the matrices of WASPAA 2023 reach 0.52. Larger entries are sound
that two sources share (measured: 0.7 to 1), or those of a silent source, which are arbitrary."""

LARGEST_RISE = 1.1
"""A microphone is left unchanged if its power would rise by more than this factor. Removing bleed reduces the power,
except for sources that happen to be in antiphase for a while (measured: at most 1.01)."""

LARGEST = 10.0
"""Largest entry (20 dB) for microphones of equal level but unknown gains."""

SILENT = 1e-4
"""A source whose share of the power is below this (-40 dB) in all microphones is silent."""

SINGULAR = 0.1
"""Least singular value; below it, large entries mean that microphones are copies of each other."""

DEPENDENT = 1e-4
"""Microphones are sums of each other if the least eigenvalue of their correlation matrix is below this (-40 dB)."""

COLUMNS = 1 << 16
"""Points processed at a time, which fit into a core's cache."""


@dataclass(frozen=True)
class Points:
    """Time-frequency points as real numbers.

    Parameters
    ----------
    values
        ``(mics, 2 points)``, alternating real and imaginary parts.
    local
        ``(mics, points)``: local power of each microphone, plus a hundredth of its mean.
    """

    values: NDArray[np.float32]
    local: Powers

    @classmethod
    def of(cls, spectrum: Bins) -> Points:
        """Rearrange spectra ``(bins, mics, frames)``."""
        mics = spectrum.shape[1]
        local: Powers = uniform_filter1d(power(spectrum), 9, axis=-1)
        local += np.float32(FAINT) * local.mean(axis=(0, 2), keepdims=True)
        values = np.ascontiguousarray(spectrum.swapaxes(0, 1)).reshape(mics, -1).view(np.float32)
        return cls(values, np.ascontiguousarray(local.swapaxes(0, 1)).reshape(mics, -1))

    def parts(self) -> list[slice]:
        """Split the points into slices."""
        count = self.local.shape[1]
        return [slice(first, min(first + COLUMNS, count)) for first in range(0, count, COLUMNS)]

    def variances(self, rows: Matrix, share: float, part: slice) -> Powers:
        """Return the variance of each source at each point of a slice, |w_i x|² + floor, ``(mics, points)``."""
        squares = np.square(rows.astype(np.float32) @ self.values[:, 2 * part.start : 2 * part.stop])
        variances: Powers = squares[:, 0::2] + squares[:, 1::2] + np.float32(share) * self.local[:, part]
        return variances

    def covariances(self, rows: Matrix, share: float) -> NDArray[np.float64]:
        """Return U_i = sum over points of x xᵀ / v_i for every source i, ``(sources, mics, mics)``."""
        parts = self.parts()
        sums = np.zeros((len(parts), *rows.shape, len(rows)))

        def work(k: int) -> None:
            weights = 1 / self.variances(rows, share, parts[k])
            here = self.values[:, 2 * parts[k].start : 2 * parts[k].stop]
            for i, weight in enumerate(weights):
                sums[k, i] = (here * np.repeat(weight, 2)) @ here.T

        in_parallel(work, range(len(parts)))
        total: NDArray[np.float64] = sums.sum(axis=0)
        return total

    def shares(self, rows: Matrix) -> Matrix:
        """Return the power of each source in each microphone over the mean power of microphones, ``(mics, mics)``."""
        power = np.mean(np.square(rows @ self.values), axis=1)
        shared_power: Matrix = np.square(np.linalg.inv(rows)) * power / np.mean(np.square(self.values))
        return shared_power

    def likelihood(self, rows: Matrix) -> float:
        """Return the log-likelihood of the filters per point, at the first floor."""
        logs = [np.log(self.variances(rows, FLOORS[0], part)).sum(dtype=np.float64) for part in self.parts()]
        return float(2 * np.linalg.slogdet(rows)[1] - sum(logs) / self.local.shape[1])


def one_matrix(
    samples: NDArray[np.float32], rate: int, allowed: NDArray[np.bool_], progress: Progress = quiet
) -> Matrix | None:
    """Estimate the real matrix of an instantaneous mixture; ``None`` for any other mixture.

    Parameters
    ----------
    samples
        ``(mics, samples)``; no silent microphone; RMS about 1.
    rate
        Sampling rate in Hz.
    allowed
        ``(mics, mics)``: where bleed is possible, see :meth:`debleed.Recording.can_bleed`.

    Returns
    -------
    A of shape ``(mics, mics)`` with a unit diagonal.
    """
    lead = leads_of_dependent(samples, allowed)
    leads = np.flatnonzero(lead == np.arange(len(lead)))
    if len(leads) == len(lead):
        return matrix_of_independent(samples, rate, allowed, progress)
    between = matrix_of_independent(samples[leads], rate, allowed[np.ix_(leads, leads)], progress)
    return None if between is None else with_companions(between, samples, lead, allowed)


def leads_of_dependent(samples: NDArray[np.float32], allowed: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the microphone of the same source that stands for each one, ``(mics,)``: itself if all are independent.

    A source that is panned onto two channels gives no more signals than one microphone, so their matrix has no inverse.
    """
    lead = np.arange(len(samples))
    even = samples / np.sqrt(np.mean(np.square(samples), axis=1, keepdims=True))
    if np.linalg.eigvalsh((even @ even.T).astype(np.float64) / samples.shape[1])[0] > DEPENDENT:
        return lead
    hears = np.any(allowed, axis=1)  # the others are references, of which each stands for itself or its microphone
    same = ~(allowed | allowed.T) & (hears[:, None] | hears)
    for mic in lead:
        found = np.flatnonzero(same[mic] & hears)
        lead[mic] = found[0] if len(found) else mic
    return lead


def with_companions(
    between: Matrix, samples: NDArray[np.float32], lead: NDArray[np.intp], allowed: NDArray[np.bool_]
) -> Matrix:
    """Extend the matrix of the leads to all microphones.

    A companion is regressed on the sources, its own included. The own part stays out of the matrix: it is not bleed.
    """
    leads = np.flatnonzero(lead == np.arange(len(lead)))
    sources = np.linalg.solve(between, samples[leads].astype(np.float64))
    mixing = np.eye(len(samples))
    mixing[np.ix_(leads, leads)] = between
    for mic in np.flatnonzero(lead != np.arange(len(lead))):
        part = np.flatnonzero(allowed[mic, leads] | (leads == lead[mic]))
        gains = np.linalg.lstsq(sources[part].T, samples[mic].astype(np.float64))[0]
        mixing[mic, leads[part]] = np.where(leads[part] == lead[mic], 0, gains)
    return mixing


def matrix_of_independent(
    samples: NDArray[np.float32], rate: int, allowed: NDArray[np.bool_], progress: Progress = quiet
) -> Matrix | None:
    """Do the work of :func:`one_matrix` for microphones of which none is a sum of others."""
    level = np.sqrt(np.mean(np.square(samples), axis=1))
    spectrum = spectra(samples / level[:, None], 1 << round(np.log2(WINDOW * rate)))
    unmixed = np.eye(len(samples))
    subset = Points.of(sparse(spectrum))
    actual, calibrated = (
        1 / level,
        estimated_gains(
            subset.shares(sweep(subset, unmixed, FLOORS[0], SWEEPS_TRIED, allowed, LARGEST)), level, allowed
        ),
    )
    candidates = []
    for k, gains in enumerate([actual] if calibrated is None else [actual, calibrated]):
        progress("instantaneous", k / 2)
        mixing = matrix_of(spectrum, gains, allowed)
        if mixing is not None:
            mixing *= gains[:, None] / gains
            candidates.append((subset.likelihood(np.linalg.inv(mixing)), mixing * (level[:, None] / level)))
    return max(candidates, key=lambda pair: pair[0])[1] if candidates else None


def sparse(spectrum: Bins) -> Bins:
    """Return an evenly spaced subset of the bins."""
    return np.ascontiguousarray(spectrum[:: len(spectrum) // BINS_TRIED + 1])


def matrix_of(spectrum: Bins, gains: NDArray[np.floating], allowed: NDArray[np.bool_]) -> Matrix | None:
    """Estimate A from spectra ``(bins, mics, frames)``; ``None`` if the mixture is not instantaneous.

    The spectra are divided by ``gains`` first.
    """
    scale = (1 / gains[:, None]).astype(np.float32)
    subset = Points.of(scale * sparse(spectrum))
    unmixed = np.eye(spectrum.shape[1])
    rows = sweep(subset, unmixed, FLOORS[0], SWEEPS_TRIED, allowed)
    before = subset.likelihood(unmixed)
    if subset.likelihood(rows) - before < LIKELIHOOD_GAIN:
        return None
    points = Points.of(scale * spectrum)
    for k, share in enumerate(FLOORS):
        rows = sweep(points, rows, share, SWEEPS[min(k, 1)], allowed)
    mixing = without_shared(unit_diagonal(np.linalg.inv(rows)))
    return mixing if subset.likelihood(np.linalg.inv(mixing)) - before >= LIKELIHOOD_GAIN else None


def sweep(
    points: Points, rows: Matrix, share: float, sweeps: int, allowed: NDArray[np.bool_], largest: float = 1.0
) -> Matrix:
    """Run sweeps of iterative projection until the matrix converges, starting from the filters W = ``rows``.

    No entry of A exceeds ``largest``: with equal gains, no source is louder in another microphone than in its own.
    """
    mixing = unit_diagonal(np.linalg.inv(rows))
    possible = allowed | np.eye(len(rows), dtype=bool)
    for _ in range(sweeps):
        before = mixing
        # covariances of the current source estimates
        covariance = rows @ points.covariances(rows, share) @ rows.T
        own = np.einsum("iii->i", covariance)
        covariance /= np.where(own > 0, own, 1)[:, None, None]
        covariance += 1e-12 * np.trace(covariance, axis1=1, axis2=2)[:, None, None] * np.eye(len(rows))
        rows = projected(covariance[None].astype(np.complex128), allowed)[0].real @ rows
        mixing = np.where(possible, np.clip(unit_diagonal(np.linalg.inv(rows)), -largest, largest), 0)
        rows = np.asarray(np.linalg.inv(mixing + 1e-9 * np.eye(len(rows))), np.float64)
        if np.abs(mixing - before).max() < CONVERGED:
            break
    return rows


def estimated_gains(
    shares: Matrix, level: NDArray[np.floating], allowed: NDArray[np.bool_]
) -> NDArray[np.float32] | None:
    """Estimate the microphone gains, ``(mics,)``, if they clearly differ.

    First assign each source to the microphone in which it is strongest: the permutation with the largest product of
    shares, which does not depend on the gains. Silent sources take the remaining microphones. Then compute
    :func:`debleed.methods.demix.gain_calibration.balancing_gains`.

    Parameters
    ----------
    shares
        See :meth:`Points.shares`, for microphones of equal level.
    level
        ``(mics,)``: the actual levels.
    allowed
        ``(mics, mics)``: where bleed is possible.
    """
    silent = shares.max(axis=0) < SILENT
    size = np.where(silent, 0, np.log(np.maximum(shares, 1e-12)))
    _, order = linear_sum_assignment(np.where(allowed | np.eye(len(shares), dtype=bool), size, -1e6), maximize=True)
    shares = shares[:, order]
    own = np.where(silent[order], 0, np.diag(shares))
    bleed = np.divide(shares, own, out=np.zeros_like(shares), where=own > 0)
    if not gains_differ(bleed * np.square(level[:, None] / level) * ~np.eye(len(own), dtype=bool)):
        return None
    return balancing_gains(bleed, own, allowed)


def without_shared(mixing: Matrix) -> Matrix:
    """Restore sound that was mistaken for bleed because two sources share it.

    Collect the large entries in G and replace the sources by (I + G) y: source i gets a_ij y_j back, and sources that
    lost nothing stay unchanged. This changes the matrix to A ← A (I + G)⁻¹, rescaled, which may raise another entry, so
    it is repeated. Microphones that are copies of each other do not bleed into each other.
    """
    unit = np.eye(len(mixing))
    for _ in range(len(mixing)):
        loud = np.where((np.abs(mixing) > LARGEST_BLEED) & (unit == 0), mixing, 0)
        if not loud.any() or np.linalg.svd(unit + loud, compute_uv=False)[-1] < SINGULAR:
            break
        mixing = unit_diagonal(mixing @ np.linalg.inv(unit + loud))
    return np.where((np.abs(mixing) > LARGEST_BLEED) & (unit == 0), 0, mixing)


def unit_diagonal(mixing: Matrix) -> Matrix:
    """Rescale the sources so that the matrix has a unit diagonal."""
    scaled: Matrix = mixing / np.diag(mixing)
    return scaled


@dataclass(frozen=True)
class Instantaneous:
    """One real matrix for all frequencies, estimated blindly; any other mixture is returned unchanged."""

    seconds: float = field(default=120.0, metadata={"help": "longest excerpt to learn from, in seconds"})
    needs: ClassVar[frozenset[str]] = frozenset()
    source_count: ClassVar[int | None] = None

    def __post_init__(self) -> None:
        if not 0 < self.seconds < np.inf:
            raise InputError(f"seconds must be a number above 0, got {self.seconds}")

    def learn(self, recording: Recording, side: Side = Side(), progress: Progress = quiet) -> Unmixing:  # noqa: B008
        """Estimate the matrix from an excerpt of at most ``seconds``, which bounds the memory."""
        sounding, samples, _ = sounding_excerpt(recording, self.seconds)
        allowed = recording.can_bleed()[np.ix_(sounding, sounding)]
        rows = np.eye(len(recording))
        mixing = one_matrix(samples, recording.rate, allowed, progress) if allowed.any() else None
        if mixing is not None:
            rows[np.ix_(sounding, sounding)] = without_rise(np.linalg.inv(mixing), samples)
        progress("instantaneous", 1.0)
        return Unmixing(rows)

    def restore(self, arrays: Arrays, mics: int) -> Unmixing:
        """Rebuild the matrix of ``mics`` microphones, see :meth:`Unmixing.restored`."""
        return Unmixing.restored(arrays, mics)


def without_rise(rows: Matrix, samples: NDArray[np.float32]) -> Matrix:
    """Leave a microphone unchanged if its power would rise."""
    covariance = sum(
        (part @ part.T for part in np.array_split(samples, max(1, samples.shape[1] // COLUMNS), axis=1)),
        np.zeros_like(rows),
    )
    after = np.einsum("ij,jk,ik->i", rows, covariance, rows)
    return np.where((after > LARGEST_RISE * np.diag(covariance))[:, None], np.eye(len(rows)), rows)


@dataclass(frozen=True)
class Unmixing:
    """The matrix W = A⁻¹, ``(mics, mics)``."""

    rows: Matrix

    def keeping(self, kept: NDArray[np.bool_]) -> Unmixing:
        """Keep the bleed of microphone j's source in microphone i where ``kept[i, j]``: I − ((A − I) W)."""
        unit = np.eye(len(self.rows))
        return Unmixing(unit - ((np.linalg.inv(self.rows) - unit) * ~kept) @ self.rows)

    def paths(self, rate: int) -> Paths:
        """Describe the bleed of each source in each microphone; the delays are zero and the errors unknown."""
        mixing = np.linalg.inv(self.rows) * ~np.eye(len(self.rows), dtype=bool)
        return Paths(np.square(mixing), np.where(mixing, 0.0, np.nan), np.where(mixing, np.inf, 0.0))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the matrix, for :meth:`restored`."""
        return {"rows": self.rows.astype(np.float64)}

    @classmethod
    def restored(cls, arrays: Arrays, mics: int) -> Unmixing:
        """Read the matrix from :meth:`arrays`.

        Raises
        ------
        InputError
            If it is missing or invalid, or has no inverse.
        """
        rows = checked(arrays, "rows", np.float64, (mics, mics))
        if not np.linalg.cond(rows) < 1 / np.finfo(np.float64).eps:
            raise InputError("the matrix has no inverse")
        return cls(rows)

    def apply(self, recording: Recording) -> Recording:
        """Multiply a recording of the same microphones by the matrix, block by block."""
        if np.array_equal(self.rows, np.eye(len(self.rows))):
            return recording
        change = self.rows - np.eye(len(self.rows))

        def read(start: int, stop: int) -> Samples:
            out = recording.read(start, stop).copy()
            step = max(1, round(BLOCK_SECONDS * recording.rate))  # bounds the memory
            for a in range(0, stop - start, step):
                here = out[:, a : a + step]
                out[:, a : a + step] = here + change @ here.astype(np.float64)
            return out

        return recording.with_reader(read)
