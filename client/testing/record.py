"""What a simulated world knows of one future: what happened, and what callers were told."""

import weakref
from typing import TYPE_CHECKING, Any

from futurefsm.client.future import Future
from futurefsm.fsm.states import State

if TYPE_CHECKING:
    from futurefsm.client.testing.party import Party

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def letters(number: int) -> str:
    """0 → a, 25 → z, 26 → a1: a short name for people."""
    turn, place = divmod(number, len(LETTERS))
    return LETTERS[place] + (str(turn) if turn else "")


class Waiter:
    """Stands where `concurrent.futures.wait` and `as_completed` put theirs."""

    __slots__ = ("told",)

    def __init__(self) -> None:
        self.told: list[str] = []

    def add_result(self, future: Any) -> None:
        self.told.append("result")

    def add_exception(self, future: Any) -> None:
        self.told.append("exception")

    def add_cancelled(self, future: Any) -> None:
        self.told.append("cancelled")


class Record:
    """One future, its task, and what was seen of both.

    Attributes:
        future: None when all is over and its user had dropped it; `ref` is weak.
        dropped: its user has no reference any more.
        story, node: as of the last look.
        moves: (step of the world, time, event, state) of each move seen.
        visible: its submit() has returned.
        told_cancel: a caller was told that it is, or will be, cancelled.
        told_no: a cancel() said False.
        told_value: a caller got a value or an exception.
        waits_until: deadline of a cancel() that waits.
        added, called: numbers of callbacks, in order.
        sent, cancels: Task and TaskCancel messages that its client sent.
        starts: how often a worker began it.
        ended: what its run made: True a value, False an exception; None: no run ended.
        needs: whose result it takes as an argument.
        framed: its result was asked for in its own callback: CPython 3.11 keeps the frames round a
            frame that an exception keeps, so its exception may keep it, as in the standard library.
        confirmed: the scheduler said `canceled` while no worker had it.
    """

    __slots__ = (
        "added",
        "called",
        "cancels",
        "confirmed",
        "dropped",
        "ended",
        "framed",
        "future",
        "moves",
        "name",
        "needs",
        "node",
        "party",
        "ref",
        "sent",
        "settled",
        "starts",
        "state",
        "story",
        "task_id",
        "told_cancel",
        "told_no",
        "told_value",
        "visible",
        "waiters",
        "waits_until",
    )

    def __init__(self, party: "Party", future: Future[Any], number: int) -> None:
        self.party = party
        self.future: Future[Any] | None = future
        self.ref: weakref.ref[Future[Any]] | None = None
        self.task_id = future.task_id
        self.name = letters(number)
        self.story: Any = None
        self.node = future._node
        self.state: State = future._node.state
        self.moves: list[tuple[int, float, str, State]] = []
        self.settled = False
        self.visible = True
        self.dropped = False
        self.told_cancel = False
        self.told_no = False
        self.told_value: Any = None
        self.waits_until: float | None = None
        self.waiters: list[Waiter] = []
        self.added = 0
        self.called: list[int] = []
        self.sent = 0
        self.cancels = 0
        self.starts = 0
        self.ended: bool | None = None
        self.confirmed = False
        self.framed = False
        self.needs: Record | None = None

    def may_fail_as(self, task_id: bytes) -> bool:
        """Whether an exception of this task's run can be its own: also that of what it needs,
        where it was never sent."""
        record: Record | None = self
        while record is not None and record.task_id != task_id:
            record = None if record.sent else record.needs
        return record is not None

    def let_go(self) -> None:
        """The world forgets it, too: from now on only the client can keep it alive."""
        future = self.future
        if future is not None:
            self.ref = weakref.ref(future)
            self.future = None
            # An exception keeps the frames that it came through.
            self.told_value = None

    def payload(self) -> bytes:
        """The bytes that its run makes."""
        return (b"V" if self.ended else b"E") + self.task_id
