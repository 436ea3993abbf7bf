"""A worker answers exactly once, whatever its task does. Real processes."""

import os
import pickle
import select
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

import cloudpickle
import engine_tasks as tasks
import pytest
from pool_world import PoolWorld, raised

from futurefsm.client.engine import frames
from futurefsm.client.engine.lane import Lane
from futurefsm.client.engine.worker import Worker
from futurefsm.client.engine.workers import Answered, Died
from futurefsm.client.errors import (
    DeserializationError,
)

# -- values


@pytest.mark.parametrize(
    "value", [None, 1, "text", b"bytes", 1.5, [1, {"a": (2,)}], {1}, 10**50, bytearray(b"x")]
)
def test_values_come_back(world: PoolWorld, value: object) -> None:
    assert world.value(0, lambda one: one, value) == value


def test_a_result_of_a_class_that_nobody_can_import(world: PoolWorld) -> None:
    class Local:
        def __init__(self) -> None:
            self.x = 3

    assert type(world.value(0, Local)) is Local
    assert world.value(0, lambda: lambda y: y + 1)(2) == 3


def test_large_values(world: PoolWorld) -> None:
    big = os.urandom(1 << 20) * 30
    assert world.value(0, lambda one: one + b"!", big) == big + b"!"


def test_arguments_are_fresh_in_every_task(world: PoolWorld) -> None:
    function, argument = world.blob(tasks.append), world.blob([0])
    for _ in range(4):
        assert world.value(0, function, argument) == [0, 1]


def test_a_function_is_loaded_once_until_it_is_forgotten(world: PoolWorld) -> None:
    calls: list[int] = []

    def counts() -> int:
        calls.append(1)
        return len(calls)

    function = world.blob(counts)
    assert [world.value(0, function) for _ in range(3)] == [1, 2, 3]
    world.pool.forget([function[0]])
    assert world.value(0, function) == 1


def test_a_serializer_of_the_client(world: PoolWorld) -> None:
    class Reversed:
        def serialize(self, value: Any) -> bytes:
            return pickle.dumps(value)[::-1]

        def deserialize(self, data: Any) -> Any:
            assert type(data) is bytes
            return pickle.loads(data[::-1])

    own = Reversed()
    codec = world.blob(own)
    function = (b"f" * 32, cloudpickle.dumps(len)[::-1])
    argument = (b"a" * 32, own.serialize([1, 2]))
    for _ in range(2):
        event = world.run(0, function, argument, serializer=codec)
        assert isinstance(event, Answered)
        assert own.deserialize(bytes(event.answer.payload)) == 2


def test_the_serializer_of_a_scaler_client_is_cloudpickle(world: PoolWorld) -> None:
    named = b"\x80\x02cscaler.client.serializer.default\nDefaultSerializer\n)\x81."
    for _ in range(2):
        assert world.value(0, len, [1], serializer=(b"s" * 32, named)) == 1


def test_the_profile_measures_the_task(world: PoolWorld) -> None:
    def spin() -> None:
        import time

        end = time.process_time() + 0.05
        held = bytearray(300 << 20)
        held[::4096] = b"x" * len(held[::4096])
        while time.process_time() < end:
            pass

    event = world.run(0, spin)
    assert isinstance(event, Answered)
    assert event.answer.seconds >= 0.05
    assert event.answer.cpu_seconds >= 0.05
    assert 280 << 20 < event.answer.peak_bytes < 400 << 20


# -- what cannot be loaded


def test_an_argument_that_cannot_be_loaded(world: PoolWorld) -> None:
    ran: list[int] = []
    error = raised(world.error(0, lambda *_: ran.append(1), 1, tasks.LoadRaises()))
    assert type(error) is DeserializationError
    assert error.what == "argument 2"
    assert error.reason == "KeyError: 'argument'"


def test_a_function_that_cannot_be_loaded_fails_every_time(world: PoolWorld) -> None:
    function = (b"f" * 32, b"cno_such_module\nfunction\n.")
    for _ in range(3):
        error = raised(world.error(0, function))
        assert type(error) is DeserializationError
        assert error.what == "the function"
        assert "no_such_module" in error.reason


