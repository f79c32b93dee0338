"""``debleed serve``: the page."""

from __future__ import annotations

import errno
import os
import socket
import sys
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import click

from debleed.recording import InputError


def data_folder() -> Path:
    """Return the folder in which programs of this user store their data on this system."""
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "debleed"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "debleed"
    given = os.environ.get("XDG_DATA_HOME", "")
    return (Path(given) if given.startswith("/") else home / ".local" / "share") / "debleed"


@click.command(name="serve")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 chooses a free port.")
@click.option("--browser/--no-browser", default=True, help="Open the page in a browser.  [default: open]")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; one that other machines can reach needs --token.",
)
@click.option("--token", default=None, envvar="DEBLEED_TOKEN", help="Secret without which the page does not open.")
@click.option("--data", type=click.Path(path_type=Path), default=None, help="Folder for the sessions.")
def command(port: int, browser: bool, host: str, token: str | None, data: Path | None) -> None:
    """Open a page on which to drop files, remove the bleed and listen.

    Everything stays on this machine. Press Ctrl-C to stop.
    """
    from debleed.io.staging import writable_ancestor
    from debleed.web.guard import SHORTEST_TOKEN, is_loopback

    if token is None and not is_loopback(host):
        raise InputError(
            f"--host {host} lets other machines connect, so it needs --token with at least {SHORTEST_TOKEN} characters"
        )
    if token is not None and (len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isalnum()):
        raise InputError(f"a token must have at least {SHORTEST_TOKEN} letters and digits, so that nobody can guess it")
    folder = data or data_folder()
    writable_ancestor(folder)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as failure:
        raise InputError(f"'{folder}' cannot be created ({failure.strerror}); name another with --data") from failure
    with alone(folder):
        serve(folder, host, port, token, browser)


@contextmanager
def alone(data: Path) -> Iterator[None]:
    """Lock a data folder: a second server would delete the first one's unfinished uploads as leftovers.

    The system releases the lock when this process ends, even if it is killed.

    Raises
    ------
    InputError
        If another server uses the folder.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(data / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise InputError(
            f"another 'debleed serve' is using '{data}'; use its page, or choose another folder with --data"
        ) from None
    except OSError as failure:
        raise InputError(f"'{data}' cannot be locked ({failure.strerror}); name another with --data") from failure
    try:
        yield
    finally:
        lock.release()


def listen(host: str, port: int) -> socket.socket:
    """Bind an address.

    Raises
    ------
    InputError
        If it is in use, forbidden or unknown.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as failure:
        raise InputError(f"'{host}' is not an address of this machine") from failure
    listening = socket.socket(family, socket.SOCK_STREAM)
    if sys.platform != "win32":  # there it would let two servers share a port
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
        listening.listen(128)
    except OSError as failure:
        listening.close()
        if failure.errno == errno.EADDRINUSE:
            raise InputError(f"port {port} is in use; choose another with --port, or 0 for any free port") from failure
        if failure.errno in (errno.EACCES, errno.EPERM):
            raise InputError(f"port {port} is not permitted; choose 1024 or higher with --port") from failure
        raise InputError(f"'{host}' is not an address of this machine") from failure
    return listening


def serve(data: Path, host: str, port: int, token: str | None, browser: bool) -> None:
    """Serve the page until interrupted."""
    import uvicorn

    from debleed.web.connections import configured
    from debleed.web.server import create_app

    listening = listen(host, port)
    port = listening.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{port}/" + (f"?token={token}" if token else "")
    click.echo(f"The page is at {address}")
    click.echo(f"Sessions are stored in {data}. Press Ctrl-C to stop.")
    sys.stdout.flush()
    server = uvicorn.Server(configured(create_app(data, host=host, token=token)))
    if browser:
        Timer(0.5, webbrowser.open, (address,)).start()
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:
        pass
    finally:
        listening.close()
    click.echo("Stopped.")
