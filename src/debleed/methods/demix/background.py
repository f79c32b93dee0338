"""The background: what is in all microphones all the time and is nobody's source, such as an audience or the wind.

It cannot be told from the sources by filters. Where a source does not stand out from the background, it is not listened
to when paths are estimated, and what the filters carry from its microphone into the others is given back: it would only
add the background of one microphone to another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter, uniform_filter1d

from debleed.dsp.parallel import chunks, in_parallel
from debleed.dsp.stft import Spectra, filtered, nfft_at
from debleed.methods import Arrays
from debleed.methods.arrays import checked
from debleed.methods.demix.excerpt import Bins, Powers, power
from debleed.methods.demix.safeguards import LEAST_SHARE
from debleed.recording import InputError, Recording, Samples

NFFT = 2048
"""Length of the STFT window at 44.1 kHz (46 ms), half overlapping."""

BACKGROUND, FAR_UNDER = 0.1, 0.04
"""The first number is the quantile over time that the background is taken from. If that is more than 14 dB under the
mean (the second number) in the median bin, it is not a background but reverberation, or a part that hardly pauses.
Measured: 5 to 12 dB under the mean with noise or an audience 15 dB under the microphones, 15.6 to 41 dB otherwise, 9 dB
where the hits of two drums ring."""

AUDIBLE = 8.0
"""A source stands out as far as it is more than this many times (9 dB) as strong as the background. Measured at 22.05
kHz with an audience, without the postfilter, in the mean of each of four songs: 28 dB become 32, 26 become 27, 27
become 31, 29 become 35. With 12 dB in place of 9, songs gain 1 to 2 dB more, but the paths of drums are lost, which
leave little between their hits."""

INAUDIBLE = 1e-3
"""Least share, which keeps the statistics defined for a source that never stands out."""


@dataclass(frozen=True)
class Background:
    """The power of the background.

    Parameters
    ----------
    level
        ``(mics, bins)``: its power in each microphone, on the bins of an STFT with windows of :data:`NFFT`.
    """

    level: NDArray[np.float32]

    @classmethod
    def none(cls, mics: int) -> Background:
        """Return silence."""
        return cls(np.zeros((mics, 1), np.float32))

    @classmethod
    def measured(cls, spectra: Spectra, microphones: NDArray[np.bool_]) -> Background:
        """Measure the background that is left in sources, ``(mics, bins, frames)``; see :func:`background`."""
        level, _ = background(np.moveaxis(spectra, 1, 0), microphones, 1)
        return cls(np.tile(level, (len(spectra), 1)))

    def rescaled(self, gains: NDArray[np.float32]) -> Background:
        """Return the equivalent background for microphones multiplied by ``gains``, ``(mics,)``."""
        return Background(self.level * np.square(gains)[:, None])

    def placed(self, mics: NDArray[np.intp], count: int) -> Background:
        """Embed the background of the microphones ``mics`` into that of ``count``; the others have none."""
        level = np.zeros((count, self.level.shape[-1]), np.float32)
        level[mics] = self.level
        return Background(level)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything that :meth:`restored` needs."""
        return {"background": self.level}

    @classmethod
    def restored(cls, arrays: Arrays, mics: int) -> Background:
        """Rebuild a background from :meth:`arrays`.

        Raises
        ------
        InputError
            If arrays are missing or invalid.
        """
        level = checked(arrays, "background", np.float32, (mics, None))
        if np.any(level < 0):
            raise InputError("the array 'background' contains negative values")
        return cls(level)

    def above(self, factor: float) -> Background:
        """Return a background that is so many times as strong."""
        return Background(np.float32(factor) * self.level)

    def of(self, bins: slice) -> Background:
        """Return the background of some bins."""
        return self if self.silent else Background(self.level[:, bins])

    @property
    def silent(self) -> bool:
        """Whether there is none."""
        return not self.level.any()

    def audible(self, powers: Powers) -> Powers:
        """Return how far each point of the sources stands out, 0 to 1, from their powers ``(mics, bins, frames)``."""
        if self.silent:
            return np.ones(powers.shape, np.float32)
        return audible_share(smoothed(powers), self.level[..., None])

    def inaudible(self, sources: Recording) -> Recording:
        """Return the part of the sources that does not stand out."""
        nfft = nfft_at(sources.rate, NFFT)
        hop = nfft // 2

        def soft(spectra: Spectra) -> Spectra:
            return spectra * (1 - self.audible(power(spectra)))

        def read(start: int, stop: int) -> Samples:
            # one frame more on either side, over which powers are smoothed
            return filtered(soft, (sources,), start - nfft, stop + nfft, nfft, hop)[:, nfft:-nfft]

        return sources.with_reader(read)


