"""Sessions on disk: one folder per session, with numbered files and one JSON file that describes them.

The client's name of a file is stored as text. It becomes a file name only after
:func:`~debleed.web.limits.checked_name`, as a link in the folder that a run works on, where results are named after it.
"""

from __future__ import annotations

import json
import logging
import math
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np

from debleed.inspection import concerns, inspect
from debleed.io.audio import Take, refuse_twins
from debleed.io.audio_file import AudioFile
from debleed.io.documents import json_line, json_numbers, write_text
from debleed.io.forms import shown_size
from debleed.io.recorder.facts import begins_at
from debleed.io.recorder.take import open_layout
from debleed.recording import InputError, Recording
from debleed.web.layouts import Json, is_poly, layout, mic_names, units
from debleed.web.limits import (
    GIB,
    PACKED,
    Limits,
    Refusal,
    checked_file_name,
    checked_name,
    full_disk,
    refuse_full_disk,
)
from debleed.web.peaks import Peaks

log = logging.getLogger(__name__)

MEASURED = ("bleed_before", "coherence_before", "change", "sdr_before", "sdr_after")
"""Figures of a run that need not be finite."""

KEY = "[0-9a-f]{16}"
"""Names of the folders of sessions and runs, all of which this server has made."""

STORED = r"[0-9]{3,}\.[a-z0-9]{1,8}"
"""Names of the stored files."""

INSIDE = ("files", "peaks", "incoming", "runs")
"""Folders in that of a session."""

DELETED = ".deleted"
"""Suffix of a session's folder while it is deleted."""

MOST_CHANNELS = 64
"""Microphones of one file."""

RATES = (3000, 768_000)
"""Lowest and highest rate in Hz, those that browsers play; resampling 1 Hz to 400 kHz would take hours."""


