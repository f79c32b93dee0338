"""Kernel additive modelling for interference reduction (KAMIR).

T. Prätzlich, R. Bittner, A. Liutkus, M. Müller: "Kernel additive modeling for interference reduction in multi-channel
music recordings", ICASSP 2015. For recordings of full length: D. Di Carlo, K. Déguernel, A. Liutkus: "Gaussian
framework for interference reduction in live recordings", AES 2017.

The spectrum of microphone i is a Gaussian with variance Π_i(f,t) = Σ_j λ_ij(f) P_j(f,t), where P_j is the power
spectrum of source j and λ_ij its gain in microphone i. Both are estimated iteratively. Microphone i is then multiplied
by the share of its own source, W = λ_ij P_j / Π_i: a gain from 0 to 1 on this microphone only, without phases and
without the signals of other microphones.

The letters are those of the paper: V is |X|², λ is ``leak`` in the code. Arrays have the shape ``(bins, mics or
sources, frames)``, so that sums over sources are products of small matrices, one per bin.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from debleed.dsp.stft import Spectra, filtered, frame_count, nfft_at, stft
from debleed.methods import Arrays, Paths, Side
from debleed.methods.arrays import checked, whole
from debleed.progress import Progress, quiet
from debleed.recording import InputError, Recording, Samples

Floats = NDArray[np.floating]

VANISHING = 1e-30
"""Power relative to the recording's mean (−300 dB) below which a bin counts as silent; float32 would divide by zero."""

RUN = 64
"""Frames read at a time while learning; many more than a window spans, so that few samples are read twice."""

MOST_VALUES = 2**27
"""Most values of V kept for estimating λ (512 MiB): as many frames as 3 minutes of 4 microphones at 44.1 kHz have."""

BAND = 2**20
"""Values of V processed at a time; small enough for the processor's cache."""

RENDERED_SECONDS = 10.0
"""Seconds rendered at a time, which bounds the memory."""


def share(power: Floats, total_power: Floats) -> Floats:
    """Divide λ P by Π; 0 where Π is silent."""
    return np.divide(power, total_power, out=np.zeros_like(total_power), where=total_power > VANISHING)


def weight(leak: Floats, power: Floats, mic: int, source: int, logistic: bool) -> Floats:
    """Return the share of a source in a microphone, W = λ_ij P_j / Σ_k λ_ik P_k.

    Parameters
    ----------
    leak
        λ, ``(bins, mics, sources)``.
    power
        P, ``(bins, sources, frames)``.
    mic, source
        i and j.
    logistic
        Sharpen W in one step instead of iterating, W ← 1 − 1 / (1 + exp(20 (W − 0.6))).

    Returns
    -------
    ``(bins, frames)``, 0 to 1.
    """
    total_power = (leak[:, mic : mic + 1] @ power)[:, 0]
    w = share(leak[:, mic, source, None] * power[:, source], total_power)
    return 1 - 1 / (1 + np.exp(20 * (w - 0.6))) if logistic else w


def sweep(v: Floats, leak: Floats, power: Floats, close: Sequence[Sequence[int]], logistic: bool, kernel: int) -> None:
    """Update the power of one source after the other, in place: P_j ← mean over its microphones of W² V_i / λ_ij.

    Parameters
    ----------
    v
        V, ``(bins, mics, frames)``.
    leak
        λ, ``(bins, mics, sources)``.
    power
        P, ``(bins, sources, frames)``, modified.
    close
        The microphones of each source.
    logistic
        See :func:`weight`.
    kernel
        Frames of the median filter that smooths P (the "proximity kernel"); 1 disables it.
    """
    for j, mics in enumerate(close):
        estimates = [weight(leak, power, i, j, logistic) ** 2 * v[:, i] / leak[:, i, j, None] for i in mics]
        power[:, j] = sum(estimates) / np.float32(len(mics))
        if kernel > 1:
            import scipy.ndimage

            # zero padding, as at the ends of a recording
            power[:, j] = scipy.ndimage.median_filter(power[:, j], (1, kernel), mode="constant")


def initial(v: Floats, close: Sequence[Sequence[int]]) -> Floats:
    """Return the initial power of each source, the mean of its microphones, ``(bins, sources, frames)``."""
    return np.stack([v[:, list(mics)].mean(axis=1) for mics in close], axis=1)


