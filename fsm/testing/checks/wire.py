"""The object store: nothing is left in it that nobody can ask for. PURE."""

from collections.abc import Iterator

from futurefsm.fsm.events import RESULT_FAILED, RESULT_SUCCESS, SUBMIT
from futurefsm.fsm.table import Kind
from futurefsm.fsm.testing import history as h
from futurefsm.fsm.testing.checks.base import Subject
from futurefsm.fsm.testing.failure import Trouble
from futurefsm.fsm.testing.history import Brought, History

NO_LEAK = "no leak"


def no_leak(history: History, subject: Subject) -> Iterator[Trouble]:
    """An object is deleted once nobody can ask for it, and not before it was had."""
    if not subject.objects:
        return
    deleted: dict[str, list[int]] = {}
    for time, key, _, _ in history.of(h.DELETED):
        deleted.setdefault(key, []).append(time)
    for key, times in deleted.items():
        brought = sum(_key(each) == key for each in history.brought)
        if len(times) > max(brought, 1):
            yield Trouble(NO_LEAK, f"{key} was deleted {len(times)} times")
    for time, key, _, _, found in history.of(h.FETCHED):
        before = [each for each in deleted.get(key, ()) if each < time]
        if before and not found:
            yield Trouble(NO_LEAK, f"{key} was deleted before it was fetched")
    if history.seen.end != "done":
        return
    for _, number, state, done, _, _ in history.of(h.FINAL):
        owed = _owed(history, subject, number)
        if owed is None or not done or owed in deleted:
            continue
        if state in subject.cancelled:
            yield Trouble(NO_LEAK, f"{owed} stays in the store for ever: its future is cancelled")
        elif any(key == owed and found for _, key, _, _, found in history.of(h.FETCHED)):
            yield Trouble(NO_LEAK, f"{owed} stays in the store for ever, though it was fetched")


def _key(brought: Brought) -> str:
    """The key of the object that a message is about."""
    number = brought.move.future + 1
    if brought.move.event == RESULT_SUCCESS:
        return f"object {number}"
    return f"error {number}" if brought.move.event == RESULT_FAILED else ""


def _owed(history: History, subject: Subject, future: int) -> str | None:
    """The object that a future has to have deleted once it is cancelled, or had it: that of its
    first result.

    A second, contradicting end, and a result that came before the task was sent, are the peer's
    faults; the table does not say who cleans up.
    """

    mine = [each for each in history.brought if each.move.future == future]
    for place, brought in enumerate(mine):
        if not _key(brought):
            if brought.move.event in subject.finishing:
                return None
            continue
        sent = any(each.move.event == SUBMIT for each in mine[:place])
        start = subject.lifecycle.row(subject.lifecycle.start, brought.move.event)
        return _key(brought) if sent or start.kind is not Kind.VIOLATES else None
    return None
