"""Addresses of schedulers and object stores, read and checked. PURE."""

from typing import NamedTuple

SCHEMES = ("tcp", "tls", "ws", "wss", "ipc")
"""What may stand before ``://``. ``tls``, ``ws`` and ``wss`` are spoken over YMQ framing only."""

_EXAMPLE = "use tcp://host:port"


class Address(NamedTuple):
    """Where somebody listens.

    Attributes:
        scheme: one of `SCHEMES`.
        host: a name or an IP address, without brackets; empty for ipc.
        port: 0 for ipc.
        path: of a WebSocket, "/" unless told; of an ipc address the socket's; else empty.
    """

    scheme: str
    host: str
    port: int
    path: str = ""

    def __str__(self) -> str:
        if self.scheme == "ipc":
            return f"ipc://{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        path = "" if self.path == "/" else self.path
        return f"{self.scheme}://{host}:{self.port}{path}"


def parse_address(text: str) -> Address:
    """``tcp://host:port``, ``tls://host:port``, ``ws://host:port/path``, ``wss://...`` or
    ``ipc:///path``. An IPv6 address stands in brackets: ``tcp://[::1]:2345``.

    Raises:
        ValueError: anything else; says what is wrong.
    """
    scheme, separator, rest = text.partition("://")
    if not separator:
        raise ValueError(f"address {text!r} has no scheme: {_EXAMPLE}")
    if scheme not in SCHEMES:
        known = ", ".join(f"{each}://" for each in SCHEMES)
        raise ValueError(f"address {text!r}: {_EXAMPLE}; known are {known}")
    if scheme == "ipc":
        if not rest:
            raise ValueError(f"address {text!r} has no path: use ipc:///path/of/the/socket")
        return Address(scheme, "", 0, rest)
    where, slash, path = rest.partition("/")
    if path and scheme in ("tcp", "tls"):
        raise ValueError(f"address {text!r}: a path is for ws:// and wss:// only; {_EXAMPLE}")
    host, port = _host_and_port(where, text)
    return Address(scheme, host, port, (slash or "/") + path if scheme in ("ws", "wss") else "")


def _host_and_port(where: str, text: str) -> tuple[str, int]:
    host, colon, port = where.rpartition(":")
    if where.endswith("]") or not colon:
        raise ValueError(f"address {text!r} has no port: {_EXAMPLE}")
    if host.startswith("[") and host.endswith("]") and ":" in host:
        host = host[1:-1]
    elif ":" in host or "[" in host or "]" in host:
        raise ValueError(f"address {text!r}: an IPv6 address stands in brackets, tcp://[::1]:2345")
    if not host or not host.isprintable() or " " in host or "@" in host:
        raise ValueError(f"address {text!r} has no usable host: {_EXAMPLE}")
    if not (port.isascii() and port.isdecimal() and 1 <= int(port) <= 65535):
        raise ValueError(f"address {text!r}: a port is a number from 1 to 65535, not {port!r}")
    return host, int(port)
