"""Half requests do not keep the server from whole ones."""

import socket
import threading
import time
import urllib.request
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection

import pytest
import uvicorn

from debleed.web import connections
from debleed.web.command import listen
from debleed.web.connections import configured
from debleed.web.limits import LARGEST_HEAD
from debleed.web.server import create_app

HEAD, BODY = 0.8, 0.6
"""Seconds."""


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connections, "HEAD_SECONDS", HEAD)
        patch.setattr(connections, "BODY_SECONDS", BODY)
        patch.setattr(connections, "MOST_WAITING", 8)
        server = uvicorn.Server(configured(create_app(tmp_path_factory.mktemp("data"))))
        listening = listen("127.0.0.1", 0)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join()
        listening.close()


def connected(port, sent):
    found = socket.create_connection(("127.0.0.1", port), timeout=5)
    found.sendall(sent)
    return closing(found)


def request(port, method, path, length):
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {length}\r\n\r\n".encode()


def answer(connection):
    """Return all that comes until the server closes the connection."""
    got = b""
    with suppress(ConnectionError):
        while piece := connection.recv(4096):
            got += piece
    return got


def test_half_heads_make_room_and_are_cut(port):
    began = time.monotonic()
    with ExitStack() as stack:
        halves = [stack.enter_context(connected(port, b"GET / HTTP/1.1\r\nHost:")) for _ in range(20)]
        assert [answer(half) for half in halves[:11]] == 11 * [b""]  # those that have waited longest
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/sessions", timeout=5) as whole:
            assert whole.status == 200
        early = time.monotonic() - began
        assert [answer(half) for half in halves[11:]] == 9 * [b""]
        assert early < HEAD < time.monotonic() - began


def test_a_head_that_trickles_in_is_cut_too(port):
    began = time.monotonic()
    with connected(port, b"GET / HTTP/1.1\r\nHost:") as trickle, suppress(ConnectionError):
        while time.monotonic() - began < 5 * HEAD:
            trickle.sendall(b"x")
            time.sleep(0.1 * HEAD)
    assert time.monotonic() - began < 3 * HEAD


def test_a_body_may_be_slow_but_must_not_stop(port):
    with connected(port, request(port, "POST", "/api/sessions", 15)) as slow:
        for piece in (b'{"name', b'": ', b'"gig"}'):
            time.sleep(0.5 * BODY)  # together longer than one pause may be
            slow.sendall(piece)
        assert slow.recv(4096).startswith(b"HTTP/1.1 201")
    with connected(port, request(port, "POST", "/api/sessions", 15) + b'{"name"') as half:
        began = time.monotonic()
        assert answer(half) == b""
        assert time.monotonic() - began > 0.9 * BODY


def test_a_connection_serves_one_request_after_another(port):
    with closing(HTTPConnection("127.0.0.1", port, timeout=5)) as page:
        page.connect()
        page.auto_open = 0  # no second connection
        for _ in range(3):
            page.request("GET", "/api/sessions")
            with page.getresponse() as got:
                assert (got.status, got.read()[:1]) == (200, b"[")


@pytest.mark.parametrize("end", [b"\r\nConnection: close\r\n\r\n", b""])
def test_a_long_head_is_refused_whether_it_ends_or_not(port, end):
    head = f"GET /api/sessions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: ".encode()
    with connected(port, head + (LARGEST_HEAD + 3000) * b"x" + end) as long:
        assert answer(long).split()[1] in (b"400", b"431")
