"""What a task costs on the embedded engine, as counts: messages, and turns of who waits."""

import concurrent.futures
import operator
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from futurefsm.client.client import Client
from futurefsm.fsm.lock import Bed, FutureLock
from futurefsm.protocol import messages as m
from futurefsm.protocol.messages import ClientHeartbeat
from tests.client.engine.engine_tasks import wait_for_file
from tests.client.scripted import PATIENCE_S, ScriptedScheduler


@contextmanager
def watched(client: Client, of: Any, name: str, see: Callable[..., object]) -> Iterator[None]:
    """`see` is called with what a method of the agent's is called with, on the agent's thread."""
    original: Callable[..., Any] = getattr(of, name)

    def seen(*args: Any) -> Any:
        see(*args)
        return original(*args)

    client._agent.call(lambda: setattr(of, name, seen), PATIENCE_S)
    yield
    client._agent.call(lambda: delattr(of, name), PATIENCE_S)


@contextmanager
def messages(client: Client) -> Iterator[Counter[str]]:
    """Counts what goes and comes: kinds of messages, objects that are carried beside them, and
    requests to the object store."""
    counts: Counter[str] = Counter()
    lines, pump = client._agent._lines, client._agent.pump

    def note(message: Any, *_: Any) -> None:
        counts[type(message).__name__] += 1

    def carry(*_: Any) -> None:
        counts["carry"] += 1

    def ask(requests: list[Any]) -> None:
        counts.update(type(request).__name__ for request in requests)

    with (
        watched(client, lines.outbox, "send", note),
        watched(client, lines.outbox, "carry", carry),
        watched(client, pump, "receive", note),
        watched(client, lines.storage, "ask", ask),
    ):
        yield counts


def heartless(counts: Counter[str]) -> dict[str, int]:
    """Without the signs of life, which come when they come."""
    return {kind: n for kind, n in counts.items() if not kind.startswith("ClientHeartbeat")}


def test_a_task_without_argument_is_two_messages(cluster: Client) -> None:
    """Task and TaskResult: its value comes with that, and many are deleted by one instruction."""
    count = 200
    assert cluster.submit(int).result(PATIENCE_S) == 0  # its function is there from here on
    with messages(cluster) as counts:
        futures = [cluster.submit(int) for _ in range(count)]
        assert all(future.result(PATIENCE_S) == 0 for future in futures)
    found = heartless(counts)
    assert found.pop("Task") == count
    assert found.pop("TaskResult") == count
    assert sum(found.values()) <= count // 10, found


def test_an_argument_is_one_message_more(cluster: Client) -> None:
    """The object itself, in front of its task: nothing is announced, answered, or asked."""
    count = 200
    assert cluster.submit(operator.neg, -1).result(PATIENCE_S) == 1
    with messages(cluster) as counts:
        futures = [cluster.submit(operator.neg, 1000 + n) for n in range(count)]
        assert [future.result(PATIENCE_S) for future in futures] == [
            -1000 - n for n in range(count)
        ]
    assert counts["Task"] == counts["TaskResult"] == count
    assert counts["carry"] == count
    found = heartless(counts)
    assert sum(found.values()) - 3 * count <= count // 10, found


def test_a_round_trip_is_two_turns(cluster: Client) -> None:
    """One that sends the task, and one that tells of its end: the agent is woken when both of a
    submit's commands are there, and nobody wakes it while it is awake."""
    count, turns = 100, [0]

    def turn() -> None:
        turns[0] += 1

    assert cluster.submit(int).result(PATIENCE_S) == 0
    with watched(cluster, cluster._agent, "_turn", turn):
        for _ in range(count):
            assert cluster.submit(int).result(PATIENCE_S) == 0
    # It may be one: who heard of the end in the middle of the agent's turn submits within that.
    assert count <= turns[0] <= 2 * count + count // 5


def test_the_two_turns_of_a_round_trip_are_few_calls(cluster: Client) -> None:
    """None of them is fat: what the agent needs for a task is their number. It was 290."""
    count, calls = 200, [0]

    def called(frame: Any, event: str, arg: Any) -> None:
        calls[0] += event == "call"

    agent = cluster._agent
    for _ in range(20):
        assert cluster.submit(operator.add, 1, 2).result(PATIENCE_S) == 3
    agent.call(lambda: sys.setprofile(called), PATIENCE_S)
    for _ in range(count):
        assert cluster.submit(operator.add, 1, 2).result(PATIENCE_S) == 3
    agent.call(lambda: sys.setprofile(None), PATIENCE_S)
    assert calls[0] / count <= 160


def test_an_idle_client_turns_for_its_signs_of_life_only(tmp_path: Path) -> None:
    """Ten thousand pending futures: no turn of the agent is for them."""
    turns, beats = [0], [0]
    wanted, seen, counted = 5, threading.Event(), list[int]()

    def turn() -> None:
        turns[0] += 1

    def send(message: Any) -> None:
        if isinstance(message, ClientHeartbeat):
            beats[0] += 1
            if beats[0] == 1:
                turns[0] = 0
            if beats[0] == wanted:
                counted.append(turns[0])  # here: who hears of it may hear late, and more have come
                seen.set()

    gate = tmp_path / "gate"
    with Client(workers=1) as client:
        agent = client._agent
        session = agent.pump.tracker.session
        agent.call(lambda: setattr(session, "_period", 0.1), PATIENCE_S)
        first = client.submit(wait_for_file, str(gate))
        futures = [client.submit(int) for _ in range(10_000)]
        while agent.call(lambda: len(agent.inbox) + len(agent._lines.outbox), PATIENCE_S):
            pass
        with watched(client, agent, "_turn", turn):
            with watched(client, agent._lines.outbox, "send", send):
                assert seen.wait(PATIENCE_S)
        assert not any(future.done() for future in futures)
        client.cancel(futures)
        gate.touch()
        first.result(PATIENCE_S)
    # From a heartbeat to the next: one turn for its echo, one in which the next is due; and now
    # and then one because ZeroMQ's own descriptor tells of more than messages.
    assert counted[0] <= 4 * (wanted - 1) + 2


def test_who_wants_a_value_sleeps_once(
    client: Client, scheduler: ScriptedScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The TaskResult settles the future, and wakes who waits for that; the value is yet to come."""
    slept: list[int] = []
    sleep = FutureLock.sleep

    def counted(lock: FutureLock, bed: Bed, seconds: float | None) -> bool:
        slept.append(threading.get_ident())
        return sleep(lock, bed, seconds)

    def ask() -> None:
        said.append(future.result(PATIENCE_S))

    monkeypatch.setattr(FutureLock, "sleep", counted)
    scheduler.hold_gets = True
    future, said = client.submit(operator.add, 1, 2), list[int]()
    condition: Any = future._condition
    settled: list[bool] = []

    def as_others_do() -> None:
        with condition:
            settled.append(condition.wait_for(future.done, PATIENCE_S))

    asking, other = threading.Thread(target=ask), threading.Thread(target=as_others_do)
    asking.start()
    other.start()
    while len(condition._waiters or ()) < 2:
        time.sleep(0)
    scheduler.result(scheduler.expect(m.Task), 3)
    other.join(PATIENCE_S)
    assert settled == [True]
    concurrent.futures.wait([future], PATIENCE_S)
    assert len(condition._waiters) == 1
    with pytest.raises(TimeoutError, match="its value is not here"):
        future.result(0.01)
    assert len(condition._waiters) == 1
    scheduler.release_gets()
    asking.join(PATIENCE_S)
    assert said == [3]
    assert slept.count(asking.ident or 0) == 1
