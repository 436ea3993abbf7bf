"""Functions for workers that know nothing of the tests: imports what every worker has."""

import os
import sys
import time
from pathlib import Path
from typing import Any

# Set for servers whose tasks make clients of Scaler's.
STEADY = "FUTUREFSM_TESTS_STEADY"


def cpu_percent(process: Any, interval: float | None = None) -> float:
    """In the place of psutil's, for clients of Scaler's.

    Scaler's client sends two heartbeats at its start, microseconds apart, with the process's CPU
    time since the one before, in tenths of a percent and 16 bits. Beside busy threads one of two
    hundred does not fit: the client's thread ends, and its constructor raises after 51 seconds.
    """
    return 1.0


if os.environ.get(STEADY):
    import psutil

    psutil.Process.cpu_percent = cpu_percent


def block(path: Path) -> None:
    """Says that it runs, and does not end by itself."""
    path.write_text(str(os.getpid()))
    time.sleep(1000)


def until(path: Path, gate: Path) -> str:
    """Says that it runs, and ends when it may."""
    path.write_text(str(os.getpid()))
    while not gate.exists():
        time.sleep(0.01)
    return "through"


def add(a: int, b: int) -> int:
    return a + b


class OwnError(Exception):
    """An exception with an argument of its own."""

    def __init__(self, what: str, number: int) -> None:
        super().__init__(what, number)
        self.number = number


def raises() -> None:
    raise OwnError("text", 7) from KeyError("cause")


def speak(number: int) -> int:
    for n in range(number):
        print("line", n, sep=":")
    print("to stderr", file=sys.stderr)
    return number


class Shouting:
    """A serializer of one's own; pickled by value, for workers cannot import this module."""

    @staticmethod
    def serialize(value: Any) -> bytes:
        import cloudpickle

        return b"own" + bytes(cloudpickle.dumps(value))

    @staticmethod
    def deserialize(data: bytes) -> Any:
        import cloudpickle

        assert bytes(data[:3]) == b"own"
        return cloudpickle.loads(data[3:])


def nested(number: int) -> int:
    from scaler import Client

    with Client() as client:
        return int(sum(client.map(add, range(number), range(number))))


def fibonacci(client: Any, number: int) -> int:
    if number < 2:
        return number
    one, other = (client.submit(fibonacci, client, number - less) for less in (1, 2))
    return int(one.result() + other.result())
