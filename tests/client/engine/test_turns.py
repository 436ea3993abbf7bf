"""The turns of the engine's server, on parts that are not there: who is called, and when."""

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from math import inf
from types import SimpleNamespace
from typing import Any

import pytest
from engine_client import BOUND, EngineClient

from futurefsm.client.deadlines import AT_ONCE, Alarm
from futurefsm.client.engine.complaints import Complaints
from futurefsm.client.engine.doors import private
from futurefsm.client.engine.main import Watches
from futurefsm.client.engine.respawn import Respawn
from futurefsm.client.engine.server import Server
from futurefsm.client.engine.workers import WorkerOptions, WorkerPool


@pytest.mark.parametrize("first", range(4))
def test_its_timers_are_called_at_the_first_deadline(first: int) -> None:
    at: list[float | None] = [3.0, 4.0, 5.0, None]
    at[first] = 1.0
    one: Any = object.__new__(Server)
    one._scheduler, one._respawn, one._mail = (
        SimpleNamespace(deadline=lambda n=n: at[n]) for n in range(3)
    )
    one._storage = SimpleNamespace(again_at=at[3])
    assert one._deadline() == 1.0
    at[:] = None, None, None, None
    one._storage.again_at = None
    assert one._deadline() is None


def turning(monkeypatch: pytest.MonkeyPatch, **parts: Any) -> Server:
    """A server of which only the loop is there, and these parts."""
    server = Server.__new__(Server)
    given = {"_ending": False, "_complain": Complaints(), "_reap": lambda: None, **parts}
    for name, value in given.items():
        monkeypatch.setattr(server, name, value, raising=False)
    return server


