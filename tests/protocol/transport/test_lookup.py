"""Names to addresses, without waiting for the resolver."""

import socket
import threading

import pytest

from futurefsm.protocol.transport.address import parse_address
from futurefsm.protocol.transport.lookup import Lookup, Target, is_literal
from futurefsm.protocol.transport.poller import Poller

PATIENCE_S = 60.0


@pytest.mark.parametrize(
    ("host", "literal"), [("127.0.0.1", True), ("::1", True), ("fe80::1%lo", True), ("a.b", False)]
)
def test_literals(host: str, literal: bool) -> None:
    assert is_literal(host) is literal


def test_what_needs_no_resolver_is_there_at_once() -> None:
    lookup = Lookup(parse_address("tcp://127.0.0.1:80"))
    assert lookup.take() == [Target(socket.AF_INET, ("127.0.0.1", 80))]
    assert lookup.poll_item == -1
    lookup.close()
    lookup = Lookup(parse_address("ipc:///a/socket"))
    assert lookup.take() == [Target(socket.AF_UNIX, "/a/socket")]


def test_a_name_takes_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()
    found = (socket.AF_INET, 1, 6, "", ("10.0.0.1", 80))

    def slow(*args: object, **options: object) -> object:
        assert go.wait(PATIENCE_S)
        return [found, found]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    lookup = Lookup(parse_address("tcp://cluster.example:80"))
    poller = Poller()
    poller.register(lookup.poll_item)
    assert lookup.take() is None
    assert poller.poll(0) == []
    go.set()
    assert poller.poll(PATIENCE_S)
    assert lookup.take() == [Target(socket.AF_INET, ("10.0.0.1", 80))]
    assert lookup.error is None
    lookup.close()
    lookup.close()


def test_an_answer_that_comes_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()

    def slow(*args: object, **options: object) -> object:
        go.wait(PATIENCE_S)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    before = set(threading.enumerate())
    lookup = Lookup(parse_address("tcp://cluster.example:80"))
    (thread,) = set(threading.enumerate()) - before
    lookup.close()
    go.set()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert lookup.take() == []


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "service not known"),
        (UnicodeError("label too long"), "label too long"),
    ],
)
def test_a_name_that_is_none(monkeypatch: pytest.MonkeyPatch, error: Exception, said: str) -> None:
    def fails(*args: object, **options: object) -> object:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    lookup = Lookup(parse_address("tcp://no.such.host:80"))
    poller = Poller()
    poller.register(lookup.poll_item)
    assert poller.poll(PATIENCE_S)
    assert lookup.take() == []
    assert lookup.error is not None
    assert lookup.error.startswith("the host name 'no.such.host' cannot be resolved: ")
    assert said in lookup.error
    lookup.close()
