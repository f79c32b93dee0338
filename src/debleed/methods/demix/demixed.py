"""What demix learns, as a value: filters, tracking and a postfilter, rescaled, placed, kept and applied."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from debleed.dsp.rtf import peak_delays
from debleed.methods import Paths
from debleed.methods.demix.background import Background
from debleed.methods.demix.bleed import Bleed
from debleed.methods.demix.changes import sudden_changes
from debleed.methods.demix.filters import Filters
from debleed.methods.demix.gain_changes import GainChanges
from debleed.methods.demix.narrowband import Narrowband
from debleed.methods.demix.own_sound import OwnSound
from debleed.methods.demix.postfilter import Postfilter
from debleed.methods.demix.safeguards import LEFT_ALONE, Verdicts
from debleed.methods.demix.tracking import Tracking
from debleed.progress import Progress, quiet
from debleed.recording import Recording, Samples


@dataclass(frozen=True)
class Demixed:
    """Demixing filters followed by what follows changes and by a postfilter.

    Parameters
    ----------
    filters, tracking, postfilter
        Applied in this order.
    background
        What is in all microphones all the time.
    own_sound
        What the filters take of a microphone's own source.
    gain_changes
        Gains that change, of compressors for example; only with filters.
    bleed
        Measured level and accuracy of the bleed.
    verdicts
        Why microphones are left alone, ``(mics,)``, see :data:`debleed.methods.demix.safeguards.LEFT_ALONE`.
    kept
        ``(mics, mics)``: bleed to keep, see :meth:`keeping`.
    """

    filters: Filters | Narrowband
    background: Background
    own_sound: OwnSound
    gain_changes: GainChanges
    tracking: Tracking
    postfilter: Postfilter
    bleed: Bleed
    verdicts: Verdicts
    kept: NDArray[np.bool_] | None = None

    @classmethod
    def none(cls, mics: int) -> Demixed:
        """Return a result that leaves every microphone unchanged."""
        return cls(
            Filters.none(mics),
            Background.none(mics),
            OwnSound.none(mics),
            GainChanges.none(mics),
            Tracking.none(mics),
            Postfilter.none(mics),
            Bleed.none(mics),
            np.zeros(mics, np.int64),
        )

    def rescaled(self, gains: NDArray[np.float32]) -> Demixed:
        """Return the equivalent result for microphones multiplied by ``gains``, ``(mics,)``."""
        return replace(
            self,
            filters=self.filters.rescaled(gains),
            background=self.background.rescaled(gains),
            own_sound=self.own_sound.rescaled(gains),
            tracking=self.tracking.rescaled(gains),
            postfilter=self.postfilter.rescaled(gains),
            bleed=self.bleed.rescaled(gains),
        )

    def placed(self, mics: NDArray[np.intp], count: int) -> Demixed:
        """Embed the result for the microphones ``mics`` into one for ``count``; the others stay unchanged."""
        verdicts = np.zeros(count, np.int64)
        verdicts[mics] = self.verdicts
        return replace(
            self,
            filters=self.filters.placed(mics, count),
            background=self.background.placed(mics, count),
            own_sound=self.own_sound.placed(mics, count),
            gain_changes=self.gain_changes.placed(mics, count),
            tracking=self.tracking.placed(mics, count),
            postfilter=self.postfilter.placed(mics, count),
            bleed=self.bleed.placed(mics, count),
            verdicts=verdicts,
        )

    def apply(self, recording: Recording) -> Recording:
        """Apply the filters, the tracking and the postfilter; add the bleed to be kept as the filters estimate it."""
        filtered = self.filtered(recording)
        changes, tracking, postfilter = self.gain_changes, self.tracking, self.postfilter
        if self.kept is not None:
            changes, tracking = changes.keeping(self.kept), tracking.keeping(self.kept)
            postfilter = postfilter.keeping(self.kept)
        clean = postfilter.apply(tracking.apply(self.evened(filtered, changes), self.background))
        if self.kept is None:
            return clean
        beside = self.filtered(recording, self.kept)

        rows = np.flatnonzero(self.kept.any(axis=1))

        def read(start: int, stop: int) -> Samples:
            out = clean.read(start, stop).copy()
            out[rows] += beside.read(start, stop)[rows] - filtered.read(start, stop)[rows]
            return out

        return clean.with_reader(read)

    def filtered(self, recording: Recording, kept: NDArray[np.bool_] | None = None) -> Recording:
        """Apply the filters, and give back what they took of the background and of each microphone's own sound."""
        filters, own_sound = self.filters, self.own_sound
        if kept is not None:
            filters, own_sound = filters.keeping(kept), own_sound.keeping(kept)
        sources = filters.apply(recording)
        if not self.background.silent:
            sources = self.with_background(recording, sources, filters)
        return own_sound.given_back(recording, sources)

    def evened(self, sources: Recording, gain_changes: GainChanges) -> Recording:
        """Remove what the filters leave because gains change."""
        return gain_changes.apply(sources, self.filters) if isinstance(self.filters, Filters) else sources

    def with_background(self, recording: Recording, sources: Recording, filters: Filters | Narrowband) -> Recording:
        """Add what the filters carried of the background to the sources."""
        carried = filters.bleed(self.background.inaudible(self.filters.apply(recording)))
        return sources.with_reader(lambda start, stop: sources.read(start, stop) + carried.read(start, stop))

    def keeping(self, kept: NDArray[np.bool_]) -> Demixed:
        """Keep the bleed of microphone j's source in microphone i where ``kept[i, j]``."""
        return replace(self, kept=kept)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything that :meth:`Demix.restore` needs."""
        return {
            **self.filters.arrays(),
            **self.background.arrays(),
            **self.own_sound.arrays(),
            **self.gain_changes.arrays(),
            **self.tracking.arrays(),
            **self.postfilter.arrays(),
            **self.bleed.arrays(),
            "verdicts": self.verdicts,
        }

    def left_alone(self) -> tuple[str, ...]:
        """Say why each microphone is left alone; empty for those that are cleaned."""
        return tuple(LEFT_ALONE[verdict] for verdict in self.verdicts)

    def changes(self, recording: Recording, progress: Progress = quiet) -> list[tuple[int, int]]:
        """Return the second and the microphone of each sudden change; nothing that tracking would not follow."""
        if not self.tracking.leakage.any():
            return []
        sources = self.evened(self.filtered(recording), self.gain_changes)
        return sudden_changes(sources, self.tracking, self.background, progress)

    def paths(self, rate: int) -> Paths:
        """Describe the bleed of each source in each microphone."""
        return Paths(self.bleed.power, peak_delays(self.filters.mixing(), rate), self.bleed.error)
