"""The server behind the page: sessions, uploads, runs, sound, downloads; one small function an address."""

from __future__ import annotations

import json
import logging
import mimetypes
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from importlib.resources import files
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from debleed import __version__
from debleed.cli.settings import configured
from debleed.recording import InputError
from debleed.session import decibels, dumped
from debleed.web import sessions as shelf
from debleed.web.guard import Guard
from debleed.web.jobs import Job, Jobs, State
from debleed.web.limits import LARGEST_BODY, Limits, Refusal, checked_name, full_disk, refuse_full_disk
from debleed.web.peaks import ZOOMS, cut
from debleed.web.sessions import Json, Store
from debleed.web.sound import TILE, Shelf, tile, window
from debleed.web.words import command_line, methods
from debleed.web.work import LAYERS, session_of
from debleed.web.zipped import zipped

log = logging.getLogger(__name__)

BUFFER = 2**20
"""Bytes of an upload that are held before they go to the disk."""


class House:
    """What the addresses share: the sessions, the jobs, the open recordings."""

    def __init__(self, data: Path, limits: Limits) -> None:
        self.limits = limits
        self.store = Store(data, limits)
        shelf.sweep(self.store)
        self.jobs = Jobs(limits.running, limits.waiting)
        self.quick = Jobs(limits.running, limits.waiting)  # files are written while another run goes on
        self.shelf = Shelf()

    # ------------------------------------------------------------------------------------------------------ sessions

    def about(self) -> Json:
        """Say what this is and what can be chosen."""
        return {
            "version": __version__,
            "methods": methods(),
            "limits": {"file": self.limits.file, "files": self.limits.files},
            "zooms": ZOOMS,
            "tile": TILE,
        }

    def list(self) -> list[Json]:
        """List the sessions in brief."""
        return [
            {
                "id": meta["id"],
                "name": meta["name"],
                "created": meta["created"],
                "files": len(meta["files"]),
                "size": sum(file["size"] for file in meta["files"]),
                "seconds": max((file["frames"] / file["rate"] for file in meta["files"]), default=0),
                "runs": len(list((self.store.folder / "sessions" / meta["id"]).glob("runs/*/run.json"))),
            }
            for meta in self.store.sessions()
        ]

    def session(self, key: str) -> Json:
        """Say all of a session, its runs in brief."""
        meta = self.store.get(key)
        voices = shelf.voices(meta)
        rate = max((file["rate"] for file in meta["files"]), default=0)
        job = self.quick.state(f"{key}/demo")
        return {
            **{name: meta[name] for name in ("id", "name", "created", "files")},
            "poly": shelf.is_poly(meta),
            "units": [
                {"name": unit, "voice": voices[unit], "left_out": unit in meta["leave_out"]}
                for unit in shelf.units(meta)
            ],
            "rate": rate,
            "length": max((-(-file["frames"] * rate // file["rate"]) for file in meta["files"]), default=0),
            "problem": shelf.problem(meta),
            "job": job.told() if job else None,
            "failed": meta.get("failed"),
            "runs": [self.brief(key, run) for run in self.store.runs(key)],
        }

    def change(self, key: str, wanted: Json) -> Json:
        """Change a session's name, or a microphone's voice, or whether it is left out."""

        def alter(meta: Json) -> None:
            if "name" in wanted:
                meta["name"] = checked_name(text(wanted, "name"), "session's name")
            if "unit" in wanted:
                unit = text(wanted, "unit")
                if "voice" in wanted:
                    shelf.rename_voice(meta, unit, wanted["voice"])
                if "left_out" in wanted and unit in shelf.units(meta):
                    others = [name for name in meta["leave_out"] if name != unit]
                    meta["leave_out"] = [*others, unit] if wanted["left_out"] else others

        self.store.change(key, alter)
        return self.session(key)

    def obey(self, key: str, wanted: Json) -> Json:
        """Take over what a ``session.toml`` says, given as text."""
        place = self.store.place(key) / "incoming" / secrets.token_hex(8)
        try:
            place.write_text(text(wanted, "toml"), "utf-8")
            self.store.change(key, lambda meta: shelf.obey(meta, place))
        except InputError as refusal:
            raise Refusal(str(refusal).replace(str(place), "session.toml")) from refusal
        finally:
            place.unlink(missing_ok=True)
        return self.session(key)

    def delete(self, key: str) -> Json:
        """Delete a session; what runs for it is ended first."""
        place = self.store.place(key)
        self._end(key)
        self.shelf.forget(place)
        self.store.delete(key)
        return {}

    def demo(self) -> Json:
        """Begin a session with the band of ``debleed demo``."""
        refuse_full_disk(self.store.folder, 2**26, self.limits.spare)
        meta = self.store.create("demo band")
        place = self.store.place(meta["id"])

        def ended(state: State) -> None:
            try:
                if state.status == "done":
                    for path in sorted((place / "incoming" / "demo").iterdir()):
                        self.store.adopt(meta["id"], path, path.name)
                else:
                    self.store.change(meta["id"], lambda found: found.update(failed=state.error or "cancelled"))
            except Refusal:
                log.info("the demo's session was deleted meanwhile")

        stages = ("play", "bleed")
        self.quick.submit(Job(f"{meta['id']}/demo", ("demo", str(place)), stages, noted, ended))
        return self.session(meta["id"])

    def expect(self, key: str, wanted: Json) -> Json:
        """Say beforehand whether a file would be taken: a browser that is refused while it sends hears no reason."""
        length = wanted.get("size")
        if not isinstance(length, int) or isinstance(length, bool) or length < 0:
            raise Refusal("the request must say 'size', in bytes")
        self.store.expect(key, text(wanted, "name"), length)
        return {}

    def drop_file(self, key: str, number: int) -> Json:
        """Take a file out of a session."""
        self.shelf.forget(self.store.place(key))
        self.store.drop_file(key, number)
        return self.session(key)

    def _end(self, key: str) -> None:
        """End all work for a session or a run."""
        self.jobs.cancel(key)
        self.quick.cancel(key)

    # ---------------------------------------------------------------------------------------------------------- runs

    def begin(self, key: str, wanted: Json) -> Json:
        """Begin a run: lay the files out under their names, note what was asked for, queue the work."""
        place, meta = self.store.place(key), self.store.get(key)
        if hindrance := shelf.problem(meta):
            raise Refusal(hindrance, 409)
        if len(self.store.runs(key)) >= self.limits.runs:
            raise Refusal(f"{self.limits.runs} runs of this session are kept; delete one first", 409)
        name = text(wanted, "method")
        given = wanted.get("settings", {})
        if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
            raise Refusal("settings are an object of names and texts")
        if name not in [method["name"] for method in methods()]:
            raise Refusal(f"there is no method '{name}' that needs nothing but the microphones")
        configured(name, [f"{setting}={value}" for setting, value in given.items()])
        told = shelf.said(meta)
        kept = [unit for unit in shelf.units(meta) if shelf.is_poly(meta) or unit not in told.leave_out]
        rate = max(file["rate"] for file in meta["files"])
        length = max(-(-file["frames"] * rate // file["rate"]) for file in meta["files"])
        channels = sum(file["channels"] for file in meta["files"])
        refuse_full_disk(self.store.folder, 8 * length * channels, self.limits.spare)
        run: Json = {
            "id": secrets.token_hex(8),
            "created": time.time(),
            "title": meta["name"],
            "poly": meta["files"][0]["name"] if shelf.is_poly(meta) else None,
            "method": name,
            "settings": given,
            "session": {"voices": told.voices, "room": told.room, "leave_out": told.leave_out},
            "units": shelf.units(meta),
            "kept": kept,
            "reduction": {},
            **State().told(),
        }
        usual = {voice: value for voice, value in meta["reduction"].items() if voice in told.voices}
        run["reduction"] = reduction(run, wanted.get("reduction", usual))
        folder = place / "runs" / run["id"]
        shelf.stage(meta, place, folder / "take" / meta["name"])
        shelf.write(folder / "run.json", run)
        job = Job(
            f"{key}/{run['id']}",
            ("run", str(place), run["id"]),
            ("check", "", "result", "figures"),
            partial(self._note, key, run["id"]),
            partial(self._note, key, run["id"]),
        )
        try:
            self.jobs.submit(job)
        except Refusal:
            self.store.delete_run(key, run["id"])
            raise
        return self.run(key, run["id"])

    def _note(self, key: str, run: str, state: State) -> None:
        """Keep how a run stands, unless it was deleted meanwhile."""
        try:
            self.store.change_run(key, run, lambda meta: meta.update(state.told()))
        except Refusal:
            log.info("a run was deleted while it went on")

    def brief(self, key: str, run: Json) -> Json:
        """Say how a run stands."""
        live = self.jobs.state(f"{key}/{run['id']}")
        take = self.quick.state(f"{key}/{run['id']}/take")
        told = {name: value for name, value in run.items() if name not in ("session", "units", "kept")}
        told |= live.told() if live else {}
        place = self.store.run_place(key, run["id"])
        figures = shelf.read(place / "figures.json") if (place / "figures.json").is_file() else {}
        told["ready"] = bool(figures)
        told |= {name: figures.get(name) for name in ("share_before", "share_after", "median_before", "median_after")}
        told["taking"] = take.told() if take else None
        told["files"] = shelf.read(place / "out" / "out.json") if (place / "out" / "out.json").is_file() else None
        return told

    def run(self, key: str, run: str) -> Json:
        """Say all of a run: how it stands, its figures, and the same as a command line."""
        place = self.store.run_place(key, run)
        meta = shelf.read(place / "run.json")
        told = session_of(meta)
        figures = shelf.read(place / "figures.json") if (place / "figures.json").is_file() else None
        return {
            **self.brief(key, meta),
            "figures": figures,
            "command": command_line(meta, told, meta["units"]),
            "toml": dumped(told),
        }

    def tune(self, key: str, run: str, wanted: Json) -> Json:
        """Change the reductions of a run."""
        self.store.change_run(key, run, lambda meta: meta.update(reduction=reduction(meta, wanted.get("reduction"))))
        return self.run(key, run)

    def cancel(self, key: str, run: str) -> Json:
        """End a run, or the writing of its files."""
        self.store.run_place(key, run)
        self._end(f"{key}/{run}")
        return self.run(key, run)

    def delete_run(self, key: str, run: str) -> Json:
        """Delete a run."""
        self._end(f"{key}/{run}")
        self.shelf.forget(self.store.run_place(key, run))
        self.store.delete_run(key, run)
        return self.session(key)

    def take(self, key: str, run: str, wanted: Json) -> Json:
        """Begin to write the files of a run with the reductions given, or those it has."""
        place = self.store.run_place(key, run)
        if not (place / "figures.json").is_file():
            raise Refusal("the run has no result to take (yet)", 409)
        figures = shelf.read(place / "figures.json")
        refuse_full_disk(self.store.folder, 16 * figures["length"] * len(figures["names"]), self.limits.spare)
        self.quick.cancel(f"{key}/{run}/take")
        if "reduction" in wanted:
            self.tune(key, run, wanted)

        def ended(state: State) -> None:
            self._note_take(key, run, state)

        self._note_take(key, run, State())
        job = Job(f"{key}/{run}/take", ("take", str(self.store.place(key)), run), ("write", "report"), noted, ended)
        self.quick.submit(job)
        return self.run(key, run)

    def _note_take(self, key: str, run: str, state: State) -> None:
        try:
            self.store.change_run(key, run, lambda meta: meta.update(take_error=state.error))
        except Refusal:
            log.info("a run was deleted while its files were written")

    def results(self, key: str, run: str) -> tuple[Path, Json]:
        """Return the folder of what was written, and the list of it."""
        place = self.store.run_place(key, run) / "out"
        if not (place / "out.json").is_file():
            raise Refusal("the files have not been written yet", 409)
        return place, shelf.read(place / "out.json")


def noted(state: State) -> None:
    """Nothing is to be done when a job begins."""


def reduction(run: Json, wanted: object) -> dict[str, float]:
    """Check reductions: voice → dB; voices without one have all of it removed."""
    if not isinstance(wanted, dict):
        raise Refusal("reductions are an object of voices and decibels")
    voices = run["session"]["voices"]
    for voice in wanted:
        if voice not in voices:
            raise Refusal(f"there is no voice '{voice}' to reduce; the voices are {', '.join(voices)}")
    found = {voice: decibels(f"the reduction of '{voice}'", value) for voice, value in wanted.items()}
    return {voice: value for voice, value in found.items() if value != float("inf")}


def text(wanted: Json, key: str) -> str:
    """Take a text out of a request."""
    value = wanted.get(key)
    if not isinstance(value, str):
        raise Refusal(f"the request must say '{key}'")
    return value


def count(value: str | None, what: str) -> int:
    """Read a whole number, 0 or more, from an address."""
    if value is None or not value.isascii() or not value.isdigit() or len(value) > 15:
        raise Refusal(f"'{what}' must be a whole number, 0 or more")
    return int(value)


# --------------------------------------------------------------------------------------------------------- addresses


def house(request: Request) -> House:
    """Return what the addresses share."""
    found: House = request.app.state.house
    return found


async def body(request: Request) -> Json:
    """Read a small JSON object."""
    data = b""
    async for piece in request.stream():
        data += piece
        if len(data) > LARGEST_BODY:
            raise Refusal("the request is too large", 413)
    try:
        found = json.loads(data or b"{}")
    except ValueError as failure:
        raise Refusal("the request is not JSON") from failure
    if not isinstance(found, dict):
        raise Refusal("the request is not a JSON object")
    return found


Answer = Callable[[Request], Awaitable[Response]]


def asking(work: Callable[..., Any], *names: str, status: int = 200) -> Answer:
    """Make an address of a method of :class:`House`; ``names`` are the parts of the path it is given."""

    async def answer(request: Request) -> Response:
        keys = [request.path_params[name] for name in names]
        return JSONResponse(await run_in_threadpool(work, house(request), *keys), status)

    return answer


def telling(work: Callable[..., Any], *names: str, status: int = 200) -> Answer:
    """Do the same for a method that is given the request's JSON as well."""

    async def answer(request: Request) -> Response:
        wanted = await body(request)
        keys = [request.path_params[name] for name in names]
        return JSONResponse(await run_in_threadpool(work, house(request), *keys, wanted), status)

    return answer


async def upload(request: Request) -> Response:
    """Stream one file to the disk, then decode it."""
    store, key = house(request).store, request.path_params["session"]
    name = request.query_params.get("name", "")
    length = request.headers.get("content-length")
    declared = count(length, "content-length") if length is not None else None
    path = await run_in_threadpool(store.expect, key, name, declared)
    try:
        await run_in_threadpool(path.touch)
        pending, got = bytearray(), 0
        async for piece in request.stream():
            pending += piece
            if len(pending) >= BUFFER:
                got += len(pending)
                await run_in_threadpool(put, store, key, path, name, bytes(pending), got)
                pending.clear()
        await run_in_threadpool(put, store, key, path, name, bytes(pending), got + len(pending))
        file = await run_in_threadpool(store.adopt, key, path, name)
    finally:
        path.unlink(missing_ok=True)
    return JSONResponse(file, 201)


def put(store: Store, key: str, path: Path, name: str, piece: bytes, got: int) -> None:
    """Append a piece of an upload; the limits hold for what really comes, whatever was declared."""
    store.refuse_size(store.get(key), name, got, len(piece))
    with path.open("ab") as file:
        file.write(piece)


async def file_peaks(request: Request) -> Response:
    """Return the waveform of one channel of a file."""
    place = house(request).store.place(request.path_params["session"])
    return waveform(request, place / "peaks", str(count(request.path_params["file"], "file")))


async def run_peaks(request: Request) -> Response:
    """Return the waveform of one microphone of a run."""
    place = house(request).store.run_place(request.path_params["session"], request.path_params["run"])
    layer = request.query_params.get("layer", "")
    if layer not in LAYERS:
        raise Refusal("there is no such layer", 404)
    return waveform(request, place / "peaks", layer)


def waveform(request: Request, folder: Path, name: str) -> Response:
    """Cut a stretch out of a waveform."""
    asked = [count(request.query_params.get(key), key) for key in ("zoom", "mic", "first", "last")]
    try:
        return Response(cut(folder, name, *asked), media_type="application/octet-stream")
    except (FileNotFoundError, IndexError) as missing:
        raise Refusal("there is no such waveform (yet)", 404) from missing


def session_window(request: Request) -> Response:
    """Return samples of a session that was not run."""
    inside = house(request)
    heard = inside.shelf.session(inside.store.place(request.path_params["session"]))
    return samples(request, heard)


def run_window(request: Request) -> Response:
    """Return samples of a run."""
    inside = house(request)
    heard = inside.shelf.run(inside.store.run_place(request.path_params["session"], request.path_params["run"]))
    return samples(request, heard)


def samples(request: Request, heard: Any) -> Response:
    """Return a stretch of samples."""
    start, length = (count(request.query_params.get(key), key) for key in ("start", "count"))
    layers = request.query_params.get("layers", "before").split(",")
    return Response(window(heard, layers, start, length), media_type="application/octet-stream")


def picture(request: Request) -> Response:
    """Return one picture of a spectrogram."""
    inside = house(request)
    place = inside.store.run_place(request.path_params["session"], request.path_params["run"])
    mic, number = (count(request.query_params.get(key), key) for key in ("mic", "tile"))
    drawn = tile(inside.shelf.run(place), place, request.query_params.get("layer", ""), mic, number)
    return Response(drawn, media_type="image/png", headers={"cache-control": "private, max-age=3600"})


def one_file(request: Request) -> Response:
    """Send one written file."""
    place, listed = house(request).results(request.path_params["session"], request.path_params["run"])
    kind, number = request.path_params["kind"], count(request.path_params["file"], "file")
    if kind not in ("clean", "removed") or number >= len(listed[kind]):
        raise Refusal("there is no such file", 404)
    name = listed[kind][number]
    return FileResponse(place / kind / name, headers=attached(name), media_type="application/octet-stream")


def archive(request: Request) -> Response:
    """Send all that was written as a zip, while it is made."""
    inside, key, run = house(request), request.path_params["session"], request.path_params["run"]
    place, listed = inside.results(key, run)
    title = shelf.read(inside.store.run_place(key, run) / "run.json")["title"]
    kinds = ("clean", "removed") if request.query_params.get("removed") == "1" else ("clean",)
    content = [(place / name, f"{title}/{name}") for name in ("report.html", "session.toml")]
    content += [(place / kind / name, f"{title}/{kind}/{name}") for kind in kinds for name in listed[kind]]
    return StreamingResponse(zipped(content), media_type="application/zip", headers=attached(f"{title}.zip"))


def attached(name: str) -> dict[str, str]:
    """Have a file saved under its name, never shown."""
    return {"content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}


def statics() -> dict[str, tuple[bytes, str]]:
    """Read the page's own files: name → content and type. No path from outside is ever looked up."""
    found = {}
    for entry in (files("debleed.web") / "static").iterdir():
        kind = "text/javascript" if entry.name.endswith(".js") else mimetypes.guess_type(entry.name)[0]
        found[entry.name] = (entry.read_bytes(), kind or "application/octet-stream")
    return found


async def page(request: Request) -> Response:
    """Send the page, or one of its parts."""
    name = request.path_params.get("name", "index.html")
    kept: dict[str, tuple[bytes, str]] = request.app.state.statics
    if name not in kept:
        raise Refusal("there is nothing under this address", 404)
    content, kind = kept[name]
    return Response(content, media_type=kind, headers={"cache-control": "no-cache"})


async def refused(request: Request, failure: Exception) -> Response:
    """Answer with the sentence of a refusal."""
    status = failure.status if isinstance(failure, Refusal) else 400
    return JSONResponse({"error": str(failure)}, status)


async def unknown(request: Request, failure: Exception) -> Response:
    """Answer where there is no such address or method."""
    status = failure.status_code if isinstance(failure, HTTPException) else 404
    return JSONResponse({"error": "there is nothing under this address"}, status)


async def failed(request: Request, failure: Exception) -> Response:
    """Answer where something broke: the disk, mostly."""
    if isinstance(failure, ClientDisconnect):
        return Response(status_code=400)
    if isinstance(failure, OSError) and full_disk(failure):
        return JSONResponse({"error": "the disk is full; delete sessions or free some space"}, 507)
    log.exception("request failed", exc_info=failure)
    return JSONResponse({"error": "something broke inside; the terminal of 'debleed serve' says more"}, 500)


S, R = "/api/sessions/{session}", "/api/sessions/{session}/runs/{run}"
ROUTES = [
    Route("/", page),
    Route("/static/{name}", page),
    Route("/api/about", asking(House.about)),
    Route("/api/sessions", asking(House.list)),
    Route("/api/sessions", telling(lambda h, w: h.session(h.store.create(text(w, "name"))["id"]), status=201),
          methods=["POST"]),
    Route("/api/demo", asking(House.demo, status=201), methods=["POST"]),
    Route(S, asking(House.session, "session")),
    Route(S, telling(House.change, "session"), methods=["PATCH"]),
    Route(S, asking(House.delete, "session"), methods=["DELETE"]),
    Route(f"{S}/toml", telling(House.obey, "session"), methods=["PUT"]),
    Route(f"{S}/files", telling(House.expect, "session"), methods=["POST"]),
    Route(f"{S}/files", upload, methods=["PUT"]),
    Route(f"{S}/files/{{file:int}}", asking(House.drop_file, "session", "file"), methods=["DELETE"]),
    Route(f"{S}/files/{{file}}/peaks", file_peaks),
    Route(f"{S}/window", session_window),
    Route(f"{S}/runs", telling(House.begin, "session", status=201), methods=["POST"]),
    Route(R, asking(House.run, "session", "run")),
    Route(R, telling(House.tune, "session", "run"), methods=["PATCH"]),
    Route(R, asking(House.delete_run, "session", "run"), methods=["DELETE"]),
    Route(f"{R}/cancel", asking(House.cancel, "session", "run"), methods=["POST"]),
    Route(f"{R}/peaks", run_peaks),
    Route(f"{R}/window", run_window),
    Route(f"{R}/picture", picture),
    Route(f"{R}/take", telling(House.take, "session", "run"), methods=["POST"]),
    Route(f"{R}/files/{{kind}}/{{file}}", one_file),
    Route(f"{R}/zip", archive),
]  # fmt: skip


def create_app(
    data: Path,
    *,
    host: str = "127.0.0.1",
    token: str | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> Starlette:
    """Make the application.

    Parameters
    ----------
    data
        Folder of all sessions; made where it is not there.
    host
        The address that will be bound, which callers may name.
    token
        What callers must know.
    limits
        What is accepted.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        Thread(target=methods, daemon=True).start()  # to import them takes a while: before the page asks
        yield
        await run_in_threadpool(app.state.house.jobs.stop)
        await run_in_threadpool(app.state.house.quick.stop)

    app = Starlette(
        routes=ROUTES,
        middleware=[Middleware(Guard, host=host, token=token)],
        exception_handlers={InputError: refused, HTTPException: unknown, OSError: failed, ClientDisconnect: failed,
                            Exception: failed},
        lifespan=lifespan,
    )  # fmt: skip
    app.state.house = House(data, limits)
    app.state.statics = statics()
    return app
