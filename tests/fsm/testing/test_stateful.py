"""FutureMachine: correct futures pass, each broken one is caught, and the message says why."""

import concurrent.futures
from functools import partial
from typing import Any

import broken_futures as b
import pytest

from futurefsm.fsm import effects as fx
from futurefsm.fsm import events as ev
from futurefsm.fsm import states as st
from futurefsm.fsm.events import Event
from futurefsm.fsm.future import Future
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.fsm.outcomes import REFUSED
from futurefsm.fsm.states import State
from futurefsm.fsm.table import Lifecycle, goes, ignores, violates
from futurefsm.fsm.testing.differs import Differs
from futurefsm.fsm.testing.stateful import FutureMachine
from futurefsm.fsm.testing.subject import Subject

# A user's own: one state more, and what is refused is over.
ACCEPTED = State("accepted", "the scheduler has it", view=st.RUNNING_VIEW)
ACCEPT = Event("accept", "the scheduler says so")
TELL = (fx.NOTIFY, fx.ANNOUNCE)
MINE = CONFIRMED.derive(
    "mine",
    goes(
        st.CANCEL_REQUESTED,
        ev.CONFIRM_FAILED,
        st.CANCELLED,
        *TELL,
        outcome=REFUSED,
        why="refused is as good as cancelled",
    ),
    ignores(st.FINISHED, ev.CANCEL, answer=False, why="what is finished stays so"),
    *(
        row
        for state in CONFIRMED.states
        for row in (
            goes(state, ACCEPT, ACCEPTED)
            if state == st.RUNNING
            else violates(state, ACCEPT, why="it was not sent"),
        )
    ),
    ignores(ACCEPTED, ACCEPT, why="said twice"),
    *(
        goes(ACCEPTED, row.event, row.target, *row.effects, answer=row.answer, outcome=row.outcome)
        if row.target != st.RUNNING
        else ignores(ACCEPTED, row.event, why=row.why)
        for row in CONFIRMED.rows
        if row.source == st.RUNNING
    ),
)


def performed(future: Any) -> Any:
    return future.performed


def ours(lifecycle: Lifecycle, kind: type[b.Noting] = b.Noting) -> type[FutureMachine]:
    return FutureMachine.of(partial(kind, lifecycle), lifecycle, effects=performed)


def foreign(kind: Any) -> type[FutureMachine]:
    machine = FutureMachine.of(make=kind, lifecycle=STRICT)
    if kind in (b.Sleeps, b.OwnLock):
        machine.patience_s = 1.0
    return machine


# What is correct passes.


@pytest.mark.parametrize("lifecycle", [CONFIRMED, STRICT, MINE], ids=lambda each: each.name)
def test_our_future_passes(lifecycle: Lifecycle) -> None:
    machine = ours(lifecycle)
    b.run(machine, 10)
    there = {(str(row.source), str(row.event)) for row in lifecycle.rows}
    assert set(machine.covered) < there
    machine.sweep()
    assert set(machine.covered) == there, "the sweep meets every row"


def test_the_standard_library_passes() -> None:
    machine = FutureMachine.of(make=concurrent.futures.Future, lifecycle=STRICT)
    b.run(machine, 15)
    machine.sweep()
    moved = (ev.SUBMIT, ev.CANCEL, ev.RESULT_SUCCESS, ev.RESULT_FAILED)
    there = {(row.source, row.event) for row in STRICT.rows if row.event in moved}
    assert set(machine.covered) == there, "each row that its methods can meet"


TestStandard = FutureMachine.of(make=concurrent.futures.Future, lifecycle=STRICT).TestCase
TestStandard.settings = b.quick(5)


def test_a_test_case_is_a_test() -> None:
    machine = FutureMachine.of(make=concurrent.futures.Future)
    case = machine.TestCase
    assert case is machine.TestCase, "settings can be assigned to it"
    case.settings = b.quick(1)
    case("runTest").debug()


