"""Feedback of a running command: messages and a progress bar for people, JSON lines for programs."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, TextIO, cast

import click
import numpy as np

from debleed.decibels import shown
from debleed.io.documents import json_line, visible
from debleed.progress import Progress

if TYPE_CHECKING:
    from debleed.job import Result

log = logging.getLogger(__name__)


class Forgiving:
    """A stream on which nothing fails: what nobody can read any more must not end hours of work.

    Parameters
    ----------
    stream
        The stream; ``None`` if it was closed when the program began.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write text, or forget it."""
        self._try(lambda stream: stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Write what is in the buffer, or forget it."""
        self._try(lambda stream: stream.flush())

    def isatty(self) -> bool:
        """Whether a person may be watching."""
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        """Return the descriptor."""
        if self._stream is None:
            raise OSError("the stream is closed")
        return self._stream.fileno()

    @property
    def encoding(self) -> str:
        """The encoding of the stream."""
        return getattr(self._stream, "encoding", None) or "utf-8"

    def _try(self, work: Callable[[TextIO], object]) -> None:
        if self._stream is None:
            return
        try:
            work(self._stream)
        except (OSError, ValueError):  # a pipe without a reader, a full disk, a lost terminal; a closed stream
            with suppress(OSError, ValueError):  # what is still in the buffer goes nowhere, also at the end
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._stream.fileno())
                os.close(nowhere)


def say(text: str) -> None:
    """Print a line for people on the error stream."""
    stream = Forgiving(sys.stderr)
    click.echo(text, file=cast(IO[str], stream))
    stream.flush()


class _ToTerminal(logging.Handler):
    """Prints log records to the current error stream, so that the progress bar stays below them."""

    def emit(self, record: logging.LogRecord) -> None:
        mark = click.style("warning: ", fg="yellow") if record.levelno >= logging.WARNING else ""
        say(mark + visible(record.getMessage()))


@contextmanager
def messages() -> Iterator[None]:
    """Show debleed's log to the user and hide NumPy's warnings, which only concern programmers."""
    handler, logger = _ToTerminal(), logging.getLogger("debleed")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


@contextmanager
def progress(kind: str) -> Iterator[Progress]:
    """Yield a progress callback: a bar on the error stream (``bar``) or lines on standard output (``json``)."""
    if kind == "json":
        yield _json_lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    console = Console(file=cast(IO[str], Forgiving(sys.stderr)))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, share: float) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=1.0)
            bar.update(tasks[stage], completed=share)

        yield show


def treated(result: Result) -> None:
    """Log what was done to each microphone, in a sentence, and what was written."""
    for mic in result.microphones:
        log.info("%s: %s", mic.name, mic.sentence)
    changed = [mic for mic in result.microphones if not mic.unchanged]
    if changed:
        levels = ", ".join(f"{mic.name} {shown(mic.removed_db)} dB" for mic in changed)
        log.info("removed, relative to the level of the microphone: %s", levels)
    log.info("wrote %d files to %s", len(result.files), result.files[0].parent)
    if result.project:
        log.info("wrote %s", result.project)


def _json_lines() -> Progress:
    reported: dict[str, float] = {}

    def report(stage: str, share: float) -> None:
        if stage not in reported or share >= 1 or share - reported[stage] >= 0.01:
            reported[stage] = share
            line(stage=stage, share=round(share, 4))

    return report


def line(**fields: object) -> None:
    """Print one JSON object on a line of standard output."""
    stream = Forgiving(sys.stdout)
    click.echo(json_line(fields), file=cast(IO[str], stream))
    stream.flush()
