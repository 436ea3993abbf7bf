"""The half of the tracker that sends: uploads, owned objects, tasks with all kinds of arguments."""

from typing import Any

import pytest

from futurefsm.client.outgoing import QUIET_DROPS, QUIET_S, Outgoing
from futurefsm.client.outputs import Put, Send
from futurefsm.client.tracked import Call, Stored
from futurefsm.client.tracker import Tracker
from futurefsm.client.uploads import Blob
from futurefsm.fsm import effects as fx
from futurefsm.fsm import states as st
from futurefsm.fsm.lifecycles import CONFIRMED
from futurefsm.protocol import messages as m
from futurefsm.protocol.ids import IdSource

ME = b"Client|me"
OWNED = b"w" * 32


def tracker() -> Tracker:
    made = Tracker(ME, IdSource(b"seed"), CONFIRMED)
    made.send_object(OWNED, Blob(b"payload", b"digest", "mine"))
    return made


def user_of(it: Tracker, task_id: bytes) -> None:
    call = Call(task_id, Blob(b"fn", b"fn", "work"), (Stored(OWNED), Stored(OWNED)), b"flags!")
    it.submit(call, 1.0)
    it.perform(task_id, [fx.SEND_TASK], None, 1.0)


def dropped(it: Tracker) -> list[bytes]:
    return [
        object_id
        for each in it.take()
        if isinstance(each, Send)
        and isinstance(each.message, m.ObjectInstruction)
        and each.message.instruction_type is m.InstructionType.DELETE
        for object_id in each.message.object_metadata.object_ids
    ]


def test_an_owned_object_is_sent_once_and_used_by_its_id() -> None:
    it = tracker()
    user_of(it, b"t" * 16)
    out = it.take()
    puts: list[Any] = [each for each in out if isinstance(each, Put)]
    assert [put.payload for put in puts] == [b"payload", b"fn"]
    task = out[-1].message  # type: ignore[union-attr]
    assert isinstance(task, m.Task)
    assert [each.data for each in task.function_args] == [OWNED, OWNED]


def ended(it: Tracker, *, arguments: int, now: float) -> list[bytes]:
    """A task with small arguments has ended; the ids of its objects."""
    blobs = tuple(Blob(b"%d" % n, None, "argument") for n in range(arguments))
    it.submit(Call(b"t" * 16, Blob(b"fn", b"fn", "work"), blobs, b"flags!"), now)
    it.perform(b"t" * 16, [fx.SEND_TASK], None, now)
    made = [each.object_id for each in it.take() if isinstance(each, Put)]
    for object_id in made:
        it.stored(object_id)
    it.settled(b"t" * 16, st.CANCELLED)
    return made[-arguments - 1 :]


def test_small_arguments_stay_until_no_task_has_come_for_a_while() -> None:
    it = Tracker(ME, IdSource(b"seed"), CONFIRMED, timeout_s=10 * QUIET_S)
    it.opened(0.0)
    made = ended(it, arguments=QUIET_DROPS, now=10.0)
    assert len(made) == QUIET_DROPS + 1
    it.tick(9.0 + QUIET_S)
    assert dropped(it) == []
    # Deleting is work for the cluster: so many with each heartbeat.
    it.tick(10.0 + QUIET_S)
    assert sorted(dropped(it)) == sorted(set(made) - {made[-1]})
    it.tick(12.0 + QUIET_S)
    assert dropped(it) == [made[-1]]
    it.tick(14.0 + QUIET_S)
    assert dropped(it) == []


def test_clear_gives_all_of_them_back_at_once() -> None:
    it = Tracker(ME, IdSource(b"seed"), CONFIRMED)
    made = ended(it, arguments=3, now=10.0)
    it.clear()
    assert sorted(dropped(it)) == sorted(made)


def test_disowned_it_goes_with_the_last_task() -> None:
    it = tracker()
    it.stored(OWNED)
    user_of(it, b"t" * 16)
    # Another task was announced, and is still on its way.
    it.disown(OWNED, 3)
    it.disown(OWNED, 3)
    it.settled(b"t" * 16, st.CANCELLED)
    assert dropped(it) == []
    it.return_object(OWNED)
    assert dropped(it) == [OWNED]
    it.return_object(OWNED)
    assert dropped(it) == []


def test_nothing_is_deleted_before_it_is_stored() -> None:
    it = tracker()
    it.disown(OWNED, 0)
    assert dropped(it) == []
    it.stored(OWNED)
    assert dropped(it) == [OWNED]


def test_a_task_that_was_not_announced_is_a_bug() -> None:
    it = tracker()
    it.disown(OWNED, 0)
    with pytest.raises(AssertionError, match="keeps its object"):
        user_of(it, b"t" * 16)


def test_what_is_over_is_the_trackers_to_say() -> None:
    it = Outgoing(ME, IdSource(b"seed"), None)
    with pytest.raises(NotImplementedError):
        it._forget_if_over(b"", None)  # type: ignore[arg-type]


def test_a_step_that_comes_behind_the_end_of_its_task_sends_nothing() -> None:
    """Two threads moved it, and the later step was handed over first: nothing is left of it."""
    it = tracker()
    it.submit(Call(b"t" * 16, Blob(b"fn", b"fn", "work"), (), b"flags!"), 1.0)
    it.perform(b"t" * 16, [fx.SEND_CANCEL], None, 1.0)
    it.settled(b"t" * 16, st.CANCELLED)
    assert len(it) == 0
    it.take()
    it.perform(b"t" * 16, [fx.SEND_TASK], None, 1.0)
    assert it.take() == []
