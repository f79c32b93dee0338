"""Tracking: follow what the bleed's paths deviate from the fixed ones, and remove it.

Fixed filters are the mean over a recording. A singer who walks, a stand that is knocked, a clock that drifts or a
compressor change the paths, and even where nothing moves the filters are not exact. Each path's deviation is followed
by a Kalman filter over the other sources (:mod:`debleed.methods.demix.kalman`), as fast as was learnt for that path and
band (:mod:`debleed.methods.demix.speeds`), or is a constant, or is left out. What the filter is uncertain about may be
bleed that is left; a gain reduces it. Where fixed filters would do harm, the whole path is followed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from debleed.dsp.parallel import chunks, in_parallel
from debleed.dsp.stft import Spectra, istft, nfft_at, stft
from debleed.methods import Arrays
from debleed.methods.arrays import checked
from debleed.methods.demix.background import INAUDIBLE, NFFT, Background, audible_share, smoothed
from debleed.methods.demix.excerpt import Powers, power
from debleed.methods.demix.kalman import Followed, predicted
from debleed.methods.demix.postfilter import FLOOR
from debleed.methods.demix.safeguards import FINE_BANDS, band_edges
from debleed.recording import InputError, Recording, Samples

Kind = TypeVar("Kind", np.float32, np.complex64)

LAGS = 4
"""Frames that a deviation lasts (0.1 s)."""

DECAY = 0.06
"""Seconds in which the variance of a deviation falls by a factor of e along its lags: RT60 0.8 s."""

SEGMENT, CONTEXT = 32.0, 8.0
"""Seconds that are followed at a time, and heard before and after them, so that any stretch of a recording of any
length reads a bounded part of it."""

OWN_AT_LEAST, FAINT = 0.3, 1e-4
"""Least variance of the own source: the first share of the power at this point, and the second one (-40 dB) of the mean
power in this bin."""

UNDERRATED = 10.0
"""What is left is so many times as much as the leakage estimator finds, in order of magnitude: it is cautious. So the
postfilter may use its estimate unchanged after tracking."""

CLEARLY = 16.0
"""How much further (12 dB) a source has to stand out from the background than for its paths: a deviation is that much
weaker than a path. Otherwise the background of one microphone is removed from another, as far as it correlates.
Measured with an audience: 1 to 2 dB."""

CYCLES = 50.0
"""Periods of a tone on either side of a frame that its prediction may not have heard. Two drums that ring together have
a constant phase relation for as long as they ring, and one would be taken for the other."""

ENTRIES = 1500
"""Entries that are followed together: their states fit into a core's cache."""

STRIP, REACH = 64, 2
"""Bins that are computed together, and how many beside them have a part in it: two means over three bins."""

BANDS = 64
"""Most bands accepted from a file."""


