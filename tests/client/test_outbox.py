"""What is sent when: in order, again on a new connection, and not for ever."""

from collections.abc import Callable
from typing import Any

import pytest
from cut_wire import CutWire

from futurefsm.client.client import Client
from futurefsm.client.outbox import _WAITING_MAX, Outbox
from futurefsm.protocol.codec import decode, encode
from futurefsm.protocol.errors import TransportClosedError, TransportFullError
from futurefsm.protocol.messages import (
    CancelConfirmType,
    ClientDisconnect,
    ClientHeartbeat,
    DisconnectType,
    Message,
    Resource,
    Task,
    TaskCancel,
)
from tests.client.scripted import PATIENCE_S, ScriptedScheduler

BEAT = ClientHeartbeat(Resource(), 0, "here")


class Wire:
    """A channel that takes so many messages."""

    steady = False
    bursts = False
    lost = None
    trouble = ""
    connections = 1
    pending = False

    def __init__(self) -> None:
        self.up = True
        self.room = 1_000_000
        self.broken = False
        self.sent: list[Message] = []
        self.flushed = 0

    def send(self, payload: bytes) -> None:
        if self.broken:
            raise TransportClosedError("gone")
        if not self.room:
            raise TransportFullError("full")
        self.room -= 1
        self.sent.append(decode(payload))

    def flush(self) -> None:
        self.flushed += 1

    attach: Callable[[Any], None]
    deadline: Callable[[], float | None]
    turn: Callable[[float], None]
    receive: Callable[[], bytes | None]
    close: Callable[..., None]


def task(number: int) -> Task:
    return Task(bytes([number]) * 16, b"Client|x", b"", bytes(32), ())


TASKS = [task(number) for number in range(8)]


def test_in_order_through_a_full_channel() -> None:
    wire = Wire()
    outbox = Outbox(wire)
    wire.room = 3
    for each in TASKS:
        outbox.send(each)
    assert len(outbox) == 5
    assert outbox.congested
    outbox.flush()
    assert len(outbox) == 5
    wire.room = 100
    outbox.flush()
    assert wire.sent == TASKS
    assert not outbox.congested
    assert not len(outbox)


def test_nothing_overtakes_what_waits() -> None:
    """A cancel that is there before its task is answered for a task that nobody knows."""
    wire = Wire()
    outbox = Outbox(wire)
    wire.room = 0
    outbox.send(TASKS[0])
    wire.room = 9
    outbox.send(TaskCancel(TASKS[0].task_id, True))
    outbox.flush()
    assert wire.sent == [TASKS[0], TaskCancel(TASKS[0].task_id, True)]


def test_an_echo_tells_what_has_arrived() -> None:
    wire = Wire()
    outbox = Outbox(wire)
    outbox.echoed()  # to nothing
    outbox.send(TASKS[0])
    outbox.send(BEAT)
    outbox.send(TASKS[1])
    outbox.send(BEAT)
    outbox.send(TASKS[2])
    outbox.echoed()
    assert outbox.unsure == 2
    assert outbox.renew() == [TASKS[1], TASKS[2]]
    # Echoes of the old connection do not count for the new one.
    outbox.send(TASKS[3])
    assert outbox.echoed() == []
    assert outbox.unsure == 3
    outbox.send(BEAT)
    assert outbox.echoed() == [TASKS[1], TASKS[2]]
    assert outbox.unsure == 0
    outbox.send(BEAT)
    assert outbox.echoed() == []


def test_two_links_that_break_in_a_row_lose_nothing() -> None:
    wire = Wire()
    outbox = Outbox(wire)
    outbox.send(TASKS[0])
    outbox.renew()
    outbox.send(BEAT)
    outbox.send(TASKS[1])
    assert outbox.renew() == [TASKS[0], TASKS[1]]
    outbox.send(BEAT)
    assert outbox.echoed() == [TASKS[0], TASKS[1]]


def test_without_a_connection_it_waits_for_the_next() -> None:
    wire = Wire()
    outbox = Outbox(wire)
    wire.up = False
    for each in (BEAT, TASKS[0], TaskCancel(bytes(16), True), TASKS[1]):
        outbox.send(each)
    outbox.send(ClientDisconnect(DisconnectType.DISCONNECT))
    assert wire.sent == []
    assert not outbox.congested
    wire.up = True
    # A heartbeat, a cancel and a farewell are made anew where they are still wanted.
    assert outbox.renew() == [TASKS[0], TASKS[1]]


def test_what_is_no_message_does_not_wait_for_a_connection() -> None:
    wire = Wire()
    outbox = Outbox(wire)
    pushed = encode(BEAT)
    wire.up = False
    assert not outbox.push(pushed)
    wire.up = True
    assert outbox.push(pushed)
    assert wire.sent == [BEAT]


def test_there_is_an_end_to_waiting() -> None:
    wire = Wire()
    outbox = Outbox(wire)
    wire.up = False
    for _ in range(_WAITING_MAX + 1):
        outbox.send(TASKS[0])
    assert outbox.congested


def test_what_waited_is_not_sent_twice() -> None:
    wire = Wire()
    outbox = Outbox(wire)
    wire.room = 1
    outbox.send(TASKS[0])
    outbox.send(TASKS[1])
    wire.room = 100
    for each in outbox.renew():
        outbox.send(each)
    outbox.flush()
    assert wire.sent == [TASKS[0], TASKS[0], TASKS[1]]


def test_a_channel_that_broke_a_moment_ago() -> None:
    wire = Wire()
    outbox = Outbox(wire)
    wire.room = 0
    outbox.send(TASKS[0])
    wire.broken = True
    outbox.flush()
    assert outbox.renew() == [TASKS[0]]
    outbox.send(TASKS[1])
    assert outbox.renew() == [TASKS[0], TASKS[1]]


def test_where_nothing_is_lost_nothing_is_kept() -> None:
    wire = Wire()
    wire.steady = True
    outbox = Outbox(wire)
    outbox.send(BEAT)
    outbox.send(TASKS[0])
    assert wire.sent == [BEAT, TASKS[0]]
    assert outbox.unsure == 0


@pytest.mark.parametrize("backend", ["ymq", "zmq"])
def test_a_task_is_not_sent_again_behind_its_cancel(backend: str) -> None:
    """A scheduler that has answered the cancel would take it for a new one, and run it."""
    with (
        ScriptedScheduler(tcp=True, backend=backend) as scheduler,
        CutWire(scheduler.address) as wire,
    ):
        client = Client(wire.address, backend=backend, timeout=60, cancel_timeout=60)
        try:
            # Nothing says that the task has arrived, until the link is there again.
            scheduler.echo = False
            future = client.submit(abs, -1)
            task = scheduler.expect(Task)
            wire.reset()
            scheduler.echo = True
            future.cancel(timeout=0)
            assert scheduler.expect(TaskCancel).task_id == task.task_id
            # Behind the echo, which lets follow what may not have arrived.
            scheduler.confirm(task, CancelConfirmType.CANCELED)
            assert future.cancel(PATIENCE_S)
            client.submit(abs, -2)
            assert scheduler.expect(Task).task_id != task.task_id
        finally:
            client.disconnect(timeout=0)
