"""Blind demixing of microphones: filters over all of them, matrices where these are too short, a gain on the rest."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from debleed.dsp.overlap_save import OverlapSave
from debleed.dsp.rtf import Response, Taps, unmixing
from debleed.methods import Side
from debleed.methods.demix.broadband import Paths, find_paths, preamps
from debleed.methods.demix.excerpt import listen
from debleed.methods.demix.features import evidence
from debleed.methods.demix.gain_calibration import balanced
from debleed.methods.demix.leakage_net import tell_leak, weights
from debleed.methods.demix.narrowband import Narrowband, far, find_matrices
from debleed.methods.demix.postfilter import Postfilter
from debleed.progress import Progress, quiet
from debleed.recording import InputError, Recording, Samples


@dataclass(frozen=True)
class Demix:
    """Blind demixing filters over all microphones, and a gain on what they leave.

    See :mod:`debleed.methods.demix.broadband` for how the filters are found, :mod:`debleed.methods.demix.narrowband`
    for microphones far from their sources, :mod:`debleed.methods.demix.postfilter` for the gain.
    """

    seconds: float = field(default=120.0, metadata={"help": "seconds of the recording that are listened to"})
    needs: ClassVar[frozenset[str]] = frozenset()
    sources: ClassVar[int | None] = None

    def __post_init__(self) -> None:
        if not 0 < self.seconds < np.inf:
            raise InputError(f"seconds is a number above 0, got {self.seconds}")

    def fit(self, recording: Recording, side: Side = Side(), progress: Progress = quiet) -> Demixed:  # noqa: B008
        """Find the paths of bleed; memory is bounded by an excerpt of at most ``seconds``."""
        sounding, heard = listen(recording, self.seconds)
        allowed = recording.paths()[np.ix_(sounding, sounding)]
        if not allowed.any():
            return Demixed(Filters.none(len(recording)), Postfilter.none(len(recording)))
        gains, begun = preamps(heard, recording.rate, allowed)
        heard /= gains[:, None]
        filters, found = find_filters(heard, recording.rate, allowed, progress, begun)
        left = Postfilter.none(len(heard))
        if not found.instantaneous:
            left = left_by(filters, found, Recording.from_array(heard, recording.rate), allowed)
        progress("demix", 1.0)
        filters, left = filters.turned_up(gains), left.turned_up(gains)
        return Demixed(filters.among(sounding, len(recording)), left.among(sounding, len(recording)))


def find_filters(
    heard: NDArray[np.float32],
    rate: int,
    allowed: NDArray[np.bool_],
    progress: Progress = quiet,
    begun: Taps | None = None,
) -> tuple[Filters | Narrowband, Paths]:
    """Find the filters for what is heard, ``(mics, samples)``, and the paths that they began with.

    See :func:`debleed.methods.demix.broadband.find_paths`.
    """
    found = find_paths(heard, rate, allowed, progress, begun)
    short = Filters(found.taps, found.ahead, found.trust)
    if found.instantaneous:
        return short, found
    touched = np.any(found.trust, axis=-1)
    return longer(short, heard, rate, allowed & touched[:, None], progress), found


def longer(
    filters: Filters, heard: NDArray[np.float32], rate: int, allowed: NDArray[np.bool_], progress: Progress
) -> Filters | Narrowband:
    """Replace filters by matrices where microphones are so far from their sources that no filter is long enough."""
    if not far(filters.taps * (allowed | allowed.T)[:, :, None]):
        return filters
    found = find_matrices(heard, rate, filters.response(), allowed, progress)
    return filters if found is None else Narrowband(found.astype(np.complex64))


def left_by(
    filters: Filters | Narrowband, found: Paths, microphones: Recording, allowed: NDArray[np.bool_]
) -> Postfilter:
    """Find what the filters leave; where they took nothing, nothing is left, and a gain takes no more than they did."""
    sources = Recording.from_array(filters.apply(microphones).read(), microphones.rate)
    seen, gains = seen_evenly(microphones.read(), sources.read(), found, microphones.rate, allowed)
    touched = np.any(found.trust, axis=-1)
    leak = tell_leak(seen, allowed, weights()) * touched[:, None, None]
    return Postfilter(leak).turned_up(gains).modest(microphones, sources)


def seen_evenly(
    microphones: Samples, sources: Samples, found: Paths, rate: int, allowed: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Gather the evidence as it is without the gains of the preamplifiers, and these, ``(mics,)``."""
    power = np.mean(np.square(microphones), axis=1)
    level = np.sqrt(power)
    bleed = np.square(found.taps).sum(axis=-1) * (power / power[:, None])
    gains = level * balanced(bleed, np.mean(np.square(sources), axis=1) / power, allowed)
    taps = found.taps * (gains / gains[:, None])[:, :, None]
    even = (1 / gains[:, None]).astype(np.float32)
    return evidence(even * microphones, even * sources, taps, found.ahead, found.trust, rate, allowed), gains


