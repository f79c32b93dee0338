"""A stage as a value: what was learnt from the microphones on a stage, to be saved, inspected and applied again."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from debleed.inspection import faint, inspect, silenced, unchanged
from debleed.io.stage_file import read_stage, write_stage
from debleed.methods import (
    Cautious,
    Described,
    Learned,
    Paths,
    Portable,
    PortableMethod,
    Selective,
    Watchful,
    create,
    registered,
)
from debleed.progress import Progress, quiet
from debleed.recording import InputError, Recording, Samples
from debleed.soundcheck.alignment import Alignment
from debleed.soundcheck.filling import FILLINGS, filled
from debleed.soundcheck.findings import Soundcheck

if TYPE_CHECKING:
    from debleed.soundcheck.fingerprint import Fingerprint

log = logging.getLogger(__name__)

NOTHING_FOUND = Soundcheck()

Kept = Mapping[str, Sequence[str]]
"""Microphone (or source, for all its microphones) → sources whose bleed is kept in it."""


@dataclass(frozen=True)
class Stage:
    """What a method has learnt from a recording.

    Parameters
    ----------
    method
        Name of the method, as for :func:`debleed.methods.create`.
    settings
        All its settings.
    rate
        Sampling rate in Hz of the recording that it was learnt from.
    names, sources
        The microphones in order, and the source of each; ``None`` marks a room microphone.
    learned
        What was learnt from the microphones that have a source.
    program
        Version of debleed that learnt it.
    recorded
        Date of the recording, if known.
    references
        Names of the tracks that are signals, not microphones, see :class:`debleed.Recording`.
    soundcheck
        What the sound said about the tracks: copies, mixes, microphones of one source.
    fingerprint
        What the microphones shared, to which another recording is aligned; ``None`` for methods that do not put the
        microphones in step.
    """

    method: str
    settings: Mapping[str, Any]
    rate: int
    names: tuple[str, ...]
    sources: tuple[str | None, ...]
    learned: Learned
    program: str
    recorded: date | None = None
    references: frozenset[str] = frozenset()
    soundcheck: Soundcheck = NOTHING_FOUND
    fingerprint: Fingerprint | None = None

    @property
    def with_source(self) -> list[int]:
        """Indices of the microphones that the method has learnt from: those with a source, less those set aside."""
        return learnt_from(self.names, self.sources, self.soundcheck)

    @property
    def portable(self) -> bool:
        """Whether the stage can be saved."""
        return isinstance(self.learned, Portable)

    def apply(self, recording: Recording, *, keep: Kept | None = None, progress: Progress = quiet) -> Recording:
        """Clean a recording of the same microphones.

        Parameters
        ----------
        recording
            The microphones that the stage was learnt from, in the same order, at the same rate; of any length.
        keep
            Sources whose bleed is kept, by microphone.
        progress
            Called with the stage "check"; may raise an exception to stop the work.

        Returns
        -------
        The same microphones at the same rate, length and alignment; samples are computed when they are read.

        Raises
        ------
        InputError
            For another rate, other or reordered microphones, invalid samples, and bleed to keep that the method cannot
            separate.
        """
        return self.apply_in_step(recording, keep=keep, progress=progress)[0]

    def apply_in_step(
        self, recording: Recording, *, keep: Kept | None = None, progress: Progress = quiet
    ) -> tuple[Recording, Alignment | None]:
        """Clean a recording as :meth:`apply` does, and also return its alignment, for :meth:`changes`.

        The alignment is ``None`` for stages that do not put the microphones in step.
        """
        self.refuse_other(recording)
        quiet_ones = faint(recording, inspect(recording, progress))
        heard = silenced(recording, quiet_ones)
        alignment = self.alignment_of(heard) if self.settings.get("in_step") else None
        return unchanged(recording, self.applied(heard, keep, alignment), quiet_ones), alignment

    def applied(self, recording: Recording, keep: Kept | None = None, alignment: Alignment | None = None) -> Recording:
        """Clean a recording that was inspected already; otherwise like :meth:`apply`.

        The alignment of the recording is estimated if it is not given.
        """
        if self.settings.get("in_step"):
            alignment = alignment or self.alignment_of(recording)
            before = self.filled(recording, alignment)
            return alignment.undone(recording, before, self.separated(before, keep))
        return self.separated(recording, keep)

    def alignment_of(self, recording: Recording) -> Alignment:
        """Find the time lines with which a recording agrees with what was learnt."""
        from debleed.soundcheck.in_step import alignment_of

        found = alignment_of(recording, self.soundcheck.set_aside)
        return self.fingerprint.agreed(recording, found) if self.fingerprint else found

    def filled(self, recording: Recording, alignment: Alignment) -> Recording:
        """Put a recording on the common time line, with the bleed that would be where a file holds nothing."""
        aligned = alignment.aligned(recording)
        for _ in range(0 if alignment.in_step else FILLINGS):
            aligned = filled(aligned, self.separated(aligned), alignment.spans(recording))
        return aligned

    def separated(self, recording: Recording, keep: Kept | None = None) -> Recording:
        """Clean a recording whose microphones are in step."""
        chosen, learned = self.with_source, self.learned
        if keep and any(keep.values()):
            kept = self.soundcheck.widened(recording, kept_pairs(recording, keep))
            if not isinstance(learned, Selective):
                raise InputError(
                    f"method '{self.method}' cannot keep the bleed of one source and remove that of others; 'demix' can"
                )
            learned = learned.keeping(kept[np.ix_(chosen, chosen)])
        treated = [i for i in chosen if self.names[i] not in self.references]
        heard = self.soundcheck.heard(recording)
        if len(treated) == len(recording):
            return learned.apply(heard)
        cleaned = learned.apply(heard.select(chosen))
        rows = [chosen.index(i) for i in treated]

        def read(start: int, stop: int) -> Samples:
            out = recording.read(start, stop).copy()
            out[treated] = cleaned.read(start, stop)[rows]
            return out

        return self.soundcheck.completed(recording, recording.with_reader(read))

    def refuse_other(self, recording: Recording) -> None:
        """Refuse a recording with another rate, or with other or reordered microphones."""
        if recording.rate != self.rate:
            raise InputError(
                f"the stage was learnt at {self.rate} Hz and cannot be applied at {recording.rate} Hz; learn it again "
                f"from a recording at {recording.rate} Hz"
            )
        if missing := [name for name in self.names if name not in recording.names]:
            raise InputError(f"the stage has microphones that the recording lacks: {', '.join(missing)}")
        if strange := [name for name in recording.names if name not in self.names]:
            raise InputError(f"the recording has microphones that the stage lacks: {', '.join(strange)}")
        if recording.names != self.names:
            raise InputError(
                f"the microphones are in another order: the stage has {', '.join(self.names)}, the recording "
                f"{', '.join(recording.names)}"
            )
        if recording.sources != self.sources:
            pairs = zip(self.names, self.sources, recording.sources, strict=True)
            name, was, now = next(three for three in pairs if three[1] != three[2])
            raise InputError(f"microphone '{name}' is {_of(was)} in the stage, but {_of(now)} in the recording")
        if recording.references != self.references:
            name = min(recording.references ^ self.references)
            there, here = (
                "a reference" if name in recorded.references else "a microphone" for recorded in (self, recording)
            )
            raise InputError(f"'{name}' is {there} in the stage, but {here} in the recording")

    def left_alone(self) -> dict[str, str]:
        """Say why microphones are left alone, by name."""
        if not isinstance(self.learned, Cautious):
            return {}
        reasons = zip(self.with_source, self.learned.left_alone(), strict=True)
        return {self.names[i]: reason for i, reason in reasons if reason}

    def changes(
        self, recording: Recording, alignment: Alignment | None = None, progress: Progress = quiet
    ) -> dict[str, tuple[int, ...]]:
        """Return when the bleed of a recording changed suddenly: seconds, by microphone.

        A stand was knocked, say, or a microphone was moved or handed on. The recording is read from end to end.

        Parameters
        ----------
        recording
            A recording to which the stage applies.
        alignment
            Its alignment, which is estimated if it is not given.
        progress
            Called with the stage "changes".
        """
        if not isinstance(self.learned, Watchful):
            return {}
        if self.settings.get("in_step"):
            recording = self.filled(recording, alignment or self.alignment_of(recording))
        chosen = self.with_source
        found: dict[str, tuple[int, ...]] = {}
        for second, mic in self.learned.changes(self.soundcheck.heard(recording).select(chosen), progress):
            name = self.names[chosen[mic]]
            found[name] = (*found.get(name, ()), second)
        return found

    def announce(self) -> None:
        """Log why each microphone is left alone, in a line."""
        for name, reason in self.left_alone().items():
            log.info("%s is left alone: %s", name, reason)

    def findings(self) -> dict[str, str]:
        """Say what the soundcheck found about tracks, and why microphones are left alone, by name."""
        found = self.soundcheck.reasons()
        for name, reason in self.left_alone().items():
            why = f"left alone: {reason}"
            found[name] = f"{found[name]}; {why}" if name in found else why
        return found

    def paths(self) -> Paths:
        """Describe the bleed from each source to each microphone of :attr:`with_source`.

        Raises
        ------
        InputError
            If the method does not estimate it.
        """
        if not isinstance(self.learned, Described):
            raise InputError(f"method '{self.method}' does not estimate levels of bleed, so there is nothing to show")
        return self.learned.paths(self.rate)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the stage to a file, completely or not at all; an existing file is replaced.

        Raises
        ------
        InputError
            If the method needs side information or other files, so that the stage cannot be saved.
        """
        write_stage(Path(path), *self._contents())

    def digest(self) -> str:
        """Return a checksum of what :meth:`save` writes; for a stage that cannot be saved, one that no other has."""
        if not self.portable:
            return secrets.token_hex()
        header, arrays = self._contents()
        found = hashlib.sha256(json.dumps(header, sort_keys=True, allow_nan=False).encode())
        for name, array in sorted(arrays.items()):
            found.update(f"{name} {array.dtype.str} {array.shape}".encode() + array.tobytes())
        return found.hexdigest()

    def _contents(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the header and the arrays of the file."""
        if not isinstance(self.learned, Portable):
            raise InputError(
                f"what '{self.method}' has learnt cannot be saved: it needs side information or other files"
            )
        header = {
            "method": self.method,
            "settings": dict(self.settings),
            "rate": self.rate,
            "names": list(self.names),
            "sources": list(self.sources),
            "references": sorted(self.references),
            "soundcheck": self.soundcheck.table(),
            "program": self.program,
            "recorded": self.recorded and self.recorded.isoformat(),
        }
        more = self.fingerprint.arrays() if self.fingerprint else {}
        return header, dict(self.learned.arrays()) | more

    @classmethod
    def load(cls, path: str | os.PathLike[str], method: str | None = None) -> Stage:
        """Read a stage that :meth:`save` wrote.

        Parameters
        ----------
        path
            The file.
        method
            Your own method, ``package.module:Class``, if the stage was learnt with it. A file alone is not trusted to
            name a module to import.

        Raises
        ------
        InputError
            If the file is damaged, incomplete or newer than this program, or if its method is unknown.
        """
        from debleed import __version__
        from debleed.soundcheck.fingerprint import PREFIX, Fingerprint

        path = Path(path)
        header, arrays = read_stage(path)
        try:
            fields = _Header.checked(header)
        except (KeyError, TypeError, ValueError) as failure:
            raise InputError(f"'{path}' is damaged: its header is invalid ({failure}); learn it again") from None
        if fields.method not in registered() and fields.method != method:
            raise InputError(
                f"'{path}' was learnt with '{fields.method}', which is not a method of this installation; if you trust "
                "it, pass it as the method"
            )
        found = {key: arrays.pop(key) for key in list(arrays) if key.startswith(PREFIX)}
        count = len(learnt_from(fields.names, fields.sources, fields.soundcheck))
        try:
            made = create(fields.method, **_tuples(fields.settings))
            if not isinstance(made, PortableMethod):
                raise InputError(f"stages of '{fields.method}' cannot be saved")
            learned = made.restore(arrays, count)
            fingerprint = Fingerprint.restore(found, len(fields.names), fields.rate) if found else None
        except (InputError, TypeError) as refusal:  # TypeError: a setting of another type
            other = "" if fields.program == __version__ else f" (debleed {fields.program} wrote it)"
            raise InputError(f"'{path}' cannot be used{other}: {refusal}; learn it again") from None
        return cls(learned=learned, fingerprint=fingerprint, **vars(fields))


def learnt_from(names: Sequence[str], sources: Sequence[str | None], found: Soundcheck) -> list[int]:
    """Return the indices of the microphones that a method learns from."""
    without = {*found.copies, *found.set_aside}
    pairs = enumerate(zip(names, sources, strict=True))
    return [i for i, (name, source) in pairs if source is not None and name not in without]


def _of(source: str | None) -> str:
    return "a room microphone" if source is None else f"one of '{source}'"


@dataclass(frozen=True)
class _Header:
    method: str
    settings: Mapping[str, Any]
    rate: int
    names: tuple[str, ...]
    sources: tuple[str | None, ...]
    program: str
    recorded: date | None
    references: frozenset[str]
    soundcheck: Soundcheck

    @classmethod
    def checked(cls, header: Mapping[str, Any]) -> _Header:
        """Parse a header; raise ValueError if it is invalid."""
        names, sources = tuple(header["names"]), tuple(header["sources"])
        references = header.get("references", [])  # stages of version 0.2 have none, and no soundcheck
        found = Soundcheck.of_table(header["soundcheck"], names) if "soundcheck" in header else Soundcheck()
        fine = (
            all(isinstance(header[key], str) for key in ("method", "program")),
            isinstance(header["settings"], dict),
            type(header["rate"]) is int and header["rate"] > 0,
            all(isinstance(name, str) for name in names) and len(set(names)) == len(names) > 0,
            all(source is None or isinstance(source, str) for source in sources) and len(sources) == len(names),
            isinstance(references, list) and set(references) <= set(names),
        )
        if not all(fine):
            raise ValueError("a value has the wrong type")
        day = header.get("recorded")
        recorded = None if day is None else date.fromisoformat(day)
        settings, rate, program = (header[key] for key in ("settings", "rate", "program"))
        return cls(header["method"], settings, rate, names, sources, program, recorded, frozenset(references), found)


def _tuples(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Convert lists, as which JSON stores tuples, back to tuples."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()}


def kept_pairs(recording: Recording, keep: Kept) -> NDArray[np.bool_]:
    """Convert names to pairs: ``[i, j]`` is whether the bleed of microphone j's source is kept in microphone i.

    Raises
    ------
    InputError
        For unknown names, room microphones, and a microphone's own source.
    """
    kept = np.zeros((len(recording), len(recording)), bool)
    all_sources = list(dict.fromkeys(source for source in recording.sources if source is not None))
    for place, wanted in keep.items():
        mics = [i for i, pair in enumerate(zip(recording.names, recording.sources, strict=True)) if place in pair]
        if not mics:
            raise InputError(
                f"there is no microphone '{place}' to keep bleed in; there are {', '.join(recording.names)}"
            )
        if any(recording.sources[i] is None for i in mics):
            raise InputError(f"'{place}' is a room microphone and keeps all its bleed anyway")
        for name in wanted:
            if name not in all_sources:
                raise InputError(
                    f"there is no source '{name}' to keep in '{place}'; the sources are {', '.join(all_sources)}"
                )
            if any(recording.sources[i] == name for i in mics):
                raise InputError(f"'{name}' is the source of '{place}' itself, so it is kept anyway")
            for i in mics:
                kept[i] |= np.array([source == name for source in recording.sources])
    return kept
