"""States: what a lifecycle can be in. PURE.

A state is a string with facts attached, so a table, a log line and a ``transitions.Machine``
can all use it as it is, and an author can add one of their own.
"""

from typing import Any

# How `concurrent.futures` names what it sees (`_state`). The strings are the standard library's.
PENDING_VIEW = "PENDING"
RUNNING_VIEW = "RUNNING"
CANCELLED_VIEW = "CANCELLED"
ANNOUNCED_VIEW = "CANCELLED_AND_NOTIFIED"
FINISHED_VIEW = "FINISHED"
VIEWS = (PENDING_VIEW, RUNNING_VIEW, CANCELLED_VIEW, ANNOUNCED_VIEW, FINISHED_VIEW)


class State(str):
    """One state of a lifecycle; equal to, and hashed as, its name.

    Args:
        name: a Python identifier in lower case, unique in its lifecycle.
        means: one sentence for the documentation.
        view: what `concurrent.futures` shows for it, one of `VIEWS`; None for machines that are
            not futures.
        settled: the future is done: waiters and callbacks have been told.
        absorbing: nothing leads out of it, ever.
        cancel_decided: not settled, but every way out leads to a cancelled state, so that a
            ``cancel()`` can already say True.

    Raises:
        ValueError: the name is not an identifier, or the view is unknown.
    """

    __slots__ = ("absorbing", "cancel_decided", "means", "settled", "view")

    means: str
    view: str | None
    settled: bool
    absorbing: bool
    cancel_decided: bool

    def __new__(
        cls,
        name: str,
        means: str = "",
        *,
        view: str | None = None,
        settled: bool = False,
        absorbing: bool = False,
        cancel_decided: bool = False,
    ) -> "State":
        if not name.isidentifier():
            raise ValueError(f"a state's name must be a Python identifier, not {name!r}")
        if view is not None and view not in VIEWS:
            raise ValueError(f"state {name!r}: view {view!r} is none of {', '.join(VIEWS)}")
        self = super().__new__(cls, name)
        self.means = means
        self.view = view
        self.settled = settled
        self.absorbing = absorbing
        self.cancel_decided = cancel_decided
        return self

    def __getnewargs_ex__(self) -> tuple[tuple[str, str], dict[str, Any]]:
        facts = {
            "view": self.view,
            "settled": self.settled,
            "absorbing": self.absorbing,
            "cancel_decided": self.cancel_decided,
        }
        return (str(self), self.means), facts

    def __repr__(self) -> str:
        return f"<State {self!s}>"

    @property
    def is_cancelled(self) -> bool:
        """Settled, and never to have a value."""
        return self.view in (CANCELLED_VIEW, ANNOUNCED_VIEW)


# The future.
PENDING = State("pending", "made, not yet handed to the wire", view=PENDING_VIEW)
RUNNING = State("running", "the task was sent; an answer is owed", view=RUNNING_VIEW)
CANCEL_REQUESTED = State(
    "cancel_requested",
    "one TaskCancel was sent; a confirmation or a result is owed",
    view=RUNNING_VIEW,
    cancel_decided=True,
)
CANCELLED = State(
    "cancelled", "will never have a value", view=ANNOUNCED_VIEW, settled=True, absorbing=True
)
FINISHED = State(
    "finished",
    "the task ended, with a value or an exception, or nobody can say any more how it ended",
    view=FINISHED_VIEW,
    settled=True,
)

# The value of a future that finished.
NONE = State("none", "there is no value yet")
OFFERED = State("offered", "the object store has it; nobody asked")
FETCHING = State("fetching", "asked for; its bytes are on their way")
LOADED = State("loaded", "its bytes are here")
DISCARDED = State("discarded", "nobody can ask for it any more", absorbing=True)
LOST = State("lost", "its bytes cannot be had")

# A task, as its scheduler sees it.
UNKNOWN = State("unknown", "never heard of, or ended and forgotten")
QUEUED = State("queued", "accepted; waits for its objects and for a worker")
ASSIGNED = State("assigned", "one worker has it; nothing else is on that worker")
CANCELING = State("canceling", "its worker is being killed; its death or a result is awaited")
ENDED = State("ended", "its client was told, once; forgotten", absorbing=True)
