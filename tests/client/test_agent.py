"""The agent's thread: what wakes it, what ends it, and what it leaves."""

import concurrent.futures
import operator
import threading
import time
from typing import Any

import psutil
import pytest

from futurefsm.client import agent as agent_module
from futurefsm.client import closing
from futurefsm.client.client import Client
from futurefsm.client.inbox import Asked, Inbox
from futurefsm.fsm import leftover
from futurefsm.fsm.errors import ConnectionLostError
from futurefsm.protocol import messages as m
from tests.client.scripted import PATIENCE_S, ScriptedScheduler


def test_call_runs_on_its_thread_and_knows_the_end(client: Client) -> None:
    agent = client._agent
    assert agent.call(lambda: threading.current_thread().name) == f"{agent.name}-agent"
    client.disconnect(timeout=0)
    assert agent.call(lambda: 1) is None


@pytest.mark.parametrize("asks", ["the one that is locked", "another", "a cancel"])
def test_who_was_interrupted_in_wait_goes_on_asking(
    client: Client, scheduler: ScriptedScheduler, asks: str
) -> None:
    """`concurrent.futures` leaves the locks of all; the pump waits for one of them."""
    first, second = (client.submit(operator.add, 1, 2) for _ in range(2))
    tasks = [scheduler.expect(m.Task) for _ in range(2)]
    concurrent.futures._base._AcquireFutures([first, second]).__enter__()  # type: ignore[attr-defined]
    scheduler.result(tasks[0], 3)
    agent = client._agent
    while agent.pump._firing != first.task_id:
        time.sleep(0.001)
    scheduler.result(tasks[1], 4)
    if asks == "a cancel":
        assert second.cancel(timeout=PATIENCE_S)
        assert second.cancel_outcome in ("too_late", "after_finish")
    elif asks == "another":
        assert client.submit(operator.add, 1, 2).cancel(timeout=0)
        assert second.result(PATIENCE_S) == 4
    assert first.result(PATIENCE_S) == 3
    assert not any(future._lock._is_owned() for future in (first, second))


def test_who_was_interrupted_before_the_pump_knew_of_the_tasks(client: Client) -> None:
    held = threading.Event()
    agent = client._agent
    agent.inbox.put(Asked(lambda: held.wait(PATIENCE_S)))
    futures = [client.submit(operator.add, 1, 2) for _ in range(2)]
    concurrent.futures._base._AcquireFutures(futures).__enter__()  # type: ignore[attr-defined]
    agent.check_process(waits=True)
    owned = [future._lock._is_owned() for future in futures]
    held.set()
    assert owned == [False, False]


