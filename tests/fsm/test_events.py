"""Events: names with facts."""

import pickle

import pytest

from futurefsm.fsm import events as ev
from futurefsm.fsm.events import Event
from futurefsm.fsm.lifecycles import CONFIRMED, SCHEDULER, STRICT, VALUE


def test_an_event_is_its_name() -> None:
    assert ev.CANCEL == "cancel"
    assert {"cancel": 1}[ev.CANCEL] == 1
    assert repr(ev.CANCEL) == "<Event cancel>"


def test_copies_keep_the_facts() -> None:
    other = pickle.loads(pickle.dumps(ev.CANCEL))
    assert type(other) is Event
    assert (other.by_user, other.comes_from) == (True, ev.CANCEL.comes_from)


def test_bad_names() -> None:
    with pytest.raises(ValueError, match="identifier, not ''"):
        Event("")


def test_only_its_user_cancels() -> None:
    assert [event for event in ev.FUTURE_EVENTS if event.by_user] == ["cancel"]


def test_the_alphabets_are_those_of_the_tables() -> None:
    assert set(CONFIRMED.events) == set(STRICT.events) == set(ev.FUTURE_EVENTS)
    assert set(VALUE.events) == set(ev.VALUE_EVENTS)
    assert set(SCHEDULER.events) == set(ev.TASK_EVENTS)
