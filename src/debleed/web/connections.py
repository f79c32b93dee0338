"""Connections that keep the server waiting: each has a time for its request, and only so many may wait at once.

Whoever connects and sends half a request would otherwise hold a connection for ever, and a process may open few.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol

from debleed.web.limits import LARGEST_HEAD

if TYPE_CHECKING:
    from starlette.types import ASGIApp

HEAD_SECONDS = 10.0
"""Time for the head of a request; browsers send it at once, but open connections in advance that they may not use."""

BODY_SECONDS = 60.0
"""Longest pause in the body of a request; a disk from which a browser reads may have to spin up."""

MOST_WAITING = 64
"""Connections whose request has not come, wholly. macOS allows a process 256 open files; a browser opens six
connections."""

ACCEPTED_AT_ONCE = 16
"""Connections to accept before any of them is looked at, and so before one can be closed."""


class Connection(H11Protocol):
    """A connection that is closed if its request does not come."""

    _timer: asyncio.TimerHandle | None = None
    _since = 0.0
    _waits_for = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request; if too many wait, the one that has waited longest is closed."""
        super().connection_made(transport)
        self._watch()
        waiting = [one for one in self.connections if isinstance(one, Connection) and one._waits_for]
        if len(waiting) > MOST_WAITING:
            min(waiting, key=lambda one: one._since)._end()

    def data_received(self, data: bytes) -> None:
        """Take more of a request."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        super().connection_lost(exc)
        self._stop()

    def _watch(self) -> None:
        """Set the time until which something must come: all of a head, or the next part of a body."""
        if self.conn.their_state is h11.SEND_BODY:
            self._wait("body", BODY_SECONDS)
        elif self.conn.their_state is not h11.IDLE:
            self._stop()
        elif self._waits_for != "head":  # more of it does not prolong it
            self._wait("head", HEAD_SECONDS)

    def _wait(self, what: str, seconds: float) -> None:
        self._stop()
        self._waits_for, self._since = what, self.loop.time()
        self._timer = self.loop.call_later(seconds, self._expired)

    def _stop(self) -> None:
        self._waits_for = ""
        if self._timer:
            self._timer.cancel()

    def _expired(self) -> None:
        if self.flow.read_paused:  # it is the server that does not go on, its disk is slow
            self._wait("body", BODY_SECONDS)
        else:
            self._end()

    def _end(self) -> None:
        self._stop()
        self.transport.abort()


def configured(app: ASGIApp) -> Config:
    """Return how the server of the page is run."""
    return Config(
        app,
        http=Connection,
        backlog=ACCEPTED_AT_ONCE,
        h11_max_incomplete_event_size=LARGEST_HEAD,
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
    )
