"""What is remembered of ended tasks."""

from futurefsm.client.ended import ENDED_MAX, Ended
from futurefsm.client.tracked import Tracked
from futurefsm.fsm import events as ev
from futurefsm.fsm import states as st
from futurefsm.fsm.lifecycles import CONFIRMED


def test_a_late_object_is_a_stray_once() -> None:
    ended = Ended(CONFIRMED)
    tracked = Tracked()
    tracked.deleted = b"lost the race"
    ended.add(b"task", st.CANCELLED, tracked)
    assert b"task" in ended
    assert ended.stray(b"task", ev.RESULT_SUCCESS, b"lost the race") is None
    assert ended.stray(b"task", ev.RESULT_SUCCESS, b"another") == b"another"
    assert ended.stray(b"task", ev.RESULT_SUCCESS, b"another") is None
    assert ended.stray(b"task", ev.CONFIRM_CANCELED, None) is None


def test_a_duplicate_of_a_finished_task_leaves_the_object_alone() -> None:
    ended = Ended(CONFIRMED)
    tracked = Tracked()
    tracked.object_id = b"offered"
    ended.add(b"task", st.FINISHED, tracked)
    assert ended.stray(b"task", ev.RESULT_SUCCESS, b"offered") is None


def test_bounded() -> None:
    ended = Ended(CONFIRMED)
    for n in range(ENDED_MAX + 3):
        ended.add(n.to_bytes(4, "big"), st.FINISHED, Tracked())
    assert len(ended) == ENDED_MAX
    assert bytes(4) not in ended
