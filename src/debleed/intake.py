"""A job and its input: open the files, assign them to sources, and refuse invalid input before any work is done."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from debleed.assignment import Microphone, Role, announce, assign, references_of, sources_of
from debleed.clock import clock
from debleed.io.session import Session, has_session, left_out, load_session, session_path
from debleed.methods import Side, create
from debleed.recording import InputError, Recording
from debleed.remove import kept_shares
from debleed.stage import Stage, kept_pairs

if TYPE_CHECKING:
    from debleed.io.audio import Take

log = logging.getLogger(__name__)

Split = Literal["whole", "like-input"]
"""How results are laid out: a whole file for each microphone or file, or files like those of the input."""


@dataclass(frozen=True)
class Job:
    """A cleaning job.

    Parameters
    ----------
    input
        A folder of audio files, each a microphone or a stereo pair, the folder of a recorder (see
        :mod:`debleed.io.recorder`), one file with one microphone per channel, or a project of a DAW (see
        :mod:`debleed.daw`).
    output
        Folder for the results, which have the same names, rates, lengths and sample formats as the input, as
        ``split`` says; of a project, also for the project with the results under its tracks.
    session
        The user's description of the files; ``None`` reads ``session.toml``, see
        :func:`debleed.io.session.session_path`.
    method, settings
        The method, see :func:`debleed.methods.create`.
    stage
        A stage learnt earlier; ``method`` and ``settings`` are then ignored.
    region
        ``(start, stop)`` in seconds from the beginning: only this part is learnt from and cleaned, and the rest is
        returned unchanged.
    removed
        Folder for the removed signal: input - output. A project's is always written, by default to a folder inside that
        for the results.
    report
        File for a page with figures, pictures and players.
    record
        File for what was asked and what was done, see :class:`debleed.record.Record`. It is placed last, so all results
        are there if it is.
    mixture, truth
        The clean mixture and the folder of true images, for methods that need them.
    force
        Overwrite existing results.
    split
        ``whole`` writes a file for each microphone or file, however many parts it has; ``like-input`` writes files
        like those of the input, see :mod:`debleed.io.recorder.like_input`.
    """

    input: Path
    output: Path
    session: Session | None = None
    method: str = "demix"
    settings: Mapping[str, Any] = field(default_factory=dict)
    stage: Stage | None = None
    region: tuple[float, float] | None = None
    removed: Path | None = None
    report: Path | None = None
    record: Path | None = None
    mixture: Path | None = None
    truth: Path | None = None
    force: bool = False
    split: Split = "whole"


@dataclass(frozen=True)
class Prepared:
    """A job with its input open.

    Parameters
    ----------
    job
        The job.
    session
        The user's description of the files.
    take, recording
        The files, and the recording they form.
    microphones
        The assignment of each file or channel.
    side
        Side information for methods that are not blind.
    """

    job: Job
    session: Session
    take: Take
    recording: Recording
    microphones: tuple[Microphone, ...]
    side: Side

    @property
    def reductions(self) -> dict[str, float]:
        """The largest reduction in dB by source or microphone; no limit for names that are missing."""
        return reductions(self.session, self.recording)

    @property
    def said_names(self) -> frozenset[str]:
        """The microphones of the recording whose role and source the user said; those of the others are guesses."""
        return frozenset(name for name, mic in zip(self.recording.names, self.by_channel, strict=True) if mic.said)

    @property
    def by_channel(self) -> tuple[Microphone, ...]:
        """The assignment of each microphone of the recording; both channels of a stereo file have the same."""
        if self.take.poly:
            return self.microphones
        pairs = zip(self.microphones, self.take.rows, strict=True)
        return tuple(mic for mic, rows in pairs for _ in range(rows.start, rows.stop))

    def close(self) -> None:
        """Close the files."""
        self.take.close()


def prepared(job: Job) -> Prepared:
    """Open the input of a job and assign it to sources; refuse invalid input before any work is done.

    Raises
    ------
    InputError
        If a file, a name, a setting or the side information cannot be used.
    """
    if job.stage is None:
        create(job.method, **job.settings)
    session = session_of(job.input) if job.session is None else job.session
    take, microphones = open_input(job.input, session)
    try:
        if job.stage is not None:
            microphones = placed_as_learnt(job.stage, take, microphones)
        recording = take.recording(sources_of(microphones), references_of(microphones))
        if job.stage is not None:
            job.stage.refuse_other(recording)
        take.log_differences()
        kept_shares(recording, reductions(session, recording))
        kept_pairs(recording, session.keep)
        samples_of(job.region, recording)
        return Prepared(job, session, take, recording, microphones, open_side(job, take, recording))
    except BaseException:
        take.close()
        raise


def session_of(given: Path) -> Session:
    """Read the session file of an input, if there is one: in its folder, or else in that of its audio files."""
    from debleed.io.recorder.folders import only_folder

    if given.is_dir() and not has_session(given):
        given = only_folder(given)
    return load_session(session_path(given)) if has_session(given) else Session()


def open_input(given: Path, session: Session, alone: bool = False) -> tuple[Take, tuple[Microphone, ...]]:
    """Open a folder or file, except for what the session leaves out, and assign each unit.

    Parameters
    ----------
    given
        The folder, a file with one microphone per channel, or a project.
    session
        The user's description of the files.
    alone
        Whether a single microphone is enough.

    Raises
    ------
    InputError
        If there is nothing to clean.
    """
    from debleed.daw.take import is_project, open_project
    from debleed.io import audio
    from debleed.io.recorder.take import open_folder

    take: Take
    if is_project(given):
        take = open_project(given, session)
        microphones = assign(session, take.units, take.numbers, take.labels)
    elif given.is_file():
        take = audio.open_take(given)
        left_out(session, [Path(unit) for unit in take.units])
        microphones = assign(session, take.units, take.numbers, take.labels)
    else:
        take = open_folder(given, session)
        show(take)
        microphones = assign(session, take.units, take.numbers, take.labels)
    if len(take.units) < 2 and not alone:
        raise InputError(
            f"'{take.files[0].path}' is the only file, but removing bleed needs microphones of two or more sources; "
            "add the other files (if the channels of one file are microphones, give that file itself as the input)"
        )
    announce(microphones)
    return take, microphones


def show(take: Take) -> None:
    """Log which files of a recorder's folder are one, which channels are microphones, and why."""
    from debleed.io.recorder.table import table
    from debleed.io.recorder.take import RecorderTake

    if isinstance(take, RecorderTake):
        for line in table(take.layout):
            log.info("%s", line)


