"""Outcomes: what became of a request to cancel. PURE.

A bool cannot tell a user whether the task ran. An outcome can, and never says more than is known.
"""

from typing import Any


class Outcome(str):
    """What became of a cancel; equal to, and hashed as, its name.

    Args:
        name: a Python identifier in lower case.
        means: one phrase, ready to stand in an error message.
    """

    __slots__ = ("means",)

    means: str

    def __new__(cls, name: str, means: str = "") -> "Outcome":
        self = super().__new__(cls, name)
        self.means = means
        return self

    def __getnewargs_ex__(self) -> tuple[tuple[str, str], dict[str, Any]]:
        return (str(self), self.means), {}

    def __repr__(self) -> str:
        return f"<Outcome {self!s}>"


NEVER_SENT = Outcome("never_sent", "cancelled before it left")
CONFIRMED_OUTCOME = Outcome("confirmed", "the scheduler says that it will not finish")
TOO_LATE = Outcome("too_late", "the task had ended; its result was thrown away")
NOT_FOUND = Outcome("not_found", "the scheduler does not know the task; it may have run")
REFUSED = Outcome("refused", "the worker would not stop; the result is thrown away")
AFTER_FINISH = Outcome("after_finish", "cancelled by its user when it was finished")
DISCONNECTED = Outcome("disconnected", "the client was closed first; the task may have run")
CONNECTION_LOST_OUTCOME = Outcome(
    "connection_lost", "the connection was lost; nobody can say whether it ran"
)
UNANSWERED = Outcome("unanswered", "asked; no answer yet")
WORKER_DIED_OUTCOME = Outcome("worker_died", "its worker died first")
BY_SCHEDULER = Outcome("by_scheduler", "the scheduler cancelled it without having been asked")
INPUT_CANCELLED = Outcome(
    "input_cancelled", "a task whose result it needs was cancelled; it did not run"
)

OUTCOMES = (
    NEVER_SENT,
    CONFIRMED_OUTCOME,
    TOO_LATE,
    NOT_FOUND,
    REFUSED,
    AFTER_FINISH,
    DISCONNECTED,
    CONNECTION_LOST_OUTCOME,
    UNANSWERED,
    WORKER_DIED_OUTCOME,
    BY_SCHEDULER,
    INPUT_CANCELLED,
)

# Which later fact may replace which earlier one. A result after `refused` is what a refusal
# promises, so it stays `refused`; after an answer or an end that left it open, a result shows that
# the task did end.
_REFINED_BY: dict[Outcome | None, frozenset[Outcome]] = {
    None: frozenset(OUTCOMES),
    UNANSWERED: frozenset(OUTCOMES),
    REFUSED: frozenset(OUTCOMES) - {TOO_LATE, UNANSWERED},
    NOT_FOUND: frozenset({TOO_LATE}),
    CONFIRMED_OUTCOME: frozenset({TOO_LATE}),
    DISCONNECTED: frozenset({TOO_LATE}),
    CONNECTION_LOST_OUTCOME: frozenset({TOO_LATE}),
}


def refine(known: Outcome | None, fact: Outcome) -> Outcome:
    """What is known of a cancel once another fact arrives."""
    return fact if known is None or fact in _REFINED_BY.get(known, ()) else known