def update_leak(v: Floats, leak: Floats, power: Floats, floor: float) -> Floats:
    """Update λ for the Itakura–Saito divergence (β = 0) of V from Π; normalise its rows and apply the floor.

    λ_ij ← λ_ij · Σ_t Π_i^{−2} V_i P_j / Σ_t Π_i^{−1} P_j, Π_i = Σ_k λ_ik P_k.

    Parameters and shapes as in :func:`sweep`; nothing is modified.
    """
    total_power = leak @ power
    inverse = share(np.ones_like(total_power), total_power)
    sources = np.swapaxes(power, 1, 2)
    excess = np.minimum(v * inverse, np.float32(1e8))  # so that the product with 1 / VANISHING fits into float32
    numerator, denominator = (excess * inverse) @ sources, inverse @ sources
    new = leak * np.divide(numerator, denominator, out=np.ones_like(denominator), where=denominator > 0)
    total = new.sum(axis=2, keepdims=True)
    total[total == 0] = 1
    floored: Floats = np.maximum(new / total, np.float32(floor))
    return floored


def first_leak(close: Sequence[Sequence[int]], mics: int, start: float) -> NDArray[np.float32]:
    """Return the initial λ: 1 for a source in its own microphones, ``start`` elsewhere; ``(1, mics, sources)``."""
    leak = np.full((1, mics, len(close)), start, np.float32)
    for j, own in enumerate(close):
        leak[:, list(own), j] = 1
    return leak


def learn_leak(v: Floats, close: Sequence[Sequence[int]], settings: Kamir) -> Floats:
    """Estimate λ, ``(bins, mics, sources)``, from V, ``(bins, mics, frames)``, by alternating the two updates."""
    leak = np.repeat(first_leak(close, v.shape[1], settings.start), len(v), axis=0)
    power = initial(v, close)
    for _ in range(settings.iterations):
        sweep(v, leak, power, close, settings.logistic, settings.kernel)
        leak = update_leak(v, leak, power, settings.floor)
    return leak


def gains(
    v: Floats,
    leak: Floats,
    close: Sequence[Sequence[int]],
    settings: Kamir,
    kept: NDArray[np.bool_] | None = None,
) -> Floats:
    """Return the gain of each microphone for its own source, of the shape of V, for fixed λ.

    P is iterated from its initial value. Each frame therefore depends only on itself (apart from the kernel), wherever
    an excerpt begins. With ``kept``, ``(mics, mics)``, the shares of the sources to be kept are added.
    """
    power = initial(v, close)
    for _ in range(settings.iterations):
        sweep(v, leak, power, close, settings.logistic, settings.kernel)
    out = np.empty_like(v)
    for j, mics in enumerate(close):
        for i in mics:
            out[:, i] = weight(leak, power, i, j, settings.logistic)
            for k, others in enumerate(close):
                if kept is not None and k != j and kept[i, list(others)].any():
                    out[:, i] += weight(leak, power, i, k, settings.logistic)
    return out if kept is None else np.minimum(out, 1)


