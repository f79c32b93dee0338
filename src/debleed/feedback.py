"""Feedback of a running command: messages and a progress bar for people, JSON lines for programs."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, TextIO, cast

import click
import numpy as np

from debleed.decibels import shown
from debleed.io.documents import json_line, visible
from debleed.progress import Progress

if TYPE_CHECKING:
    import rich.progress

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
    with _bars() as bar:
        tasks: dict[str, rich.progress.TaskID] = {}

        def show(stage: str, share: float) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=1.0)
            bar.update(tasks[stage], completed=share)

        yield show


def _bars() -> rich.progress.Progress:
    """Return a context for bars on the error stream, which shows none if that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    console = Console(file=cast(IO[str], Forgiving(sys.stderr)))
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


class Many:
    """Progress of many recordings: a bar for all and one for each that is in work, or JSON lines.

    Parameters
    ----------
    lengths
        Length of each recording in seconds, by name.
    bars
        Where the bars are; ``None`` for JSON lines.
    """

    def __init__(self, lengths: Mapping[str, float], bars: rich.progress.Progress | None = None) -> None:
        self._lengths, self._bars = lengths, bars
        self._tasks: dict[str, rich.progress.TaskID] = {}
        self._ended: set[str] = set()
        self._all = bars.add_task("all", total=sum(lengths.values())) if bars else None

    def told(self, name: str, stage: str, share: float) -> None:
        """Show the stage of a recording's work and its share, 0 to 1; what is told after its end is forgotten."""
        if name in self._ended:
            return
        if self._bars is None:
            line(recording=name, stage=stage, share=round(share, 4))
            return
        from rich.markup import escape

        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task("", total=1.0)
        self._bars.update(self._tasks[name], description=escape(f"{name}: {stage}"), completed=share)

    def ended(self, name: str, state: str, said: str = "") -> None:
        """Say what became of a recording: a word for programs, and a line for people, if anything is to be said."""
        self._ended.add(name)
        if self._bars is None:
            line(recording=name, stage=state, share=1.0)
        if self._bars is not None and self._all is not None:
            if name in self._tasks:
                self._bars.remove_task(self._tasks.pop(name))
            described = f"{len(self._ended)} of {len(self._lengths)} recordings"
            self._bars.update(self._all, description=described, advance=self._lengths[name])
        if said:
            say(said)


@contextmanager
def many(kind: str, lengths: Mapping[str, float]) -> Iterator[Many]:
    """Show the progress of many recordings, as :func:`progress` shows that of one."""
    if kind == "json":
        yield Many(lengths)
        return
    with _bars() as bars:
        yield Many(lengths, bars)


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table for people on the error stream; long cells wrap."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        return
    shown = Table(title=Text(title), title_justify="left")
    for name in head:
        shown.add_column(name, overflow="fold")
    for row in rows:
        shown.add_row(*map(Text, row))
    Console(file=cast(IO[str], Forgiving(sys.stderr))).print(shown)


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
