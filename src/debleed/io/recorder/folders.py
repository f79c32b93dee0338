"""Where the audio files of a recording are: in its folder, or in the one folder below that holds audio."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path

from debleed.io.audio import audio_files, is_audio
from debleed.io.documents import Place
from debleed.recording import InputError

log = logging.getLogger(__name__)

MADE = frozenset(
    ("bounced files", "bounces", "exported files", "fade files", "freeze files", "mixdown", "mixdowns", "renders")
)
"""Folders of programs with what was made from a recording, in lower case."""

PLACES = frozenset(("ahsq", "audio", "audio files", "media", "x_live"))
"""Folders in which consoles and programs put the audio of the recording or project around them, in lower case."""

DEEPEST = 4
"""Folders below the given one in which audio is looked for; cards have three, and a home folder has thousands."""

MOST_NAMED = 6
"""Folders that a message names."""


def files_of(folder: Place, listed: Iterable[str] = ()) -> tuple[Path, ...]:
    """List the audio files of a recording, sorted.

    Those in the folder itself count. If there are none, those in the only folder below it that has any, such as
    ``Audio Files`` of Pro Tools, ``Media`` of REAPER, or the session on a console's card; hidden folders and those with
    mixdowns do not count.

    Parameters
    ----------
    folder
        The folder.
    listed
        Paths inside the folder that the user names; those with a folder are added.

    Raises
    ------
    InputError
        If there is no audio file, or if several folders hold some.
    """
    folder = Path(folder)
    below = [folder / name for name in listed if Path(name).parent != Path()]
    if below and folder.is_dir():
        here = [path for path in sorted(folder.iterdir()) if path.is_file() and is_audio(path)]
        return tuple(sorted({*here, *(path for path in below if path.is_file() and is_audio(path))}))
    return audio_files(only_folder(folder))


def only_folder(folder: Path) -> Path:
    """Return the folder itself if audio files are in it or if none are below it, or else the only one that has any."""
    if not folder.is_dir() or holds_audio(folder):
        return folder
    found = _with_audio(folder)
    if len(found) > 1:
        names = [path.relative_to(folder).as_posix() for path in found]
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        raise InputError(
            f"'{folder}' has audio files in several folders ({', '.join(names[:MOST_NAMED])}{more}); use one of them "
            "as the input, or list the files of one recording under [parts] in session.toml"
        )
    if found:
        log.info("audio files in %s", found[0])
    return found[0] if found else folder


def is_around_audio(folder: Path) -> bool:
    """Whether the only folder with audio below is where a console or program puts it, so that this is the recording."""
    found = _with_audio(folder)
    return len(found) == 1 and found[0] != folder and found[0].relative_to(folder).parts[0].casefold() in PLACES


def _with_audio(folder: Path) -> list[Path]:
    """List the folders with audio files, from this one downwards."""
    found = []
    for place, folders, files in os.walk(folder):  # does not follow links
        depth = len(Path(place).relative_to(folder).parts)
        here = [name for name in folders if not name.startswith(".") and name.casefold() not in MADE]
        folders[:] = sorted(here) if depth < DEEPEST else []
        if any(is_audio(name) for name in files):
            found.append(Path(place))
    return found


def holds_audio(folder: Path) -> bool:
    """Whether audio files are directly in a folder."""
    try:
        return any(path.is_file() and is_audio(path) for path in folder.iterdir())
    except PermissionError as refusal:
        raise InputError(f"no permission to read '{folder}'") from refusal
