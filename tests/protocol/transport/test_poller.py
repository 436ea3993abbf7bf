import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest
import zmq

from futurefsm.protocol.transport.poller import Poller, Ready, Waker


@pytest.fixture
def waker():
    waker = Waker()
    yield waker
    waker.close()


@pytest.fixture(params=[False, True], ids=["few", "many"])
def poller(request):
    return Poller(many=request.param)


def test_descriptors_and_zmq_sockets_alike(poller):
    left, right = socket.socketpair()
    with zmq.Context() as context, context.socket(zmq.PAIR) as one, context.socket(zmq.PAIR) as two:
        one.bind("inproc://x")
        two.connect("inproc://x")
        poller.register(left.fileno())
        poller.register(two)
        assert poller.poll(0) == []
        right.send(b"x")
        one.send(b"y")
        assert set(poller.poll(60)) == {Ready(left.fileno(), True, False), Ready(two, True, False)}
        # A level: it is reported until it was read.
        assert len(poller.poll(60)) == 2
        assert two.recv() == b"y"
        assert poller.poll(60) == [Ready(left.fileno(), True, False)]
        poller.unregister(two)
    left.close()
    right.close()


def test_writing_is_watched_on_demand(poller):
    left, right = socket.socketpair()
    poller.register(left.fileno(), write=True)
    assert poller.poll(60) == [Ready(left.fileno(), False, True)]
    poller.register(left.fileno())
    assert poller.poll(0) == []
    poller.register(left.fileno(), read=False, write=True)
    right.send(b"x")
    assert poller.poll(60) == [Ready(left.fileno(), False, True)]
    left.close()
    right.close()


def test_an_end_is_readable(poller):
    left, right = socket.socketpair()
    right.close()
    poller.register(left.fileno())
    assert poller.poll(60) == [Ready(left.fileno(), True, False)]
    left.close()


def test_unregistered_is_not_watched(poller):
    read, write = os.pipe()
    os.write(write, b"x")
    poller.register(read)
    poller.unregister(read)
    poller.unregister(read)
    assert poller.poll(0) == []
    os.close(read)
    os.close(write)


def test_a_wait_is_never_shorter_than_asked_for(poller, waker):
    poller.register(waker.poll_item)
    for timeout in (0.0, 0.0001, 0.0105, -1.0):
        started = time.monotonic()
        assert poller.poll(timeout) == []
        assert time.monotonic() - started >= timeout


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("timeout", [1e300, float("inf"), 2**31 / 1000])
def test_no_wait_is_too_long(many, timeout, waker):
    poller = Poller(many=many)
    poller.register(waker.poll_item)
    waker.wake()
    assert poller.poll(timeout) == [Ready(waker.poll_item, True, False)]


def test_a_wake_ends_a_wait_without_bound(poller, waker):
    poller.register(waker.poll_item)
    thread = threading.Thread(target=waker.wake)
    thread.start()
    assert poller.poll(None) == [Ready(waker.poll_item, True, False)]
    thread.join()
    waker.drain()
    assert poller.poll(0) == []


def test_a_pending_wake_makes_no_system_call(waker, monkeypatch):
    written = []
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: written.append(fd) or write(fd, data))
    for _ in range(1000):
        waker.wake()
    assert len(written) == 1
    waker.drain()
    waker.wake()
    assert len(written) == 2


def test_it_says_whether_it_was_woken(waker):
    assert not waker.pending
    waker.wake()
    assert waker.pending
    waker.drain()
    assert not waker.pending


def test_drained_without_a_wake(waker):
    waker.drain()
    waker.wake()
    assert os.read(waker.poll_item, 10) == b"w"


def test_a_wake_in_the_middle_of_a_drain_does_not_silence_the_next(waker, monkeypatch):
    read = os.read

    def read_and_meanwhile(fd, size):
        waker.wake()  # another thread, just before
        return read(fd, size)

    waker.wake()
    with monkeypatch.context() as patch:
        patch.setattr(os, "read", read_and_meanwhile)
        waker.drain()
    waker.wake()
    assert os.read(waker.poll_item, 10) == b"w"


def test_an_interrupted_wake_does_not_silence_the_next(waker, monkeypatch):
    def interrupted(fd, data):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            waker.wake()
    waker.wake()
    assert os.read(waker.poll_item, 10) == b"w"


def test_a_full_pipe_wakes_as_well(waker):
    with suppress(BlockingIOError):
        while True:
            os.write(waker.write_fd, bytes(65536))
    waker.wake()
    waker.drain()
    waker.wake()


def test_signals_can_wake(poller, waker):
    poller.register(waker.poll_item)
    old_fd = signal.set_wakeup_fd(waker.write_fd, warn_on_full_buffer=False)
    old = signal.signal(signal.SIGUSR1, lambda number, frame: None)
    try:
        os.kill(os.getpid(), signal.SIGUSR1)
        assert poller.poll(60)
    finally:
        signal.signal(signal.SIGUSR1, old)
        signal.set_wakeup_fd(old_fd)


def test_after_the_close_nothing_happens():
    waker = Waker()
    read = waker.poll_item
    waker.close()
    waker.close()
    with pytest.raises(OSError):
        os.fstat(read)
    waker.wake()
    waker.drain()
    assert waker.poll_item == -1


def test_no_wake_is_lost(poller, waker):
    """The protocol of drain-then-look, against four threads."""
    poller.register(waker.poll_item)
    inbox, each = [], 5000

    def work():
        for _ in range(each):
            inbox.append(1)
            waker.wake()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    seen = 0
    while seen < 4 * each:
        assert poller.poll(60), f"slept over {4 * each - seen} of them"
        waker.drain()
        seen = len(inbox)
    for thread in threads:
        thread.join()


def test_zeromq_watches_only_while_it_has_a_socket(poller):
    left, right = socket.socketpair()
    right.send(b"x")
    with zmq.Context() as context, context.socket(zmq.PAIR) as one:
        one.bind("inproc://x")
        poller.register(one)
        poller.register(left.fileno(), read=False)
        assert poller.poll(0) == []
        poller.unregister(left.fileno())
        poller.register(left.fileno())
        poller.register(right.fileno())
        assert poller.poll(60) == [Ready(left.fileno(), True, False)]
        poller.unregister(right.fileno())
        assert poller.poll(60) == [Ready(left.fileno(), True, False)]
        poller.unregister(one)
    assert poller.poll(60) == [Ready(left.fileno(), True, False)]
    assert poller.poll(1e9) == [Ready(left.fileno(), True, False)]
    left.close()
    right.close()


def test_zeromq_is_imported_where_it_is_needed():
    code = (
        "import sys, futurefsm.protocol.transport.poller as p; w = p.Waker(); q = p.Poller();"
        "q.register(w.poll_item); w.wake(); assert q.poll(60); assert 'zmq' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
