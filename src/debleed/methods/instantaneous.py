"""Instantaneous mixtures: one real matrix for all frequencies, found blindly.

Microphones that hear each other without delay (mixed in a desk, by crosstalk, or by a computer) are x = A y with a
unit diagonal. The sources are complex Gaussians of a variance of their own at every point of time and frequency, so the
filters W = A⁻¹ maximise the sum over points of 2 log |det W| − Σ_i log v_i − |w_i x|² / v_i: a joint diagonalisation of
local covariances (D.-T. Pham, J.-F. Cardoso, IEEE Trans. Signal Process. 49, 2001), here by iterative projection
(N. Ono, WASPAA 2011). All points share the matrix, so v_i can be as local as a point itself: v_i = |w_i x|² + floor.

A point in which one source pauses tells the paths of the others exactly, but only if it weighs much, and it does when
the estimate of that source is nearly 0 there: when the matrix is nearly right. So the floor sinks in stages, and each
stage starts from the matrix of the one before.

What is left is what the sources truly share (one synthesiser on two tracks), which is told from bleed by its size
alone: no path is nearly as loud as the source in its own microphone.
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
from debleed.methods.demix.gain_calibration import balanced, unequal
from debleed.progress import Progress, quiet
from debleed.recording import BLOCK_SECONDS, InputError, Recording, Samples

Matrix = NDArray[np.floating]
"""``(mics, mics)``; A with a unit diagonal, or W = A⁻¹."""

WINDOW = 0.045
"""Seconds of the short-time window. Measured on 10 s of songs: half or twice as long costs 3 to 7 dB."""

FLOORS = (1e-3, 1e-4, 1e-5, 1e-6)
"""Least variance of a source, stage by stage, as a share of its microphone's power around. Measured: the last three are
worth 13 dB together; at 1e-8 a source that hardly sounds begins to be lost."""

FAINT = 1e-2
"""A hundredth of the same share counts of the microphone's power over all time and frequency, so that what rounding or
a codec left in silence decides nothing."""

SWEEPS = (15, 4)
"""Most sweeps of the first stage and of each later one."""

SETTLED = 1e-7
"""A stage ends when no entry of the matrix changes by more."""

BINS_TRIED = 128
"""So many bins tell whether a mixture is instantaneous, and where to start."""

SWEEPS_TRIED = 60
"""Most sweeps over these; of 186 blocks of songs one had not left the identity after 15."""

GAIN = 1.0
"""Log-likelihood that one matrix must gain, per point of time and frequency, for a mixture to be instantaneous.
Measured: 3.6 to 12 on linear scenes, 1.9 with noise at -25 dB; 0.01 in rooms, on drums and without bleed, but 1.3 where
two sources without bleed share a sound; what is gained is asked again once that is given back."""

MOST = 0.6
"""A path louder than this (-4.4 dB) is none: the WASPAA 2023 matrices reach 0.52. What passes it are sounds that two
sources share (measured: 0.7 to 1) and paths of a source that is silent, of which nothing is known."""

LOUDER = 1.1
"""A microphone is left as it was if it had this many times the power afterwards. Less bleed is less sound, but for
sources that happen to be opposed for a while (measured: 1.01 at most)."""

ANY = 10.0
"""No path is louder than this (20 dB) between microphones that are equally loud, however they are turned up."""

RESTS = 1e-4
"""A source that nowhere has more than this share of the power (-40 dB) rests."""

ALIKE = 0.1
"""Least singular value below which loud paths mean that microphones hear the same."""

COLUMNS = 1 << 16
"""Points worked on at a time, which stay in a core's cache."""