@dataclass(frozen=True)
class Store:
    """All sessions of one data folder; safe to use from several threads."""

    folder: Path
    limits: Limits = field(default_factory=Limits)
    lock: RLock = field(default_factory=RLock)

    def place(self, session: str) -> Path:
        """Return the folder of a session; only names that this store generated are accepted."""
        place = self.folder / "sessions" / session
        if not re.fullmatch(KEY, session) or not (place / "session.json").is_file():
            raise Refusal("there is no such session; it may have been deleted", 404)
        return place

    def run_place(self, session: str, run: str) -> Path:
        """Return the folder of a run."""
        place = self.place(session) / "runs" / run
        if not re.fullmatch(KEY, run) or not (place / "run.json").is_file():
            raise Refusal("there is no such run; it may have been deleted", 404)
        return place

    def sessions(self) -> list[Json]:
        """List all sessions, the newest first."""
        return sorted(read_all(self.folder / "sessions", "session.json"), key=lambda meta: -float(meta["created"]))

    def create(self, name: str) -> Json:
        """Create an empty session."""
        checked_name(name, "session's name")
        with self.lock:
            if len(self.sessions()) >= self.limits.sessions:
                raise Refusal(f"there are {self.limits.sessions} sessions already; delete some first", 409)
            key = secrets.token_hex(8)
            place = self.folder / "sessions" / key
            for inside in INSIDE:
                (place / inside).mkdir(parents=True)
            meta: Json = {"id": key, "name": name, "created": time.time(), "next": 0}
            meta |= {"files": [], "sources": {}, "references": [], "guessed": {}, "leave_out": []}
            meta |= {"reduction": {}, "keep": {}, "past": []}
            write(place / "session.json", meta)
        return meta

    def get(self, session: str) -> Json:
        """Read the description of a session."""
        return read(self.place(session) / "session.json")

    def change(self, session: str, alter: Callable[[Json], None]) -> Json:
        """Change the description of a session atomically."""
        with self.lock:
            meta = self.get(session)
            alter(meta)
            write(self.place(session) / "session.json", meta)
        return meta

    def delete(self, session: str) -> None:
        """Delete a session with all its files and results."""
        place = self.place(session)
        with self.lock:
            gone = place.rename(place.with_name(place.name + DELETED))  # from here on it is not there any more
        shutil.rmtree(gone, ignore_errors=True)

    def runs(self, session: str) -> list[Json]:
        """List the runs of a session, the oldest first."""
        return sorted(read_all(self.place(session) / "runs", "run.json"), key=lambda run: float(run["created"]))

    def change_run(self, session: str, run: str, alter: Callable[[Json], None]) -> Json:
        """Change the description of a run atomically."""
        with self.lock:
            place = self.run_place(session, run)
            meta = read(place / "run.json")
            alter(meta)
            write(place / "run.json", meta)
        return meta

    def delete_run(self, session: str, run: str) -> None:
        """Delete a run and its results."""
        place = self.run_place(session, run)
        (place / "run.json").unlink()
        shutil.rmtree(place, ignore_errors=True)

    # ------------------------------------------------------------------------------------------------------- uploads

    def expect(self, session: str, name: str, length: int | None) -> Path:
        """Accept a file of ``length`` bytes (``None``: unknown), and return its temporary path."""
        meta = self.get(session)
        self._refuse_file(meta, name)
        self.refuse_size(meta, name, length or 0, length or 0)
        return self.place(session) / "incoming" / secrets.token_hex(8)

    def refuse_size(self, meta: Json, name: str, length: int, coming: int) -> None:
        """Refuse a file that exceeds the limits, or whose remaining bytes do not fit on the disk."""
        if length > self.limits.file:
            raise Refusal(f"'{name}' is larger than {shown_size(self.limits.file)}, the limit for one file", 413)
        if length + sum(file["size"] for file in meta["files"]) > self.limits.session:
            raise Refusal(f"with '{name}' the session would exceed {shown_size(self.limits.session)}, its limit", 413)
        refuse_full_disk(self.folder, coming, self.limits.spare)

    def _refuse_file(self, meta: Json, name: str) -> None:
        checked_file_name(name)
        if len(meta["files"]) >= self.limits.files:
            raise Refusal(f"this session already has {self.limits.files} files, its limit; create another session", 409)
        try:
            refuse_twins(Path(known) for known in (*(file["name"] for file in meta["files"]), name))
        except InputError as twin:
            raise Refusal(str(twin), 409) from twin

    def adopt(self, session: str, path: Path, name: str) -> Json:
        """Decode a file from end to end and add it to the session; delete it if it is invalid."""
        try:
            place = self.place(session)
            found, peaks = examined(path, name, self.limits.sound)
            with self.lock:
                meta = self.get(session)
                self._refuse_file(meta, name)  # others may have come meanwhile
                number = meta["next"]
                stored = f"{number:03d}{Path(name).suffix.lower()}"
                peaks.save(place / "peaks", str(number))
                path.replace(place / "files" / stored)
                file: Json = {"id": number, "name": name, "stored": stored, **found}
                meta["next"] = number + 1
                meta["files"] = sorted([*meta["files"], file], key=lambda other: Path(other["name"]))
                write(place / "session.json", meta)
            return file
        finally:
            path.unlink(missing_ok=True)

    def drop_file(self, session: str, number: int) -> None:
        """Remove a file from a session; runs that used it keep it."""

        def alter(meta: Json) -> None:
            gone = [file for file in meta["files"] if file["id"] == number]
            if not gone:
                raise Refusal("there is no such file; it may have been deleted", 404)
            meta["files"].remove(gone[0])
            place = self.place(session)
            (place / "files" / gone[0]["stored"]).unlink(missing_ok=True)
            for peaks in (place / "peaks").glob(f"{number}-*.npy"):
                peaks.unlink()
            known = units(meta)
            meta["sources"] = {unit: source for unit, source in meta["sources"].items() if unit in known}
            for named in ("leave_out", "references"):
                meta[named] = [unit for unit in meta.get(named, []) if unit in known]
            meta["guessed"] = {unit: reason for unit, reason in meta.get("guessed", {}).items() if unit in known}
            meta["past"] = []  # it would bring back what was said of a file that is gone

        self.change(session, alter)


