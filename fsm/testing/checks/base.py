"""What the checks know of the thing under test. PURE."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from futurefsm.fsm import effects as fx
from futurefsm.fsm.states import FINISHED_VIEW
from futurefsm.fsm.table import Lifecycle
from futurefsm.fsm.testing.failure import Trouble
from futurefsm.fsm.testing.history import History
from futurefsm.fsm.testing.linear import Judge


# Not frozen: what is worked out once is kept in it.
@dataclass(eq=False)
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
    cancelled_waits: bool = False

    @cached_property
    def judge(self) -> Judge:
        """Judges everything that a call answers."""
        return self._judge()

    @cached_property
    def any_value(self) -> Judge:
        """The same, with values left out."""
        return self._judge(any_value=True)

    @cached_property
    def full(self) -> Judge:
        """The same as `judge`, with what became of a cancel, and with what the table sends."""
        return self._judge(full=True)

    def _judge(self, *, any_value: bool = False, full: bool = False) -> Judge:
        return Judge(
            self.lifecycle,
            outcomes=full and self.outcomes,
            counted=(fx.SEND_CANCEL, fx.SEND_TASK) if full and self.messages else (),
            lost=self.lost,
            late=self.objects,
            any_value=any_value,
            refuses=self.refuses,
        )

    @cached_property
    def settled(self) -> frozenset[str]:
        """The names of its settled states."""
        return frozenset(str(state) for state in self.lifecycle.states if state.settled)

    @cached_property
    def cancelled(self) -> frozenset[str]:
        """The names of its cancelled states."""
        return frozenset(str(state) for state in self.lifecycle.states if state.is_cancelled)

    @cached_property
    def finishing(self) -> frozenset[str]:
        """The names of the events that finish a future."""
        return frozenset(
            str(row.event)
            for row in self.lifecycle.rows
            if row.target.view == FINISHED_VIEW and not row.source.settled
        )

    @cached_property
    def reached(self) -> frozenset[tuple[str, str]]:
        """Pairs of states of which moves lead from the first to the second: between two looks
        there may have been several."""
        moves = {(str(row.source), str(row.target)) for row in self.lifecycle.rows}
        while more := {(a, d) for a, b in moves for c, d in moves if b == c} - moves:
            moves |= more
        return frozenset(moves)

    @cached_property
    def true_is_final(self) -> bool:
        """In this table a cancel() that said True is never taken back."""
        return all(
            row.target.is_cancelled or row.target.cancel_decided
            for row in self.lifecycle.rows
            if row.event == "cancel" and row.answer is True
        )


Check = Callable[[History, Subject], Iterator[Trouble]]