def test_a_test_case_sweeps_first() -> None:
    """So every row is met in every run, and what is found needs no shrinking."""
    case = foreign(b.Silent).TestCase
    with pytest.raises(Differs) as found:
        case("runTest").debug()
    assert not hasattr(found.value, "__notes__"), "Hypothesis had no part in it"


# What is broken is caught.

BROKEN = {
    b.SaysTrue: "True",
    b.Twice: "callbacks that ran: ",
    b.UnderTheLock: "under the future's lock",
    b.OwnLock: "while another thread's done() hangs",
    b.Backwards: "callbacks that ran: ",
    b.Early: "before done() says True",
    b.Raises: "raises CallbackError: on purpose",
    b.Another: "with another future",
    b.Silent: "waiter 1 was told: nothing",
    b.Unannounced: "_state CANCELLED",
    b.Forgets: "None",
    b.Sleeps: "none: it waits at broken_futures.py",
    b.Overturns: "set_exception(",
    b.Shared: "callbacks that ran: ",
    b.Mute: "raises AttributeError: no such thing",
    b.Blind: "raises AttributeError: no such thing",
}


@pytest.mark.parametrize("kind", BROKEN, ids=lambda kind: kind.__name__)
def test_a_broken_future_is_caught(kind: Any) -> None:
    machine = foreign(kind)
    found = b.swept(machine)
    assert kind.__name__ in str(found)
    assert BROKEN[kind] in f"{found.call}: {found.got}"
    assert all(len(line) <= 100 for line in str(found).splitlines())


@pytest.mark.parametrize("kind", [b.Twice, b.Shared, b.Unannounced], ids=lambda k: k.__name__)
def test_hypothesis_catches_it_too(kind: Any) -> None:
    found = b.caught(foreign(kind))
    assert BROKEN[kind] in f"{found.call}: {found.got}"


OWN = {
    b.SendsTwice: "effects on the wire send_task, send_cancel, send_cancel",
    b.Impatient: "False",
    b.NoReason: "cancel_outcome None",
    b.Answers: "raises InvalidStateError",
}


@pytest.mark.parametrize("kind", OWN, ids=lambda kind: kind.__name__)
def test_a_broken_one_of_ours_is_caught(kind: Any) -> None:
    assert OWN[kind] in b.swept(ours(CONFIRMED, kind)).got


def test_the_wrong_table_is_caught() -> None:
    """A future that obeys another lifecycle than it is held against."""
    found = b.caught(FutureMachine.of(Future, STRICT, name="our future"))
    assert str(found).startswith("our future differs from lifecycle 'strict'")


def test_a_failure_is_small_and_says_all() -> None:
    found = b.caught(foreign(b.SaysTrue), shrink=True)
    assert str(found) == (
        "SaysTrue differs from lifecycle 'strict'\n"
        "  call       future 1: cancel()\n"
        "  expected   False\n"
        "  got        True\n"
        "  row        (running, cancel) -: `concurrent.futures`: what runs cannot be cancelled\n"
        "  story\n"
        "      1  future 1 = make()\n"
        "      2  future 1: set_running_or_notify_cancel() → True   (pending, submit) → running\n"
        "      3  future 1: cancel() → True   (running, cancel) -"
    )
    # What Hypothesis prints can be run as it stands.
    steps = "\n".join(found.__notes__)
    assert "(futures_0,) = state.make(states=['pending'])" in steps
    assert "state.do(future=futures_0, what='cancel')" in steps


# How events are fired at a foreign class.


