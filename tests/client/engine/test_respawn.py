"""When workers are started, and when hope is given up."""

from collections.abc import Callable

from futurefsm.client.deadlines import AT_ONCE
from futurefsm.client.engine.respawn import BOOT_TIMEOUT_S, FAILURES, Respawn


def test_all_are_due_at_once() -> None:
    book = Respawn(3)
    assert book.due(0.0) == 3
    for worker in range(3):
        book.started(worker, 0.0)
    assert book.due(0.0) == 0
    assert book.deadline() == BOOT_TIMEOUT_S


def test_one_that_was_up_is_replaced_at_once() -> None:
    book = Respawn(1)
    book.started(0, 0.0)
    book.up(0)
    assert book.deadline() is None
    assert book.died(0, -9, 5.0)
    book.owe()
    assert book.due(5.0) == 1
    assert not book.hopeless


def test_failed_starts_come_later_and_later_and_are_told() -> None:
    book = Respawn(1)
    now, waits = 0.0, []
    for worker in range(6):
        assert book.due(now) == 1
        book.started(worker, now)
        assert not book.died(worker, 1, now)
        assert book.hopeless is (worker + 1 >= FAILURES)
        assert book.due(now) == 0
        deadline = book.deadline()
        assert deadline is not None
        waits.append(deadline - now)
        now = deadline
    assert waits == sorted(waits)
    assert waits[0] < 0.1
    assert waits[-1] <= 30.0
    assert "6 starts in a row failed" in book.reason
    assert "exit code 1" in book.reason
    book.started(9, now)
    book.up(9)
    assert not book.hopeless


def test_while_starts_fail_one_attempt_at_a_time() -> None:
    book = Respawn(4)
    for worker in range(4):
        book.started(worker, 0.0)
    for worker in range(4):
        book.died(worker, -11, 0.0)
    assert "signal 11" in book.reason
    deadline = book.deadline()
    assert deadline is not None
    assert book.due(deadline) == 1
    book.started(4, deadline)
    assert book.due(deadline) == 0
    book.up(4)
    assert book.due(deadline) == 3


def test_a_system_that_starts_nothing() -> None:
    book = Respawn(1)
    for _ in range(FAILURES):
        book.failed("no process: EAGAIN", 0.0)
    assert book.hopeless
    assert "EAGAIN" in book.reason
    assert book.exit == 0


def test_one_that_hangs_is_killed() -> None:
    book = Respawn(1)
    book.started(0, 0.0)
    assert book.overdue(BOOT_TIMEOUT_S - 1) == []
    assert book.overdue(BOOT_TIMEOUT_S) == [0]
    assert book.overdue(BOOT_TIMEOUT_S) == []
    assert not book.died(0, -9, BOOT_TIMEOUT_S)


def test_failures_do_not_matter_while_another_works() -> None:
    book = Respawn(2)
    book.started(0, 0.0)
    book.up(0)
    for worker in range(1, 6):
        book.started(worker, 0.0)
        book.died(worker, 1, 0.0)
    assert not book.hopeless


def test_each_change_rings() -> None:
    """Nobody has to look at it in every turn."""
    book = Respawn(1)

    def rang() -> bool:
        at = book.alarm.at
        book.alarm.set(book.deadline())
        return at == AT_ONCE

    assert rang()
    assert not rang()
    changes: list[Callable[[], object]] = [
        lambda: book.started(0, 0.0),
        lambda: book.up(0),
        lambda: book.died(0, 0, 1.0),
        book.owe,
        lambda: book.failed("no process", 2.0),
        lambda: book.started(1, 3.0),
        lambda: book.died(1, 0, 4.0),
    ]
    for change in changes:
        change()
        assert rang()
        assert not rang()


def test_the_last_that_was_up_takes_hope_along() -> None:
    book = Respawn(2)
    book.started(0, 0.0)
    book.up(0)
    for _ in range(FAILURES):
        book.failed("no process", 0.0)
        assert not book.hopeless
    book.died(0, 0, 1.0)
    assert book.hopeless
    book.started(1, 1.0)
    book.up(1)
    assert not book.hopeless
