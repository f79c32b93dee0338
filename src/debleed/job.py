"""The cleaning job from folder to folder, which the command line, the page and Python all call.

A :class:`Job` describes the work, :func:`run` does it, and a :class:`Result` reports what was done. The page, which
does not store results as files, uses the two steps in between: :func:`debleed.intake.prepared` opens the input and
:func:`cleaned` cleans it.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from debleed.assignment import references_of, sources_of
from debleed.decibels import decibels
from debleed.intake import Job, Prepared, chosen, describe, prepared, refuse_overwriting, refuse_places, samples_of
from debleed.io.chunks import recorded_on
from debleed.io.journal import Journal
from debleed.methods import Side
from debleed.progress import Progress, quiet
from debleed.record import Treated, recorded, refuse_record
from debleed.recording import Recording, Samples
from debleed.remove import learn_in_step, reduced
from debleed.resuming import BLOCKS, CLEAN, RECORD, REMOVED, REPORT, Learnt, Shelf, Work
from debleed.soundcheck.alignment import Alignment
from debleed.stage import Stage

if TYPE_CHECKING:
    from debleed.report.sentences import Knowledge

__all__ = ["Job", "Result", "Treated", "clean_folder", "cleaned", "learnt", "run", "written"]

FADE = 0.01
"""Length in seconds of the crossfade at the edges of a region."""


@dataclass(frozen=True)
class Result:
    """What was done.

    Parameters
    ----------
    files, removed
        The files with the result and those with the removed signal, in the order of the input.
    report
        The page, if one was requested.
    microphones
        What was done to each microphone.
    warnings
        Messages about what does not prevent the work, but is good to know.
    stage
        The stage that was learnt or applied; ``None`` from :func:`written` alone.
    project
        The project with the results under its tracks, if the input is one.
    """

    files: tuple[Path, ...]
    removed: tuple[Path, ...]
    report: Path | None
    microphones: tuple[Treated, ...]
    warnings: tuple[str, ...] = ()
    stage: Stage | None = None
    project: Path | None = None


def clean_folder(input: str | os.PathLike[str], output: str | os.PathLike[str], **options: Any) -> Result:
    """Remove the bleed from a folder of files, from one file with one microphone per channel, or from a DAW's project.

    Parameters
    ----------
    input, output
        Folder, file or project of the recording, and folder for the results.
    options
        Further fields of :class:`Job`. ``progress`` is called with the progress of the work and may raise an exception
        to stop it.

    Returns
    -------
    What was done to each microphone.

    Raises
    ------
    InputError
        If something cannot be used; then nothing was written.
    OSError
        If the disk is full; then no result was written either.

    Notes
    -----
    What is in work is in ``<output>.unfinished``. It stays there if the work is interrupted after something was learnt,
    and the same call goes on with it.
    """
    progress: Progress = options.pop("progress", quiet)
    for key in {"removed", "report", "record", "mixture", "truth"} & set(options):
        options[key] = options[key] and Path(options[key])
    return run(Job(Path(input), Path(output), **options), progress)


def run(job: Job, progress: Progress = quiet) -> Result:
    """Do a job; either all results are written or none.

    Raises
    ------
    InputError, OSError
        As :func:`clean_folder`.
    """
    from debleed.report.sentences import Knowledge

    began = time.monotonic()
    job = with_removed(job)
    with collected() as warnings:
        refuse_places(job)
        if job.record:
            refuse_record(job.record)
        with closing(prepared(job)) as ready, Work.of(ready) as work:
            if not work.committed:
                refuse_overwriting(ready)
                refuse_shortage(ready, work)
            describe(ready)
            stage, after, changes = cleaned(ready, progress, work)
            done = finished(
                ready, after, Knowledge.of(stage, changes, ready.session.keep), progress, work, began, warnings
            )
            result = with_project(ready, done)
            return replace(result, warnings=tuple(warnings), stage=stage)


def with_removed(job: Job) -> Job:
    """Ask for the removed signal if the input is a project, whose result has tracks with it."""
    from debleed.daw.take import REMOVED, is_project

    return replace(job, removed=job.removed or job.output / REMOVED) if is_project(job.input) else job


def with_project(ready: Prepared, result: Result) -> Result:
    """Write the project with the results under its tracks, if the input is one."""
    from debleed.daw.take import ProjectTake

    if not isinstance(ready.take, ProjectTake):
        return result
    pairs = zip(ready.by_channel, result.microphones, strict=True)
    changed = {unit.name for unit, treated in pairs if not treated.unchanged}
    return replace(result, project=ready.take.write_project(ready.job.output, result.files, result.removed, changed))


def refuse_shortage(ready: Prepared, work: Work) -> None:
    """Refuse results that do not fit on the disk, and more files than can be open, before the work begins.

    Raises
    ------
    OSError
        If the disk is too full.
    InputError
        If the system does not allow so many open files.
    """
    from debleed.io.descriptors import refuse_too_many
    from debleed.io.writing import held, refuse_full_disk

    files = ready.take.files
    refuse_too_many(len(files) * (2 if ready.job.report else 1))
    refuse_full_disk(ready.take, work.unfinished.work, bool(ready.job.removed), held(work.unfinished.work))


@contextmanager
def collected() -> Iterator[list[str]]:
    """Collect the warnings that are logged in this context."""
    found: list[str] = []

    class Collects(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    handler = Collects(logging.WARNING)
    logger = logging.getLogger("debleed")
    logger.addHandler(handler)
    try:
        yield found
    finally:
        logger.removeHandler(handler)


def cleaned(
    ready: Prepared, progress: Progress = quiet, work: Work | Shelf | None = None
) -> tuple[Stage, Recording, Mapping[str, Sequence[int]]]:
    """Clean an open input without a limit on the reduction.

    Parameters
    ----------
    ready
        The open input.
    progress
        Called with the stages of the method.
    work
        Where what is learnt is kept, and what was learnt earlier is found.

    Returns
    -------
    The stage, the result, which is computed when it is read, and when the bleed changed suddenly, see
    :meth:`debleed.Stage.changes`.

    Raises
    ------
    InputError
        For invalid samples, and for whatever the method refuses.
    """
    first, stretch = _region(ready)
    if ready.job.stage is None:
        found = (work and work.learnt()) or _learnt_now(ready, progress, work)
        stage, alignment = found.stage, found.alignment
        after = stage.applied(stretch, ready.session.keep, alignment)
    else:
        stage = ready.job.stage
        after, alignment = stage.apply_in_step(stretch, keep=ready.session.keep, progress=progress)
    found_changes = stage.changes(stretch, alignment, progress)
    begins = first // ready.recording.rate
    changes = {name: [begins + second for second in seconds] for name, seconds in found_changes.items()}
    return stage, after if stretch is ready.recording else faded_in(ready.recording, after, first), changes


def _learnt_now(ready: Prepared, progress: Progress, work: Work | Shelf | None) -> Learnt:
    with collected() as warnings:
        found = Learnt(*learnt(ready, progress), tuple(warnings))
    if work:
        work.keep(found)
    return found


def learnt(ready: Prepared, progress: Progress = quiet) -> tuple[Stage, Alignment | None]:
    """Learn from the region of an open input, or from all of it; also return its time lines.

    Raises
    ------
    InputError
        For invalid samples, and for whatever the method refuses.
    """
    job, side = ready.job, ready.side
    first, stretch = _region(ready)

    def cut(known: Recording | None) -> Recording | None:
        return known and known.stretch(first, first + stretch.length)

    if stretch is not ready.recording:
        side = Side(cut(side.mixture), cut(side.truth))
    origin = ready.take.files[0].origin
    day = recorded_on(origin) if origin else None
    return learn_in_step(
        stretch,
        job.method,
        settings=job.settings,
        side=side,
        recorded=day,
        settled=ready.said_names,
        progress=progress,
    )


def _region(ready: Prepared) -> tuple[int, Recording]:
    """Return the first sample of the region, and the recording cut to it."""
    recording = ready.recording
    first, last = samples_of(ready.job.region, recording)
    return first, recording if (first, last) == (0, recording.length) else recording.stretch(first, last)


def faded_in(recording: Recording, region: Recording, first: int) -> Recording:
    """Insert a region into a recording at sample ``first``, with a short crossfade inside its edges."""
    fade = max(1, min(round(FADE * recording.rate), region.length // 2))

    def read(start: int, stop: int) -> Samples:
        out = recording.read(start, stop).copy()
        a, b = max(start, first), min(stop, first + region.length)
        if a < b:
            at = np.arange(a - first, b - first)
            share = np.clip((np.minimum(at, region.length - 1 - at) + 0.5) / fade, 0, 1)
            inside, clean = out[:, a - start : b - start], region.read(a - first, b - first)
            inside[:] = np.where(share < 1, inside + share * (clean - inside), clean)
        return out

    return recording.with_reader(read)


def written(ready: Prepared, after: Recording, knowledge: Knowledge, progress: Progress = quiet) -> Result:
    """Apply the session's reductions and write the files and the report; either all are written or none.

    Parameters
    ----------
    ready
        The open input.
    after
        The result of :func:`cleaned`, or the same result from elsewhere.
    knowledge
        What the stage knows of its microphones, see :meth:`debleed.report.sentences.Knowledge.of`.
    progress
        Called with the stages "write" and "report".
    """
    with Work.of(ready) as work:
        return finished(ready, after, knowledge, progress, work)


def finished(
    ready: Prepared,
    after: Recording,
    knowledge: Knowledge,
    progress: Progress,
    work: Work,
    began: float | None = None,
    warnings: Sequence[str] = (),
) -> Result:
    """Do what :func:`written` does, with the work that is kept of it.

    Parameters
    ----------
    ready, after, knowledge, progress
        As for :func:`written`.
    work
        What is kept.
    began
        When the job began, of ``time.monotonic``; by default, now.
    warnings
        What was logged so far.

    Raises
    ------
    InputError
        If an input file changed since it was opened, or a result has appeared since, without ``force``.
    """
    from debleed.io.recorder.like_input import cut_like_input
    from debleed.io.results import warn_of_twins
    from debleed.io.writing import write_take

    job, take = ready.job, ready.take
    began = time.monotonic() if began is None else began
    ledger = Ledger(ready.recording, reduced(ready.recording, after, ready.reductions), work.ledger())
    again = work.committed
    said: dict[str, str] = {}
    folder, aside = work.folder(CLEAN), work.folder(REMOVED) if job.removed else None
    if not again:
        told = work.keeping(progress)
        files, removed = write_take(take, ledger.entered(), folder, aside, told, work.path(BLOCKS))
        if job.split == "like-input":
            files = cut_like_input(take, files, folder)
            removed = cut_like_input(take, removed, aside) if aside else []
        page = work.folder(REPORT) / job.report.name if job.report else None
        if page:
            said = report_on(ready, files, page, knowledge, progress)
        moves = work.moves(files, removed, page)
        if job.record:
            made, treated = [target for _, target in moves], ledger.treated(ready, knowledge, said)
            record = work.folder(RECORD) / job.record.name
            recorded(ready, work.witness, made, treated, time.monotonic() - began, warnings).write(record)
            moves.append((record, job.record))
        work.refuse_changes()
        refuse_overwriting(ready)
        work.commit(moves)
    files, removed = work.targets(CLEAN), work.targets(REMOVED)
    work.place(again)
    if job.split == "whole":
        warn_of_twins(take.files, [*files, *removed])
    return Result(tuple(files), tuple(removed), job.report, ledger.treated(ready, knowledge, said))


@dataclass(frozen=True)
class Ledger:
    """Accumulates the energy removed from each microphone while the result is read once from end to end.

    Parameters
    ----------
    before, after
        The recording and the result.
    journal
        Keeps the energy of each block, for the case that the reading is interrupted.
    """

    before: Recording
    after: Recording
    journal: Journal

    @property
    def energy(self) -> Samples:
        """Energy of each microphone and of what was removed from it, ``(2, mics)``."""
        blocks = {entry["start"]: entry["energy"] for entry in self.journal.entries}
        total = np.zeros((2, len(self.before)))
        for start in sorted(blocks):
            total += [[float.fromhex(value) for value in row] for row in blocks[start]]
        return total

    def entered(self) -> Recording:
        """Return the result; everything that is read from it is counted."""

        def read(start: int, stop: int) -> Samples:
            x, y = self.before.read(start, stop), self.after.read(start, stop)
            energy = np.zeros((2, len(x)))
            for i in range(len(x)):
                change = (x[i] - y[i]).astype(np.float64)
                own = x[i].astype(np.float64)
                energy[:, i] = own @ own, change @ change
            self.journal.add({"start": start, "energy": [[value.hex() for value in row] for row in energy.tolist()]})
            return y

        return self.after.with_reader(read)

    def treated(self, ready: Prepared, knowledge: Knowledge, said: Mapping[str, str]) -> tuple[Treated, ...]:
        """Return what was done to each microphone; ``said`` are the sentences of the report, if there is one."""
        from debleed.report.sentences import sentences

        heard, energy = ready.recording, self.energy
        said = said or sentences(heard.names, heard.sources, heard.references, energy[0], energy[1], knowledge)
        done = []
        for name, unit, (own, change) in zip(heard.names, ready.by_channel, energy.T, strict=True):
            level = float(decibels(change, own)) if change > 0 and own > 0 else -math.inf
            finding = knowledge.findings.get(name, "")
            done.append(Treated(name, unit.role, unit.source, unit.reason, finding, level, said[name]))
        return tuple(done)


def report_on(
    ready: Prepared, files: Sequence[Path], page: Path, knowledge: Knowledge, progress: Progress
) -> dict[str, str]:
    """Write the report from the written files, so that it describes what they contain; return its sentences."""
    from debleed.io.audio import Take
    from debleed.io.recorder.take import RecorderTake, open_layout
    from debleed.report.page import write

    take = ready.take
    title = files[0].stem if take.poly else take.files[0].path.absolute().parent.name
    if ready.job.split == "like-input" and isinstance(take, RecorderTake):
        opened: Take = open_layout(take.layout.moved(dict(zip(take.layout.files, files, strict=True))), take.rate)
    else:
        opened = Take.open(files, poly=take.poly, rate=take.rate)
    with closing(opened) as result:
        after = result.recording(sources_of(ready.microphones), references_of(ready.microphones))
        setup = chosen(ready)
        return write(page, ready.recording, after, title=title, knowledge=knowledge, setup=setup, progress=progress)
