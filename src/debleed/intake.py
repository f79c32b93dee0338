"""What is asked for, and its input: opened, understood, and refused before the work where it cannot be done."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from debleed.assignment import Microphone, announce, assign, sources_of
from debleed.io.session import Session, left_out, load_session, session_path
from debleed.methods import Side, create
from debleed.recording import InputError, Recording
from debleed.remove import kept_shares
from debleed.stage import Stage, kept_pairs

if TYPE_CHECKING:
    from debleed.io.audio import Take

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """What is to be done.

    Parameters
    ----------
    input
        A folder of audio files, each a microphone or a stereo pair, or one file with a microphone a channel.
    output
        Folder for the results: same names, rates, lengths and sample formats.
    session
        What the user says of the files; ``None``: what ``session.toml`` says, see
        :func:`debleed.io.session.session_path`.
    method, settings
        How, see :func:`debleed.methods.create`.
    stage
        What was learnt before; then nothing is learnt, and ``method`` and ``settings`` are not looked at.
    region
        Seconds from the beginning, ``(start, stop)``: only this stretch is learnt from and cleaned; what stands around
        it comes back as it is.
    removed
        Folder for what was taken out: input - output.
    report
        File for a page with figures, pictures and players.
    mixture, truth
        The clean mixture and the folder of true images, for methods that need them.
    force
        Write over results that are there.
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
    mixture: Path | None = None
    truth: Path | None = None
    force: bool = False


@dataclass(frozen=True)
class Prepared:
    """A job whose input is open.

    Parameters
    ----------
    job
        What is to be done.
    session
        What the user said.
    take, recording
        The files, and the recording that they make.
    microphones
        What each file, or each channel, is taken for.
    side
        What methods that are not blind need.
    """

    job: Job
    session: Session
    take: Take
    recording: Recording
    microphones: tuple[Microphone, ...]
    side: Side

    @property
    def reductions(self) -> dict[str, float]:
        """The most bleed to remove, in dB, by source or microphone; what is not named has no limit."""
        return reductions(self.session, self.recording)

    def close(self) -> None:
        """Let go of the files."""
        self.take.close()


def prepared(job: Job) -> Prepared:
    """Open the input of a job and find out who is who; refuse before the work what cannot be done.

    Raises
    ------
    InputError
        Where a file, a name, a setting or the side information cannot be used.
    """
    if job.stage is None:
        create(job.method, **job.settings)
    session = session_of(job.input) if job.session is None else job.session
    take, microphones = open_input(job.input, session)
    try:
        if job.stage is not None:
            microphones = placed_as_learnt(job.stage, take, microphones)
        recording = take.recording(sources_of(microphones))
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
    """Read the session file of an input, if there is one."""
    path = session_path(given)
    return load_session(path) if path.exists() else Session()


def open_input(given: Path, session: Session, alone: bool = False) -> tuple[Take, tuple[Microphone, ...]]:
    """Open a folder or file, without what the session leaves out, and say what each unit is.

    Parameters
    ----------
    given
        The folder, or a file with a microphone a channel.
    session
        What the user says.
    alone
        Whether a single microphone is enough.

    Raises
    ------
    InputError
        Where there is nothing that could be cleaned.
    """
    from debleed.io import audio

    if given.is_file():
        take = audio.open_take(given)
        left_out(session, [Path(unit) for unit in take.units])
        microphones = assign(session, take.units)
    else:
        files = audio.audio_files(given)
        out = left_out(session, files)
        kept = [file for file in files if file.name not in out and file.stem not in out]
        if not kept:
            raise InputError(f"every audio file in '{given}' is left out; keep at least two")
        take = audio.Take.open(kept)
        microphones = assign(session, take.units, [file.name for file in kept])
    if len(take.units) < 2 and not alone:
        raise InputError(
            f"'{take.files[0].path}' is alone, but bleed shows only between the microphones of two sources or more; "
            "add the other files (if the channels of one file are microphones, give that file itself as the input)"
        )
    announce(microphones)
    return take, microphones


