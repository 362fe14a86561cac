"""What stands before the app: foreign names and pages, strangers, headers of every answer, sessions."""

from __future__ import annotations

import hmac
import re
import secrets
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from stcorner.app.hosts import host_of, is_loopback

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Guard", "problem", "session_of"]

_SESSION, _TOKEN = "stcorner_session", "stcorner_token"
_NEW = "stcorner.session"
_HEALTH = "/health"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def problem(status: int, detail: str, **headers: str) -> JSONResponse:
    """Return an error as the API gives it."""
    return JSONResponse({"error": detail}, status_code=status, headers=headers)


def session_of(request: Request) -> str:
    """Return the caller's session, a new one where it brought none of ours."""
    known = request.cookies.get(_SESSION, "")
    if re.fullmatch(r"[A-Za-z0-9_-]{22}", known):
        return known
    return str(request.scope.setdefault(_NEW, secrets.token_urlsafe(16)))


class Guard:
    """Keep others out: no foreign host name (DNS rebinding), no writes by pages of other sites, no stranger.

    Parameters
    ----------
    app : ASGI application
    any_host : bool
        Answer under any host name, not under loopback names and `hosts` alone.
    hosts : collection of str
        Names, in lower case, under which the app is answered too.
    token : str, optional
        What a caller must bring, as the cookie that the page's first address sets or as a bearer.
    """

    def __init__(
        self, app: ASGIApp, *, any_host: bool, hosts: Collection[str] = (), token: str | None = None
    ) -> None:
        self._app = app
        self._any_host = any_host
        self._hosts = frozenset(hosts)
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if _NEW in scope:
                    headers.append(
                        "Set-Cookie", f"{_SESSION}={scope[_NEW]}; HttpOnly; Path=/; SameSite=strict"
                    )
            await send(message)

        answer = self._foreign(request) or self._stranger(request)
        await (answer or self._app)(scope, receive, complete)

    def _foreign(self, request: Request) -> Response | None:
        header = request.headers.get("host", "")
        name = host_of(header)
        if not self._any_host and not is_loopback(name) and name.lower() not in self._hosts:
            return problem(421, "this server answers on its loopback name only")
        if request.method not in {"GET", "HEAD"}:
            origin = request.headers.get("origin")
            elsewhere = origin is not None and origin.split("://", 1)[-1] != header
            if elsewhere or request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}:
                return problem(403, "requests from other sites are refused")
        return None

    def _stranger(self, request: Request) -> Response | None:
        if self._token is None or request.url.path == _HEALTH:  # those who watch a service bring no token
            return None
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self._is_token(request.cookies.get(_TOKEN, "")) or self._is_token(bearer):
            return None
        if request.url.path == "/" and self._is_token(request.query_params.get("token", "")):
            # The token leaves the address bar, and with it histories and screens that are shared.
            answer = RedirectResponse("/", status_code=303)
            answer.set_cookie(_TOKEN, self._token, httponly=True, samesite="strict")
            return answer
        detail = "open the address that the server printed when it started: it carries the token"
        return problem(401, detail, **{"WWW-Authenticate": "Bearer"})

    def _is_token(self, given: str) -> bool:
        return self._token is not None and hmac.compare_digest(given.encode(), self._token.encode())
