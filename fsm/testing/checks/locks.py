"""Nothing foreign under a lock; the pump neither raises nor waits; a loop is not blocked. PURE."""

from collections.abc import Iterator

from futurefsm.fsm.story import CALLER
from futurefsm.fsm.testing import history as h
from futurefsm.fsm.testing.checks.base import Subject
from futurefsm.fsm.testing.failure import Trouble
from futurefsm.fsm.testing.history import History

UNDER_A_LOCK = "nothing under a lock"
PUMP_RAISES = "pump raises"
PUMP_WAITS = "pump waits"


def under_a_lock(history: History, subject: Subject) -> Iterator[Trouble]:
    """No callback, send, fetch, delete or wait while a lock is held."""
    for _, message, _, task, held in history.of(h.SENT):
        if held:
            yield _under(f"{message} was sent", history, task, held)
    for _, key, task, held, _ in history.of(h.FETCHED):
        if held:
            yield _under(f"{key} was fetched", history, task, held)
    for _, key, task, held in history.of(h.DELETED):
        if held:
            yield _under(f"{key} was deleted", history, task, held)
    for _, callback, _, task, held in history.of(h.CALLBACK):
        if held:
            yield _under(f"callback {callback} was called", history, task, held)
    for _, task, op, what, held in history.of(h.WAITED):
        if held:
            yield _under(f"there was a wait ({op}, {what})", history, task, held)


def _under(what: str, history: History, task: int | None, held: tuple[str, ...]) -> Trouble:
    who = task_name(history, task)
    return Trouble(UNDER_A_LOCK, f"{what} by {who} while it held {' and '.join(held)}")


def task_name(history: History, task: int | None) -> str:
    """What a task is called in words."""
    users = len(history.seen.program.threads)
    if task is None:
        return "the setup"
    if task < users:
        return f"user {task + 1}"
    return "the pump" if task == users else f"thread {task + 1}"


def pump_raises(history: History, subject: Subject) -> Iterator[Trouble]:
    """No event makes the pump raise, but where the table refuses it to a caller."""
    for brought in history.brought:
        answer = brought.answer
        if not isinstance(answer, h.Raised):
            continue
        if subject.source == CALLER and answer.name == "InvalidStateError":
            continue  # an answer, which the table judges
        yield Trouble(PUMP_RAISES, f"{brought.move} {answer} out of the pump")
    for _, name, answer in history.of(h.DIED):
        yield Trouble(PUMP_RAISES, f"{name}, a thread of the future's own, {answer} and ended")


def pump_waits(history: History, subject: Subject) -> Iterator[Trouble]:
    """The pump never waits for anybody while it delivers."""
    pump = len(history.seen.program.threads)
    for _, task, op, what, held in history.of(h.WAITED):
        if task == pump and not held:
            on = f"{op}, {what}" if what else op
            yield Trouble(PUMP_WAITS, f"the pump waits ({on}) while it delivers")