def bands(bins: int, columns: int) -> Iterator[slice]:
    """Split the bins into bands of about ``BAND`` values."""
    step = max(1, BAND // max(1, columns))
    for first in range(0, bins, step):
        yield slice(first, min(first + step, bins))


def runs(frames: int, limit: int) -> Iterator[tuple[int, int]]:
    """Return the frames to learn from as (first, number): all frames, or evenly spread runs that fit into ``limit``."""
    many = min(-(-frames // RUN), max(1, limit // RUN))
    if many * RUN >= frames:
        yield from ((first, min(RUN, frames - first)) for first in range(0, frames, RUN))
    else:
        yield from ((round(k * (frames - RUN) / max(1, many - 1)), RUN) for k in range(many))


def magnitudes(recording: Recording, nfft: int, hop: int, progress: Progress) -> NDArray[np.float32]:
    """Return the magnitudes |X| of the frames to learn from, ``(bins, mics, frames)``, in bounded memory.

    The paper on long recordings learns from random projections of all frames instead. A projection sums frames, so
    every source is active in every projected frame, but λ can only be estimated from frames in which few sources are:
    512 projections of 60 s gave 0.3 to 2.7 dB less than the frames themselves. Frames are therefore taken from the
    whole recording; even 15 s out of 60 s cost at most 1.5 dB.
    """
    mics, bins, skip = len(recording), nfft // 2 + 1, nfft // hop - 1
    chosen = list(runs(frame_count(recording.length, nfft, hop), MOST_VALUES // (mics * bins)))
    amplitudes = np.empty((bins, mics, sum(number for _, number in chosen)), np.float32)
    done = 0
    for first, number in chosen:
        samples = recording.read(first * hop - skip * hop, (first + number) * hop)
        spectra = stft(samples, nfft, hop)[..., skip : skip + number]  # complete frames only
        amplitudes[:, :, done : done + number] = np.abs(spectra).transpose(1, 0, 2)
        done += number
        progress("read", done / amplitudes.shape[2])
    return amplitudes


@dataclass(frozen=True)
class LearnedKamir:
    """Learnt parameters: λ ``(bins, mics, sources)``, gains g ``(mics, bins)``, and the microphones of each source."""

    leak: NDArray[np.float32]
    level: NDArray[np.float32]
    close: tuple[tuple[int, ...], ...]
    nfft: int
    hop: int
    settings: Kamir
    kept: NDArray[np.bool_] | None = None

    def keeping(self, kept: NDArray[np.bool_]) -> LearnedKamir:
        """Keep the bleed of microphone j's source in microphone i where ``kept[i, j]``."""
        return replace(self, kept=kept)

    def paths(self, rate: int) -> Paths:
        """Describe the bleed by the mean of λ over all bins; delays and errors are unknown."""
        mean = self.leak.mean(axis=0, dtype=np.float64)
        power = np.zeros((len(mean), len(mean)))
        for j, mics in enumerate(self.close):
            for mic in mics:
                power[:, mic] = mean[:, j] / mean[mic, j]
            power[np.ix_(mics, mics)] = 0
        return Paths(power, np.full(power.shape, np.nan), np.where(power > 0, np.inf, 0.0))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return λ, g and the source of each microphone, for :meth:`Kamir.restore`."""
        source = np.empty(self.leak.shape[1], np.int64)
        for j, mics in enumerate(self.close):
            source[list(mics)] = j
        return {"leak": self.leak, "level": self.level, "source": source, "nfft": np.array([self.nfft], np.int64)}

    def apply(self, recording: Recording) -> Recording:
        """Multiply each time-frequency point of each microphone by the share of its own source."""
        with_source = [i for i, source in enumerate(recording.sources) if source is not None]
        sources = recording.select(with_source)
        reach = self.settings.kernel // 2 * self.settings.iterations * self.hop

        def masked(x: Spectra) -> Spectra:
            out = np.empty_like(x)
            for band in bands(x.shape[1], x.shape[0] * x.shape[2]):
                v = (np.abs(x[:, band]) / self.level[:, band, None]).astype(np.float32).transpose(1, 0, 2) ** 2
                w = gains(v, self.leak[band], self.close, self.settings, self.kept)
                out[:, band] = w.transpose(1, 0, 2) * x[:, band]
            return out

        def read(start: int, stop: int) -> Samples:
            out = recording.read(start, stop).copy()
            step = max(1, round(RENDERED_SECONDS * recording.rate))
            for a in range(start, stop, step):
                b = min(a + step, stop)
                clean = filtered(masked, (sources,), a - reach, b + reach, self.nfft, self.hop)
                out[with_source, a - start : b - start] = clean[:, reach : reach + b - a]
            return out

        return recording.with_reader(read)


@dataclass(frozen=True)
class Kamir:
    """Kernel additive modelling for interference reduction with tuned defaults; see :func:`published` for the paper's.

    Tuned on scenes of five songs, instantaneous and in rooms (RT60 0.35 to 0.8 s). Of the paper's settings, equalising
    the gains by the quiet frames costs most, up to 6 dB: while a source is silent, these frames contain the bleed of
    the others. Windows shorter than 8192 at 44.1 kHz cost 1 dB in rooms; longer ones gain as much at RT60 0.6 s and
    lose it in instantaneous scenes. A low start (0.1) is better with little reverberation, and worse by more with much.
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    source_count: ClassVar[int | None] = None

    nfft: int = field(
        default=8192, metadata={"help": "window length in samples at 44.1 kHz; the same duration at other rates"}
    )
    overlaps: int = field(default=8, metadata={"help": "window length over hop; 4 means an overlap of 75 %"})
    start: float = field(default=0.4, metadata={"help": "initial share of every source in every other microphone"})
    floor: float = field(default=0.003, metadata={"help": "least share of a source in a microphone"})
    iterations: int = field(default=8, metadata={"help": "number of updates of powers and shares"})
    equalise: bool = field(default=False, metadata={"help": "first equalise the microphones' levels in quiet frames"})
    logistic: bool = field(default=False, metadata={"help": "sharpen the gains with a logistic curve"})
    kernel: int = field(default=1, metadata={"help": "frames of the median filter on each source's power; 1: none"})

    def __post_init__(self) -> None:
        if not (0 < self.start <= 1 and 0 < self.floor <= 1):
            raise InputError(f"start and floor must be above 0 and at most 1, got {self.start} and {self.floor}")
        if self.nfft < 16 or self.iterations < 0 or self.kernel < 1 or self.kernel % 2 == 0:
            raise InputError("kamir needs nfft of at least 16, iterations of at least 0 and an odd kernel")
        if self.overlaps not in (2, 4, 8, 16):
            raise InputError(f"overlaps must be 2, 4, 8 or 16, so that the hop divides the window, got {self.overlaps}")

    def learn(self, recording: Recording, side: Side = Side(), progress: Progress = quiet) -> LearnedKamir:  # noqa: B008 - frozen
        """Estimate λ from frames of the whole recording, or from all frames if they fit into memory.

        Raises
        ------
        InputError
            If no microphone has a source.
        """
        with_source = [i for i, source in enumerate(recording.sources) if source is not None]
        if not with_source:
            raise InputError("no microphone has a source, so there is nothing to clean")
        sources = recording.select(with_source)
        close = tuple(
            tuple(i for i, source in enumerate(sources.sources) if source == name)
            for name in dict.fromkeys(sources.sources)
        )
        nfft = nfft_at(recording.rate, self.nfft)
        hop = nfft // self.overlaps
        amplitudes = magnitudes(sources, nfft, hop, progress)
        level = self._levels(amplitudes)
        leak = np.empty((*amplitudes.shape[:2], len(close)), np.float32)
        for band in bands(len(amplitudes), amplitudes.shape[1] * amplitudes.shape[2]):
            leak[band] = learn_leak((amplitudes[band] / level.T[band, :, None]) ** 2, close, self)
            progress("learn", band.stop / len(amplitudes))
        return LearnedKamir(leak, level, close, nfft, hop, self)

    def restore(self, arrays: Arrays, mics: int) -> LearnedKamir:
        """Rebuild what was learnt from ``mics`` microphones out of :meth:`LearnedKamir.arrays`.

        Raises
        ------
        InputError
            If arrays are missing or invalid.
        """
        source = checked(arrays, "source", np.int64, (mics,))
        if not np.array_equal(np.unique(source), np.arange(source.max() + 1)):
            raise InputError("the array 'source' does not number the sources consecutively from 0")
        close = tuple(tuple(np.flatnonzero(source == j).tolist()) for j in range(source.max() + 1))
        nfft = whole(arrays, "nfft", 16, 2**24)
        if nfft & (nfft - 1):
            raise InputError(f"'nfft' is {nfft}, not a power of two")
        leak = checked(arrays, "leak", np.float32, (nfft // 2 + 1, mics, len(close)))
        level = checked(arrays, "level", np.float32, (mics, nfft // 2 + 1))
        if np.any(leak < 0) or np.any(level <= 0):
            raise InputError("the array 'leak' contains negative values, or 'level' values that are not positive")
        return LearnedKamir(leak, level, close, nfft, nfft // self.overlaps, self)

    def _levels(self, amplitudes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the gains g that divide the magnitudes ``(bins, mics, frames)``, ``(mics, bins)``.

        They are one common gain, or g_i(f) = the 5 % quantile over t of |X_i| (which is at the same frame as that of
        |X|²), and scale with the level of the recording.
        """
        peak = np.max(amplitudes, initial=0) or np.float32(1)
        rows = [np.mean((row / peak) ** 2, dtype=np.float64) for row in amplitudes]  # row by row to save memory
        common = np.float32(peak * np.sqrt(np.mean(rows))) or np.float32(1)
        level = np.full(amplitudes.shape[1::-1], common, np.float32)
        if self.equalise:
            quiet_frames = np.quantile(amplitudes, 0.05, axis=2).T.astype(np.float32)
            level = np.where(quiet_frames > 0, quiet_frames, level)
        return level


def published() -> Kamir:
    """Return the method with the paper's settings.

    nfft 8192, Hann, α = 2, off-diagonal start 0.8, equalised gains, floor 0.05, 5 iterations, no kernel. The paper's
    overlap of 0.9 is not a whole number of hops; 7/8 is the nearest one that overlap-adds to a constant and is fast.
    The window here is a square-root Hann window for analysis and synthesis. The gain is iterated, not approximated by
    the logistic curve.
    """
    return Kamir(nfft=8192, overlaps=8, start=0.8, floor=0.05, iterations=5, equalise=True)
