"""Where live updates go: lines of JSON, datagrams, or a stream of the lab streaming layer."""

from __future__ import annotations

import contextlib
import socket
import sys
import time
from typing import IO, TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import msgspec

from stcorner._base.files import printable
from stcorner._base.text import json_safe
from stcorner.errors import MissingExtraError, OutputError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["LslOutlet", "Outlet", "UdpOutlet", "open_outlet", "written_to"]

# Seconds that a new stream waits for somebody to find it; that takes one or two.
_WAIT = 10.0
# Of a stream of numbers: what of an update is one.
_TIMES = {"start": "seconds", "end": "seconds", "latency": "seconds", "dropped_frames": "frames"}


class Outlet(Protocol):
    """What takes updates."""

    def write(self, row: Mapping[str, Any]) -> None:
        """Send an update at once."""

    def close(self) -> None:
        """Say that it was the last."""


def open_outlet(target: str, labels: Sequence[str]) -> Outlet:
    """Open what ``--to`` names: ``stdout``, ``udp://HOST:PORT`` or ``lsl``.

    Raises
    ------
    ParameterError
        If it is none of them.
    MissingExtraError
        If pylsl is not installed.
    OutputError
        If the host cannot be reached, or the library of pylsl is missing.
    """
    if target == "stdout":
        return LinesOutlet(sys.stdout.buffer)
    if target == "lsl":
        return LslOutlet(labels)
    with contextlib.suppress(ValueError):  # of a port that is none
        address = urlsplit(target)
        if address.scheme == "udp" and address.hostname and address.port and not address.path:
            return UdpOutlet(address.hostname, address.port)
    raise ParameterError(f"--to must be stdout, lsl or udp://HOST:PORT, got {target!r}")


@contextlib.contextmanager
def written_to(targets: Sequence[str], file: Path | None, labels: Sequence[str]) -> Iterator[list[Outlet]]:
    """Open all targets, and the file as lines of JSON; close them behind the block."""
    with contextlib.ExitStack() as stack:
        outlets: list[Outlet] = []
        if file is not None:
            try:
                lines = stack.enter_context(file.open("wb"))
            except OSError as error:
                raise OutputError(f"{file} cannot be written: {error.strerror}") from None
            outlets.append(LinesOutlet(lines))
        for target in targets:
            outlets.append(open_outlet(target, labels))
            stack.callback(outlets[-1].close)
        yield outlets


def _json(row: Mapping[str, Any]) -> bytes:
    """Return a row in which names of files are seen whole, whatever their encoding."""
    plain = {name: printable(value) if isinstance(value, str) else value for name, value in row.items()}
    return json_safe(msgspec.json.encode(plain).decode()).encode()


class LinesOutlet:
    """Lines of JSON, each written at once: another program may follow them."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, row: Mapping[str, Any]) -> None:
        """Write a line."""
        self._file.write(_json(row) + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Leave the file to its owner."""


class UdpOutlet:
    """One datagram of JSON for each update.

    Each has a ``number`` from 0 on, which tells of lost ones, and the ``time`` in seconds since 1970 at which
    it was sent. The last is ``{"number": n, "time": t, "finished": true}``.
    """

    def __init__(self, host: str, port: int) -> None:
        try:
            family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        except OSError as error:
            raise OutputError(
                f"--to must name a host that exists, got {host} ({error.strerror}): check the spelling"
            ) from None
        self._address: Any = address
        self._socket = socket.socket(family, kind)
        self._number = 0

    def write(self, row: Mapping[str, Any]) -> None:
        """Send a datagram; nobody has to listen."""
        message = {"number": self._number, "time": time.time(), **row}
        self._number += 1
        try:
            self._socket.sendto(_json(message), self._address)
        except OSError as error:
            raise OutputError(
                f"--to cannot send to {self._address[0]}: {error.strerror}: check the network and the "
                "firewall"
            ) from None

    def close(self) -> None:
        """Send the last datagram."""
        with self._socket, contextlib.suppress(OutputError):
            self.write({"finished": True})


class LslOutlet:
    """A stream named ``stcorner`` of type ``Emotion``, a sample of float64 for each update.

    Its channels are the probabilities, NaN where nothing could be predicted, then ``start``, ``end``,
    ``latency`` in seconds and ``dropped_frames``. A sample's time is that at which its window ended. What is
    sent while nobody listens is lost: the first update waits up to `wait` seconds for somebody.
    """

    def __init__(self, labels: Sequence[str], *, wait: float = _WAIT) -> None:
        try:
            import pylsl
        except ImportError:
            raise MissingExtraError("a stream of the lab streaming layer", "pylsl", "lsl") from None
        except RuntimeError as error:  # its wheel for this system has no library
            raise OutputError(
                f"--to lsl needs the library liblsl, which pylsl does not find: {error}; its wheels for "
                "recent systems bring it, for others see https://github.com/sccn/liblsl/releases"
            ) from None
        self._library = pylsl
        self._columns = [*(f"p_{label}" for label in labels), *_TIMES]
        info = pylsl.StreamInfo(
            "stcorner", "Emotion", len(self._columns), pylsl.IRREGULAR_RATE, "double64",
            f"stcorner-{time.time_ns()}",
        )  # fmt: skip
        info.set_channel_labels(self._columns)
        info.set_channel_units(["probability"] * len(labels) + list(_TIMES.values()))
        self._outlet = pylsl.StreamOutlet(info)
        self._outlet.wait_for_consumers(wait)

    def write(self, row: Mapping[str, Any]) -> None:
        """Send a sample."""
        values = [row.get(name) for name in self._columns]
        sample = [float("nan") if value is None else float(value) for value in values]
        self._outlet.push_sample(sample, self._library.local_clock() - (row.get("latency") or 0.0))

    def close(self) -> None:
        """End the stream."""
        del self._outlet
