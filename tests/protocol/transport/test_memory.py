import threading

import pytest

from futurefsm.protocol.errors import TransportClosedError
from futurefsm.protocol.transport.memory import MemoryPair, MemoryTransport
from futurefsm.protocol.transport.poller import Poller


def test_both_ways_in_order():
    pair = MemoryPair()
    for number in range(3):
        pair.client.send(b"%d" % number)
    pair.server.send(b"back")
    assert [pair.server.receive() for _ in range(4)] == [b"0", b"1", b"2", None]
    assert [pair.client.receive() for _ in range(2)] == [b"back", None]


def test_what_was_sent_before_the_close_arrives():
    pair = MemoryPair()
    pair.client.send(b"last")
    pair.client.close()
    pair.client.close()
    assert pair.server.receive() == b"last"
    for act in (pair.server.receive, lambda: pair.server.send(b"x")):
        with pytest.raises(TransportClosedError):
            act()
    for act in (pair.client.receive, lambda: pair.client.send(b"x")):
        with pytest.raises(TransportClosedError):
            act()


def test_an_end_without_another():
    alone = MemoryTransport()
    with pytest.raises(TransportClosedError):
        alone.send(b"x")
    with pytest.raises(TransportClosedError):
        alone.receive()
    alone.close()


def test_arrivals_wake_a_poller():
    pair, poller = MemoryPair(), Poller()
    pair.client.send(b"before it was asked for")
    poller.register(pair.server.poll_item)
    assert poller.poll(60)
    assert pair.server.receive() == b"before it was asked for"
    assert pair.server.receive() is None
    assert poller.poll(0) == []
    pair.client.send(b"after")
    assert poller.poll(60)
    assert pair.server.receive() == b"after"
    pair.server.receive()
    pair.client.close()
    assert poller.poll(60)  # to learn of the end
    poller.unregister(pair.server.poll_item)
    pair.close()
    pair.close()


def test_two_threads_lose_nothing():
    pair, poller, count = MemoryPair(), Poller(), 20_000
    poller.register(pair.server.poll_item)

    def work():
        for number in range(count):
            pair.client.send(b"%d" % number)

    thread = threading.Thread(target=work)
    thread.start()
    came = []
    while len(came) < count:
        assert poller.poll(60), f"woken no more after {len(came)}"
        while (message := pair.server.receive()) is not None:
            came.append(int(message))
    thread.join()
    assert came == list(range(count))
    pair.close()


def test_a_message_that_comes_during_the_drain_is_not_missed():
    pair = MemoryPair()

    class Late:
        """A waker that is drained just when a message comes."""

        def drain(self):
            pair.client.send(b"just now")

        def wake(self): ...

        def close(self): ...

    pair.server._waker = Late()
    assert pair.server.receive() == b"just now"
