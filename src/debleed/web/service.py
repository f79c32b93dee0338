"""Services for the page: sessions, runs and results; each method returns JSON or refuses with a sentence."""

from __future__ import annotations

import logging
import secrets
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from debleed import __version__
from debleed.io.documents import json_line
from debleed.io.failures import sentence
from debleed.io.session import dumped, load_session
from debleed.methods.settings import configured
from debleed.recording import InputError
from debleed.resuming import LEARNT
from debleed.web import demo, layouts, look, pace, roles, wishes
from debleed.web.data_folder import put_in_order
from debleed.web.jobs import Job, Jobs, State
from debleed.web.layouts import Json
from debleed.web.limits import Limits, Refusal, checked_name, refuse_full_disk, used
from debleed.web.loudest import PREVIEW, loudest
from debleed.web.peaks import ZOOMS
from debleed.web.said import said
from debleed.web.sessions import Store, lay_out, link, read, read_figures, write
from debleed.web.sound import TILE, OpenRecordings
from debleed.web.words import command_line, methods
from debleed.web.work import REPORT, REPORTED, SHELF, given_folder, session_of

log = logging.getLogger(__name__)

SAMPLE = 16
"""Bytes of a sample on its way: as it is computed, and as it is written to a file and to that with what was removed."""


class Service:
    """The object behind the page's addresses, with the sessions, the jobs and the open recordings."""

    def __init__(self, data: Path, limits: Limits) -> None:
        self.limits = limits
        put_in_order(data)
        self.store = Store(data, limits)
        self.unstored: dict[str, State] = {}
        self.jobs = Jobs(limits.running, limits.waiting)
        self.quick = Jobs(limits.running, limits.waiting)  # files are written while another run goes on
        self.recordings = OpenRecordings()

    # ------------------------------------------------------------------------------------------------------ sessions

    def about(self) -> Json:
        """Return the version, the methods and the limits."""
        return {
            "version": __version__,
            "methods": methods(),
            "limits": {"file": self.limits.file, "files": self.limits.files},
            "zooms": ZOOMS,
            "tile": TILE,
            "preview": PREVIEW,
        }

    def list(self) -> list[Json]:
        """Return a summary of each session."""
        return [
            {
                "id": meta["id"],
                "name": meta["name"],
                "created": meta["created"],
                "files": len(meta["files"]),
                "size": used(self.store.folder / "sessions" / meta["id"]),
                "seconds": layouts.length(meta) / layouts.rate(meta) if meta["files"] else 0,
                "runs": len(list((self.store.folder / "sessions" / meta["id"]).glob("runs/*/run.json"))),
            }
            for meta in self.store.sessions()
        ]

    def session(self, key: str) -> Json:
        """Return everything about a session, with a summary of its runs."""
        meta = self.store.get(key)
        found = self._look(key, meta)
        return {
            **{name: meta[name] for name in ("id", "name", "created", "files")},
            "poly": layouts.is_poly(meta),
            "table": layouts.table(meta),
            "notes": layouts.notes(meta),
            "wholes": layouts.wholes(meta),
            "units": [
                {
                    "name": mic.name,
                    "role": mic.role,
                    "source": mic.source,
                    "reason": mic.reason,
                    "left_out": mic.name in meta["leave_out"],
                    "whole": whole,
                    "channels": channels,
                }
                for mic, (whole, channels) in zip(roles.assigned(meta), layouts.channels(meta), strict=True)
            ],
            "rate": layouts.rate(meta),
            "length": layouts.length(meta),
            "problem": roles.problem(meta),
            "demo": meta.get("demo", False),
            "undo": meta["past"][-1]["what"] if meta.get("past") else None,
            "reduction": meta["reduction"],
            "keep": meta.get("keep", {}),
            "look": found,
            "looking": self.quick.state(f"{key}/look") is not None,
            "runs": [self.brief(key, run) for run in self.store.runs(key)],
        }

    def change(self, key: str, wanted: Json) -> Json:
        """Change a session's name, or a microphone's source and role, or whether it is left out, or group several."""

        def alter(meta: Json) -> None:
            if "name" in wanted:
                meta["name"] = checked_name(text(wanted, "name"), "session's name")
            if "unit" in wanted:
                unit = text(wanted, "unit")
                roles.remember(meta, f"{unit}: {roles.described(meta, unit)}")
                if "source" in wanted:
                    roles.place(meta, unit, wanted["source"], wanted.get("reference"))
                if "left_out" in wanted and unit in layouts.units(meta):
                    others = [name for name in meta["leave_out"] if name != unit]
                    meta["leave_out"] = [*others, unit] if wanted["left_out"] else others
            for name, arrange in (("together", roles.together), ("apart", roles.apart), ("settled", roles.settled)):
                if name in wanted:
                    arrange(meta, texts(wanted, name))

        self.store.change(key, alter)
        return self.session(key)

    def apply_toml(self, key: str, wanted: Json) -> Json:
        """Apply the text of a ``session.toml`` to a session."""
        place = self.store.place(key) / "incoming" / secrets.token_hex(8)

        def alter(meta: Json) -> None:
            told = load_session(place)
            roles.remember(meta, "session.toml")
            roles.obey(meta, told)
            wishes.obey(meta, told)

        try:
            place.write_text(text(wanted, "toml"), "utf-8")
            self.store.change(key, alter)
        except InputError as refusal:
            raise Refusal(str(refusal).replace(str(place), "session.toml")) from refusal
        finally:
            place.unlink(missing_ok=True)
        return self.session(key)

    def undo(self, key: str) -> Json:
        """Go back to the grouping before the last change."""
        self.store.change(key, roles.undo)
        return self.session(key)

    def look(self, key: str) -> Json:
        """Start to look at a session as it is grouped now, unless that was done or is under way."""
        meta, name = self.store.get(key), f"{key}/look"
        if self._look(key, meta) is None and not roles.problem(meta):
            self.quick.cancel(name)  # that of an earlier grouping
            self.quick.submit(Job(name, ("look", str(self.store.place(key))), ("compare", "figures"), noted, noted))
        return self.session(key)

    def _look(self, key: str, meta: Json) -> Json | None:
        """Return what was seen of a session, if it is grouped still as it was then."""
        path = self.store.place(key) / look.FILE
        found = read(path) if path.is_file() else {}
        return found if found.get("key") == look.key(meta) else None

    def delete(self, key: str) -> Json:
        """Cancel the jobs of a session and delete it."""
        place = self.store.place(key)
        self._end(key)
        self.recordings.forget(place)
        self.store.delete(key)
        return {}

    def disk(self) -> Json:
        """Return how many bytes the data folder holds, and how many are free."""
        return {"used": used(self.store.folder), "free": shutil.disk_usage(self.store.folder).free}

    def clear(self) -> Json:
        """Delete all sessions; what was found damaged stays."""
        for meta in self.store.sessions():
            with suppress(Refusal):  # deleted meanwhile
                self.delete(meta["id"])
        return self.disk()

    def demo(self) -> Json:
        """Return the demo session with its finished run; create it if it is not there, or its run was deleted."""
        refuse_full_disk(self.store.folder, 2**24, self.limits.spare)
        with self.store.lock:
            for meta in self.store.sessions():
                if meta.get("demo") and any(run["status"] == "done" for run in self.store.runs(meta["id"])):
                    return self.session(meta["id"])
            return self.session(demo.install(self.store))

    def expect(self, key: str, wanted: Json) -> Json:
        """Check an upload before it starts: a browser that is refused while uploading does not see the reason."""
        length = wanted.get("size")
        if not isinstance(length, int) or isinstance(length, bool) or length < 0:
            raise Refusal("the request must contain 'size', in bytes")
        self.store.expect(key, text(wanted, "name"), length)
        return {}

    def drop_file(self, key: str, number: int) -> Json:
        """Remove a file from a session."""
        self.recordings.forget(self.store.place(key))
        self.store.drop_file(key, number)
        return self.session(key)

    def _end(self, key: str) -> None:
        """End all work for a session or a run."""
        self.jobs.cancel(key)
        self.quick.cancel(key)

    # ---------------------------------------------------------------------------------------------------------- runs

    def begin(self, key: str, wanted: Json) -> Json:
        """Start a run: link the files under their names, store the request, and queue the job."""
        place, meta = self.store.place(key), self.store.get(key)
        if hindrance := roles.problem(meta):
            raise Refusal(hindrance, 409)
        if len(self.store.runs(key)) >= self.limits.runs:
            raise Refusal(f"this session already has {self.limits.runs} runs; delete one first", 409)
        name = text(wanted, "method")
        given = wanted.get("settings", {})
        if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
            raise Refusal("settings must be an object of names and strings")
        offered = next((method for method in methods() if method["name"] == name), None)
        if offered is None:
            raise Refusal(f"there is no method '{name}' that works from the microphones alone")
        configured(name, [f"{setting}={value}" for setting, value in given.items()])
        told = roles.said(meta)
        units, poly, mics = layouts.units(meta), layouts.is_poly(meta), roles.silent(meta)
        kept = [unit for unit in units if poly or unit not in told.leave_out]
        refuse_full_disk(self.store.folder, 8 * mics.length * len(mics), self.limits.spare)
        preview = wanted.get("preview") is True
        keep = wishes.keep(mics, wanted["keep"]) if "keep" in wanted else wishes.usual_keep(mics, meta.get("keep", {}))
        if keep and not offered["selective"]:
            raise Refusal(f"method '{name}' cannot keep the bleed of one source and remove that of others; 'demix' can")
        run: Json = {
            "id": secrets.token_hex(8),
            "created": time.time(),
            "title": meta["name"],
            "poly": meta["files"][0]["name"] if poly else None,
            "method": name,
            "settings": given,
            "session": {
                "sources": told.sources,
                "room": told.room,
                "reference": told.reference,
                "leave_out": told.leave_out,
                "guessed": told.guessed,
                "parts": told.parts,
                "polyphonic": told.polyphonic,
            },
            "units": units,
            "labels": layouts.labels(meta),
            "kept": kept,
            "inputs": None if poly else [unit + suffix for unit, suffix in layouts.suffixes(meta) if unit in kept],
            "names": list(mics.names),
            "sources": list(mics.sources),
            "stored": [file["stored"] for file in meta["files"]],
            "version": __version__,
            "reduction": wishes.reduction(mics, wanted["reduction"])
            if "reduction" in wanted
            else wishes.usual(mics, meta["reduction"]),
            "keep": keep,
            "region": None if preview else wishes.region(mics, wanted.get("region")),
            "excerpt": loudest(meta, place) if preview else None,
            "size": mics.seconds * len(mics),
            **State().told(),
        }
        if same := self._under_way(key, run):  # a double click, or another tab
            return self.run(key, same)
        folder = place / "runs" / run["id"]
        try:
            lay_out(meta, place, folder / "take" / meta["name"])
            self._hand_on(key, run)
            write(folder / "run.json", run)
        except FileNotFoundError as missing:  # the session or a file was deleted in this moment
            shutil.rmtree(folder, ignore_errors=True)
            raise Refusal("a file has been removed from the session; start the run again", 409) from missing
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        job = Job(
            f"{key}/{run['id']}",
            ("run", str(place), run["id"]),
            pace.STAGES,
            partial(self._note, key, run["id"]),
            partial(self._note, key, run["id"]),
        )
        try:
            self.jobs.submit(job)
        except Refusal:
            self.store.delete_run(key, run["id"])
            raise
        return self.run(key, run["id"])

    def _under_way(self, key: str, wanted: Json) -> str | None:
        """Return the run that does the same already and has not ended."""
        decisive = (*LEARNT_FROM, "reduction", "keep")
        for run in self.store.runs(key):
            if self.jobs.state(f"{key}/{run['id']}") and same_in(decisive, run, wanted):
                return str(run["id"])
        return None

    def _hand_on(self, key: str, run: Json) -> None:
        """Give a run what an earlier one has learnt from the same: then it need not be learnt again."""
        for earlier in self.store.runs(key):
            shelf = self.store.run_place(key, earlier["id"]) / SHELF
            if same_in(LEARNT_FROM, earlier, run) and (shelf / LEARNT).is_file():
                target = self.store.place(key) / "runs" / run["id"] / SHELF
                target.mkdir()
                for path in sorted(shelf.iterdir()):
                    link(path, target / path.name)
                run["relearnt"] = False
                return

    def _note(self, key: str, run: str, state: State) -> None:
        """Keep how a run stands, unless it was deleted meanwhile, and how long its stages took."""
        try:
            kept = self.store.change_run(key, run, lambda meta: meta.update(state.told()))
            self.unstored.pop(f"{key}/{run}", None)
        except Refusal:
            log.info("a run was deleted while it was in progress")
            return
        except OSError as failure:  # it is told as long as the server runs, and after that as a failure
            self.unstored[f"{key}/{run}"] = state
            log.warning("how a run stands cannot be stored: %s", sentence(failure))
            return
        usual = state.status == "done" and kept.get("relearnt", True)
        if usual and (found := pace.learnt(state.marks, state.seconds or 0, *sized(kept))):
            pace.keep(self.store.folder, kept["method"], found)

    def brief(self, key: str, run: Json) -> Json:
        """Return the state of a run."""
        live = self.jobs.state(f"{key}/{run['id']}") or self.unstored.get(f"{key}/{run['id']}")
        report = self.quick.state(f"{key}/{run['id']}/report")
        told = {name: value for name, value in run.items() if name not in HIDDEN}
        if live:
            told |= live.told()
            if live.begun is not None:
                now = time.monotonic() - live.begun
                course = pace.load(self.store.folder, run["method"]).scaled(*sized(run))
                share, told["left"] = pace.estimated(course, list(live.marks), now)
                told["share"] = live.shown = max(live.shown, share)  # an estimate may turn out to be too high
        told["other_grouping"] = roles.grouping(session_of(run)) != roles.grouping(roles.said(self.store.get(key)))
        place = self.store.run_place(key, run["id"])
        figures = read_figures(place) or {}
        told["ready"] = bool(figures)
        told["reporting"] = report.told() if report else None
        told["reported"] = reported(place, run)
        return told

    def run(self, key: str, run: str) -> Json:
        """Return everything about a run: its state, its figures and the equivalent command."""
        place = self.store.run_place(key, run)
        meta = read(place / "run.json")
        told = session_of(meta)
        figures = read_figures(place)
        return {
            **self.brief(key, meta),
            "figures": figures,
            "inputs": inputs(place, meta),
            "given": len(list(given_folder(place).iterdir())),
            "sentences": said(figures, meta["reduction"]) if figures else None,
            "command": command_line(meta, told, meta["units"]),
            "toml": dumped(told),
        }

    def tune(self, key: str, run: str, wanted: Json) -> Json:
        """Change the reductions of a run."""

        def alter(meta: Json) -> None:
            meta["reduction"] = wishes.reduction(wishes.of_run(meta), wanted.get("reduction"))

        self.store.change_run(key, run, alter)
        return self.run(key, run)

    def cancel(self, key: str, run: str) -> Json:
        """Cancel a run, or the writing of its report."""
        self.store.run_place(key, run)
        self._end(f"{key}/{run}")
        return self.run(key, run)

    def delete_run(self, key: str, run: str) -> Json:
        """Delete a run."""
        self._end(f"{key}/{run}")
        self.recordings.forget(self.store.run_place(key, run))
        self.store.delete_run(key, run)
        return self.session(key)

    def take(self, key: str, run: str, wanted: Json) -> Json:
        """Refuse what cannot be downloaded, before a browser asks for it, and set new reductions.

        A browser does not show why a download was refused.
        """
        self.sending(key, run)
        return self.tune(key, run, wanted) if "reduction" in wanted else self.run(key, run)

    def sending(self, key: str, run: str) -> tuple[Path, Path, Json]:
        """Return the folders of a session and of a run that has a result, and the run's description."""
        place = self.store.run_place(key, run)
        meta, figures = read(place / "run.json"), read_figures(place)
        if figures is None:
            raise Refusal("this run has no result to download (yet)", 409)
        if meta.get("excerpt"):
            raise Refusal("a preview has no files to download; remove the bleed from the whole recording first", 409)
        channels = len(figures["names"]) if meta["poly"] else 2  # of the file that is made at a time
        refuse_full_disk(self.store.folder, SAMPLE * channels * figures["length"], self.limits.spare)
        return self.store.place(key), place, meta

    def report(self, key: str, run: str, wanted: Json) -> Json:
        """Do the same for the report, and begin to write it unless it is there, or under way, as it would be now."""
        told = self.take(key, run, wanted)
        job = f"{key}/{run}/report"
        if told["reported"] or self.quick.state(job):
            return told

        def ended(state: State) -> None:
            with suppress(Refusal):  # the run was deleted meanwhile
                self.store.change_run(key, run, lambda meta: meta.update(report_error=state.error))

        ended(State())
        self.quick.submit(Job(job, ("report", str(self.store.place(key)), run), ("write", "report"), noted, ended))
        return self.run(key, run)

    def report_in_time(self, key: str, run: str) -> Path | None:
        """Return the report once it is written; ``None`` if that fails."""
        with suppress(Refusal):  # too much is queued
            self.report(key, run, {})
        while self.quick.state(f"{key}/{run}/report"):
            time.sleep(0.1)
        place = self.store.run_place(key, run)
        return place / REPORT if reported(place, read(place / "run.json")) else None


