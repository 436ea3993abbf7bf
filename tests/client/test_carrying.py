"""Objects beside messages, the client's end: the test is scheduler and store."""

from typing import Any

import pytest

from futurefsm.client.carrying import DELETED_BYTES_MAX, DELETED_MAX, Carrying
from futurefsm.client.outputs import Delete, Get, Put, Send
from futurefsm.protocol import messages as m
from futurefsm.protocol.piggyback import CARRIED_MAX, Payload, carry, hand
from tests.client.desk import FUNCTION, ME, VALUE, Desk

RESULT = b"r" * 32


class Engine(Desk):
    """A desk whose scheduler takes objects beside messages.

    Attributes:
        said: messages, and objects by their ids, in order.
        asked: what went over the storage channel.
    """

    def __init__(self) -> None:
        self.said: list[Any] = []
        self.asked: list[Any] = []
        super().__init__()
        self.carrying = Carrying(self.pump, self, self)  # type: ignore[arg-type]
        self.up = True
        self.said.clear()

    def send(self, message: m.Message) -> None:
        self.said.append(message)

    def carry(self, object_id: bytes, payload: bytes) -> None:
        self.said.append((object_id, payload))

    def push(self, message: bytes) -> bool:
        if self.up:
            self.said.append(message)
        return self.up

    def ask(self, requests: Any) -> None:
        self.asked += requests

    def perform(self) -> None:
        self.carrying.perform(self.pump.take())

    def ended(self, task_id: bytes, value: bytes | None = VALUE, object_id: bytes = RESULT) -> None:
        if value is not None:
            assert self.carrying.receive(carry(object_id, value))
        ok = m.TaskResultType.SUCCESS
        self.pump.receive(m.TaskResult(task_id, ok, b"", (object_id,)), 1.0)
        self.perform()


def deleted(engine: Engine) -> list[bytes]:
    return [
        object_id
        for said in engine.said
        if isinstance(said, m.ObjectInstruction)
        and said.instruction_type is m.InstructionType.DELETE
        for object_id in said.object_metadata.object_ids
    ]


def sent(engine: Engine, **options: Any) -> Any:
    future = engine.submit(**options)
    engine.pump.run_inbox(0.0)
    engine.perform()
    return future


def test_an_object_goes_in_front_of_its_task_and_counts_as_stored() -> None:
    engine = Engine()
    future = sent(engine)
    (_, payload), task = [said for said in engine.said if type(said) is not m.ObjectInstruction]
    assert (payload, task.task_id) == (FUNCTION.payload, future.task_id)
    assert not engine.asked
    assert not engine.tracker._uploads._unstored


@pytest.mark.parametrize("size", [0, CARRIED_MAX + 1])
def test_the_large_and_the_empty_go_over_the_storage_channel(size: int) -> None:
    engine = Engine()
    put = Put(RESULT, bytes(size))
    engine.carrying.perform([put, Delete(RESULT)])
    # Behind each other, as they were said.
    assert engine.asked == [put, Delete(RESULT)]
    assert not engine.said


def test_a_result_that_came_with_its_message_is_not_asked_for() -> None:
    engine = Engine()
    future = sent(engine)
    engine.ended(future.task_id)
    assert future.result(0) == "a value"
    assert not engine.asked


def test_it_is_deleted_with_the_next_heartbeat() -> None:
    engine = Engine()
    future = sent(engine)
    engine.ended(future.task_id)
    # Not with a task: that would wait for it.
    sent(engine)
    assert deleted(engine) == []
    beat = Send(m.ClientHeartbeat(m.Resource(), 0, ""))
    engine.carrying.perform([beat])
    assert engine.said[-2] == beat.message
    assert deleted(engine) == [RESULT]
    # Once, and nothing of it is remembered.
    engine.carrying.perform([beat])
    assert deleted(engine) == [RESULT]
    assert not engine.carrying._sizes


def test_many_are_deleted_by_one_instruction() -> None:
    engine = Engine()
    ids = [bytes([number]) * 32 for number in range(DELETED_MAX + 1)]
    for object_id in ids:
        engine.ended(sent(engine).task_id, VALUE, object_id)
    assert deleted(engine) == ids[:DELETED_MAX]
    instructions = [
        said
        for said in engine.said
        if isinstance(said, m.ObjectInstruction)
        and said.instruction_type is m.InstructionType.DELETE
    ]
    assert len(instructions) == 1


