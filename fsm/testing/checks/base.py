"""What the checks know of the thing under test. PURE."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from futurefsm.fsm import effects as fx
from futurefsm.fsm.table import Lifecycle
from futurefsm.fsm.testing.failure import Trouble
from futurefsm.fsm.testing.history import History
from futurefsm.fsm.testing.linear import Judge


@dataclass(frozen=True)
class Subject:
    """The facts of a harness that checks need; see `Harness`, which has the same names."""

    lifecycle: Lifecycle
    source: str
    untimed: tuple[str, ...]
    events: Mapping[str, tuple[str, ...]]
    objects: bool
    messages: bool
    outcomes: bool
    lost: tuple[str, ...]
    refuses: tuple[str, ...]
    cancel_waits: bool

    @cached_property
    def judge(self) -> Judge:
        """Judges everything that a call answers."""
        return self._judge()

    @cached_property
    def any_value(self) -> Judge:
        """The same, with values left out."""
        return self._judge(any_value=True)

    @cached_property
    def with_outcomes(self) -> Judge:
        """The same, with what became of a cancel."""
        return self._judge(outcomes=True)

    @cached_property
    def with_counts(self) -> Judge:
        """The same, with the messages that the table sends."""
        return self._judge(counted=True)

    def _judge(
        self, *, any_value: bool = False, outcomes: bool = False, counted: bool = False
    ) -> Judge:
        return Judge(
            self.lifecycle,
            outcomes=outcomes,
            counted=(fx.SEND_CANCEL, fx.SEND_TASK) if counted else (),
            lost=self.lost,
            late=self.objects,
            any_value=any_value,
            refuses=self.refuses,
        )

    @cached_property
    def true_is_final(self) -> bool:
        """In this table a cancel() that said True is never taken back."""
        return all(
            row.target.is_cancelled or row.target.cancel_decided
            for row in self.lifecycle.rows
            if row.event == "cancel" and row.answer is True
        )


Check = Callable[[History, Subject], Iterator[Trouble]]
