"""Both lines of a client: who is looked at when, and when nobody is."""

import operator
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from futurefsm.client import lines
from futurefsm.client.client import Client
from futurefsm.fsm.lifecycles import STRICT
from futurefsm.protocol import messages as m
from futurefsm.protocol.errors import TransportFullError
from tests.client.scripted import PATIENCE_S, ScriptedScheduler


def counted(client: Client, of: Any, name: str) -> list[int]:
    """How often a method was called, from now on."""
    calls: list[int] = [0]
    original: Callable[..., Any] = getattr(of, name)

    def count(*args: Any) -> Any:
        calls[0] += 1
        return original(*args)

    client._agent.call(lambda: setattr(of, name, count))
    return calls


def test_a_submit_looks_at_no_line(client: Client, scheduler: ScriptedScheduler) -> None:
    channel = client._agent._channel
    client.submit(operator.add, 1, 2)
    scheduler.expect(m.Task)
    turns = counted(client, channel, "turn")
    for n in range(50):
        client.submit(operator.add, 1, n)
        scheduler.expect(m.Task)
    # The timers have their turns.
    assert turns[0] < 10


def test_nor_does_one_that_comes_when_the_agent_is_about_to_sleep(
    client: Client, scheduler: ScriptedScheduler
) -> None:
    """It is awake, so nobody wakes it, and it finds the task in the inbox."""
    agent = client._agent
    waker = agent._waker

    class Late:
        def __getattr__(self, name: str) -> Any:
            return getattr(waker, name)

        def drain(self) -> None:
            client.submit(operator.add, 1, 2)
            waker.drain()

    def hear(waker: Any) -> None:
        agent.call(lambda: setattr(agent, "_waker", waker))

    client.submit(operator.add, 1, 2)
    scheduler.expect(m.Task)
    turns = counted(client, agent._channel, "turn")
    hear(Late())
    for _ in range(20):
        # Behind `hear`: that may have come while the old one was drained, and woken nobody.
        agent.call(lambda: None)
        scheduler.expect(m.Task)
    hear(waker)
    assert turns[0] < 10


def test_the_store_is_looked_at_however_much_the_scheduler_talks(client: Client) -> None:
    """Its silence is measured: what is looked at when it speaks only is never found silent."""
    agent, looks = client._agent, []
    original = agent._storage.turn

    def turn(now: float) -> Any:
        looks.append(now)
        return original(now)

    def act() -> None:
        agent._storage.turn = turn  # type: ignore[method-assign]
        began = time.monotonic() + 10
        for n in range(5):
            agent._lines.turn(began + 0.04 * n, {"what the scheduler says"})
        agent._storage.turn = original  # type: ignore[method-assign]

    agent.call(act, PATIENCE_S)
    assert looks[1] - looks[0] == pytest.approx(0.12)
    assert len(looks) == 2


def test_a_store_that_is_not_there_is_looked_at_in_each_turn(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, looks = client._agent, list[float]()
    one, began = agent._lines, time.monotonic() + 10

    class Store:
        poll_item, address, lost, up = -1, "somewhere", None, True

        def turn(self, now: float) -> list[Any]:
            looks.append(now)
            self.up = len(looks) > 3
            return []

    def act() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(one, "storage", Store())
            for n in range(8):
                one.turn(began + 0.01 * n, {one._waker})

    agent.call(act, PATIENCE_S)
    # It has come with the fourth look: from then on it is looked at every 0.1 s.
    assert looks == [began + 0.01 * n for n in range(4)]


def test_what_found_no_room_leaves_in_the_next_turn(
    client: Client, scheduler: ScriptedScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it waits nothing further is taken from the inbox."""
    one, waiting = client._agent._lines, list[int]()

    def full(payload: bytes) -> None:
        raise TransportFullError("no room")

    def act() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(one.channel, "send", full)
            one.outbox.send(m.TaskCancel(b"t" * 16))
            waiting.append(len(one.outbox))
        one.turn(time.monotonic(), {one._waker})
        waiting.append(len(one.outbox))

    client._agent.call(act, PATIENCE_S)
    assert waiting == [1, 0]
    scheduler.expect(m.TaskCancel)


@pytest.mark.parametrize("later", [103.0, None])
@pytest.mark.parametrize("first", ["tracker", "channel", "storage"])
def test_it_sleeps_until_the_first_deadline(
    client: Client, monkeypatch: pytest.MonkeyPatch, first: str, later: float | None
) -> None:
    """And not at all where something is here already, of which no descriptor tells."""
    agent, waits = client._agent, list[float | None]()
    one = agent._lines
    at = dict.fromkeys(("tracker", "channel", "storage"), later) | {first: 101.0}

    def act() -> None:
        with monkeypatch.context() as patch:
            channel = SimpleNamespace(pending=False, deadline=lambda: at["channel"])
            patch.setattr(lines, "monotonic", lambda: 100.0)
            patch.setattr(one, "_poller", SimpleNamespace(poll=lambda s: waits.append(s) or ()))
            patch.setattr(one, "channel", channel)
            patch.setattr(one, "storage", SimpleNamespace(deadline=lambda: at["storage"]))
            one.wait(at["tracker"], rest=False, hurry=False)
            one.wait(at["tracker"], rest=False, hurry=True)
            channel.pending = True
            one.wait(at["tracker"], rest=True, hurry=False)

    agent.call(act, PATIENCE_S)
    assert waits == [1.0, 0.0, 0.0]


def test_the_channel_has_its_turn_in_time_whatever_else_comes(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, turns = client._agent, list[float]()
    one, now = agent._lines, time.monotonic()

    def act() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(one, "_turn_channel", turns.append)
            for due, then in ((now, now - 1.0), (now, now), (None, now)):
                patch.setattr(one, "_due", due)
                one.turn(then, {one._waker})

    agent.call(act, PATIENCE_S)
    assert turns == [now]


def rests(monkeypatch: pytest.MonkeyPatch, client: Client, tasks: int) -> list[float]:
    """How long its agent rests, with so many tasks, after one that took a minute."""
    found: list[float] = []
    monkeypatch.setattr(lines, "sleep", found.append)
    agent = client._agent
    agent.call(lambda: agent._lines._pace.ended([60.0]))
    futures = [client.submit(time.sleep, 60) for _ in range(tasks)]
    agent.call(lambda: None)
    agent.call(lambda: None)
    assert not any(future.done() for future in futures)
    return found


def test_it_rests_where_much_is_to_come(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rests(monkeypatch, client, 100)[-1] == 0.010


def test_with_little_to_come_it_does_not(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rests(monkeypatch, client, 5) == []


def test_nor_where_workers_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks that are kept here until a worker is free: a rest would be the worker's too."""
    client = Client(workers=1, lifecycle=STRICT)
    try:
        assert rests(monkeypatch, client, 100) == []
    finally:
        client.disconnect(timeout=0)


def test_results_that_were_quick_end_its_rest(client: Client, scheduler: ScriptedScheduler) -> None:
    agent = client._agent
    agent.call(lambda: agent._lines._pace.ended([60.0]))
    future = client.submit(operator.add, 1, 2)
    scheduler.result(scheduler.expect(m.Task), 3)
    assert future.result(PATIENCE_S) == 3
    assert 0.0 < agent._lines._pace._took < 60.0
    # Of a task that is forgotten nobody knows how long it took.
    scheduler.send(m.TaskResult(bytes(16), m.TaskResultType.SUCCESS, b"", (bytes(32),)))
    while not client._agent.pump.tracker.violations:
        time.sleep(0.001)
    assert agent.call(lambda: agent._lines._pace._took) == 0.0