@dataclass(frozen=True)
class Points:
    """Points of time and frequency, as real numbers.

    Parameters
    ----------
    values
        ``(mics, 2 points)``, real and imaginary parts in turn.
    around
        ``(mics, points)``: power of each microphone around the point, and a hundredth of its mean.
    """

    values: NDArray[np.float32]
    around: Powers

    @classmethod
    def of(cls, heard: Bins) -> Points:
        """Lay out spectra ``(bins, mics, frames)``."""
        mics = heard.shape[1]
        around: Powers = uniform_filter1d(power(heard), 9, axis=-1)
        around += np.float32(FAINT) * around.mean(axis=(0, 2), keepdims=True)
        values = np.ascontiguousarray(heard.swapaxes(0, 1)).reshape(mics, -1).view(np.float32)
        return cls(values, np.ascontiguousarray(around.swapaxes(0, 1)).reshape(mics, -1))

    def parts(self) -> list[slice]:
        """Cut the points into stretches."""
        count = self.around.shape[1]
        return [slice(first, min(first + COLUMNS, count)) for first in range(0, count, COLUMNS)]

    def variances(self, rows: Matrix, share: float, part: slice) -> Powers:
        """Variance of each source at each point of a stretch, |w_i x|² + floor, ``(mics, points)``."""
        squares = np.square(rows.astype(np.float32) @ self.values[:, 2 * part.start : 2 * part.stop])
        variances: Powers = squares[:, 0::2] + squares[:, 1::2] + np.float32(share) * self.around[:, part]
        return variances

    def covariances(self, rows: Matrix, share: float) -> NDArray[np.float64]:
        """U_i = sum over points of x xᵀ / v_i for every source i, ``(sources, mics, mics)``."""
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
        """Power of each source in each microphone, against the mean power of microphones, ``(mics, mics)``."""
        power = np.mean(np.square(rows @ self.values), axis=1)
        found: Matrix = np.square(np.linalg.inv(rows)) * power / np.mean(np.square(self.values))
        return found

    def likelihood(self, rows: Matrix) -> float:
        """Log-likelihood of the filters, per point, at the first floor."""
        logs = [np.log(self.variances(rows, FLOORS[0], part)).sum(dtype=np.float64) for part in self.parts()]
        return float(2 * np.linalg.slogdet(rows)[1] - sum(logs) / self.around.shape[1])


def one_matrix(
    samples: NDArray[np.float32], rate: int, allowed: NDArray[np.bool_], progress: Progress = quiet
) -> Matrix | None:
    """Find the one real matrix of an instantaneous mixture; ``None`` where the mixture is none.

    Parameters
    ----------
    samples
        ``(mics, samples)``; no microphone silent throughout; RMS about 1.
    rate
        Samples per second.
    allowed
        ``(mics, mics)``: where bleed can be, see :meth:`debleed.Recording.can_bleed`.

    Returns
    -------
    A of shape ``(mics, mics)`` with a unit diagonal.
    """
    level = np.sqrt(np.mean(np.square(samples), axis=1))
    heard = spectra(samples / level[:, None], 1 << round(np.log2(WINDOW * rate)))
    unmixed = np.eye(len(samples))
    some = Points.of(sparse(heard))
    as_they_are, told = (
        1 / level,
        told_gains(some.shares(swept(some, unmixed, FLOORS[0], SWEEPS_TRIED, allowed, ANY)), level, allowed),
    )
    found = []
    for k, gains in enumerate([as_they_are] if told is None else [as_they_are, told]):
        progress("instantaneous", k / 2)
        mixing = matrix_of(heard, gains, allowed)
        if mixing is not None:
            mixing *= gains[:, None] / gains
            found.append((some.likelihood(np.linalg.inv(mixing)), mixing * (level[:, None] / level)))
    return max(found, key=lambda pair: pair[0])[1] if found else None