def placed_as_learnt(stage: Stage, take: Take, microphones: Sequence[Microphone]) -> tuple[Microphone, ...]:
    """Assign each unit as its microphones are assigned in a stage; leave units unchanged that are not in the stage."""
    known = dict(zip(stage.names, stage.sources, strict=True))
    names = take.recording().names
    found = []
    first = range(len(names)) if take.poly else [rows.start for rows in take.rows]
    for unit, row in zip(microphones, first, strict=True):
        if names[row] in known:
            source = known[names[row]]
            role: Role = "reference" if names[row] in stage.references else "room" if source is None else "source"
            unit = Microphone(unit.name, role, source, "as in the stage", said=True)
        found.append(unit)
    return tuple(found)


def open_side(job: Job, take: Take, recording: Recording) -> Side:
    """Open the side information at the recording's rate and length."""
    from debleed.io import audio

    return Side(
        mixture=audio.load_mixture(job.mixture, recording.rate, recording.length) if job.mixture else None,
        truth=audio.load_like(job.truth, take) if job.truth else None,
    )


def reductions(session: Session, recording: Recording) -> dict[str, float]:
    """Return the reduction of each source, and of each microphone that has its own."""
    sources = [source for source in recording.sources if source is not None]
    everywhere = dict.fromkeys(sources, session.reduction) if session.reduction is not None else {}
    return {name: limit for name, limit in {**everywhere, **session.source_reduction}.items() if limit is not None}


def samples_of(region: tuple[float, float] | None, recording: Recording) -> tuple[int, int]:
    """Return the first sample of a region and the one after its last; without a region, the whole recording.

    Raises
    ------
    InputError
        If the region is not inside the recording.
    """
    if region is None:
        return 0, recording.length
    start, stop = region
    if not 0 <= start < stop:
        raise InputError(f"a region must end after it begins, got {start:g} to {stop:g} s")
    first, last = round(start * recording.rate), min(round(stop * recording.rate), recording.length)
    if first >= last:
        raise InputError(f"the region begins at {start:g} s, but the recording ends at {recording.seconds:.2f} s")
    return first, last


def refuse_places(job: Job) -> None:
    """Refuse output paths that would endanger the input or each other, by whatever path they lead there."""
    from debleed.io.audio import is_audio
    from debleed.io.documents import resolved
    from debleed.io.identity import is_same, is_within
    from debleed.io.staging import writable_ancestor

    given, source = job.input, resolved(job.input)
    for folder in filter(None, (job.output, job.removed)):
        if given.is_file() and is_same(folder, source.parent):
            raise InputError(f"'{folder}' is the folder of '{given}' itself; choose another folder for the results")
        if not given.is_file() and is_within(folder, given):
            raise InputError(f"'{folder}' is or lies inside the input folder '{given}'; choose another folder")
        if is_audio(folder) and not folder.is_dir():
            raise InputError(f"'{folder}' looks like a file, but results are written to a folder; name a folder")
        writable_ancestor(folder)
    removed = job.removed
    if removed and (resolved(removed) == resolved(job.output) or is_same(removed, job.output)):
        raise InputError(f"'{removed}' cannot be used for both the results and the removed signals; choose two folders")
    if job.report:
        writable_ancestor(job.report.parent)
        refuse_report(job.report)


