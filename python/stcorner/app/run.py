"""Run the app with uvicorn."""

from __future__ import annotations

import signal
import socket
import threading
from typing import TYPE_CHECKING

from stcorner._base.validation import check_integer
from stcorner.errors import MissingExtraError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable

    from uvicorn import Server

    from stcorner.app.settings import Settings

__all__ = ["serve"]

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve(
    settings: Settings | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    ready: Callable[[str], object] | None = None,
) -> None:
    """Serve the app until it is stopped.

    Parameters
    ----------
    settings : Settings, optional
        Limits.
    host : str, default="127.0.0.1"
        Address to listen on. Anything but a loopback address lets others on the network upload clips.
    port : int, default=8000
        Port, 0 to 65535; 0 takes any that is free.
    ready : callable, optional
        Called as ``ready(address)`` once browsers can connect.

    Raises
    ------
    ParameterError
        If the port is out of range or cannot be listened on, or the model of `settings` cannot be read.
    MissingExtraError
        If starlette or uvicorn is not installed.
    """
    check_integer("port", port, low=0, high=65_535)
    try:
        import uvicorn

        from stcorner.app.server import create_app
    except ImportError:
        raise MissingExtraError("The app", "starlette and uvicorn", "app") from None
    if settings is not None and settings.model is not None:
        from stcorner.recognizer import load_model

        load_model(settings.model)  # now, not when the first clip has been uploaded
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise ParameterError(
            f"host and port must be an address to listen on, got {host} and {port}: {error.strerror}"
        ) from None
    with listening:
        application = create_app(settings, any_host=host not in _LOOPBACK)
        server = uvicorn.Server(uvicorn.Config(application, log_level="warning", server_header=False))
        _obey_hangup(server)
        if ready is not None:
            shown = f"[{host}]" if ":" in host else host
            ready(f"http://{shown}:{listening.getsockname()[1]}")
        server.run(sockets=[listening])


def _obey_hangup(server: Server) -> None:
    """Stop, and delete clips and reports, when the terminal is closed too; nohup is left its meaning."""
    if not hasattr(signal, "SIGHUP") or threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, lambda *_: setattr(server, "should_exit", True))
