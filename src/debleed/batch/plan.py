"""What a batch will do with each recording, before anything is done."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from debleed.batch.recordings import Listed
from debleed.intake import Job, Prepared, prepared, refuse_overwriting, refuse_places, session_of
from debleed.io.forms import data_size, form_of, shown_size
from debleed.io.identity import Witness
from debleed.io.session import Session
from debleed.io.staging import Unfinished, place_of, writable_ancestor
from debleed.job import collected
from debleed.record import Record, asked, differing, refuse_record
from debleed.recording import InputError
from debleed.resuming import COMMIT, LEARNT, inputs
from debleed.workers import explained

State = Literal["new", "begun", "finished", "failed"]
"""What is known of a recording: nothing was done, something is kept, all was done, or it cannot be cleaned."""

RECORD, REPORT, REMOVED = "cleaned.json", "report.html", "removed"
"""Names in the folder of a recording's results: the record, the report and the folder for the removed signal."""

PACKED = 0.5
"""Estimated size of 24-bit FLAC relative to its samples; music needs 0.4 to 0.6."""


@dataclass(frozen=True)
class Batch:
    """What a batch is asked to do.

    Parameters
    ----------
    given
        The folder or list of the recordings, absolute: workers may run in another folder.
    output
        Folder for the results, absolute. Those of a recording are in the folder of its name in it.
    method, settings
        The method, see :func:`debleed.methods.create`.
    session
        Returns the description of a recording, by its path.
    removed, report
        Whether the removed signal and a report are written too, to ``removed/`` and ``report.html`` beside the results.
    force
        Overwrite the results of other jobs; what this batch has finished is not done again.
    """

    given: Path
    output: Path
    method: str = "demix"
    settings: Mapping[str, Any] = field(default_factory=dict)
    session: Callable[[Path], Session] = session_of
    removed: bool = False
    report: bool = False
    force: bool = False

    def job(self, one: Listed) -> Job:
        """Return the job that cleans a recording.

        Raises
        ------
        InputError
            If its session cannot be used.
        """
        output = self.output / one.name
        return Job(
            one.input,
            output,
            self.session(one.input),
            method=self.method,
            settings=self.settings,
            removed=output / REMOVED if self.removed else None,
            report=output / REPORT if self.report else None,
            record=output / RECORD,
            force=self.force,
        )


@dataclass(frozen=True)
class Planned:
    """A recording of a batch, and what will be done with it.

    Parameters
    ----------
    name
        Its name in the batch.
    job
        The job that cleans it; ``None`` if its session cannot be read.
    state
        What is known of it.
    microphones, sources, length
        How many it has, and its length in seconds; 0 if it cannot be opened.
    size
        Estimated size of the results in bytes.
    record
        What was done, if it is finished.
    failure
        Why it cannot be cleaned, in a sentence.
    warnings
        What was logged while its session was read.
    """

    name: str
    job: Job | None
    state: State
    microphones: int = 0
    sources: int = 0
    length: float = 0.0
    size: int = 0
    record: Record | None = None
    failure: str = ""
    warnings: tuple[str, ...] = ()


def planned(batch: Batch, one: Listed) -> Planned:
    """Look at a recording and at what there is of its results; what is wrong with it is the failure of it alone."""
    name = one.name
    job = None
    try:
        with collected() as said:
            job = batch.job(one)
        refuse_places(job)
        with collected(), closing(prepared(job)) as ready:
            record = finished_record(ready)
            begun = record is None and is_begun(job)
            if record is None and not begun:
                refuse_overwriting(ready)
            state: State = "finished" if record else "begun" if begun else "new"
            recording = ready.recording
            sources = {source for source in recording.sources if source is not None}
            counts = len(recording), len(sources), recording.seconds, 0 if record else estimated_size(ready)
            return Planned(name, job, state, *counts, record, warnings=tuple(said))
    except Exception as refusal:  # whatever is wrong with one recording must not stop the others
        return Planned(name, job, "failed", failure=explained(refusal))


def finished_record(ready: Prepared) -> Record | None:
    """Return the record of a job if exactly this job was finished, and all its results are there.

    Raises
    ------
    InputError
        If another job was finished there, or results are gone, without ``force``.
    """
    job = ready.job
    if job.record is None or not job.record.exists() or is_committed(job):
        return None
    refuse_record(job.record)
    record = Record.read(job.record)
    other = differing(record.asked, asked(ready, Witness.of(inputs(ready))))
    missing = record.missing(job.record.parent)
    if not other and not missing:
        return record
    if not job.force:
        what = (
            f"'{job.output}' has results of another job (it differs in: {', '.join(other)})"
            if other
            else f"'{missing[0]}' was written, but is gone"
        )
        raise InputError(f"{what}; move '{job.output}' away, or clean the recording again with --force")
    return None


def is_begun(job: Job) -> bool:
    """Whether an interrupted run has kept something of a job, or of another one with the same folder for results."""
    work = Unfinished(job.output).work
    return any((work / name).exists() for name in (LEARNT, COMMIT))


def is_committed(job: Job) -> bool:
    """Whether a run was killed while it moved its results to their places."""
    return (Unfinished(job.output).work / COMMIT).exists()


def estimated_size(ready: Prepared) -> int:
    """Estimate the size of a job's results in bytes."""
    sizes = []
    for file in ready.take.files:
        form = form_of(file)
        whole = data_size(form, file.channels, file.frames)
        sizes.append(round(whole * PACKED) if form.container == "FLAC" else whole)
    return sum(sizes) * (2 if ready.job.removed else 1)


def refuse_full_disk(plans: Sequence[Planned], output: Path) -> None:
    """Refuse a batch whose results do not fit on the disk.

    Raises
    ------
    OSError
        That says how much is needed.
    """
    need = sum(plan.size for plan in plans)
    free = shutil.disk_usage(writable_ancestor(output)).free
    kept = sum(_held(place_of(plan.job.output)) for plan in plans if plan.job and plan.state == "begun")
    if need - kept > free:
        raise OSError(
            f"the results need about {shown_size(need)}, but the disk of '{output}' has {shown_size(free)} free; "
            "free some space or choose another output folder"
        )


def _held(folder: Path) -> int:
    """Return the bytes in a folder."""
    return sum(
        (Path(place) / name).stat().st_size
        for place, _, names in os.walk(folder)
        for name in names
        if (Path(place) / name).exists()
    )
