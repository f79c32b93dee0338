"""The server behind the page: sessions, uploads, runs, sound, downloads; one small function per address."""

from __future__ import annotations

import json
import logging
import mimetypes
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from importlib.resources import files
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from debleed.io.documents import Place, json_text, visible
from debleed.recording import InputError
from debleed.web.delivery import KINDS, everything, scratch, written_one
from debleed.web.guard import Guard
from debleed.web.layouts import Json, starts
from debleed.web.limits import LARGEST_BODY, Limits, Refusal, full_disk
from debleed.web.peaks import cut
from debleed.web.service import Service, inputs, reported, text
from debleed.web.sessions import Store
from debleed.web.sound import tile, window
from debleed.web.words import methods, titled
from debleed.web.work import LAYERS, REPORT, session_of
from debleed.web.zipped import zipped

log = logging.getLogger(__name__)

BUFFER = 2**20
"""Bytes of an upload that are buffered before they are written to disk."""


def count(value: str | None, what: str) -> int:
    """Parse a whole number, 0 or more, from an address."""
    if value is None or not value.isascii() or not value.isdigit() or len(value) > 15:
        raise Refusal(f"'{what}' must be a whole number, 0 or more")
    return int(value)


# --------------------------------------------------------------------------------------------------------- addresses


def service(request: Request) -> Service:
    """Return the service behind this application."""
    found: Service = request.app.state.service
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
        json_text(found).encode()  # NaN and half characters could not be kept
    except (ValueError, RecursionError) as failure:
        raise Refusal("the request is not JSON") from failure
    if not isinstance(found, dict):
        raise Refusal("the request is not a JSON object")
    return found


Answer = Callable[[Request], Awaitable[Response]]


def asking(work: Callable[..., Any], *names: str, status: int = 200) -> Answer:
    """Make a handler of a method of :class:`Service`; ``names`` are the parts of the path passed to it."""

    async def answer(request: Request) -> Response:
        keys = [request.path_params[name] for name in names]
        return JSONResponse(await run_in_threadpool(work, service(request), *keys), status)

    return answer


def telling(work: Callable[..., Any], *names: str, status: int = 200) -> Answer:
    """Do the same for a method that also takes the request's JSON."""

    async def answer(request: Request) -> Response:
        wanted = await body(request)
        keys = [request.path_params[name] for name in names]
        return JSONResponse(await run_in_threadpool(work, service(request), *keys, wanted), status)

    return answer


async def upload(request: Request) -> Response:
    """Stream one file to the disk, then decode it."""
    store, key = service(request).store, request.path_params["session"]
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
    """Append a piece of an upload; the limits apply to the bytes received, not to the declared size."""
    store.refuse_size(store.get(key), name, got, len(piece))
    with path.open("r+b") as file:  # not made anew: its beginning would be missing
        file.seek(got - len(piece))
        file.write(piece)


async def file_peaks(request: Request) -> Response:
    """Return the waveform of one channel of a file, or of files that are one."""
    store, key = service(request).store, request.path_params["session"]
    numbers = [count(number, "file") for number in request.path_params["file"].split("-")]
    begins = starts(store.get(key))
    if any(number not in begins for number in numbers):
        raise Refusal("there is no such file; it may have been deleted", 404)
    return waveform(request, store.place(key) / "peaks", [(str(number), begins[number]) for number in numbers])


async def run_peaks(request: Request) -> Response:
    """Return the waveform of one microphone of a run."""
    place = service(request).store.run_place(request.path_params["session"], request.path_params["run"])
    layer = request.query_params.get("layer", "")
    if layer not in LAYERS:
        raise Refusal("there is no such layer", 404)
    return waveform(request, place / "peaks", [(layer, 0)])


def waveform(request: Request, folder: Path, parts: Sequence[tuple[str, int]]) -> Response:
    """Return an interval of the waveform of parts, each of which begins at a sample of the whole."""
    asked = [count(request.query_params.get(key), key) for key in ("zoom", "mic", "first", "last")]
    try:
        return Response(cut(folder, parts, *asked), media_type="application/octet-stream")
    except (FileNotFoundError, IndexError) as missing:
        raise Refusal("there is no such waveform (yet)", 404) from missing