def test_what_is_looked_at_before_a_wait_is_a_small_part_of_the_time(
    client: Client, scheduler: ScriptedScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    monkeypatch.setattr(leftover, "let_go", lambda locks: looked.append(len(list(locks))))
    now = time.monotonic()
    monkeypatch.setattr(agent_module, "monotonic", lambda: now)
    futures = [client.submit(operator.add, 1, 2) for _ in range(100)]
    for _ in futures:
        scheduler.expect(m.Task)
    agent = client._agent
    for later in (0.0, 0.00005, 0.00011, 0.0002, 0.00023):
        monkeypatch.setattr(agent_module, "monotonic", lambda later=later: now + later)
        agent.check_process(waits=True)
    assert looked == [100] * 3
    agent.check_process()
    other = threading.Thread(target=agent.check_process, kwargs={"waits": True})
    other.start()
    other.join()
    assert looked == [100] * 3


def test_who_closes_asks_as_long_as_the_agent_gets_on(
    client: Client, scheduler: ScriptedScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million submits take longer than an agent that is busy gets; what was submitted is asked
    to stop all the same."""
    futures = [client.submit(operator.add, 1, 2) for _ in range(3)]
    for _ in futures:
        scheduler.expect(m.Task)
    agent = client._agent
    monkeypatch.setattr(closing, "_BUSY_S", 0.0)
    left = [3, 2, 1, 1]

    def length(self: Any) -> int:
        mine = threading.current_thread() is threading.main_thread()
        return left.pop(0) if mine else len(self._commands)

    monkeypatch.setattr(Inbox, "__len__", length)
    held = threading.Event()
    agent.inbox.put(Asked(lambda: held.wait(PATIENCE_S)))
    # Three commands, two, one, and then no progress any more.
    assert closing._owed(agent) == []
    assert left == []
    left += [3, 2, 1, 0]
    real = agent.call

    def call(act: Any, timeout: float) -> Any:
        if len(left) == 1:
            held.set()
            timeout = PATIENCE_S
        return real(act, timeout)

    monkeypatch.setattr(agent, "call", call)
    assert set(closing._owed(agent)) == set(futures)
    monkeypatch.undo()


def test_it_does_not_poll(client: Client, scheduler: ScriptedScheduler) -> None:
    """Ten thousand pending futures cost no turn of the loop, but for heartbeats."""
    futures = [client.submit(operator.add, 1, 2) for _ in range(10_000)]
    for _ in futures:
        scheduler.expect(m.Task)
    agent = client._agent
    while agent.call(lambda: agent._storage.store.outstanding):
        pass
    turns = 0
    original = agent._turn

    def counted() -> bool:
        nonlocal turns
        turns += 1
        return original()

    agent.call(lambda: setattr(agent, "_turn", counted))
    began, before = time.monotonic(), psutil.Process().cpu_times()
    ended = agent.ended.wait(2.5)
    after, took = psutil.Process().cpu_times(), time.monotonic() - began
    assert not ended
    # One heartbeat every two seconds and its echo, and the calls of this test.
    assert turns < 6 + took
    assert after.user + after.system - before.user - before.system < 0.8 * took
    agent.call(lambda: delattr(agent, "_turn"))


def test_it_does_not_rest_while_it_is_behind(
    client: Client, scheduler: ScriptedScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many tasks that take long let it rest; those that wait to be sent do not wait for that."""
    agent = client._agent
    waits: list[tuple[int, bool]] = []
    original = agent._lines.wait

    def wait(until: float | None, *, rest: bool, hurry: bool) -> set[Any]:
        # Without the test's own calls, which come when they come.
        left = [each for each in tuple(agent.inbox._commands) if not isinstance(each, Asked)]
        waits.append((len(left), rest))
        return original(until, rest=rest, hurry=hurry)

    def submit() -> list[Any]:
        return [client.submit(operator.add, 1, 2) for _ in range(200)]

    agent.call(lambda: setattr(agent, "_commands", 32))
    monkeypatch.setattr(agent._lines, "wait", wait)
    futures = agent.call(submit)  # on its own thread: it finds all of them at once
    for _ in futures or ():
        scheduler.expect(m.Task)
    agent.call(lambda: None)
    behind = [rest for left, rest in waits if left]
    assert len(behind) >= 200 // 32
    assert not any(behind)
    assert waits[-1] == (0, True)


def looks(client: Client, monkeypatch: pytest.MonkeyPatch, tasks: int) -> list[int]:
    """How many commands its agent sees each time that it waits for more, of so many tasks that
    come while it sleeps."""
    agent, seen = client._agent, list[int]()
    original, sent = agent._lines.wait, threading.Event()

    def wait(*args: Any, **kwargs: Any) -> set[Any]:
        ready = original(*args, **kwargs)
        if not sent.is_set():
            for _ in range(tasks):
                client.submit(operator.add, 1, 2)
            sent.set()
        return ready

    monkeypatch.setattr("futurefsm.client.agent.sleep", lambda _: seen.append(len(agent.inbox)))
    monkeypatch.setattr(agent._lines, "wait", wait)
    agent.call(lambda: None)  # it turns, and then sleeps as above
    agent.call(lambda: None)
    assert sent.wait(PATIENCE_S)
    agent.call(lambda: None)
    return seen


def test_a_burst_is_let_come_first(
    client: Client, scheduler: ScriptedScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks once whether there are more: who submits has the interpreter for that long."""
    # Who has no processor for so long has let them come, and does not look again.
    monkeypatch.setattr("futurefsm.client.pace._BURST_S", PATIENCE_S)
    (seen,) = looks(client, monkeypatch, 100)
    assert seen >= 200
    for _ in range(100):
        scheduler.expect(m.Task)


def test_a_few_tasks_are_sent_at_once(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert looks(client, monkeypatch, 31) == []


def test_a_burst_that_goes_on_is_sent_in_parts(
    client: Client, scheduler: ScriptedScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes meanwhile is let come again; once nothing does, all of it is sent."""
    limits: list[int] = []
    pump = client._agent.pump
    original = pump.run_inbox

    def run_inbox(now: float, limit: int) -> int:
        limits.append(limit)
        return original(now, limit)

    monkeypatch.setattr("futurefsm.client.pace._BURST_S", 0.0)
    monkeypatch.setattr(pump, "run_inbox", run_inbox)
    assert looks(client, monkeypatch, 300) == []
    place = limits.index(512)
    assert limits[place + 1] == 1024
    for _ in range(300):
        scheduler.expect(m.Task)


def test_a_ymq_scheduler_has_the_first_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would hear its workers only behind all of them."""
    with ScriptedScheduler(backend="ymq") as scheduler:
        client = Client(scheduler.address, backend="ymq", cancel_timeout=PATIENCE_S)
        assert looks(client, monkeypatch, 100) == []
        for _ in range(100):
            scheduler.expect(m.Task)
        client.disconnect(timeout=0)


def test_an_embedded_engine_has_the_first_at_once(
    cluster: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert looks(cluster, monkeypatch, 100) == []


def test_a_pump_that_fails_ends_every_wait(client: Client, scheduler: ScriptedScheduler) -> None:
    """It must not happen. If it does, nobody hangs, and the reason is told."""
    future = client.submit(time.sleep, 1)
    scheduler.expect(m.Task)

    def explode() -> Any:
        raise ZeroDivisionError("a bug")

    client._agent.call(explode, timeout=0.2)
    with pytest.raises(ConnectionLostError, match=r"message pump of client .* failed.*a bug"):
        future.result(PATIENCE_S)
    assert client._agent.ended.wait(PATIENCE_S)


def test_threads_end_with_the_client(scheduler: ScriptedScheduler) -> None:
    client = Client(scheduler.address, name="short")
    client.submit(operator.add, 1, 2).add_done_callback(lambda f: None)
    scheduler.result(scheduler.expect(m.Task), 3)
    client.shutdown()
    assert not [t for t in threading.enumerate() if t.name.startswith("short-")]


def test_a_task_larger_than_the_socket_goes_through(
    client: Client, scheduler: ScriptedScheduler
) -> None:
    payload = bytes(range(256)) * 100_000
    future = client.submit(len, payload)
    task = scheduler.expect(m.Task)
    time_is_up = time.monotonic() + PATIENCE_S
    argument = task.function_args[0].data
    while argument not in scheduler.objects and time.monotonic() < time_is_up:
        time.sleep(0.001)
    # Lengths first: nobody wants to read these bytes in a failure.
    stored = scheduler.objects[argument]
    assert len(stored) > len(payload)
    scheduler.result(task, payload)
    value: Any = future.result(PATIENCE_S)
    assert len(value) == len(payload)
    assert hash(value) == hash(payload)
