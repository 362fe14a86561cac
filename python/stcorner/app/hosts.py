"""Names and addresses of this machine, in every way in which they are written."""

from __future__ import annotations

import ipaddress
import re
import socket

__all__ = ["address_of", "host_of", "is_loopback", "network_of"]

_NUMBER = r"(?:0x[0-9a-f]+|[0-9]+)"
_OLD_FORM = re.compile(rf"{_NUMBER}(?:\.{_NUMBER}){{0,3}}")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def address_of(text: str) -> Address | None:
    """Return the address that a text is, as systems and browsers read it; None for a name.

    Parameters
    ----------
    text : str
        With or without the brackets and the zone of version 6. Version 4 also in the old forms of one to
        four numbers, decimal, octal or hexadecimal; version 4 within version 6 is version 4.

    Examples
    --------
    >>> [str(address_of(text)) for text in ("0x7f.1", "2130706433", "[::ffff:127.0.0.1]", "localhost")]
    ['127.0.0.1', '127.0.0.1', '127.0.0.1', 'None']
    """
    plain = text.lower().removeprefix("[").removesuffix("]")
    try:
        address = ipaddress.ip_address(plain)
    except ValueError:
        if not _OLD_FORM.fullmatch(plain):
            return None
        try:
            return ipaddress.IPv4Address(socket.inet_aton(plain))
        except OSError:
            return None
    return getattr(address, "ipv4_mapped", None) or address


def is_loopback(host: str) -> bool:
    """Tell whether a host can only be this machine.

    Examples
    --------
    >>> [is_loopback(host) for host in ("LOCALHOST.", "127.1", "0:0:0:0:0:0:0:1", "0.0.0.0", "")]
    [True, True, True, False, False]
    """
    name = host.lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = address_of(name)
    return address is not None and address.is_loopback


def host_of(header: str) -> str:
    """Return the host of a ``Host`` header, without its port; nothing where the header is none."""
    found = re.fullmatch(r"(\[[^\[\]]*\]|[^:\[\]]*)(:[0-9]*)?", header)
    return found[1] if found else ""


def network_of(client: str) -> str:
    """Return what one sender may have many of: its address, or of version 6 the network of 64 bits."""
    address = address_of(client)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
    return client if address is None else str(address)
