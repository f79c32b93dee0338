"""Kernel additive modelling for interference reduction (KAMIR).

T. Prätzlich, R. Bittner, A. Liutkus, M. Müller: "Kernel additive modeling for interference reduction in multi-channel
music recordings", ICASSP 2015. For recordings of full length: D. Di Carlo, K. Déguernel, A. Liutkus: "Gaussian
framework for interference reduction in live recordings", AES 2017.

The spectrum of microphone i is a Gaussian of variance Π_i(f,t) = Σ_j λ_ij(f) P_j(f,t): source j has the power spectrum
P_j, and λ_ij of it reaches microphone i. Both are found by iteration; microphone i is then weighed with its source's
share W = λ_ij P_j / Π_i, a gain from 0 to 1 on the microphone alone: no phase and no other microphone is heard through.

The letters are the paper's: V is |X|², λ ``leak`` in code. Arrays here are ``(bins, mics or sources, frames)``, so that
sums over sources are products of small matrices, one a bin.
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
"""Power against the recording's mean (so −300 dB) below which float32 would divide by nothing; taken for silence."""

RUN = 64
"""Frames read at a time while learning; long against the window, so that little is read twice."""

LEARNT = 2**27
"""Most values of V kept for learning λ, 512 MiB: as many frames as 3 minutes of 4 microphones at 44.1 kHz have."""

BAND = 2**20
"""Values of V worked on at a time; small enough for a processor's cache to help."""

STRETCH = 10.0
"""Seconds rendered at a time, so that a long stretch costs no more memory than its samples."""


def share(power: Floats, reached: Floats) -> Floats:
    """Divide λ P by Π; where nothing sounds, nothing is let through."""
    return np.divide(power, reached, out=np.zeros_like(reached), where=reached > VANISHING)


