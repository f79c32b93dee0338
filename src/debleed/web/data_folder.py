"""The data folder at the start of a server: private, in order after a kill, and without what is damaged in it.

A session or run whose description cannot be used is moved to ``damaged`` in the data folder, so that the others can be
used. Links are never followed: the server makes none to folders, so what they lead to is somebody else's.
"""

from __future__ import annotations

import logging
import math
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from debleed.recording import InputError
from debleed.web.layouts import Json
from debleed.web.limits import Refusal
from debleed.web.sessions import DELETED, INSIDE, KEY, STORED, read, write

log = logging.getLogger(__name__)

DAMAGED = "damaged"

FILE: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("id", "size", "rate", "frames", "channels"), int),
    **dict.fromkeys(("name", "stored"), str),
}
SESSION: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("id", "name"), str),
    **dict.fromkeys(("sources", "reduction"), dict),
    **dict.fromkeys(("files", "leave_out"), list),
    "created": (int, float),
    "next": int,
}
RUN: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("id", "title", "method", "status"), str),
    **dict.fromkeys(("settings", "session"), dict),
    "created": (int, float),
}
"""Keys that a description must have, and their types."""


def put_in_order(data: Path) -> None:
    """Make a data folder private, clean up after a server that was killed, and put aside what is damaged.

    Raises
    ------
    InputError
        If the folder of the sessions is a link or cannot be used.
    """
    sessions = data / "sessions"
    if sessions.is_symlink():
        raise InputError(f"'{sessions}' is a link, which is not followed; choose the other folder itself with --data")
    try:
        data.mkdir(parents=True, exist_ok=True)
        sessions.mkdir(mode=0o700, exist_ok=True)
        sessions.chmod(0o700)
        places = sorted(sessions.iterdir())
    except OSError as failure:
        raise InputError(f"'{data}' cannot be used ({failure.strerror}); name another with --data") from failure
    for place in places:
        try:
            _put_session_in_order(data, place)
        except OSError as failure:
            log.warning("'%s' cannot be put in order: %s", place, failure)


def _put_session_in_order(data: Path, place: Path) -> None:
    if place.is_symlink() or not place.is_dir():
        log.warning("'%s' is not a folder that debleed made and is left alone", place)
    elif re.fullmatch(KEY + re.escape(DELETED), place.name):
        shutil.rmtree(place)
    elif re.fullmatch(KEY, place.name):  # any other is somebody's own, which is none of ours to touch
        _put_own_in_order(data, place)


def _put_own_in_order(data: Path, place: Path) -> None:
    """Put a folder in order that a server made."""
    if not (place / "session.json").exists() and not any(path.is_file() for path in place.rglob("*")):
        shutil.rmtree(place)  # it was being created
        return
    why = damage(place / "session.json", session_problem)
    linked = [name for name in INSIDE if (place / name).is_symlink() or (place / name).is_file()]
    if not why and linked:
        why = f"'{linked[0]}' in it is not a folder"
    if why:
        put_aside(data, place, place.name, why)
        return
    if (place / "incoming").exists():
        shutil.rmtree(place / "incoming")
    for name in INSIDE:
        (place / name).mkdir(exist_ok=True)
    for run in sorted((place / "runs").iterdir()):
        if run.is_symlink() or not run.is_dir():
            log.warning("'%s' is not a folder that debleed made and is left alone", run)
        elif not (run / "run.json").exists():
            shutil.rmtree(run)
        elif why := damage(run / "run.json", run_problem):
            put_aside(data, run, f"{place.name}-{run.name}", why)
        else:
            _end_run(run / "run.json")


def _end_run(path: Path) -> None:
    """Say that a run has ended whose server was killed."""
    meta = read(path)
    if meta["status"] in ("waiting", "running"):
        meta |= {"status": "failed", "error": "the server was stopped during this run; run it again"}
        write(path, meta)


def put_aside(data: Path, place: Path, name: str, why: str) -> None:
    """Move a folder to where it harms nobody, and name it."""
    (data / DAMAGED).mkdir(mode=0o700, exist_ok=True)
    target, count = data / DAMAGED / name, 1
    while target.exists():
        count += 1
        target = data / DAMAGED / f"{name}-{count}"
    place.rename(target)
    log.warning("'%s' was moved to '%s', because %s", place, target, why)


def damage(path: Path, problem: Callable[[Json], str | None]) -> str | None:
    """Say what is wrong with a description and the folder's name; ``None`` if nothing is."""
    if path.is_symlink() or not path.is_file():
        return f"its {path.name} is not a file"
    try:
        found = read(path)
    except Refusal:
        return f"its {path.name} is damaged"
    except OSError as failure:
        return f"its {path.name} cannot be read ({failure.strerror})"
    why = problem(found)
    if why is None and found["id"] != path.parent.name:
        why = "it is the description of another folder"
    return why and f"its {path.name} is damaged: {why}"


def session_problem(meta: Json) -> str | None:
    """Say what is wrong with the description of a session."""
    if why := _mistyped(meta, SESSION):
        return why
    for file in meta["files"]:
        if not isinstance(file, dict):
            return "a file has no description"
        if why := _mistyped(file, FILE):
            return f"a file is described wrongly: {why}"
        if not re.fullmatch(STORED, file["stored"]) or min(file["rate"], file["channels"]) < 1:
            return "a file is described wrongly"
    return None


def run_problem(meta: Json) -> str | None:
    """Say what is wrong with the description of a run."""
    why = _mistyped(meta, RUN)
    if why is None and not isinstance(meta["session"].get("sources"), dict):
        why = "its sources are missing"
    return why


def _mistyped(meta: Json, types: Mapping[str, Any]) -> str | None:
    for key, kind in types.items():
        value = meta.get(key)
        if not isinstance(value, kind) or isinstance(value, bool) or (isinstance(value, float) and math.isnan(value)):
            return f"'{key}' is missing or wrong"
    return None
