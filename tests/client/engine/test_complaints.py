"""Complaints: counted by kind, logged by powers of ten, bounded."""

import logging

import pytest

from futurefsm.client.engine.complaints import KINDS, Complaints


def test_the_first_the_tenth_the_hundredth_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    complain = Complaints()
    with caplog.at_level(logging.WARNING, "futurefsm.engine"):
        for _ in range(120):
            complain(b"Client|a", "garbage")
    assert [record.getMessage() for record in caplog.records] == [
        f"garbage (client b'Client|a'), {number} so far" for number in (1, 10, 100)
    ]
    assert complain.counts == {"garbage": 120}


def test_an_exception_is_shown_where_that_is_asked(caplog: pytest.LogCaptureFixture) -> None:
    complain = Complaints()
    with caplog.at_level(logging.WARNING, "futurefsm.engine"):
        try:
            raise KeyError("inside")
        except KeyError:
            complain(b"", "a fault in the engine", trace=True)
    assert "KeyError: 'inside'" in caplog.text
    assert "(client" not in caplog.text


def test_however_many_kinds_there_are_few_are_kept() -> None:
    complain = Complaints()
    for number in range(KINDS + 100):
        complain(b"", f"kind {number}")
    assert len(complain.counts) == KINDS + 1
    assert complain.counts["something else"] == 100
