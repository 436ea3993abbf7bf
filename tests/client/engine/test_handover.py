"""Handing sealed objects over: between two ends here, and through a whole engine."""

import os
import pickle
import resource
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import psutil
import pytest

from futurefsm import Client, WorkerDiedError
from futurefsm.client.engine import handover, sealed
from futurefsm.client.engine.handover import Handover, Pair, inherited, pair
from futurefsm.client.engine.sealed import Sealed, seal

pytestmark = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="Linux only")

BYTES = 100_000


@pytest.fixture
def ends() -> Iterator[tuple[Pair, Handover]]:
    one = pair()
    assert one is not None
    other = inherited(os.dup(one.theirs))
    one.let_go()
    yield one, other
    one.close()
    one.close()
    other.close()
    assert not sealed._held


def test_what_is_given_is_taken_by_its_number(ends: tuple[Pair, Handover]) -> None:
    ours, theirs = ends
    assert ours.write((b"ab", b"c"), 7)
    assert ours.write((b"def",), 7)
    assert theirs.write((b"back",), 1)
    first, second = theirs.take(7, 3), theirs.take(7, 3)
    assert (bytes(first or b""), bytes(second or b"")) == (b"abc", b"def")
    assert theirs.take(7, 3) is None
    assert bytes(ours.take(1, 4) or b"") == b"back"


def test_what_was_given_before_it_is_dropped(ends: tuple[Pair, Handover]) -> None:
    ours, theirs = ends
    for number in (1, 2, 3):
        ours.write((b"abc",), number)
    assert bytes(theirs.take(3, 3) or b"") == b"abc"
    assert theirs.take(2, 3) is None


def test_another_size_than_was_said_is_nothing(ends: tuple[Pair, Handover]) -> None:
    ours, theirs = ends
    ours.write((b"abc",), 1)
    assert theirs.take(1, 4) is None


def test_a_record_without_a_descriptor_is_nothing(ends: tuple[Pair, Handover]) -> None:
    ours, theirs = ends
    ours._sock.send(handover._RECORD.pack(1, 3))
    assert theirs.take(1, 3) is None
    ours._sock.send(b"x")
    assert theirs.take(1, 3) is None
    ours.close()
    assert theirs.take(1, 3) is None


def test_memory_that_is_not_sealed_is_not_taken(ends: tuple[Pair, Handover]) -> None:
    ours, theirs = ends
    fd = os.memfd_create("x")
    os.write(fd, b"abc")
    socket.send_fds(ours._sock, [handover._RECORD.pack(1, 3)], [fd])
    os.close(fd)
    assert theirs.take(1, 3) is None


def test_small_bytes_are_not_worth_it(
    ends: tuple[Pair, Handover], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "LEAST", 4)
    ours, theirs = ends
    assert not ours.give(b"abc", 1)
    assert ours.give(bytearray(b"abcd"), 2)
    assert bytes(theirs.take(2, 4) or b"") == b"abcd"
    one = seal((b"a",))
    assert one is not None
    assert ours.give(one, 3)


def test_a_full_socket_takes_no_more_and_nobody_waits(ends: tuple[Pair, Handover]) -> None:
    ours, theirs = ends
    one = seal((b"abc",))
    assert one is not None
    given = 0
    while ours.give(one, given):
        given += 1
    assert given > 8
    assert bytes(theirs.take(given - 1, 3) or b"") == b"abc"
    assert theirs.take(given, 3) is None


def test_who_holds_enough_takes_bytes(
    ends: tuple[Pair, Handover], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = ends
    for number in range(3):
        assert ours.write((b"abc",), number)
    monkeypatch.setattr(sealed.resource, "getrlimit", lambda _: (4, 4))
    taken = [theirs.take(number, 3) for number in range(3)]
    assert [type(one) for one in taken] == [bytes] * 3
    assert set(taken) == {b"abc"}


def test_who_has_no_memory_left_either_takes_nothing(
    ends: tuple[Pair, Handover], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Sealed) -> bytes:
        raise MemoryError

    ours, theirs = ends
    assert ours.write((b"abc",), 1)
    monkeypatch.setattr(sealed, "room", lambda: False)
    monkeypatch.setattr(Sealed, "__bytes__", refuse)
    assert theirs.take(1, 3) is None


def test_who_has_no_descriptor_left_takes_bytes(ends: tuple[Pair, Handover]) -> None:
    ours, theirs = ends
    for number in range(4):
        assert ours.write((b"abc",), number)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 64, hard))
    try:
        with suppress(OSError):
            while True:
                used.append(os.dup(0))
        taken = [theirs.take(number, 3) for number in range(3)]
    finally:
        for fd in used:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert [bytes(one or b"") for one in taken] == [b"abc"] * 3
    assert isinstance(theirs.take(3, 3), Sealed)


