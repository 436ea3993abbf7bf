"""The gallery: each known bug, put back into a correct future, and the check that must catch it.

`EXHIBITS` are bugs that were confirmed in successive public versions of one client's future;
`reports.REPORTS` are from other projects. Each is found from its number alone: the kit gets the
broken class, not the program that breaks it.
"""

from dataclasses import dataclass, field
from typing import Any

from futurefsm.fsm.testing.gallery import mutants_telling as telling
from futurefsm.fsm.testing.gallery import mutants_waiting as waiting
from futurefsm.fsm.testing.gallery import mutants_wire as wire
from futurefsm.fsm.testing.gallery.clients import ClientFutures
from futurefsm.fsm.testing.gallery.manager import Manager
from futurefsm.fsm.testing.gallery.reference import ClientFuture
from futurefsm.fsm.testing.harness import Harness


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A bug, and what must catch it.

    Attributes:
        number: of the bug; a letter is added where it has two forms.
        title: what a user sees.
        checks: the checks of which one must say it first. More than one where the same schedule
            breaks several promises at once.
        broken: how the kit makes the broken future.
        right: the same with the bug taken out; nothing may be found in it.
        futures: of how many futures the smallest counterexample is; two may need more steps.
        source: where it was reported; "" for those of the client's own history.
        seed: under which it is found soonest, for a quick look.
        search: options of `explore` that it needs.
    """

    number: str
    title: str
    checks: tuple[str, ...]
    broken: Harness
    right: Harness
    futures: int = 1
    source: str = ""
    seed: int = 0
    search: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Number and class."""
        return f"{self.number} {self.broken.name}"


def _exhibit(
    number: str,
    title: str,
    *checks: str,
    future: type[ClientFuture] = ClientFuture,
    manager: type[Manager] = Manager,
    delayed: bool = False,
    futures: int = 1,
    seed: int = 0,
    calls: tuple[str, ...] | None = None,
) -> Exhibit:
    return Exhibit(
        number,
        title,
        checks,
        ClientFutures(future, manager, delayed=delayed, calls=calls),
        ClientFutures(delayed=delayed),
        futures,
        seed=seed,
    )


