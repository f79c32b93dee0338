"""What the soundcheck found, and the recording as methods see it after that."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from debleed.decibels import decibels, shown
from debleed.recording import Recording, Samples

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Soundcheck:
    """What the sound says about the tracks.

    Parameters
    ----------
    copies
        Copy → its original and its gain over the original.
    mixes
        Tracks that are sums of the others.
    groups
        Microphones of one source.
    faint
        Tracks that are as good as silent, see :data:`debleed.inspection.FAINTEST`.
    """

    copies: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    mixes: tuple[str, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()
    faint: tuple[str, ...] = ()

    @property
    def set_aside(self) -> tuple[str, ...]:
        """Tracks without a source of their own that come back unchanged: mixes, and faint ones."""
        return (*self.mixes, *self.faint)

    def heard(self, recording: Recording) -> Recording:
        """Return the recording with the sources that were found: none for copies and what is set aside."""
        source = dict(zip(recording.names, recording.sources, strict=True))
        for group in self.groups:
            same = {source[name] for name in group}
            source |= {name: source[group[0]] for name, own in source.items() if own in same}
        source |= dict.fromkeys((*self.copies, *self.set_aside), None)
        silent = {name for name, own in source.items() if own is None}
        return replace(recording, sources=tuple(source.values()), references=recording.references - silent)

    def widened(self, recording: Recording, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Keep the bleed of all microphones of a group where that of one is kept; ``kept`` is ``(mics, mics)``."""
        sources = self.heard(recording).sources
        same = np.array([[one is not None and one == other for other in sources] for one in sources])
        wide: NDArray[np.bool_] = (kept @ same) & ~same
        return wide

    def completed(self, recording: Recording, cleaned: Recording) -> Recording:
        """Clean the copies like their originals: what was removed from the original is removed at the copy's gain.

        Parameters
        ----------
        recording, cleaned
            All tracks before and after cleaning; the copies are still unchanged in ``cleaned``.
        """
        if not self.copies:
            return cleaned
        index = recording.names.index
        pairs = [(index(copy), index(original), gain) for copy, (original, gain) in self.copies.items()]

        def read(start: int, stop: int) -> Samples:
            before, after = recording.read(start, stop), cleaned.read(start, stop).copy()
            for copy, original, gain in pairs:
                same = before[copy] == gain * before[original]
                removed = before[original] - after[original]
                # to the bit, if the copy is one to the bit
                after[copy] = np.where(same, gain * after[original], before[copy] - gain * removed)
            return after

        return cleaned.with_reader(read)

    def reasons(self) -> dict[str, str]:
        """Say what was found about each track."""
        reasons = {}
        for copy, (original, gain) in self.copies.items():
            inverted = ", inverted" if gain < 0 else ""
            at = "" if abs(abs(gain) - 1) < 1e-3 else f" at {shown(float(decibels(gain**2)), sign=True)} dB"
            reasons[copy] = f"a copy of {original}{at}{inverted}, cleaned like it"
        reasons |= dict.fromkeys(self.mixes, "a mix of the other tracks, left unchanged")
        reasons |= dict.fromkeys(self.faint, "fainter than the smallest step of 32 bits, left unchanged")
        for group in self.groups:
            for name in group:
                others = " and ".join(other for other in group if other != name)
                reasons[name] = f"sounds like the same source as {others}"
        return reasons

    def announce(self) -> None:
        """Log each finding in a line."""
        reasons = self.reasons()
        for name in (*self.copies, *self.set_aside):
            log.info("%s is %s", name, reasons[name])
        for group in self.groups:
            log.info(
                "%s sound like one source, so neither is removed from the other (otherwise list each under a source of "
                "its own in session.toml)",
                " and ".join(group),
            )

    def table(self) -> dict[str, Any]:
        """Return the findings for a JSON header."""
        copies = {copy: list(of) for copy, of in self.copies.items()}
        groups = [list(group) for group in self.groups]
        return {"copies": copies, "mixes": list(self.mixes), "groups": groups, "faint": list(self.faint)}

    @classmethod
    def of_table(cls, table: Mapping[str, Any], names: Collection[str]) -> Soundcheck:
        """Rebuild the findings from :meth:`table`; raise ValueError if they do not fit the names."""
        if not isinstance(table["copies"], Mapping):
            raise ValueError("the copies have no originals")
        copies = {copy: (original, float(gain)) for copy, (original, gain) in table["copies"].items()}
        groups = tuple(tuple(group) for group in table["groups"])
        found = cls(copies, tuple(table["mixes"]), groups, tuple(table.get("faint", ())))
        named = {*copies, *(original for original, _ in copies.values()), *found.set_aside, *sum(groups, ())}
        if not named <= set(names) or not all(np.isfinite(gain) for _, gain in copies.values()):
            raise ValueError("the soundcheck names other microphones")
        return found
