"""Work in child processes: a queue, progress messages, and cancellation."""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import IO, Any

from debleed.web.limits import Refusal

log = logging.getLogger(__name__)

Mark = tuple[float, float]
"""Seconds since a job began, and the share of its steps that was done."""

WEIGHTS = {
    "check": 0.03,
    "compare": 0.3,
    "changes": 0.1,
    "result": 0.3,
    "figures": 0.2,
    "write": 0.5,
    "report": 0.5,
}
"""Approximate relative durations of the stages; a method's own stages share 1.0."""


@dataclass
class State:
    """State of a job as seen from outside."""

    status: str = "waiting"
    stage: str = ""
    share: float = 0.0
    left: float | None = None
    notes: list[str] = field(default_factory=list)
    error: str | None = None
    ready: bool = False
    seconds: float | None = None
    begun: float | None = None
    marks: list[Mark] = field(default_factory=list)
    shown: float = 0.0

    def told(self) -> dict[str, Any]:
        """Return the state as JSON for the page; the rest is for :mod:`debleed.web.pace`."""
        shown = {name: value for name, value in vars(self).items() if name not in ("begun", "marks", "shown")}
        return dict(shown, notes=list(self.notes))


@dataclass
class Job:
    """One child process to start, and what to call when it begins and ends."""

    key: str
    arguments: Sequence[str]
    stages: Sequence[str]
    begun: Callable[[State], None]
    ended: Callable[[State], None]
    state: State = field(default_factory=State)
    process: subprocess.Popen[bytes] | None = None
    unwanted: bool = False


class Jobs:
    """A queue that runs at most ``running`` children at a time and holds ``waiting`` more."""

    def __init__(self, running: int, waiting: int) -> None:
        self._waiting = waiting
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._jobs: dict[str, Job] = {}
        self._lock = Lock()
        self._threads = [Thread(target=self._serve, daemon=True) for _ in range(running)]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job) -> None:
        """Queue a job.

        Raises
        ------
        Refusal
            If too many jobs are queued, or the same job is already in progress.
        """
        with self._lock:
            if job.key in self._jobs:
                raise Refusal("this is already in progress", 409)
            if sum(other.state.status == "waiting" for other in self._jobs.values()) >= self._waiting:
                raise Refusal(f"{self._waiting} runs are already queued; wait until one ends, or cancel one", 429)
            self._jobs[job.key] = job
        self._queue.put(job)

    def state(self, key: str) -> State | None:
        """Return the state of a job that has not ended."""
        job = self._jobs.get(key)
        return job.state if job else None

    def cancel(self, prefix: str, wait: float = 10.0) -> bool:
        """Cancel a job, or all below ``prefix``, wait until they have ended, and return whether there was any."""
        with self._lock:
            found = [job for key, job in self._jobs.items() if key == prefix or key.startswith(prefix + "/")]
            for job in found:
                job.unwanted = True
                if job.process:
                    kill(job.process)
                elif job.state.status == "waiting":
                    del self._jobs[job.key]
                    self._end(job, "cancelled")
        until = time.monotonic() + wait
        while any(job.key in self._jobs for job in found) and time.monotonic() < until:
            time.sleep(0.01)
        return bool(found)

    def stop(self) -> None:
        """Cancel all jobs and stop the threads."""
        for key in list(self._jobs):
            self.cancel(key)
        for _ in self._threads:
            self._queue.put(None)

    def _serve(self) -> None:
        while job := self._queue.get():
            if job.unwanted:
                continue
            try:
                self._work(job)
            except Exception as failure:  # whatever it was, the next job must have its turn
                log.exception("a job could not be followed")
                if job.process:
                    kill(job.process)
                    job.process.communicate()
                self._end(job, "failed", f"the job could not be started: {failure}")
            finally:
                with self._lock:
                    if self._jobs.get(job.key) is job:
                        del self._jobs[job.key]

    def _work(self, job: Job) -> None:
        start = time.monotonic()
        with tempfile.TemporaryFile() as complaints:
            with self._lock:
                if job.unwanted:
                    self._end(job, "cancelled")
                    return
                job.process = subprocess.Popen(
                    [sys.executable, "-m", "debleed.web.work", *job.arguments],
                    stdin=subprocess.PIPE,  # ends when the server does, and the child with it
                    stdout=subprocess.PIPE,
                    stderr=complaints,
                    start_new_session=True,  # a group of its own, killed as one
                )
                job.state.status, job.state.begun = "running", start
            job.begun(job.state)
            assert job.process.stdout is not None
            for line in job.process.stdout:
                hear(job, line, time.monotonic() - start)
            code = job.process.wait()
            job.process.stdout.close()
            if job.process.stdin:
                job.process.stdin.close()
            job.state.seconds = time.monotonic() - start
            if job.unwanted:
                self._end(job, "cancelled")
            elif code == 0 and job.state.error is None:
                self._end(job, "done")
            else:
                self._end(job, "failed", job.state.error or last_words(code, complaints))

    def _end(self, job: Job, status: str, error: str | None = None) -> None:
        job.state.error, job.state.left = error, None
        job.state.status = status
        try:
            job.ended(job.state)
        except Exception:  # whatever the end brings, the next job must have its turn
            log.exception("a job's end failed")


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a child and its children."""
    if process.poll() is not None:  # its number may be another's by now
        return
    if sys.platform == "win32":
        process.kill()
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def hear(job: Job, line: bytes, elapsed: float) -> None:
    """Process one line that a child printed."""
    try:
        told = json.loads(line)
    except ValueError:
        return
    if not isinstance(told, dict):
        return
    state = job.state
    if "note" in told:
        state.notes.append(str(told["note"]))
    if "error" in told:
        state.error = str(told["error"])
    state.ready = state.ready or bool(told.get("ready"))
    if "stage" in told:
        state.stage = str(told["stage"])
        share = overall(job.stages, state.stage, float(told["share"]))
        if share > state.share:
            state.marks.append((elapsed, share))
            state.share = share


def overall(stages: Sequence[str], stage: str, share: float) -> float:
    """Completed share of a whole job; ``stages`` lists its stages in order, with ``""`` for those of the method.

    Examples
    --------
    >>> round(overall(("check", "", "result"), "demix", 0.5), 2)
    0.4
    """
    weights = [WEIGHTS.get(name, 1.0) for name in stages]
    at = stages.index(stage) if stage in stages else stages.index("") if "" in stages else 0
    return (sum(weights[:at]) + weights[at] * min(max(share, 0.0), 1.0)) / sum(weights)


def last_words(code: int, complaints: IO[bytes]) -> str:
    """Describe in a sentence how a child ended that reported no error itself."""
    if code == -9:  # SIGKILL, which Windows has no name for
        return "the job was killed, perhaps because memory ran out; close other programs and run it again"
    complaints.seek(0)
    said = complaints.read()[-20_000:].decode("utf-8", "replace").strip()
    log.error("%s", said)
    return f"the job ended with an internal error: {said.splitlines()[-1] if said else f'exit code {code}'}"
