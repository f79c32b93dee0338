"""Optimisation: alternating least squares with the clean mixture as side information.

The "Optimisation" of the work that this project grew out of, for mixtures without delays. Microphones X = A S, the
clean mixture m = 1ᵀS; S are the images of the sources in their own microphones, so A has a unit diagonal. Minimises

    ‖X − A S‖² + ‖m − 1ᵀS‖²

from S = X by turns, ε = 1e-5,

    A ← (X Sᵀ + εI) (S Sᵀ + εI)⁻¹, unit diagonal, all other entries projected into [γ1, γ2]
    S ← (Aᵀ A + 1 1ᵀ)⁻¹ (Aᵀ X + 1 m)

until the objective falls by no more than 1e-3, or 1000 times. ε and 1e-3 are absolute, so the microphones come in at
RMS 1. S = M [X; m] is linear in what is given: X Sᵀ, S Sᵀ and the objective follow from the sums of squares and
products C = [X; m] [X; m]ᵀ, ``(mics + 1, mics + 1)``, which are summed once over blocks. A turn costs O(mics³) and
gives what it gives on the samples themselves, for any length.

The objective does not tell the sources apart. Where X = A S exactly, the mixture is m = r X with some row r, and every
matrix with r A = 1ᵀ reaches 0: one equation a column, for mics − 1 unknowns. What is found depends on the start.

The bounds mean positive paths. A microphone of the other polarity has negative ones, so it is turned over first; and a
source that the mixture then holds upside down has −1 in place of the 1 of the formulas. Entries between microphones of
one source are 0; each of them counts in the mixture.
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

    lowest: float = field(default=0.001, metadata={"help": "least gain of a path of bleed, against the own source"})
    highest: float = field(default=0.55, metadata={"help": "largest gain of a path of bleed, against the own source"})
    iterations: int = field(default=1000, metadata={"help": "most iterations"})
    fall: float = field(default=1e-3, metadata={"help": "stops when the objective falls by no more, at RMS 1"})

    def __post_init__(self) -> None:
        if not 0 <= self.lowest <= self.highest < np.inf:
            raise InputError(f"gains are bounded by 0 <= lowest <= highest, got {self.lowest} and {self.highest}")
        if self.iterations < 1:
            raise InputError(f"iterations is a whole number above 0, got {self.iterations}")

    def learn(self, recording: Recording, side: Side = Side(), progress: Progress = quiet) -> Optimised:  # noqa: B008
        """Sum the squares and products over blocks, and iterate on them.

        Raises
        ------
        InputError
            Without the mixture of this recording.
        """
        mixture = mixture_of(recording, side)
        sums = np.zeros((len(recording) + 1, len(recording) + 1))
        for start, stop in recording.blocks():
            given = np.concatenate([recording.read(start, stop), mixture.read(start, stop)]).astype(np.float64)
            if not np.isfinite(given).all():
                raise InputError(
                    f"the mixture holds a sample that is no number (NaN or infinite) after {start / recording.rate:g} s"
                )
            sums += given @ given.T
            progress("statistics", stop / max(1, recording.length))
        # a silent microphone has no source; left in, it would be given what the others do not explain
        sounding = np.flatnonzero(np.diag(sums)[:-1] > 0)
        chosen = np.append(sounding, len(recording))
        solution = np.zeros((len(recording), len(recording) + 1))
        if len(sounding):
            power = np.trace(sums[np.ix_(sounding, sounding)]) / (len(sounding) * recording.length)
            allowed = recording.can_bleed()[np.ix_(sounding, sounding)]
            solution[np.ix_(sounding, chosen)] = self.solved(sums[np.ix_(chosen, chosen)] / power, allowed)
        return Optimised(mixture, solution)

    def solved(self, sums: Matrix, allowed: NDArray[np.bool_]) -> Matrix:
        """Solve for M, ``(mics, mics + 1)``, given C and where bleed can be."""
        turned = np.append(polarities(sums[:-1, :-1]), 1.0)
        sums = sums * turned[:, None] * turned
        mixed = np.where(sums[:-1, -1] < 0, -1.0, 1.0)  # all 1 where the bleed and the mixture are as they should be
        solution = np.eye(len(mixed), len(turned))
        before = np.inf
        for _ in range(self.iterations):
            mixing = self.projected(*products(solution, sums), allowed)
            solution = sources_given(mixing, mixed)
            now = objective(mixing, solution, sums, mixed)
            if before - now <= self.fall:
                break
            before = now
        turned_back: Matrix = turned[:-1, None] * solution * turned
        return turned_back

    def projected(self, cross: Matrix, auto: Matrix, allowed: NDArray[np.bool_]) -> Matrix:
        """Find A from X Sᵀ and S Sᵀ: least squares, then the nearest matrix within the bounds."""
        unit = np.eye(len(cross))
        mixing = np.linalg.solve((auto + LOADING * unit).T, (cross + LOADING * unit).T).T
        bounded: Matrix = np.where(allowed, np.clip(mixing, self.lowest, self.highest), unit)
        return bounded


def mixture_of(recording: Recording, side: Side) -> Recording:
    """Return the mixture.

    Raises
    ------
    InputError
        Where there is none, or it belongs to another recording.
    """
    mixture = side.mixture
    if mixture is None:
        raise InputError(
            "this method needs the clean mixture, the sum of the sources as their own microphones hear them"
        )
    if len(mixture) != 1:
        raise InputError(f"the clean mixture is one microphone, got {len(mixture)}: {', '.join(mixture.names)}")
    if (mixture.rate, mixture.length) != (recording.rate, recording.length):
        raise InputError(
            f"the mixture has {mixture.length} samples at {mixture.rate} Hz, "
            f"the recording {recording.length} at {recording.rate} Hz"
        )
    return mixture


def polarities(auto: Matrix) -> NDArray[np.float64]:
    """Signs that make the microphones agree: those of the first eigenvector of their correlations, ``(mics,)``.

    Microphones that hear one another with positive gains correlate positively, and the first eigenvector of a positive
    matrix is positive. The sign of them all is free; it is that of most microphones.
    """
    level = np.sqrt(np.diag(auto))
    first = np.linalg.eigh(auto / (level[:, None] * level))[1][:, -1]
    signs = np.where(first < 0, -1.0, 1.0)
    return signs if signs.sum() >= 0 else -signs


def products(solution: Matrix, sums: Matrix) -> tuple[Matrix, Matrix]:
    """X Sᵀ and S Sᵀ for S = M [X; m]."""
    cross = sums @ solution.T
    return cross[:-1], solution @ cross


def sources_given(mixing: Matrix, mixed: NDArray[np.float64]) -> Matrix:
    """M = (Aᵀ A + 1 1ᵀ)⁻¹ [Aᵀ 1], with the signs ``mixed`` in place of 1."""
    given = np.column_stack([mixing.T, mixed])
    return np.linalg.solve(given @ given.T, given)


def objective(mixing: Matrix, solution: Matrix, sums: Matrix, mixed: NDArray[np.float64]) -> float:
    """‖X − A S‖² + ‖m − 1ᵀS‖² for S = M [X; m]."""
    left = np.eye(len(sums)) - np.vstack([mixing, mixed]) @ solution
    return float(np.sum((left @ sums) * left))


@dataclass(frozen=True)
class Optimised:
    """The map M, ``(mics, mics + 1)``, and the mixture that it needs beside the microphones.

    Applies to the recording that the mixture is of. Rows of silent microphones are 0.
    """

    mixture: Recording
    solution: Matrix

    def apply(self, recording: Recording) -> Recording:
        """Compute S = M [X; m], a stretch at a time."""

        def read(start: int, stop: int) -> Samples:
            out = recording.read(start, stop).copy()
            step = max(1, round(BLOCK_SECONDS * recording.rate))  # a long stretch costs no more than its samples
            for a in range(0, stop - start, step):
                b = min(a + step, stop - start)
                mixture = self.mixture.read(start + a, start + b)
                out[:, a:b] = self.solution @ np.concatenate([out[:, a:b], mixture]).astype(np.float64)
            return out

        return recording.with_reader(read)
