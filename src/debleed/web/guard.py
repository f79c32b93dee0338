"""Access to the server: only its own page, and with a token everyone who has it.

A page from elsewhere can make a browser send requests to 127.0.0.1. The guard recognises such a request by its ``Host``
(DNS rebinding: a foreign name that points here), its ``Origin`` and its ``Sec-Fetch-Site`` (cross-site requests).
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from debleed.io.forms import shown_size
from debleed.web.limits import LARGEST_HEAD, Refusal

COOKIE = "debleed-token"

SHORTEST_TOKEN = 16
"""Minimum length of a token; shorter ones can be guessed by trial."""

HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
"""Headers of every response: nothing is loaded from other sites or shared with them."""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def split_host(header: str) -> str:
    """Return the name in a ``Host`` header, without port and brackets, in lower case.

    Examples
    --------
    >>> split_host("LocalHost:8000"), split_host("[::1]:8000"), split_host("10.0.0.1")
    ('localhost', '::1', '10.0.0.1')
    """
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.rpartition(":")[0].lower() if ":" in header else header.lower()


class Guard:
    """Middleware that admits only requests from the page itself.

    Parameters
    ----------
    app
        The application to guard.
    host
        The address that the server binds to.
    token
        The secret that requests must contain; required if other machines can connect.
    """

    def __init__(self, app: ASGIApp, host: str = "127.0.0.1", token: str | None = None) -> None:
        self._app, self._token = app, token
        self._names = {"localhost", "127.0.0.1", "::1", host.strip("[]").lower()}
        self._open = not is_loopback(host)
        if self._open:
            self._names.add(socket.gethostname().lower())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        try:
            answer = self._answer(scope, Headers(scope=scope))
        except Refusal as refusal:
            answer = JSONResponse({"error": str(refusal)}, refusal.status)
        await (answer or self._app)(scope, receive, sealed)

    def _answer(self, scope: Scope, headers: Headers) -> Response | None:
        """Refuse, hand out the cookie, or let through (``None``)."""
        refuse_long_head(scope)
        self._refuse_foreign_host(headers)
        self._refuse_foreign_page(scope, headers)
        if self._token is None:
            return None
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if scope["path"] == "/" and self._is_token(asked):  # out of the address bar, into a cookie scripts cannot read
            answer = RedirectResponse("/", 303)
            answer.set_cookie(COOKIE, asked, httponly=True, samesite="strict", path="/")
            return answer
        if not self._is_token(_bearer(headers)) and not self._is_token(_cookie(headers)):
            sentence = "the token is missing or wrong; open the address that 'debleed serve' printed, with ?token=..."
            raise Refusal(sentence, 401)
        return None

    def _is_token(self, text: str) -> bool:
        return self._token is not None and hmac.compare_digest(text.encode(), self._token.encode())

    def _refuse_foreign_host(self, headers: Headers) -> None:
        hosts = headers.getlist("host")
        name = split_host(hosts[0]) if len(hosts) == 1 else ""
        if name in self._names or (self._open and _is_address(name)):  # an address cannot be rebound
            return
        raise Refusal("this server only answers requests to its own address, not to the one in the Host header", 421)

    def _refuse_foreign_page(self, scope: Scope, headers: Headers) -> None:
        site = headers.get("sec-fetch-site", "none")
        own = f"{scope['scheme']}://{headers.get('host', '')}".lower()
        origin = headers.get("origin")
        foreign = origin is not None and origin.lower() != own
        if site not in ("same-origin", "none") or foreign:
            raise Refusal(
                "another page sent this request; type the address of this page into the browser yourself", 403
            )


def refuse_long_head(scope: Scope) -> None:
    """Refuse an address and headers that are longer than any browser's."""
    texts = [scope["path"].encode(), scope["query_string"], *(text for header in scope["headers"] for text in header)]
    if sum(map(len, texts)) > LARGEST_HEAD:
        raise Refusal(
            f"the headers of the request are longer than {shown_size(LARGEST_HEAD)}; delete some cookies", 431
        )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _bearer(headers: Headers) -> str:
    scheme, _, text = headers.get("authorization", "").partition(" ")
    return text if scheme.lower() == "bearer" else ""


def _cookie(headers: Headers) -> str:
    try:
        kept = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return kept.value if kept else ""