def session_window(request: Request) -> Response:
    """Return samples of a session without a run."""
    here = service(request)
    heard = here.recordings.session(here.store.place(request.path_params["session"]))
    return samples(request, heard)


def run_window(request: Request) -> Response:
    """Return samples of a run."""
    here = service(request)
    heard = here.recordings.run(here.store.run_place(request.path_params["session"], request.path_params["run"]))
    return samples(request, heard)


def samples(request: Request, heard: Any) -> Response:
    """Return an interval of samples."""
    start, length = (count(request.query_params.get(key), key) for key in ("start", "count"))
    layers = request.query_params.get("layers", "before").split(",")
    return Response(window(heard, layers, start, length), media_type="application/octet-stream")


def picture(request: Request) -> Response:
    """Return one tile of a spectrogram."""
    here = service(request)
    place = here.store.run_place(request.path_params["session"], request.path_params["run"])
    mic, number = (count(request.query_params.get(key), key) for key in ("mic", "tile"))
    drawn = tile(here.recordings.run(place), place, request.query_params.get("layer", ""), mic, number)
    return Response(drawn, media_type="image/png", headers={"cache-control": "private, max-age=3600"})


def one_file(request: Request) -> Response:
    """Send one file of a result."""
    run, number = request.path_params["run"], count(request.path_params["file"], "file")
    session, place, meta = service(request).sending(request.path_params["session"], run)
    kind, names = request.path_params["kind"], inputs(place, meta)
    if kind not in KINDS or number >= len(names):
        raise Refusal("there is no such file", 404)
    work = ExitStack()
    try:
        path = written_one(place, meta, kind, Path(names[number]).stem, work.enter_context(scratch(session)))
    except BaseException:
        work.close()
        raise
    name = path.name if kind == "clean" else f"{path.stem} removed{path.suffix}"
    kept = BackgroundTask(work.close)
    return FileResponse(path, headers=attached(name), media_type="application/octet-stream", background=kept)


def archive(request: Request) -> Response:
    """Send all files of a result as a zip that is made on the fly, from the first file on."""
    here, key, run = service(request), request.path_params["session"], request.path_params["run"]
    session, place, meta = here.sending(key, run)
    removed = request.query_params.get("removed") == "1"
    content = everything(session, place, meta, removed, lambda: here.report_in_time(key, run))
    return StreamingResponse(
        zipped(content), media_type="application/zip", headers=attached(f"{titled(meta, session_of(meta))}.zip")
    )


def report(request: Request) -> Response:
    """Send the report of a run."""
    _, place, meta = service(request).sending(request.path_params["session"], request.path_params["run"])
    if not reported(place, meta):
        raise Refusal("the report has not been written yet", 409)
    return FileResponse(
        place / REPORT, headers=attached(f"{titled(meta, session_of(meta))}.html"), media_type="text/html"
    )


