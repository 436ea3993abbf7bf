"""Ports of this machine for tests: free ones, and one where nobody listens."""

import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

_CHOSEN_BY_THE_SYSTEM = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_ports(count: int) -> int:
    """The first of so many in a row that no connection gets meanwhile, as those that the system
    chooses may."""
    chosen = 32_768
    with suppress(OSError):
        chosen = int(_CHOSEN_BY_THE_SYSTEM.read_text().split()[0])
    while True:
        # Not by a seed, which two runs of the tests may have in common.
        first = random.SystemRandom().randrange(10_000, max(20_000, chosen - count))
        with suppress(OSError), ExitStack() as taken:
            for port in range(first, first + count):
                taken.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first


@contextmanager
def silent_port() -> Iterator[socket.socket]:
    """A bound socket. Who dials it is refused, and nobody else can come to listen there; nor can
    the one who dials be given that very port, and talk to itself. Until it is told to listen."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock
