"""Sealed memory: what is in it, who may change it, and that nothing of it stays behind."""

import fcntl
import os
import pickle
import queue
import signal
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from futurefsm.client.engine import sealed
from futurefsm.client.engine.sealed import Sealed, accept, seal

pytestmark = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="Linux only")

HUGE = sealed._HUGE_BYTES


@pytest.fixture(autouse=True)
def _nothing_held() -> Iterator[None]:
    yield
    assert not sealed._held


def made(*parts: Any) -> Sealed:
    found = seal(parts)
    assert found is not None
    return found


def test_the_parts_behind_each_other() -> None:
    one = made(b"ab", memoryview(b"cd"), b"", bytearray(b"e"))
    assert len(one) == 5
    assert bytes(one) == bytes(one) == b"abcde"
    assert one.view() == b"abcde"


@pytest.mark.parametrize(
    "value",
    [
        [1, "two", {"three": 4.0}],
        b"x" * 300_000,
        bytearray(os.urandom(HUGE + 5)),
        [os.urandom(HUGE + 4096), "between", b"y" * 2 * HUGE],
        list(range(100_000)),
    ],
    ids=["small", "bytes", "large", "larges", "frames"],
)
def test_an_object_is_loaded_as_often_as_it_is_asked_for(value: Any) -> None:
    one = made(pickle.dumps(value, 5))
    first, second = one.load(), one.load()
    assert first == second == value
    assert type(first) is type(value)


def test_who_drops_a_large_one_does_not_wait_for_the_system(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The last who holds it gives the memory back, which takes milliseconds."""
    closed: queue.SimpleQueue[tuple[int, int]] = queue.SimpleQueue()

    def close(fd: int) -> None:
        closed.put((fd, threading.get_ident()))

    large = SimpleNamespace(_fd=7, _size=sealed._BEHIND_BYTES)
    small = SimpleNamespace(_fd=8, _size=sealed._BEHIND_BYTES - 1)
    here = threading.get_ident()
    held = {7, 8}
    for one, there in ((large, True), (small, False)):
        Sealed.__del__(one, close, held)  # type: ignore[arg-type]
        fd, thread = closed.get(timeout=60)
        assert fd == one._fd
        assert (thread != here) is there
    assert not held

    for error in (RuntimeError("can't start new thread"), MemoryError()):

        def no(*args: Any, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(sealed._thread, "start_new_thread", no)
        Sealed.__del__(large, close, held)  # type: ignore[arg-type]
        assert closed.get_nowait() == (7, here)


def test_what_is_loaded_may_be_written_to_and_is_nobody_elses() -> None:
    one = made(pickle.dumps(bytearray(HUGE), 5))
    mine = one.load()
    mine[0] = 1
    assert one.load()[0] == 0


def test_nobody_can_change_it() -> None:
    one = made(b"abc")
    again = os.open(f"/proc/self/fd/{one.fileno()}", os.O_RDWR)
    for fd in (one.fileno(), again):
        with pytest.raises(OSError):
            os.pwrite(fd, b"x", 0)
        for size in (1, 4096):
            with pytest.raises(OSError):
                os.ftruncate(fd, size)
    os.close(again)
    assert bytes(one) == b"abc"


def test_it_is_closed_with_the_last_reference() -> None:
    one = made(b"abc")
    fd = one.fileno()
    del one
    with pytest.raises(OSError):
        os.fstat(fd)


def test_a_view_outlives_it() -> None:
    view = made(b"abc").view()
    assert view == b"abc"


@pytest.mark.parametrize("what", ["no memory", "a size", "not sealed", "another file"])
def test_what_is_not_what_was_said_is_refused_and_closed(what: str) -> None:
    size = 3
    if what == "no memory":
        fd = os.open(os.devnull, os.O_RDONLY)
    elif what == "another file":
        fd = os.open(__file__, os.O_RDONLY)
        size = os.fstat(fd).st_size
    else:
        fd = os.memfd_create("x", os.MFD_ALLOW_SEALING)
        os.write(fd, b"abc" if what == "not sealed" else b"ab")
        if what == "a size":
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, sealed._SEALS)
    assert accept(fd, size) is None
    with pytest.raises(OSError):
        os.fstat(fd)


def test_no_more_than_a_part_of_the_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed.resource, "getrlimit", lambda _: (12, 12))
    held = [seal((b"x",)) for _ in range(4)]
    assert None not in held[:3]
    assert held[3] is None
    monkeypatch.setattr(sealed.resource, "getrlimit", lambda _: (-1, -1))
    assert sealed.room()


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("memfd_create", OSError(24, "no more")),
        ("memfd_create", None),
        ("writev", OSError(12, "x")),
    ],
)
def test_where_there_is_none_the_caller_is_told(
    monkeypatch: pytest.MonkeyPatch, name: str, error: OSError | None
) -> None:
    def refuse(*_: Any) -> int:
        assert error is not None
        raise error

    before = len(os.listdir("/proc/self/fd"))
    if error is None:
        monkeypatch.delattr(os, name)
    else:
        monkeypatch.setattr(os, name, refuse)
    assert seal((b"x" * 100_000,)) is None
    monkeypatch.undo()
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("kind", [KeyboardInterrupt, TimeoutError])
def test_what_a_signal_raises_in_the_middle_comes_out_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, kind: type[BaseException]
) -> None:
    def handler(*_: Any) -> None:
        raise kind

    write = os.writev

    def interrupted(fd: int, parts: Any) -> int:
        write(fd, parts)
        signal.raise_signal(signal.SIGUSR1)
        return 0

    before = signal.signal(signal.SIGUSR1, handler)
    descriptors = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(os, "writev", interrupted)
    with pytest.raises(kind):
        seal((b"x" * 100_000,))
    signal.signal(signal.SIGUSR1, before)
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_without_large_pages_all_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(sealed.mmap, "MADV_HUGEPAGE")
    value = os.urandom(HUGE + 1)
    assert made(pickle.dumps(value, 5)).load() == value
