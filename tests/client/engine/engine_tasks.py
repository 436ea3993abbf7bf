"""Functions and classes that workers import: their module is on the path that they get."""

import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any, NoReturn


class Plain(Exception):
    pass


@dataclass(frozen=True)
class Frozen(Exception):
    number: int


@dataclass(frozen=True, slots=True)
class FrozenSlots(Exception):
    number: int


class WithArguments(Exception):
    def __init__(self, code: int, *, detail: str) -> None:
        super().__init__(f"code {code}")
        self.code = code
        self.detail = detail


class ExitsWith(SystemExit):
    def __init__(self, why: str) -> None:
        super().__init__(4)
        self.why = why


class BadText(UnicodeDecodeError):
    def __init__(self, why: str) -> None:
        super().__init__("utf-8", b"\xff", 0, 1, why)


class NewWantsMore(Exception):
    def __new__(cls, code: int) -> "NewWantsMore":
        return super().__new__(cls)

    def __init__(self, code: int) -> None:
        super().__init__("text only")
        self.code = code


class HoldsLock(Exception):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.lock = threading.Lock()


class BrokenStr(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text for you")


class BrokenReduce(Exception):
    def __reduce__(self) -> NoReturn:
        raise RuntimeError("no pickle for you")


class ReduceExits(Exception):
    def __reduce__(self) -> NoReturn:
        raise SystemExit(5)


class LoadFails(Exception):
    def __reduce__(self) -> Any:
        return (_load_fails, ("x",))


class LoadsAsText(Exception):
    def __reduce__(self) -> Any:
        return (str, ("not an exception",))


def _load_fails(text: str) -> NoReturn:
    raise KeyError(text)


class Unpicklable:
    def __reduce__(self) -> NoReturn:
        raise ValueError("I stay here")


class Exits:
    def __reduce__(self) -> NoReturn:
        raise SystemExit(7)


class Dies:
    def __reduce__(self) -> NoReturn:
        os._exit(9)


class LoadDies:
    def __reduce__(self) -> Any:
        return (os._exit, (11,))


class LoadRaises:
    def __reduce__(self) -> Any:
        return (_load_fails, ("argument",))


def raises(make: type[BaseException], *args: Any, **kwargs: Any) -> NoReturn:
    """Some frames deep."""
    _deeper(make, args, kwargs)


def _deeper(make: type[BaseException], args: Any, kwargs: Any) -> NoReturn:
    raise make(*args, **kwargs)


def raises_from() -> NoReturn:
    try:
        raise KeyError("first")
    except KeyError as error:
        second = ValueError("second")
        second.add_note("a note")
        raise second from error


def raises_in_context() -> NoReturn:
    try:
        raise KeyError("first")
    except KeyError:
        raise Plain("second")  # noqa: B904


def raises_group(base: bool = False) -> NoReturn:
    members: list[Any] = []
    for kind in (ValueError, KeyboardInterrupt if base else KeyError):
        try:
            raises(kind, "member")
        except BaseException as error:
            members.append(error)
    raise BaseExceptionGroup("several", members)


def recurses(n: int = 0) -> int:
    return recurses(n + 1) + 1


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def long_chain(length: int) -> NoReturn:
    error: BaseException = ValueError("first")
    for number in range(length):
        after = ValueError(number)
        after.__cause__ = error
        error = after
    raise error


def append(values: list[int]) -> list[int]:
    values.append(1)
    return values


def spawns_and_sleeps(path: str) -> None:
    """A child and a grandchild in the same group; tells both ids, then all hang."""
    if not os.fork() and not os.fork():
        with open(path, "w") as file:
            file.write(f"{os.getppid()} {os.getpid()}")
    time.sleep(1000)


def forks_and_returns() -> str:
    """The child comes back as well, and must not answer."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return "parent"
    return "child"


def own_signal(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(1000)


def closes_everything() -> None:
    os.closerange(3, 1000)
    time.sleep(1000)


def writes_garbage() -> None:
    for fd in range(3, 64):
        try:
            if os.readlink(f"/proc/self/fd/{fd}").startswith("socket:"):
                os.write(fd, b"garbage" * 100)
        except OSError:
            continue
    time.sleep(1000)


def breaks_stdout() -> str:
    sys.stdout.close()
    sys.stderr = None  # type: ignore[assignment]
    return "fine"


def leaves_a_handler() -> int:
    """The handler that it leaves raises when the task has ended; returns the process's id."""

    def handler(*_: object) -> None:
        raise RuntimeError("too late")

    signal.signal(signal.SIGALRM, handler)
    return os.getpid()


def holds_the_lock() -> None:
    """User code that never lets another thread of its process run."""
    import re

    re.match(r"(a+)+$", "a" * 60 + "b")


def add(a: int, b: int) -> int:
    """The sum."""
    return a + b


def wait_for_ever() -> None:
    """Ends when it is killed."""
    time.sleep(1000)


def say_and_wait(path: str) -> None:
    """Writes its process id, and ends when it is killed."""
    with open(path, "w") as file:
        file.write(str(os.getpid()))
    time.sleep(1000)


def nested_client(number: int) -> int:
    """A client of the task's own engine, which waits for tasks of its own."""
    from futurefsm.client.client import Client

    with Client() as client:
        return sum(client.map(abs, range(number)))


def wait_for_file(path: str) -> int:
    """Ends when the file is there."""
    while not os.path.exists(path):
        time.sleep(0.01)
    return 3


def surroundings() -> Any:
    """What a client made here would connect to."""
    from futurefsm.client.engine import context

    here = context.current()
    return None if here is None else tuple(here)


def surroundings_later(path: str) -> None:
    """Leaves a thread behind, which makes the file when there are none any more."""

    def look() -> None:
        while surroundings() is not None:
            time.sleep(0.001)
        with open(path, "w"):
            pass

    threading.Thread(target=look, daemon=True).start()


def speaks() -> int:
    """Writes, in pieces."""
    print("a", "b", sep="-", end="!")
    sys.stderr.write("e")
    return 7


def speaks_for_ever() -> None:
    """Ends when it is killed."""
    while True:
        print("x" * 1000)
