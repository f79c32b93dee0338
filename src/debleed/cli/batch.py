"""``debleed batch FOLDER|LIST -o OUT``: clean many recordings."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from debleed import feedback
from debleed.cli.engine import engine_options
from debleed.cli.job_options import LIMITS, METHOD, OUTPUT, PATH, PROGRESS, gather, options
from debleed.clock import hours
from debleed.methods.settings import settings

if TYPE_CHECKING:
    from debleed.batch.plan import Batch, Planned
    from debleed.batch.work import Outcome


@click.command(
    help="""Remove the bleed from many recordings.

    FOLDER is a folder of recordings: each folder in it that has audio files or a session.toml is one, as 'debleed
    remove' takes it. If a console or program keeps the audio in a subfolder of its own, the folder around it is the
    recording. LIST is a text file with the path of a recording on each line. The results of each recording go to a
    folder of its name in OUT. OUT/batch.md, batch.csv and batch.json say what was done to each microphone.

    The command shows what it will do before it begins. A recording that cannot be cleaned does not stop the others. The
    same command resumes after an interruption and retries what failed; finished recordings are not cleaned again.

    Exit code 0: all recordings are clean; 1: some failed."""
)
@click.argument("given", metavar="FOLDER|LIST", type=PATH)
@options(OUTPUT, METHOD, LIMITS)
@click.option("--keep-removed", is_flag=True, help="Also write the removed signals, to 'removed' beside the results.")
@click.option("--report", is_flag=True, help="Write a report page beside the results of each recording.")
@engine_options
@options(PROGRESS)
@click.option(
    "--force", is_flag=True, help="Overwrite results of other settings or files; results that are up to date stay."
)
def command(
    given: Path,
    output: Path,
    method: str,
    pairs: tuple[str, ...],
    reduction: tuple[str, ...],
    keep: tuple[str, ...],
    keep_removed: bool,
    report: bool,
    workers: int,
    scheduler: str | None,
    progress: str,
    force: bool,
) -> int:
    """Plan the batch, show the plan, work it off, and show what was done."""
    from debleed.batch.plan import Batch
    from debleed.batch.run import found, looked_at, run
    from debleed.batch.work import alone

    session = partial(gather, reduction=reduction, keep=keep)
    chosen = settings(method, pairs)
    batch = Batch(given.resolve(), output.resolve(), method, chosen, session, keep_removed, report, force)
    listed = found(batch)
    with alone(batch.output):
        with feedback.progress(progress) as told:
            plans = looked_at(batch, listed, told)
        show_plan(batch, plans)
        outcomes: list[Outcome] = []
        try:
            with feedback.many(progress, {plan.name: plan.length for plan in plans}) as shown:
                for one in run(batch, plans, workers, scheduler, lambda plan, said: shown.told(plan.name, *said)):
                    outcomes.append(one)
                    shown.ended(one.plan.name, one.state, said_of(one))
        except KeyboardInterrupt as end:
            done = sum(one.state != "failed" for one in outcomes)
            end.__notes__ = [f"{done} of {len(plans)} recordings are clean, and the same command goes on with the rest"]
            raise
        order = {plan.name: number for number, plan in enumerate(plans)}
        return show_outcomes(batch, sorted(outcomes, key=lambda one: order[one.plan.name]), progress)


def show_plan(batch: Batch, plans: Sequence[Planned]) -> None:
    """Print what will be done."""
    from debleed.batch.recordings import passed_over
    from debleed.io.forms import shown_size

    what = {"new": "clean", "begun": "go on", "finished": "nothing: cleaned before", "failed": "nothing: see below"}
    known = [[str(plan.microphones), str(plan.sources), hours(plan.length)] for plan in plans]
    rows = [
        [plan.name, *(cells if plan.microphones else ["", "", ""]), what[plan.state]]
        for plan, cells in zip(plans, known, strict=True)
    ]
    feedback.table(f"recordings in {batch.given}", ("recording", "microphones", "sources", "length", "to do"), rows)
    if passed := passed_over(batch.given, [plan.name for plan in plans]):
        feedback.say(f"passed over, since there is no recording in them: {', '.join(passed)}")
    for plan in plans:
        if plan.failure:
            feedback.say(f"{plan.name} cannot be cleaned: {plan.failure}")
    left = [plan for plan in plans if plan.state in ("new", "begun")]
    length, size = hours(sum(plan.length for plan in left)), shown_size(sum(plan.size for plan in left))
    sound = f", {length} of sound, about {size} of results" if left else ""
    feedback.say(
        f"{len(left)} of {len(plans)} recordings to clean{sound}; method {batch.method}, results to {batch.output}"
    )


def said_of(one: Outcome) -> str:
    """Say what this run has made of a recording, in a line."""
    if one.state == "before" or one.plan.state == "failed":  # said before anything began
        return ""
    if one.record is None:
        return f"{one.plan.name} failed: {one.failure}"
    changed = sum(not mic.unchanged for mic in one.record.microphones)
    warned = len(one.warnings)
    return (
        f"{one.plan.name}: bleed removed from {changed} of {len(one.record.microphones)} microphones in "
        f"{hours(one.record.seconds)}" + (f", {warned} warning{'s' * (warned > 1)}" if warned else "")
    )


def show_outcomes(batch: Batch, outcomes: Sequence[Outcome], progress: str) -> int:
    """Print what became of all recordings, failures apart, and return the exit code."""
    from debleed.batch.tables import TABLES, counted, overview

    failed = [one for one in outcomes if one.state == "failed"]
    feedback.table("what was done", *overview(one for one in outcomes if one.state != "failed"))
    for one in failed:
        feedback.say(f"{one.plan.name} failed: {one.failure}")
    again = "; run the same command again to try them again" if failed else ""
    feedback.say(f"{counted(outcomes)}{again}; see {batch.output / TABLES[2]}")
    if progress == "json":
        tables = [str(batch.output / name) for name in TABLES]
        feedback.line(stage="done", share=1.0, clean=len(outcomes) - len(failed), failed=len(failed), files=tables)
    return 1 if failed else 0