def attached(name: str) -> dict[str, str]:
    """Make browsers save a file under its name instead of displaying it."""
    return {"content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}


def statics() -> dict[str, tuple[bytes, str]]:
    """Read the page's own files: name → content and type. Paths in requests are never looked up on disk."""
    found = {}
    for entry in (files("debleed.web") / "static").iterdir():
        kind = "text/javascript" if entry.name.endswith(".js") else mimetypes.guess_type(entry.name)[0]
        found[entry.name] = (entry.read_bytes(), kind or "application/octet-stream")
    return found


async def page(request: Request) -> Response:
    """Send the page or one of its files."""
    name = request.path_params.get("name", "index.html")
    kept: dict[str, tuple[bytes, str]] = request.app.state.statics
    if name not in kept:
        raise Refusal("there is nothing at this address", 404)
    content, kind = kept[name]
    return Response(content, media_type=kind, headers={"cache-control": "no-cache"})


async def refused(request: Request, failure: Exception) -> Response:
    """Respond with the sentence of a refusal."""
    status = failure.status if isinstance(failure, Refusal) else 400
    return JSONResponse({"error": visible(str(failure))}, status)


async def unknown(request: Request, failure: Exception) -> Response:
    """Respond to an unknown address or method."""
    status = failure.status_code if isinstance(failure, HTTPException) else 404
    return JSONResponse({"error": "there is nothing at this address"}, status)


async def failed(request: Request, failure: Exception) -> Response:
    """Respond to an internal failure, such as a full disk."""
    if isinstance(failure, ClientDisconnect):
        return Response(status_code=400)
    if isinstance(failure, OSError) and full_disk(failure):
        return JSONResponse({"error": "the disk is full; delete sessions or free some space"}, 507)
    log.exception("request failed", exc_info=failure)
    return JSONResponse({"error": "an internal error occurred; see the terminal of 'debleed serve' for details"}, 500)


S, R = "/api/sessions/{session}", "/api/sessions/{session}/runs/{run}"
ROUTES = [
    Route("/", page),
    Route("/static/{name}", page),
    Route("/api/about", asking(Service.about)),
    Route("/api/sessions", asking(Service.list)),
    Route("/api/sessions", telling(lambda h, w: h.session(h.store.create(text(w, "name"))["id"]), status=201),
          methods=["POST"]),
    Route("/api/sessions", asking(Service.clear), methods=["DELETE"]),
    Route("/api/disk", asking(Service.disk)),
    Route("/api/demo", asking(Service.demo, status=201), methods=["POST"]),
    Route(S, asking(Service.session, "session")),
    Route(S, telling(Service.change, "session"), methods=["PATCH"]),
    Route(S, asking(Service.delete, "session"), methods=["DELETE"]),
    Route(f"{S}/toml", telling(Service.apply_toml, "session"), methods=["PUT"]),
    Route(f"{S}/undo", asking(Service.undo, "session"), methods=["POST"]),
    Route(f"{S}/look", asking(Service.look, "session"), methods=["POST"]),
    Route(f"{S}/files", telling(Service.expect, "session"), methods=["POST"]),
    Route(f"{S}/files", upload, methods=["PUT"]),
    Route(f"{S}/files/{{file:int}}", asking(Service.drop_file, "session", "file"), methods=["DELETE"]),
    Route(f"{S}/files/{{file}}/peaks", file_peaks),
    Route(f"{S}/window", session_window),
    Route(f"{S}/runs", telling(Service.begin, "session", status=201), methods=["POST"]),
    Route(R, asking(Service.run, "session", "run")),
    Route(R, telling(Service.tune, "session", "run"), methods=["PATCH"]),
    Route(R, asking(Service.delete_run, "session", "run"), methods=["DELETE"]),
    Route(f"{R}/cancel", asking(Service.cancel, "session", "run"), methods=["POST"]),
    Route(f"{R}/peaks", run_peaks),
    Route(f"{R}/window", run_window),
    Route(f"{R}/picture", picture),
    Route(f"{R}/take", telling(Service.take, "session", "run"), methods=["POST"]),
    Route(f"{R}/report", telling(Service.report, "session", "run"), methods=["POST"]),
    Route(f"{R}/report", report),
    Route(f"{R}/files/{{kind}}/{{file}}", one_file),
    Route(f"{R}/zip", archive),
]  # fmt: skip


def create_app(
    data: Place,
    *,
    host: str = "127.0.0.1",
    token: str | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> Starlette:
    """Create the application.

    Parameters
    ----------
    data
        Folder of all sessions; created if it does not exist.
    host
        The address that the server binds to, which requests may name as their host.
    token
        The secret that requests must contain.
    limits
        Limits on sizes and counts.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        Thread(target=methods, daemon=True).start()  # to import them takes a while: before the page asks
        yield
        await run_in_threadpool(app.state.service.jobs.stop)
        await run_in_threadpool(app.state.service.quick.stop)

    app = Starlette(
        routes=ROUTES,
        middleware=[Middleware(Guard, host=host, token=token)],
        exception_handlers={InputError: refused, HTTPException: unknown, OSError: failed, ClientDisconnect: failed,
                            Exception: failed},
        lifespan=lifespan,
    )  # fmt: skip
    app.state.service = Service(Path(data), limits)
    app.state.statics = statics()
    return app
