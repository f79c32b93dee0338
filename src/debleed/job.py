"""The cleaning job from folder to folder, which the command line, the page and Python all call.

A :class:`Job` describes the work, :func:`run` does it, and a :class:`Result` reports what was done. The page, which
does not store results as files, uses the two steps in between: :func:`debleed.intake.prepared` opens the input and
:func:`cleaned` cleans it.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from debleed.assignment import references_of, sources_of
from debleed.decibels import decibels
from debleed.intake import Job, Prepared, describe, prepared, refuse_overwriting, refuse_places, samples_of
from debleed.io.chunks import recorded_on
from debleed.methods import Side
from debleed.progress import Progress, quiet
from debleed.recording import Recording, Samples
from debleed.remove import learn_in_step, reduced
from debleed.soundcheck.alignment import Alignment
from debleed.stage import Stage

if TYPE_CHECKING:
    from debleed.io.audio import Take
    from debleed.io.staging import Staging

__all__ = ["Job", "Result", "Treated", "clean_folder", "cleaned", "learnt", "run", "written"]

FADE = 0.01
"""Length in seconds of the crossfade at the edges of a region."""


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
    """

    name: str
    role: str
    source: str | None
    reason: str
    finding: str
    removed_db: float

    @property
    def unchanged(self) -> bool:
        """Whether the microphone is unchanged, to the bit."""
        return self.removed_db == -math.inf


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
    """

    files: tuple[Path, ...]
    removed: tuple[Path, ...]
    report: Path | None
    microphones: tuple[Treated, ...]
    warnings: tuple[str, ...] = ()
    stage: Stage | None = None


def clean_folder(input: str | os.PathLike[str], output: str | os.PathLike[str], **options: Any) -> Result:
    """Remove the bleed from a folder of files, or from one file with one microphone per channel.

    Parameters
    ----------
    input, output
        Folder or file of the recording, and folder for the results.
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
        If the disk is full; then nothing was written either.
    """
    progress: Progress = options.pop("progress", quiet)
    for key in {"removed", "report", "mixture", "truth"} & set(options):
        options[key] = options[key] and Path(options[key])
    return run(Job(Path(input), Path(output), **options), progress)


def run(job: Job, progress: Progress = quiet) -> Result:
    """Do a job; either all results are written or none.

    Raises
    ------
    InputError, OSError
        As :func:`clean_folder`.
    """
    with collected() as warnings:
        refuse_places(job)
        with closing(prepared(job)) as ready:
            refuse_overwriting(ready)
            describe(ready)
            stage, after = cleaned(ready, progress)
            result = written(ready, after, stage.findings(), progress)
            return replace(result, warnings=tuple(warnings), stage=stage)


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


def cleaned(ready: Prepared, progress: Progress = quiet) -> tuple[Stage, Recording]:
    """Clean an open input without a limit on the reduction.

    Returns
    -------
    The stage, and the result, which is computed when it is read.

    Raises
    ------
    InputError
        For invalid samples, and for whatever the method refuses.
    """
    first, stretch = _region(ready)
    if ready.job.stage is None:
        stage, alignment = learnt(ready, progress)
        after = stage.applied(stretch, ready.session.keep, alignment)
    else:
        stage = ready.job.stage
        after = stage.apply(stretch, keep=ready.session.keep, progress=progress)
    return stage, after if stretch is ready.recording else faded_in(ready.recording, after, first)


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
    day = recorded_on(ready.take.files[0].origin)
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


def written(ready: Prepared, after: Recording, findings: Mapping[str, str], progress: Progress = quiet) -> Result:
    """Apply the session's reductions and write the files and the report; either all are written or none.

    Parameters
    ----------
    ready
        The open input.
    after
        The result of :func:`cleaned`, or the same result from elsewhere.
    findings
        Those of the stage, see :meth:`debleed.Stage.findings`.
    progress
        Called with the stages "write" and "report".
    """
    from debleed.io.staging import Staging
    from debleed.io.writing import clear_stale

    job, take = ready.job, ready.take
    ledger = Ledger.of(ready.recording, reduced(ready.recording, after, ready.reductions))
    with Staging() as staging:
        folders = staging.folder(job.output), staging.folder(job.removed) if job.removed else None
        page = staging.folder(job.report.parent) / job.report.name if job.report else None
        staged, files, removed = _written_files(job, take, ledger.entered(), staging, folders, progress)
        if page:
            report_on(ready, staged, page, findings, progress)
        staging.commit()
    if job.split == "whole":
        clear_stale(take.files, [*files, *removed])
    return Result(tuple(files), tuple(removed), job.report, ledger.treated(ready, findings))


def _written_files(
    job: Job,
    take: Take,
    result: Recording,
    staging: Staging,
    folders: tuple[Path, Path | None],
    progress: Progress,
) -> tuple[list[Path], list[Path], list[Path]]:
    """Write the files; return where the results are now, and where they and the removed signals will be."""
    from debleed.io.recorder.like_input import names_of, write_like_input
    from debleed.io.writing import write_take

    folder, aside = folders
    if job.split == "whole":
        files, removed = write_take(take, result, folder, aside, progress)
        inside = [Path(path.name) for path in files], [Path(path.name) for path in removed]
    else:
        place = _below(staging, job.output, folder)
        other = _below(staging, job.removed, aside) if job.removed and aside else None
        files, removed = write_like_input(take, result, place, other, progress)
        inside = list(names_of(take)), list(names_of(take)) if other else []
    return files, [job.output / name for name in inside[0]], [(job.removed or job.output) / name for name in inside[1]]


def _below(staging: Staging, final: Path, top: Path) -> Callable[[Path], Path]:
    """Return a function that makes the temporary folder for a folder inside the results."""
    made = {Path(): top}

    def place(inside: Path) -> Path:
        if inside not in made:
            made[inside] = staging.folder(final / inside)
        return made[inside]

    return place


@dataclass(frozen=True)
class Ledger:
    """Accumulates the energy removed from each microphone while the result is read once from end to end."""

    before: Recording
    after: Recording
    energy: Samples

    @classmethod
    def of(cls, before: Recording, after: Recording) -> Ledger:
        """Start with zero energy."""
        return cls(before, after, np.zeros((2, len(before))))

    def entered(self) -> Recording:
        """Return the result; everything that is read from it is counted."""

        def read(start: int, stop: int) -> Samples:
            x, y = self.before.read(start, stop), self.after.read(start, stop)
            for i in range(len(x)):
                change = (x[i] - y[i]).astype(np.float64)
                own = x[i].astype(np.float64)
                self.energy[:, i] += own @ own, change @ change
            return y

        return self.after.with_reader(read)

    def treated(self, ready: Prepared, findings: Mapping[str, str]) -> tuple[Treated, ...]:
        """Return what was done to each microphone."""
        done = []
        for name, unit, (own, change) in zip(ready.recording.names, ready.by_channel, self.energy.T, strict=True):
            level = float(decibels(change, own)) if change > 0 and own > 0 else -math.inf
            done.append(Treated(name, unit.role, unit.source, unit.reason, findings.get(name, ""), level))
        return tuple(done)


def report_on(
    ready: Prepared, files: Sequence[Path], page: Path, findings: Mapping[str, str], progress: Progress
) -> None:
    """Write the report from the written files, so that it describes what they contain."""
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
        write(page, ready.recording, after, title=title, findings=findings, progress=progress)
