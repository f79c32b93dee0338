"""Options shared by 'remove', 'apply', 'batch' and 'learn', and their conversion to a session."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from debleed.recording import InputError
from debleed.spelling import current

if TYPE_CHECKING:
    from debleed.io.session import Session
    from debleed.job import Job

PATH = click.Path(readable=False, path_type=Path)  # checked later, with our own sentences

Command = TypeVar("Command", bound=Callable[..., Any])

TIME = re.compile(r"(?:(\d+):)?(?:(\d+):)?(\d+(?:\.\d*)?)")
"""[[hours:]minutes:]seconds."""


INPUT = (
    click.argument("given", metavar="IN", type=PATH),
    click.option(
        "--source", "sources", metavar="SOURCE=FILE,...", multiple=True, help="Group several microphones of one source."
    ),
    click.option("--voice", "old_sources", multiple=True, hidden=True),
    click.option("--room", metavar="FILE", multiple=True, help="A room microphone, returned unchanged."),
    click.option(
        "--reference",
        metavar="FILE",
        multiple=True,
        help="A signal, not a microphone (click track, playback, direct box), returned unchanged.",
    ),
    click.option("--leave-out", metavar="FILE", multiple=True, help="Ignore this file."),
)
"""Options that describe the input."""

METHOD = (
    click.option(
        "--method",
        default="demix",
        show_default=True,
        help="A method that 'debleed methods' lists, or package.module:Class.",
    ),
    click.option("--set", "pairs", metavar="KEY=VALUE", multiple=True, help="Change a setting of the method."),
)
"""Options that choose the method."""

STAGE = (
    click.argument("stage", metavar="STAGE", type=PATH),
    click.option("--method", metavar="PACKAGE.MODULE:CLASS", help="The method of STAGE, if it is a class of your own."),
)
"""The saved stage, and the class of its method."""

REGION = click.option(
    "--region",
    "region_",
    metavar="START-STOP",
    help="Work on this part only, such as 90-150 or 1:30-2:30.",
)

OUTPUT = click.option("-o", "--output", metavar="OUT", type=PATH, required=True, help="Folder for the results.")

LIMITS = (
    click.option(
        "--reduction",
        metavar="[NAME=]DB",
        multiple=True,
        help="Maximum reduction of the bleed, everywhere or for one source or microphone.  [default: no limit]",
    ),
    click.option(
        "--keep", metavar="MIC=SOURCE,...", multiple=True, help="Leave the bleed of these sources in a microphone."
    ),
)
"""Options that limit what is removed."""

PROGRESS = click.option(
    "--progress", type=click.Choice(["bar", "json"]), default="bar", help="A progress bar, or JSON lines for programs."
)

RESULT = (
    OUTPUT,
    *LIMITS,
    REGION,
    click.option("--keep-removed", metavar="DIR", type=PATH, help="Also write the removed signal: input - output."),
    click.option(
        "--report", metavar="FILE.html", type=PATH, help="Write a report page with figures, plots and audio players."
    ),
    PROGRESS,
    click.option(
        "--split",
        type=click.Choice(["whole", "like-input"]),
        default="whole",
        show_default=True,
        help="Write a whole file for each microphone, or files cut and laid out like those of the input.",
    ),
    click.option("--force", is_flag=True, help="Overwrite existing results."),
)
"""Options that describe the result."""


def options(*groups: Any) -> Callable[[Command], Command]:
    """Add groups of options to a command, in this order."""

    def add(command: Command) -> Command:
        for option in reversed([one for group in groups for one in (group if isinstance(group, tuple) else (group,))]):
            command = option(command)
        return command

    return add


def job_of(
    given: Path,
    output: Path,
    region_: str | None,
    keep_removed: Path | None,
    report: Path | None,
    force: bool,
    sources: tuple[str, ...],
    old_sources: tuple[str, ...],
    room: tuple[str, ...],
    reference: tuple[str, ...],
    leave_out: tuple[str, ...],
    reduction: tuple[str, ...],
    keep: tuple[str, ...],
    **how: Any,
) -> Job:
    """Make a job from the options of :data:`INPUT` and :data:`RESULT`; ``how`` are the remaining fields of the job."""
    from debleed.job import Job

    session = gather(given, sources, old_sources, room, reference, leave_out, reduction, keep)
    stretch = region(region_)
    return Job(given, output, session, region=stretch, removed=keep_removed, report=report, force=force, **how)


def gather(
    given: Path,
    sources: tuple[str, ...] = (),
    old_sources: tuple[str, ...] = (),
    room: tuple[str, ...] = (),
    reference: tuple[str, ...] = (),
    leave_out: tuple[str, ...] = (),
    reduction: tuple[str, ...] = (),
    keep: tuple[str, ...] = (),
) -> Session:
    """Merge the session file and the options; options take precedence."""
    from debleed.intake import session_of
    from debleed.io.session import reduction_db

    session = session_of(given)
    if old_sources:
        current("option", "--voice")
    by_name, everywhere = dict(session.source_reduction), session.reduction
    for text in reduction:
        name, _, number = text.rpartition("=")
        if name:
            by_name[name.strip()] = reduction_db("--reduction", number)
        else:
            everywhere = reduction_db("--reduction", number)
    return replace(
        session,
        sources={**session.sources, **dict(listed(text, "--source") for text in (*sources, *old_sources))},
        room=room or session.room,
        reference=reference or session.reference,
        leave_out=(*session.leave_out, *leave_out),
        reduction=everywhere,
        source_reduction=by_name,
        keep={**session.keep, **dict(listed(text, "--keep") for text in keep)},
    )


def listed(text: str, option: str) -> tuple[str, tuple[str, ...]]:
    """Parse ``name=one,two``.

    Examples
    --------
    >>> listed("kick=in, out", "--source")
    ('kick', ('in', 'out'))
    """
    from debleed.methods.settings import split

    name, names = split(text, option)
    return name, tuple(part.strip() for part in names.split(","))


def region(text: str | None) -> tuple[float, float] | None:
    """Parse a start and a stop time, each in seconds or as minutes and hours with colons.

    Examples
    --------
    >>> region("1:30-2:00.5"), region("10-20")
    ((90.0, 120.5), (10.0, 20.0))
    """
    if text is None:
        return None
    start, dash, stop = (part.strip() for part in text.partition("-"))
    found = [TIME.fullmatch(part) for part in (start, stop)]
    if not dash or None in found:
        raise InputError(f"--region requires a start and a stop time, such as 90-150 or 1:30-2:30, got '{text}'")
    first, last = (seconds(match) for match in found if match)
    return first, last


def seconds(match: re.Match[str]) -> float:
    """Convert a match of :data:`TIME` to seconds."""
    parts = [float(part) for part in match.groups() if part is not None]
    return math.fsum(part * 60**k for k, part in enumerate(reversed(parts)))