def refuse_report(report: Path) -> None:
    """Refuse a path for the report that is not one of a report: it would replace a recording, a result or a stage."""
    from debleed.io.audio import is_audio

    if report.is_dir():
        raise InputError(f"'{report}' is a folder; name a file for the report")
    if is_audio(report):
        raise InputError(f"'{report}' is the name of an audio file; name the report {report.stem}.html")
    if report.exists() and (not report.is_file() or not is_page(report)):
        raise InputError(f"'{report}' exists and is not a page, so a report must not replace it; choose another name")


def is_page(path: Path) -> bool:
    """Whether a file begins as HTML pages do."""
    with path.open("rb") as file:
        return file.read(64).lstrip().lower().startswith((b"<!doctype html", b"<html"))


def refuse_overwriting(ready: Prepared) -> None:
    """Refuse to overwrite existing results, unless forced, and files that the job reads in any case."""
    from debleed.daw.take import ProjectTake
    from debleed.io.recorder.like_input import refuse_existing_pieces
    from debleed.io.results import refuse_existing

    job = ready.job
    if isinstance(ready.take, ProjectTake):
        ready.take.refuse_places(job.output, job.removed or job.output, job.force)
    known = [path for path in (job.mixture, job.truth) if path]
    known = [file for path in known for file in ([path] if path.is_file() else path.iterdir())]
    for folder in filter(None, (job.output, job.removed)):
        if job.split == "like-input":
            refuse_existing_pieces(ready.take, folder, job.force, [*known, *ready.take.inputs])
        else:
            refuse_existing(ready.take.files, folder, job.force, [*known, *ready.take.inputs])
    for path in filter(None, (job.report, job.record)):
        if path.exists() and not job.force:
            raise InputError(f"'{path}' exists already; choose another name, or overwrite it with --force")


def describe(ready: Prepared) -> None:
    """Log what will be done."""
    recording = ready.recording
    sources = list(dict.fromkeys(source for source in recording.sources if source is not None))
    room = [name for name, source in zip(recording.names, recording.sources, strict=True) if source is None]
    log.info("%d microphones, %d Hz, %s", len(recording), recording.rate, clock(recording.seconds))
    log.info("%d sources: %s", len(sources), ", ".join(sources))
    if room:
        log.info("room microphones, unchanged: %s", ", ".join(room))
    if signals := [name for name in recording.names if name in recording.references]:
        log.info("references, unchanged: %s", ", ".join(signals))
    job = ready.job
    method = job.method if job.stage is None else f"{job.stage.method}, learnt earlier"
    log.info("method %s, results to %s", method, job.output)


def chosen(ready: Prepared) -> dict[str, str]:
    """Return what was set for a job, in words, by what it is about; what was left at its default is not mentioned."""
    job, session, recording = ready.job, ready.session, ready.recording
    groups: dict[str, list[str]] = {}
    for name, source in zip(recording.names, recording.sources, strict=True):
        if source is not None and name not in recording.references:
            groups.setdefault(source, []).append(name)
    limits = [
        f"{name} without a limit" if math.isinf(limit) else f"{name} at most {limit:g} dB"
        for name, limit in session.source_reduction.items()
    ]
    everywhere = (
        "all bleed that was found" if session.reduction is None else f"at most {session.reduction:g} dB of bleed"
    )
    rows = {
        "Method": job.method if job.stage is None else f"{job.stage.method}, learnt earlier",
        "Settings": ", ".join(f"{key}={value}" for key, value in job.settings.items()) if job.stage is None else "",
        "To remove": "; ".join([everywhere, *limits]),
        "Bleed to keep": "; ".join(f"{', '.join(kept)} in {name}" for name, kept in session.keep.items()),
        "Stretch": "" if job.region is None else " to ".join(clock(second) for second in job.region),
        "One source each": "; ".join(f"{source} = {', '.join(names)}" for source, names in groups.items() if names[1:]),
        "Room microphones": ", ".join(
            name for name, source in zip(recording.names, recording.sources, strict=True) if source is None
        ),
        "References": ", ".join(name for name in recording.names if name in recording.references),
        "Left out": ", ".join(session.leave_out),
    }
    return {name: value for name, value in rows.items() if value}
