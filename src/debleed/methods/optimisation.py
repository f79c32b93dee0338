"""Optimisation: alternating least squares with the clean mixture as side information.

This is "Optimisation" of Rajesh and Padmanabhan (WASPAA 2023) for instantaneous mixtures: microphones X = A S
and the clean mixture m = 1ᵀS. S are the images of the sources in their own microphones, so A has a unit diagonal. It
minimises

    ‖X − A S‖² + ‖m − 1ᵀS‖²

from S = X by alternating, with ε = 1e-5,

    A ← (X Sᵀ + εI) (S Sᵀ + εI)⁻¹, unit diagonal, all other entries projected onto [γ1, γ2]
    S ← (Aᵀ A + 1 1ᵀ)⁻¹ (Aᵀ X + 1 m)

until the objective decreases by at most 1e-3, or for 1000 iterations. ε and 1e-3 are absolute, so the microphones are
scaled to an RMS of 1. S = M [X; m] is linear in the input. X Sᵀ, S Sᵀ and the objective therefore follow from the Gram
matrix C = [X; m] [X; m]ᵀ, ``(mics + 1, mics + 1)``, which is summed once over blocks. An iteration costs O(mics³) for
any length and is equivalent to one on the samples themselves.

The objective does not separate the sources uniquely. If X = A S exactly, the mixture is m = r X with some row r, and
every matrix with r A = 1ᵀ reaches 0: one equation per column, for mics − 1 unknowns. The solution depends on the
starting point.

The bounds assume positive gains. The gains of a microphone with inverted polarity are negative, so its signal is
inverted first. A source that the mixture then contains with inverted polarity has −1 instead of 1 in the formulas.
Entries between microphones of the same source are 0; each of these microphones contributes to the mixture.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from debleed.methods import Side
from debleed.progress import Progress, quiet
from debleed.recording import BLOCK_SECONDS, InputError, Recording, Samples

Matrix = NDArray[np.float64]
"""A ``(mics, mics)``, M ``(mics, mics + 1)`` or C ``(mics + 1, mics + 1)``."""

LOADING = 1e-5
"""ε of the formulas."""


@dataclass(frozen=True)
class Optimisation:
    """Alternating least squares with the clean mixture, see :mod:`debleed.methods.optimisation`."""

    needs: ClassVar[frozenset[str]] = frozenset({"mixture"})
    source_count: ClassVar[int | None] = None

    lowest: float = field(default=0.001, metadata={"help": "least gain of the bleed, relative to the own microphone"})
    highest: float = field(default=0.55, metadata={"help": "largest gain of the bleed, relative to the own microphone"})
    iterations: int = field(default=1000, metadata={"help": "largest number of iterations"})
    fall: float = field(default=1e-3, metadata={"help": "stop if the objective falls by at most this, at an RMS of 1"})

    def __post_init__(self) -> None:
        if not 0 <= self.lowest <= self.highest < np.inf:
            raise InputError(f"gains need 0 <= lowest <= highest, got lowest {self.lowest} and highest {self.highest}")
        if self.iterations < 1:
            raise InputError(f"iterations must be a whole number above 0, got {self.iterations}")

    def learn(self, recording: Recording, side: Side = Side(), progress: Progress = quiet) -> Optimised:  # noqa: B008
        """Sum the Gram matrix over blocks and iterate on it.

        Raises
        ------
        InputError
            Without the mixture of this recording.
        """
        mixture = mixture_of(recording, side)
        sums = np.zeros((len(recording) + 1, len(recording) + 1))
        for start, stop in recording.blocks():
            block = np.concatenate([recording.read(start, stop), mixture.read(start, stop)]).astype(np.float64)
            if not np.isfinite(block).all():
                raise InputError(
                    f"the mixture contains a sample that is NaN or infinite after {start / recording.rate:g} s"
                )
            sums += block @ block.T
            progress("statistics", stop / max(1, recording.length))
        # exclude silent microphones: they have no source, but would receive the residual of the others
        sounding = np.flatnonzero(np.diag(sums)[:-1] > 0)
        chosen = np.append(sounding, len(recording))
        solution = np.zeros((len(recording), len(recording) + 1))
        if len(sounding):
            power = np.trace(sums[np.ix_(sounding, sounding)]) / (len(sounding) * recording.length)
            allowed = recording.can_bleed()[np.ix_(sounding, sounding)]
            solution[np.ix_(sounding, chosen)] = self.solved(sums[np.ix_(chosen, chosen)] / power, allowed)
        return Optimised(mixture, solution)

    def solved(self, sums: Matrix, allowed: NDArray[np.bool_]) -> Matrix:
        """Solve for M, ``(mics, mics + 1)``, given C and where bleed is possible."""
        signs = np.append(polarities(sums[:-1, :-1]), 1.0)
        sums = sums * signs[:, None] * signs
        mixture_signs = np.where(sums[:-1, -1] < 0, -1.0, 1.0)  # all 1 unless the mixture inverts a source
        solution = np.eye(len(mixture_signs), len(signs))
        before = np.inf
        for _ in range(self.iterations):
            mixing = self.projected(*products(solution, sums), allowed)
            solution = estimate_sources(mixing, mixture_signs)
            now = objective(mixing, solution, sums, mixture_signs)
            if before - now <= self.fall:
                break
            before = now
        restored: Matrix = signs[:-1, None] * solution * signs
        return restored

    def projected(self, cross: Matrix, auto: Matrix, allowed: NDArray[np.bool_]) -> Matrix:
        """Solve for A, given X Sᵀ and S Sᵀ: least squares, then the nearest matrix within the bounds."""
        unit = np.eye(len(cross))
        mixing = np.linalg.solve((auto + LOADING * unit).T, (cross + LOADING * unit).T).T
        bounded: Matrix = np.where(allowed, np.clip(mixing, self.lowest, self.highest), unit)
        return bounded


def mixture_of(recording: Recording, side: Side) -> Recording:
    """Return the mixture.

    Raises
    ------
    InputError
        If there is none, or it does not match the recording.
    """
    mixture = side.mixture
    if mixture is None:
        raise InputError(
            "this method needs the clean mixture, the sum of the sources as their own microphones pick them up"
        )
    if len(mixture) != 1:
        raise InputError(f"the clean mixture must be one channel, got {len(mixture)}: {', '.join(mixture.names)}")
    if (mixture.rate, mixture.length) != (recording.rate, recording.length):
        raise InputError(
            f"the mixture has {mixture.length} samples at {mixture.rate} Hz, "
            f"the recording {recording.length} at {recording.rate} Hz"
        )
    return mixture


def polarities(auto: Matrix) -> NDArray[np.float64]:
    """Return the signs of the first eigenvector of the microphones' correlation matrix, ``(mics,)``.

    Microphones that pick up each other with positive gains correlate positively, and the first eigenvector of a
    positive matrix is positive. The common sign is chosen so that most microphones keep their polarity.
    """
    level = np.sqrt(np.diag(auto))
    first = np.linalg.eigh(auto / (level[:, None] * level))[1][:, -1]
    signs = np.where(first < 0, -1.0, 1.0)
    return signs if signs.sum() >= 0 else -signs


def products(solution: Matrix, sums: Matrix) -> tuple[Matrix, Matrix]:
    """Return X Sᵀ and S Sᵀ for S = M [X; m]."""
    cross = sums @ solution.T
    return cross[:-1], solution @ cross


def estimate_sources(mixing: Matrix, mixture_signs: NDArray[np.float64]) -> Matrix:
    """Return M = (Aᵀ A + 1 1ᵀ)⁻¹ [Aᵀ 1], with the signs ``mixed`` in place of 1."""
    stacked = np.column_stack([mixing.T, mixture_signs])
    return np.linalg.solve(stacked @ stacked.T, stacked)


def objective(mixing: Matrix, solution: Matrix, sums: Matrix, mixture_signs: NDArray[np.float64]) -> float:
    """Return ‖X − A S‖² + ‖m − 1ᵀS‖² for S = M [X; m]."""
    residual = np.eye(len(sums)) - np.vstack([mixing, mixture_signs]) @ solution
    return float(np.sum((residual @ sums) * residual))


@dataclass(frozen=True)
class Optimised:
    """The map M, ``(mics, mics + 1)``, and the mixture, which is its last input.

    It applies to the recording that the mixture belongs to. Rows of silent microphones are 0.
    """

    mixture: Recording
    solution: Matrix

    def apply(self, recording: Recording) -> Recording:
        """Compute S = M [X; m] block by block."""

        def read(start: int, stop: int) -> Samples:
            out = recording.read(start, stop).copy()
            step = max(1, round(BLOCK_SECONDS * recording.rate))  # bounds the memory
            for a in range(0, stop - start, step):
                b = min(a + step, stop - start)
                mixture = self.mixture.read(start + a, start + b)
                out[:, a:b] = self.solution @ np.concatenate([out[:, a:b], mixture]).astype(np.float64)
            return out

        return recording.with_reader(read)