def smoothed(powers: Powers) -> Powers:
    """Return the mean over three bins and three frames of ``(mics, bins, frames)``, at least a ninth of each point.

    The mean comes from running sums. What they round off in loud frames may exceed all that follows, and be negative.
    """
    mean = np.empty_like(powers)
    in_parallel(lambda mic: uniform_filter(powers[mic], 3, output=mean[mic], mode="nearest"), range(len(powers)))
    return np.maximum(mean, powers / 9, out=mean)


def smoothed_powers(sources: Bins, part: slice, width: int) -> Powers:
    """Return the powers of some bins, smoothed over ``width`` bins, or over three frames if that is wider."""
    wide = slice(max(0, part.start - width), min(len(sources), part.stop + width))
    powers = power(sources[wide])
    smooth: Powers = uniform_filter1d(powers, width, axis=0) if width > 3 else uniform_filter1d(powers, 3, axis=-1)
    return smooth[part.start - wide.start :][: part.stop - part.start]


def with_source(allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the microphones that hear others and whose source others hear, ``(mics,)``; references hear nobody."""
    found: NDArray[np.bool_] = np.any(allowed, axis=0) & np.any(allowed, axis=1)
    return found


def has_background(microphones: Bins, sources: Bins, allowed: NDArray[np.bool_]) -> bool:
    """Whether something is in all microphones all the time, which is no source.

    An audience, the wind or the stage next door never pauses. It is told from the sources after the filters, because
    the bleed of a source that never pauses is in all microphones too.

    Parameters
    ----------
    microphones, sources
        Before and after the filters, ``(bins, mics, frames)``.
    allowed
        ``(mics, mics)``: where bleed is possible.
    """
    before, after = (power(values).sum(axis=(0, 2)) for values in (microphones, sources))
    heard = with_source(allowed) & (after > LEAST_SHARE * before)
    if heard.sum() < 2:
        return False
    softest, mean = background(sources, heard, 1)
    sounding = mean > 0
    return bool(sounding.any() and np.median(softest[sounding] / mean[sounding]) > FAR_UNDER)


def background(sources: Bins, microphones: NDArray[np.bool_], width: int) -> tuple[Powers, Powers]:
    """Return the power of what is in all microphones all the time, and the least mean power of any, ``(bins,)`` each.

    In the moments in which all sources are quiet, the background alone correlates between microphones, and these
    moments weigh most. The softest sound of all microphones is a lower bound of its level, as long as one of the
    sources pauses.

    Parameters
    ----------
    sources
        ``(bins, mics, frames)``.
    microphones
        ``(mics,)``: those that are asked; none of them gives 0.
    width
        See :func:`smoothed_powers`.
    """
    softest, mean = np.zeros((2, len(sources)), np.float32)
    if not microphones.any():
        return softest, mean

    def work(part: slice) -> None:
        heard = smoothed_powers(sources, part, width)[:, microphones]
        softest[part] = np.quantile(heard, BACKGROUND, axis=-1).min(axis=1)
        mean[part] = heard.mean(axis=-1).min(axis=1)

    in_parallel(work, chunks(len(sources), sources[0].size))
    return softest, mean


def audible_share(variance: Powers, quietest: Powers) -> Powers:
    """Return how much of each source stands out from the background, 0 to 1, of the shape of ``variance``.

    Parameters
    ----------
    variance
        Any shape.
    quietest
        The power of the background, of a shape that is broadcast to it.
    """
    loud = np.maximum(variance, np.maximum(quietest, np.finfo(np.float32).tiny))
    share: Powers = np.maximum(1 - AUDIBLE * (quietest / loud), INAUDIBLE)
    return share
