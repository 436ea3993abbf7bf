"""What a reader without the lock may see of a client's future."""

import concurrent.futures
from typing import Any

import pytest

from futurefsm.client.client import Client
from futurefsm.client.future import Future
from futurefsm.client.home import Phase
from futurefsm.fsm import events as ev
from futurefsm.fsm.core import Core
from futurefsm.fsm.errors import ResultLostError
from futurefsm.fsm.outcomes import NEVER_SENT
from futurefsm.protocol import messages as m
from tests.client.scripted import PATIENCE_S, ScriptedScheduler


@pytest.fixture
def at_made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any]]:
    """What each future held at the moment in which its phase became `MADE`."""
    slot: Any = Future.__dict__["_phase"]
    seen: list[tuple[Any, Any]] = []

    class Watched:
        def __get__(self, future: Any, owner: Any = None) -> Any:
            return slot.__get__(future, owner)

        def __set__(self, future: Any, phase: Phase) -> None:
            slot.__set__(future, phase)
            if phase is Phase.MADE:
                seen.append((future._result, future._exception))

    monkeypatch.setattr(Future, "_phase", Watched())
    return seen


def test_a_value_is_there_before_the_phase_says_so(
    client: Client, scheduler: ScriptedScheduler, at_made: list[tuple[Any, Any]]
) -> None:
    # Under a debugger, or coverage, another thread may run between the two: it got None.
    future = client.submit(len, "")
    scheduler.result(scheduler.expect(m.Task), "value")
    assert future.result(PATIENCE_S) == "value"
    assert at_made == [("value", None)]


def test_a_lost_result_is_said_before_the_phase_says_so(
    client: Client, scheduler: ScriptedScheduler, at_made: list[tuple[Any, Any]]
) -> None:
    future = client.submit(len, "")
    scheduler.send_result(scheduler.expect(m.Task), scheduler.new_object_id())
    # The result comes on one channel, the end on another: which is read first is chance.
    assert concurrent.futures.wait([future], PATIENCE_S).done
    scheduler.cut_storage()
    assert isinstance(future.exception(PATIENCE_S), ResultLostError)
    assert [type(error) for _, error in at_made] == [ResultLostError]


def test_what_is_known_of_a_cancel_is_there_before_the_state_says_so(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    # CancelledError is made of both, without the lock.
    future = client.submit(len, "")
    slot: Any = Core.__dict__["_node"]
    seen: list[Any] = []

    class Watched:
        def __get__(self, its: Any, owner: Any = None) -> Any:
            return slot.__get__(its, owner)

        def __set__(self, its: Any, node: Any) -> None:
            slot.__set__(its, node)
            if its is future and node.settled:
                seen.append(its.cancel_outcome)

    monkeypatch.setattr(Core, "_node", Watched())
    future.cancel(timeout=0)
    future.settle_here(ev.RESULT_FAILED, ValueError("what it needs failed"))
    assert seen == [NEVER_SENT]
