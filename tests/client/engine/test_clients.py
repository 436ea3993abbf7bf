"""Who was heard of, and who has left."""

import pytest

from futurefsm.client.deadlines import Alarm
from futurefsm.client.engine import clients
from futurefsm.client.engine.clients import Clients


def test_the_first_to_be_silent_is_the_one_heard_first() -> None:
    book = Clients(10.0, Alarm())
    assert book.deadline() is None
    assert book.silent(0.0) is None
    book.heard(b"a", 0.0)
    book.heard(b"b", 1.0)
    assert book.again(b"a", 2.0) is book[b"a"]
    assert book.again(b"nobody", 2.0) is None
    assert book.deadline() == 11.0
    assert book.silent(10.9) is None
    assert book.silent(11.0).identity == b"b"  # type: ignore[union-attr]
    assert list(book) == [b"a"]


def test_one_that_left_is_not_there_by_what_comes_late() -> None:
    book = Clients(10.0, Alarm())
    book.heard(b"a", 0.0)
    assert book.departs(b"a") is None
    assert book.heard(b"a", 0.0, begins=False).identity == b"a"
    assert b"a" not in book
    assert not book.returned(b"a")
    book.heard(b"a", 0.0)
    assert book.returned(b"a")
    assert not book.returned(b"a")
    assert book.heard(b"never left", 0.0, begins=False) is book[b"never left"]


def test_only_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "DEPARTED_MAX", 1)
    book = Clients(10.0, Alarm())
    assert book.departs(b"a") is None
    assert book.departs(b"b") == b"a"


def test_its_alarm_rings_for_each_who_is_new() -> None:
    alarm = Alarm()
    book = Clients(10.0, alarm)
    book.heard(b"a", 1.0)
    assert alarm.at == book.deadline() == 11.0
    book.again(b"a", 2.0)
    # Too early is not too late.
    assert alarm.at == 11.0
