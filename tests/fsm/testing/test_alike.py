"""Logs that are alike are judged alike."""

from random import Random

import pytest

from futurefsm.fsm.lifecycles import CONFIRMED
from futurefsm.fsm.testing import checks
from futurefsm.fsm.testing import history as h
from futurefsm.fsm.testing.alike import Records, likeness
from futurefsm.fsm.testing.drawing import Drawer
from futurefsm.fsm.testing.gallery.exhibits import EXHIBITS
from futurefsm.fsm.testing.harness import Harness, StandardFutures
from futurefsm.fsm.testing.history import Returned, Seen
from futurefsm.fsm.testing.search.pct import plain
from futurefsm.fsm.testing.shipped import ConfirmedFutures
from futurefsm.fsm.testing.stage import Stage

SETTLED = frozenset(str(state) for state in CONFIRMED.states if state.settled)
ONE, TWO = (h.CALL, 0, 0), (h.CALL, 1, 0)
FIRST, SECOND = (h.ANSWER, 0, 0, Returned(), False), (h.ANSWER, 1, 0, Returned(), False)
BROUGHT = (h.DELIVER, 0)


def alike(one: list[object], other: list[object]) -> bool:
    return likeness(_log(one), SETTLED) == likeness(_log(other), SETTLED)


def _log(records: list[object]) -> Records:
    return tuple(records)  # type: ignore[arg-type]


def test_neighbouring_begins_and_neighbouring_ends_may_come_in_any_order() -> None:
    assert alike([ONE, TWO, BROUGHT, FIRST, SECOND], [BROUGHT, TWO, ONE, SECOND, FIRST])


def test_what_ended_before_another_began_is_another_matter() -> None:
    assert not alike([ONE, FIRST, TWO, SECOND], [ONE, TWO, FIRST, SECOND])
    assert not alike([ONE, FIRST, TWO, SECOND], [TWO, SECOND, ONE, FIRST])


def test_other_answers_are_not_alike() -> None:
    assert not alike([ONE, FIRST], [ONE, (h.ANSWER, 0, 0, Returned(True), False)])


def test_when_a_message_was_sent_is_no_matter_but_that_it_was() -> None:
    sent = (h.SENT, "Task", 0, 0, ())
    assert alike([ONE, sent, TWO], [TWO, ONE, sent])
    assert not alike([ONE, sent, TWO], [ONE, TWO])


def test_a_callback_and_what_the_store_is_asked_have_their_time() -> None:
    for record in ((h.CALLBACK, 1, 0, 0, ()), (h.DELETED, "object 1", 0, ())):
        assert not alike([ONE, record, FIRST], [ONE, FIRST, record])
        assert not alike([ONE, record, TWO], [TWO, ONE, record])


def test_when_a_future_moved_matters_only_where_it_had_settled() -> None:
    cancel = (h.CALL, 0, 0)
    before = [(h.STATE, 0, "pending"), (h.STATE, 0, "finished")]
    after = (h.STATE, 0, "cancelled")
    assert alike([*before, cancel, after], [before[0], cancel, before[1], after])
    assert not alike([*before, cancel, after], [*before, after, cancel])
    assert not alike(before, [*before[::-1]])


HARNESSES = [ConfirmedFutures(), StandardFutures(), *(each.broken for each in EXHIBITS[::4])]


@pytest.mark.parametrize("harness", HARNESSES, ids=lambda harness: harness.name)
def test_no_check_can_tell_them_apart(harness: Harness) -> None:
    """Of right and of broken futures: where one log is fine, whatever is like it is fine."""
    stage, chance = Stage(harness), Random(3)
    settled, drawer = stage.subject.settled, Drawer(harness)
    shared = 0
    with stage.open():
        for _ in range(12):
            program = drawer.draw(chance.randrange)
            verdicts: dict[object, set[bool]] = {}
            logs: set[object] = set()
            for _ in range(25):
                seen: Seen = stage.run(program, plain(chance)).seen
                logs.add(seen)
                key = (seen.end, seen.stopped, likeness(seen.log, settled))
                troubles = checks.judge(h.read(seen), stage.subject)
                verdicts.setdefault(key, set()).add(bool(troubles))
            assert all(len(said) == 1 for said in verdicts.values())
            shared += len(logs) - len(verdicts)
    assert shared