def test_a_load_that_kills(world: PoolWorld) -> None:
    assert world.run(0, len, tasks.LoadDies()) == Died(0, 11, True)


# -- endings


@pytest.mark.parametrize("code", [0, 1, 255])
def test_exit_codes(world: PoolWorld, code: int) -> None:
    assert world.run(0, os._exit, code) == Died(0, code, True)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_signals(world: PoolWorld, number: int) -> None:
    assert world.run(0, tasks.own_signal, int(number)) == Died(0, -number, True)


def test_sigint_does_nothing(world: PoolWorld) -> None:
    assert world.value(0, lambda: os.kill(os.getpid(), signal.SIGINT)) is None


def test_a_forked_child_that_returns_does_not_answer(world: PoolWorld) -> None:
    assert world.value(0, tasks.forks_and_returns) == "parent"
    assert world.value(0, lambda: 2) == 2


@pytest.mark.parametrize("breaks", [tasks.closes_everything, tasks.writes_garbage])
def test_a_task_that_ruins_its_pipe_is_killed(world: PoolWorld, breaks: Any) -> None:
    assert world.run(0, breaks) == Died(0, -signal.SIGKILL, True)


def test_broken_standard_streams_do_not_matter(world: PoolWorld) -> None:
    assert world.value(0, tasks.breaks_stdout) == "fine"
    assert world.value(0, lambda: 3) == 3


def test_a_signal_handler_that_raises_between_tasks_is_a_death_and_not_a_wrong_answer(
    world: PoolWorld,
) -> None:
    with PoolWorld(stderr=os.open(os.devnull, os.O_WRONLY)) as quiet:
        quiet.start()
        os.kill(quiet.value(0, tasks.leaves_a_handler), signal.SIGALRM)
        assert quiet.until(lambda e: isinstance(e, Died)) == Died(0, 70, True)
        os.close(quiet.options.stderr)


# -- the process


def test_surroundings(world: PoolWorld) -> None:
    def look() -> Any:
        return (
            sys.argv,
            sys.path,
            os.getcwd(),
            sys.stdin.read(),
            os.getpgrp() == os.getpid(),
            os.environ.get("PATH"),
        )

    assert world.value(0, look) == (
        sys.argv,
        sys.path,
        os.getcwd(),
        "",
        True,
        os.environ.get("PATH"),
    )


def test_a_worker_is_light(world: PoolWorld) -> None:
    def loaded() -> set[str]:
        return {name.partition(".")[0] for name in sys.modules}

    names = world.value(0, loaded)
    assert not names & {"zmq", "capnp", "transitions", "asyncio", "multiprocessing"}


def test_ready_comes_before_the_imports_that_can_wait() -> None:
    """The message that a worker is up names no task and costs nothing."""
    assert frames.TO_ENGINE.size == len(frames.answer_header(frames.READY, 0, 0))


class SlowPoll:
    """As the system's: looks at one after the other. Much may happen between two looks."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        self._meanwhile = meanwhile
        self._fds: list[int] = []

    def register(self, fd: int, events: int) -> None:
        assert events == select.POLLIN
        self._fds.append(fd)

    def poll(self) -> list[tuple[int, int]]:
        ready = []
        for fd in self._fds:
            if select.select([fd], [], [], 0)[0]:
                ready.append((fd, select.POLLIN))
            self._meanwhile()
        return ready or self.poll()


def test_what_was_sent_first_is_begun_first(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    lane = Lane()
    pieces = iter([lambda: ours.send(b"a task"), lambda: lane.send(b"another, behind it")])

    def engine() -> None:
        for send in pieces:
            send()

    monkeypatch.setattr("select.poll", lambda: SlowPoll(engine))
    # It opens a file for as long as its process lives.
    monkeypatch.setattr("futurefsm.client.engine.worker.Peak", object)
    worker = Worker(theirs.fileno(), 1024, lane=lane.theirs.fileno())
    assert worker._next() is worker._pipe
    assert worker._pipe.exactly(6) == b"a task"
    assert worker._next() is worker._lane
    for each in (ours, theirs, lane):
        each.close()