def reported(place: Path, run: Json) -> bool:
    """Whether the report of a run is written, with the reductions that are set."""
    noted = place / REPORTED
    return noted.is_file() and bool(read(noted)["reduction"] == run["reduction"])


def inputs(place: Path, run: Json) -> list[str]:
    """List a file for each result of a run, or what would be one if its parts and channels were; stems are the same."""
    if run["poly"]:
        return [run["poly"]]
    if run.get("inputs"):
        return list(run["inputs"])
    out = run["session"]["leave_out"]
    names = sorted(path.name for path in given_folder(place).iterdir())
    return [name for name in names if name not in out and Path(name).stem not in out]


HIDDEN = ("session", "units", "labels", "kept", "names", "sources", "stored", "version", "relearnt")
"""Entries of a run's description that the page does not need."""

LEARNT_FROM = ("method", "settings", "units", "names", "stored", "version", "session", "excerpt", "region")
"""What decides what a run learns, among the entries of its description."""


def same_in(names: Sequence[str], one: Json, other: Json) -> bool:
    """Whether two runs agree in some entries."""
    return all(json_line({"is": one.get(name)}) == json_line({"is": other.get(name)}) for name in names)


def sized(run: Json) -> tuple[int, float]:
    """Return how many microphones a run has, and how many seconds of them it works on."""
    mics = max(1, len(run["names"]))
    part = run.get("excerpt") or run.get("region")
    seconds = part[1] - part[0] if part else float(run.get("size", 0)) / mics
    return mics, max(seconds, SHORTEST)


SHORTEST = 1.0
"""Seconds of a recording; a shorter one takes no less."""


def noted(state: State) -> None:
    """Do nothing when a job begins."""


def texts(wanted: Json, key: str) -> list[str]:
    """Return a list of strings of a request."""
    value = wanted.get(key)
    if not isinstance(value, list) or not value or not all(isinstance(part, str) for part in value):
        raise Refusal(f"the request must contain '{key}' as a list of strings")
    return value


def text(wanted: Json, key: str) -> str:
    """Return a string of a request."""
    value = wanted.get(key)
    if not isinstance(value, str):
        raise Refusal(f"the request must contain '{key}' as a string")
    return value
