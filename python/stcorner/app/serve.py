"""Run the app with uvicorn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stcorner._validation import check_integer
from stcorner.errors import MissingExtraError

if TYPE_CHECKING:
    from stcorner.app.settings import Settings

__all__ = ["serve"]

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve(settings: Settings | None = None, *, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serve the app until it is stopped.

    Parameters
    ----------
    settings : Settings, optional
        Limits.
    host : str, default="127.0.0.1"
        Address to listen on. Anything but a loopback address lets others on the network upload clips.
    port : int, default=8000
        Port, 1 to 65535.

    Raises
    ------
    MissingExtraError
        If starlette or uvicorn is not installed.
    """
    check_integer("port", port, low=1, high=65_535)
    try:
        import uvicorn

        from stcorner.app.server import create_app
    except ImportError:
        raise MissingExtraError("The app", "starlette and uvicorn", "app") from None
    uvicorn.run(
        create_app(settings, any_host=host not in _LOOPBACK), host=host, port=port, log_level="warning",
        server_header=False,
    )  # fmt: skip
