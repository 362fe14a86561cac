"""Run the app with uvicorn."""

from __future__ import annotations

import re
import secrets
import signal
import socket
import threading
import warnings
from ipaddress import ip_network
from typing import TYPE_CHECKING

from stcorner._base.validation import check_integer
from stcorner.app.hosts import address_of, is_loopback
from stcorner.app.settings import Settings
from stcorner.errors import MissingExtraError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from uvicorn import Server

__all__ = ["serve"]

_SECONDS_TO_STOP = 2  # for requests under way; jobs are ended at once
_MOST_CONNECTIONS, _MOST_AT_ONCE = 1000, 64
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,}")


def serve(
    settings: Settings | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    proxies: Sequence[str] = (),
    token: str | None = None,
    ready: Callable[[str], object] | None = None,
) -> None:
    """Serve the app until it is stopped.

    Parameters
    ----------
    settings : Settings, optional
        Limits.
    host : str, default="127.0.0.1"
        Name or address to listen on. Anything but this machine's loopback, in whatever spelling, lets others
        on the network reach the app: a warning says so, and callers need the token.
    port : int, default=8000
        Port, 0 to 65535; 0 takes any that is free.
    proxies : sequence of str, default=()
        Addresses or networks of reverse proxies. Only what they say in ``X-Forwarded-For`` is believed;
        limits by address otherwise count the address that connects.
    token : str, optional
        What callers must bring; at least 16 letters, digits, ``-`` and ``_``. Default: a new one where `host`
        is no loopback address, none where it is.
    ready : callable, optional
        Called as ``ready(address)`` once browsers can connect. The address carries the token.

    Raises
    ------
    ParameterError
        If the host or port cannot be listened on, a proxy is no address, the token is too weak, or the model
        of `settings` cannot be read.
    MissingExtraError
        If starlette or uvicorn is not installed.

    Warns
    -----
    UserWarning
        If others on the network can reach the app.
    """
    check_integer("port", port, low=0, high=65_535)
    settings = settings or Settings()
    trusted = _check_proxies(proxies)
    if token is not None and not _TOKEN.fullmatch(token):
        raise ParameterError(
            "token must be at least 16 letters, digits, - or _, got another text: leave it out to have "
            "one made"
        )
    try:
        import uvicorn

        from stcorner.app.protocol import patient_protocol
        from stcorner.app.server import create_app
    except ImportError:
        raise MissingExtraError("The app", "starlette and uvicorn", "app") from None
    if settings.model is not None:
        from stcorner.recognizer import load_predictor

        load_predictor(settings.model)  # now, not when the first clip has been uploaded
    with _listen(host, port) as listening:
        # What was bound decides, not how it was spelled: a name may stand for any address.
        private = is_loopback(str(listening.getsockname()[0]))
        if not private:
            token = token or secrets.token_urlsafe(24)
            warnings.warn(
                f"others on the network can reach {host}: the address below carries the token that lets them "
                "in, over a connection that is not encrypted",
                UserWarning,
                stacklevel=2,
            )
        application = create_app(settings, any_host=not private, hosts=[host.lower()], token=token)
        most, at_once = _connections(settings.n_workers)
        protocol = patient_protocol(
            head_timeout=settings.head_timeout,
            pause=settings.body_pause,
            max_connections=most,
        )
        server = uvicorn.Server(
            uvicorn.Config(
                application, log_level="warning", server_header=False, access_log=False, loop="asyncio",
                http=protocol, ws="none", lifespan="on", proxy_headers=bool(trusted),
                forwarded_allow_ips=trusted, timeout_graceful_shutdown=_SECONDS_TO_STOP,
                backlog=at_once,
            )
        )  # fmt: skip
        _obey_hangup(server)
        if ready is not None:
            shown = f"[{host.strip('[]')}]" if ":" in host else host
            opening = "" if token is None else f"/?token={token}"
            ready(f"http://{shown}:{listening.getsockname()[1]}{opening}")
        server.run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    if not host.strip():
        raise ParameterError(
            "host must be a name or an address, got an empty text, which would mean every address: give "
            "0.0.0.0 to mean that"
        )
    address = address_of(host)
    family = socket.AF_INET6 if address is not None and address.version == 6 else socket.AF_INET
    # The zone of an address of version 6 is the system's to read.
    name = host.strip("[]") if address is None or "%" in host else str(address)
    try:
        # Python's own does not close what it opened for a name with a character that no name has.
        name.encode("idna")
        if "\0" in name:
            raise ValueError("a host name cannot hold this character")
        return socket.create_server((name, port), family=family)
    except (OSError, TypeError, ValueError) as error:  # a name that no system has
        reason = getattr(error, "strerror", None) or error
        raise ParameterError(
            f"host and port must be an address to listen on, got {host} and {port}: {reason}"
        ) from None


def _check_proxies(proxies: Sequence[str]) -> list[str]:
    for proxy in proxies:
        try:
            ip_network(proxy)
        except ValueError as error:
            raise ParameterError(
                f"proxies must be addresses or networks such as 10.0.0.0/8, got {proxy!r}: {error}"
            ) from None
    return list(proxies)


def _connections(n_workers: int) -> tuple[int, int]:
    """Return how many connections may be open, and how many may be accepted in one go.

    Each connection may write a file, and workers need pipes. What asyncio accepts in one go is there before
    any of it can be refused; where descriptors end meanwhile, it complains without end.
    """
    try:
        import resource
    except ImportError:
        return _MOST_CONNECTIONS // 4, _MOST_AT_ONCE
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if most == resource.RLIM_INFINITY:
        return _MOST_CONNECTIONS, _MOST_AT_ONCE
    at_once = max(4, min(_MOST_AT_ONCE, most // 16))
    return max(4, min(_MOST_CONNECTIONS, (most - 32 - 8 * n_workers - 4 * at_once) // 2)), at_once


def _obey_hangup(server: Server) -> None:
    """Stop, and delete clips and reports, when the terminal is closed too; nohup is left its meaning."""
    if not hasattr(signal, "SIGHUP") or threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, lambda *_: setattr(server, "should_exit", True))
