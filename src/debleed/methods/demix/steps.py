"""How demix learns: a sequence of steps.

Each step takes a :class:`State` (the excerpt and what earlier steps have learnt) and returns it with its own result
added. No step depends on which other steps run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from debleed.dsp.rtf import Taps, on_grid
from debleed.dsp.stft import nfft_at, stft
from debleed.methods.demix.background import NFFT as BACKGROUND_NFFT
from debleed.methods.demix.background import Background, has_background, with_source
from debleed.methods.demix.bleed import measure_bleed
from debleed.methods.demix.broadband import estimate_filters, estimate_gains, instantaneous, references, window_length
from debleed.methods.demix.companions import leads_of, with_companion_rows, with_companions
from debleed.methods.demix.demixed import Demixed
from debleed.methods.demix.excerpt import power, spectra
from debleed.methods.demix.features import features
from debleed.methods.demix.filters import Filters
from debleed.methods.demix.gain_calibration import balancing_gains, presumed_gains
from debleed.methods.demix.gain_changes import GainChanges
from debleed.methods.demix.leakage_net import estimate_leakage, shipped
from debleed.methods.demix.narrowband import Narrowband, estimate_matrices, needs_long_windows
from debleed.methods.demix.own_sound import OwnSound
from debleed.methods.demix.postfilter import Postfilter
from debleed.methods.demix.safeguards import CLEANED, LEAST_SHARE, LOUDER_AFTER, SHARED_SOUND, Verdicts
from debleed.methods.demix.speeds import learn_tracking
from debleed.methods.demix.tracking import UNDERRATED, Tracking
from debleed.progress import Progress, quiet, within
from debleed.recording import Recording, Samples

if TYPE_CHECKING:
    from debleed.methods.demix.method import Demix

CORRECTED = 0.5
"""A microphone is left alone if corrections of its filters remove more than this share of the power that they removed.
Measured: at most 0.11 with bleed (of 36 microphones that stand, move or are compressed), 0.8 and 1.3 where a sequencer
plays two sources together."""


@dataclass(frozen=True)
class State:
    """Input and output of a learning step.

    Parameters
    ----------
    samples
        ``(mics, samples)``: the excerpt, without silent microphones, divided by ``gains``; up to :func:`add_companions`
        the leads alone, and so is all that follows.
    rate
        Sampling rate in Hz.
    allowed
        ``(mics, mics)``: where bleed is possible and sought.
    gains
        ``(mics,)``: estimated microphone gains.
    initial_taps
        Taps estimated with the first window, if gain calibration has computed them already.
    broadband
        The broadband filters.
    sources
        ``(mics, samples)``: the excerpt after the filters, or after the matrices that replace them.
    learned
        The result so far.
    lead
        The lead of each microphone, see :func:`debleed.methods.demix.companions.leads_of`.
    everything
        ``(mics, samples)``: the excerpt of all microphones, not divided by gains.
    possible
        ``(mics, mics)``: where bleed is possible between all of them.
    verdicts
        Why microphones are left alone, ``(mics,)``, see :data:`debleed.methods.demix.safeguards.LEFT_ALONE`.
    leakage
        The bleed that the filters leave.
    """

    samples: NDArray[np.float32]
    rate: int
    allowed: NDArray[np.bool_]
    gains: NDArray[np.float32]
    initial_taps: Taps | None
    broadband: Filters
    sources: NDArray[np.float32]
    learned: Demixed
    lead: NDArray[np.intp]
    everything: NDArray[np.float32]
    possible: NDArray[np.bool_]
    verdicts: Verdicts
    leakage: Postfilter

    @classmethod
    def begun(
        cls, samples: NDArray[np.float32], rate: int, allowed: NDArray[np.bool_], sources: Sequence[str | None]
    ) -> State:
        """Return the state before the first step: the leads, with presumed gains divided out."""
        lead = leads_of(samples, sources, references(allowed))
        leads = np.flatnonzero(lead == np.arange(len(lead)))
        heard = samples if len(leads) == len(samples) else samples[leads]
        between = allowed[np.ix_(leads, leads)]
        gains = presumed_gains(heard, rate, references(between))
        if np.any(gains != 1):
            heard = heard / gains[:, None]
        none = Demixed.none(len(leads))
        return cls(
            heard,
            rate,
            between,
            gains,
            None,
            Filters.none(len(leads)),
            heard,
            none,
            lead,
            samples,
            allowed,
            none.verdicts,
            none.postfilter,
        )


LEARNT, CHECKED, FOLLOWED = 0.3, 0.6, 0.7
"""Shares of the time of :func:`fit_tracking` at which its parts end."""

Step = Callable[[State, "Demix", Progress], State]
"""A learning step; it reports its own progress from 0 to 1."""


def calibrate(state: State, settings: Demix, progress: Progress) -> State:
    """Estimate the microphone gains and divide them out, if they clearly differ."""
    if not settings.gain_calibration:
        return state
    gains, initial_taps = estimate_gains(state.samples, state.rate, state.allowed, settings.first_window)
    samples = state.samples if np.all(gains == 1) else state.samples / gains[:, None]
    return replace(state, samples=samples, gains=state.gains * gains, initial_taps=initial_taps)


def fit_broadband(state: State, settings: Demix, progress: Progress) -> State:
    """Fit the broadband filters."""
    fitted, verdicts = estimate_filters(
        state.samples,
        state.rate,
        state.allowed,
        progress,
        state.initial_taps,
        settings.first_window,
        settings.longest_window,
    )
    return replace(state, broadband=fitted, learned=replace(state.learned, filters=fitted), verdicts=verdicts)


def fit_narrowband(state: State, settings: Demix, progress: Progress) -> State:
    """Replace the filters by one matrix per bin if microphones are too far from their sources for any filter length."""
    fitted, allowed = state.broadband, state.allowed
    if not settings.narrowband or fitted.instantaneous:
        return state
    allowed = allowed & fitted.changed_mics[:, None]
    if not needs_long_windows(fitted.taps * (allowed | allowed.T)[:, :, None]):
        return state
    matrices = estimate_matrices(
        state.samples,
        state.rate,
        fitted.response(),
        allowed,
        progress,
        settings.first_window,
        settings.longest_window,
    )
    if matrices is None:
        return state
    return replace(state, learned=replace(state.learned, filters=Narrowband(matrices.astype(np.complex64))))


def add_companions(state: State, settings: Demix, progress: Progress) -> State:
    """Extend the result from the leads to all microphones."""
    lead, mics = state.lead, len(state.lead)
    leads = np.flatnonzero(lead == np.arange(mics))
    if len(leads) == mics:
        return state
    gains = state.gains[np.searchsorted(leads, lead)]  # a companion is divided by its lead's gain
    samples = state.everything / gains[:, None]
    allowed = state.possible & (lead == np.arange(mics))  # companions bleed into nobody: their leads do
    broadband = instantaneous(samples, state.rate, state.possible) if state.broadband.instantaneous else None
    verdicts = np.zeros(mics, np.int64)
    if broadband is None:
        broadband, verdicts = with_companions(
            state.broadband,
            state.verdicts,
            samples,
            state.rate,
            lead,
            allowed,
            progress,
            settings.first_window,
            settings.longest_window,
        )
    filters: Filters | Narrowband = broadband
    if isinstance(state.learned.filters, Narrowband):
        filters = Narrowband(with_companion_rows(state.learned.filters.matrices, broadband, leads))
    learned = replace(Demixed.none(mics), filters=filters)
    return replace(
        state,
        samples=samples,
        allowed=allowed,
        gains=gains,
        broadband=broadband,
        learned=learned,
        verdicts=verdicts,
    )


def separate(state: State, settings: Demix, progress: Progress) -> State:
    """Filter the excerpt and measure the bleed of each source in each microphone."""
    filters = state.learned.filters
    sources = filters.apply(Recording.from_array(state.samples, state.rate)).read()
    if filters.is_identity and not np.any(state.verdicts == LOUDER_AFTER):
        return replace(state, sources=sources)
    spectrum = spectra(sources, window_length(settings.first_window, state.rate))
    bleed = measure_bleed(spectrum, filters.mixing(), state.allowed)
    return replace(state, sources=sources, learned=replace(state.learned, bleed=bleed))


def measure_background(state: State, settings: Demix, progress: Progress) -> State:
    """Measure what is in all microphones all the time, and give back what the filters carried of it."""
    window = window_length(settings.first_window, state.rate)
    if not has_background(spectra(state.samples, window), spectra(state.sources, window), state.allowed):
        return state
    nfft = nfft_at(state.rate, BACKGROUND_NFFT)
    level = Background.measured(stft(state.sources, nfft, nfft // 2), with_source(state.allowed))
    learned = replace(state.learned, background=level)
    sources = learned.filtered(Recording.from_array(state.samples, state.rate)).read()
    return replace(state, sources=sources, learned=learned)


def measure_leakage(state: State, settings: Demix, progress: Progress) -> State:
    """Estimate the power of the bleed that remains after the filters."""
    fitted = state.broadband
    if fitted.instantaneous or state.learned.filters.is_identity:
        return state
    observed, gains = calibrated_features(state.samples, state.sources, fitted, state.rate, state.allowed)
    leakage = estimate_leakage(observed, state.allowed, shipped()) * fitted.changed_mics[:, None, None]
    return replace(state, leakage=Postfilter(leakage).rescaled(gains))


def keep_own_sound(state: State, settings: Demix, progress: Progress) -> State:
    """Give back what the filters take of each microphone's own sound."""
    if not settings.postfilter or not state.leakage.leakage.any():
        return state
    nfft = nfft_at(state.rate, BACKGROUND_NFFT)
    powers = power(stft(state.sources, nfft, nfft // 2)).mean(axis=-1)
    left = state.leakage.over_all_decays(state.rate, nfft // 2 + 1)
    own_sound = OwnSound.measured(state.learned.filters.carried(), left, powers, state.rate)
    learned = replace(state.learned, own_sound=own_sound)
    sources = learned.filtered(Recording.from_array(state.samples, state.rate)).read()
    return replace(state, sources=sources, learned=learned)


def follow_gains(state: State, settings: Demix, progress: Progress) -> State:
    """Learn which gains change, and follow them in the excerpt; not with an audience, which correlates by chance."""
    filters = state.learned.filters
    if not settings.tracking or not state.leakage.leakage.any() or not state.learned.background.silent:
        return state
    if not isinstance(filters, Filters):
        return state
    sources = Recording.from_array(state.sources, state.rate)
    changes = GainChanges.learned(sources, filters, sought(state))
    followed = changes.apply(sources, filters)
    return replace(state, sources=followed.read(), learned=replace(state.learned, gain_changes=changes))


def sought(state: State) -> NDArray[np.bool_]:
    """Return where bleed is removed that may change, ``(mics, mics)``."""
    removed: NDArray[np.bool_] = state.broadband.changed_mics[:, None] & paths_found(state)
    return removed


def paths_found(state: State) -> NDArray[np.bool_]:
    """Return where paths of bleed were found, removed or not, ``(mics, mics)``."""
    fitted = state.broadband
    bleed: NDArray[np.bool_] = state.allowed & ~fitted.own_paths & fitted.taps.any(axis=-1)
    return bleed


def power_left(state: State, unfiltered: NDArray[np.bool_]) -> NDArray[np.floating]:
    """Return the power of source j that is left in microphone i, relative to the source, ``(mics, mics, bins)``.

    It is as underrated as the leakage estimator's. In ``unfiltered`` microphones, ``(mics,)``, all that the paths carry
    is left.
    """
    bins = nfft_at(state.rate, BACKGROUND_NFFT) // 2 + 1
    whole = np.moveaxis(power(on_grid(state.broadband.mixing(), bins).astype(np.complex64)), 0, -1) / UNDERRATED
    rest = state.leakage.over_all_decays(state.rate, bins) if state.leakage.leakage.any() else np.zeros_like(whole)
    return np.where(unfiltered[:, None, None], whole, rest)


def fit_tracking(state: State, settings: Demix, progress: Progress) -> State:
    """Learn which paths deviate from the filters, how far and how fast; then follow them in the excerpt.

    Fixed filters may make a microphone louder because its paths change all the time, as when a singer walks about with
    it. There tracking works alone, and the verdict is withdrawn if it finds bleed.
    """
    unfiltered = state.verdicts == LOUDER_AFTER
    if not settings.tracking or not (state.leakage.leakage.any() or unfiltered.any()):
        return state
    filters, background = state.learned.filters, state.learned.background
    leakage = power_left(state, unfiltered)
    allowed = sought(state) | (unfiltered[:, None] & paths_found(state))

    def learnt(
        sought: NDArray[np.bool_], possible: NDArray[np.bool_], progress: Progress = quiet
    ) -> tuple[Tracking, NDArray[np.bool_]]:
        between = sought, possible, background
        return learn_tracking(state.sources, filters.mixing(), leakage, state.rate, *between, progress)

    tracking, beyond = learnt(allowed, state.allowed, within(progress, 0, LEARNT))
    if (alone := contradicted(state, tracking)).any():
        return fit_tracking(leaving(state, alone), settings, within(progress, CHECKED, 1))
    progress("demix", CHECKED)
    shared = beyond
    while beyond.any():  # without these pairs others may have to explain what they did
        tracking, beyond = learnt(allowed & ~shared, state.allowed & ~shared)
        shared = shared | beyond
    progress("demix", FOLLOWED)
    followed = tracking.apply(Recording.from_array(state.sources, state.rate), background)
    verdicts = np.where(unfiltered & tracking.changed_mics, CLEANED, state.verdicts)
    return replace(state, sources=followed.read(), learned=replace(state.learned, tracking=tracking), verdicts=verdicts)


def contradicted(state: State, tracking: Tracking) -> NDArray[np.bool_]:
    """Return the microphones whose filters the tracking contradicts, ``(mics,)``.

    Deviations that stay are corrections of the filters. Where they would remove more than :data:`CORRECTED` of the
    power that the filters did, what correlates is still there after it was removed: it is shared sound, such as a kick
    and a bass that a sequencer plays together.
    """
    nothing = np.zeros_like(tracking.weight)
    corrections = replace(tracking, weight=nothing, variance=nothing, unfollowed=nothing)
    corrected = corrections.apply(Recording.from_array(state.sources, state.rate), state.learned.background).read()
    unaltered = replace(state.learned, own_sound=OwnSound.none(len(state.samples)))
    filtered = unaltered.filtered(Recording.from_array(state.samples, state.rate)).read()
    removed, more = (
        np.sum(np.square(after - before, dtype=np.float64), axis=1)
        for before, after in ((state.samples, filtered), (state.sources, corrected))
    )
    alone: NDArray[np.bool_] = (more > CORRECTED * removed) & state.broadband.changed_mics
    return alone


def leaving(state: State, alone: NDArray[np.bool_]) -> State:
    """Leave microphones alone that share sound, ``(mics,)``."""
    return replace(
        state,
        broadband=state.broadband.leaving(alone),
        sources=np.where(alone[:, None], state.samples, state.sources),
        learned=replace(
            state.learned,
            filters=state.learned.filters.leaving(alone),
            own_sound=state.learned.own_sound.leaving(alone),
            gain_changes=state.learned.gain_changes.leaving(alone),
        ),
        verdicts=np.where(alone, SHARED_SOUND, state.verdicts),
        leakage=Postfilter(state.leakage.leakage * ~alone[:, None, None]),
    )


def fit_postfilter(state: State, settings: Demix, progress: Progress) -> State:
    """Attenuate what is left.

    A microphone that the filters leave unchanged is also left unchanged by the postfilter, and the postfilter never
    removes more than the filters and the tracking did.
    """
    if not settings.postfilter or not state.leakage.leakage.any():
        return state
    before, after = (Recording.from_array(rows, state.rate) for rows in (state.samples, state.sources))
    return replace(state, learned=replace(state.learned, postfilter=state.leakage.limited(before, after)))


STEPS: tuple[tuple[Step, float], ...] = (
    (calibrate, 0.14),
    (fit_broadband, 0.61),
    (fit_narrowband, 0.07),
    (add_companions, 0.01),
    (separate, 0.02),
    (measure_background, 0.01),
    (measure_leakage, 0.03),
    (keep_own_sound, 0.01),
    (follow_gains, 0.03),
    (fit_tracking, 0.1),
    (fit_postfilter, 0.01),
)
"""The steps in order, each with its share of the run time (measured on 60 s of 8 microphones at 44.1 kHz)."""


def almost_silent(microphones: Samples, sources: Samples) -> NDArray[np.bool_]:
    """Return which microphones contain hardly anything but bleed, ``(mics,)``."""
    before, after = (np.mean(np.square(rows), axis=1) for rows in (microphones, sources))
    silent: NDArray[np.bool_] = after < LEAST_SHARE * before
    return silent


def calibrated_features(
    microphones: Samples, sources: Samples, filters: Filters, rate: int, allowed: NDArray[np.bool_]
) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.float32]]:
    """Compute the features after compensating the microphone gains; also return these gains, ``(mics,)``."""
    power = np.mean(np.square(microphones), axis=1)
    level = np.sqrt(power)
    bleed = np.square(filters.taps).sum(axis=-1) * (power / power[:, None])
    gains = level * balancing_gains(bleed, np.mean(np.square(sources), axis=1) / power, allowed)
    taps = filters.taps * (gains / gains[:, None])[:, :, None]
    scale = (1 / gains[:, None]).astype(np.float32)
    return features(scale * microphones, scale * sources, taps, filters.ahead, filters.trust, rate, allowed), gains
