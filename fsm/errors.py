"""Errors of the futures. PURE.

Each says what was wrong, with which task, and what to do, and carries the future's story.
"""

import concurrent.futures
import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from futurefsm.fsm.outcomes import Outcome
    from futurefsm.fsm.story import Story


class LifecycleError(ValueError):
    """A table that does not hold together. `problems` has one line per problem, naming the row."""

    def __init__(self, lifecycle: str, problems: tuple[str, ...]) -> None:
        self.lifecycle = lifecycle
        self.problems = problems
        super().__init__(lifecycle, problems)

    def __str__(self) -> str:
        lines = "".join(f"\n  - {problem}" for problem in self.problems)
        return f"lifecycle {self.lifecycle!r} does not hold together:{lines}"


class _WithStory(Exception):
    """Adds the story of the future to the message, once somebody reads it: most errors are only
    caught. The story stays behind when pickled, for it names objects of this process; its text
    travels in the message."""

    story: "Story | None" = None

    def __init__(self, message: str = "", story: "Story | None" = None) -> None:
        super().__init__(message)
        self.story = story

    def __str__(self) -> str:
        message = super().__str__()
        return message if self.story is None else f"{message}\n{self.story}"

    def __reduce__(self) -> tuple[Any, ...]:
        state = {k: v for k, v in self.__dict__.items() if k != "story"}
        return (type(self), (str(self),), state)


class InvalidStateError(_WithStory, concurrent.futures.InvalidStateError):
    """A call that the future's lifecycle forbids in its state. The future did not move."""


class CancelledError(_WithStory, concurrent.futures.CancelledError):
    """The future was cancelled. `outcome` says what is known of the task."""

    outcome: "Outcome | None" = None


class FutureTimeoutError(_WithStory, TimeoutError):
    """The wait ran out; the future goes on."""


class WouldDeadlockError(_WithStory, RuntimeError):
    """A wait on the very thread whose work would end the wait."""


class WorkerDiedError(_WithStory, RuntimeError):
    """The process that ran the task ended without an answer.

    `exit_code`: the exit code, or minus the number of the signal that killed it, or None where the
    scheduler does not tell.
    """

    exit_code: int | None = None


class ConnectionLostError(_WithStory, ConnectionError):
    """The link to the scheduler is gone; nobody can say how the task ended."""


class ClientClosedError(_WithStory, RuntimeError):
    """The client was closed by its user."""


class ResultLostError(_WithStory, RuntimeError):
    """The task ended, but its result cannot be had. `object_id`: the object's id."""

    object_id: bytes = b""


def own_error(effect: str, what: str, value: Any, story: "Story | None") -> Exception:
    """The error that a step makes itself.

    Args:
        effect: the effect's name.
        what: the future, described.
        value: the exit code of a worker that died; the reason of a loss.
    """
    if effect == "worker_died_error":
        died = WorkerDiedError(f"{what}: its worker died{exit_text(value)}", story)
        died.exit_code = value if isinstance(value, int) else None
        return died
    if effect == "connection_lost_error":
        return ConnectionLostError(f"{what}: {value or 'the connection was lost'}", story)
    return ClientClosedError(f"{what}: its client was closed before an answer came", story)


def exit_text(code: Any) -> str:
    """How a process ended, to follow "died": its exit code, or minus the number of a signal."""
    if code is None:
        return ""
    # Never an exception: it would come out where messages are delivered.
    if not isinstance(code, int):
        return f" ({code})"
    if code >= 0:
        return f" with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = "unknown"
    return f" by signal {-code} ({name})"
