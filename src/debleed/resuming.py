"""What is kept of a job in ``OUT.unfinished``: what was learnt, what was written, and the results to be placed."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from debleed.intake import Prepared
from debleed.io.documents import json_text, write_text
from debleed.io.identity import Witness
from debleed.io.journal import Journal
from debleed.io.placing import Move, place_all
from debleed.io.session import session_path
from debleed.io.staging import Unfinished
from debleed.progress import Progress
from debleed.recording import InputError
from debleed.soundcheck.alignment import Alignment
from debleed.soundcheck.time_line import Stretch, TimeLine
from debleed.stage import Stage

log = logging.getLogger(__name__)

STAGE, LEARNT, BLOCKS, LEDGER, COMMIT = "stage.debleed", "learnt.json", "blocks", "ledger.jsonl", "commit.json"
"""Names in the folder. What was learnt is there once ``learnt.json`` is; with ``commit.json``, results are placed."""

CLEAN, REMOVED, REPORT, RECORD = "clean", "removed", "report", "record"
"""Folders of finished results in the folder."""


@dataclass(frozen=True)
class Learnt:
    """What a method has learnt, the time lines it found, and the warnings that were logged meanwhile."""

    stage: Stage
    alignment: Alignment | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shelf:
    """A folder in which what was learnt is kept.

    Parameters
    ----------
    folder
        The folder.
    method
        The method that learns.
    """

    folder: Path
    method: str

    def learnt(self) -> Learnt | None:
        """Return what was learnt, if it is there."""
        if not (self.folder / LEARNT).exists():
            return None
        told = json.loads((self.folder / LEARNT).read_text("utf-8"))
        try:
            stage = Stage.load(self.folder / STAGE, self.method)
        except InputError:  # the machine crashed before it was on disk
            return None
        for warning in told["warnings"]:
            log.warning("%s", warning)
        lines = told["alignment"]
        alignment = None if lines is None else Alignment(tuple(_line(stretches) for stretches in lines))
        return Learnt(stage, alignment, tuple(told["warnings"]))

    def keep(self, learnt: Learnt) -> bool:
        """Keep what was learnt; return whether it can be saved."""
        if not learnt.stage.portable:
            return False
        learnt.stage.save(self.folder / STAGE)
        lines = None
        if learnt.alignment:
            lines = [[[s.start, s.lag, s.slope] for s in line.stretches] for line in learnt.alignment.lines]
        told = {"alignment": lines, "warnings": learnt.warnings}
        write_text(self.folder / LEARNT, json.dumps(told, default=_plain, allow_nan=False))
        return True


@dataclass(frozen=True)
class Work:
    """The kept part of a job's work.

    Parameters
    ----------
    ready
        The open input.
    unfinished
        The folder.
    witness
        What the input files were when they were opened.
    """

    ready: Prepared
    unfinished: Unfinished
    witness: Witness

    @classmethod
    @contextmanager
    def of(cls, ready: Prepared) -> Iterator[Work]:
        """Lock the folder, and go on with what is there of the same job.

        Raises
        ------
        InputError
            If another run has the lock, or the folder holds what another job has learnt or written, without ``force``.
        """
        with Unfinished(ready.job.output) as unfinished:
            work = cls(ready, unfinished, Witness.of(inputs(ready)))
            work._begin()
            try:
                yield work
            except FileNotFoundError:
                if not unfinished.place.exists():
                    raise InputError(f"somebody deleted '{unfinished.place}' during the work; run this again") from None
                raise

    def path(self, name: str) -> Path:
        """Return a path in the folder."""
        return self.unfinished.work / name

    def folder(self, name: str) -> Path:
        """Return a folder in the folder, which is created if needed."""
        self.path(name).mkdir(exist_ok=True)
        return self.path(name)

    def _begin(self) -> None:
        unfinished, job = self.unfinished, self.ready.job
        known = unfinished.job
        now = {"learn": checksum(what_is_learnt(self)), "write": checksum(what_is_written(self.ready))}
        worth = [name for name in (LEARNT, BLOCKS, COMMIT) if self.path(name).exists()]
        unfinished.keep = bool(worth)
        other = known.get("learn") != now["learn"] or (self.committed and known.get("write") != now["write"])
        if worth and other and not job.force:
            raise InputError(
                f"'{unfinished.place}' is unfinished work on other files, with other settings or by another version; "
                "run that job again, delete the folder, or give it up with --force"
            )
        if other:
            unfinished.discard()
        elif known.get("write") != now["write"]:
            unfinished.discard(BLOCKS, LEDGER, CLEAN, REMOVED, REPORT, RECORD)
        unfinished.keep = unfinished.keep and not other
        if known != now:
            unfinished.begin(now)
        elif unfinished.keep:
            log.info("going on with what is in %s", unfinished.place)

    # ---------------------------------------------------------------------------------------------------------- learn

    @property
    def shelf(self) -> Shelf:
        """Where what was learnt is kept."""
        return Shelf(self.unfinished.work, self.ready.job.method)

    def learnt(self) -> Learnt | None:
        """Return what was learnt, if it is there."""
        return self.shelf.learnt()

    def keep(self, learnt: Learnt) -> None:
        """Keep what was learnt, if it can be saved.

        Raises
        ------
        InputError
            If an input file changed meanwhile.
        """
        self.refuse_changes()
        self.unfinished.keep = self.shelf.keep(learnt) or self.unfinished.keep

    # ---------------------------------------------------------------------------------------------------------- write

    def keeping(self, progress: Progress) -> Progress:
        """Return a callback that is called once there is something written to keep."""

        def told(stage: str, share: float) -> None:
            self.unfinished.keep = True
            progress(stage, share)

        return told

    def ledger(self) -> Journal:
        """Open the journal of the energy in each block."""
        return Journal(self.path(LEDGER))

    def refuse_changes(self) -> None:
        """Refuse input files that changed since they were opened, and give up what was made of them."""
        try:
            self.witness.refuse_changes()
        except InputError:
            self.unfinished.discard()
            self.unfinished.keep = False
            raise

    # ---------------------------------------------------------------------------------------------------------- place

    @property
    def committed(self) -> bool:
        """Whether everything is finished, and results are being placed."""
        return self.path(COMMIT).exists()

    def moves(self, files: Sequence[Path], removed: Sequence[Path], page: Path | None) -> list[tuple[Path, Path]]:
        """Return each finished file with its final place."""
        job = self.ready.job
        moves = [(path, job.output / path.relative_to(self.path(CLEAN))) for path in files]
        moves += [(path, (job.removed or job.output) / path.relative_to(self.path(REMOVED))) for path in removed]
        return moves + ([(page, job.report)] if page and job.report else [])

    def commit(self, moves: Sequence[tuple[Path, Path]]) -> None:
        """Say that these files are finished and are now being moved to their places, in this order."""
        told = [[str(source.relative_to(self.unfinished.work)), str(target.absolute())] for source, target in moves]
        write_text(self.path(COMMIT), json_text(told))

    def targets(self, folder: str) -> list[Path]:
        """Return the places of the finished files that are in a folder of the folder."""
        return [target for source, target in self._moves() if Path(source).parts[0] == folder]

    def _moves(self) -> list[tuple[str, Path]]:
        told = json.loads(self.path(COMMIT).read_text("utf-8"))
        return [(source, Path(target)) for source, target in told]

    def place(self, again: bool) -> None:
        """Move the files to their places; the work is done then.

        Parameters
        ----------
        again
            Whether an earlier run was killed while it did so.

        Raises
        ------
        InputError
            If something is there that was not when the work began, without ``force``.
        """
        place_all([Move(self.path(source), target) for source, target in self._moves()], self.ready.job.force, again)
        self.unfinished.finish()


def inputs(ready: Prepared) -> list[Path]:
    """List the files that a job reads."""
    from debleed.io.audio import audio_files

    job = ready.job
    found = list(ready.take.inputs)
    for given in filter(None, (job.mixture, job.truth)):
        found += audio_files(given) if given.is_dir() else [given]
    told = session_path(job.input)
    return [*found, told] if told.exists() else found


def what_is_learnt(work: Work) -> dict[str, Any]:
    """Describe all that what is learnt depends on."""
    from debleed import __version__

    ready, job, recording = work.ready, work.ready.job, work.ready.recording
    told = session_path(job.input)  # what it says is in the recording; another comment changes nothing
    files = {str(path): (seen.size, seen.written_ns) for path, seen in work.witness.seen.items() if path != told}
    return {
        "version": __version__,
        "files": files,
        "recording": [recording.names, recording.sources, sorted(recording.references), recording.length],
        "said": sorted(ready.said_names),
        "method": None if job.stage else [job.method, sorted(job.settings.items())],
        "stage": job.stage and job.stage.digest(),
        "region": job.region,
    }


def what_is_written(ready: Prepared) -> dict[str, Any]:
    """Describe all that else the results depend on."""
    job = ready.job
    places = [path and path.absolute() for path in (job.output, job.removed, job.report, job.record)]
    return {"reductions": ready.reductions, "keep": ready.session.keep, "places": places, "split": job.split}


def checksum(described: dict[str, Any]) -> str:
    """Return a checksum of a description."""
    return hashlib.sha256(repr(sorted(described.items())).encode("utf-8", "surrogateescape")).hexdigest()


def _line(stretches: Sequence[Sequence[float]]) -> TimeLine:
    return TimeLine(tuple(Stretch(*numbers) for numbers in stretches))


def _plain(number: Any) -> Any:
    """Return a number of NumPy as one of Python."""
    return number.item()
