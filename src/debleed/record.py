"""The record of a job: what it was asked and what it has done, as a JSON file beside its results."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from debleed.intake import Prepared
from debleed.io.documents import json_numbers, json_text, read_number, write_text
from debleed.io.identity import Witness
from debleed.io.session import session_path
from debleed.recording import InputError

KIND = "record of debleed"
"""How a record begins, so that no other file is taken for one."""


@dataclass(frozen=True)
class Treated:
    """What was done to a microphone.

    Parameters
    ----------
    name
        Name of the microphone; a stereo file ``keys`` has two, ``keys.L`` and ``keys.R``.
    role, source, reason
        Its assignment, see :class:`debleed.assignment.Microphone`.
    finding
        What the sound says about it, or why it was left alone, see :meth:`debleed.Stage.findings`; empty if nothing was
        found.
    removed_db
        Power of the removed signal relative to the microphone, in dB; minus infinity if the microphone is unchanged.
    sentence
        What was done to it, in a sentence, see :func:`debleed.report.sentences.sentences`. How much less bleed there is
        stands in it only if a report was written, since measuring it takes a while.
    """

    name: str
    role: str
    source: str | None
    reason: str
    finding: str
    removed_db: float
    sentence: str = ""

    @property
    def unchanged(self) -> bool:
        """Whether the microphone is unchanged, to the bit."""
        return self.removed_db == -math.inf

    def described(self) -> dict[str, Any]:
        """Return everything for JSON."""
        return asdict(self) | json_numbers("removed_db", self.removed_db, nothing="nothing was removed")


@dataclass(frozen=True)
class Record:
    """What a job was asked and what it has done.

    Parameters
    ----------
    asked
        What the results depend on, see :func:`asked`.
    files
        The results: paths relative to the folder of the record, or absolute ones outside of it.
    length
        Length of the recording in seconds.
    seconds
        How long the run that came to the results took, in seconds. What an interrupted one did before is not counted.
    microphones
        What was done to each microphone.
    warnings
        Messages about what does not prevent the work, but is good to know.
    """

    asked: Mapping[str, Any]
    files: tuple[str, ...]
    length: float
    seconds: float
    microphones: tuple[Treated, ...]
    warnings: tuple[str, ...] = field(default=())

    def described(self) -> dict[str, Any]:
        """Return everything for JSON."""
        return {
            "kind": KIND,
            "asked": dict(self.asked),
            "files": list(self.files),
            "length": round(self.length, 3),
            "seconds": round(self.seconds, 3),
            "microphones": [mic.described() for mic in self.microphones],
            "warnings": list(self.warnings),
        }

    def write(self, path: Path) -> None:
        """Write the record."""
        write_text(path, json_text(self.described()))

    @classmethod
    def read(cls, path: Path) -> Record:
        """Read a record.

        Raises
        ------
        InputError
            If the file is not one, or is damaged.
        OSError
            If there is no file.
        """
        try:
            told = json.loads(path.read_text("utf-8"))
            if told["kind"] != KIND:
                raise KeyError("kind")
            return cls(
                dict(told["asked"]),
                tuple(map(str, told["files"])),
                float(told["length"]),
                float(told["seconds"]),
                tuple(map(_treated, told["microphones"])),
                tuple(map(str, told["warnings"])),
            )
        except (ValueError, TypeError, KeyError, RecursionError) as failure:
            raise InputError(f"'{path}' is not a record that debleed can read; move it away") from failure

    def missing(self, folder: Path) -> list[Path]:
        """List the results that are gone; ``folder`` is that of the record."""
        return [folder / name for name in self.files if not (folder / name).exists()]


def asked(ready: Prepared, witness: Witness) -> dict[str, Any]:
    """Describe all that the results of a job depend on, except for where they are written.

    Parameters
    ----------
    ready
        The open input.
    witness
        What the input files were when they were opened.

    Returns
    -------
    As it comes back from JSON.
    """
    from debleed import __version__

    job, recording = ready.job, ready.recording
    place = job.input if job.input.is_dir() else job.input.parent
    told = session_path(job.input)
    rows = zip(recording.names, recording.sources, strict=True)
    described = {
        "version": __version__,
        "method": job.method if job.stage is None else None,
        "settings": dict(job.settings) if job.stage is None else {},
        "stage": job.stage and job.stage.digest(),
        "region": job.region,
        "reductions": ready.reductions,
        "keep": ready.session.keep,
        "removed": job.removed is not None,
        "report": job.report is not None,
        "microphones": [[name, source, name in recording.references] for name, source in rows],
        "settled": sorted(ready.said_names),
        "files": {
            relative(path, place): [seen.size, seen.written_ns]
            for path, seen in witness.seen.items()
            if path != told  # what it says is in the rest; another comment changes nothing
        },
    }
    plain: dict[str, Any] = json.loads(json.dumps(_finite(described), default=str, allow_nan=False))
    return plain


def recorded(
    ready: Prepared,
    witness: Witness,
    made: Sequence[Path],
    treated: Sequence[Treated],
    seconds: float,
    warnings: Sequence[str],
) -> Record:
    """Return the record of a job, for which ``job.record`` names the file.

    Parameters
    ----------
    ready, witness
        As for :func:`asked`.
    made
        The results, in their final places.
    treated, seconds, warnings
        Those of the record.
    """
    folder = ready.job.record.parent if ready.job.record else ready.job.output
    files = tuple(relative(path, folder) for path in made)
    length = ready.recording.seconds
    return Record(asked(ready, witness), files, length, seconds, tuple(treated), tuple(warnings))


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Name what differs between what two jobs were asked.

    Examples
    --------
    >>> differing({"method": "demix", "region": None}, {"method": "kamir", "region": None})
    ['method']
    """
    return sorted(key for key in {*one, *other} if one.get(key) != other.get(key))


def relative(path: Path, folder: Path) -> str:
    """Return a path relative to a folder with slashes, or as it is if it lies elsewhere."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def refuse_record(path: Path) -> None:
    """Refuse a path for a record where something else is.

    Raises
    ------
    InputError
        That says so.
    """
    try:
        Record.read(path)
    except FileNotFoundError:
        return
    except OSError as failure:
        raise InputError(f"'{path}' cannot be read: {failure.strerror}") from failure


def _treated(told: Mapping[str, Any]) -> Treated:
    level = read_number(told["removed_db"], told.get("removed_db_reason"))
    return Treated(
        told["name"], told["role"], told["source"], told["reason"], told["finding"], level, told.get("sentence", "")
    )


def _finite(value: Any) -> Any:
    """Return a value with the numbers that JSON lacks as text."""
    if isinstance(value, Mapping):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
