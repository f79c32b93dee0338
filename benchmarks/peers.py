"""Blind source separation of pyroomacoustics, run at its best on our recordings: ILRMA and AuxIVA.

D. Kitamura et al.: "Determined blind source separation unifying independent vector analysis and nonnegative matrix
factorization", IEEE/ACM TASLP 2016. N. Ono: "Stable and fast update rules for independent vector analysis based on
auxiliary function technique", WASPAA 2011.

Neither knows which microphone is whose: the truth is used to choose the best permutation, which flatters them. They run
like any method of a third party, by their path:

    PYTHONPATH=benchmarks debleed benchmark corpora/room-0.35 --methods demix,peers:Ilrma -o results
"""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from scipy.optimize import linear_sum_assignment

from debleed.dsp.stft import Spectra, istft, stft
from debleed.methods import Side
from debleed.methods.baseline import truth_of
from debleed.progress import Progress, quiet
from debleed.recording import InputError, Recording, Samples
from debleed.scoring.evaluate import sdr


@dataclass(frozen=True)
class Separated:
    """The result for the recording that was fitted, and how it came about."""

    clean: Samples
    seconds: float
    precision: str

    def apply(self, recording: Recording) -> Recording:
        """Return the result."""
        return recording.with_reader(lambda start, stop: self.clean[:, start:stop])


@dataclass(frozen=True)
class Auxiva:
    """AuxIVA of pyroomacoustics, projected back to each source's own microphone, in the best permutation."""

    needs: ClassVar[frozenset[str]] = frozenset({"truth"})
    source_count: ClassVar[int | None] = None
    algorithm: ClassVar[str] = "auxiva"

    nfft: int = field(default=8192, metadata={"help": "window length in samples, at any rate"})
    hop: int = field(default=2048, metadata={"help": "step in samples, at any rate"})
    iterations: int = field(default=60, metadata={"help": "iterations of the algorithm"})

    def learn(self, recording: Recording, side: Side = Side(), progress: Progress = quiet) -> Separated:  # noqa: B008 - frozen
        """Separate; ``seconds`` is the time of the iterations alone, without transforms and permutation."""
        truth = truth_of(recording, side).read()
        samples = recording.read().astype(np.float32)
        level = np.float32(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
        mics = stft(samples / level, self.nfft, self.hop)
        began = time.perf_counter()
        precision, sources = "complex64", self.separate(mics)
        if sources is None:  # a bin without energy is enough; the time of the failure is not counted
            began = time.perf_counter()
            precision, sources = "complex128", self.separate(mics.astype(np.complex128))
        seconds = time.perf_counter() - began
        if sources is None:
            raise InputError(f"{self.algorithm} breaks down on this recording and gives no numbers")
        return Separated(level * self.assigned(mics, sources, truth / level), seconds, precision)

    def extra(self) -> dict[str, int]:
        """Return what this algorithm takes beside the common arguments."""
        return {}

    def separate(self, mics: Spectra) -> Spectra | None:
        """Run the algorithm, ``(mics, bins, frames)`` to ``(sources, bins, frames)``; None where it breaks down."""
        from pyroomacoustics.bss import auxiva, ilrma

        np.random.seed(0)  # noqa: NPY002 - pyroomacoustics starts from the global state
        frames_first = mics.transpose(2, 1, 0)
        run = ilrma if self.algorithm == "ilrma" else auxiva
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = run(frames_first, n_src=len(mics), n_iter=self.iterations, proj_back=False, **self.extra())
            except np.linalg.LinAlgError:
                return None
        return found.transpose(2, 1, 0) if np.isfinite(found).all() else None

    def assigned(self, mics: Spectra, sources: Spectra, truth: Samples) -> Samples:
        """Project each source to each microphone and give each microphone the source that suits it best."""
        scores = np.empty((len(mics), len(sources)))
        for i, mic in enumerate(mics):
            for j, source in enumerate(sources):
                scores[i, j] = sdr(truth[i, None], self.projected(mic, source, truth.shape[1])[None])[0]
        chosen = linear_sum_assignment(np.nan_to_num(scores), maximize=True)[1]  # NaN: a silent source
        length = truth.shape[1]
        return np.stack([self.projected(mic, sources[j], length) for mic, j in zip(mics, chosen, strict=True)])

    def projected(self, mic: Spectra, source: Spectra, length: int) -> Samples:
        """Scale each bin of a source, ``(bins, frames)``, so that it resembles the microphone most; back to samples."""
        power = np.sum(np.abs(source) ** 2, axis=1)
        shared = np.sum(mic * source.conj(), axis=1)
        scale = np.divide(shared, power, out=np.zeros_like(shared), where=power > 0)
        samples = istft(scale[:, None] * source, length, self.nfft, self.hop)
        return samples.astype(np.float32)


@dataclass(frozen=True)
class Ilrma(Auxiva):
    """ILRMA of pyroomacoustics, likewise."""

    algorithm: ClassVar[str] = "ilrma"

    components: int = field(default=8, metadata={"help": "components of the spectra of a source"})

    def extra(self) -> dict[str, int]:
        """Return the number of components."""
        return {"n_components": self.components}