@dataclass(frozen=True)
class Tracking:
    """Deviations of the bleed's paths from the fixed filters.

    Parameters
    ----------
    variance
        ``(mics, mics, bands)``: stationary variance of the deviation at its first lag; 0 where it is not followed.
    seconds
        ``(mics, mics, bands)``: seconds in which it changes.
    weight
        ``(mics, mics, bands)``: share of what is predicted that is removed, 0 to 1.
    constant
        ``(LAGS, mics, mics, bins)``: deviations that do not change.
    leakage
        ``(mics, mics, bands)``: estimated power of source j that the filters leave in microphone i, relative to
        the source.
    unfollowed
        ``(mics, mics, bands)``: variance of what changes too fast to be followed, beyond that of what is followed.
    """

    variance: NDArray[np.float32]
    seconds: NDArray[np.float32]
    weight: NDArray[np.float32]
    constant: NDArray[np.complex64]
    leakage: NDArray[np.float32]
    unfollowed: NDArray[np.float32]

    @classmethod
    def none(cls, mics: int) -> Tracking:
        """Return a tracking that changes nothing."""
        nothing = np.zeros((mics, mics, 1), np.float32)
        return cls(nothing, nothing, nothing, np.zeros((LAGS, mics, mics, 1), np.complex64), nothing, nothing)

    @property
    def changed_mics(self) -> NDArray[np.bool_]:
        """Microphones that tracking changes, ``(mics,)``."""
        changed: NDArray[np.bool_] = np.any(self.weight, axis=(1, 2)) | np.any(self.constant, axis=(0, 2, 3))
        return changed

    def rescaled(self, gains: NDArray[np.float32]) -> Tracking:
        """Return the equivalent tracking for microphones multiplied by ``gains``, ``(mics,)``."""
        ratio = (gains[:, None] / gains)[:, :, None]
        return replace(
            self,
            variance=self.variance * np.square(ratio),
            constant=self.constant * ratio,
            leakage=self.leakage * np.square(ratio),
            unfollowed=self.unfollowed * np.square(ratio),
        )

    def placed(self, mics: NDArray[np.intp], count: int) -> Tracking:
        """Embed the tracking of the microphones ``mics`` into one for ``count``; the others stay unchanged."""
        pairs = np.ix_(mics, mics)

        def among(values: NDArray[np.float32]) -> NDArray[np.float32]:
            out = np.zeros((count, count, values.shape[-1]), np.float32)
            out[pairs] = values
            return out

        constant = np.zeros((LAGS, count, count, self.constant.shape[-1]), np.complex64)
        constant[:, mics[:, None], mics] = self.constant
        return Tracking(
            among(self.variance),
            among(self.seconds),
            among(self.weight),
            constant,
            among(self.leakage),
            among(self.unfollowed),
        )

    def keeping(self, kept: NDArray[np.bool_]) -> Tracking:
        """Keep the bleed of microphone j's source in microphone i where ``kept[i, j]``."""
        sought = ~kept[:, :, None]
        return replace(
            self,
            weight=self.weight * sought,
            constant=self.constant * sought,
            unfollowed=self.unfollowed * sought,
        )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything that :meth:`restored` needs."""
        return {
            "deviation_variance": self.variance,
            "deviation_seconds": self.seconds,
            "deviation_weight": self.weight,
            "deviation_constant": self.constant,
            "deviation_leakage": self.leakage,
            "deviation_unfollowed": self.unfollowed,
        }

    @classmethod
    def restored(cls, arrays: Arrays, mics: int) -> Tracking:
        """Rebuild a tracking from :meth:`arrays`.

        Raises
        ------
        InputError
            If arrays are missing or invalid.
        """
        variance = checked(arrays, "deviation_variance", np.float32, (mics, mics, None), BANDS)
        seconds = checked(arrays, "deviation_seconds", np.float32, variance.shape)
        weight = checked(arrays, "deviation_weight", np.float32, variance.shape)
        constant = checked(arrays, "deviation_constant", np.complex64, (LAGS, mics, mics, None))
        leakage = checked(arrays, "deviation_leakage", np.float32, variance.shape)
        unfollowed = checked(arrays, "deviation_unfollowed", np.float32, variance.shape)
        if min(values.min() for values in (variance, seconds, weight, leakage, unfollowed)) < 0:
            raise InputError("an array of the tracking contains negative values")
        if weight.max() > 1:
            raise InputError("the array 'deviation_weight' contains values above 1")
        return cls(variance, seconds, weight, constant, leakage, unfollowed)

    def apply(self, recording: Recording, background: Background) -> Recording:
        """Remove what the deviations predict; microphones without any come back to the bit."""
        changed = np.flatnonzero(self.changed_mics)
        if not len(changed):
            return recording
        rate = recording.rate
        hop = nfft_at(rate, NFFT) // 2
        size, context = round(SEGMENT * rate / hop), round(CONTEXT * rate / hop)
        end = (recording.length - 1) // hop + 2  # frame t begins at (t - 1) * hop

        @lru_cache(maxsize=2)  # readers ask for overlapping stretches
        def segment(number: int) -> NDArray[np.float32]:
            """Return what is removed in the frames of a segment, from one hop before its first sample on."""
            begin, stop = number * size, min((number + 1) * size, end)
            first, last = max(0, begin - context), min(stop + context, end)
            samples = recording.read((first - LAGS) * hop, last * hop).astype(np.float32)
            # complete frames; track by track, which takes less memory
            spectra = np.stack(in_parallel(lambda row: stft(row, 2 * hop, hop)[..., 1:-1], samples))
            change = self.removed(spectra, background, range(begin - first, stop - first), rate)
            whole, length = ((0, 0), (1, 1)), (stop - begin + 1) * hop
            rows = in_parallel(lambda row: istft(np.pad(row, whole), length, 2 * hop, hop), change)
            return np.stack(rows).astype(np.float32)

        def read(start: int, stop: int) -> Samples:
            out = recording.read(start, stop).copy()
            step = size * hop
            for number in range(start // step, (stop - 1 + hop) // step + 1):
                begin = number * step - hop
                a, b = max(start, begin), min(stop, begin + step + hop)
                if a < b:
                    out[changed, a - start : b - start] -= segment(number)[:, a - begin : b - begin]
            return out

        return recording.with_reader(read)

    def removed(self, spectra: Spectra, background: Background, wanted: range, rate: int) -> Spectra:
        """Return what is removed from the changed microphones.

        Parameters
        ----------
        spectra
            y, ``(mics, bins, LAGS - 1 + frames)``.
        background
            From which a source has to stand out.
        wanted
            The frames to return; the others are context.
        rate
            Sampling rate in Hz.

        Returns
        -------
        ``(changed, bins, wanted)``.
        """
        changed = np.flatnonzero(self.changed_mics)
        bins, lead = spectra.shape[1], LAGS - 1
        variance, seconds, weight, unfollowed = (
            over_bins(values[changed], bins, rate)
            for values in (self.variance, self.seconds, self.weight, self.unfollowed)
        )
        leakage, left, gap = over_bins(self.leakage, bins, rate), memory(seconds, rate), gaps(bins, rate)
        followed = variance * (weight > 0)
        bleed = np.zeros((len(changed), bins, len(wanted)), np.complex64)
        doubt = np.zeros(bleed.shape, np.float32)

        def strip(first: int) -> None:
            part = slice(first, min(first + STRIP, bins))
            wide = slice(max(0, part.start - REACH), min(bins, part.stop + REACH))
            inner = slice(part.start - wide.start, part.stop - wide.start)
            powers = power(spectra[:, wide])
            heard = references(spectra[:, wide], powers, background.of(wide), leakage[..., wide], rate)
            expected = expected_power((variance * weight)[..., wide], power(heard), rate)
            noise = own_variance(powers[changed, :, lead:], expected)[:, inner]
            heard = heard[:, inner]
            loudness = power(heard[..., wanted.start : wanted.stop + lead])
            doubt[:, part] = expected_power(unfollowed[..., part], loudness, rate)
            rest = spectra[changed, part, lead:]
            if self.constant.any():
                constant = filtered(self.constant[:, changed, :, part], heard)
                bleed[:, part] = constant[..., wanted.start : wanted.stop]
                rest = rest - constant
            here = Followed.of(followed[..., part], left[..., part], fading(rate), gap[part])
            for paths in here.parts(ENTRIES):
                starts = paths.starts
                at = paths.mics[starts], paths.bins[starts]
                values, uncertainty = predicted(
                    rest[at].T, heard[paths.references, paths.bins].T, noise[at].T, paths, wanted
                )
                share = weight[paths.mics, paths.references, first + paths.bins]
                to = at[0], first + at[1]
                bleed[to] += np.add.reduceat(values * share, starts, axis=1).T
                doubt[to] += np.add.reduceat(uncertainty * share, starts, axis=1).T

        def finish(row: int) -> None:
            clean = spectra[changed[row], :, lead + wanted.start : lead + wanted.stop] - bleed[row]
            loud, doubted = smoothed(np.stack([power(clean), doubt[row]]))
            bleed[row] += np.minimum(doubted / np.maximum(loud, np.finfo(np.float32).tiny), 1 - FLOOR) * clean

        in_parallel(strip, range(0, bins, STRIP))
        in_parallel(finish, range(len(changed)))
        return bleed


def references(
    spectra: Spectra, powers: Powers, background: Background, leakage: NDArray[np.float32], rate: int
) -> Spectra:
    """Return the part of the sources that is their own and stands out from the background clearly.

    A source in which bleed is left would otherwise be removed from the microphone that this bleed comes from.

    Parameters
    ----------
    spectra, powers
        y and its power, ``(mics, bins, frames)``.
    background
        Of the same bins.
    leakage
        See :class:`Tracking`, ``(mics, mics, bins)``.
    rate
        Sampling rate in Hz.
    """
    left = expected_power(leakage, np.pad(powers, ((0, 0), (0, 0), (LAGS - 1, 0))), rate)
    level = smoothed(powers)
    share = np.divide(np.float32(UNDERRATED) * smoothed(left), level, out=np.ones_like(level), where=level > 0)
    own: Spectra = spectra * np.maximum(1 - share, INAUDIBLE)
    if not background.silent:
        own *= audible_share(level, background.above(CLEARLY).level[..., None])
    return own


def over_bins(values: NDArray[np.float32], bins: int, rate: int) -> NDArray[np.float32]:
    """Spread values of bands, ``(..., bands)``, over the bins of an STFT, ``(..., bins)``."""
    edges = band_edges(bins, rate, FINE_BANDS)
    band = np.searchsorted(edges, np.arange(bins), side="right") - 1
    spread: NDArray[np.float32] = values[..., np.minimum(band, values.shape[-1] - 1)]
    return spread


def memory(seconds: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """Return the share of a deviation that is left one frame later."""
    hop = nfft_at(rate, NFFT) // 2
    left: NDArray[np.float32] = np.exp(-hop / rate / np.maximum(seconds, np.finfo(np.float32).tiny)).astype(np.float32)
    return left


def gaps(bins: int, rate: int) -> NDArray[np.intp]:
    """Return how many frames on either side a prediction may not have heard, for each bin; at least 1."""
    nfft = nfft_at(rate, NFFT)
    hertz = np.maximum(np.arange(bins), 1) * rate / nfft
    return np.maximum(1, np.round(CYCLES / hertz * 2 * rate / nfft)).astype(int)


def fading(rate: int) -> NDArray[np.float32]:
    """Return the variance of a deviation at each lag relative to its first one, ``(LAGS,)``."""
    return memory(np.full(LAGS, DECAY, np.float32), rate) ** np.arange(LAGS)


def filtered(paths: NDArray[Kind], heard: NDArray[Kind]) -> NDArray[Kind]:
    """Filter sources with paths of a few frames.

    Parameters
    ----------
    paths
        ``(LAGS, mics, sources, bins)``.
    heard
        ``(sources, bins, LAGS - 1 + frames)``.

    Returns
    -------
    ``(mics, bins, frames)``.
    """
    frames = heard.shape[-1] - (LAGS - 1)
    by_bin, of_bin = np.moveaxis(heard, 1, 0), np.moveaxis(paths, -1, 1)
    out = np.zeros((heard.shape[1], paths.shape[1], frames), heard.dtype)

    def work(part: slice) -> None:
        here = np.ascontiguousarray(by_bin[part])
        for lag, first in enumerate(range(LAGS - 1, -1, -1)):
            out[part] += of_bin[lag, part] @ here[..., first : first + frames]

    if paths.any():
        in_parallel(work, chunks(heard.shape[1], heard[:, 0].size))
    return np.ascontiguousarray(np.moveaxis(out, 0, 1))


def expected_power(variance: NDArray[np.float32], loudness: Powers, rate: int) -> Powers:
    """Return the power that arrives on paths of this variance, ``(mics, bins, frames)``.

    Parameters
    ----------
    variance
        At the first lag, ``(mics, sources, bins)``.
    loudness
        Power of the sources, ``(sources, bins, LAGS - 1 + frames)``.
    rate
        Sampling rate in Hz.
    """
    if not variance.any():
        frames = loudness.shape[-1] - (LAGS - 1)
        return np.zeros((len(variance), loudness.shape[1], frames), np.float32)
    carried: Powers = np.moveaxis(np.moveaxis(variance, -1, 0) @ np.moveaxis(faded(loudness, rate), 1, 0), 0, 1)
    return carried


def faded(loudness: Powers, rate: int) -> Powers:
    """Return the power of the last :data:`LAGS` frames as it fades.

    Parameters
    ----------
    loudness
        ``(sources, bins, LAGS - 1 + frames)``.
    rate
        Sampling rate in Hz.

    Returns
    -------
    ``(sources, bins, frames)``.
    """
    frames, firsts = loudness.shape[-1] - (LAGS - 1), range(LAGS - 1, -1, -1)
    total: Powers = sum(
        share * loudness[..., first : first + frames] for share, first in zip(fading(rate), firsts, strict=True)
    )
    return total


def own_variance(powers: Powers, expected: Powers) -> Powers:
    """Return the variance of the own source, ``(mics, bins, frames)``: the power without the bleed to be expected."""
    smooth = smoothed(powers)
    variance: Powers = np.maximum(smooth - smoothed(expected), OWN_AT_LEAST * smooth)
    variance += FAINT * powers.mean(axis=-1, keepdims=True) + np.finfo(np.float32).tiny
    return variance
