"""Host names to addresses, without blocking: the system's resolver may take as long as it likes."""

import ipaddress
import os
import socket
from contextlib import suppress
from threading import Lock, Thread
from typing import Any, NamedTuple

from futurefsm.protocol.transport.address import Address


class Target(NamedTuple):
    """What a socket is made for and connected to."""

    family: int
    where: Any


class Lookup:
    """One question to the resolver. IP literals and unix sockets are answered at once; a name is
    looked up in a thread of its own, which nobody waits for.

    Args:
        address: whose host is asked for.

    Attributes:
        error: why nothing was found, once that is known.
    """

    def __init__(self, address: Address) -> None:
        self.error: str | None = None
        self._targets: list[Target] | None = None
        self._read = self._write = -1
        self._lock = Lock()
        if address.scheme == "ipc":
            self._targets = [Target(socket.AF_UNIX, address.path)]
            return
        if is_literal(address.host):
            self._resolve(address)
            return
        self._read, self._write = os.pipe()
        Thread(
            target=self._ask, args=(address,), name=f"lookup-{address.host}", daemon=True
        ).start()

    @property
    def poll_item(self) -> int:
        """A descriptor that is readable when the answer is here; -1 when it is already."""
        return self._read

    def take(self) -> list[Target] | None:
        """The addresses, or an empty list with `error`; None while nobody knows."""
        return self._targets

    def close(self) -> None:
        """Forget the question. The answer, when it comes, is dropped."""
        with self._lock:
            for fd in (self._read, self._write):
                if fd >= 0:
                    os.close(fd)
            self._read = self._write = -1

    def _ask(self, address: Address) -> None:
        self._resolve(address)
        with self._lock, suppress(OSError):
            if self._write >= 0:
                os.write(self._write, b"!")

    def _resolve(self, address: Address) -> None:
        targets: list[Target] = []
        try:
            for family, _, _, _, where in socket.getaddrinfo(
                address.host, address.port, type=socket.SOCK_STREAM
            ):
                if (target := Target(family, where)) not in targets:
                    targets.append(target)
        except (OSError, UnicodeError) as error:
            said = getattr(error, "strerror", None) or error
            self.error = f"the host name {address.host!r} cannot be resolved: {said}"
        self._targets = targets


def is_literal(host: str) -> bool:
    """Whether it is an IP address, not a name."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