def weight(leak: Floats, power: Floats, mic: int, source: int, logistic: bool) -> Floats:
    """Share of a source in a microphone, W = λ_ij P_j / Σ_k λ_ik P_k.

    Parameters
    ----------
    leak
        λ, ``(bins, mics, sources)``.
    power
        P, ``(bins, sources, frames)``.
    mic, source
        i and j.
    logistic
        Sharpen at once instead of by iterating, W ← 1 − 1 / (1 + exp(20 (W − 0.6))).

    Returns
    -------
    ``(bins, frames)``, 0 to 1.
    """
    reached = (leak[:, mic : mic + 1] @ power)[:, 0]
    w = share(leak[:, mic, source, None] * power[:, source], reached)
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
        P, ``(bins, sources, frames)``, changed.
    close
        The microphones of each source.
    logistic
        See :func:`weight`.
    kernel
        Frames of the median that P is smoothed with ("proximity kernel"); 1 is none.
    """
    for j, mics in enumerate(close):
        heard = [weight(leak, power, i, j, logistic) ** 2 * v[:, i] / leak[:, i, j, None] for i in mics]
        power[:, j] = sum(heard) / np.float32(len(mics))
        if kernel > 1:
            import scipy.ndimage

            # silence outside, as at the ends of a recording
            power[:, j] = scipy.ndimage.median_filter(power[:, j], (1, kernel), mode="constant")


def initial(v: Floats, close: Sequence[Sequence[int]]) -> Floats:
    """Power of each source to start from: the mean of its microphones, ``(bins, sources, frames)``."""
    return np.stack([v[:, list(mics)].mean(axis=1) for mics in close], axis=1)


def update_leak(v: Floats, leak: Floats, power: Floats, floor: float) -> Floats:
    """Update λ for the Itakura–Saito divergence (β = 0) of V from Π, rows normalised and floored.

    λ_ij ← λ_ij · Σ_t Π_i^{−2} V_i P_j / Σ_t Π_i^{−1} P_j, Π_i = Σ_k λ_ik P_k.

    Parameters and returned value as in :func:`sweep`; nothing is changed.
    """
    reached = leak @ power
    inverse = share(np.ones_like(reached), reached)
    sources = np.swapaxes(power, 1, 2)
    excess = np.minimum(v * inverse, np.float32(1e8))  # times 1 / VANISHING still a float32
    wanted, given = (excess * inverse) @ sources, inverse @ sources
    new = leak * np.divide(wanted, given, out=np.ones_like(given), where=given > 0)
    total = new.sum(axis=2, keepdims=True)
    total[total == 0] = 1
    floored: Floats = np.maximum(new / total, np.float32(floor))
    return floored


def first_leak(close: Sequence[Sequence[int]], mics: int, start: float) -> NDArray[np.float32]:
    """λ to start from: 1 for a source in its own microphones, ``start`` elsewhere; ``(1, mics, sources)``."""
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
    """Gain of each microphone for its own source, of the shape of V, with λ fixed: P is iterated again from its start.

    With ``kept``, ``(mics, mics)``, the shares of the sources that are to stay are added to it.

    So each frame depends on itself alone (but for the kernel), wherever a stretch begins.
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
    """Cut the bins into bands of about ``BAND`` values."""
    step = max(1, BAND // max(1, columns))
    for first in range(0, bins, step):
        yield slice(first, min(first + step, bins))


def runs(frames: int, limit: int) -> Iterator[tuple[int, int]]:
    """Choose frames to learn from, as (first, number) of runs: all, or as many as fit, spread evenly over the whole."""
    many = min(-(-frames // RUN), max(1, limit // RUN))
    if many * RUN >= frames:
        yield from ((first, min(RUN, frames - first)) for first in range(0, frames, RUN))
    else:
        yield from ((round(k * (frames - RUN) / max(1, many - 1)), RUN) for k in range(many))


def magnitudes(recording: Recording, nfft: int, hop: int, progress: Progress) -> NDArray[np.float32]:
    """Magnitudes |X| of the frames to learn from, ``(bins, mics, frames)``, in bounded memory.

    The paper for long recordings learns from random projections of all frames. Projecting sums frames, so that every
    source sounds in every projected frame, while λ is told from frames in which few sources do: 512 projections of 60 s
    gave 0.3 to 2.7 dB less than the frames themselves. So frames are taken from all over the recording; even 15 s of
    60 cost no more than 1.5 dB.
    """
    mics, bins, skip = len(recording), nfft // 2 + 1, nfft // hop - 1
    chosen = list(runs(frame_count(recording.length, nfft, hop), LEARNT // (mics * bins)))
    found = np.empty((bins, mics, sum(number for _, number in chosen)), np.float32)
    done = 0
    for first, number in chosen:
        samples = recording.read(first * hop - skip * hop, (first + number) * hop)
        spectra = stft(samples, nfft, hop)[..., skip : skip + number]  # the frames that lie wholly within
        found[:, :, done : done + number] = np.abs(spectra).transpose(1, 0, 2)
        done += number
        progress("listen", done / found.shape[2])
    return found


@dataclass(frozen=True)
class FittedKamir:
    """Who is heard where: λ ``(bins, mics, sources)``, gains g ``(mics, bins)``, the microphones of each source."""

    leak: NDArray[np.float32]
    level: NDArray[np.float32]
    close: tuple[tuple[int, ...], ...]
    nfft: int
    hop: int
    settings: Kamir
    kept: NDArray[np.bool_] | None = None

    def keeping(self, kept: NDArray[np.bool_]) -> FittedKamir:
        """Leave the bleed of microphone j's source in microphone i where ``kept[i, j]``."""
        return replace(self, kept=kept)

    def paths(self, rate: int) -> Paths:
        """Describe the paths: λ of all bins in the mean; it has no delay, and of its error nothing is known."""
        mean = self.leak.mean(axis=0, dtype=np.float64)
        power = np.zeros((len(mean), len(mean)))
        for j, mics in enumerate(self.close):
            for mic in mics:
                power[:, mic] = mean[:, j] / mean[mic, j]
            power[np.ix_(mics, mics)] = 0
        return Paths(power, np.full(power.shape, np.nan), np.where(power > 0, np.inf, 0.0))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return λ, g and to which source each microphone belongs, for :meth:`Kamir.restore`."""
        source = np.empty(self.leak.shape[1], np.int64)
        for j, mics in enumerate(self.close):
            source[list(mics)] = j
        return {"leak": self.leak, "level": self.level, "source": source, "nfft": np.array([self.nfft], np.int64)}

    def apply(self, recording: Recording) -> Recording:
        """Weigh each time-frequency point of each microphone by the share of its own source."""
        spoken = [i for i, source in enumerate(recording.sources) if source is not None]
        sources = recording.select(spoken)
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
            step = max(1, round(STRETCH * recording.rate))
            for a in range(start, stop, step):
                b = min(a + step, stop)
                clean = filtered(masked, (sources,), a - reach, b + reach, self.nfft, self.hop)
                out[spoken, a - start : b - start] = clean[:, reach : reach + b - a]
            return out

        return recording.with_reader(read)


@dataclass(frozen=True)
class Kamir:
    """Kernel additive modelling for interference reduction; the defaults are tuned, :func:`published` are the paper's.

    Tuned on scenes of five songs, linear and in rooms (RT60 0.35 to 0.8 s). What costs the paper's settings most, up to
    6 dB, is to equalise the gains by the quiet frames: where a source rests, those hold the others' bleed. Windows
    shorter than 8192 at 44.1 kHz cost 1 dB in rooms; longer ones gain as much at RT60 0.6 s and lose it in linear
    scenes. A low start (0.1) gains where there is little reverberation and loses more where there is much.
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    source_count: ClassVar[int | None] = None

    nfft: int = field(
        default=8192, metadata={"help": "window length in samples at 44.1 kHz; other rates keep its time"}
    )
    overlaps: int = field(default=8, metadata={"help": "window length over hop; 4 is an overlap of 75 %"})
    start: float = field(
        default=0.4, metadata={"help": "share of every source in every other microphone to start from"}
    )
    floor: float = field(default=0.003, metadata={"help": "least share of a source in a microphone"})
    iterations: int = field(default=8, metadata={"help": "updates of powers and shares"})
    equalise: bool = field(default=False, metadata={"help": "bring the microphones' quiet frames to one level first"})
    logistic: bool = field(default=False, metadata={"help": "sharpen the gains by a logistic curve"})
    kernel: int = field(default=1, metadata={"help": "frames of a median over each source's power; 1 is none"})

    def __post_init__(self) -> None:
        if not (0 < self.start <= 1 and 0 < self.floor <= 1):
            raise InputError(f"start and floor lie above 0 and up to 1, got {self.start} and {self.floor}")
        if self.nfft < 16 or self.iterations < 0 or self.kernel < 1 or self.kernel % 2 == 0:
            raise InputError("kamir takes nfft of 16 or more, iterations of 0 or more and an odd kernel")
        if self.overlaps not in (2, 4, 8, 16):
            raise InputError(f"overlaps is 2, 4, 8 or 16, so that the hop divides the window, got {self.overlaps}")

    def learn(self, recording: Recording, side: Side = Side(), progress: Progress = quiet) -> FittedKamir:  # noqa: B008 - frozen
        """Learn λ from frames all over the recording; all of them, where they are few enough to be kept.

        Raises
        ------
        InputError
            Where no microphone has a source.
        """
        spoken = [i for i, source in enumerate(recording.sources) if source is not None]
        if not spoken:
            raise InputError("no microphone has a source, so there is nothing to clean")
        sources = recording.select(spoken)
        close = tuple(
            tuple(i for i, source in enumerate(sources.sources) if source == name)
            for name in dict.fromkeys(sources.sources)
        )
        nfft = nfft_at(recording.rate, self.nfft)
        hop = nfft // self.overlaps
        heard = magnitudes(sources, nfft, hop, progress)
        level = self._levels(heard)
        leak = np.empty((*heard.shape[:2], len(close)), np.float32)
        for band in bands(len(heard), heard.shape[1] * heard.shape[2]):
            leak[band] = learn_leak((heard[band] / level.T[band, :, None]) ** 2, close, self)
            progress("learn", band.stop / len(heard))
        return FittedKamir(leak, level, close, nfft, hop, self)

    def restore(self, arrays: Arrays, mics: int) -> FittedKamir:
        """Rebuild what was learnt of so many microphones from :meth:`FittedKamir.arrays`.

        Raises
        ------
        InputError
            Where the arrays are not such.
        """
        source = checked(arrays, "source", np.int64, (mics,))
        if not np.array_equal(np.unique(source), np.arange(source.max() + 1)):
            raise InputError("the array 'source' does not number the sources from 0 on")
        close = tuple(tuple(np.flatnonzero(source == j).tolist()) for j in range(source.max() + 1))
        nfft = whole(arrays, "nfft", 16, 2**24)
        if nfft & (nfft - 1):
            raise InputError(f"'nfft' is {nfft}, no power of two")
        leak = checked(arrays, "leak", np.float32, (nfft // 2 + 1, mics, len(close)))
        level = checked(arrays, "level", np.float32, (mics, nfft // 2 + 1))
        if np.any(leak < 0) or np.any(level <= 0):
            raise InputError("the arrays hold shares or levels that no recording has")
        return FittedKamir(leak, level, close, nfft, nfft // self.overlaps, self)

    def _levels(self, heard: NDArray[np.float32]) -> NDArray[np.float32]:
        """Gains g that the magnitudes ``(bins, mics, frames)`` are divided by, ``(mics, bins)``; they follow the level.

        One for all, or g_i(f) = the 5 % quantile over t of |X_i| (that of |X|² has the same place).
        """
        peak = np.max(heard, initial=0) or np.float32(1)
        rows = [np.mean((row / peak) ** 2, dtype=np.float64) for row in heard]  # row by row: no second array as large
        common = np.float32(peak * np.sqrt(np.mean(rows))) or np.float32(1)
        level = np.full(heard.shape[1::-1], common, np.float32)
        if self.equalise:
            quiet_frames = np.quantile(heard, 0.05, axis=2).T.astype(np.float32)
            level = np.where(quiet_frames > 0, quiet_frames, level)
        return level


def published() -> Kamir:
    """Return the method with the paper's settings.

    nfft 8192, Hann, α = 2, off-diagonal start 0.8, gains equalised, floor 0.05, 5 iterations, no kernel. The paper's
    overlap of 0.9 is no whole number of hops: 7/8 is taken, the nearest that overlap-adds to a constant and is fast.
    The window here is the root of Hann on both sides. Iterated, not approximated by the logistic curve.
    """
    return Kamir(nfft=8192, overlaps=8, start=0.8, floor=0.05, iterations=5, equalise=True)
