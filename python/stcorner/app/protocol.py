"""HTTP connections that end when nothing comes: uvicorn waits for the head of a request for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

__all__ = ["patient_protocol"]

_TICK = 1.0  # seconds between looks at a connection
_CLOSING = 2.0  # seconds in which a last answer may be taken


def patient_protocol(*, head_timeout: float, pause: float, max_connections: int) -> type[H11Protocol]:
    """Return a protocol for `uvicorn.Config` with limits of time and number.

    Parameters
    ----------
    head_timeout : float
        Seconds for which a connection may be without a whole head of a request.
    pause : float
        Seconds for which a client may take nothing of an answer.
    max_connections : int
        Connections beyond these are answered 503 at once, so that descriptors are left to work with.
    """

    class Patient(H11Protocol):
        _idle_since: float | None
        _stuck_since: float | None
        _look: asyncio.TimerHandle | None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._idle_since, self._stuck_since, self._look = self.loop.time(), None, None
            if len(self.connections) > max_connections:
                self._finish(b"503 Service Unavailable")
            else:
                self._again()

        def connection_lost(self, exc: Exception | None) -> None:
            if self._look is not None:
                self._look.cancel()
            super().connection_lost(exc)

        def send_400_response(self, msg: str) -> None:
            # In uvicorn it fails where the answer to the request has begun, or may have no body.
            answering = self._began() and self.cycle.response_started and not self.cycle.response_complete
            self._finish(None if answering else b"400 Bad Request")

        def _again(self) -> None:
            self._look = self.loop.call_later(min(_TICK, head_timeout / 4, pause / 4), self._watch)

        def _watch(self) -> None:
            now = self.loop.time()
            if self._began() and not self.cycle.response_complete:
                self._idle_since = None
            elif self._idle_since is None:
                self._idle_since = now
            if not self.flow.write_paused:
                self._stuck_since = None
            elif self._stuck_since is None:
                self._stuck_since = now
            if self._stuck_since is not None and now - self._stuck_since >= pause:
                self.transport.abort()
            elif self._idle_since is not None and now - self._idle_since >= head_timeout:
                self._finish(None if self._began() else b"408 Request Timeout")
            else:
                self._again()

        def _began(self) -> bool:
            return getattr(self, "cycle", None) is not None

        def _finish(self, status: bytes | None) -> None:
            if status is not None and not self.transport.is_closing():
                self.transport.write(
                    b"HTTP/1.1 " + status + b"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
                )
            self.transport.close()
            self._look = self.loop.call_later(_CLOSING, self.transport.abort)

    return Patient
