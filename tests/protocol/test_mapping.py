import inspect
from enum import IntEnum

import pytest

from futurefsm.fsm import effects as fx
from futurefsm.fsm import events as ev
from futurefsm.protocol import messages as m
from futurefsm.protocol.mapping import (
    CARRIERS,
    EVENTS,
    arrival,
    cancel_confirm,
    request,
    task_cancel,
    task_result,
    worker_died,
)
from futurefsm.protocol.object_store import RequestKind
from futurefsm.protocol.task_flags import Profile

ID, OBJECT = b"t" * 16, b"o" * 32


def everything(module, kind):
    return {thing for _, thing in inspect.getmembers(module) if isinstance(thing, kind)}


def test_every_kind_of_message_has_an_entry():
    assert set(EVENTS) == set(m.MESSAGES)


def test_every_effect_of_every_lifecycle_has_an_entry():
    effects = everything(fx, fx.Effect)
    assert effects == {*fx.FUTURE_EFFECTS, *fx.VALUE_EFFECTS, *fx.TASK_EFFECTS}
    assert set(CARRIERS) == effects


def test_what_the_future_does_itself_needs_no_message():
    for effect, carrier in CARRIERS.items():
        if effect.performer == fx.FUTURE:
            assert carrier is None


def test_carriers_exist():
    for carrier in CARRIERS.values():
        assert carrier is None or carrier in m.MESSAGES or isinstance(carrier, RequestKind)


@pytest.mark.parametrize(
    ("kind", "event"),
    [
        (m.TaskResultType.SUCCESS, ev.RESULT_SUCCESS),
        (m.TaskResultType.FAILED, ev.RESULT_FAILED),
        (m.TaskResultType.FAILED_WORKER_DIED, ev.RESULT_WORKER_DIED),
    ],
)
def test_results(kind, event):
    came = arrival(m.TaskResult(ID, kind, Profile(1.0, 2, 3.0).pack(), (OBJECT,)))
    assert (came.task_id, came.event, came.object_id) == (ID, event, OBJECT)
    assert came.profile == Profile(1.0, 2, 3.0)


@pytest.mark.parametrize(
    ("kind", "event"),
    [
        (m.CancelConfirmType.CANCELED, ev.CONFIRM_CANCELED),
        (m.CancelConfirmType.CANCEL_FAILED, ev.CONFIRM_FAILED),
        (m.CancelConfirmType.CANCEL_NOT_FOUND, ev.CONFIRM_NOT_FOUND),
    ],
)
def test_confirms(kind, event):
    came = arrival(m.TaskCancelConfirm(ID, kind))
    assert came == (ID, event, None, None, b"")
    assert came.profile is None


def test_every_member_of_the_two_enums_is_an_event():
    kinds = {m.TaskResult: m.TaskResultType, m.TaskCancelConfirm: m.CancelConfirmType}
    for message, enum in kinds.items():
        assert issubclass(enum, IntEnum)
        assert len(EVENTS[message]) == len(enum)


def test_a_dead_worker_tells_how_it_ended():
    for code in (-9, 3, 0, None):
        came = arrival(worker_died(ID, code))
        assert (came.event, came.object_id) == (ev.RESULT_WORKER_DIED, None)
        assert came.worker_exit == code


def test_a_bad_profile_does_not_lose_the_result():
    came = arrival(m.TaskResult(ID, m.TaskResultType.SUCCESS, b"12345", (OBJECT,)))
    assert came.object_id == OBJECT
    assert came.profile is None


EXAMPLES = {
    m.Task: m.Task(ID, b"c", b"", OBJECT),
    m.TaskCancel: m.TaskCancel(ID),
    m.TaskCancelConfirm: m.TaskCancelConfirm(ID, m.CancelConfirmType.CANCELED),
    m.TaskResult: m.TaskResult(ID, m.TaskResultType.SUCCESS),
    m.TaskLog: m.TaskLog(ID, m.LogType.STDOUT, ""),
    m.GraphTask: m.GraphTask(ID, b"c"),
    m.ObjectInstruction: m.ObjectInstruction(m.InstructionType.CREATE, b"c", m.ObjectMetadata()),
    m.ClientHeartbeat: m.ClientHeartbeat(),
    m.ClientHeartbeatEcho: m.ClientHeartbeatEcho(m.StorageAddress("", 0)),
    m.ClientDisconnect: m.ClientDisconnect(),
    m.ClientShutdownResponse: m.ClientShutdownResponse(True),
}


@pytest.mark.parametrize("kind", m.MESSAGES)
def test_both_views_are_total_and_stay_within_the_table(kind):
    message = EXAMPLES[kind]
    views = [view for view in (arrival(message), request(message)) if view is not None]
    assert len(views) <= 1
    for view in views:
        assert view.task_id == ID
        assert view.event in EVENTS[kind]
    if not views:
        assert EVENTS[kind] in ((), (ev.CLIENT_GONE,))


def test_requests():
    assert request(EXAMPLES[m.Task]) == (ID, ev.TASK)
    assert request(m.TaskCancel(ID, True)) == (ID, ev.CANCEL_FORCED)
    assert request(m.TaskCancel(ID, False)) == (ID, ev.CANCEL_GENTLE)


def test_what_is_made_for_an_effect_is_of_the_carrier_and_comes_back_as_the_event():
    made = {
        fx.SEND_CANCEL: (task_cancel(ID), ev.CANCEL_FORCED),
        fx.CONFIRM_CANCELED_EFFECT: (None, ev.CONFIRM_CANCELED),
        fx.CONFIRM_FAILED_EFFECT: (None, ev.CONFIRM_FAILED),
        fx.CONFIRM_NOT_FOUND_EFFECT: (None, ev.CONFIRM_NOT_FOUND),
        fx.SEND_RESULT: (
            task_result(ID, OBJECT, failed=False, profile=Profile()),
            ev.RESULT_SUCCESS,
        ),
        fx.SEND_WORKER_DIED: (worker_died(ID), ev.RESULT_WORKER_DIED),
    }
    for effect, (message, event) in made.items():
        message = message or cancel_confirm(ID, effect)
        assert type(message) is CARRIERS[effect]
        assert (arrival(message) or request(message)).event == event


def test_a_failed_task_leaves_its_exception():
    message = task_result(ID, OBJECT, failed=True, profile=Profile())
    assert arrival(message)[:3] == (ID, ev.RESULT_FAILED, OBJECT)


def test_only_confirms_confirm():
    with pytest.raises(KeyError):
        cancel_confirm(ID, fx.RUN)