def placed_as_learnt(stage: Stage, take: Take, microphones: Sequence[Microphone]) -> tuple[Microphone, ...]:
    """Give each unit the source that its microphones have in a stage; units that are not in it stay as they are."""
    known = dict(zip(stage.names, stage.sources, strict=True))
    names = take.recording().names
    found = []
    first = range(len(names)) if take.poly else [rows.start for rows in take.rows]
    for unit, row in zip(microphones, first, strict=True):
        if names[row] in known:
            source = known[names[row]]
            unit = Microphone(unit.name, "room" if source is None else "source", source, "as in the stage")
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
    """Return the reduction of each source that has one, and of each microphone that has one of its own."""
    sources = [source for source in recording.sources if source is not None]
    everywhere = dict.fromkeys(sources, session.reduction) if session.reduction is not None else {}
    return {name: limit for name, limit in {**everywhere, **session.source_reduction}.items() if limit is not None}


def samples_of(region: tuple[float, float] | None, recording: Recording) -> tuple[int, int]:
    """Return the first sample of a region and the one after its last; without one, the whole recording.

    Raises
    ------
    InputError
        Where the region does not lie in the recording.
    """
    if region is None:
        return 0, recording.length
    start, stop = region
    if not 0 <= start < stop:
        raise InputError(f"a region goes from one time to a later one, got {start:g} to {stop:g} s")
    first, last = round(start * recording.rate), min(round(stop * recording.rate), recording.length)
    if first >= last:
        raise InputError(f"the region begins at {start:g} s, but the recording ends at {recording.seconds:.2f} s")
    return first, last


def refuse_places(job: Job) -> None:
    """Refuse places for the results that would endanger the input, or each other."""
    from debleed.io.audio import is_audio
    from debleed.io.staging import writable_ancestor

    given, source = job.input, job.input.resolve()
    for folder in filter(None, (job.output, job.removed)):
        place = folder.resolve()
        if given.is_file() and place == source.parent:
            raise InputError(f"'{folder}' is the folder of '{given}' itself; choose another folder for the results")
        if not given.is_file() and (place == source or source in place.parents):
            raise InputError(f"'{folder}' is or lies inside the input folder '{given}'; choose another folder")
        if is_audio(folder) and not folder.is_dir():
            raise InputError(f"'{folder}' looks like a file, but results go into a folder; name one")
        writable_ancestor(folder)
    if job.removed and job.removed.resolve() == job.output.resolve():
        raise InputError(f"'{job.removed}' cannot hold both the results and what was removed; choose two folders")
    if job.report:
        writable_ancestor(job.report.parent)
        if job.report.is_dir():
            raise InputError(f"'{job.report}' is a folder; name a file for the report")


def refuse_overwriting(ready: Prepared) -> None:
    """Refuse to write over what is there, unless forced."""
    from debleed.io.writing import refuse_existing

    job = ready.job
    for folder in filter(None, (job.output, job.removed)):
        refuse_existing(ready.take.files, folder, job.force)
    if job.report and job.report.exists() and not job.force:
        raise InputError(f"'{job.report}' is there already; choose another name, or --force to write over it")


def describe(ready: Prepared) -> None:
    """Log what will be done."""
    recording = ready.recording
    sources = list(dict.fromkeys(source for source in recording.sources if source is not None))
    room = [name for name, source in zip(recording.names, recording.sources, strict=True) if source is None]
    minutes, seconds = divmod(round(recording.seconds), 60)
    log.info("%d microphones, %d Hz, %d:%02d min", len(recording), recording.rate, minutes, seconds)
    log.info("%d sources: %s", len(sources), ", ".join(sources))
    if room:
        log.info("room microphones, unchanged: %s", ", ".join(room))
    job = ready.job
    method = job.method if job.stage is None else f"{job.stage.method}, learnt before"
    log.info("method %s, results to %s", method, job.output)
