"""Where results will be, and what is there already."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from debleed.io.audio_file import AudioFile
from debleed.io.documents import Place
from debleed.io.forms import form_of
from debleed.io.identity import is_same
from debleed.recording import InputError

log = logging.getLogger(__name__)

LONGEST_NAME = 255
"""Bytes of a file name on all usual file systems."""


def refuse_existing(files: Sequence[AudioFile], folder: Place, force: bool, inputs: Sequence[Place] = ()) -> None:
    """Refuse to overwrite existing results, unless forced, and ``inputs`` by whatever path in any case."""
    for file in files:
        for suffix in sorted(form_of(file).suffixes):
            there = Path(folder) / (file.path.stem + suffix)
            if len(os.fsencode(there.name)) > LONGEST_NAME:
                raise InputError(f"the result for '{file.path}' would be '{there.name}', a name too long; shorten it")
            if not there.exists():
                continue
            if any(is_same(there, known) for known in inputs):
                raise InputError(f"'{there}' is one of the files that are read; choose another folder for the results")
            if not force:
                raise InputError(f"'{there}' exists already; choose another folder, or overwrite it with --force")


def warn_of_twins(files: Sequence[AudioFile], written: Sequence[Path]) -> None:
    """Warn of files that have the name of a result but another suffix: of an earlier run, or somebody's own."""
    suffixes = {file.path.stem: form_of(file).suffixes for file in files}
    for path in written:
        for suffix in sorted(suffixes.get(path.stem, set()) - {path.suffix}):
            other = path.with_suffix(suffix)
            if other.exists() and not other.samefile(path):
                log.warning("'%s' is not of this run, the result is '%s'; delete one of them", other, path.name)
