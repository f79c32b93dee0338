"""``debleed remove IN -o OUT``: the main job."""

from __future__ import annotations

import logging
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from debleed.cli import feedback
from debleed.cli.settings import configured, split
from debleed.methods import Method, Side
from debleed.progress import Progress
from debleed.recording import InputError, Recording

if TYPE_CHECKING:
    from debleed.io.audio import Take
    from debleed.io.session import Session

log = logging.getLogger(__name__)

PATH = click.Path(readable=False, path_type=Path)  # checked later, with our own sentences


@click.command(
    help="""Remove the bleed from a recording.

    IN is a folder of audio files, each a microphone or a stereo pair, or one file with a microphone a channel. OUT is
    the folder for the results: same names, rate, length and sample format. What belongs to which source is guessed from
    the names, or said in IN/session.toml (see 'debleed init') or with the options below."""
)
@click.argument("given", metavar="IN", type=PATH)
@click.option("-o", "--output", metavar="OUT", type=PATH, required=True, help="Folder for the results.")
@click.option("--method", default="demix", show_default=True, help="See 'debleed methods'.")
@click.option("--set", "pairs", metavar="KEY=VALUE", multiple=True, help="Change a setting of the method.")
@click.option(
    "--reduction",
    metavar="[SOURCE=]DB",
    multiple=True,
    help="Remove at most so much bleed, from all sources or from one.  [default: all]",
)
@click.option(
    "--source", "sources", metavar="SOURCE=FILE,...", multiple=True, help="Several microphones for one source."
)
@click.option("--room", metavar="FILE", multiple=True, help="A room microphone, which comes back as it is.")
@click.option("--leave-out", metavar="FILE", multiple=True, help="A file to leave out.")
@click.option("--keep-removed", metavar="DIR", type=PATH, help="Also write what was taken out: input - output.")
@click.option("--report", metavar="FILE.html", type=PATH, help="Write a page with figures, pictures and players.")
@click.option("--mixture", metavar="FILE", type=PATH, help="The clean mixture, for methods that need it.")
@click.option("--truth", metavar="DIR", type=PATH, help="The true images, for the oracles.")
@click.option("--progress", type=click.Choice(["bar", "json"]), default="bar", help="A bar, or lines for programs.")
@click.option("--force", is_flag=True, help="Write over results that are there.")
def command(
    given: Path,
    output: Path,
    method: str,
    pairs: tuple[str, ...],
    reduction: tuple[str, ...],
    sources: tuple[str, ...],
    room: tuple[str, ...],
    leave_out: tuple[str, ...],
    keep_removed: Path | None,
    report: Path | None,
    mixture: Path | None,
    truth: Path | None,
    progress: str,
    force: bool,
) -> None:
    """Read the options, say what will be done, do it."""
    with feedback.messages():
        refuse_places(given, output, keep_removed, report)
        chosen = configured(method, pairs)
        session = gather(given, sources, room, leave_out, reduction)
        take, recording = open_input(given, session)
        side = open_side(take, recording, mixture, truth)
        refuse_overwriting(take, output, keep_removed, report, force)
        announce(recording, method, output)
        limits = reductions(session, recording)
        with feedback.progress(progress) as told:
            files = clean(take, recording, chosen, side, limits, output, keep_removed, report, told)
        log.info("wrote %d files to %s", len(files), output)
        if progress == "json":
            feedback.line(stage="done", share=1.0, files=[str(path) for path in files])


def refuse_places(given: Path, output: Path, removed: Path | None, report: Path | None) -> None:
    """Refuse places for the results that would endanger the input, or each other."""
    from debleed.io.audio import is_audio
    from debleed.io.staging import writable_ancestor

    source = given.resolve()
    for folder in filter(None, (output, removed)):
        place = folder.resolve()
        if given.is_file() and place == source.parent:
            raise InputError(f"'{folder}' is the folder of '{given}' itself; choose another folder for the results")
        if not given.is_file() and (place == source or source in place.parents):
            raise InputError(f"'{folder}' is or lies inside the input folder '{given}'; choose another folder")
        if is_audio(folder) and not folder.is_dir():
            raise InputError(f"'{folder}' looks like a file, but results go into a folder; name one")
        writable_ancestor(folder)
    if removed and removed.resolve() == output.resolve():
        raise InputError(f"'{removed}' cannot hold both the results and what was removed; choose two folders")
    if report:
        writable_ancestor(report.parent)
        if report.is_dir():
            raise InputError(f"'{report}' is a folder; name a file for the report")


def refuse_overwriting(take: Take, output: Path, removed: Path | None, report: Path | None, force: bool) -> None:
    """Refuse to write over what is there, unless forced."""
    from debleed.io.writing import refuse_existing

    for folder in filter(None, (output, removed)):
        refuse_existing(take.files, folder, force)
    if report and report.exists() and not force:
        raise InputError(f"'{report}' is there already; choose another name, or --force to write over it")


