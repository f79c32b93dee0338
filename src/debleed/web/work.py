"""The work of a child process, with the calls of ``debleed remove``: clean a session, write the report.

It reports its progress as ``debleed remove --progress json`` does, on lines of standard output, and a failure in one
sentence. Run as ``python -m debleed.web.work run|report|look SESSION-FOLDER [RUN]``.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from debleed import feedback
from debleed.intake import Prepared, prepared, samples_of
from debleed.io.documents import json_numbers
from debleed.io.session import Session
from debleed.job import Job, cleaned, written
from debleed.methods.settings import settings
from debleed.progress import Progress, within
from debleed.recording import InputError, Recording
from debleed.report.pictures import spectrogram
from debleed.report.sentences import Knowledge
from debleed.resuming import Shelf
from debleed.scoring.blind import blind_bleed_matrix, inter_microphone_coherence, level_changes
from debleed.scoring.prediction import estimated_sdr
from debleed.scoring.scores import median
from debleed.web import look
from debleed.web.layouts import Json, arrangement
from debleed.web.limits import full_disk
from debleed.web.moments import STEP, moments, powers
from debleed.web.peaks import Peaks
from debleed.web.said import evidence_of
from debleed.web.sessions import read, write
from debleed.web.wishes import infinite

LAYERS = ("before", "after", "removed")

REPORT, REPORTED = Path("out", "report.html"), Path("out", "reported.json")
"""The report in the folder of a run, and the reductions that it describes."""

BRIGHTEST = 20
"""Length in seconds of a microphone's loudest part, which sets the colour scale of its spectrograms."""

SHELF = "learnt"
"""Folder of a run with what it has learnt."""


def session_of(run: Json) -> Session:
    """Return the session of a run."""
    kept = run["session"]
    found = arrangement(kept if "parts" in kept else {"parts": {}, "polyphonic": ()})  # before 0.4, files were apart
    return Session(
        {source: tuple(names) for source, names in kept["sources"].items()},
        tuple(kept["room"]),
        tuple(kept["leave_out"]),
        source_reduction=infinite(run.get("reduction", {})),
        keep={mic: tuple(names) for mic, names in run.get("keep", {}).items()},
        reference=tuple(kept.get("reference", [])),
        guessed=kept.get("guessed", {}),
        parts=found.parts,
        polyphonic=found.polyphonic,
    )


def job_of(place: Path, run: Json) -> Job:
    """Return the job of a run, with its report."""
    return Job(
        given(place, run),
        place / "out" / "clean",
        session=session_of(run),
        method=run["method"],
        settings=settings(run["method"], [f"{key}={value}" for key, value in run["settings"].items()]),
        region=tuple(run["region"]) if run.get("region") else None,
        report=place / REPORT,
        force=True,
    )


def opened(place: Path, run: Json) -> Prepared:
    """Open the input of a run; that of a preview is only an excerpt of the recording."""
    ready = prepared(job_of(place, run))
    if run.get("excerpt") is None:
        return ready
    start, stop = run["excerpt"]
    return replace(ready, recording=ready.recording.stretch(*samples_of((start, stop), ready.recording)))


def given(place: Path, run: Json) -> Path:
    """Return the input for ``debleed remove``: the folder of the files, or the only file."""
    folder = given_folder(place)
    return folder / str(run["poly"]) if run["poly"] else folder


def given_folder(place: Path) -> Path:
    """Return the folder in which a run's files have their own names."""
    return next((place / "take").iterdir())


def work_run(session: Path, run: str) -> None:
    """Clean a session; store everything needed to listen, compare, and write the files with any reduction."""
    place = session / "runs" / run
    meta = read(place / "run.json") | {"reduction": {}}
    with feedback.progress("json") as progress, closing(opened(place, meta)) as ready:
        recording = ready.recording
        stage, clean, changes = cleaned(ready, progress, shelf(place, meta["method"]))
        after = kept(place, recording, clean, progress)
        known = described(recording, ready.take.poly) | vars(Knowledge.of(stage, changes, ready.session.keep))
        write(place / "figures.json", known | energies(recording, after))
        feedback.line(ready=True)
        measured(place, recording, after, progress)


def shelf(place: Path, method: str) -> Shelf:
    """Return where a run keeps what it has learnt, for runs that differ only in what they keep."""
    (place / SHELF).mkdir(exist_ok=True)
    return Shelf(place / SHELF, method)


def kept(place: Path, recording: Recording, clean: Recording, progress: Progress) -> Recording:
    """Compute the result once, block by block as when writing files, and compute its waveforms."""
    progress("result", 0)
    stored: NDArray[Any] | None = None
    peaks = [Peaks(len(recording)) for _ in LAYERS]
    for start, stop in clean.blocks():
        before, after = recording.read(start, stop), clean.read(start, stop)
        if stored is None:
            shape = (len(recording), recording.length)
            stored = np.lib.format.open_memmap(place / "after.npy", "w+", dtype=after.dtype, shape=shape)
        stored[:, start:stop] = after
        for layer, samples in zip(peaks, (before, after, before - after), strict=True):
            layer.add(samples)
        progress("result", stop / recording.length)
    for layer, name in zip(peaks, LAYERS, strict=True):
        layer.save(place / "peaks", name)
    return stored_result(place, recording)


def stored_result(place: Path, recording: Recording) -> Recording:
    """Open the stored result of a run."""
    stored = np.load(place / "after.npy", mmap_mode="r")
    return recording.with_reader(lambda start, stop: np.asarray(stored[:, start:stop]))