def test_what_waits_to_be_deleted_is_bounded() -> None:
    engine = Engine()
    futures = [sent(engine) for _ in range(20)]
    for number, future in enumerate(futures):
        engine.ended(future.task_id, VALUE + bytes(10_000), bytes([number]) * 32)
    assert 0 < len(futures) - len(deleted(engine)) <= DELETED_BYTES_MAX // 10_000


def test_a_result_that_did_not_come_is_asked_for() -> None:
    engine = Engine()
    future = sent(engine)
    engine.ended(future.task_id, None)
    assert engine.asked == [Get(RESULT)]
    engine.pump.fetched(RESULT, VALUE, 1.0)
    engine.perform()
    assert engine.asked[1:] == [Delete(RESULT)]
    assert future.result(0) == "a value"


def test_a_result_that_nobody_wants_now_is_not_kept() -> None:
    engine = Engine()
    future = sent(engine, delayed=True)
    engine.ended(future.task_id)
    assert not engine.carrying._came
    assert not engine.carrying._sizes
    engine.tracker.want(future.task_id)
    engine.perform()
    assert engine.asked == [Get(RESULT)]


def test_other_messages_are_left_alone() -> None:
    engine = Engine()
    assert not engine.carrying.receive(b"a message")
    engine.carrying.perform([Send(m.TaskCancel(b"t", True))])
    assert engine.said == [m.TaskCancel(b"t", True)]
    assert engine.tracker.identity == ME


class Hand:
    """The way to the engine: it takes `room` objects, and has what the test puts there."""

    def __init__(self) -> None:
        self.given: list[tuple[Payload, int]] = []
        self.here: dict[tuple[int, int], Payload] = {}
        self.room = 0

    def give(self, what: Payload, number: int) -> bool:
        if len(self.given) < self.room:
            self.given.append((what, number))
            return True
        return False

    def take(self, number: int, size: int) -> Payload | None:
        return self.here.pop((number, size), None)


def handing() -> tuple[Engine, Hand]:
    engine, way = Engine(), Hand()
    engine.carrying = Carrying(engine.pump, engine, engine, way)  # type: ignore[arg-type]
    return engine, way


def test_the_first_message_says_that_results_may_be_handed_over() -> None:
    engine, _ = handing()
    engine.up = False
    engine.carrying.perform([Send(m.TaskCancel(RESULT[:16], False))])
    engine.up = True
    for _ in range(2):
        engine.carrying.perform([Send(m.TaskCancel(RESULT[:16], False))])
    assert [type(said) for said in engine.said] == [m.TaskCancel, bytes, m.TaskCancel, m.TaskCancel]
    assert engine.said[1] == hand(bytes(32), 0, 0)


def test_a_large_object_is_handed_over_where_there_is_room() -> None:
    engine, way = handing()
    way.room = 2
    puts = [Put(bytes([n]) * 32, bytes([n]) * (CARRIED_MAX + 1)) for n in range(3)]
    engine.carrying.perform(list(puts))
    size = CARRIED_MAX + 1
    assert way.given == [(puts[0].payload, 0), (puts[1].payload, 1)]
    assert engine.said == [hand(puts[0].object_id, 0, size), hand(puts[1].object_id, 1, size)]
    assert engine.asked == [puts[2]]


def test_a_result_that_was_handed_over_is_not_asked_for() -> None:
    engine, way = handing()
    future = sent(engine)
    way.here[4, len(VALUE)] = VALUE
    assert engine.carrying.receive(hand(RESULT, 4, len(VALUE)))
    engine.ended(future.task_id, None)
    assert future.result(0) == "a value"
    assert not engine.asked


def test_one_that_could_not_be_taken_is_asked_for() -> None:
    engine, _ = handing()
    future = sent(engine)
    assert engine.carrying.receive(hand(RESULT, 4, len(VALUE)))
    engine.ended(future.task_id, None)
    assert engine.asked == [Get(RESULT)]


def test_without_a_way_it_is_no_message() -> None:
    assert not Engine().carrying.receive(hand(RESULT, 4, len(VALUE)))
