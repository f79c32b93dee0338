"""Blind demixing: filters over all microphones, matrices where these are too short, a postfilter on the rest.

Learning is a chain of steps. Each step takes the excerpt and what the steps before it have learnt, and returns both
with its own part added; none knows which steps come before or after it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from debleed.dsp.rtf import Taps, peak_delays
from debleed.methods import Arrays, Paths, Side
from debleed.methods.demix.bleed import Bleed, measured
from debleed.methods.demix.broadband import (
    FIRST_WINDOW,
    LONGEST_WINDOW,
    estimate_filters,
    estimate_gains,
    window_length,
)
from debleed.methods.demix.excerpt import sounding_excerpt, spectra
from debleed.methods.demix.features import features
from debleed.methods.demix.filters import Filters
from debleed.methods.demix.gain_calibration import balanced
from debleed.methods.demix.leakage_net import estimate_leakage, shipped
from debleed.methods.demix.narrowband import Narrowband, estimate_matrices, far
from debleed.methods.demix.postfilter import Postfilter
from debleed.progress import Progress, quiet, within
from debleed.recording import InputError, Recording, Samples

log = logging.getLogger(__name__)

HARDLY = 0.03
"""A source with less than this share of the power of its own microphone (-15 dB) hardly plays. Measured: -18 dB where a
singer is silent for 30 s, at most -3 dB in 11 other stretches of songs."""


@dataclass(frozen=True)
class Demix:
    """Blind demixing filters over all microphones, and a postfilter on what they leave.

    See :mod:`debleed.methods.demix.broadband` for how the filters are estimated,
    :mod:`debleed.methods.demix.narrowband` for microphones far from their sources, and
    :mod:`debleed.methods.demix.postfilter` for the postfilter. The fields are what an ablation changes; constants that
    were derived or measured stand in the modules that use them.
    """

    seconds: float = field(default=120.0, metadata={"help": "seconds of the recording to learn from"})
    gain_calibration: bool = field(
        default=True, metadata={"help": "even out microphones that are plainly turned up unequally"}
    )
    narrowband: bool = field(
        default=True, metadata={"help": "one matrix a bin where microphones are far from their sources"}
    )
    postfilter: bool = field(default=True, metadata={"help": "turn down what the filters leave"})
    first_window: float = field(default=FIRST_WINDOW, metadata={"help": "seconds of the first short-time window"})
    longest_window: float = field(default=LONGEST_WINDOW, metadata={"help": "seconds of the longest one"})

    needs: ClassVar[frozenset[str]] = frozenset()
    source_count: ClassVar[int | None] = None

    def __post_init__(self) -> None:
        for name in ("seconds", "first_window", "longest_window"):
            if not 0 < getattr(self, name) < np.inf:
                raise InputError(f"{name} is a number above 0, got {getattr(self, name)}")

    def learn(self, recording: Recording, side: Side = Side(), progress: Progress = quiet) -> Demixed:  # noqa: B008
        """Estimate the filters and the postfilter from an excerpt of at most ``seconds``, which bounds the memory."""
        sounding, samples = sounding_excerpt(recording, self.seconds)
        allowed = recording.can_bleed()[np.ix_(sounding, sounding)]
        if not allowed.any():
            return Demixed.none(len(recording))
        none = Demixed.none(len(samples))
        ones = np.ones(len(samples), np.float32)
        state = State(samples, recording.rate, allowed, ones, None, Filters.none(len(samples)), samples, none)
        done = 0.0
        for step, share in STEPS:
            state = step(state, self, within(progress, done, done + share))
            done += share
        progress("demix", 1.0)
        if silent := [recording.names[i] for i in sounding[hardly_plays(state.samples, state.sources)]]:
            log.warning(
                "hardly anything but bleed in %s, so how its source reaches the other microphones is not known; a "
                "recording in which it plays must be learnt from again",
                ", ".join(silent),
            )
        return state.learned.rescaled(state.gains).placed(sounding, len(recording))

    def restore(self, arrays: Arrays, mics: int) -> Demixed:
        """Rebuild what was learnt of so many microphones from :meth:`Demixed.arrays`.

        Raises
        ------
        InputError
            Where the arrays are not such.
        """
        kind = Narrowband if "matrices" in arrays else Filters
        return Demixed(kind.restored(arrays, mics), Postfilter.restored(arrays, mics), Bleed.restored(arrays, mics))


@dataclass(frozen=True)
class State:
    """What a step of learning gets and returns.

    Parameters
    ----------
    samples
        ``(mics, samples)``: the excerpt of the microphones that sound, divided by ``gains``.
    rate
        Samples per second.
    allowed
        ``(mics, mics)``: where bleed can be.
    gains
        ``(mics,)``: how far the microphones are turned up.
    begun
        Taps that the first window gives, where calibrating the gains has found them.
    broadband
        Filters as they were fitted over all bins.
    sources
        ``(mics, samples)``: what the filters, or the matrices that take their place, make of the microphones.
    learned
        What the steps have learnt so far.
    """

    samples: NDArray[np.float32]
    rate: int
    allowed: NDArray[np.bool_]
    gains: NDArray[np.float32]
    begun: Taps | None
    broadband: Filters
    sources: NDArray[np.float32]
    learned: Demixed


Step = Callable[[State, Demix, Progress], State]
"""A step of learning; it reports 0 to 1 of its own work."""


def calibrate(state: State, settings: Demix, progress: Progress) -> State:
    """Divide the microphones by their gains, where these are plainly unequal."""
    if not settings.gain_calibration:
        return state
    gains, begun = estimate_gains(state.samples, state.rate, state.allowed, settings.first_window)
    samples = state.samples if np.all(gains == 1) else state.samples / gains[:, None]
    return replace(state, samples=samples, gains=gains, begun=begun)


def fit_broadband(state: State, settings: Demix, progress: Progress) -> State:
    """Fit filters over all bins at once."""
    found = estimate_filters(
        *(state.samples, state.rate, state.allowed, progress, state.begun),
        *(settings.first_window, settings.longest_window),
    )
    return replace(state, broadband=found, learned=replace(state.learned, filters=found))


def fit_narrowband(state: State, settings: Demix, progress: Progress) -> State:
    """Replace the filters by matrices where microphones are so far from their sources that no filter is long enough."""
    found, allowed = state.broadband, state.allowed
    if not settings.narrowband or found.instantaneous:
        return state
    allowed = allowed & found.touched[:, None]
    if not far(found.taps * (allowed | allowed.T)[:, :, None]):
        return state
    matrices = estimate_matrices(
        *(state.samples, state.rate, found.response(), allowed, progress),
        *(settings.first_window, settings.longest_window),
    )
    if matrices is None:
        return state
    return replace(state, learned=replace(state.learned, filters=Narrowband(matrices.astype(np.complex64))))


def separate(state: State, settings: Demix, progress: Progress) -> State:
    """Filter the excerpt, and measure the bleed along each path."""
    filters = state.learned.filters
    sources = filters.apply(Recording.from_array(state.samples, state.rate)).read()
    if filters.changes_nothing:
        return replace(state, sources=sources)
    seen = spectra(sources, window_length(settings.first_window, state.rate))
    bleed = measured(seen, filters.mixing(), state.allowed)
    return replace(state, sources=sources, learned=replace(state.learned, bleed=bleed))


def fit_postfilter(state: State, settings: Demix, progress: Progress) -> State:
    """Estimate what the filters leave.

    Where they took nothing, nothing is left, and the postfilter takes no more than they did.
    """
    found = state.broadband
    if not settings.postfilter or found.instantaneous:
        return state
    seen, gains = even_features(state.samples, state.sources, found, state.rate, state.allowed)
    leakage = estimate_leakage(seen, state.allowed, shipped()) * found.touched[:, None, None]
    before, after = (Recording.from_array(rows, state.rate) for rows in (state.samples, state.sources))
    postfilter = Postfilter(leakage).rescaled(gains).modest(before, after)
    return replace(state, learned=replace(state.learned, postfilter=postfilter))


STEPS: tuple[tuple[Step, float], ...] = (
    (calibrate, 0.16),
    (fit_broadband, 0.69),
    (fit_narrowband, 0.09),
    (separate, 0.02),
    (fit_postfilter, 0.04),
)
"""The steps in their order, each with its share of the time (measured on 60 s of 8 microphones at 44.1 kHz)."""


def hardly_plays(microphones: Samples, sources: Samples) -> NDArray[np.bool_]:
    """Say of which sources hardly anything is left once the bleed is removed, ``(mics,)``."""
    before, after = (np.mean(np.square(rows), axis=1) for rows in (microphones, sources))
    silent: NDArray[np.bool_] = after < HARDLY * before
    return silent


def even_features(
    microphones: Samples, sources: Samples, found: Filters, rate: int, allowed: NDArray[np.bool_]
) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.float32]]:
    """Gather the features as they are when no microphone is turned up, and the gains that this takes, ``(mics,)``."""
    power = np.mean(np.square(microphones), axis=1)
    level = np.sqrt(power)
    bleed = np.square(found.taps).sum(axis=-1) * (power / power[:, None])
    gains = level * balanced(bleed, np.mean(np.square(sources), axis=1) / power, allowed)
    taps = found.taps * (gains / gains[:, None])[:, :, None]
    even = (1 / gains[:, None]).astype(np.float32)
    return features(even * microphones, even * sources, taps, found.ahead, found.trust, rate, allowed), gains


@dataclass(frozen=True)
class Demixed:
    """Filters that take away what bleeds, and the postfilter on what they leave.

    Parameters
    ----------
    filters, postfilter
        The two, in this order.
    bleed
        What was measured of the paths.
    kept
        ``(mics, mics)``: bleed that stays, see :meth:`keeping`.
    """

    filters: Filters | Narrowband
    postfilter: Postfilter
    bleed: Bleed
    kept: NDArray[np.bool_] | None = None

    @classmethod
    def none(cls, mics: int) -> Demixed:
        """Return what leaves every microphone as it is."""
        return cls(Filters.none(mics), Postfilter.none(mics), Bleed.none(mics))

    def rescaled(self, gains: NDArray[np.float32]) -> Demixed:
        """Return what does the same to microphones that are turned up by ``gains``, ``(mics,)``."""
        return Demixed(self.filters.rescaled(gains), self.postfilter.rescaled(gains), self.bleed.rescaled(gains))

    def placed(self, mics: NDArray[np.intp], count: int) -> Demixed:
        """Place these microphones among ``count``, the others of which have no part in it."""
        parts = self.filters.placed(mics, count), self.postfilter.placed(mics, count), self.bleed.placed(mics, count)
        return Demixed(*parts)

    def apply(self, recording: Recording) -> Recording:
        """Filter, then turn down; the bleed that is to stay is added as the filters give it."""
        filtered = self.filters.apply(recording)
        if self.kept is None:
            return self.postfilter.apply(filtered)
        clean = self.postfilter.keeping(self.kept).apply(filtered)
        beside = self.filters.keeping(self.kept).apply(recording)

        rows = np.flatnonzero(self.kept.any(axis=1))

        def read(start: int, stop: int) -> Samples:
            out = clean.read(start, stop).copy()
            out[rows] += beside.read(start, stop)[rows] - filtered.read(start, stop)[rows]
            return out

        return clean.with_reader(read)

    def keeping(self, kept: NDArray[np.bool_]) -> Demixed:
        """Leave the bleed of microphone j's source in microphone i where ``kept[i, j]``."""
        return replace(self, kept=kept)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that was learnt, for :meth:`Demix.restore`."""
        return {**self.filters.arrays(), **self.postfilter.arrays(), **self.bleed.arrays()}

    def paths(self, rate: int) -> Paths:
        """Describe the path of each source to each microphone."""
        return Paths(self.bleed.power, peak_delays(self.filters.mixing(), rate), self.bleed.error)