def described(recording: Recording, poly: bool) -> Json:
    """Describe the microphones of a run."""
    return {
        "rate": recording.rate,
        "length": recording.length,
        "names": list(recording.names),
        "sources": list(recording.sources),
        "references": sorted(recording.references),
        "poly": poly,
    }


def energies(before: Recording, after: Recording) -> Json:
    """Energy before, after and of their product, for the energy of any mix of the two; peaks and brightest levels."""
    found = np.zeros((3, len(before)))
    blocks = list(before.blocks(BRIGHTEST))
    loudness = np.zeros((len(before), len(blocks)))
    peaks = np.zeros(len(before))
    for k, (start, stop) in enumerate(blocks):
        x, y = (recording.read(start, stop).astype(np.float64) for recording in (before, after))
        for row, (a, b) in zip(found, ((x, x), (y, y), (x, y)), strict=True):
            row += np.einsum("mt,mt->m", a, b)
        loudness[:, k] = np.einsum("mt,mt->m", x, x)
        for shown in (x, y, x - y):
            peaks = np.maximum(peaks, np.abs(shown).max(axis=1))
    brightest = []
    for mic, block in enumerate(np.argmax(loudness, axis=1)):
        picture = spectrogram(before.read(*blocks[block])[mic].astype(np.float32), before.rate)
        heard = picture[np.isfinite(picture)]
        brightest.append(float(np.percentile(heard, 99.8)) if heard.size else 0.0)
    return {
        "energies": (found / max(1, before.length)).tolist(),
        "peaks": peaks.tolist(),
        "brightest": brightest,
    }


def measured(place: Path, before: Recording, after: Recording, progress: Progress) -> None:
    """Compute the figures that need no truth, and store them."""
    progress("figures", 0)
    found: Json = json_numbers("bleed_before", blind_bleed_matrix(before))
    progress("figures", 0.2)
    found |= json_numbers("coherence_before", inter_microphone_coherence(before))
    progress("figures", 0.4)
    found |= json_numbers("change", level_changes(before, after))
    progress("figures", 0.6)
    unknown = "the recording does not show that fixed filters predict the bleed"
    estimated = estimated_sdr(before, after, within(progress, 0.6, 1))
    for name, values in zip(("before", "after"), estimated, strict=True):
        found |= json_numbers(f"sdr_{name}", values, unknown)
        found |= json_numbers(f"median_sdr_{name}", median(values), unknown)
    found["moments"] = moments(course(place, after), before.sources)
    write(place / "figures.json", {**read(place / "figures.json"), **found})
    progress("figures", 1)


def course(place: Path, after: Recording) -> NDArray[np.float64]:
    """Return the course of the power of the cleaned microphones, from their waveforms."""
    return powers(place / "peaks", [("after", 0)], after.rate, max(1, int(np.ceil(after.seconds / STEP))))


def work_report(session: Path, run: str) -> None:
    """Write the report of a run with its present reductions."""
    place = session / "runs" / run
    meta = read(place / "run.json")
    shutil.rmtree(place / REPORT.parent, ignore_errors=True)
    with feedback.progress("json") as progress, closing(prepared(job_of(place, meta))) as ready:
        knowledge = evidence_of(read(place / "figures.json"))
        written(ready, stored_result(place, ready.recording), knowledge, progress)
    shutil.rmtree(ready.job.output)  # the report describes the files, and they are made again when they are sent
    write(place / REPORTED, {"reduction": meta["reduction"]})


def work_look(session: Path) -> None:
    """Look at a session before any run."""
    with feedback.progress("json") as progress:
        write(session / look.FILE, look.look(read(session / "session.json"), session, progress))


class ToLines(logging.Handler):
    """Forwards the library's messages to the server."""

    def __init__(self, hidden: str) -> None:
        super().__init__(logging.INFO)
        self._hidden = hidden

    def emit(self, record: logging.LogRecord) -> None:
        """Print one message, without the folders of the server."""
        feedback.line(note=record.getMessage().replace(self._hidden, ""), warning=record.levelno >= logging.WARNING)


def end_with_parent() -> None:
    """End when the server ends, even if it is killed: its end of the pipe closes."""

    def watch() -> None:
        while os.read(0, 1):  # not through sys.stdin, whose lock a daemon thread must not hold at the end
            pass
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def main(arguments: Sequence[str]) -> int:
    """Do one job and return the exit code."""
    kind, session, *rest = arguments
    folder = Path(session)
    hidden = f"{given_folder(folder / 'runs' / rest[0]) if rest else folder}/"
    handler = ToLines(hidden)
    logging.getLogger("debleed").addHandler(handler)
    try:
        with feedback.messages():
            works: dict[str, Callable[..., None]] = {"run": work_run, "report": work_report, "look": work_look}
            works[kind](folder, *rest)
        return 0
    except InputError as refusal:
        feedback.line(error=str(refusal).replace(hidden, ""))
    except OSError as failure:
        full = "the disk is full; delete sessions or free some space"
        feedback.line(error=full if full_disk(failure) else str(failure))
    except MemoryError:
        feedback.line(error="there is not enough memory; leave out microphones or close other programs")
    finally:
        logging.getLogger("debleed").removeHandler(handler)
    return 2


if __name__ == "__main__":
    end_with_parent()
    sys.exit(main(sys.argv[1:]))
