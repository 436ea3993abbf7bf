"""The object store: nothing is left in it that nobody can ask for. PURE."""

from collections.abc import Iterator

from futurefsm.fsm.testing import history as h
from futurefsm.fsm.testing.checks.base import Subject
from futurefsm.fsm.testing.failure import Trouble
from futurefsm.fsm.testing.history import History

NO_LEAK = "no leak"


def no_leak(history: History, subject: Subject) -> Iterator[Trouble]:
    """An object is deleted once nobody can ask for it, and not before it was had."""
    if not subject.objects:
        return
    deleted: dict[str, list[int]] = {}
    for time, key, _, _ in history.of(h.DELETED):
        deleted.setdefault(key, []).append(time)
    for key, times in deleted.items():
        brought = sum(
            key == f"object {each.move.future + 1}" and each.move.event.startswith("result_")
            for each in history.brought
        )
        if len(times) > max(brought, 1):
            yield Trouble(NO_LEAK, f"{key} was deleted {len(times)} times")
    for time, key, _, _, found in history.of(h.FETCHED):
        before = [each for each in deleted.get(key, ()) if each < time]
        if before and not found:
            yield Trouble(NO_LEAK, f"{key} was deleted before it was fetched")
    if history.seen.end != "done":
        return
    offered = {key for _, key in history.of(h.OFFERED)}
    for _, number, state, done, _, _ in history.of(h.FINAL):
        key = f"object {number + 1}"
        cancelled = state is not None and _is_cancelled(subject, state)
        if key in offered and done and cancelled and key not in deleted:
            yield Trouble(NO_LEAK, f"{key} stays in the store for ever: its future is cancelled")


def _is_cancelled(subject: Subject, state: str) -> bool:
    return any(str(each) == state and each.is_cancelled for each in subject.lifecycle.states)