def gather(
    given: Path,
    sources: tuple[str, ...],
    room: tuple[str, ...],
    leave_out: tuple[str, ...],
    reduction: tuple[str, ...],
) -> Session:
    """Put the session file and the options together; the options win."""
    from debleed.io.session import Session, decibels, load_session, session_path

    path = session_path(given)
    session = load_session(path) if path.exists() else Session()
    grouped = dict(split(text, "--source") for text in sources)
    listed = {source: tuple(name.strip() for name in files.split(",")) for source, files in grouped.items()}
    by_source, everywhere = dict(session.source_reduction), session.reduction
    for text in reduction:
        source, _, number = text.rpartition("=")
        if source:
            by_source[source.strip()] = decibels("--reduction", number)
        else:
            everywhere = decibels("--reduction", number)
    return replace(
        session,
        sources={**session.sources, **listed},
        room=room or session.room,
        leave_out=(*session.leave_out, *leave_out),
        reduction=everywhere,
        source_reduction=by_source,
    )


def open_input(given: Path, session: Session) -> tuple[Take, Recording]:
    """Open the input and give every microphone its source."""
    from debleed.io import audio
    from debleed.io.session import assign, left_out

    if given.is_file():
        take = audio.open_take(given)
        left_out(session, [Path(unit) for unit in take.units])
        recording = take.recording(assign(session, take.units))
    else:
        files = audio.audio_files(given)
        out = left_out(session, files)
        kept = [file for file in files if file.name not in out and file.stem not in out]
        if not kept:
            raise InputError(f"every audio file in '{given}' is left out; keep at least two")
        take = audio.Take.open(kept)
        recording = take.recording(assign(session, take.units, [file.name for file in kept]))
    if len(take.units) < 2:
        raise InputError(
            f"'{take.files[0].path}' is alone, but bleed shows only between the microphones of two sources or more; "
            "add the other files (if the channels of one file are microphones, give that file itself as the input)"
        )
    take.log_differences()
    return take, recording


def open_side(take: Take, recording: Recording, mixture: Path | None, truth: Path | None) -> Side:
    """Open the side information at the recording's rate and length."""
    from debleed.io import audio

    return Side(
        mixture=audio.load_mixture(mixture, recording.rate, recording.length) if mixture else None,
        truth=audio.load_like(truth, take) if truth else None,
    )


def announce(recording: Recording, method: str, output: Path) -> None:
    """Say what will be done."""
    sources = list(dict.fromkeys(source for source in recording.sources if source is not None))
    room = [name for name, source in zip(recording.names, recording.sources, strict=True) if source is None]
    minutes, seconds = divmod(round(recording.seconds), 60)
    log.info("%d microphones, %d Hz, %d:%02d min", len(recording), recording.rate, minutes, seconds)
    log.info("%d sources: %s", len(sources), ", ".join(sources))
    if room:
        log.info("room microphones, unchanged: %s", ", ".join(room))
    log.info("method %s, results to %s", method, output)


def reductions(session: Session, recording: Recording) -> dict[str, float]:
    """Return the reduction of each source that has one."""
    sources = [source for source in recording.sources if source is not None]
    everywhere = dict.fromkeys(sources, session.reduction) if session.reduction is not None else {}
    return {source: limit for source, limit in {**everywhere, **session.source_reduction}.items() if limit is not None}


def clean(
    take: Take,
    recording: Recording,
    method: Method,
    side: Side,
    limits: dict[str, float],
    output: Path,
    removed: Path | None,
    report: Path | None,
    progress: Progress,
) -> list[Path]:
    """Do the work; either all results take their places or none."""
    from debleed.io.staging import Staging
    from debleed.io.writing import clear_stale, write_take
    from debleed.remove import remove

    with Staging() as staging:
        folder = staging.folder(output)
        aside = staging.folder(removed) if removed else None
        page = staging.folder(report.parent) / report.name if report else None
        after = remove(recording, method, side=side, reduction=limits, progress=progress)
        written, _ = write_take(take, after, folder, aside, progress)
        if page:
            report_on(take, recording, written, page, progress)
        files = staging.commit()
    clear_stale(take.files, files)
    return files


def report_on(take: Take, before: Recording, written: list[Path], page: Path, progress: Progress) -> None:
    """Write the report from the files as they were written: what is in them is what counts."""
    from debleed.io.audio import Take
    from debleed.report.page import write

    folder = take.files[0].path.absolute().parent
    sources = dict(zip(take.units, unit_sources(take, before), strict=True))
    with closing(Take.open(written, poly=take.poly, rate=take.rate)) as result:
        title = written[0].stem if take.poly else folder.name
        write(page, before, result.recording(sources), title=title, progress=progress)


def unit_sources(take: Take, recording: Recording) -> list[str | None]:
    """Return the source of each unit: that of its first microphone."""
    if take.poly:
        return list(recording.sources)
    return [recording.sources[rows.start] for rows in take.rows]