EXHIBITS: tuple[Exhibit, ...] = (
    _exhibit(
        "1",
        "wait() never returns after a confirmed cancel",
        "released",
        future=telling.ForgetsWaiters,
    ),
    _exhibit(
        "2",
        "result(timeout) on a pending future never returns",
        "timed calls end",
        future=waiting.WaitsTwice,
    ),
    _exhibit(
        "3",
        "a timer fires just before the result: result() returns None",
        "value",
        future=waiting.SkipsFetch,
        delayed=True,
        seed=13,
    ),
    _exhibit(
        "3b",
        "a timer fires just before the result: the waiter sleeps for ever",
        "timed calls end",
        "released",
        future=waiting.SleepsBesideTheValue,
        delayed=True,
        seed=5,
    ),
    _exhibit(
        "4",
        "another thread's done() blocks during a callback",
        "nothing under a lock",
        future=telling.CallsUnderItsLock,
        seed=12,
    ),
    _exhibit(
        "5",
        "each callback runs twice for one result",
        "callbacks once",
        future=telling.CallsFromTwoPaths,
        seed=11,
    ),
    _exhibit(
        "6",
        "cancelling a finished future runs its callbacks again",
        "callbacks once",
        future=telling.CallsAgainWhenCancelled,
        seed=17,
    ),
    _exhibit(
        "7",
        "a late confirmation overturns a finished future",
        "linearizable",
        "outcome",
        future=telling.OverturnedByConfirm,
        seed=6,
    ),
    _exhibit(
        "8",
        "two threads cancel: both dead-lock with the agent",
        "released",
        "nothing under a lock",
        future=waiting.WaitsUnderItsLock,
        seed=2,
    ),
    _exhibit(
        "8b",
        "two threads cancel: two TaskCancels are sent",
        "one TaskCancel",
        future=waiting.AsksTwice,
        seed=11,
    ),
    _exhibit(
        "9",
        "cancel in flight, the worker dies: the agent waits for itself",
        "pump waits",
        future=waiting.AsksWhileItDelivers,
        seed=1,
    ),
    _exhibit(
        "10",
        "a result slips in behind the test: cancel() is True of a finished future",
        "linearizable",
        "agreement",
        future=waiting.ChecksThenActs,
        seed=21,
    ),
    _exhibit(
        "11",
        "the worker refuses, and who waits in cancel() never hears of it",
        "outcome",
        manager=wire.DropsRefusal,
        seed=13,
    ),
    _exhibit(
        "12",
        "after a refused cancel the task's value leaks in the object store",
        "no leak",
        future=wire.LeaksAfterRefusal,
        seed=3,
    ),
    _exhibit(
        "13",
        "disconnect() takes 30 s for each future",
        "nothing under a lock",
        manager=wire.WaitsUnderTheManagersLock,
        seed=1,
    ),
    _exhibit(
        "14",
        "cancel() says True, then the value arrives and cancelled() says False",
        "linearizable",
        "agreement",
        "absorbing",
        future=waiting.SaysTrueTooSoon,
        seed=1,
    ),
    _exhibit(
        "15",
        "the fetch of the result fails, and result() hangs",
        "linearizable",
        "released",
        "timed calls end",
        future=wire.SettlesNothingOnLoss,
        seed=1,
    ),
    _exhibit(
        "15b",
        "the fetch of the result fails, and result() returns None",
        "value",
        future=wire.ReturnsNoneOnLoss,
        delayed=True,
        seed=9,
    ),
    _exhibit(
        "16",
        "wait([finished, pending], ALL_COMPLETED) returns with one pending",
        "waiters once",
        future=telling.TellsAtOnce,
        delayed=True,
        futures=2,
        seed=6,
    ),
    _exhibit(
        "17",
        "as_completed([finished, pending]) raises KeyError",
        "waiters once",
        "answers",
        future=telling.TellsWhenLoaded,
        delayed=True,
        futures=2,
        seed=6,
    ),
    _exhibit(
        "18",
        "TimeoutError although the future settled in time",
        "timed calls re-read",
        future=waiting.TrustsTheWait,
        seed=13,
    ),
    _exhibit(
        "18b",
        "TimeoutError although the future settled while the event's wait came back",
        "timed calls re-read",
        future=waiting.TrustsTheEvent,
    ),
    _exhibit(
        "19",
        "cancelled(), a query, blocks without bound",
        "timed calls end",
        future=waiting.QueryWaits,
        seed=4,
    ),
    _exhibit(
        "21",
        "after a refused cancel a new cancel() says nothing",
        "outcome",
        future=waiting.ForgetsRefusal,
        # Two cancels; a disconnect in the place of one takes more steps than a screen has.
        calls=("cancel", "cancelled", "done", "result"),
        seed=2,
    ),
    _exhibit(
        "22",
        "another thread's submit blocks during a callback",
        "nothing under a lock",
        manager=wire.CallsUnderTheManagersLock,
        seed=12,
    ),
    _exhibit(
        "23",
        "a full pipe and an arriving result dead-lock",
        "nothing under a lock",
        future=wire.SendsUnderItsLock,
    ),
    _exhibit(
        "24",
        "cancel refused, then the result comes: the future never settles",
        "linearizable",
        "released",
        "timed calls end",
        manager=wire.ForgetsAtAnyConfirm,
        seed=8,
    ),
    _exhibit(
        "25",
        "a user's exception comes out of add_done_callback",
        "answers",
        future=telling.LetsCallbacksRaise,
        seed=12,
    ),
    _exhibit(
        "26",
        "disconnecting tells a waiter twice",
        "waiters once",
        future=telling.TellsAgainAtTheEnd,
        futures=2,
        seed=21,
    ),
)
