"""Keeps everybody out but the browser that was given the key: a layer around the application.

The address that is printed holds a token. It is good for one visit, which swaps it for a cookie that scripts cannot
read and other sites do not send; then another one is printed. Requests that other sites make are refused by what
browsers say of their origin, and requests under another name of this computer by their host.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
"""Of every answer."""
_OWN = ("same-origin", "none")
_REFUSAL = "This address needs the key that motionveil studio has printed; open the address from the terminal.\n"


class Guard:
    """The layer. port: on which the server listens. on_new_token: is told the next token when one was used."""

    def __init__(self, app: ASGIApp, *, port: int, on_new_token: Callable[[str], None] | None = None) -> None:
        self._app = app
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._on_new_token = on_new_token
        # Cookies are shared by all servers of a computer, whatever their port.
        self.cookie = f"motionveil_studio_{port}"
        self._session = secrets.token_urlsafe(32)
        self.token = secrets.token_urlsafe(24)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self._answer(scope)
        await (answer or self._app)(scope, receive, send_safely)

    def _answer(self, scope: Scope) -> ASGIApp | None:
        """What is said without the application; None for a request that may pass."""
        headers = Headers(scope=scope)
        if headers.get("host") not in self._hosts:
            return PlainTextResponse("This server answers under 127.0.0.1 alone.\n", 403)
        origin = headers.get("origin")
        changes = scope["method"] not in ("GET", "HEAD")
        strange = origin is not None and origin not in {f"http://{host}" for host in self._hosts}
        if strange or (changes and origin is None) or headers.get("sec-fetch-site", "none") not in _OWN:
            return PlainTextResponse("Another site has asked for this, which may not.\n", 403)
        known = self._is_known(headers.get("cookie"))
        if scope["path"] == "/" and scope["query_string"]:
            return self._enter(scope["query_string"].decode("latin-1"), known)
        return None if known else PlainTextResponse(_REFUSAL, 403)

    def _is_known(self, cookie: str | None) -> bool:
        try:
            jar = SimpleCookie(cookie or "")
        except CookieError:
            return False
        return self.cookie in jar and _same(jar[self.cookie].value, self._session)

    def _enter(self, query: str, known: bool) -> ASGIApp:
        """Swap the token for the cookie, and lead to the address without it."""
        token = parse_qs(query).get("token", [""])[0]
        if not _same(token, self.token):
            return RedirectResponse("/", 303) if known else PlainTextResponse(_REFUSAL, 403)
        self.token = secrets.token_urlsafe(24)
        if self._on_new_token is not None:
            self._on_new_token(self.token)
        response = RedirectResponse("/", 303)
        response.set_cookie(self.cookie, self._session, httponly=True, samesite="strict", path="/")
        return response


def _same(given: str, wanted: str) -> bool:
    """Whether two texts are equal, in a time that does not tell how far."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())