def read(path: Path) -> Json:
    """Read one JSON object.

    Raises
    ------
    Refusal
        If it is damaged, with what to do.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Refusal(f"'{path}' is damaged; start the server again, which then puts it aside", 500)
    return found


def read_figures(run: Path) -> Json | None:
    """Read the figures of a run, if there are any; those of version 0.1 held infinities as words."""
    if not (run / "figures.json").is_file():
        return None
    found = read(run / "figures.json")
    for name in MEASURED:
        if name in found and f"{name}_reason" not in found:
            values = np.array(found[name], object)
            values[values == None] = math.nan  # noqa: E711 - entry by entry
            found |= json_numbers(name, values.astype(np.float64))
    return found


def read_all(folder: Path, name: str) -> list[Json]:
    """Read the JSON file of that name in every folder, except those that are being deleted, damaged or links."""
    found = []
    for path in folder.glob(f"*/{name}"):
        if path.parent.is_symlink() or not re.fullmatch(KEY, path.parent.name):
            continue
        try:
            meta = read(path)
        except FileNotFoundError:
            continue
        except Refusal as damaged:
            log.warning("%s", damaged)
            continue
        if "created" in meta:
            found.append(meta)
    return found


def write(path: Path, content: Json) -> None:
    """Write one JSON object atomically: readers see either the old one or the new one."""
    write_text(path, json_line(content))


def examined(path: Path, name: str, largest: int) -> tuple[Json, Peaks]:
    """Decode a file of at most ``largest`` bytes of samples; return its description, with concerns, and its waveform.

    Raises
    ------
    InputError
        If it is not audio, damaged, cut off, empty, or contains samples that are not finite.
    """
    try:
        file = AudioFile(path)
        try:
            if file.channels > MOST_CHANNELS:
                raise Refusal(f"'{name}' has {file.channels} channels, but the limit is {MOST_CHANNELS}; split it", 415)
            if not RATES[0] <= file.rate <= RATES[1]:
                raise Refusal(f"'{name}' has {file.rate} Hz, but only {RATES[0]} to {RATES[1]} Hz are accepted", 415)
            if (sound := 4 * file.frames * file.channels) > largest:  # silence packs to next to nothing
                raise Refusal(
                    f"'{name}' holds {shown_size(sound)} of samples, but the limit is {shown_size(largest)}; split it",
                    413,
                )
            if sound > max(GIB, PACKED * path.stat().st_size):
                raise Refusal(
                    f"'{name}' has {shown_size(path.stat().st_size)}, but would become {shown_size(sound)} of samples, "
                    "which is nothing but silence; leave it out",
                    413,
                )
            peaks = Peaks(file.channels)

            def heard(start: int, stop: int) -> Any:
                samples = file.read(start, stop, file.dtype)
                peaks.add(samples)
                return samples

            time, day = begins_at(path)
            names = mic_names(Path(name).stem, file.channels)
            recording = Recording(file.rate, file.frames, names, names, heard)
            with np.errstate(over="ignore"):  # told of below
                found = inspect(recording)
            level = found.energy / file.frames
            if not np.isfinite(level).all():
                raise Refusal(f"'{name}' contains samples too large to compute their power; export it again", 415)
            return {
                "size": path.stat().st_size,
                "rate": file.rate,
                "frames": file.frames,
                "channels": file.channels,
                "tracks": list(file.track_names),
                "time": time,
                "day": day,
                "format": f"{file.container} {file.subtype}",
                "peak": [float(peak) for peak in found.peak],
                "power": [float(power) for power in level],
                "notes": concerns(recording, found),
            }, peaks
        finally:
            file.close()
    except Refusal:
        raise
    except InputError as refusal:
        raise Refusal(str(refusal).replace(str(path), name), 415) from refusal


def lay_out(meta: Json, place: Path, folder: Path) -> Path:
    """Link the files under their own names, and return the input for ``debleed remove``: folder or file."""
    folder.mkdir(parents=True)
    for file in meta["files"]:
        link(place / "files" / file["stored"], folder / checked_file_name(file["name"]))
    return folder / meta["files"][0]["name"] if is_poly(meta) else folder


def link(file: Path, target: Path) -> None:
    """Link a file; copy it if the file system has no links."""
    try:
        os.link(file, target)
    except OSError as failure:
        if full_disk(failure):
            raise
        shutil.copyfile(file, target)


def stored_take(meta: Json, place: Path) -> Take:
    """Open the files of a session for listening before the first run."""
    paths = {Path(file["name"]): place / "files" / file["stored"] for file in meta["files"]}
    found = layout(meta)
    if is_poly(meta) or found.plain:
        return Take.open(list(paths.values()), poly=is_poly(meta))
    return open_layout(found.moved(paths))
