"""A project as a recording: every track that plays is a microphone or a stereo pair."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Collection, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from debleed.daw.media import Media, Opened, TrackFile
from debleed.daw.timeline import Cleaned, Item, Project, ProjectTrack, Stretch, laid_out, played
from debleed.io.audio import Take, length_at
from debleed.io.documents import Place
from debleed.io.forms import data_size, form_of, shown_size
from debleed.io.session import Session, left_out
from debleed.io.staging import writable_ancestor
from debleed.recording import InputError

SUFFIXES = (".rpp", ".dawproject")
"""Suffixes of the projects that can be read, in lower case."""

REMOVED = "removed"
"""Folder, inside that of the results, for what was removed."""

LONGEST = 48 * 3600
"""Seconds from the first sound of a project to its last; beyond that, an item was moved away by mistake."""

FORBIDDEN = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')
"""What one system or another does not allow in names of files."""

LONGEST_NAME = 60
"""Letters of a name: with four bytes each, below what file systems allow."""


@dataclass(frozen=True)
class ProjectTake(Take):
    """The tracks of a project as a take.

    Parameters
    ----------
    project
        The project.
    chosen
        The index of each file's track in the project's tracks.
    opened
        The files that are open.
    """

    project: Project
    chosen: tuple[int, ...]
    opened: Opened

    @property
    def media(self) -> set[Path]:
        """The files that are read."""
        return {item.media for index in self.chosen for item in self.project.tracks[index].items}

    @property
    def inputs(self) -> list[Path]:
        """The files that are read, the project included."""
        return [*sorted(self.media), self.project.path]

    def close(self) -> None:
        """Close the files, and delete what was unpacked."""
        super().close()
        self.opened.close()
        self.project.close()

    def refuse_places(self, output: Path, removed: Path, force: bool) -> None:
        """Refuse folders for the results that hold files of the project, and to replace a project unless forced.

        Raises
        ------
        InputError
            For such folders.
        OSError
            If there is no room for a project that holds its files, beside the files.
        """
        for folder in (output, removed):
            if any(path.resolve().parent == folder.resolve() for path in self.media):
                raise InputError(f"'{folder}' holds audio files of the project; choose another folder for the results")
        target = output / self.project.path.name
        if target.exists() and not force:
            raise InputError(f"'{target}' exists already; choose another folder, or overwrite it with --force")
        if self.project.embeds:
            results = 2 * sum(data_size(form_of(file), file.channels, file.frames) for file in self.files)
            need = self.project.path.stat().st_size + 2 * results
            if need > shutil.disk_usage(writable_ancestor(output)).free:
                raise OSError(errno.ENOSPC, f"{shown_size(need)} are needed", str(output))

    def write_project(
        self, output: Path, files: Sequence[Path], removed: Sequence[Path], changed: Collection[str]
    ) -> Path:
        """Write the project with the results under its tracks, and return its path.

        Parameters
        ----------
        output
            Folder for the project.
        files, removed
            The files with the results and with what was removed, one a track.
        changed
            The units that have changed; the other tracks stay alone.
        """
        results = [
            Cleaned(index, clean, gone, file.rate, file.channels, file.frames, file.first)
            for unit, index, file, clean, gone in zip(self.units, self.chosen, self.files, files, removed, strict=True)
            if unit in changed and isinstance(file, TrackFile)
        ]
        target = output / self.project.path.name
        self.project.write(target, results)
        return target


def is_project(path: Place) -> bool:
    """Return whether the name is that of a project."""
    return Path(path).suffix.lower() in SUFFIXES


def read_project(path: Path) -> Project:
    """Read a project.

    Raises
    ------
    InputError
        If it is damaged, hostile or of a kind that cannot be read.
    """
    if not path.is_file():
        raise InputError(f"there is no file '{path}'")
    if path.suffix.lower() == ".rpp":
        from debleed.daw.reaper import ReaperProject

        return ReaperProject(path)
    from debleed.daw.dawproject import DawProject

    return DawProject(path)


def units_of(path: Path) -> tuple[str, ...]:
    """Return the names of the tracks of a project that play, as a session file uses them.

    Raises
    ------
    InputError
        If the project cannot be read.
    """
    with closing(read_project(path)) as project:
        return unit_names([track.name for track in project.tracks])


def open_project(path: Path, session: Session) -> ProjectTake:
    """Open the tracks of a project, except for those that the session leaves out.

    Raises
    ------
    InputError
        If the project cannot be read, or if a track cannot be cleaned: a file is missing, or its items are stretched,
        loop or overlap.
    """
    project = read_project(path)
    try:
        units = unit_names([track.name for track in project.tracks])
        out = left_out(session, [Path(unit) for unit in units])
        chosen = tuple(k for k, unit in enumerate(units) if unit not in out)
        if not chosen:
            raise InputError(f"'{path}' has no track with audio that plays; unmute the tracks to clean")
        tracks = {units[k]: project.tracks[k] for k in chosen}
        opened = Opened()
        media = {item.media: Media(item.media, opened) for item in found_items(path, tracks)}
        files = track_files(path, tracks, media)
        # in the order of a folder, so that a stage that was learnt from one can be applied to the other
        files, chosen = zip(*sorted(zip(files, chosen, strict=True), key=lambda pair: pair[0].path.name), strict=True)
        rate = max(file.rate for file in files)
        return ProjectTake(files, False, rate, max(length_at(file, rate) for file in files), project, chosen, opened)
    except BaseException:
        project.close()
        raise


def found_items(path: Path, tracks: dict[str, ProjectTrack]) -> Iterable[Item]:
    """Return the items of all tracks; refuse tracks that cannot be cleaned, and files that are not there."""
    if troubles := [f"'{unit}' {track.trouble}" for unit, track in tracks.items() if track.trouble]:
        raise InputError(f"'{path}' cannot be cleaned: the track {'; the track '.join(troubles)}; {REMEDY}")
    for unit, track in tracks.items():
        if missing := [item.media for item in track.items if not item.media.is_file()]:
            raise InputError(
                f"'{path}' plays '{missing[0]}' on the track '{unit}', but there is no such file; put it there, or "
                f"leave the track out with --leave-out"
            )
    return [item for track in tracks.values() for item in track.items]


REMEDY = "glue or render its items to one file at the original speed, or leave the track out with --leave-out"


def track_files(path: Path, tracks: dict[str, ProjectTrack], media: dict[Path, Media]) -> tuple[TrackFile, ...]:
    """Open each track; all begin with the first sound of the first file."""
    rates, stretches = {}, {}
    for unit, track in tracks.items():
        files = [media[item.media] for item in track.items]
        rates[unit] = rate = max(file.rate for file in files)
        _refuse_channels(path, unit, track, media)
        _refuse_loops(path, unit, track, media)
        ends = {file.path: length_at(file, rate) for file in files}
        try:
            stretches[unit] = laid_out(played(track.items, rate), ends)
        except ValueError as reason:
            raise InputError(f"'{path}' cannot be cleaned: on the track '{unit}' {reason}; {REMEDY}") from None
        if not stretches[unit]:
            raise InputError(f"'{path}' plays no sound on the track '{unit}'; leave it out with --leave-out")
    begin = min(found[0].start / rates[unit] for unit, found in stretches.items())
    end = max(found[-1].stop / rates[unit] for unit, found in stretches.items())
    if end - begin > LONGEST:
        raise InputError(
            f"'{path}' lasts {(end - begin) / 3600:.0f} h; move its items together, or leave out the tracks that are "
            "far off with --leave-out"
        )

    def opened(unit: str, found: list[Stretch]) -> TrackFile:
        files = [media[one.media] for one in found]
        alike = len({file.container for file in files}) == 1
        suffix = files[0].path.suffix if alike else ".wav"
        return TrackFile(path.parent / (unit + suffix), found, files, rates[unit], round(begin * rates[unit]))

    return tuple(opened(unit, found) for unit, found in stretches.items())


def _refuse_channels(path: Path, unit: str, track: ProjectTrack, media: dict[Path, Media]) -> None:
    for item in track.items:
        file = media[item.media]
        count = file.channels if item.channels is None else len(item.channels)
        if count > 2 or max(item.channels or (0,)) >= file.channels:
            raise InputError(
                f"'{path}' plays '{file.path}' with {file.channels} channels on the track '{unit}', which should be "
                "one microphone or a stereo pair; choose its channel in the item, or split it"
            )


def _refuse_loops(path: Path, unit: str, track: ProjectTrack, media: dict[Path, Media]) -> None:
    for item in track.items:
        file = media[item.media]
        if item.loops and item.offset + item.length > file.frames / file.rate + LOOSE:
            raise InputError(f"'{path}' cannot be cleaned: the track '{unit}' loops '{file.path}'; {REMEDY}")


LOOSE = 0.05
"""Seconds that an item may be longer than its file and does not count as a loop: an end that was snapped to a grid."""


def unit_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return a name for each track that is its own and that every system allows for a file.

    Examples
    --------
    >>> unit_names(["Vox", "vox", "", "Kick in/out", "CON"])
    ('Vox', 'vox 2', 'track 3', 'Kick in_out', 'CON_')
    """
    found: list[str] = []
    for number, name in enumerate(names, 1):
        plain = (
            FORBIDDEN.sub("_", name.encode(errors="replace").decode())[:LONGEST_NAME].strip(" .") or f"track {number}"
        )
        if plain.split(".")[0].upper() in RESERVED:
            plain += "_"
        unique, count = plain, 1
        while unique.casefold() in {one.casefold() for one in found}:
            count += 1
            unique = f"{plain} {count}"
        found.append(unique)
    return tuple(found)


RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{port}{k}" for port in ("COM", "LPT") for k in range(1, 10))}
"""What Windows does not allow as names of files."""