class Remote(concurrent.futures.Future[Any]):
    """The confirmed lifecycle by hand; the pump calls on_message."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = False

    def cancel(self) -> bool:
        with self._condition:
            if self._state == "RUNNING":
                self.asked = True
                return True
            if self._state == "PENDING":
                pass
            elif self._state == "FINISHED":
                self._state, self._result, self._exception = "CANCELLED_AND_NOTIFIED", None, None
                return True
        super().cancel()
        self._announce()
        return True

    def cancelled(self) -> bool:
        return super().cancelled() or self.asked

    def _announce(self) -> None:
        if self._state == "CANCELLED":
            super().set_running_or_notify_cancel()

    def on_message(self, event: str, value: Any) -> None:
        if event == "submit":
            if self._state == "PENDING":
                super().set_running_or_notify_cancel()
        elif self._state == "RUNNING":
            self._running(event, value)

    def _running(self, event: str, value: Any) -> None:
        if event == "confirm_failed":
            return
        if self.asked or event.startswith("confirm") or event == "disconnect":
            with self._condition:
                self._state = "PENDING"
            super().cancel()
            self._announce()
        elif event == "result_success":
            super().set_result(value)
        else:
            super().set_exception(value or RuntimeError(event))

    set_result = set_exception = None  # type: ignore[assignment]
    set_running_or_notify_cancel = None  # type: ignore[assignment]


REMOTE_EVENTS = (
    "submit",
    "confirm_canceled",
    "confirm_not_found",
    "confirm_failed",
    "result_success",
    "result_failed",
    "result_worker_died",
)


def remote(kind: Any = Remote) -> type[FutureMachine]:
    return FutureMachine.of(kind, CONFIRMED, fire=kind.on_message, events=REMOTE_EVENTS)


def test_events_reach_a_foreign_class_as_its_author_says() -> None:
    machine = remote()
    b.run(machine, 15)
    machine.sweep()
    assert {event for _state, event in machine.covered} == {*REMOTE_EVENTS, "cancel"}


def test_a_foreign_class_that_mishandles_a_message_is_caught() -> None:
    class Hasty(Remote):
        def on_message(self, event: str, value: Any) -> None:
            if event == "result_success" and self.asked:
                self.asked = False
            super().on_message(event, value)

    found = b.swept(remote(Hasty))
    assert "result_success value 1 from the wire" in found.call
    assert found.row is not None
    assert str(found.row) == "(cancel_requested, result_success) → cancelled"
    assert found.row.why in " ".join(str(found).split())


def test_a_subject_may_override_everything() -> None:
    class Mine(Subject):
        def make(self) -> Any:
            return Remote()

        def wire_events(self, future: Any) -> tuple[str, ...]:
            return REMOTE_EVENTS

        def deliver(self, future: Any, event: str, value: Any) -> None:
            future.on_message(event, value)

        def state(self, future: Any) -> str | None:
            if future._state == "RUNNING":
                return "cancel_requested" if future.asked else "running"
            return "cancelled" if "CANCELLED" in future._state else str(future._state).lower()

    machine = FutureMachine.about(Mine(Remote, CONFIRMED))
    b.run(machine, 10)
    assert machine.covered["running", "result_success"] > 0


def test_a_class_without_waiters_is_not_asked_for_them() -> None:
    """Nothing but the public calls."""

    class Bare:
        def __init__(self) -> None:
            self.own: Any = concurrent.futures.Future()

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_") or name == "add_done_callback":
                raise AttributeError(name)
            return getattr(self.own, name)

        def add_done_callback(self, fn: Any) -> None:
            self.own.add_done_callback(lambda _own: fn(self))

    b.run(FutureMachine.of(Bare), 10)


def test_an_error_of_make_is_the_users() -> None:
    def make() -> Any:
        raise ZeroDivisionError("no future today")

    with pytest.raises(ZeroDivisionError):
        b.run(FutureMachine.of(make), 1)


def test_what_differs_can_be_asked() -> None:
    found = b.swept(foreign(b.Forgets))
    assert isinstance(found, Differs)
    assert isinstance(found, AssertionError)
    assert found.lifecycle == "strict"
    assert found.what == "Forgets"
    assert found.story[-1].endswith("→ None")