def test_where_there_can_be_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> Any:
        raise OSError(24, "no more")

    monkeypatch.setattr(socket, "socketpair", refuse)
    assert pair() is None
    monkeypatch.delattr(os, "memfd_create")
    assert pair() is None


# Through a whole engine. Its workers are told to hand over what is not really large.


def hand_all(least: int) -> int:
    from futurefsm.client.engine import worker

    worker._LARGE = least
    return os.getpid()


def filled(size: int) -> bytearray:
    return bytearray(b"x") * size


def both(one: bytearray, other: bytes) -> tuple[bytearray, bytes]:
    one[0] = 1
    return one, other


def handed_to_me() -> Any:
    """How a worker's next argument comes: the classes of what it took."""
    from futurefsm.client.engine import handover as here

    taken: list[str] = []
    take = here.Handover.take

    def look(self: Handover, number: int, size: int) -> Any:
        found = take(self, number, size)
        taken.append(type(found).__name__)
        return found

    here.Handover.take = look  # type: ignore[method-assign]
    import futurefsm

    futurefsm.taken = taken  # type: ignore[attr-defined]


def what_was_handed(_: Any = None) -> list[str]:
    import futurefsm

    return list(futurefsm.taken)  # type: ignore[attr-defined]


def killed(_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def waits(_: Any) -> None:
    time.sleep(600)


def fds(*pids: int) -> list[int]:
    return [psutil.Process(pid).num_fds() for pid in (os.getpid(), *pids)]


def no_more(than: list[int], *pids: int) -> bool:
    """Whether the counts of descriptors are so again; what goes last may need a moment."""
    deadline = time.monotonic() + 20
    while any(now > then for now, then in zip(fds(*pids), than, strict=True)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(handover, "LEAST", BYTES)
    with Client(workers=1) as one:
        one.submit(hand_all, BYTES).result()
        # Of so many arguments the engine was not told: it has its codec from here on, which opens
        # files of its own.
        assert one.submit(max, 1, 2, 3, 4).result() == 4
        yield one
    assert not sealed._held


@pytest.fixture
def took(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What this process was handed: the classes."""
    found: list[str] = []
    take = Handover.take

    def look(self: Handover, number: int, size: int) -> Any:
        taken = take(self, number, size)
        found.append(type(taken).__name__)
        return taken

    monkeypatch.setattr(Handover, "take", look)
    return found


def engine_of(client: Client) -> int:
    engine = client._agent._engine
    return int(engine.pid)  # type: ignore[union-attr]


def test_large_arguments_and_results_are_handed_over(client: Client, took: list[str]) -> None:
    client.submit(handed_to_me).result()
    mutable, fixed = filled(2 * BYTES), os.urandom(BYTES)
    one, other = client.submit(both, mutable, fixed).result()
    assert (one[0], one[1:], other) == (1, mutable[1:], fixed)
    assert mutable[0] == ord("x")
    assert client.submit(what_was_handed).result() == ["Sealed", "Sealed"]
    assert took == ["Sealed"]


def test_what_nobody_asked_for_yet_is_fetched_later(client: Client, took: list[str]) -> None:
    future = client.options(delayed=True).submit(filled, BYTES)
    while not future.done():
        time.sleep(0.001)
    assert future.result() == filled(BYTES)
    assert took == ["Sealed"]
    # The result of one task, as another's argument: it never leaves the engine.
    inner = client.options(delayed=True).submit(filled, BYTES)
    assert client.submit(len, inner).result() == BYTES


def test_one_value_for_many(client: Client) -> None:
    reference = client.send_object(filled(BYTES))
    found = [client.submit(both, reference, b"").result()[0] for _ in range(4)]
    expected = filled(BYTES)
    expected[0] = 1
    assert found == [expected] * 4


def test_arrays_come_as_they_were_and_may_be_written_to(client: Client, took: list[str]) -> None:
    array = np.arange(BYTES)
    result = client.submit(doubled, array).result()
    assert result.tolist() == [2 * n for n in range(BYTES)]
    assert array[-1] == BYTES - 1
    result[0] = 1
    assert took == ["Sealed"]


def doubled(array: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    array *= 2
    return array


def test_errors_are_not_handed_over(client: Client, took: list[str]) -> None:
    with pytest.raises(ValueError, match="xxx"):
        client.submit(_raise, BYTES).result()
    assert took == []


def _raise(size: int) -> None:
    raise ValueError("x" * size)


def test_no_descriptor_is_left(client: Client) -> None:
    worker = client.submit(os.getpid).result()
    engine = engine_of(client)
    for _ in range(2):
        assert len(client.submit(both, filled(BYTES), b"").result()[0]) == BYTES
    before = fds(engine, worker)
    for _ in range(200):
        assert len(client.submit(both, filled(BYTES), b"").result()[0]) == BYTES
    assert no_more(before, engine, worker)


@pytest.mark.parametrize("end", ["cancel", "death", "clear"])
def test_no_descriptor_is_left_after_what_goes_wrong(client: Client, end: str) -> None:
    assert client.submit(len, filled(BYTES)).result() == BYTES
    engine = engine_of(client)
    before = fds(engine)
    for _ in range(5):
        future = client.submit(killed if end == "death" else waits, filled(BYTES))
        if end == "death":
            assert future.exception() is not None
        elif end == "cancel":
            assert future.cancel()
        else:
            client.clear()
        assert client.submit(len, filled(BYTES)).result() == BYTES
    assert no_more(before, engine)


def test_few_descriptors_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "LEAST", BYTES)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        with Client(workers=1) as client:
            client.submit(hand_all, BYTES).result()
            values = [b"%9d" % n + bytes(BYTES) for n in range(150)]
            kept = [client.send_object(value) for value in values]
            futures = [client.submit(bytes, each) for each in kept]
            assert [future.result() for future in futures] == values
            later = [client.submit(filled, BYTES) for _ in range(100)]
            while not all(future.done() for future in later):
                time.sleep(0.001)
            assert all(future.result() == filled(BYTES) for future in later)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_without_it_all_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    monkeypatch.setattr(handover, "LEAST", BYTES)
    with Client(workers=1) as client:
        client.submit(hand_all, BYTES).result()
        value = filled(BYTES)
        assert client.submit(both, value, b"").result()[0][1:] == value[1:]


def test_interpreters_that_were_started_hand_over_too(
    monkeypatch: pytest.MonkeyPatch, took: list[str]
) -> None:
    monkeypatch.setattr(handover, "LEAST", BYTES)
    with Client(workers=1, start_method="spawn") as client:
        client.submit(hand_all, BYTES).result()
        client.submit(handed_to_me).result()
        assert len(client.submit(both, filled(BYTES), b"").result()[0]) == BYTES
        assert client.submit(what_was_handed).result() == ["Sealed"]
    assert took == ["Sealed"]


def test_a_task_that_leaves_its_worker_no_descriptor() -> None:
    """What hands over is imported with the first large value."""
    with Client(workers=1) as client:
        assert client.submit(_open_all).result() > 0
        for size in (handover.LEAST, handover.LEAST + 1):
            assert client.submit(len, filled(size)).result() == size


def _open_all() -> int:
    import resource

    # Its worker keeps them.
    sys._left = kept = []  # type: ignore[attr-defined]
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    with suppress(OSError):
        while True:
            kept.append(open(os.devnull))  # noqa: SIM115
    return len(kept)


def test_a_value_that_was_not_handed_over_is_the_workers_end(client: Client) -> None:
    error = client.submit(_says_so).exception()
    assert isinstance(error, WorkerDiedError)
    assert client.submit(len, filled(BYTES)).result() == BYTES


def _says_so() -> None:
    """Write into the engine's pipe what is not true."""
    import gc

    from futurefsm.client.engine import frames
    from futurefsm.client.engine.worker import Worker

    (me,) = (each for each in gc.get_objects() if isinstance(each, Worker))
    os.write(me._fd, frames.answer_header(frames.HANDED, 3, BYTES))
    time.sleep(600)


def test_a_serializer_of_the_users_is_given_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "LEAST", BYTES)
    with Client(workers=1, serializer=Own()) as client:
        client.submit(hand_all, BYTES).result()
        value = filled(BYTES)
        assert client.submit(both, value, b"").result()[0][1:] == value[1:]


class Own:
    def serialize(self, obj: Any, /) -> bytes:
        import cloudpickle

        return bytes(cloudpickle.dumps(obj))

    def deserialize(self, payload: bytes, /) -> Any:
        assert type(payload) is bytes
        return pickle.loads(payload)