@dataclass(frozen=True)
class Filters:
    """The paths of bleed, and the removal of what comes along them.

    Parameters
    ----------
    taps
        ``(mics, mics, ahead + length)``, see :mod:`debleed.dsp.rtf`.
    ahead
        Taps ahead of lag 0.
    trust
        ``(mics, bins)``: the share of the predicted bleed that is taken away, on bins from 0 to half the rate.
    """

    taps: Taps
    ahead: int
    trust: NDArray[np.float32]

    @classmethod
    def none(cls, mics: int) -> Filters:
        """No paths: every microphone passes as it is."""
        return cls(np.zeros((mics, mics, 1), np.float32), 0, np.zeros((mics, 2), np.float32))

    def turned_up(self, gains: NDArray[np.float32]) -> Filters:
        """Do the same to microphones turned up by ``gains``, ``(mics,)``."""
        return replace(self, taps=self.taps * (gains[:, None] / gains)[:, :, None])

    def among(self, mics: NDArray[np.intp], count: int) -> Filters:
        """Place these microphones among ``count``, the others of which have no part in it."""
        taps = np.zeros((count, count, self.taps.shape[-1]), np.float32)
        taps[np.ix_(mics, mics)] = self.taps
        trust = np.zeros((count, self.trust.shape[-1]), np.float32)
        trust[mics] = self.trust
        return Filters(taps, self.ahead, trust)

    def apply(self, recording: Recording) -> Recording:
        """Take from each microphone the bleed that the paths predict."""
        if not self.taps.any() or not self.trust.any():
            return recording
        unit = np.eye(len(self.taps), dtype=np.complex64)
        filters = self.response() - unit
        nfft = 2 * (len(filters) - 1)
        return recording.with_reader(lambda start, stop: cleaned(recording, filters, nfft, start, stop))

    def response(self) -> Response:
        """Frequency response, ``(bins, mics, mics)``: that of A⁻¹, as far as it is trusted."""
        nfft = max(1024, 4 << int(np.ceil(np.log2(self.taps.shape[-1]))))
        unit = np.eye(len(self.taps), dtype=np.complex64)
        filters = unmixing(self.taps, self.ahead, nfft) - unit
        at = np.linspace(0, self.trust.shape[-1] - 1, len(filters))
        trust = np.stack([np.interp(at, np.arange(self.trust.shape[-1]), row) for row in self.trust], axis=1)
        filters *= trust.astype(np.float32)[:, :, None]
        return filters + unit


@dataclass(frozen=True)
class Demixed:
    """Filters that take away what bleeds, and the gain on what they leave."""

    filters: Filters | Narrowband
    postfilter: Postfilter

    def apply(self, recording: Recording) -> Recording:
        """Filter, then turn down."""
        return self.postfilter.apply(self.filters.apply(recording))


def cleaned(recording: Recording, filters: Response, nfft: int, start: int, stop: int) -> Samples:
    """Microphones plus what ``filters`` make of them; blocks lie on the grid of the whole recording."""
    reach, step = nfft // 4, nfft // 2
    first = start // step * step
    stretch = recording.read(first - reach, stop + reach)
    change = OverlapSave.of(stretch.astype(np.float32), nfft).filtered(filters)
    wanted = slice(reach + start - first, reach + stop - first)
    return recording.read(start, stop) + change[:, wanted].astype(stretch.dtype)
