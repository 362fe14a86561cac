"""``stcorner serve``."""

from __future__ import annotations

__all__ = ["serve"]


def serve(
    *,
    model: str | None = None,
    host: str = "127.0.0.1",
    port: int = 8000,
    max_upload_mb: int = 200,
    max_duration: float = 600.0,
    workers: int = 2,
    proxy: tuple[str, ...] = (),
    token: str | None = None,
) -> int:
    """Open the local web app: try a sample, drop a clip, or record one.

    Runs until Ctrl-C.

    Parameters
    ----------
    model
        A *.stcorner file or the name of a shipped model. Default: the first shipped one.
    host
        Address to listen on; anything but a loopback address lets others on the network upload clips who
        have the token.
    port
        Port; 0 takes any that is free.
    max_upload_mb
        Largest clip in megabytes.
    max_duration
        Longest clip in seconds.
    workers
        Number of clips processed at once.
    proxy
        Address or network of a reverse proxy, whose X-Forwarded-For is believed; may be given several times.
    token
        Token that callers must send. Default: a new one if others on the network can reach the server.
    """
    from stcorner import app
    from stcorner.cli._output import complain

    settings = app.Settings(
        model=model,
        max_upload_bytes=max_upload_mb * 1024 * 1024,
        max_duration=max_duration,
        n_workers=workers,
    )
    app.serve(
        settings, host=host, port=port, proxies=proxy, token=token,
        ready=lambda address: complain(f"open {address} in a browser; Ctrl-C ends the server"),
    )  # fmt: skip
    return 0