def test_its_timers_load_the_codec(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks: list[bool] = []
    codec = SimpleNamespace(due=7.0, tick=lambda now, busy: ticks.append(busy))
    monkeypatch.setattr("futurefsm.client.engine.server.CODEC", codec)
    alarm = Alarm()
    server = turning(
        monkeypatch,
        _alarm=alarm,
        _scheduler=SimpleNamespace(deadline=lambda: None, tasks=0),
        _mail=SimpleNamespace(tick=lambda now: None, deadline=lambda: None),
        _pool=SimpleNamespace(lost=[]),
        _respawn=SimpleNamespace(overdue=lambda now: [], deadline=lambda: None),
        _storage=SimpleNamespace(tick=lambda now: None, again_at=None),
        start_workers=lambda: None,
    )
    server._timers()
    server._scheduler.tasks = 3  # type: ignore[misc]
    server._timers()
    assert ticks == [False, True]
    assert alarm.at == 7.0


def test_a_fault_of_its_own_ends_neither_the_engine_nor_the_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []

    def fault(name: str) -> Callable[..., Any]:
        def happens(*_: object) -> None:
            told.append(name)
            server._ending = name == "a descriptor"
            raise KeyError(name)

        return happens

    server = turning(
        monkeypatch,
        _more=True,
        _alarm=Alarm(),
        _pool=SimpleNamespace(lost=["somebody"]),
        _respawn=SimpleNamespace(hopeless=False),
        poller=SimpleNamespace(poll=lambda patience: [(3, True, False), (4, True, False)]),
        _handlers={3: fault("a descriptor")},
        _router=SimpleNamespace(flush=fault("flush")),
        _client_messages=fault("messages that were left"),
        _timers=fault("timers"),
        _take_back_soon=False,
        _scheduler=SimpleNamespace(offer=fault("offers")),
    )
    server.serve()
    turn = ["offers", "flush"]
    assert told == [
        *turn,
        "timers",
        *turn,
        "messages that were left",
        "a descriptor",
        # What is still to be said.
        "flush",
    ]
    assert server._complain.counts == {"a fault in the engine": 8}


def test_what_time_asks_for_is_not_asked_in_every_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what somebody waits for goes first."""
    done: list[object] = []
    alarm = Alarm()
    # What the descriptors bring: nothing, a deadline, one that has passed.
    brought = iter([1e9 + time.monotonic(), 0.0, None])

    def poll(patience: float | None) -> list[object]:
        done.append(None if patience is None else patience > 1e8)
        at = next(brought)
        if at is None:
            server._ending = True
        else:
            alarm.by(at)
        return []

    def timers() -> None:
        done.append("timers")
        alarm.set(None)

    server = turning(
        monkeypatch,
        _more=False,
        _alarm=alarm,
        _pool=SimpleNamespace(lost=[]),
        _respawn=SimpleNamespace(hopeless=False),
        poller=SimpleNamespace(poll=poll),
        _router=SimpleNamespace(flush=lambda: done.append("flush")),
        _timers=timers,
        _take_back_soon=False,
        _scheduler=SimpleNamespace(offer=lambda now: done.append("offers")),
    )
    server.serve()
    turn = ["offers", "flush"]
    assert done == [*turn, None, *turn, True, *turn, "timers", *turn, None, "flush"]
    assert not server._complain.counts


@pytest.mark.parametrize("owes", ["an alarm", "the dead", "no hope", None])
def test_what_no_descriptor_tells_of(monkeypatch: pytest.MonkeyPatch, owes: str | None) -> None:
    done: list[str] = []
    alarm = Alarm()
    if owes == "an alarm":
        alarm.by(AT_ONCE)

    def poll(patience: float | None) -> list[object]:
        server._ending = True
        return []

    server = turning(
        monkeypatch,
        _more=False,
        _alarm=alarm,
        _pool=SimpleNamespace(lost=["somebody"] * (owes == "the dead")),
        _respawn=SimpleNamespace(hopeless=owes == "no hope"),
        poller=SimpleNamespace(poll=poll),
        _router=SimpleNamespace(flush=lambda: None),
        _timers=lambda: done.append("timers"),
        _take_back_soon=False,
        _scheduler=SimpleNamespace(offer=lambda now: None),
    )
    server.serve()
    assert done == ["timers"] * bool(owes)


def test_when_it_has_rung_all_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """And it rings again at the first deadline that is left, or never."""
    quiet: dict[str, Any] = {"tick": lambda now: None, "deadline": lambda: None}
    mail = SimpleNamespace(**quiet)
    server = turning(
        monkeypatch,
        _alarm=Alarm(),
        _pool=SimpleNamespace(lost=[]),
        _scheduler=SimpleNamespace(**quiet, tasks=0),
        _mail=mail,
        _storage=SimpleNamespace(**quiet, again_at=None),
        _respawn=SimpleNamespace(
            overdue=lambda now: (), due=lambda now: 0, hopeless=False, deadline=lambda: None
        ),
    )
    for deadline, rings in ((7.0, 7.0), (None, inf)):
        server._alarm.by(AT_ONCE)
        mail.deadline = lambda at=deadline: at
        server._timers()
        assert server._alarm.at == rings


def test_the_two_turns_of_a_round_trip_are_few_calls() -> None:
    """None of them is fat: what the engine needs for a task is their number. It was 151."""
    count, calls, seen = 200, [0], list[int]()

    def called(frame: Any, event: str, arg: Any) -> None:
        calls[0] += event == "call"

    with tempfile.TemporaryDirectory() as place:
        lifeline, end = os.pipe()
        watches = Watches()
        options = WorkerOptions(path=tuple(sys.path), argv=tuple(sys.argv))
        server = Server(
            private(place),
            WorkerPool(options, watches.watch, watches.unwatch),
            Respawn(1),
            store_bytes=1 << 20,
            client_timeout_s=BOUND,
            ends=(lifeline,),
        )
        watches.attach(server)

        def trips() -> None:
            handle: Any = SimpleNamespace(address=server.address, backend="ymq")
            try:
                with EngineClient(handle) as client:
                    function = client.put(int)
                    for number in range(20 + count):
                        if number == 20:
                            seen.append(calls[0])
                        client.answer(client.task(function))
                    seen.append(calls[0])
            finally:
                os.close(end)

        thread = threading.Thread(target=trips)
        sys.setprofile(called)
        try:
            thread.start()
            server.serve()
        finally:
            sys.setprofile(None)
            server.close()
            server.poller._plain.close()  # its process would end here
            thread.join(BOUND)
            os.close(lifeline)
    assert (seen[1] - seen[0]) / count <= 112
