"""Futures that are broken on purpose, and how to catch them."""

import concurrent.futures
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from futurefsm.fsm.compiled import Step
from futurefsm.fsm.future import Future
from futurefsm.fsm.lifecycles import CONFIRMED
from futurefsm.fsm.table import Lifecycle
from futurefsm.fsm.testing.differs import Differs
from futurefsm.fsm.testing.stateful import FutureMachine


def quick(examples: int, *, steps: int = 20, shrink: bool = False) -> settings:
    """Settings of a short run."""
    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        phases=phases,
        database=None,
        derandomize=True,
        deadline=None,
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )


def run(machine: type[FutureMachine], examples: int = 30, **options: Any) -> None:
    """Run a machine."""
    run_state_machine_as_test(machine, settings=quick(examples, **options))


def caught(machine: type[FutureMachine], *, shrink: bool = False) -> Differs:
    """What a machine finds."""
    with pytest.raises(Differs) as found:
        run(machine, 300, shrink=shrink)
    return found.value


def swept(machine: type[FutureMachine]) -> Differs:
    """What its sweep finds."""
    with pytest.raises(Differs) as found:
        machine.sweep()
    return found.value


class Plain(concurrent.futures.Future[Any]):
    """Correct: what the broken ones are made from."""


class SaysTrue(Plain):
    """cancel() of what runs says True, and nothing comes of it."""

    def cancel(self) -> bool:
        super().cancel()
        return True


class Twice(Plain):
    """Callbacks run twice."""

    def _invoke_callbacks(self) -> None:
        super()._invoke_callbacks()  # type: ignore[misc]
        super()._invoke_callbacks()  # type: ignore[misc]


class UnderTheLock(Plain):
    """Callbacks run while the lock is held."""

    def _invoke_callbacks(self) -> None:
        with self._condition:
            super()._invoke_callbacks()  # type: ignore[misc]


class OwnLock(Plain):
    """Callbacks run under a lock of its own, which done() takes too."""

    def __init__(self) -> None:
        super().__init__()
        self.own = concurrent.futures.Future()._condition  # type: ignore[var-annotated]

    def done(self) -> bool:
        with self.own:
            return super().done()

    def _invoke_callbacks(self) -> None:
        with self.own:
            super()._invoke_callbacks()  # type: ignore[misc]


class Backwards(Plain):
    """Callbacks run in the wrong order."""

    def _invoke_callbacks(self) -> None:
        self._done_callbacks.reverse()
        super()._invoke_callbacks()  # type: ignore[misc]


class Early(Plain):
    """Callbacks run before it has settled."""

    def set_result(self, result: Any) -> None:
        if self._state in ("PENDING", "RUNNING"):
            self._invoke_callbacks()  # type: ignore[attr-defined]
            self._done_callbacks.clear()
        super().set_result(result)


class Raises(Plain):
    """The user's exception comes out of add_done_callback (of a settled future)."""

    def add_done_callback(self, fn: Any) -> None:
        if self.done():
            fn(self)
        else:
            super().add_done_callback(fn)


class Another(Plain):
    """Callbacks are given another future."""

    def add_done_callback(self, fn: Any) -> None:
        super().add_done_callback(lambda _future: fn(Plain()))


class Silent(Plain):
    """Assigns the state without telling who waits."""

    def set_result(self, result: Any) -> None:
        if self._state not in ("PENDING", "RUNNING"):
            raise concurrent.futures.InvalidStateError
        self._result, self._state = result, "FINISHED"
        self._invoke_callbacks()  # type: ignore[attr-defined]


class Unannounced(Plain):
    """A cancel that was announced, and does not show."""

    def set_running_or_notify_cancel(self) -> bool:
        if super().set_running_or_notify_cancel():
            return True
        self._state = "CANCELLED"
        return False


class Forgets(Plain):
    """The value is another one."""

    def result(self, timeout: float | None = None) -> Any:
        super().result(timeout)


class Sleeps(Plain):
    """The time-out of result() is not heeded."""

    def result(self, timeout: float | None = None) -> Any:
        return super().result(None)


class Overturns(Plain):
    """The last who comes wins."""

    def set_exception(self, exception: BaseException | None) -> None:
        if self._state == "FINISHED":
            self._state = "RUNNING"
        super().set_exception(exception)


class Shared(Plain):
    """One list of callbacks for all futures."""

    callbacks: ClassVar[list[Any]] = []

    def __init__(self) -> None:
        super().__init__()
        self._done_callbacks = self.callbacks


class Mute(Plain):
    """repr() raises."""

    def __repr__(self) -> str:
        raise AttributeError("no such thing")


class Blind(Plain):
    """done() raises."""

    def done(self) -> bool:
        raise AttributeError("no such thing")


class Noting(Future[Any]):
    """One of ours that notes what it performs."""

    def __init__(self, lifecycle: Lifecycle = CONFIRMED) -> None:
        super().__init__(lifecycle)
        self.performed: list[str] = []

    def perform(self, step: Step, value: Any) -> None:
        self.performed += step.effects


class SendsTwice(Noting):
    """A second TaskCancel."""

    def cancel(self, timeout: float | None = 0) -> bool:
        if self.state == "cancel_requested":
            self.performed.append("send_cancel")
        return super().cancel(timeout)


class Impatient(Noting):
    """cancelled() of an asked future says False until the answer is there."""

    def cancelled(self) -> bool:
        return bool(self.state.is_cancelled)


class NoReason(Noting):
    """Does not say what became of a cancel."""

    @property
    def cancel_outcome(self) -> None:
        return None


class Answers(Noting):
    """A message of the wire raises where the table forbids it."""

    def fire(self, event: str, value: Any = None, source: str = "wire") -> Step:
        return super().fire(event, value, "caller")
