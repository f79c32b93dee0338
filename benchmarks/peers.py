"""Blind source separation of pyroomacoustics, run at its best on our recordings: ILRMA and AuxIVA.

D. Kitamura et al.: "Determined blind source separation unifying independent vector analysis and nonnegative matrix
factorization", IEEE/ACM TASLP 2016. N. Ono: "Stable and fast update rules for independent vector analysis based on
auxiliary function technique", WASPAA 2011.

Neither knows which microphone is whose: the truth is used to choose the best permutation, which flatters them.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.optimize import linear_sum_assignment

from debleed.dsp.stft import Spectra, istft, stft
from debleed.methods import Side
from debleed.methods.baseline import truth_of
from debleed.progress import Progress, quiet
from debleed.recording import Recording, Samples
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
class Peer:
    """A method of pyroomacoustics, projected back to each source's own microphone, in the best permutation.

    Parameters
    ----------
    algorithm
        ``ilrma`` or ``auxiva``.
    nfft, hop
        Window length and step in samples, at any rate.
    iterations
        Of the algorithm.
    components
        Of ILRMA's spectra.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"truth"})

    algorithm: str = "ilrma"
    nfft: int = 8192
    hop: int = 2048
    iterations: int = 60
    components: int = 8

    def learn(self, recording: Recording, side: Side = Side(), progress: Progress = quiet) -> Separated:  # noqa: B008 - frozen
        """Separate; the time told is that of the iterations alone, without transforms and permutation."""
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
            raise ArithmeticError(f"{self.algorithm} gives no numbers on this recording")
        return Separated(level * self.assigned(mics, sources, truth / level), seconds, precision)

    def separate(self, mics: Spectra) -> Spectra | None:
        """Run the algorithm, ``(mics, bins, frames)`` to ``(sources, bins, frames)``; None where it breaks down."""
        from pyroomacoustics.bss import auxiva, ilrma

        np.random.seed(0)  # noqa: NPY002 - pyroomacoustics starts from the global state
        frames_first = mics.transpose(2, 1, 0)
        extra = {"n_components": self.components} if self.algorithm == "ilrma" else {}
        run = ilrma if self.algorithm == "ilrma" else auxiva
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = run(frames_first, n_src=len(mics), n_iter=self.iterations, proj_back=False, **extra)
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


PEERS = {"ilrma": Peer("ilrma"), "auxiva": Peer("auxiva")}
"""Methods of the benchmarks that are not the package's."""
