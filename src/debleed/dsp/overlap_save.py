"""Exact filtering of long recordings in the frequency domain, block by block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from debleed.dsp.parallel import in_parallel
from debleed.dsp.rtf import Response
from debleed.recording import Samples


@dataclass(frozen=True)
class OverlapSave:
    """Samples of several microphones, transformed once in overlapping blocks to be filtered many times.

    The middle half of each block of ``nfft`` is exact for filters that reach at most ``nfft // 4`` samples to either
    side.
    """

    blocks: NDArray[np.complex64]
    length: int
    nfft: int

    @classmethod
    def of(cls, samples: Samples, nfft: int) -> OverlapSave:
        """Transform samples ``(mics, samples)``; outside them there is silence."""
        mics, length = samples.shape
        step = nfft // 2
        count = -(-length // step)
        blocks = np.empty((nfft // 2 + 1, mics, count), np.complex64)

        def transform(mic: int) -> None:
            padded = np.zeros((count - 1) * step + nfft, np.float32)
            padded[nfft // 4 : nfft // 4 + length] = samples[mic]
            blocks[:, mic] = scipy.fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, nfft)[::step], axis=-1).T

        in_parallel(transform, range(mics))
        return cls(blocks, length, nfft)

    def filtered(self, filters: Response) -> NDArray[np.float32]:
        """Apply filters ``(bins, outputs, mics)`` and return ``(outputs, samples)``."""
        outputs = np.empty((filters.shape[1], self.length), np.float32)
        reach = self.nfft // 4

        def transform(output: int) -> None:
            spectra = np.ascontiguousarray((filters[:, output : output + 1] @ self.blocks)[:, 0].T)
            middle = scipy.fft.irfft(spectra, self.nfft, axis=-1)[:, reach : reach + self.nfft // 2]
            outputs[output] = middle.reshape(-1)[: self.length]

        in_parallel(transform, range(len(outputs)))
        return outputs
