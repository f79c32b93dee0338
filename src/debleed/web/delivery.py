"""The files of a result, each written when it is asked for, with the same bytes as ``debleed remove`` writes.

None of them stays on the disk: a file is written beside the uploads of its session, sent and deleted.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

from debleed.daw.new_project import NewTrack, dawproject, reaper_project
from debleed.intake import Prepared, prepared
from debleed.io.audio_file import AudioFile, at_rate
from debleed.io.session import dumped
from debleed.io.writing import write_take
from debleed.remove import reduced
from debleed.web.layouts import Json
from debleed.web.limits import Refusal
from debleed.web.work import job_of

KINDS = ("clean", "removed")
"""The folders of a result: what is left of each file, and what was removed from it."""

Content = Path | bytes


@contextmanager
def scratch(session: Path) -> Iterator[Path]:
    """Make a folder for a file on its way; one that a killed server left is deleted at the next start."""
    with tempfile.TemporaryDirectory(dir=session / "incoming", ignore_cleanup_errors=True) as name:
        yield Path(name)


def written_one(place: Path, run: Json, kind: str, stem: str, folder: Path) -> Path:
    """Write the one file of a result whose input has this stem.

    Parameters
    ----------
    place, run
        The folder of the run, and its description.
    kind
        One of :data:`KINDS`.
    stem
        Name of the input without its suffix.
    folder
        An empty folder for the file.
    """
    with closing(prepared(job_of(place, run))) as ready:
        for number, file in enumerate(ready.take.files):
            if file.path.stem == stem:
                return written(place, ready, number, folder, kind == "removed")[-1]
    raise Refusal("there is no such file", 404)


def written(place: Path, ready: Prepared, number: int, folder: Path, removed: bool) -> list[Path]:
    """Write a file of a result, and what was removed from it if that is asked for, each into a folder of its own."""
    take = ready.take
    file, rows = take.files[number], take.rows[number]
    stored = np.load(place / "after.npy", mmap_mode="r")
    read = at_rate(file, take.rate, np.result_type(*(other.dtype for other in take.files)))
    before = ready.recording.select(range(rows.start, rows.stop)).with_reader(read)  # the other files are not read
    after = before.with_reader(lambda start, stop: np.asarray(stored[rows, start:stop]))
    known = {*before.names, *before.sources}
    limits = {name: limit for name, limit in ready.reductions.items() if name in known}
    clean, gone = folder / "clean", folder / "removed"
    clean.mkdir()
    if removed:
        gone.mkdir()
    files, others = write_take(take, reduced(before, after, limits), clean, gone if removed else None, only=number)
    return [*files, *others]


def everything(
    session: Path, place: Path, run: Json, removed: bool, report: Callable[[], Path | None]
) -> Iterator[tuple[str, Content]]:
    """Yield the content of a zip of a result: names and what they hold, each valid until the next one is asked for.

    Parameters
    ----------
    session, place, run
        The folders of the session and of the run, and the run's description.
    removed
        Whether what was removed is in it.
    report
        Called at the end; waits for the report. ``None``: there is none.
    """
    title = run["title"]
    with closing(prepared(job_of(place, run))) as ready:
        yield f"{title}/session.toml", dumped(ready.session).encode()
        tracks: list[NewTrack] = []
        for number, file in enumerate(ready.take.files):
            with scratch(session) as folder:
                for path in written(place, ready, number, folder, removed):
                    kind = path.parent.name
                    tracks.append(track_of(file, kind, path.name))
                    yield f"{title}/{kind}/{path.name}", path
    yield f"{title}/{title}.rpp", reaper_project(tracks).encode()
    yield f"{title}/{title}.dawproject", dawproject(tracks)
    if page := report():
        yield f"{title}/report.html", page


def track_of(file: AudioFile, kind: str, name: str) -> NewTrack:
    """Return the track of a file in the project; what was removed is muted."""
    muted = kind == "removed"
    title = f"{file.path.stem} removed" if muted else file.path.stem
    return NewTrack(title, f"{kind}/{name}", file.rate, file.channels, file.frames, muted)
