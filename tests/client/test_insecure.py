import warnings

import pytest

from futurefsm.client import insecure
from futurefsm.client.client import Client
from futurefsm.client.insecure import (
    InsecureConnectionWarning,
    is_exposed,
    warn_of_scheduler,
    warn_of_storage,
)
from futurefsm.fsm.errors import ConnectionLostError
from futurefsm.protocol.messages import StorageAddress
from futurefsm.protocol.transport.address import parse_address
from tests.client.scripted import PATIENCE_S, ScriptedScheduler


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(insecure, "_warned", set())


@pytest.mark.parametrize(
    ("address", "exposed"),
    [
        ("tcp://127.0.0.1:1", False),
        ("tcp://127.8.9.10:1", False),
        ("tcp://[::1]:1", False),
        ("tcp://[::ffff:127.0.0.1]:1", False),
        ("tcp://localhost:1", False),
        ("ws://LocalHost.:1", False),
        ("ws://a.localhost:1", False),
        ("tcp://0.0.0.0:1", False),
        ("ipc:///socket", False),
        ("tls://192.0.2.1:1", False),
        ("wss://example.org:1", False),
        ("tcp://192.0.2.1:1", True),
        ("tcp://10.0.0.1:1", True),
        ("ws://[fe80::1%eth0]:1", True),
        ("tcp://[::ffff:192.0.2.1]:1", True),
        ("ws://example.org:1/path", True),
        ("tcp://localhost.example.org:1", True),
    ],
)
def test_what_is_exposed(address, exposed):
    assert is_exposed(parse_address(address)) is exposed


def test_a_warning_names_the_danger_and_the_way_out():
    with pytest.warns(InsecureConnectionWarning) as caught:
        warn_of_scheduler(parse_address("tcp://192.0.2.1:2345"))
    (warning,) = caught
    text = str(warning.message)
    assert "the scheduler at tcp://192.0.2.1:2345 is not encrypted" in text
    assert "can run any code" in text
    assert "tls://" in text
    assert "category=futurefsm.InsecureConnectionWarning" in text
    # The first frame that is not the library's.
    assert warning.filename == __file__


def test_once_for_each_address():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            warn_of_scheduler(parse_address("tcp://192.0.2.1:1"))
            warn_of_scheduler(parse_address("tcp://192.0.2.2:1"))
            warn_of_scheduler(parse_address("tcp://127.0.0.1:1"))
            warn_of_scheduler(parse_address("tls://192.0.2.3:1"))
    assert len(caught) == 2


@pytest.mark.parametrize(
    ("scheduler", "storage", "warned"),
    [
        ("tls://192.0.2.1:1", "tcp://192.0.2.1:2", True),
        ("wss://192.0.2.1:1", "ws://192.0.2.1:2", True),
        ("tcp://127.0.0.1:1", "tcp://192.0.2.1:2", True),
        ("tcp://192.0.2.1:1", "tcp://192.0.2.1:2", False),
        ("tls://192.0.2.1:1", "tls://192.0.2.1:2", False),
        ("tls://192.0.2.1:1", "tcp://127.0.0.1:2", False),
        (None, "tcp://192.0.2.1:2", False),
    ],
)
def test_the_store_that_a_scheduler_names(scheduler, storage, warned):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_storage(parse_address(storage), scheduler and parse_address(scheduler))
    assert [storage in str(each.message) for each in caught] == [True] * warned


def test_errors_may_be_made_of_it():
    with pytest.raises(InsecureConnectionWarning):
        warn_of_scheduler(parse_address("tcp://192.0.2.1:1"))


def test_a_client_of_another_machine_warns_before_it_dials():
    with pytest.raises(InsecureConnectionWarning, match=r"tcp://192\.0\.2\.1:2345 is not enc"):
        Client("tcp://192.0.2.1:2345")


def test_a_store_on_another_machine_is_warned_of_before_it_is_dialled():
    """Here where warnings are errors: then nothing is sent, and the client says why."""
    with ScriptedScheduler() as scheduler:
        scheduler._storage = StorageAddress("192.0.2.1", 2345, "tcp")
        with pytest.raises(ConnectionLostError, match=r"object store at tcp://192\.0\.2\.1:2345"):
            Client(scheduler.address, timeout=PATIENCE_S)


def test_a_store_on_another_machine_that_the_user_knows_of():
    with ScriptedScheduler() as scheduler:
        scheduler._storage = StorageAddress("192.0.2.1", 2345, "tcp")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with pytest.raises(ConnectionLostError):  # nobody is there
                Client(scheduler.address, timeout=1)
    assert [each.category for each in caught] == [InsecureConnectionWarning]
