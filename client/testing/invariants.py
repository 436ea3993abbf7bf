"""What must hold after every step of a simulated world, by name, and the error that says it does
not. PURE."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from futurefsm.client.testing.world import World

SETTLES = "Settles"
ONE_VERDICT = "One verdict"
ONCE = "Once"
ONE_CANCEL = "One TaskCancel"
NO_LEAK = "No leak"
DELETED_ONCE = "Deleted once"
AGREEMENT = "Agreement"
TRUE_OUTCOME = "True outcome"
RIGHT_VALUE = "Right value"
PUMP = "The pump survives"
ENGINE = "The engine survives"
NO_PREFETCH = "Nothing prefetched"
ONE_TASK = "One task per worker"
NEVER_TWICE = "Never run twice"
CREDITS = "Credits"

INVARIANTS: dict[str, str] = {
    SETTLES: "under a fair network every future settles and gets its value; under any, at the "
    "latest with disconnect or connection_lost, and then nothing waits",
    ONE_VERDICT: "only rows of the table move a future; cancelled never changes, finished only by "
    "its user's own cancel",
    ONCE: "every callback and waiter hears of the settling exactly once, in order, under no lock",
    ONE_CANCEL: "at most one TaskCancel for a future and connection, none for one never sent, and "
    "a task is sent once",
    NO_LEAK: "when all is settled the store holds no result and the client no future; when the "
    "client left, nothing of it",
    DELETED_ONCE: "a client asks for the deletion of a result once, and not before it has it or "
    "does not want it",
    AGREEMENT: "what a caller was told is never contradicted",
    TRUE_OUTCOME: "cancel_outcome says nothing that is not so",
    RIGHT_VALUE: "a value or an exception is the one that this task's run made",
    PUMP: "no message and no call raises out of the pump or makes it wait",
    ENGINE: "no message raises out of the scheduler or the store",
    NO_PREFETCH: "a task whose cancel was confirmed never starts; a task starts with its objects",
    ONE_TASK: "a worker has one task at a time, and a dead one none",
    NEVER_TWICE: "no task is started twice",
    CREDITS: "tasks that are with the engine and credits that are left make the number of workers",
}
"""Name → what it says."""

UNLESS: dict[str, str] = {
    NO_LEAK: "reorder, duplicate, lose or rogue (what nobody heard of cannot be deleted)",
    RIGHT_VALUE: "rogue (a liar's value is a lie)",
    NEVER_TWICE: "duplicate (a scheduler forgets a task that ended; its copy is a new one)",
    TRUE_OUTCOME: "rogue (an outcome is what the scheduler said)",
}
"""Invariants that hold only without these faults. `Settles` without closing is checked where the
faults are `fair`; all others under all faults."""


class Broken(AssertionError):
    """An invariant does not hold. Its text is the whole story: messages, futures, how to replay.

    Attributes:
        invariant: its name, one of `INVARIANTS`.
        what: what broke, in words.
        world: where.
    """

    def __init__(self, invariant: str, what: str, world: "World") -> None:
        super().__init__(invariant, what)
        self.invariant = invariant
        self.what = what
        self.world = world

    def __str__(self) -> str:
        from futurefsm.client.testing.report import report

        return report(self)


def _kind(name: str) -> type[Broken]:
    """One class for each invariant, so that a shrinker does not slip from one to another."""
    words = name.title().replace(" ", "")
    return type(f"{words}Broken", (Broken,), {"__doc__": INVARIANTS[name]})


KINDS: dict[str, type[Broken]] = {name: _kind(name) for name in INVARIANTS}
