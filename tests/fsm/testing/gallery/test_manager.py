"""The manager of the gallery's futures."""

import threading
from typing import Any

import pytest

from futurefsm.fsm.testing.gallery.manager import Manager
from futurefsm.fsm.testing.gallery.reference import ClientFuture


class Silent:
    """A wire to a scheduler that answers what it is told to, and nothing else."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def send(self, message: str, task: str) -> None:
        self.sent.append((message, task))

    def fetch(self, key: str) -> Any:
        return key

    def delete(self, key: str) -> None:
        raise AssertionError("nothing is deleted here")


def test_disconnect_settles_everything_and_leaves_what_is_finished() -> None:
    wire = Silent()
    manager = Manager(wire)
    pending, running, finished = manager.create(), manager.submit(), manager.submit()
    manager.deliver("result_worker_died", finished.task)
    manager.disconnect(0)
    assert [each.state for each in (pending, running, finished)] == [
        "cancelled",
        "cancelled",
        "finished",
    ]
    assert [each.cancel_outcome for each in (pending, running)] == ["never_sent", "disconnected"]
    assert wire.sent.count(("TaskCancel", running.task)) == 1
    with pytest.raises(RuntimeError, match="closed"):
        manager.submit()
    manager.disconnect(0)


def test_disconnect_waits_for_answers_under_one_deadline() -> None:
    wire = Silent()
    manager = Manager(wire)
    futures = [manager.submit() for _ in range(3)]
    asked = threading.Event()

    class Answering(Silent):
        def send(self, message: str, task: str) -> None:
            if task == futures[-1].task:
                asked.set()

    futures[-1]._wire = Answering()

    def answer() -> None:
        asked.wait()
        for each in futures:
            manager.deliver("confirm_canceled", each.task)

    agent = threading.Thread(target=answer)
    agent.start()
    manager.disconnect(None)
    agent.join()
    assert [each.cancel_outcome for each in futures] == ["confirmed"] * 3


def test_messages_find_their_future(caplog: pytest.LogCaptureFixture) -> None:
    manager = Manager(Silent())
    pending = manager.create()
    manager.deliver("disconnect", pending.task)
    assert pending.state == "cancelled"
    manager.deliver("confirm_canceled", "nobody")
    manager.deliver("nonsense", pending.task)
    assert "unknown message nonsense" in caplog.text
    assert manager.peek(pending.task) is pending
    assert manager.peek("nobody") is None


def test_the_class_of_the_futures_can_be_another() -> None:
    class Mine(ClientFuture):
        pass

    assert type(Manager(Silent(), Mine).submit()) is Mine