def sparse(heard: Bins) -> Bins:
    """Take some of the bins."""
    return np.ascontiguousarray(heard[:: len(heard) // BINS_TRIED + 1])


def matrix_of(heard: Bins, gains: NDArray[np.floating], allowed: NDArray[np.bool_]) -> Matrix | None:
    """Find the matrix A of microphones ``(bins, mics, frames)`` without their gains; none where there is none."""
    even = (1 / gains[:, None]).astype(np.float32)
    some = Points.of(even * sparse(heard))
    unmixed = np.eye(heard.shape[1])
    rows = swept(some, unmixed, FLOORS[0], SWEEPS_TRIED, allowed)
    before = some.likelihood(unmixed)
    if some.likelihood(rows) - before < GAIN:
        return None
    points = Points.of(even * heard)
    for k, share in enumerate(FLOORS):
        rows = swept(points, rows, share, SWEEPS[min(k, 1)], allowed)
    mixing = without_shared(unit_diagonal(np.linalg.inv(rows)))
    return mixing if some.likelihood(np.linalg.inv(mixing)) - before >= GAIN else None


def swept(
    points: Points, rows: Matrix, share: float, sweeps: int, allowed: NDArray[np.bool_], loudest: float = 1.0
) -> Matrix:
    """Sweeps of iterative projection, until the matrix stays; ``rows`` are the filters W to start from.

    No path is louder than ``loudest``: with equal gains, nobody is louder in another microphone than in the own.
    """
    mixing = unit_diagonal(np.linalg.inv(rows))
    possible = allowed | np.eye(len(rows), dtype=bool)
    for _ in range(sweeps):
        before = mixing
        # in the coordinates of the sources found so far
        covariance = rows @ points.covariances(rows, share) @ rows.T
        own = np.einsum("iii->i", covariance)
        covariance /= np.where(own > 0, own, 1)[:, None, None]
        covariance += 1e-12 * np.trace(covariance, axis1=1, axis2=2)[:, None, None] * np.eye(len(rows))
        rows = projected(covariance[None].astype(np.complex128), allowed)[0].real @ rows
        mixing = np.where(possible, np.clip(unit_diagonal(np.linalg.inv(rows)), -loudest, loudest), 0)
        rows = np.asarray(np.linalg.inv(mixing + 1e-9 * np.eye(len(rows))), np.float64)
        if np.abs(mixing - before).max() < SETTLED:
            break
    return rows


def told_gains(shares: Matrix, level: NDArray[np.floating], allowed: NDArray[np.bool_]) -> NDArray[np.float32] | None:
    """Estimate the gains of the microphones, ``(mics,)``, if they are plainly unequal.

    See :mod:`debleed.methods.demix.gain_calibration`.

    First each source is given to the microphone that hears it best: of all orders the one with the greatest product of
    shares, which no gain changes. Sources that rest take what is left.

    Parameters
    ----------
    shares
        See :meth:`Points.shares`, of microphones that are equally loud.
    level
        ``(mics,)``: how loud they are.
    allowed
        ``(mics, mics)``: where bleed can be.
    """
    rest = shares.max(axis=0) < RESTS
    size = np.where(rest, 0, np.log(np.maximum(shares, 1e-12)))
    _, order = linear_sum_assignment(np.where(allowed | np.eye(len(shares), dtype=bool), size, -1e6), maximize=True)
    shares = shares[:, order]
    own = np.where(rest[order], 0, np.diag(shares))
    bleed = np.divide(shares, own, out=np.zeros_like(shares), where=own > 0)
    if not unequal(bleed * np.square(level[:, None] / level) * ~np.eye(len(own), dtype=bool)):
        return None
    return balanced(bleed, own, allowed)


def without_shared(mixing: Matrix) -> Matrix:
    """Give back what was taken for paths and is too loud for them.

    With the loud entries in G, the sources become (I + G) y: source i gets a_ij y_j back, those that lost nothing stay
    as they are. So A ← A (I + G)⁻¹, rescaled, which may raise another entry: again. Of microphones that hear the same,
    none bleeds into the other.
    """
    unit = np.eye(len(mixing))
    for _ in range(len(mixing)):
        loud = np.where((np.abs(mixing) > MOST) & (unit == 0), mixing, 0)
        if not loud.any() or np.linalg.svd(unit + loud, compute_uv=False)[-1] < ALIKE:
            break
        mixing = unit_diagonal(mixing @ np.linalg.inv(unit + loud))
    return np.where((np.abs(mixing) > MOST) & (unit == 0), 0, mixing)


def unit_diagonal(mixing: Matrix) -> Matrix:
    """Scale the sources so that each reaches its own microphone unchanged."""
    scaled: Matrix = mixing / np.diag(mixing)
    return scaled


@dataclass(frozen=True)
class Instantaneous:
    """One real matrix for all frequencies, found blindly; a recording that is no such mixture comes back as it is."""

    seconds: float = field(default=120.0, metadata={"help": "seconds of the recording that are listened to"})
    needs: ClassVar[frozenset[str]] = frozenset()
    source_count: ClassVar[int | None] = None

    def __post_init__(self) -> None:
        if not 0 < self.seconds < np.inf:
            raise InputError(f"seconds is a number above 0, got {self.seconds}")

    def learn(self, recording: Recording, side: Side = Side(), progress: Progress = quiet) -> Unmixing:  # noqa: B008
        """Find the matrix; memory is bounded by an excerpt of at most ``seconds``."""
        sounding, heard = sounding_excerpt(recording, self.seconds)
        allowed = recording.can_bleed()[np.ix_(sounding, sounding)]
        rows = np.eye(len(recording))
        mixing = one_matrix(heard, recording.rate, allowed, progress) if allowed.any() else None
        if mixing is not None:
            rows[np.ix_(sounding, sounding)] = harmless(np.linalg.inv(mixing), heard)
        progress("instantaneous", 1.0)
        return Unmixing(rows)

    def restore(self, arrays: Arrays, mics: int) -> Unmixing:
        """Rebuild the matrix of so many microphones, see :meth:`Unmixing.restored`."""
        return Unmixing.restored(arrays, mics)


def harmless(rows: Matrix, heard: NDArray[np.float32]) -> Matrix:
    """Leave a microphone as it was where it would get much louder."""
    covariance = sum(
        (part @ part.T for part in np.array_split(heard, max(1, heard.shape[1] // COLUMNS), axis=1)),
        np.zeros_like(rows),
    )
    after = np.einsum("ij,jk,ik->i", rows, covariance, rows)
    return np.where((after > LOUDER * np.diag(covariance))[:, None], np.eye(len(rows)), rows)


@dataclass(frozen=True)
class Unmixing:
    """The matrix W = A⁻¹, ``(mics, mics)``."""

    rows: Matrix

    def keeping(self, kept: NDArray[np.bool_]) -> Unmixing:
        """Leave the bleed of microphone j's source in microphone i where ``kept[i, j]``: I − ((A − I) W)."""
        unit = np.eye(len(self.rows))
        return Unmixing(unit - ((np.linalg.inv(self.rows) - unit) * ~kept) @ self.rows)

    def paths(self, rate: int) -> Paths:
        """Describe the paths; they have no delay, and of their error nothing is known."""
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
            Where it is none, or has no inverse.
        """
        rows = checked(arrays, "rows", np.float64, (mics, mics))
        if not np.linalg.cond(rows) < 1 / np.finfo(np.float64).eps:
            raise InputError("the matrix has no inverse")
        return cls(rows)

    def apply(self, recording: Recording) -> Recording:
        """Multiply any recording of the same microphones with it, a stretch at a time."""
        if np.array_equal(self.rows, np.eye(len(self.rows))):
            return recording
        change = self.rows - np.eye(len(self.rows))

        def read(start: int, stop: int) -> Samples:
            out = recording.read(start, stop).copy()
            step = max(1, round(BLOCK_SECONDS * recording.rate))  # a long stretch costs no more than its samples
            for a in range(0, stop - start, step):
                here = out[:, a : a + step]
                out[:, a : a + step] = here + change @ here.astype(np.float64)
            return out

        return recording.with_reader(read)
